// The part of the approvals desk about changes of the system itself: what waits, and what became of it.

import { Button } from "@mantine/core";
import { useState } from "react";
import cards from "../approvals/Approvals.module.css";
import { Empty, Notice, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { Codes } from "../people/ListDialog";
import { ProposalCard } from "./ProposalCard";
import { PROPOSAL_STATE, useDecidedProposals, useWaitingProposals, type Confirmed } from "./proposals";
import styles from "./Proposals.module.css";

export function ChangesTab() {
  const waiting = useWaitingProposals();
  const decided = useDecidedProposals();
  const [done, setDone] = useState<Confirmed | null>(null);
  const past = decided.data?.pages.flatMap((page) => page.proposals) ?? [];
  if (waiting.error) return <Trouble error={waiting.error} again={() => void waiting.refetch()} />;
  if (waiting.isPending) return <Waiting what="Asking what waits." why="The hub is slow to answer." />;
  return (
    <>
      {done ? (
        <div className={styles.waits} data-testid="confirmed">
          <Notice title={`Done: ${done.proposal.title}.`}>
            {done.codes.length ? "Hand each person their one-time code in person or by a way you trust. It is shown only now, works once, for three days." : "It has taken effect."}
          </Notice>
          {done.codes.length ? <Codes codes={done.codes} /> : null}
        </div>
      ) : null}
      {waiting.data.proposals.length === 0 ? (
        <Empty title="No change waits">Changes of roles, retention, holds, purposes, sound and partners that need a second person stand here for 72 hours.</Empty>
      ) : null}
      <ul className={styles.list} data-testid="proposals">
        {waiting.data.proposals.map((each) => (
          <ProposalCard key={each.id} proposal={each} confirmed={setDone} />
        ))}
      </ul>
      {past.length ? (
        <section aria-label="Decided" style={{ marginTop: 24 }}>
          <h2 className={cards.label}>What became of earlier ones</h2>
          <ul className={styles.list} data-testid="proposals-decided" style={{ marginTop: 8 }}>
            {past.map((each) => (
              <li key={each.id} className={`panel ${cards.card}`}>
                <div className={cards.head}>
                  <h2>{each.title}</h2>
                  <span className={cards.state}>{PROPOSAL_STATE[each.state]}</span>
                </div>
                <p className="quiet">
                  Proposed by {each.user_name}: “{each.reason}”
                </p>
                <p className="quiet">
                  {each.decider || "Nobody"}, <Time us={each.decided_us} day />
                  {each.words ? `: “${each.words}”` : ""}
                </p>
              </li>
            ))}
          </ul>
          {decided.hasNextPage ? (
            <Button mt={8} variant="default" size="compact-sm" loading={decided.isFetchingNextPage} onClick={() => void decided.fetchNextPage()}>
              Show older
            </Button>
          ) : null}
        </section>
      ) : null}
    </>
  );
}
