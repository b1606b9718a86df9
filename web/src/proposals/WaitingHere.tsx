// On the page that a change is about: what of it waits for a second person.

import { Anchor } from "@mantine/core";
import { Link } from "react-router";
import { Notice } from "../frame/Notice";
import { useWaitingProposals } from "./proposals";
import styles from "./Proposals.module.css";

/** `about`: only what names it in a line, such as a camera. */
export function WaitingHere({ acts, about }: { acts: readonly string[]; about?: string }) {
  const waiting = useWaitingProposals();
  const here = waiting.data?.proposals.filter((each) => acts.includes(each.act) && (!about || each.lines.some((line) => line.what.split(" ").includes(about)))) ?? [];
  if (here.length === 0) return null;
  return (
    <div className={styles.waits} data-testid="waiting-here">
      {here.map((each) => (
        <Notice key={each.id} tone="amber" title={`Waits for a second person: ${each.title}`}>
          {each.mine ? "You" : each.user_name}: “{each.reason}”.{" "}
          {each.may_decide ? (
            <Anchor component={Link} to="/approvals?tab=changes" inherit>
              Look at it and decide
            </Anchor>
          ) : (
            each.approvers_text
          )}
        </Notice>
      ))}
    </div>
  );
}
