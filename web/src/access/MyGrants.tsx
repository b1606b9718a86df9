// What one may see now: for what, which cameras, how far, until when, masked or not, and who agreed to it.

import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconEye, IconEyeOff } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import { hub, type Camera, type Grant } from "../api";
import { useAsked } from "../approvals/RequestNews";
import { useMine } from "../approvals/approvals";
import { purposeOf } from "../frame/GrantChip";
import { Time } from "../frame/Time";
import { ACTION, usePurposes } from "../purposes/purposes";
import { useGrant } from "../session";
import { askAddress, askLike } from "./ask";
import { camerasWords } from "./words";
import { mayUnmask, RenewDialog } from "./RenewDialog";
import styles from "./Access.module.css";

export function MyGrants({ cameras }: { cameras: Camera[] }) {
  const { grant: chosen, grants, again, choose } = useGrant();
  const asked = useAsked();
  const purposes = usePurposes().data?.purposes ?? [];
  const requests = useMine(asked).data?.requests ?? [];
  const [renewing, setRenewing] = useState<Grant | null>(null);
  const stop = async (grant: Grant) => {
    try {
      await hub.endGrant(grant.id);
    } catch (error) {
      notifications.show({ title: "It could not be ended", message: error instanceof Error ? error.message : "", color: "red" });
    }
    again();
  };
  if (grants.length === 0) return <p className="quiet">Nothing. Pictures stay shut until you start a shift or ask for access for a case.</p>;
  return (
    <ul className={styles.cards} data-testid="my-grants">
      {grants.map((grant) => {
        const agreed = requests.find((each) => each.grant === grant.id);
        return (
          <li key={grant.id} className={`panel ${styles.card}`}>
            <div className={styles.cardHead}>
              <h3>
                {purposeOf(grant)}
                {grant.case ? `, ${grant.case}` : ""}
              </h3>
              <span className={styles.mask} data-masked={grant.masked}>
                {grant.masked ? <IconEyeOff size={16} aria-hidden /> : <IconEye size={16} aria-hidden />}
                {grant.masked ? "Masked" : "Not masked"}
              </span>
            </div>
            <dl className={styles.facts}>
              <div>
                <dt>Until</dt>
                <dd>
                  <Time us={grant.expires_us} day />
                </dd>
              </div>
              <div>
                <dt>Cameras</dt>
                <dd>{camerasWords(grant.cameras, cameras)}</dd>
              </div>
              <div>
                <dt>Allows</dt>
                <dd>{grant.actions.map((each) => (ACTION[each] ?? each).toLowerCase()).join(", ")}</dd>
              </div>
              <div>
                <dt>Footage from</dt>
                <dd>
                  <Time us={grant.from_us} day /> to <Time us={grant.to_us} day />
                </dd>
              </div>
              <div>
                <dt>Agreed by</dt>
                <dd>{agreed?.decider || (grant.approver ? "a colleague" : "nobody had to")}</dd>
              </div>
              {agreed?.ask.reason ? (
                <div>
                  <dt>Your reason</dt>
                  <dd>{agreed.ask.reason}</dd>
                </div>
              ) : null}
            </dl>
            <div className={styles.row}>
              {grants.length > 1 && grant.id !== chosen?.id ? (
                <Button size="compact-sm" variant="default" onClick={() => choose(grant.id)}>
                  Look under this one
                </Button>
              ) : null}
              <Button size="compact-sm" variant="default" onClick={() => setRenewing(grant)}>
                More time
              </Button>
              {asked && mayUnmask(grant, purposes) ? (
                <Button size="compact-sm" variant="default" component={Link} to={askAddress(askLike(grant, { actions: [...grant.actions, "unmask"] }))}>
                  Ask to unmask
                </Button>
              ) : null}
              <Button size="compact-sm" variant="default" onClick={() => void stop(grant)}>
                Stop
              </Button>
            </div>
          </li>
        );
      })}
      <RenewDialog grant={renewing} close={() => setRenewing(null)} />
    </ul>
  );
}
