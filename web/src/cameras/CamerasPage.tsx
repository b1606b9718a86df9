// Every camera and how it is; on a phone, cards instead of rows.

import { Button, Drawer, Select, TextInput } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconSearch, IconSortAscending, IconSortDescending } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { hub, hubNowUs, type Camera, type CameraState, type Stream } from "../api";
import { useKeys } from "../frame/keys";
import { Empty, Notice, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { bitrate, bytes, DAY, SECOND } from "../time";
import { pointing } from "../now/CameraList";
import { CameraMasks } from "../masks/CameraMasks";
import { CameraPurposes } from "../purposes/CameraPurposes";
import { CameraSound } from "./CameraSound";
import { SiteHealth } from "./SiteHealth";
import { STATE_WORDS, StateMark } from "./state";
import styles from "./Cameras.module.css";

interface Column {
  key: string;
  name: string;
  number?: boolean;
  value: (camera: Camera) => string | number;
  show: (camera: Camera) => React.ReactNode;
}

const main = (camera: Camera): Stream | null => camera.main ?? camera.sub;
const codecName = (codec: string): string => ({ h264: "H.264", h265: "H.265" })[codec] ?? codec;

export function clockError(us: number | null | undefined): string {
  if (us === null || us === undefined) return "not known";
  const seconds = us / SECOND;
  if (Math.abs(seconds) < 0.5) return "under 0.5 s";
  return `${Math.abs(seconds).toFixed(1)} s ${seconds > 0 ? "fast" : "slow"}`;
}

const COLUMNS: Column[] = [
  { key: "name", name: "Camera", value: (c) => c.name.toLowerCase(), show: (c) => c.name },
  { key: "place", name: "Place", value: (c) => c.place.toLowerCase(), show: (c) => c.place },
  { key: "state", name: "State", value: (c) => (c.state === "recording" ? 1 : 0), show: (c) => <StateMark state={c.state} words /> },
  { key: "codec", name: "Codec", value: (c) => main(c)?.codec ?? "", show: (c) => codecName(main(c)?.codec ?? "") },
  {
    key: "size",
    name: "Size",
    number: true,
    value: (c) => (main(c)?.width ?? 0) * (main(c)?.height ?? 0),
    show: (c) => (main(c)?.width ? `${main(c)!.width}×${main(c)!.height}` : ""),
  },
  { key: "fps", name: "Frames/s", number: true, value: (c) => main(c)?.fps ?? 0, show: (c) => (main(c)?.fps ? main(c)!.fps.toFixed(0) : "") },
  {
    key: "rate",
    name: "Bitrate",
    number: true,
    value: (c) => main(c)?.bits_per_second ?? 0,
    show: (c) => (main(c)?.bits_per_second ? bitrate(main(c)!.bits_per_second) : ""),
  },
  {
    key: "gop",
    name: "Keyframes",
    number: true,
    value: (c) => main(c)?.gop_seconds ?? 0,
    show: (c) => (main(c)?.gop_seconds ? `${main(c)!.gop_seconds.toFixed(1)} s` : ""),
  },
  { key: "last", name: "Last frame", value: (c) => main(c)?.last_frame_us ?? 0, show: (c) => <Time us={main(c)?.last_frame_us} day={old(main(c))} /> },
  {
    key: "clock",
    name: "Clock",
    number: true,
    value: (c) => Math.abs(main(c)?.clock_error_us ?? -1),
    show: (c) => clockError(main(c)?.clock_error_us),
  },
  { key: "reconnects", name: "Reconnects", number: true, value: (c) => main(c)?.reconnects ?? 0, show: (c) => main(c)?.reconnects ?? 0 },
  { key: "since", name: "Kept since", value: (c) => c.first_us ?? Infinity, show: (c) => <Time us={c.first_us} day /> },
];

function old(stream: Stream | null): boolean {
  return !stream || hubNowUs() - stream.last_frame_us > DAY / 2;
}

export default function CamerasPage() {
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras, refetchInterval: 5_000 });
  const health = useQuery({ queryKey: ["health"], queryFn: hub.health, refetchInterval: 10_000 });
  const [params, setParams] = useSearchParams();
  const search = useRef<HTMLInputElement>(null);
  const phone = useMediaQuery("(max-width: 720px)", window.innerWidth <= 720, { getInitialValueInEffect: false });
  const text = params.get("find") ?? "";
  const state = params.get("state") ?? "";
  const sort = params.get("sort") ?? "name";
  const down = params.get("down") === "1";
  const open = params.get("camera") ?? "";
  const set = (changes: Record<string, string>): void =>
    setParams(
      (now) => {
        const next = new URLSearchParams(now);
        for (const [key, value] of Object.entries(changes)) if (value) next.set(key, value);
          else next.delete(key);
        return next;
      },
      { replace: !("camera" in changes) },
    );
  useKeys("Cameras", [{ press: "/", label: "Find a camera", run: () => search.current?.focus() }]);

  const shown = useMemo(() => {
    const words = text.trim().toLowerCase();
    const column = COLUMNS.find((each) => each.key === sort) ?? COLUMNS[0]!;
    const found = (cameras.data?.cameras ?? []).filter(
      (camera) =>
        `${camera.name} ${camera.place} ${camera.id}`.toLowerCase().includes(words) &&
        (!state || (state === "trouble" ? camera.state !== "recording" : camera.state === state)),
    );
    return found.sort((a, b) => {
      const left = column.value(a);
      const right = column.value(b);
      const order = left < right ? -1 : left > right ? 1 : a.name.localeCompare(b.name);
      return down ? -order : order;
    });
  }, [cameras.data, text, state, sort, down]);

  const chosen = cameras.data?.cameras.find((camera) => camera.id === open);
  const states = [...new Set((cameras.data?.cameras ?? []).map((camera) => camera.state))];
  return (
    <div className="page">
      <div className="inner">
        <h1>Cameras</h1>
        <p className="lead">How every camera and its store are, without pictures.</p>
        {health.data?.sites.map((site) => <SiteHealth key={site.id} site={site} cameras={cameras.data?.cameras ?? []} />)}
        {health.error ? <Trouble error={health.error} again={() => void health.refetch()} /> : null}
        <div className={styles.tools}>
          <TextInput
            ref={search}
            size="xs"
            leftSection={<IconSearch size={14} aria-hidden />}
            placeholder="Find a camera"
            aria-label="Find a camera"
            value={text}
            onChange={(event) => set({ find: event.currentTarget.value })}
            className={styles.find}
          />
          <Select
            size="xs"
            w={170}
            aria-label="State"
            placeholder="Every state"
            clearable
            clearButtonProps={{ "aria-label": "Every state" }}
            value={state || null}
            onChange={(value) => set({ state: value ?? "" })}
            data={[{ value: "trouble", label: "Not recording" }, ...states.map((each) => ({ value: each, label: STATE_WORDS[each] ?? each }))]}
          />
          <span className="quiet">
            {shown.length} of {cameras.data?.cameras.length ?? 0}
          </span>
        </div>
        {cameras.isPending ? <Waiting what="Asking for the cameras." why="The site is slow to answer." /> : null}
        {cameras.error ? <Trouble error={cameras.error} again={() => void cameras.refetch()} /> : null}
        {cameras.data?.cameras.length === 0 ? (
          <Empty title="No camera yet">
            Add the first one on the machine that runs Belvedere: belvedere camera add rtsp://user:password@address/path --name &quot;North gate&quot;
          </Empty>
        ) : null}
        {shown.length > 0 ? (
          phone ? (
            <ul className={styles.cards}>
              {shown.map((camera) => (
                <li key={camera.id}>
                  <button type="button" className={`panel ${styles.cardRow}`} onClick={() => set({ camera: camera.id })} data-testid={`row-${camera.id}`}>
                    <span className={styles.cardTop}>
                      <span className="strong">{camera.name}</span>
                      <StateMark state={camera.state} words />
                    </span>
                    <span className="quiet">
                      {[camera.place, main(camera)?.width ? `${codecName(main(camera)!.codec)} ${main(camera)!.width}×${main(camera)!.height}` : ""]
                        .filter(Boolean)
                        .join(", ")}
                    </span>
                    <span className="quiet">
                      Last frame <Time us={main(camera)?.last_frame_us} day={old(main(camera))} />, clock {clockError(main(camera)?.clock_error_us)}
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          ) : (
            <div className={`panel table-box ${styles.box}`}>
              <table className="table">
                <thead>
                  <tr>
                    {COLUMNS.map((column) => (
                      <th
                        key={column.key}
                        scope="col"
                        className={column.number ? "number" : undefined}
                        aria-sort={sort === column.key ? (down ? "descending" : "ascending") : undefined}
                      >
                        <button
                          type="button"
                          className="sort"
                          onClick={() => set({ sort: column.key, down: sort === column.key && !down ? "1" : "" })}
                        >
                          {column.name}
                          {sort === column.key ? (
                            down ? (
                              <IconSortDescending size={14} aria-hidden />
                            ) : (
                              <IconSortAscending size={14} aria-hidden />
                            )
                          ) : null}
                        </button>
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {shown.map((camera) => (
                    <tr key={camera.id} className="pick" onClick={() => set({ camera: camera.id })} data-testid={`row-${camera.id}`}>
                      {COLUMNS.map((column) => (
                        <td key={column.key} className={column.number ? "number" : undefined}>
                          {column.key === "name" ? (
                            <button
                              type="button"
                              className="link-button"
                              onClick={(event) => {
                                event.stopPropagation();
                                set({ camera: camera.id });
                              }}
                            >
                              {camera.name}
                            </button>
                          ) : (
                            column.show(camera)
                          )}
                        </td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        ) : null}
        {cameras.data && cameras.data.cameras.length > 0 && shown.length === 0 ? (
          <Empty
            title="No camera matches"
            action={
              <Button variant="default" onClick={() => set({ find: "", state: "" })}>
                Show all
              </Button>
            }
          />
        ) : null}
      </div>
      <Drawer
        opened={chosen !== undefined}
        onClose={() => set({ camera: "" })}
        title={chosen?.name}
        position="right"
        size="md"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        {chosen ? <Detail camera={chosen} /> : null}
      </Drawer>
    </div>
  );
}

const ADVICE: Partial<Record<CameraState, string>> = {
  denied: "Set the right name and password with belvedere camera add on the machine of the site.",
  waiting: "The connection stands but nothing comes. Look at the camera's own page, or switch it off and on.",
  connecting: "It is tried again and again. Check the cable, the address, and that the camera has power.",
  refused: "This camera sends what Belvedere can't record. belvedere camera test says what it is.",
  unknown: "The site does not answer. It keeps recording; what it has will be here when it is back.",
};

const RATE_WORDS: Record<string, string> = {
  vbr: "variable: packet sizes follow the picture",
  capped: "variable with a ceiling: packet sizes follow the picture below it",
  cbr: "constant: packet sizes tell little, keyframes are compared instead",
  smart: "smart codec, keyframes far apart",
  unclear: "not clear yet",
};

function Detail({ camera }: { camera: Camera }) {
  const navigate = useNavigate();
  return (
    <div className={styles.detail} data-testid="camera-detail">
      {camera.state === "recording" ? null : (
        <Notice tone="amber" title={camera.message || STATE_WORDS[camera.state]}>
          {ADVICE[camera.state]}
        </Notice>
      )}
      <div className={styles.buttons}>
        <Button size="compact-sm" variant="default" onClick={() => void navigate(`/now?enlarge=${encodeURIComponent(camera.id)}`)}>
          Live
        </Button>
        <Button size="compact-sm" variant="default" onClick={() => void navigate(`/review?cameras=${encodeURIComponent(camera.id)}`)}>
          Review
        </Button>
      </div>
      <dl className={styles.facts}>
        <Fact name="Place">{camera.place || "not said"}</Fact>
        <Fact name="Position">
          {camera.lat !== null && camera.lon !== null ? `${camera.lat.toFixed(5)}, ${camera.lon.toFixed(5)}` : "not set"}
          {camera.bearing_deg !== null ? `, looks ${pointing(camera.bearing_deg)} (${Math.round(camera.bearing_deg)}°)` : ""}
        </Fact>
        <Fact name="Sees">
          {camera.fov_deg !== null ? `${Math.round(camera.fov_deg)}° wide` : "not set"}
          {camera.range_m !== null ? `, ${Math.round(camera.range_m)} m far` : ""}
          {camera.height_m !== null ? `, from ${camera.height_m.toFixed(1)} m up` : ""}
        </Fact>
        <Fact name="Kept since">
          <Time us={camera.first_us} day />
        </Fact>
        <Fact name="Kept">{bytes(camera.bytes_kept)}</Fact>
      </dl>
      <CameraPurposes camera={camera.id} />
      <CameraMasks camera={camera.id} />
      <CameraSound camera={camera.id} />
      <StreamFacts name="Main stream" stream={camera.main} />
      <StreamFacts name="Small stream" stream={camera.sub} />
    </div>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function StreamFacts({ name, stream }: { name: string; stream: Stream | null }) {
  if (!stream) return null;
  return (
    <section>
      <h3 className={styles.streamName}>{name}</h3>
      <dl className={styles.facts}>
        <Fact name="State">
          <StateMark state={stream.state} words />
        </Fact>
        {stream.message ? <Fact name="Says">{stream.message}</Fact> : null}
        <Fact name="Picture">
          {stream.width ? `${codecName(stream.codec)} ${stream.width}×${stream.height}, ${stream.fps ? `${stream.fps.toFixed(1)} frames/s` : "nothing comes now"}` : "none yet"}
        </Fact>
        <Fact name="Bitrate">{bitrate(stream.bits_per_second)}</Fact>
        {stream.gop_seconds ? <Fact name="Keyframe">every {stream.gop_seconds.toFixed(1)} s</Fact> : null}
        <Fact name="Last frame">
          <Time us={stream.last_frame_us} day />
        </Fact>
        {stream.rate_control ? <Fact name="Rate control">{RATE_WORDS[stream.rate_control] ?? stream.rate_control}</Fact> : null}
        <Fact name="Camera's clock">{clockError(stream.clock_error_us)}</Fact>
        <Fact name="Reconnects">{stream.reconnects}</Fact>
        <Fact name="Lost packets">{stream.lost_packets}</Fact>
      </dl>
    </section>
  );
}

