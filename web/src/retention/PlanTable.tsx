import { Time } from "../frame/Time";
import { bytes } from "../time";
import type { Plan } from "./interface";
import styles from "./Retention.module.css";

export const plural = (count: number, one: string): string => `${count.toLocaleString("en-GB")} ${one}${count === 1 ? "" : "s"}`;

/** What a night takes, first as a sentence, then camera by camera. */
export function PlanTable({ plan, name }: { plan: Plan; name: (id: string) => string }) {
  const cameras = plan.lines.filter((line) => line.segments > 0).length;
  const oldest = Math.min(...plan.lines.map((line) => line.oldest_us));
  const newest = Math.max(...plan.lines.map((line) => line.newest_us));
  return (
    <>
      <p className={styles.plan} data-testid="plan">
        {plan.segments === 0 ? (
          <>Nothing is due at <Time us={plan.at_us} day />.</>
        ) : (
          <>
            At <Time us={plan.at_us} day /> {plural(plan.segments, "segment")} of {plural(cameras, "camera")} go into quarantine for a day and are then
            destroyed: {bytes(plan.bytes)}, from <Time us={oldest} day /> to <Time us={newest} day />. To be expected were {bytes(plan.forecast_bytes)}.
          </>
        )}{" "}
        {plan.held_segments > 0 ? `Held back: ${plural(plan.held_segments, "segment")} that holds touch.` : "No hold keeps anything back."}
        {plan.exceeds && !plan.state ? " This is more than 110 % of the forecast: it would stop and ask." : ""}
      </p>
      {plan.lines.length > 0 ? (
        <div className="panel table-box">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Camera</th>
                <th scope="col">Class</th>
                <th scope="col" className="number">
                  Days
                </th>
                <th scope="col" className="number">
                  Segments
                </th>
                <th scope="col" className="number">
                  Size
                </th>
                <th scope="col">Oldest</th>
                <th scope="col">Newest</th>
                <th scope="col" className="number">
                  Held back
                </th>
              </tr>
            </thead>
            <tbody>
              {plan.lines.map((line) => (
                <tr key={line.camera}>
                  <td>{name(line.camera)}</td>
                  <td>{line.class_name || "none"}</td>
                  <td className="number">{line.days}</td>
                  <td className="number">{line.segments.toLocaleString("en-GB")}</td>
                  <td className="number">{bytes(line.bytes)}</td>
                  <td>
                    <Time us={line.oldest_us} day />
                  </td>
                  <td>
                    <Time us={line.newest_us} day />
                  </td>
                  <td className="number">{line.held_segments || ""}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </>
  );
}
