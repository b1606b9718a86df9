// One change that waits: who wants it, what becomes different, and the decision, bound to exactly this by a passkey.

import { Button, Textarea } from "@mantine/core";
import { IconFingerprint } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import cards from "../approvals/Approvals.module.css";
import { Trouble } from "../frame/Notice";
import { Time } from "../frame/Time";
import { Lines } from "./Lines";
import { proposals, type Confirmed, type Proposal } from "./proposals";
import styles from "./Proposals.module.css";

export function ProposalCard({ proposal, confirmed }: { proposal: Proposal; confirmed: (done: Confirmed) => void }) {
  const client = useQueryClient();
  const [words, setWords] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState<"" | "confirm" | "refuse">("");
  const [error, setError] = useState<Error | null>(null);
  const lacksWords = words.trim().length < 10;
  const decide = async (how: "confirm" | "refuse") => {
    setTried(how === "refuse");
    if (how === "refuse" && lacksWords) return;
    setBusy(how);
    setError(null);
    try {
      if (how === "confirm") confirmed(await proposals.confirm(proposal));
      else await proposals.refuse(proposal, words.trim());
    } catch (problem) {
      setError(problem as Error);
    } finally {
      setBusy("");
    }
    for (const key of ["requests", "people", "roles", "retention", "purposes", "cameras"]) void client.invalidateQueries({ queryKey: [key] });
  };
  return (
    <li className={`panel ${cards.card}`} data-testid="proposal" aria-label={proposal.title}>
      <div className={cards.head}>
        <h2>{proposal.title}</h2>
        <span className="quiet">
          lapses <Time us={proposal.lapses_us} day />
        </span>
      </div>
      <p>
        {proposal.mine ? "You" : proposal.user_name} <span className="quiet">{proposal.team ? `(${proposal.team})` : ""}</span>, <Time us={proposal.made_us} day />: “{proposal.reason}”
      </p>
      <Lines lines={proposal.lines} />
      {proposal.may_decide ? (
        <>
          <Textarea
            label="Your words"
            description="Needed to refuse. Stands in the log."
            autosize
            minRows={1}
            maxLength={2000}
            value={words}
            onChange={(event) => setWords(event.currentTarget.value)}
            error={tried && lacksWords ? "Say why, in ten letters or more" : undefined}
          />
          {error ? <Trouble error={error} testId="proposal-error" /> : null}
          <div className={styles.foot}>
            <Button leftSection={<IconFingerprint size={18} aria-hidden />} loading={busy === "confirm"} disabled={busy === "refuse"} onClick={() => void decide("confirm")} data-testid="confirm">
              Confirm
            </Button>
            <Button variant="default" loading={busy === "refuse"} disabled={busy === "confirm"} onClick={() => void decide("refuse")} data-testid="refuse-proposal">
              Refuse
            </Button>
          </div>
        </>
      ) : (
        <>
          <p className="quiet">{proposal.mine ? proposal.approvers_text : proposal.why_not}</p>
          {error ? <Trouble error={error} testId="proposal-error" /> : null}
        </>
      )}
    </li>
  );
}
