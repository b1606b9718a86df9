// How many entries over time; the refused part is hatched, so that colour says nothing alone. A click on a bar narrows to
// its time; the fields for dates do the same without a mouse.

import { clock, dayClock, HOUR, DAY, shortDay } from "../time";
import type { Counts } from "./audit";
import styles from "./Audit.module.css";

const HEIGHT = 72;

export function Histogram({ counts, pick }: { counts: Counts; pick: (from_us: number, to_us: number) => void }) {
  const first = counts.buckets[0];
  const last = counts.buckets[counts.buckets.length - 1];
  if (!first || !last) return null;
  const width = counts.width_us;
  const slots = Math.round((last.start_us - first.start_us) / width) + 1;
  const most = Math.max(...counts.buckets.map((each) => each.count));
  const say = (us: number) => (width >= DAY ? shortDay(us) : width >= HOUR ? dayClock(us) : `${shortDay(us)} ${clock(us)}`);
  const refused = counts.buckets.reduce((sum, each) => sum + each.refused, 0);
  return (
    <figure className={styles.figure}>
      <div className={styles.bars} style={{ height: HEIGHT, gridTemplateColumns: `repeat(${slots}, minmax(1px, 1fr))` }} role="img" aria-label={`${counts.total} entries over time, ${refused} refused; most at once: ${most}`}>
        {counts.buckets.map((each) => (
          <span
            key={each.start_us}
            className={styles.bar}
            style={{ gridColumn: Math.round((each.start_us - first.start_us) / width) + 1 }}
            title={`${say(each.start_us)}: ${each.count.toLocaleString("en-GB")} entries${each.refused ? `, ${each.refused} refused` : ""}`}
            onClick={() => pick(each.start_us, each.start_us + width)}
          >
            <span className={styles.ok} style={{ height: `${Math.max(3, ((each.count - each.refused) / most) * 100)}%` }} />
            {each.refused ? <span className={styles.no} style={{ height: `${Math.max(4, (each.refused / most) * 100)}%` }} /> : null}
          </span>
        ))}
      </div>
      <figcaption className={styles.scale}>
        <span>{say(first.start_us)}</span>
        <span>
          {counts.total.toLocaleString("en-GB")} {counts.total === 1 ? "entry" : "entries"}
          {refused ? `, ${refused.toLocaleString("en-GB")} refused (hatched)` : ""}
        </span>
        <span>{say(last.start_us)}</span>
      </figcaption>
    </figure>
  );
}
