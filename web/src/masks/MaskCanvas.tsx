// Polygons over a picture: points are dragged or moved by arrow keys; a click on the free picture adds a corner to a new mask.

import { useRef, type KeyboardEvent, type PointerEvent } from "react";
import { corner, moved, type Corner, type Polygon } from "./polygon";
import styles from "./Masks.module.css";

interface Props {
  polygons: Polygon[];
  draft: Polygon;
  chosen: number;
  editable: boolean;
  onChange: (polygons: Polygon[]) => void;
  onDraft: (draft: Polygon) => void;
  onChoose: (mask: number) => void;
  onFinish: () => void;
  children: React.ReactNode;
}

const points = (polygon: Polygon) => polygon.map(([x, y]) => `${x * 1000},${y * 562.5}`).join(" ");

export function MaskCanvas(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const drag = useRef<{ mask: number; at: number } | null>(null);

  const place = (event: { clientX: number; clientY: number }): Corner => {
    const frame = box.current!.getBoundingClientRect();
    return corner((event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height);
  };

  const onPointerMove = (event: PointerEvent) => {
    if (!drag.current) return;
    const [x, y] = place(event);
    props.onChange(moved(props.polygons, drag.current.mask, drag.current.at, x, y));
  };

  const onKey = (event: KeyboardEvent, mask: number, at: number) => {
    const step = event.shiftKey ? 0.05 : 0.005;
    const way: Record<string, Corner> = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const by = way[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const [x, y] = props.polygons[mask]![at]!;
    props.onChange(moved(props.polygons, mask, at, x + by[0], y + by[1]));
  };

  return (
    <div
      ref={box}
      className={styles.canvas}
      data-drawing={props.draft.length > 0 || undefined}
      data-testid="mask-canvas"
      onPointerMove={onPointerMove}
      onPointerUp={() => (drag.current = null)}
      onClick={(event) => {
        if (!props.editable || (event.target as Element).closest("[data-handle]")) return;
        props.onDraft([...props.draft, place(event)]);
      }}
      onDoubleClick={() => props.onFinish()}
    >
      {props.children}
      <svg viewBox="0 0 1000 562.5" preserveAspectRatio="none" className={styles.shapes} aria-hidden>
        {props.polygons.map((polygon, mask) => (
          <polygon key={mask} points={points(polygon)} data-chosen={mask === props.chosen || undefined} />
        ))}
        {props.draft.length > 0 ? <polyline points={points(props.draft)} /> : null}
      </svg>
      {props.polygons.map((polygon, mask) => (
        <span key={mask} className={styles.number} style={{ left: `${polygon[0]![0] * 100}%`, top: `${polygon[0]![1] * 100}%` }} aria-hidden>
          {mask + 1}
        </span>
      ))}
      {props.editable
        ? props.polygons.map((polygon, mask) =>
            polygon.map(([x, y], at) => (
              <button
                key={`${mask}-${at}`}
                type="button"
                data-handle
                data-testid={`handle-${mask}-${at}`}
                className={styles.handle}
                style={{ left: `${x * 100}%`, top: `${y * 100}%` }}
                aria-label={`Mask ${mask + 1}, corner ${at + 1}, ${Math.round(x * 100)} % across, ${Math.round(y * 100)} % down. Arrow keys move it.`}
                onFocus={() => props.onChoose(mask)}
                onKeyDown={(event) => onKey(event, mask, at)}
                onPointerDown={(event) => {
                  event.preventDefault();
                  event.currentTarget.focus();
                  drag.current = { mask, at };
                }}
              />
            )),
          )
        : null}
      {props.draft.map(([x, y], at) => (
        <span key={at} className={styles.dot} style={{ left: `${x * 100}%`, top: `${y * 100}%` }} />
      ))}
    </div>
  );
}
