// Break-glass to review: was it a threat to life? Somebody else of another team says so, within a day.

import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { camerasWords } from "../access/words";
import type { Camera } from "../api";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { WhyDialog, type Act } from "../retention/WhyDialog";
import { approvals, useGlasses, type Glass } from "./approvals";
import styles from "./Approvals.module.css";

export function GlassTab({ cameras }: { cameras: Camera[] }) {
  const client = useQueryClient();
  const list = useGlasses();
  const [act, setAct] = useState<Act | null>(null);
  const ask = (title: string, label: string, body: string, run: (words: string) => Promise<unknown>) =>
    setAct({
      title,
      label,
      body,
      run: async (words) => {
        await run(words);
        await client.invalidateQueries({ queryKey: ["glasses"] });
      },
    });
  const review = (glass: Glass, justified: boolean) =>
    ask(
      justified ? "It was justified" : "It was not justified",
      justified ? "Justified" : "Not justified",
      justified
        ? "Say what you went by."
        : `What still runs ends at once, and ${glass.user_name} can’t break the glass again until the data protection officer lifts that.`,
      (words) => approvals.review(glass.id, justified, words),
    );
  if (list.error) return <Trouble error={list.error} again={() => void list.refetch()} />;
  if (list.isPending) return <Waiting what="Asking the hub." why="It is slow to answer." />;
  if (list.data.cases.length === 0) return <Empty title="Nobody has broken the glass">When somebody does, it is here at once, to be reviewed within 24 hours.</Empty>;
  return (
    <>
      <ul className={styles.list} data-testid="glasses">
        {list.data.cases.map((each) => (
          <li key={each.id} className={`panel ${styles.card}`}>
            <div className={styles.head}>
              <h2>
                {each.user_name} <span className="quiet">{each.team}</span>
              </h2>
              <span className={styles.state} data-state={each.reviewed_us === null ? "waiting" : each.state === "unjustified" ? "refused" : "approved"}>
                {each.reviewed_us === null ? (each.overdue ? "Review is late" : "To review") : each.state === "unjustified" ? "Not justified" : "Justified"}
              </span>
            </div>
            <p>
              <strong>{each.code_text}</strong>, <Time us={each.broken_us} day />: {camerasWords(each.cameras, cameras)}, from <Time us={each.from_us} day />, until{" "}
              <Time us={each.ends_us} day />.
            </p>
            <p className={styles.reason}>“{each.words}”</p>
            {each.again ? <p>Why once more: “{each.again}”</p> : null}
            {each.reviewed_us === null ? (
              <p className="quiet">
                Due <Time us={each.due_us} day />. {each.may_review ? "" : each.why_not}
              </p>
            ) : (
              <p className="quiet">
                {each.reviewer}, <Time us={each.reviewed_us} day />: “{each.review}”{each.lifted ? ` Lifted: “${each.lifted}”` : ""}
              </p>
            )}
            <div className={styles.row}>
              {each.may_review ? (
                <>
                  <Button size="compact-sm" variant="default" onClick={() => review(each, true)}>
                    It was justified
                  </Button>
                  <Button size="compact-sm" variant="default" onClick={() => review(each, false)}>
                    It was not
                  </Button>
                </>
              ) : null}
              {each.may_lift ? (
                <Button
                  size="compact-sm"
                  variant="default"
                  onClick={() => ask("Let them break the glass again", "Lift it", `${each.user_name} can break the glass again from now on.`, (words) => approvals.lift(each.id, words))}
                >
                  Let them again
                </Button>
              ) : null}
            </div>
          </li>
        ))}
      </ul>
      <WhyDialog act={act} close={() => setAct(null)} />
    </>
  );
}
