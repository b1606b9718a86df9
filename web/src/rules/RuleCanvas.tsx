// A line or a zone drawn over a camera's picture. A click adds a point; points are dragged or moved by arrow keys.

import { useRef, type KeyboardEvent, type PointerEvent } from "react";
import { corner, type Corner, type Polygon } from "../masks/polygon";
import masks from "../masks/Masks.module.css";
import styles from "./Rules.module.css";

interface Props {
  points: Polygon;
  kind: "line" | "zone";
  most: number;
  editable: boolean;
  change: (points: Polygon) => void;
  children: React.ReactNode;
}

const drawn = (points: Polygon) => points.map(([x, y]) => `${x * 1000},${y * 562.5}`).join(" ");

export function RuleCanvas({ points, kind, most, editable, change, children }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const drag = useRef<number | null>(null);
  const place = (event: { clientX: number; clientY: number }): Corner => {
    const frame = box.current!.getBoundingClientRect();
    return corner((event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height);
  };
  const put = (at: number, to: Corner) => change(points.map((point, index) => (index === at ? to : point)));
  const onKey = (event: KeyboardEvent, at: number) => {
    const step = event.shiftKey ? 0.05 : 0.005;
    const way: Record<string, Corner> = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const by = way[event.key];
    if (event.key === "Delete") change(points.filter((_, index) => index !== at));
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    put(at, corner(points[at]![0] + by[0], points[at]![1] + by[1]));
  };
  return (
    <div
      ref={box}
      className={`${masks.canvas} ${styles.canvas}`}
      data-testid="rule-canvas"
      onPointerMove={(event: PointerEvent) => {
        if (drag.current !== null) put(drag.current, place(event));
      }}
      onPointerUp={() => (drag.current = null)}
      onPointerLeave={() => (drag.current = null)}
      onClick={(event) => {
        if (!editable || points.length >= most || (event.target as Element).closest("[data-handle]")) return;
        change([...points, place(event)]);
      }}
    >
      {children}
      <svg viewBox="0 0 1000 562.5" preserveAspectRatio="none" className={`${masks.shapes} ${styles.shapes}`} aria-hidden>
        {kind === "zone" && points.length >= 3 ? <polygon points={drawn(points)} /> : <polyline points={drawn(points)} />}
      </svg>
      {points.map(([x, y], at) =>
        editable ? (
          <button
            key={at}
            type="button"
            data-handle
            data-testid={`point-${at}`}
            className={masks.handle}
            style={{ left: `${x * 100}%`, top: `${y * 100}%` }}
            aria-label={`Point ${at + 1}, ${Math.round(x * 100)} % across, ${Math.round(y * 100)} % down. Arrow keys move it, Delete takes it away.`}
            onKeyDown={(event) => onKey(event, at)}
            onPointerDown={(event) => {
              event.preventDefault();
              event.currentTarget.focus();
              drag.current = at;
            }}
          />
        ) : (
          <span key={at} className={masks.dot} style={{ left: `${x * 100}%`, top: `${y * 100}%` }} />
        ),
      )}
      {kind === "line" && points.length === 2 ? (
        <>
          <span className={masks.number} style={{ left: `${points[0]![0] * 100}%`, top: `${points[0]![1] * 100}%` }}>
            from
          </span>
          <span className={masks.number} style={{ left: `${points[1]![0] * 100}%`, top: `${points[1]![1] * 100}%` }}>
            to
          </span>
        </>
      ) : null}
    </div>
  );
}
