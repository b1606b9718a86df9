// Moving a camera: hold a button or a key, let go and it stops. Says who else is steering.

import { ActionIcon, Button, Menu, Modal, TextInput, Tooltip } from "@mantine/core";
import { IconArrowDown, IconArrowLeft, IconArrowRight, IconArrowUp, IconMapPin, IconMinus, IconPlus } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState, type FormEvent, type ReactNode } from "react";
import { HubError } from "../api";
import { useKeys } from "../frame/keys";
import { useGrant } from "../session";
import { clock } from "../time";
import { devices, type DeviceNow, type Turn } from "./devices";
import { Mover, ORDER_S, type Speeds } from "./mover";
import styles from "./Ptz.module.css";

const SPEED = 0.5;
const NUDGE_MS = 400;

interface Way {
  name: string;
  keys: string | string[];
  shown: string;
  speeds: Speeds;
  icon: ReactNode;
}

const WAYS: Way[] = [
  { name: "Turn left", keys: "ArrowLeft", shown: "←", speeds: { pan: -SPEED, tilt: 0, zoom: 0 }, icon: <IconArrowLeft size={18} /> },
  { name: "Tilt up", keys: "ArrowUp", shown: "↑", speeds: { pan: 0, tilt: SPEED, zoom: 0 }, icon: <IconArrowUp size={18} /> },
  { name: "Tilt down", keys: "ArrowDown", shown: "↓", speeds: { pan: 0, tilt: -SPEED, zoom: 0 }, icon: <IconArrowDown size={18} /> },
  { name: "Turn right", keys: "ArrowRight", shown: "→", speeds: { pan: SPEED, tilt: 0, zoom: 0 }, icon: <IconArrowRight size={18} /> },
  { name: "Zoom out", keys: "-", shown: "-", speeds: { pan: 0, tilt: 0, zoom: -SPEED }, icon: <IconMinus size={18} /> },
  { name: "Zoom in", keys: ["+", "="], shown: "+", speeds: { pan: 0, tilt: 0, zoom: SPEED }, icon: <IconPlus size={18} /> },
];

/** The pad of a camera that can be moved; nothing for one that can't. */
export function PtzPad({ camera, name }: { camera: string; name: string }) {
  const { grant } = useGrant();
  const all = useQuery({ queryKey: ["devices"], queryFn: devices.all, refetchInterval: 2_000, retry: false });
  const device = all.data?.find((each) => each.camera === camera);
  if (!device?.ptz || !grant) return null;
  if (!grant.actions.includes("ptz"))
    return (
      <div className={styles.pad} data-testid="ptz-not-allowed">
        <span className="quiet">This access does not allow moving the camera.</span>
      </div>
    );
  return <Pad key={camera} device={device} name={name} grant={grant.id} />;
}

function Pad({ device, name, grant }: { device: DeviceNow; name: string; grant: string }) {
  const camera = device.camera;
  const client = useQueryClient();
  const [trouble, setTrouble] = useState<Error | null>(null);
  const [open, setOpen] = useState(false);
  const [naming, setNaming] = useState(false);
  const held = useRef(false);

  const told = useCallback(
    (turn: Turn) => {
      setTrouble(null);
      held.current = turn.mine;
      client.setQueryData<DeviceNow[]>(["devices"], (before) =>
        before?.map((each) => (each.camera === camera ? { ...each, holder: turn.holder, mine: turn.mine, free_us: turn.free_us } : each)),
      );
    },
    [client, camera],
  );
  const mover = useMemo(
    () => new Mover((speeds) => devices.move(camera, grant, speeds, ORDER_S).then(told), setTrouble),
    [camera, grant, told],
  );

  // Letting go stops it, wherever that happens: key, window, page.
  useEffect(() => {
    const stop = () => mover.release();
    const hidden = () => document.hidden && mover.release();
    window.addEventListener("keyup", stop);
    window.addEventListener("blur", stop);
    document.addEventListener("visibilitychange", hidden);
    return () => {
      window.removeEventListener("keyup", stop);
      window.removeEventListener("blur", stop);
      document.removeEventListener("visibilitychange", hidden);
      mover.release();
      if (held.current) devices.release(camera, grant).catch(() => undefined); // it is free in ten seconds all the same
      held.current = false;
    };
  }, [mover, camera, grant]);

  useKeys("Move the camera", [
    ...WAYS.map((way) => ({ press: way.keys, label: way.name, run: (event: KeyboardEvent) => event.repeat || mover.press(way.speeds) })),
    { press: "p", label: "Presets", run: () => setOpen(true) },
  ]);

  const go = (preset: string) => devices.go(camera, grant, preset).then(told, setTrouble);
  return (
    <div className={styles.pad} role="group" aria-label={`Move ${name}`} data-testid="ptz">
      <div className={styles.ways}>
        {WAYS.map((way) => (
          <Hold key={way.name} way={way} mover={mover} />
        ))}
      </div>
      <Presets camera={camera} grant={grant} open={open} setOpen={setOpen} go={(preset) => void go(preset)} keep={() => setNaming(true)} />
      <p className={styles.says} data-tone={trouble ? "amber" : undefined} data-testid="ptz-says">
        {trouble ? words(trouble) : says(device)}
      </p>
      {/* Said aloud when it changes, without the time that changes all the while. */}
      <span className="visually-hidden" role="status">
        {trouble ? words(trouble) : device.mine ? "You are steering." : device.holder ? `${device.holder} is steering.` : ""}
      </span>
      {naming ? <Naming camera={camera} grant={grant} close={() => setNaming(false)} /> : null}
    </div>
  );
}

function words(error: Error): string {
  return error instanceof HubError && error.advice ? `${error.message} ${error.advice}` : error.message;
}

function says(device: DeviceNow): string {
  if (device.state !== "watching" && device.message) return device.message;
  if (!device.holder) return "Hold a button or a key; let go to stop.";
  if (device.mine) return "You are steering. Others see your name.";
  return `${device.holder} is steering. Free at ${clock(device.free_us)} unless they go on.`;
}

function Hold({ way, mover }: { way: Way; mover: Mover }) {
  const start = () => mover.press(way.speeds);
  const stop = () => mover.release();
  return (
    <Tooltip label={`${way.name} (${way.shown})`} openDelay={600}>
      <ActionIcon
        variant="default"
        size={32}
        aria-label={way.name}
        className={styles.hold}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          start();
        }}
        onPointerUp={stop}
        onPointerCancel={stop}
        onLostPointerCapture={stop}
        onContextMenu={(event) => event.preventDefault()}
        onBlur={stop}
        onKeyDown={(event) => {
          if (event.key !== " " && event.key !== "Enter") return;
          event.preventDefault();
          if (!event.repeat) start(); // a refused order is not given again because the key is still down
        }}
        onClick={(event) => {
          // A click without pointer or key comes from assistive technology: a small step.
          if (event.detail !== 0) return;
          start();
          window.setTimeout(stop, NUDGE_MS);
        }}
      >
        {way.icon}
      </ActionIcon>
    </Tooltip>
  );
}

interface PresetsProps {
  camera: string;
  grant: string;
  open: boolean;
  setOpen: (open: boolean) => void;
  go: (preset: string) => void;
  keep: () => void;
}

function Presets({ camera, grant, open, setOpen, go, keep }: PresetsProps) {
  const presets = useQuery({
    queryKey: ["presets", camera],
    queryFn: () => devices.presets(camera, grant),
    enabled: open,
    retry: false,
  });
  return (
    <Menu opened={open} onChange={setOpen} position="top-start" withinPortal>
      <Menu.Target>
        <Button size="compact-sm" variant="default" leftSection={<IconMapPin size={16} />} data-testid="ptz-presets">
          Presets
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {presets.data?.map((preset) => (
          <Menu.Item key={preset.token} onClick={() => go(preset.token)}>
            {preset.name || preset.token}
          </Menu.Item>
        ))}
        {presets.isPending ? <Menu.Label>Asking the camera.</Menu.Label> : null}
        {presets.error ? <Menu.Label>{words(presets.error)}</Menu.Label> : null}
        {presets.data?.length === 0 ? <Menu.Label>It remembers none yet.</Menu.Label> : null}
        <Menu.Divider />
        <Menu.Item onClick={keep}>Keep this view</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Naming({ camera, grant, close }: { camera: string; grant: string; close: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [trouble, setTrouble] = useState("");
  const keep = async (event: FormEvent) => {
    event.preventDefault();
    try {
      client.setQueryData(["presets", camera], await devices.keep(camera, grant, name.trim()));
      close();
    } catch (error) {
      setTrouble(words(error as Error));
    }
  };
  return (
    <Modal opened onClose={close} title="Keep this view" centered>
      <form onSubmit={(event) => void keep(event)}>
        <TextInput label="What it looks at" value={name} maxLength={64} error={trouble} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
        <Button type="submit" mt="md" disabled={!name.trim()}>
          Keep
        </Button>
      </form>
    </Modal>
  );
}
