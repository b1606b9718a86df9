// One camera, for somebody on a ladder with a phone: how it is this second, what is wrong, what to do. No picture.

import { ActionIcon, Select } from "@mantine/core";
import { IconChevronLeft, IconChevronRight, IconCircleCheck, IconEye, IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useSearchParams } from "react-router";
import { hubNowUs, type CameraState } from "../api";
import { clockError } from "../cameras/CamerasPage";
import { STATE_WORDS } from "../cameras/state";
import { useKeys } from "../frame/keys";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { clockSource, DevicePanel } from "../devices/DevicePanel";
import { bitrate, SECOND, span } from "../time";
import { age, drift, health, reasonWords, subjectName, worstFirst, type CameraDay, type CameraNow, type StreamNow, type Ticket } from "./health";
import styles from "./Health.module.css";

const SILENT = 5 * SECOND;

const NEXT: Partial<Record<CameraState, string>> = {
  connecting: "Belvedere tries again and again. Check power, the plug at both ends, and the light of the switch port.",
  waiting: "The connection stands, but no picture comes. Switch the camera off and on; then look at its own page.",
  denied: "Set the camera's name and password in Belvedere to what the camera has, or the other way round.",
  refused: "The camera sends what Belvedere can't record. Set it to H.264 or H.265 in its own page.",
  off: "It is switched off in Belvedere. Switch it on there when the work is done.",
  unknown: "The site's machine does not answer the hub. Check its power and its line.",
};

export default function InstallerPage() {
  const [params, setParams] = useSearchParams();
  const now = useQuery({ queryKey: ["health", "now"], queryFn: health.now, refetchInterval: 1_000 });
  const day = useQuery({ queryKey: ["health", "day"], queryFn: health.day, refetchInterval: 10_000 });
  const cameras = [...(now.data?.cameras ?? [])].sort(worstFirst);
  const wanted = params.get("camera") ?? "";
  const camera = cameras.find((each) => each.id === wanted) ?? (wanted ? undefined : cameras[0]);
  const tickets = useQuery({
    queryKey: ["tickets", "camera", camera?.id],
    queryFn: () => health.tickets({ state: "open", camera: camera!.id }),
    refetchInterval: 5_000,
    enabled: camera !== undefined,
  });
  const others = useQuery({ queryKey: ["tickets", "attention"], queryFn: () => health.tickets({ state: "open" }), refetchInterval: 15_000 });
  const atSite = (others.data?.tickets ?? []).filter((ticket) => ticket.subject !== "camera");
  const byName = [...cameras].sort((a, b) => a.name.localeCompare(b.name));
  const at = byName.findIndex((each) => each.id === camera?.id);
  const go = (step: number): void => {
    const next = byName[(at + step + byName.length) % byName.length];
    if (next) setParams({ camera: next.id }, { replace: true });
  };
  useKeys("One camera", [
    { press: "ArrowLeft", label: "Camera before", run: () => go(-1) },
    { press: "ArrowRight", label: "Next camera", run: () => go(1) },
  ]);
  useEffect(() => {
    document.title = camera ? `${camera.name} · Belvedere` : "Installer · Belvedere";
  }, [camera]);
  const away = now.data?.sites.length && now.data.sites.every((site) => site.state === "away");
  const full = now.data?.sites.some((site) => site.state === "full");
  return (
    <div className="page">
      <div className={styles.one}>
        <h1 className="visually-hidden">One camera, for installers</h1>
        {now.isPending ? <Waiting what="Asking for the cameras." why="The site is slow to answer." /> : null}
        {now.error && !now.data ? <Trouble error={now.error} again={() => void now.refetch()} /> : null}
        {away ? <State state="unknown" word="Site away" says="The site's machine does not answer the hub. Check its power and its line." /> : null}
        {full ? <State state="refused" word="Disk full" says="The site's disk is full to the last byte: nothing is recorded. Make room on it; the site goes on by itself." /> : null}
        {cameras.length > 0 ? (
          <div className={styles.picker}>
            <ActionIcon variant="default" size={36} aria-label="Camera before" onClick={() => go(-1)}>
              <IconChevronLeft size={18} />
            </ActionIcon>
            <Select
              aria-label="Camera"
              searchable
              allowDeselect={false}
              value={camera?.id ?? null}
              placeholder="Choose a camera"
              onChange={(value) => value && setParams({ camera: value }, { replace: true })}
              data={byName.map((each) => ({ value: each.id, label: each.name }))}
              nothingFoundMessage="No camera is called that."
            />
            <ActionIcon variant="default" size={36} aria-label="Next camera" onClick={() => go(1)}>
              <IconChevronRight size={18} />
            </ActionIcon>
          </div>
        ) : now.data && !away ? (
          <Empty title="No camera yet">Cameras that are added to this site show up here by themselves.</Empty>
        ) : null}
        {wanted && !camera && cameras.length > 0 ? <Empty title="This camera is not known">Choose one from the list above.</Empty> : null}
        {camera ? (
          <One camera={camera} day={day.data?.cameras.find((each) => each.id === camera.id)} tickets={tickets.data?.tickets ?? []} stale={now.error !== null} />
        ) : null}
        {atSite.length > 0 ? (
          <section className={styles.section} aria-label="Recorder and hub" data-testid="at-site">
            <h2>Recorder and hub</h2>
            <ul className={styles.todo}>
              {atSite.map((ticket) => (
                <ToDo key={ticket.id} ticket={ticket} about={subjectName(ticket)} />
              ))}
            </ul>
          </section>
        ) : null}
      </div>
    </div>
  );
}

/** One ticket with what to do about it. `about`: named where the camera is not. */
function ToDo({ ticket, about = "" }: { ticket: Ticket; about?: string }) {
  return (
    <li className="panel" data-testid={`todo-${ticket.kind}`}>
      <span className={styles.problem}>
        {ticket.hint ? <IconEye size={18} aria-hidden /> : <IconAlertTriangle size={18} aria-hidden />}
        <span className="strong">
          {about ? `${about}: ${ticket.title}` : ticket.title}, for {age(hubNowUs() - ticket.first_us)}
        </span>
      </span>
      <p>{ticket.detail}</p>
      <p>{ticket.advice}</p>
    </li>
  );
}

function One({ camera, day, tickets, stale }: { camera: CameraNow; day: CameraDay | undefined; tickets: Ticket[]; stale: boolean }) {
  const main = camera.streams.find((each) => each.stream === "main") ?? camera.streams[0];
  const behind = main ? hubNowUs() - main.last_frame_us : 0;
  const silent = camera.state === "recording" && behind > SILENT;
  const word = stale ? "Hub does not answer" : silent ? "Silent" : STATE_WORDS[camera.state];
  const says = stale
    ? "These figures are the last that came."
    : silent
      ? `No picture for ${age(behind)}.`
      : camera.state === "recording"
        ? "Pictures come in and are kept."
        : (camera.streams.find((each) => each.state === camera.state)?.message ?? "");
  const gone = stale ? "unknown" : silent ? "waiting" : camera.state;
  const hints = (day?.hints ?? []).filter((hint) => tickets.every((ticket) => ticket.kind !== hint.kind));
  const todo = tickets.length + hints.length + (gone !== "recording" && tickets.length === 0 ? 1 : 0);
  return (
    <>
      <State state={gone} word={word} says={says} />
      {main ? <Figures stream={main} coming={gone === "recording"} day={day?.streams.find((each) => each.stream === main.stream)} /> : null}
      <section className={styles.section} aria-label="What to do">
        <div className={styles.head}>
          <h2>What to do</h2>
        </div>
        {todo === 0 ? (
          <p className={`panel ${styles.well}`} data-testid="nothing-to-do">
            <IconCircleCheck size={18} aria-hidden /> Nothing. No fault of this camera is known.
          </p>
        ) : (
          <ul className={styles.todo}>
            {gone !== "recording" && tickets.length === 0 ? (
              <li className="panel">
                <span className="strong">{word}</span>
                <p>{NEXT[gone]}</p>
              </li>
            ) : null}
            {tickets.map((ticket) => (
              <ToDo key={ticket.id} ticket={ticket} />
            ))}
            {hints.map((hint) => (
              <li key={hint.kind} className="panel">
                <span className={styles.problem}>
                  <IconEye size={18} aria-hidden />
                  <span className="strong">{hint.title}</span>
                </span>
                <p>{hint.rests_on} This is a hint; look yourself.</p>
              </li>
            ))}
          </ul>
        )}
      </section>
      <DevicePanel camera={camera.id} />
      {day ? <Gaps day={day} /> : null}
    </>
  );
}

function State({ state, word, says }: { state: CameraState; word: string; says: string }) {
  const tone = state === "recording" ? "well" : state === "denied" || state === "refused" ? "red" : "amber";
  return (
    <div className={`panel ${styles.state}`} data-tone={tone} data-testid="big-state" role="status" aria-live="polite">
      <StateShape state={state} />
      <div>
        <p className={styles.stateWord}>{word}</p>
        {says ? <p className={styles.stateSays}>{says}</p> : null}
      </div>
    </div>
  );
}

function StateShape({ state }: { state: CameraState }) {
  if (state === "recording") return <IconCircleCheck aria-hidden stroke={1.8} />;
  return <IconAlertTriangle aria-hidden stroke={1.8} />;
}

function Figures({ stream, coming, day }: { stream: StreamNow; coming: boolean; day: CameraDay["streams"][number] | undefined }) {
  const behind = hubNowUs() - stream.last_frame_us;
  return (
    <dl className={styles.figures} data-testid="figures">
      <div className={`panel ${styles.figure}`}>
        <dt>Frames a second</dt>
        <dd>
          {coming && stream.fps ? stream.fps.toFixed(1) : "none"}
          <span className={styles.small}>{stream.width ? `${stream.width}×${stream.height}${stream.gop_seconds ? `, keyframe every ${stream.gop_seconds.toFixed(1)} s` : ""}` : "no picture yet"}</span>
        </dd>
      </div>
      <div className={`panel ${styles.figure}`}>
        <dt>Bitrate</dt>
        <dd>
          {coming ? bitrate(stream.bits_per_second) : "none"}
          <span className={styles.small}>{stream.codec ? stream.codec.replace("h26", "H.26") : ""}</span>
        </dd>
      </div>
      <div className={`panel ${styles.figure}`}>
        <dt>Last frame</dt>
        <dd data-testid="last-frame">
          {stream.last_frame_us ? (behind < 2 * SECOND ? "now" : `${age(behind)} ago`) : "never"}
          <span className={styles.small}>
            <Time us={stream.last_frame_us} />
          </span>
        </dd>
      </div>
      <div className={`panel ${styles.figure}`}>
        <dt>Camera's clock</dt>
        <dd>
          {clockError(stream.clock_error_us)}
          <span className={styles.small}>
            {stream.clock_error_us === null ? "" : [drift(day?.drift_ppm ?? null), clockSource(stream.clock_source)].filter(Boolean).join(", ")}
          </span>
        </dd>
      </div>
      <div className={`panel ${styles.figure}`}>
        <dt>Gaps in 24 hours</dt>
        <dd>
          {day ? day.gaps_day : "not known"}
          <span className={styles.small}>{day && day.missing_day_us > 0 ? `${span(day.missing_day_us)} missing` : ""}</span>
        </dd>
      </div>
      <div className={`panel ${styles.figure}`}>
        <dt>Packets lost in 24 hours</dt>
        <dd>
          {day ? day.lost_day : stream.lost_packets}
          <span className={styles.small}>{day ? `${day.reconnects_day} ${day.reconnects_day === 1 ? "connection" : "connections"} made` : ""}</span>
        </dd>
      </div>
    </dl>
  );
}

function Gaps({ day }: { day: CameraDay }) {
  const gaps = day.streams.flatMap((stream) => stream.gaps.map((gap) => ({ ...gap, stream: stream.stream }))).sort((a, b) => b.start_us - a.start_us);
  if (gaps.length === 0) return null;
  return (
    <section className={styles.section} aria-label="Newest gaps">
      <div className={styles.head}>
        <h2>Newest gaps</h2>
      </div>
      <div className="panel table-box" tabIndex={0} role="region" aria-label="Table of gaps">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">From</th>
              <th scope="col">Length</th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {gaps.slice(0, 12).map((gap) => (
              <tr key={`${gap.stream}${gap.start_us}`}>
                <td>
                  <Time us={gap.start_us} />
                </td>
                <td>{span(gap.end_us - gap.start_us)}</td>
                <td className="wide">
                  {reasonWords(gap.reason)}
                  {gap.stream === "sub" ? " (small stream)" : ""}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
