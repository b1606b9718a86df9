// One's own requests and what became of them; how accesses ended that one did not end.

import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "react-router";
import { hub, type Camera } from "../api";
import { approvals, given, STATE, useMine, type AccessRequest } from "../approvals/approvals";
import { Trouble } from "../frame/Notice";
import { Time } from "../frame/Time";
import { useGrant } from "../session";
import { askAddress, endedWords } from "./ask";
import { camerasWords } from "./words";
import styles from "./Access.module.css";

const SHOWN = 10;

export function MyRequests({ cameras }: { cameras: Camera[] }) {
  const client = useQueryClient();
  const mine = useMine();
  const { grants, choose } = useGrant();
  if (mine.error) return <Trouble error={mine.error} again={() => void mine.refetch()} />;
  const list = mine.data?.requests.slice(0, SHOWN) ?? [];
  if (list.length === 0) return mine.data ? <p className="quiet">You have asked nobody yet.</p> : null;
  const act = async (work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      notifications.show({ title: "It could not be done", message: error instanceof Error ? error.message : "", color: "red" });
    }
    for (const key of ["requests", "grants"]) void client.invalidateQueries({ queryKey: [key] });
  };
  return (
    <ul className={styles.list} data-testid="my-requests">
      {list.map((each) => (
        <li key={each.id} className="panel" data-state={each.state}>
          <div className={styles.cardHead}>
            <h3>
              {each.purpose_text}
              {each.ask.case ? `, ${each.ask.case}` : ""}
            </h3>
            <span className={styles.state} data-state={each.state}>
              {STATE[each.state]}
            </span>
          </div>
          <p>
            {camerasWords((each.given ?? each.ask).cameras, cameras)}, <Time us={(each.given ?? each.ask).from_us} day /> to{" "}
            <Time us={(each.given ?? each.ask).to_us} day />. “{each.ask.reason}”
          </p>
          <p className="quiet">
            {each.state === "waiting" ? (
              each.approvers_text
            ) : each.decider ? (
              <>
                {each.decider}, <Time us={each.decided_us} day />
                {each.words ? `: “${each.words}”` : ""}
              </>
            ) : (
              <Time us={each.decided_us} day />
            )}
          </p>
          <Acts request={each} live={grants.some((grant) => grant.id === each.grant)} use={choose} act={act} />
        </li>
      ))}
    </ul>
  );
}

interface ActsProps {
  request: AccessRequest;
  live: boolean;
  use: (grant: string) => void;
  act: (work: () => Promise<unknown>) => Promise<void>;
}

function Acts({ request, live, use, act }: ActsProps) {
  if (request.state === "waiting")
    return (
      <div className={styles.row}>
        <Button size="compact-sm" variant="default" onClick={() => void act(() => approvals.withdraw(request.id))}>
          Withdraw
        </Button>
      </div>
    );
  if (given(request) && !request.grant)
    return (
      <div className={styles.row}>
        <Button size="compact-sm" onClick={() => void act(() => approvals.take(request.id))}>
          Take it now
        </Button>
      </div>
    );
  return (
    <div className={styles.row}>
      {live ? (
        <Button size="compact-sm" variant="default" onClick={() => use(request.grant)}>
          Look under it
        </Button>
      ) : (
        <Button size="compact-sm" variant="default" component={Link} to={askAddress({ ...request.ask, renews: "" })}>
          Ask again
        </Button>
      )}
    </div>
  );
}

export function Endings({ cameras }: { cameras: Camera[] }) {
  const ended = useQuery({ queryKey: ["ended"], queryFn: hub.endedGrants, refetchOnMount: "always", retry: 1 });
  if (!ended.data || ended.data.length === 0) return null;
  return (
    <section aria-label="Ended early">
      <h2 className={styles.head}>Ended before its time, in the last seven days</h2>
      <ul className={styles.list} data-testid="my-endings">
        {ended.data.map((each) => (
          <li key={each.id} className="panel">
            <p>
              <strong>
                {each.purpose_text}
                {each.case ? `, ${each.case}` : ""}
              </strong>{" "}
              <span className="quiet">{camerasWords(each.cameras, cameras)}</span>
            </p>
            <p>
              <Time us={each.ended_us} day />. {endedWords(each)}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
