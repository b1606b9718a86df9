// From the form to the access: opened at once, or sent, waited for and taken.

import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { Link } from "react-router";
import type { Grant } from "../api";
import { given, newsId, STATE, useMine, type AccessRequest } from "../approvals/approvals";
import { Notice } from "../frame/Notice";
import { useGrant } from "../session";
import type { Draft } from "./ask";
import { AskForm } from "./AskForm";
import styles from "./Ask.module.css";

/** `open` is called once there is a grant; it is the chosen one by then. */
export function AskFlow({ start, open }: { start?: Partial<Draft>; open?: (grant: string) => void }) {
  const { choose, again } = useGrant();
  const [request, setRequest] = useState<AccessRequest | null>(null);
  const use = (grant: string) => {
    if (request) notifications.hide(newsId(request));
    choose(grant);
    again();
    open?.(grant);
  };
  if (request) return <Sent request={request} use={use} anew={() => setRequest(null)} />;
  return <AskForm start={start} done={(grant: Grant) => use(grant.id)} sent={setRequest} />;
}

function Sent({ request, use, anew }: { request: AccessRequest; use: (grant: string) => void; anew: () => void }) {
  const mine = useMine();
  const now = mine.data?.requests.find((each) => each.id === request.id) ?? request;
  return (
    <div className={styles.sent} data-testid="ask-sent">
      {now.state === "waiting" ? (
        <Notice title="Sent">
          {now.approvers_text} You need not wait here: wherever you are in Belvedere, you are told when it is decided.
        </Notice>
      ) : given(now) ? (
        <Notice title={STATE[now.state]}>
          By {now.decider}. {now.words ? `“${now.words}”` : ""}
        </Notice>
      ) : (
        <Notice tone="amber" title={STATE[now.state]}>
          {now.decider ? `By ${now.decider}. ` : ""}
          {now.words ? `“${now.words}”` : ""}
        </Notice>
      )}
      <div className={styles.row}>
        {given(now) && now.grant ? <Button onClick={() => use(now.grant)}>Open it</Button> : null}
        <Button variant="default" component={Link} to="/access">
          My access
        </Button>
        {now.state !== "waiting" && !given(now) ? (
          <Button variant="default" onClick={anew}>
            Ask again
          </Button>
        ) : null}
      </div>
    </div>
  );
}
