import { clock, dayClock, exact } from "../time";

/** A time with seconds; the whole date, zone and UTC on hover and for screen readers that ask. */
export function Time({ us, day = false }: { us: number | null | undefined; day?: boolean }) {
  if (!us) return <span className="quiet">never</span>;
  return (
    <time dateTime={new Date(us / 1000).toISOString()} title={exact(us)} className="nowrap">
      {day ? dayClock(us) : clock(us)}
    </time>
  );
}
