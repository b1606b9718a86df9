import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { IconArrowsMaximize, IconArrowsMinimize } from "@tabler/icons-react";
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { Link } from "react-router";
import { askAddress } from "../access/ask";
import type { Camera } from "../api";
import { ViewerMark } from "../mark/ViewerMark";
import { bestColumns, GAP_PX } from "../now/wall";
import { dayClock } from "../time";
import type { Deck } from "./deck";
import type { ReviewPlayer } from "./player";
import styles from "./Review.module.css";

interface Next {
  us: number;
  go: () => void;
}

interface Props {
  cameras: Camera[];
  player: ReviewPlayer | null;
  solo: string;
  onSolo: (id: string) => void;
  onNext: Next | null;
}

export function ReviewTiles({ cameras, player, solo, onSolo, onNext }: Props) {
  const { ref, width, height } = useElementSize();
  const count = Math.max(1, cameras.length);
  const narrow = width > 0 && width < 480;
  const columns = narrow ? (count === 1 ? 1 : 2) : bestColumns(count, width, height, 0);
  const rows = Math.ceil(count / columns);
  const byWidth = (width - GAP_PX * (columns - 1)) / columns;
  const byHeight = ((height - GAP_PX * (rows - 1)) / rows) * (16 / 9);
  const tile = Math.max(120, Math.floor(narrow ? byWidth : Math.min(byWidth, byHeight)));
  return (
    <section className={styles.tiles} ref={ref} aria-label="Recorded pictures">
      <div className={styles.grid} style={{ gridTemplateColumns: `repeat(${columns}, ${tile}px)` }}>
        {cameras.map((camera) => (
          <ReviewTile key={camera.id} camera={camera} player={player} solo={solo === camera.id} onSolo={onSolo} only={cameras.length === 1} onNext={onNext} />
        ))}
      </div>
    </section>
  );
}

function ReviewTile({
  camera,
  player,
  solo,
  only,
  onSolo,
  onNext,
}: {
  camera: Camera;
  player: ReviewPlayer | null;
  solo: boolean;
  only: boolean;
  onSolo: (id: string) => void;
  onNext: Next | null;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [deck, setDeck] = useState<Deck | null>(null);
  useEffect(() => {
    if (!player || !box.current) return;
    const made = player.open(camera.id, box.current);
    setDeck(made);
    return () => {
      player.shut(made);
      setDeck(null);
    };
  }, [player, camera.id]);
  const watch = useCallback((listener: () => void) => deck?.watch(listener) ?? (() => undefined), [deck]);
  const view = useSyncExternalStore(watch, () => deck?.current() ?? null);
  const kind = view?.kind ?? "waiting";
  return (
    <article className={styles.tile} data-testid={`review-${camera.id}`} data-kind={kind} aria-label={camera.name}>
      <div className={styles.picture} onDoubleClick={() => onSolo(camera.id)}>
        <div ref={box} className={styles.video} />
        <ViewerMark seed={camera.id} />
        {kind === "gap" || kind === "future" || kind === "trouble" ? (
          <div className={styles.veil} data-kind={kind}>
            <p className={styles.veilTitle}>{view?.title}</p>
            {view?.detail ? <p>{view.detail}</p> : null}
            {kind === "trouble" && `${view?.title} ${view?.detail}`.includes("Your access does not cover") ? (
              <Link to={askAddress({ cameras: [camera.id], actions: ["playback"] }, "/review")} style={{ color: "inherit" }}>Ask for access</Link>
            ) : null}
            {kind === "gap" && onNext ? (
              <Button size="compact-xs" variant="default" onClick={onNext.go}>
                Next recording {dayClock(onNext.us)}
              </Button>
            ) : null}
          </div>
        ) : kind === "waiting" && view?.title ? (
          <div className={styles.veil} data-kind="waiting">
            <p>{view.title}</p>
            {view.detail ? <p>{view.detail}</p> : null}
          </div>
        ) : null}
        <div className={styles.caption}>
          <span className={styles.captionName}>{camera.name}</span>
          {view?.note ? <span>{view.note}</span> : null}
        </div>
        {!only || solo ? (
          <Tooltip label={solo ? "All chosen cameras" : "Only this one"}>
            <ActionIcon
              className={styles.solo}
              size={26}
              variant="default"
              onClick={() => onSolo(camera.id)}
              aria-label={solo ? "All chosen cameras" : `Only ${camera.name}`}
            >
              {solo ? <IconArrowsMinimize size={15} /> : <IconArrowsMaximize size={15} />}
            </ActionIcon>
          </Tooltip>
        ) : null}
      </div>
    </article>
  );
}
