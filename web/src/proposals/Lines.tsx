// What a proposal changes, each thing with its value before and after.

import { useState } from "react";
import type { Proposal } from "./proposals";
import styles from "./Proposals.module.css";

const SHOWN = 12;

export function Lines({ lines }: { lines: Proposal["lines"] }) {
  const [all, setAll] = useState(false);
  const shown = all ? lines : lines.slice(0, SHOWN);
  return (
    <>
      <dl className={styles.lines} data-testid="proposal-lines">
        {shown.map((each) => (
          <div key={each.what}>
            <dt>{each.what.replaceAll("_us", "").replaceAll("_", " ")}</dt>
            <dd>
              {each.after === "" ? (
                <span>{each.before || "nothing"}</span>
              ) : (
                <>
                  {each.before ? (
                    <span className={styles.before}>
                      <span className="visually-hidden">before: </span>
                      {each.before}
                    </span>
                  ) : null}
                  <span className={styles.after}>
                    <span className="visually-hidden">after: </span>
                    {each.after}
                  </span>
                </>
              )}
            </dd>
          </div>
        ))}
      </dl>
      {lines.length > shown.length ? (
        <button type="button" className="link-button" onClick={() => setAll(true)}>
          Show all {lines.length} changes
        </button>
      ) : null}
    </>
  );
}
