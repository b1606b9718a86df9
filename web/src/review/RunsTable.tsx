import { useMemo } from "react";
import { busiest, type Strips } from "./activity";
import { Time } from "../frame/Time";
import { span as sayspan } from "../time";
import { endOf } from "./lanes";
import type { LaneRow } from "./timeline";
import type { View } from "./timescale";
import { hubNowUs } from "../api";

const MOST = 400;
const BUSIEST = 6;

/** The timeline in words: every run and gap in the part of time that is seen, and when each camera was busiest. */
export function RunsTable({ rows, strips, view, go }: { rows: LaneRow[]; strips: Strips; view: View; go: (us: number) => void }) {
  const list = useMemo(() => {
    const end = view.from + view.span;
    const now = hubNowUs();
    return rows
      .flatMap((row) => [
        ...(row.lanes?.main.runs ?? []).map((run) => ({
          camera: row.name,
          what: run.imported ? "Imported" : run.growing ? "Recording now" : "Recorded",
          from: run.start_us,
          to: endOf(run, now),
          why: run.lost_packets ? `${run.lost_packets} packets lost on the way` : "",
        })),
        ...(row.lanes?.main.gaps ?? []).map((gap) => ({
          camera: row.name,
          what: "No footage",
          from: gap.start_us,
          to: gap.end_us,
          why: gap.text,
        })),
        ...(strips.has(row.id) ? busiest(strips.get(row.id)!, view.from, end, BUSIEST) : []).map((stretch) => ({
          camera: row.name,
          what: "Busy",
          from: stretch.from,
          to: stretch.to,
          why: stretch.looked
            ? "Keyframes compared."
            : strips.get(row.id)!.ordered
              ? "Packet sizes, which only order."
              : "Packet sizes, which say little with this camera's constant bitrate.",
        })),
      ])
      .filter((entry) => entry.to > view.from && entry.from < end)
      .sort((a, b) => a.from - b.from);
  }, [rows, strips, view]);
  return (
    <div className="table-box" data-testid="runs-table">
      <p className="quiet">
        <Time us={view.from} day /> to <Time us={view.from + view.span} day />, as the timeline shows it.
      </p>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Camera</th>
            <th scope="col">What</th>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">Length</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {list.slice(0, MOST).map((entry) => (
            <tr key={`${entry.camera} ${entry.what} ${entry.from}`}>
              <td>{entry.camera}</td>
              <td>{entry.what}</td>
              <td>
                <button type="button" className="link-button" onClick={() => go(entry.from)}>
                  <Time us={entry.from} day />
                </button>
              </td>
              <td>
                <Time us={entry.to} day />
              </td>
              <td>{sayspan(entry.to - entry.from)}</td>
              <td className="wide">{entry.why}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {list.length > MOST ? <p className="quiet">The first {MOST} of {list.length}. Zoom the timeline in to see fewer.</p> : null}
      {list.length === 0 ? <p className="quiet">Nothing is recorded in this part of time.</p> : null}
    </div>
  );
}
