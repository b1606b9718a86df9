import { ActionIcon, Button, Drawer, Tooltip, useComputedColorScheme } from "@mantine/core";
import { IconChevronLeft, IconChevronRight, IconMoonStars, IconTable, IconPlayerSkipForward } from "@tabler/icons-react";
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useSearchParams } from "react-router";
import { hubNowUs, type Away, type Camera, type Grant } from "../api";
import { useKeys } from "../frame/keys";
import { GreyToggle } from "../mark/GreyToggle";
import { Notice } from "../frame/Notice";
import { ExportForm } from "../exports/ExportForm";
import { clock, DAY, dayClock, fineClock, fromIsoDay, HOUR, isoDay, midnight, MINUTE, SECOND, shortDay, span as sayspan, zone, exact } from "../time";
import { FIRST_SPAN, readAddress, writeAddress } from "./address";
import { CameraPicker } from "./CameraPicker";
import { MovedQuestion } from "./MovedQuestion";
import { firstIn, fullestIn, newest, nextStart, previousStart, type Lanes } from "./lanes";
import { FRAME_US, ReviewPlayer } from "./player";
import { ReviewTiles } from "./ReviewTiles";
import { RunsTable } from "./RunsTable";
import { SitesAway } from "./SitesAway";
import { tellLane, TimelineCanvas, type LaneRow, type Marks } from "./timeline";
import { centred, clampSpan, holds, panned, zoomed, type View } from "./timescale";
import { Transport } from "./Transport";
import { useActivity } from "./useActivity";
import styles from "./Review.module.css";

interface Props {
  grant: Grant;
  cameras: Camera[];
  lanes: Lanes;
  limits: { from: number; to: number };
  firstCameras: string[];
  firstAt: number;
  linesOld: boolean;
  away: Away[];
  most: number;
}

export function ReviewRoom({ grant, cameras, lanes, limits, firstCameras, firstAt, linesOld, away, most }: Props) {
  const [params, setParams] = useSearchParams();
  const here = useRef(window.location.pathname).current;
  const first = useRef(readAddress(params)).current;
  const [chosen, setChosen] = useState<string[]>(firstCameras);
  const [solo, setSolo] = useState("");
  const [detail, setDetail] = useState(first.detail);
  const [marks, setMarks] = useState<Marks>({ in: first.in, out: first.out });
  const [view, setViewState] = useState<View>(() => {
    const span = first.span ?? FIRST_SPAN;
    return { from: firstAt - span * 0.8, span };
  });
  const [drawer, setDrawer] = useState<"" | "export" | "table">("");
  const [told, setTold] = useState(firstAt);
  const [player, setPlayer] = useState<ReviewPlayer | null>(null);
  const live = useRef({ view, chosen, marks, detail, lanes });
  live.current = { view, chosen, marks, detail, lanes };
  const at = useRef(firstAt);
  const written = useRef(params.toString());

  useEffect(() => {
    const made = new ReviewPlayer(grant.id, at.current, limits);
    made.setLanes(live.current.lanes);
    setPlayer(made);
    return () => {
      made.close();
      setPlayer(null);
    };
  }, [grant.id, limits]);
  useEffect(() => player?.setLanes(lanes), [player, lanes]);
  const shown = solo ? [solo] : chosen;
  const preferred = detail || shown.length === 1 ? "main" : "sub";
  useEffect(() => player?.setPreferred(preferred), [player, preferred]);

  const playing = useSyncExternalStore(
    useCallback((listener: () => void) => player?.watch(listener) ?? (() => undefined), [player]),
    () => player?.current() ?? null,
  );

  // The address bar

  const write = useCallback(
    (push = false) => {
      // The next page may still be on its way while this one shows: writing now would call it back.
      if (window.location.pathname !== here) return;
      const now = live.current;
      const next = writeAddress({ cameras: now.chosen, at: at.current, span: now.view.span, ...now.marks, detail: now.detail });
      if (next.toString() === written.current) return;
      written.current = next.toString();
      setParams(next, { replace: !push });
    },
    [setParams, here],
  );
  const writer = useRef(0);
  const writeSoon = useCallback(
    (push = false) => {
      window.clearTimeout(writer.current);
      writer.current = window.setTimeout(() => write(push), push ? 0 : 600);
    },
    [write],
  );
  useEffect(() => () => window.clearTimeout(writer.current), []);
  useEffect(() => writeSoon(), [chosen, marks, detail, view.span, writeSoon]);
  // Whoever leaves from here to ask for an export comes back to the marks as they are now.
  useEffect(() => {
    if (drawer === "export") write();
  }, [drawer, marks, write]);
  useEffect(() => {
    // Back and forward, or a link opened on this page
    if (params.toString() === written.current) return;
    written.current = params.toString();
    const wanted = readAddress(params);
    if (wanted.cameras?.length) setChosen(wanted.cameras.slice(0, most));
    setMarks({ in: wanted.in, out: wanted.out });
    setDetail(wanted.detail);
    if (wanted.at !== null) {
      const span = wanted.span ?? live.current.view.span;
      setViewState(centred({ from: 0, span }, wanted.at));
      player?.seek(wanted.at);
    }
  }, [params, player, most]);

  // Time

  const setView = useCallback((next: View) => setViewState({ from: next.from, span: clampSpan(next.span) }), []);
  const go = useCallback(
    (us: number, how: { keepView?: boolean; push?: boolean; span?: number } = {}) => {
      player?.seek(us);
      const to = player?.us ?? us;
      const now = live.current.view;
      if (how.span) setView(centred({ from: 0, span: how.span }, to));
      else if (!how.keepView && !holds(now, to, 0.02)) setView(centred(now, to));
      writeSoon(how.push);
    },
    [player, setView, writeSoon],
  );

  const timeElement = useRef<HTMLSpanElement>(null);
  const dayElement = useRef<HTMLSpanElement>(null);
  const timeline = useRef<TimelineCanvas | null>(null);
  const tell = useRef(0);
  useEffect(() => {
    if (!player) return;
    const show = (us: number): void => {
      at.current = us;
      const paused = !player.current().playing;
      if (timeElement.current) {
        timeElement.current.textContent = paused ? fineClock(us) : clock(us);
        timeElement.current.title = exact(us);
      }
      if (dayElement.current) dayElement.current.textContent = `${shortDay(us)}, ${zone(us)}`;
      timeline.current?.setPlayhead(us, hubNowUs());
      const seen = live.current.view;
      if (player.current().playing && !holds(seen, us)) setView({ ...seen, from: us - seen.span * 0.1 });
      window.clearTimeout(tell.current);
      tell.current = window.setTimeout(() => setTold(us), 350);
    };
    show(player.us);
    const stop = player.onTime(show);
    // The present moves even while nothing plays.
    const timer = window.setInterval(() => timeline.current?.setPlayhead(player.us, hubNowUs()), 1000);
    return () => {
      stop();
      window.clearInterval(timer);
    };
  }, [player, setView, playing?.playing]);
  useEffect(() => {
    if (playing && !playing.playing) writeSoon();
  }, [playing, writeSoon]);

  // The canvas

  const scheme = useComputedColorScheme("dark");
  const box = useRef<HTMLDivElement>(null);
  const names = useMemo(() => new Map(cameras.map((camera) => [camera.id, camera])), [cameras]);
  const rows = useMemo<LaneRow[]>(
    () => chosen.map((id) => ({ id, name: names.get(id)?.name ?? id, lanes: lanes.get(id) })),
    [chosen, names, lanes],
  );
  const strips = useActivity(grant.id, chosen, view, limits);
  const seek = useRef(go);
  seek.current = go;
  useEffect(() => {
    if (!box.current) return;
    const made = new TimelineCanvas(
      box.current,
      {
        onSeek: (us) => seek.current(us, { keepView: true }),
        onView: setView,
      },
      styles.tip!,
    );
    timeline.current = made;
    return () => {
      made.close();
      timeline.current = null;
    };
  }, [setView]);
  useEffect(() => timeline.current?.setScheme(scheme), [scheme]);
  useEffect(() => timeline.current?.setRows(rows), [rows]);
  useEffect(() => timeline.current?.setStrips(strips), [strips]);
  useEffect(() => timeline.current?.setView(view), [view]);
  useEffect(() => timeline.current?.setMarks(marks), [marks]);
  useEffect(() => timeline.current?.setPlayhead(at.current, hubNowUs()), [player, rows]);

  // Acts

  const now = (): number => player?.us ?? at.current;
  const zoom = (factor: number): void => setView(zoomed(live.current.view, factor, now()));
  const jump = (forward: boolean): void => {
    const to = forward ? nextStart(lanes, chosen, now()) : previousStart(lanes, chosen, now());
    if (to !== null) go(to, { push: true });
  };
  const setMark = (which: "in" | "out"): void =>
    setMarks((old) => {
      const us = Math.round(now());
      const next = { ...old, [which]: us };
      if (next.in !== null && next.out !== null && next.out <= next.in) return which === "in" ? { in: us, out: null } : { in: null, out: us };
      return next;
    });
  const lastNight = (): void => {
    const today = midnight(hubNowUs());
    const from = midnight(hubNowUs(), -1) + 18 * HOUR;
    const to = Math.min(today + 6 * HOUR, hubNowUs());
    const have = cameras.map((camera) => camera.id).filter((id) => firstIn(lanes, [id], from, to) !== null);
    const kept = chosen.filter((id) => have.includes(id));
    const cameras_ = kept.length ? kept : have.slice(0, 4);
    if (cameras_.length) setChosen(cameras_);
    const start = fullestIn(lanes, cameras_, from, to);
    go(start ?? from, { push: true, span: 4 * HOUR });
    if (start !== null) setView({ from: start - 20 * MINUTE, span: 4 * HOUR });
  };
  const toNewest = (): void => {
    const latest = newest(lanes, chosen, hubNowUs());
    if (latest !== null) go(latest - 30 * SECOND, { push: true, span: live.current.view.span });
  };
  const toDay = (text: string): void => {
    const start = fromIsoDay(text);
    if (start === null) return;
    const footage = firstIn(lanes, chosen, start, start + DAY);
    setView({ from: start, span: DAY });
    go(footage ?? start + 12 * HOUR, { keepView: true, push: true });
  };
  const dayStep = (days: number): void => toDay(isoDay(midnight(now(), days) + 12 * HOUR));

  const second = SECOND;
  useKeys("Review", [
    { press: ["Space", "Shift+Space"], label: "Play or pause", run: () => player?.toggle() },
    { press: "l", label: "Play, again for faster", run: () => player?.shuttle(1) },
    { press: "k", label: "Stop", run: () => player?.stop() },
    { press: "j", label: "Play backwards, again for faster", run: () => player?.shuttle(-1) },
    { press: "ArrowRight", label: "One second on", run: () => go(now() + second) },
    { press: "ArrowLeft", label: "One second back", run: () => go(now() - second) },
    { press: "Shift+ArrowRight", label: "Ten seconds on", run: () => go(now() + 10 * second) },
    { press: "Shift+ArrowLeft", label: "Ten seconds back", run: () => go(now() - 10 * second) },
    { press: ".", label: "One frame on", run: () => player?.step(FRAME_US) },
    { press: ",", label: "One frame back", run: () => player?.step(-FRAME_US) },
    { press: "]", label: "Next recording", run: () => jump(true) },
    { press: "[", label: "Recording before", run: () => jump(false) },
    { press: "i", label: "Mark in", run: () => setMark("in") },
    { press: "o", label: "Mark out", run: () => setMark("out") },
    { press: "e", label: "Export", run: () => setDrawer("export") },
    { press: "t", label: "Go to a time", run: () => document.getElementById("go-to-time")?.focus() },
    { press: ["+", "="], label: "Zoom in", run: () => zoom(2) },
    { press: "-", label: "Zoom out", run: () => zoom(0.5) },
    { press: "0", label: "The whole day", run: () => setView({ from: midnight(now()), span: DAY }) },
    { press: "PageUp", label: "Timeline back", run: () => setView(panned(live.current.view, -live.current.view.span * 0.8)) },
    { press: "PageDown", label: "Timeline on", run: () => setView(panned(live.current.view, live.current.view.span * 0.8)) },
  ]);

  const words = `${dayClock(told)}. ${rows.map((row) => `${row.name}: ${tellLane(row, told, hubNowUs(), strips.get(row.id))}`).join(" ")}`;
  const toldGaps = rows.filter((row) => row.lanes && !tellLane(row, told, hubNowUs()).match(/^(Recorded|Imported)/));

  return (
    <div className={styles.page}>
      <div className={styles.bar}>
        <CameraPicker cameras={cameras} lanes={lanes} chosen={chosen} most={most} onChange={(next) => { setSolo(""); setChosen(next); }} />
        <div className={styles.day}>
          <ActionIcon variant="default" size={30} aria-label="The day before" onClick={() => dayStep(-1)}>
            <IconChevronLeft size={16} />
          </ActionIcon>
          <input
            type="date"
            className={styles.date}
            value={isoDay(told)}
            min={isoDay(limits.from)}
            max={isoDay(Math.min(limits.to, hubNowUs()))}
            aria-label="Day"
            data-testid="review-date"
            onChange={(event) => toDay(event.currentTarget.value)}
          />
          <ActionIcon variant="default" size={30} aria-label="The day after" onClick={() => dayStep(1)}>
            <IconChevronRight size={16} />
          </ActionIcon>
        </div>
        <GreyToggle />
        <Button size="compact-sm" h={30} variant="default" leftSection={<IconMoonStars size={15} />} onClick={lastNight} data-testid="last-night">
          Last night
        </Button>
        <Button size="compact-sm" h={30} variant="default" leftSection={<IconPlayerSkipForward size={15} />} onClick={toNewest} data-testid="newest">
          Newest
        </Button>
        <Button
          size="compact-sm"
          h={30}
          variant="default"
          aria-pressed={detail}
          onClick={() => setDetail(!detail)}
          data-testid="detail"
          data-on={detail || undefined}
          className={styles.toggle}
        >
          Full detail
        </Button>
        <Tooltip label="Recordings and gaps as a table">
          <ActionIcon variant="default" size={30} ml="auto" aria-label="Recordings and gaps as a table" onClick={() => setDrawer("table")} data-testid="runs-table-open">
            <IconTable size={16} />
          </ActionIcon>
        </Tooltip>
      </div>
      {linesOld ? (
        <div className={styles.warn}>
          <Notice tone="amber" title="The timeline may be old.">
            The hub did not answer the last time it was asked. It is asked again every ten seconds.
          </Notice>
        </div>
      ) : null}
      <SitesAway away={away} chosen={chosen} names={names} />
      <ReviewTiles
        cameras={shown.map((id) => names.get(id)).filter((camera): camera is Camera => !!camera)}
        player={player}
        solo={solo}
        onSolo={(id) => setSolo(solo === id ? "" : id)}
        onNext={(() => {
          const to = nextStart(lanes, shown, told);
          return to === null ? null : { us: to, go: () => go(to, { push: true }) };
        })()}
      />
      <Transport
        player={player}
        playing={playing}
        timeElement={timeElement}
        dayElement={dayElement}
        at={now}
        go={go}
        jump={jump}
        marks={marks}
        setMark={setMark}
        clearMarks={() => setMarks({ in: null, out: null })}
        openExport={() => setDrawer("export")}
        zoom={zoom}
        wholeDay={() => setView({ from: midnight(now()), span: DAY })}
        pan={(share) => setView(panned(live.current.view, live.current.view.span * share))}
        span={view.span}
      />
      <div
        className={styles.timeline}
        ref={box}
        role="slider"
        tabIndex={0}
        aria-label="Time of the pictures"
        aria-valuemin={Math.round(limits.from / SECOND)}
        aria-valuemax={Math.round(hubNowUs() / SECOND)}
        aria-valuenow={Math.round(told / SECOND)}
        aria-valuetext={words}
        data-testid="review-timeline"
        data-span-s={view.span / SECOND}
        data-from-us={Math.round(view.from)}
        style={{ height: TimelineCanvas.heightFor(rows.length) }}
      />
      <p className={styles.status} aria-live="polite" data-testid="review-status">
        {toldGaps.length > 0
          ? toldGaps
              .slice(0, 3)
              .map((row) => `${row.name}: ${tellLane(row, told, hubNowUs())}`)
              .join(" ")
          : marks.in !== null && marks.out !== null
            ? `Marked ${dayClock(marks.in)} to ${clock(marks.out)}, ${sayspan(marks.out - marks.in)}.`
            : ""}
      </p>
      {marks.in !== null && marks.out !== null ? (
        <MovedQuestion grant={grant.id} cameras={rows} from={marks.in} to={marks.out} go={(us) => go(us, { push: true })} />
      ) : null}
      <Drawer
        opened={drawer === "export"}
        onClose={() => setDrawer("")}
        title="Export"
        position="right"
        size="md"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <ExportForm
          grant={grant}
          cameras={cameras}
          chosen={chosen}
          marks={marks}
          setMarks={setMarks}
          near={told}
        />
      </Drawer>
      <Drawer
        opened={drawer === "table"}
        onClose={() => setDrawer("")}
        title="Recordings and gaps"
        position="right"
        size="xl"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <RunsTable
          rows={rows}
          strips={strips}
          view={view}
          go={(us) => {
            go(us, { push: true });
            setDrawer("");
          }}
        />
      </Drawer>
    </div>
  );
}
