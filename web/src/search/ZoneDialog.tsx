// A zone on one camera's masked picture: click corners, move them with the mouse or arrow keys, or type them.

import { ActionIcon, Button, Modal, NumberInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { hubNowUs, type Camera } from "../api";
import { ReviewPlayer } from "../review/player";
import { newest } from "../review/lanes";
import { useLanes } from "../review/useLanes";
import { useGrant } from "../session";
import { HOUR, SECOND } from "../time";
import type { Corner } from "./search";
import styles from "./Search.module.css";

interface Props {
  camera: Camera;
  at: number | null;
  zone: Corner[];
  onDone: (zone: Corner[]) => void;
  onClose: () => void;
}

const inside = (share: number): number => Math.min(1, Math.max(0, Math.round(share * 1000) / 1000));
const FIRST: Corner[] = [
  [0.25, 0.4],
  [0.75, 0.4],
  [0.75, 0.9],
  [0.25, 0.9],
];

/** The camera's picture at a moment, as this access shows it. */
function Still({ camera, at }: { camera: string; at: number | null }) {
  const { grant } = useGrant();
  const box = useRef<HTMLDivElement>(null);
  const limits = useMemo(() => {
    const end = Math.min(grant!.to_us, hubNowUs());
    const wanted = at === null ? end : Math.min(at, end);
    return { from: Math.max(grant!.from_us, wanted - 12 * HOUR), to: Math.min(end, wanted + 12 * HOUR) };
  }, [grant, at]);
  const { lanes, error } = useLanes(grant!.id, useMemo(() => [camera], [camera]), limits);
  const lane = lanes?.get(camera);
  const runs = lane ? [...lane.sub.runs, ...lane.main.runs] : [];
  const held = at !== null && runs.some((run) => run.start_us <= at && at < run.end_us);
  const near = at === null ? null : runs.map((run) => run.start_us + SECOND).sort((one, other) => Math.abs(one - at) - Math.abs(other - at))[0];
  const latest = lanes ? newest(lanes, [camera], hubNowUs()) : null;
  const shown = held ? at : (near ?? (latest === null ? null : latest - 10 * SECOND));
  const moment = shown ?? 0;
  const first = useRef(lanes);
  first.current = lanes;
  useEffect(() => {
    if (!moment || !box.current || !first.current) return;
    const player = new ReviewPlayer(grant!.id, moment, limits);
    player.setLanes(first.current);
    const deck = player.open(camera, box.current);
    return () => {
      player.shut(deck);
      player.close();
    };
    // Once a moment is found it stays: newer lanes change nothing of an old picture.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [moment !== 0, camera, grant]);
  return (
    <>
      <div ref={box} className={styles.still} />
      {lanes && !moment ? <p className={styles.noStill}>Nothing is recorded to draw on: type the corners.</p> : null}
      {error ? <p className={styles.noStill}>{error.message} Type the corners.</p> : null}
    </>
  );
}

export function ZoneDialog({ camera, at, zone, onDone, onClose }: Props) {
  const [corners, setCorners] = useState<Corner[]>(zone);
  const box = useRef<HTMLDivElement>(null);
  const drag = useRef(-1);
  // Corners are shares of the picture, so that the box has to have its shape.
  const shape = [camera.sub, camera.main].find((stream) => stream && stream.width > 0 && stream.height > 0);
  const place = (event: { clientX: number; clientY: number }): Corner => {
    const frame = box.current!.getBoundingClientRect();
    return [inside((event.clientX - frame.left) / frame.width), inside((event.clientY - frame.top) / frame.height)];
  };
  const move = (index: number, to: Corner): void => setCorners((old) => old.map((each, number) => (number === index ? to : each)));
  const onPointerMove = (event: PointerEvent): void => {
    if (drag.current >= 0) move(drag.current, place(event));
  };
  const onKey = (event: KeyboardEvent, index: number): void => {
    const step = event.shiftKey ? 0.05 : 0.005;
    const way = ({ ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] } as Record<string, Corner>)[event.key];
    if (!way) return;
    event.preventDefault();
    const [x, y] = corners[index]!;
    move(index, [inside(x + way[0]), inside(y + way[1])]);
  };
  return (
    <Modal opened onClose={onClose} title={`Zone on ${camera.name}`} size={820} transitionProps={{ duration: 100 }}>
      <p className={`quiet ${styles.zoneLead}`}>Click the corners of the zone. What stood in it, with its feet or wheels, is found.</p>
      <div className={styles.zoneColumns}>
        <div
          ref={box}
          className={styles.canvas}
          style={shape ? { aspectRatio: `${shape.width} / ${shape.height}` } : undefined}
          data-testid="zone-canvas"
          onPointerMove={onPointerMove}
          onPointerUp={() => (drag.current = -1)}
          onPointerLeave={() => (drag.current = -1)}
          onClick={(event) => {
            if ((event.target as Element).closest("[data-handle]") || corners.length >= 64) return;
            setCorners([...corners, place(event)]);
          }}
        >
          <Still camera={camera.id} at={at} />
          <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" className={styles.shape} aria-hidden>
            <polygon points={corners.map(([x, y]) => `${x * 1000},${y * 1000}`).join(" ")} />
          </svg>
          {corners.map(([x, y], index) => (
            <button
              key={index}
              type="button"
              data-handle
              className={styles.handle}
              style={{ left: `${x * 100}%`, top: `${y * 100}%` }}
              aria-label={`Corner ${index + 1}, ${Math.round(x * 100)} % across, ${Math.round(y * 100)} % down. Arrow keys move it.`}
              onKeyDown={(event) => onKey(event, index)}
              onPointerDown={(event) => {
                event.preventDefault();
                event.currentTarget.focus();
                drag.current = index;
              }}
            />
          ))}
        </div>
        <div className={styles.corners}>
          <table className={styles.cornerTable}>
            <thead>
              <tr>
                <th>Corner</th>
                <th>Across %</th>
                <th>Down %</th>
                <th>
                  <span className="visually-hidden">Remove</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {corners.map((corner, index) => (
                <tr key={index}>
                  <td>{index + 1}</td>
                  {[0, 1].map((axis) => (
                    <td key={axis}>
                      <NumberInput
                        size="xs"
                        w={76}
                        min={0}
                        max={100}
                        decimalScale={1}
                        hideControls
                        value={Math.round(corner[axis as 0 | 1] * 1000) / 10}
                        aria-label={`Corner ${index + 1}, per cent ${axis ? "down" : "across"}`}
                        onChange={(value) => {
                          if (typeof value === "number") move(index, axis ? [corner[0], inside(value / 100)] : [inside(value / 100), corner[1]]);
                        }}
                      />
                    </td>
                  ))}
                  <td>
                    <ActionIcon variant="subtle" color="gray" size={24} aria-label={`Without corner ${index + 1}`} onClick={() => setCorners(corners.filter((_, number) => number !== index))}>
                      <IconTrash size={14} />
                    </ActionIcon>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          <div className={styles.zoneActs}>
            {corners.length === 0 ? (
              <Button size="compact-sm" variant="default" onClick={() => setCorners(FIRST)} data-testid="zone-box">
                Begin with a box
              </Button>
            ) : (
              <>
                <Button
                  size="compact-sm"
                  variant="default"
                  leftSection={<IconPlus size={14} />}
                  onClick={() => setCorners([...corners, [0.5, 0.5]])}
                  disabled={corners.length >= 64}
                >
                  Corner
                </Button>
                <Button size="compact-sm" variant="default" onClick={() => setCorners([])}>
                  Clear
                </Button>
              </>
            )}
          </div>
        </div>
      </div>
      <div className={styles.zoneFoot}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        {zone.length > 0 ? (
          <Button variant="default" onClick={() => onDone([])}>
            The whole picture
          </Button>
        ) : null}
        <Button onClick={() => onDone(corners)} disabled={corners.length < 3} data-testid="zone-use">
          Use this zone
        </Button>
      </div>
    </Modal>
  );
}
