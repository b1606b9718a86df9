import { ActionIcon, Button, Menu, Tooltip } from "@mantine/core";
import {
  IconArrowDown,
  IconArrowLeft,
  IconArrowRight,
  IconArrowsMaximize,
  IconArrowsMinimize,
  IconArrowUp,
  IconDots,
  IconPlayerTrackNext,
  IconX,
} from "@tabler/icons-react";
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { Link } from "react-router";
import { askAddress } from "../access/ask";
import type { Camera, StreamKind } from "../api";
import { STATE_WORDS, StateMark } from "../cameras/state";
import { PtzPad } from "../devices/PtzPad";
import type { LivePlayer } from "../live/player";
import { LiveTile } from "../live/tile";
import { ViewerMark } from "../mark/ViewerMark";
import styles from "./Wall.module.css";

export interface TileActions {
  enlarge: (id: string) => void;
  review: (id: string) => void;
  close: (id: string) => void;
  move: (id: string, by: number) => void;
  dropOn: (dragged: string, target: string) => void;
  columns: number;
}

interface Props {
  camera: Camera;
  stream: StreamKind;
  player: LivePlayer | null;
  actions: TileActions;
  enlarged?: boolean;
  highlighted?: boolean;
}

export function WallTile({ camera, stream: asked, player, actions, enlarged = false, highlighted = false }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const clockElement = useRef<HTMLSpanElement>(null);
  const root = useRef<HTMLElement>(null);
  const [fallback, setFallback] = useState(false);
  const stream: StreamKind = fallback ? "sub" : asked;
  const [tile, setTile] = useState<LiveTile | null>(null);
  const [over, setOver] = useState(false);

  useEffect(() => {
    if (!player || !box.current) return;
    const made = new LiveTile(camera.id, stream);
    made.clockElement = clockElement.current;
    const take = player.open(made, box.current);
    setTile(made);
    return () => {
      take();
      setTile(null);
    };
  }, [player, camera.id, stream]);

  useEffect(() => {
    if (highlighted) root.current?.scrollIntoView({ block: "nearest" });
  }, [highlighted]);

  const watch = useCallback((listener: () => void) => tile?.watch(listener) ?? (() => undefined), [tile]);
  const view = useSyncExternalStore(watch, () => tile?.current() ?? null);
  const phase = view?.phase ?? "off";
  const live = phase === "live";

  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.target !== root.current || event.ctrlKey || event.metaKey || event.altKey) return;
    const by: Record<string, number> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -actions.columns,
      ArrowDown: actions.columns,
    };
    const step = by[event.key];
    if (step !== undefined && !enlarged) {
      event.preventDefault();
      if (event.shiftKey) {
        actions.move(camera.id, step);
        requestAnimationFrame(() => root.current?.focus());
      } else {
        const tiles = [...(root.current?.parentElement?.querySelectorAll<HTMLElement>("[data-tile]") ?? [])];
        tiles[tiles.indexOf(root.current!) + step]?.focus();
      }
    } else if (event.key === "Enter") {
      event.preventDefault();
      actions.enlarge(camera.id);
    } else if (event.key === "r") {
      event.preventDefault();
      actions.review(camera.id);
    } else if (event.key === "Delete" && !enlarged) {
      event.preventDefault();
      actions.close(camera.id);
    }
  };

  return (
    <article
      ref={root}
      className={styles.tile}
      data-tile
      data-testid={enlarged ? `enlarged-${camera.id}` : `tile-${camera.id}`}
      data-phase={phase}
      data-highlighted={highlighted || undefined}
      data-over={over || undefined}
      tabIndex={0}
      aria-label={`${camera.name}, ${live ? "live" : view?.title || STATE_WORDS[camera.state]}`}
      onKeyDown={onKeyDown}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes("text/x-belvedere-tile")) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false);
        const dragged = event.dataTransfer.getData("text/x-belvedere-tile");
        if (dragged) actions.dropOn(dragged, camera.id);
      }}
    >
      <header
        className={styles.head}
        draggable={!enlarged}
        onDragStart={(event) => {
          event.dataTransfer.setData("text/x-belvedere-tile", camera.id);
          event.dataTransfer.effectAllowed = "move";
        }}
      >
        <span className={styles.dot} data-live={live || undefined}>
          {live ? <span className={styles.liveDot} title="Live" /> : <StateMark state={phase === "connecting" ? "connecting" : camera.state} />}
        </span>
        <span className={styles.name} title={camera.place ? `${camera.name}, ${camera.place}` : camera.name}>
          {camera.name}
        </span>
        <span className={styles.actions}>
          <Tooltip label={enlarged ? "Back to the wall (Esc)" : "Enlarge (Enter)"}>
            <ActionIcon
              variant="subtle"
              color="gray"
              size={24}
              onClick={() => actions.enlarge(camera.id)}
              aria-label={enlarged ? "Back to the wall" : `Enlarge ${camera.name}`}
              data-testid={enlarged ? "shrink" : `enlarge-${camera.id}`}
            >
              {enlarged ? <IconArrowsMinimize size={15} /> : <IconArrowsMaximize size={15} />}
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Review (R)">
            <ActionIcon
              variant="subtle"
              color="gray"
              size={24}
              onClick={() => actions.review(camera.id)}
              aria-label={`Review ${camera.name}`}
              data-testid={`to-review-${camera.id}`}
              className={styles.roomy}
            >
              <IconPlayerTrackNext size={15} />
            </ActionIcon>
          </Tooltip>
          {enlarged ? null : (
            <Menu position="bottom-end">
              <Menu.Target>
                <ActionIcon variant="subtle" color="gray" size={24} aria-label={`More for ${camera.name}`}>
                  <IconDots size={15} />
                </ActionIcon>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item leftSection={<IconPlayerTrackNext size={16} />} onClick={() => actions.review(camera.id)}>
                  Review
                </Menu.Item>
                <Menu.Divider />
                <Menu.Item leftSection={<IconArrowLeft size={16} />} onClick={() => actions.move(camera.id, -1)}>
                  Move left
                </Menu.Item>
                <Menu.Item leftSection={<IconArrowRight size={16} />} onClick={() => actions.move(camera.id, 1)}>
                  Move right
                </Menu.Item>
                <Menu.Item leftSection={<IconArrowUp size={16} />} onClick={() => actions.move(camera.id, -actions.columns)}>
                  Move up
                </Menu.Item>
                <Menu.Item leftSection={<IconArrowDown size={16} />} onClick={() => actions.move(camera.id, actions.columns)}>
                  Move down
                </Menu.Item>
                <Menu.Divider />
                <Menu.Item leftSection={<IconX size={16} />} onClick={() => actions.close(camera.id)}>
                  Take off the wall
                </Menu.Item>
              </Menu.Dropdown>
            </Menu>
          )}
        </span>
      </header>
      <div className={styles.picture} onDoubleClick={() => actions.enlarge(camera.id)}>
        <div ref={box} className={styles.video} />
        {live ? <ViewerMark seed={camera.id} /> : null}
        {view && view.phase !== "live" && view.phase !== "off" ? (
          <div className={styles.veil} data-phase={view.phase}>
            <p className={styles.veilTitle}>{view.title}</p>
            {view.message ? <p>{view.message}</p> : null}
            {view.advice ? <p>{view.advice}</p> : null}
            {view.phase === "trouble" ? (
              view.offerSub ? (
                <Button size="compact-xs" variant="default" onClick={() => setFallback(true)}>
                  Use the small picture
                </Button>
              ) : (
                <>
                  <Button size="compact-xs" variant="default" onClick={() => tile && player?.again(tile)}>
                    Try again
                  </Button>
                  {view.advice.startsWith("Ask") ? (
                    <Link to={askAddress({ cameras: [camera.id], actions: ["live"] }, "/now")} style={{ color: "inherit" }}>Ask for access</Link>
                  ) : null}
                </>
              )
            ) : null}
          </div>
        ) : null}
        {live && view?.note ? (
          <p className={styles.note} title={view.note} data-testid="tile-note">
            {view.note}
          </p>
        ) : null}
        <span ref={clockElement} className={styles.clock} title="When this picture reached the site" />
        {enlarged && view?.width ? (
          <span className={styles.facts}>
            {view.codec} {view.width}×{view.height}
            {stream === "sub" ? ", small picture" : ""}
          </span>
        ) : null}
      </div>
      {enlarged ? <PtzPad camera={camera.id} name={camera.name} /> : null}
    </article>
  );
}
