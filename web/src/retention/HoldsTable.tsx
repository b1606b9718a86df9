import { Button } from "@mantine/core";
import { Time } from "../frame/Time";
import { bytes } from "../time";
import type { Hold } from "./interface";
import styles from "./Retention.module.css";

export interface HoldActs {
  extend?: (hold: Hold) => void;
  end?: (hold: Hold) => void;
  restore?: (hold: Hold) => void;
}

interface Props {
  holds: Hold[];
  name: (id: string) => string;
  siteName: (id: string) => string;
  acts: HoldActs;
  label: string;
}

export function HoldsTable({ holds, name, siteName, acts, label }: Props) {
  return (
    <div className="panel table-box">
      <table className="table" aria-label={label} data-testid={label === "Holds" ? "holds" : "ended-holds"}>
        <thead>
          <tr>
            <th scope="col">Cameras</th>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">Why</th>
            <th scope="col">Owner</th>
            <th scope="col">{label === "Holds" ? "Ends" : "Ended"}</th>
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
              <td className="wide">
                {hold.cameras.length > 3 ? `${hold.cameras.length} cameras` : hold.cameras.map(name).join(", ")}
                {hold.sites
                  .filter((each) => !each.here)
                  .map((each) => (
                    <div key={each.site} className={styles.due}>
                      {siteName(each.site)} has not heard of it yet
                    </div>
                  ))}
              </td>
              <td>
                <Time us={hold.from_us} day />
              </td>
              <td>
                <Time us={hold.to_us} day />
              </td>
              <td className="wide">
                {hold.reason}
                {hold.reference ? <span className="quiet"> ({hold.reference})</span> : null}
                {hold.ended_us ? <div className="quiet">{hold.ended_why === "expired" ? "Not extended in time" : hold.ended_why}</div> : null}
              </td>
              <td>{hold.owner}</td>
              <td>
                <Time us={hold.ended_us ?? hold.expires_us} day /> {hold.review_due ? <span className={styles.due}>review now</span> : null}
              </td>
              <td className="number">
                {hold.bytes === null ? "" : bytes(hold.bytes)}
                {hold.quarantined ? <div className={styles.due}>{hold.quarantined} in quarantine</div> : null}
              </td>
              <td>
                <span className={styles.actions}>
                  {acts.restore && hold.quarantined ? (
                    <Button size="compact-xs" variant="default" onClick={() => acts.restore?.(hold)}>
                      Restore
                    </Button>
                  ) : null}
                  {acts.extend ? (
                    <Button size="compact-xs" variant="default" onClick={() => acts.extend?.(hold)}>
                      Extend
                    </Button>
                  ) : null}
                  {acts.end ? (
                    <Button size="compact-xs" variant="default" onClick={() => acts.end?.(hold)}>
                      End
                    </Button>
                  ) : null}
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
