// Now: the wall of live pictures with the map and the list of cameras beside it.

import { ActionIcon, Button, SegmentedControl, Tooltip } from "@mantine/core";
import { useElementSize, useMediaQuery } from "@mantine/hooks";
import { IconLayoutGridAdd } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { hub, type Camera } from "../api";
import { DwellAsk, type Asked } from "../dwell/DwellAsk";
import { NeedGrant } from "../frame/NeedGrant";
import { useKeys } from "../frame/keys";
import { Notice, Trouble, Waiting } from "../frame/Notice";
import { Splitter } from "../frame/Splitter";
import { LivePlayer } from "../live/player";
import { GreyToggle } from "../mark/GreyToggle";
import { personName, useGrant, useSession } from "../session";
import { NowAlarms } from "../rules/NowAlarms";
import { CameraList } from "./CameraList";
import { keepWall, LAYOUTS, moved, readWall, reconcile, type Layout, type WallState, type WallView } from "./wall";
import { Wall } from "./Wall";
import styles from "./Now.module.css";

const TownMap = lazy(() => import("../map/TownMap"));

export default function NowPage() {
  return (
    <NeedGrant action="live">
      <Now />
    </NeedGrant>
  );
}

function usePlayer(grant: string, ended: () => void): LivePlayer | null {
  const [player, setPlayer] = useState<LivePlayer | null>(null);
  useEffect(() => {
    const made = new LivePlayer(grant, ended);
    setPlayer(made);
    return () => {
      made.close();
      setPlayer(null);
    };
  }, [grant, ended]);
  return player;
}

function Now() {
  const { grant, again } = useGrant();
  const { session } = useSession();
  const person = personName(session);
  const navigate = useNavigate();
  const [params, setParams] = useSearchParams();
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras, refetchInterval: 10_000 });
  const player = usePlayer(grant!.id, again);
  const [asked, setAsked] = useState<Asked[]>([]);
  useEffect(() => {
    setAsked([]);
    if (player) player.onDwell = setAsked;
  }, [player]);
  const phone = useMediaQuery("(max-width: 720px)", window.innerWidth <= 720, { getInitialValueInEffect: false });
  const [state, setState] = useState<WallState>(() => readWall(person));
  const [highlighted, setHighlighted] = useState("");
  const { ref, width } = useElementSize();
  // Pictures first: drawing the map takes the processor that the first pictures need.
  const [mapTurn, setMapTurn] = useState(false);
  useEffect(() => player?.whenSettled(1500, () => setMapTurn(true)), [player]);

  const change = useCallback(
    (next: Partial<WallState>) =>
      setState((old) => {
        const made = { ...old, ...next };
        keepWall(person, made);
        return made;
      }),
    [person],
  );

  const allowed = useMemo(() => {
    const covered = new Set(grant!.cameras);
    return (cameras.data?.cameras ?? []).filter((camera) => covered.size === 0 || covered.has(camera.id));
  }, [cameras.data, grant]);
  const places = useMemo(() => new Set(allowed.map((camera) => camera.site)).size, [allowed]);
  const byId = useMemo(() => new Map(allowed.map((camera) => [camera.id, camera])), [allowed]);
  const order = useMemo(
    () => reconcile(state, allowed.filter((camera) => camera.state !== "imported").map((camera) => camera.id)),
    [state, allowed],
  );
  const onWall = useMemo(() => order.map((id) => byId.get(id)).filter((camera): camera is Camera => !!camera), [order, byId]);

  const enlargedId = params.get("enlarge") ?? "";
  const enlarged = byId.get(enlargedId) ?? null;
  const enlarge = useCallback(
    (id: string) => {
      const next = new URLSearchParams(params);
      if (params.get("enlarge") === id) next.delete("enlarge");
      else next.set("enlarge", id);
      setParams(next);
    },
    [params, setParams],
  );

  const actions = useMemo(
    () => ({
      enlarge,
      review: (id: string) => void navigate(`/review?cameras=${encodeURIComponent(id)}`),
      close: (id: string) => change({ order: order.filter((other) => other !== id), closed: [...state.closed, id] }),
      move: (id: string, by: number) => change({ order: moved(order, id, by) }),
      dropOn: (dragged: string, target: string) =>
        change({ order: moved(order, dragged, order.indexOf(target) - order.indexOf(dragged)) }),
    }),
    [enlarge, navigate, change, order, state.closed],
  );

  /** From the map or the list: show this camera's picture. */
  const pick = useCallback(
    (id: string) => {
      setHighlighted(id);
      const next = order.includes(id) ? order : [id, ...order];
      change({
        order: next,
        closed: state.closed.filter((other) => other !== id),
        ...(phone && state.view !== "wall" ? { view: "wall" as const } : {}),
        ...(!phone && state.view === "map" ? { view: "both" as const } : {}),
      });
      if (enlarged && enlarged.id !== id) enlarge(id);
    },
    [order, state.closed, state.view, phone, change, enlarged, enlarge],
  );

  const setView = (view: WallView) => change({ view });
  useKeys("Now", [
    { press: "w", label: "Wall only", run: () => setView("wall") },
    { press: "b", label: "Wall and map", run: () => setView("both") },
    { press: "m", label: "Map only", run: () => setView("map") },
    ...LAYOUTS.map((layout) => ({
      press: { 1: "1", 4: "2", 9: "3", 16: "4" }[layout],
      label: `${layout} ${layout === 1 ? "picture" : "pictures"}`,
      run: () => change({ layout }),
    })),
  ]);

  if (cameras.isPending) return <Waiting what="Asking the hub for the cameras." why="It is slow to answer." />;
  if (cameras.error && !cameras.data)
    return (
      <div className="page">
        <Trouble error={cameras.error} again={() => void cameras.refetch()} />
      </div>
    );

  const view: WallView = phone && state.view === "both" ? "wall" : state.view;
  const showAll = () => change({ closed: [], order: allowed.map((camera) => camera.id) });
  const wall = (
    <Wall
      cameras={onWall}
      layout={state.layout}
      player={player}
      enlarged={enlarged}
      highlighted={highlighted}
      actions={actions}
      showAll={showAll}
    />
  );
  const side = (
    <div className={styles.side} data-wide={view === "map" || undefined}>
      <div className={styles.map}>
        {mapTurn || view === "map" ? (
          <Suspense fallback={<Waiting what="Drawing the map." why="It is fetched in pieces from the hub." />}>
            <TownMap cameras={allowed} picked={enlarged?.id ?? highlighted} onPick={pick} />
          </Suspense>
        ) : null}
      </div>
      <CameraList cameras={allowed} onWall={order} picked={enlarged?.id ?? highlighted} pick={pick} />
    </div>
  );
  return (
    <div className={styles.page} ref={ref}>
      <div className={styles.bar}>
        <SegmentedControl
          size="xs"
          value={view}
          onChange={(value) => setView(value as WallView)}
          data={
            phone
              ? [
                  { value: "wall", label: "Wall" },
                  { value: "map", label: "Map" },
                ]
              : [
                  { value: "wall", label: "Wall" },
                  { value: "both", label: "Wall and map" },
                  { value: "map", label: "Map" },
                ]
          }
          aria-label="What to show"
          data-testid="view-switch"
        />
        {view !== "map" ? (
          <SegmentedControl
            size="xs"
            value={String(state.layout)}
            onChange={(value) => change({ layout: Number(value) as Layout })}
            data={LAYOUTS.map((layout) => ({ value: String(layout), label: String(layout) }))}
            aria-label="Pictures at most"
            data-testid="layout-switch"
          />
        ) : null}
        <GreyToggle />
        <span className={styles.site}>
          {places > 1 ? `${places} sites` : cameras.data.site.name}
          <span className="quiet">
            {" "}
            {allowed.filter((camera) => camera.state === "recording").length} of {allowed.length} recording
          </span>
        </span>
        {state.closed.length > 0 && view !== "map" ? (
          phone ? (
            <Tooltip label="Put every camera back">
              <ActionIcon variant="default" size={28} onClick={showAll} aria-label="Put every camera back">
                <IconLayoutGridAdd size={16} />
              </ActionIcon>
            </Tooltip>
          ) : (
            <Button size="compact-sm" variant="default" leftSection={<IconLayoutGridAdd size={16} />} onClick={showAll}>
              Put every camera back
            </Button>
          )
        ) : null}
      </div>
      {cameras.error ? (
        <div className={styles.warn}>
          <Notice tone="amber" title={cameras.error.message}>
            The list of cameras may be old.
          </Notice>
        </div>
      ) : null}
      <NowAlarms name={(id) => byId.get(id)?.name ?? id} />
      <DwellAsk asked={asked} grant={grant!.id} name={(id) => byId.get(id)?.name ?? id} />
      <div className={styles.body}>
        {view === "both" ? (
          <Splitter
            share={state.split}
            onShare={(split) => change({ split })}
            width={width}
            label="Width of the wall"
            left={wall}
            right={side}
          />
        ) : view === "wall" ? (
          wall
        ) : (
          side
        )}
      </div>
    </div>
  );
}
