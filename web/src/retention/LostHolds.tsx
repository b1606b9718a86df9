// Holds that sites go by and this hub does not know: it was restored from a backup of before they were placed.

import { Button } from "@mantine/core";
import { Notice } from "../frame/Notice";
import { Time } from "../frame/Time";
import { bytes } from "../time";
import type { LostHold } from "./interface";
import styles from "./Retention.module.css";

interface Props {
  holds: LostHold[];
  name: (id: string) => string;
  answer?: (hold: LostHold, answer: "end" | "adopt") => void;
}

export function LostHolds({ holds, name, answer }: Props) {
  if (holds.length === 0) return null;
  return (
    <section aria-label="Holds that this hub does not know" data-testid="lost-holds">
      <Notice tone="amber" title={`Sites go by ${holds.length === 1 ? "a hold" : `${holds.length} holds`} that this hub does not know`}>
        Placed after the backup from which this hub was restored. They stay in force, and no review ends them, until two people end or adopt them.
      </Notice>
      <div className={`panel table-box ${styles.lost}`}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Site</th>
              <th scope="col">Cameras</th>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col">Why</th>
              <th scope="col">Placed</th>
              <th scope="col" className="number">
                Kept
              </th>
              <th scope="col">
                <span className="visually-hidden">Acts</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {holds.map((hold) => (
              <tr key={hold.id}>
                <td>{hold.sites.join(", ")}</td>
                <td className="wide">{hold.cameras.length > 3 ? `${hold.cameras.length} cameras` : hold.cameras.map(name).join(", ")}</td>
                <td>
                  <Time us={hold.from_us} day />
                </td>
                <td>
                  <Time us={hold.to_us} day />
                </td>
                <td className="wide">
                  {hold.reason}
                  {hold.reference ? <span className="quiet"> ({hold.reference})</span> : null}
                </td>
                <td>
                  {hold.owner}, <Time us={hold.placed_us} day />
                </td>
                <td className="number">{bytes(hold.bytes)}</td>
                <td>
                  {answer ? (
                    <span className={styles.actions}>
                      <Button size="compact-xs" variant="default" onClick={() => answer(hold, "adopt")}>
                        Adopt
                      </Button>
                      <Button size="compact-xs" variant="default" onClick={() => answer(hold, "end")}>
                        End
                      </Button>
                    </span>
                  ) : null}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
