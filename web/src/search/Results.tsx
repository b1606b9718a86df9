// What was found: masked thumbnails, one card a moment; and the strip of counts over time.

import { Button } from "@mantine/core";
import { useMemo, useState } from "react";
import { Link } from "react-router";
import type { Camera } from "../api";
import { Time } from "../frame/Time";
import { clock, dayClock, shortDay } from "../time";
import { keyOf, moments, reviewAddress, reviewCameras, search, type Counts, type Found, type Moment } from "./search";
import styles from "./Search.module.css";

interface CardProps {
  grant: string;
  moment: Moment;
  names: Map<string, Camera>;
  cameras: Camera[];
  marked: boolean;
  onMark: (camera: string) => void;
}

function Thumbnail({ grant, event, name }: { grant: string; event: Found; name: string }) {
  const [gone, setGone] = useState(false);
  if (gone) return <span className={styles.noPicture}>No picture: it can't be made, or masked, just now.</span>;
  return (
    <img
      className={styles.picture}
      src={search.thumbnail(grant, event)}
      alt={`${event.kind_text}, ${name}, ${dayClock(event.best_us)}`}
      loading="lazy"
      decoding="async"
      onError={() => setGone(true)}
      data-testid="thumbnail"
    />
  );
}

function Card({ grant, moment, names, cameras, marked, onMark }: CardProps) {
  const { first, others } = moment;
  const name = names.get(first.camera)?.name ?? first.camera;
  const elsewhere = [...new Set(others.filter((each) => each.camera !== first.camera).map((each) => each.camera))];
  const again = others.filter((each) => each.camera === first.camera).length;
  const to = reviewAddress(moment, reviewCameras(moment, cameras));
  return (
    <li className={`panel ${styles.card}`} data-marked={marked || undefined} data-testid="result" data-camera={first.camera} data-kind={first.kind}>
      <Link to={to} className={styles.cardLink} onFocus={() => onMark(first.camera)} onMouseEnter={() => onMark(first.camera)} data-testid="result-open">
        <Thumbnail grant={grant} event={first} name={name} />
        <span className={styles.cardWords}>
          <span className={styles.cardTop}>
            <strong>{name}</strong>
            <span className={styles.sure} data-sure={first.sure}>
              {first.sure}
            </span>
          </span>
          <span className="quiet">
            {shortDay(first.best_us)} <Time us={first.best_us} />
            {first.end_us - first.start_us > 2e6 ? ` · there ${Math.round((first.end_us - first.start_us) / 1e6)} s` : ""}
          </span>
          <span>
            {first.colour ? `${first.colour} ` : ""}
            {first.kind_text}
          </span>
          {first.why ? <span className={styles.why}>Why: {first.why}</span> : null}
        </span>
      </Link>
      {elsewhere.length > 0 || again > 0 ? (
        <p className={styles.also}>
          Same moment: {[...elsewhere.map((id) => names.get(id)?.name ?? id), ...(again ? [`${again} more here`] : [])].join(", ")}
        </p>
      ) : null}
    </li>
  );
}

interface ResultsProps {
  grant: string;
  events: Found[];
  cameras: Camera[];
  marked: string;
  onMark: (camera: string) => void;
  next: string;
  busy: boolean;
  more: () => void;
}

export function Results({ grant, events, cameras, marked, onMark, next, busy, more }: ResultsProps) {
  const names = useMemo(() => new Map(cameras.map((camera) => [camera.id, camera])), [cameras]);
  const found = useMemo(() => moments(events), [events]);
  return (
    <>
      <ul className={styles.results} data-testid="results">
        {found.map((moment) => (
          <Card
            key={keyOf(moment.first)}
            grant={grant}
            moment={moment}
            names={names}
            cameras={cameras}
            marked={marked !== "" && marked === moment.first.camera}
            onMark={onMark}
          />
        ))}
      </ul>
      {next ? (
        <div className={styles.more}>
          <Button variant="default" onClick={more} loading={busy} data-testid="more">
            Show more
          </Button>
        </div>
      ) : null}
    </>
  );
}

interface StripProps {
  counts: Counts;
  names: Map<string, string>;
  onPick: (from: number, to: number) => void;
}

/** How many events began when, all cameras together; a bar narrows the time to it. */
export function Strip({ counts, names, onPick }: StripProps) {
  const steps = Math.max(...counts.cameras.map((each) => each.counts.length), 0);
  const bars = Array.from({ length: steps }, (_, step) => counts.cameras.reduce((all, each) => all + (each.counts[step] ?? 0), 0));
  const most = Math.max(...bars, 1);
  const whole = bars.reduce((all, each) => all + each, 0);
  if (whole === 0) return null;
  const start = (step: number): number => counts.from_us + step * counts.step_us;
  const busiest = counts.cameras
    .map((each) => ({ name: names.get(each.camera) ?? each.camera, whole: each.counts.reduce((all, one) => all + one, 0) }))
    .filter((each) => each.whole > 0)
    .sort((one, other) => other.whole - one.whole);
  return (
    <section className={styles.strip} aria-label="When it happened">
      <div className={styles.bars} data-testid="strip">
        {bars.map((count, step) =>
          count === 0 ? (
            <span key={step} className={styles.bar} aria-hidden />
          ) : (
            <button
              key={step}
              type="button"
              className={styles.bar}
              data-count={count}
              aria-label={`${count} from ${dayClock(start(step))} to ${clock(start(step + 1))}. Search only this time.`}
              title={`${count}, from ${dayClock(start(step))}`}
              onClick={() => onPick(start(step), Math.min(counts.to_us, start(step + 1)))}
            >
              <span style={{ height: `${Math.max(8, (count / most) * 100)}%` }} />
            </button>
          ),
        )}
      </div>
      <div className={styles.stripFoot}>
        <span>{dayClock(counts.from_us)}</span>
        <span>
          {whole} {whole === 1 ? "event" : "events"}: {busiest.slice(0, 4).map((each) => `${each.name} ${each.whole}`).join(", ")}
          {busiest.length > 4 ? ` and ${busiest.length - 4} more cameras` : ""}
        </span>
        <span>{dayClock(counts.to_us)}</span>
      </div>
    </section>
  );
}

