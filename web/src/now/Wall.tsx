import { ActionIcon, Button, Group } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useEffect, useMemo, useState } from "react";
import type { Camera } from "../api";
import { Empty } from "../frame/Notice";
import { useKeys } from "../frame/keys";
import type { LivePlayer } from "../live/player";
import { bestColumns, GAP_PX, HEADER_PX, type Layout } from "./wall";
import { WallTile, type TileActions } from "./WallTile";
import styles from "./Wall.module.css";

interface Props {
  cameras: Camera[];
  layout: Layout;
  player: LivePlayer | null;
  enlarged: Camera | null;
  highlighted: string;
  actions: Omit<TileActions, "columns">;
  showAll: () => void;
}

export function Wall({ cameras, layout, player, enlarged, highlighted, actions, showAll }: Props) {
  const { ref, width, height } = useElementSize();
  const [page, setPage] = useState(0);
  const pages = Math.max(1, Math.ceil(cameras.length / layout));
  const shown = Math.min(page, pages - 1);
  const tiles = cameras.slice(shown * layout, shown * layout + layout);
  const count = Math.max(1, tiles.length);
  const narrow = width > 0 && width < 480;
  const columns = narrow ? Math.min(count, layout <= 1 ? 1 : 2) : bestColumns(count, width, height);
  const rows = Math.ceil(count / columns);
  const tileWidth = narrow
    ? (width - GAP_PX * (columns - 1)) / columns
    : Math.min(
        (width - GAP_PX * (columns - 1)) / columns,
        (((height - GAP_PX * (rows - 1)) / rows - HEADER_PX) * 16) / 9,
      );

  // A tile that was asked for lies on some page: turn to it.
  useEffect(() => {
    const at = cameras.findIndex((camera) => camera.id === highlighted);
    if (highlighted && at >= 0) setPage(Math.floor(at / layout));
  }, [highlighted, cameras, layout]);

  useKeys("Wall", [
    { press: "PageDown", label: "Next tiles", run: () => setPage(Math.min(pages - 1, shown + 1)) },
    { press: "PageUp", label: "Tiles before", run: () => setPage(Math.max(0, shown - 1)) },
    {
      press: "Escape",
      label: "Back to the wall",
      run: () => {
        if (enlarged) actions.enlarge(enlarged.id);
      },
    },
  ]);
  const all = useMemo<TileActions>(() => ({ ...actions, columns }), [actions, columns]);

  return (
    <section className={styles.wall} aria-label="Live pictures">
      <div className={styles.area} ref={ref}>
        {cameras.length === 0 ? (
          <Empty
            title="The wall is empty"
            action={
              <Button variant="default" onClick={showAll}>
                Put every camera back
              </Button>
            }
          >
            Choose a camera on the map or in the list to see it here.
          </Empty>
        ) : (
          <div
            className={styles.grid}
            style={{
              gridTemplateColumns: `repeat(${columns}, ${Math.max(120, Math.floor(tileWidth))}px)`,
              display: enlarged ? "none" : undefined,
            }}
            data-testid="wall-grid"
          >
            {tiles.map((camera) => (
              <WallTile
                key={camera.id}
                camera={camera}
                stream={layout === 1 ? "main" : "sub"}
                player={player}
                actions={all}
                highlighted={camera.id === highlighted}
              />
            ))}
          </div>
        )}
        {enlarged ? (
          <div className={styles.enlarged}>
            <WallTile key={enlarged.id} camera={enlarged} stream="main" player={player} actions={all} enlarged />
          </div>
        ) : null}
      </div>
      {pages > 1 && !enlarged ? (
        <Group className={styles.pages} gap={4} justify="center">
          <ActionIcon variant="subtle" color="gray" size={28} aria-label="Tiles before" disabled={shown === 0} onClick={() => setPage(shown - 1)}>
            <IconChevronLeft size={18} />
          </ActionIcon>
          <span className="quiet">
            {shown * layout + 1} to {Math.min(cameras.length, (shown + 1) * layout)} of {cameras.length}
          </span>
          <ActionIcon
            variant="subtle"
            color="gray"
            size={28}
            aria-label="Next tiles"
            disabled={shown === pages - 1}
            onClick={() => setPage(shown + 1)}
          >
            <IconChevronRight size={18} />
          </ActionIcon>
        </Group>
      ) : null}
    </section>
  );
}
