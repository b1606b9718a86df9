// The facets of a search as chips: each opens what changes it; the cross takes it away.

import { Button, Checkbox, NumberInput, Popover, Select, TextInput } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import { useState, type ReactNode } from "react";
import { hubNowUs, type Camera, type Grant } from "../api";
import { TimeField } from "../access/TimeField";
import { DAY, HOUR, MINUTE, dayClock, midnight } from "../time";
import { COLOURS, KINDS, SIZES, WAYS, colourWords, kindWords, minuteOf, minuteWords, sizeWords, wayWords, type Corner, type Facets } from "./search";
import { ZoneDialog } from "./ZoneDialog";
import styles from "./Search.module.css";

interface Props {
  facets: Facets;
  cameras: Camera[];
  grant: Grant;
  onChange: (facets: Facets) => void;
}

interface FacetProps {
  name: string;
  label: string;
  value: string;
  onClear?: () => void;
  children: (close: () => void) => ReactNode;
  width?: number;
}

/** One facet: a chip where it is set, a quiet button where it is not. */
function Facet({ name, label, value, onClear, children, width = 260 }: FacetProps) {
  const [open, setOpen] = useState(false);
  return (
    <span className={styles.facet} data-set={value !== "" || undefined} data-testid={`facet-${name}`}>
      <Popover opened={open} onChange={setOpen} position="bottom-start" width={width} trapFocus returnFocus transitionProps={{ duration: 100 }}>
        <Popover.Target>
          <button type="button" className={styles.facetButton} onClick={() => setOpen(!open)} aria-expanded={open} data-testid={`facet-${name}-open`}>
            {value ? (
              <>
                <span className={styles.facetLabel}>{label}</span> <span className={styles.facetValue}>{value}</span>
              </>
            ) : (
              <>
                <IconPlus size={13} aria-hidden /> {label}
              </>
            )}
          </button>
        </Popover.Target>
        <Popover.Dropdown p={10} aria-label={label}>
          {children(() => setOpen(false))}
        </Popover.Dropdown>
      </Popover>
      {value && onClear ? (
        <button type="button" className={styles.facetClear} onClick={onClear} aria-label={`Without ${label.toLowerCase()}: ${value}`}>
          <IconX size={13} aria-hidden />
        </button>
      ) : null}
    </span>
  );
}

function Choices({ names, chosen, onChange }: { names: [number, string][]; chosen: number[]; onChange: (chosen: number[]) => void }) {
  return (
    <div className={styles.choices}>
      {names.map(([number, text]) => (
        <Checkbox
          key={number}
          size="xs"
          label={text}
          checked={chosen.includes(number)}
          onChange={(event) => onChange(event.currentTarget.checked ? [...chosen, number] : chosen.filter((each) => each !== number))}
        />
      ))}
    </div>
  );
}

export function FacetBar({ facets, cameras, grant, onChange }: Props) {
  const [zoning, setZoning] = useState<Camera | null>(null);
  const set = (more: Partial<Facets>): void => onChange({ ...facets, ...more });
  const names = new Map(cameras.map((camera) => [camera.id, camera.name]));
  const chosen = facets.cameras ?? [];
  const zones = facets.zones ?? {};
  const where = chosen.length === 0 ? "" : chosen.length > 3 ? `${chosen.length} cameras` : chosen.map((id) => names.get(id) ?? id).join(", ");
  const zoned = Object.keys(zones).length;
  const when = facets.from_us || facets.to_us ? `${facets.from_us ? dayClock(facets.from_us) : "its start"} to ${facets.to_us ? dayClock(facets.to_us) : "now"}` : "";
  const timed = facets.from_minute != null && facets.to_minute != null;
  return (
    <div className={styles.facets} role="group" aria-label="What is searched">
      <Facet name="what" label="What" value={kindWords(facets.kinds)} onClear={() => set({ kinds: [] })}>
        {() => <Choices names={KINDS} chosen={facets.kinds ?? []} onChange={(kinds) => set({ kinds })} />}
      </Facet>
      <Facet name="colour" label="Vehicle colour" value={colourWords(facets.colours)} onClear={() => set({ colours: [] })}>
        {() => <Choices names={COLOURS} chosen={facets.colours ?? []} onChange={(colours) => set({ colours })} />}
      </Facet>
      {facets.clothing?.length ? (
        <Facet name="clothing" label="Clothing" value={colourWords(facets.clothing)} onClear={() => set({ clothing: [] })}>
          {() => <p className={styles.hint}>Needs a second person who approved exactly these words, once. Take it away to search without.</p>}
        </Facet>
      ) : null}
      <Facet name="together" label="Together with" value={kindWords(facets.together)} onClear={() => set({ together: [] })}>
        {() => <Choices names={KINDS} chosen={facets.together ?? []} onChange={(together) => set({ together })} />}
      </Facet>
      <Facet name="how-many" label="How many" value={(facets.at_least ?? 1) > 1 ? `${facets.at_least} or more` : ""} onClear={() => set({ at_least: 1 })}>
        {() => (
          <NumberInput
            size="xs"
            label="At the same time, at least"
            min={1}
            max={100}
            value={facets.at_least ?? 1}
            onChange={(value) => set({ at_least: typeof value === "number" ? Math.max(1, Math.min(100, Math.round(value))) : 1 })}
          />
        )}
      </Facet>
      <Facet name="where" label="Where" value={where} onClear={() => set({ cameras: [], zones: {} })} width={320}>
        {(close) => (
          <CameraChoice
            cameras={cameras}
            chosen={chosen}
            zones={zones}
            onChange={(next) => set({ cameras: next, zones: Object.fromEntries(Object.entries(zones).filter(([id]) => next.includes(id))) })}
            onZone={(camera) => {
              close();
              setZoning(camera);
            }}
          />
        )}
      </Facet>
      {zoned > 0 ? (
        <span className={styles.facet} data-set data-testid="facet-zone">
          <span className={styles.facetButton}>
            <span className={styles.facetLabel}>Zone on</span>{" "}
            <span className={styles.facetValue}>
              {Object.keys(zones)
                .map((id) => names.get(id) ?? id)
                .join(", ")}
            </span>
          </span>
          <button type="button" className={styles.facetClear} onClick={() => set({ zones: {} })} aria-label="Without zones">
            <IconX size={13} aria-hidden />
          </button>
        </span>
      ) : null}
      <Facet name="when" label="When" value={when} onClear={() => set({ from_us: null, to_us: null })} width={300}>
        {() => <Times facets={facets} grant={grant} set={set} />}
      </Facet>
      <Facet
        name="time-of-day"
        label="Time of day"
        value={timed ? `${minuteWords(facets.from_minute!)} to ${minuteWords(facets.to_minute!)}` : ""}
        onClear={() => set({ from_minute: null, to_minute: null })}
      >
        {() => <TimeOfDay facets={facets} set={set} />}
      </Facet>
      <Facet
        name="direction"
        label="Direction"
        value={facets.headings?.length ? wayWords(facets.headings) : ""}
        onClear={() => set({ headings: [] })}
      >
        {() => (
          <div className={styles.choices}>
            {WAYS.map(([name, text, each]) => {
              const on = each.every((heading) => facets.headings?.includes(heading));
              return (
                <Checkbox
                  key={name}
                  size="xs"
                  label={text}
                  checked={on}
                  onChange={() => {
                    const rest = WAYS.filter(([other, , ways]) => other !== name && ways.every((heading) => facets.headings?.includes(heading)));
                    set({ headings: [...new Set([...rest.flatMap(([, , ways]) => ways), ...(on ? [] : each)])] });
                  }}
                />
              );
            })}
          </div>
        )}
      </Facet>
      <Facet
        name="size"
        label="Size"
        value={(facets.least_height ?? 0) > 0 || (facets.most_height ?? 1) < 1 ? sizeWords(facets) : ""}
        onClear={() => set({ least_height: 0, most_height: 1 })}
        width={340}
      >
        {() => (
          <Select
            size="xs"
            label="Size in the picture"
            comboboxProps={{ withinPortal: false }}
            data={SIZES.map(([value, label]) => ({ value, label }))}
            value={SIZES.find(([, , low, high]) => low === (facets.least_height ?? 0) && high === (facets.most_height ?? 1))?.[0] ?? null}
            onChange={(value) => {
              const size = SIZES.find(([name]) => name === value);
              if (size) set({ least_height: size[2], most_height: size[3] });
            }}
          />
        )}
      </Facet>
      <Facet
        name="duration"
        label="How long"
        value={facets.least_duration_us ? `${Math.round(facets.least_duration_us / 6e6) / 10} min or longer` : ""}
        onClear={() => set({ least_duration_us: 0 })}
      >
        {() => (
          <NumberInput
            size="xs"
            label="There for so many minutes or longer"
            min={0}
            max={1440}
            decimalScale={1}
            value={(facets.least_duration_us ?? 0) / MINUTE}
            onChange={(value) => set({ least_duration_us: typeof value === "number" ? Math.round(value * MINUTE) : 0 })}
          />
        )}
      </Facet>
      {zoning ? (
        <ZoneDialog
          camera={zoning}
          at={facets.from_us ?? null}
          zone={zones[zoning.id] ?? []}
          onClose={() => setZoning(null)}
          onDone={(zone: Corner[]) => {
            const rest = Object.fromEntries(Object.entries(zones).filter(([id]) => id !== zoning.id));
            set({
              cameras: chosen.includes(zoning.id) ? chosen : [...chosen, zoning.id],
              zones: zone.length ? { ...rest, [zoning.id]: zone } : rest,
            });
            setZoning(null);
          }}
        />
      ) : null}
    </div>
  );
}

interface CameraChoiceProps {
  cameras: Camera[];
  chosen: string[];
  zones: Record<string, Corner[]>;
  onChange: (chosen: string[]) => void;
  onZone: (camera: Camera) => void;
}

function CameraChoice({ cameras, chosen, zones, onChange, onZone }: CameraChoiceProps) {
  const [text, setText] = useState("");
  const found = cameras.filter((camera) => `${camera.name} ${camera.place}`.toLowerCase().includes(text.trim().toLowerCase()));
  return (
    <>
      <TextInput size="xs" placeholder="Find a camera" aria-label="Find a camera" value={text} onChange={(event) => setText(event.currentTarget.value)} data-autofocus />
      <div className={styles.cameraChoices}>
        {found.map((camera) => (
          <div key={camera.id} className={styles.cameraChoice}>
            <Checkbox
              size="xs"
              label={camera.name}
              checked={chosen.includes(camera.id)}
              onChange={(event) => onChange(event.currentTarget.checked ? [...chosen, camera.id] : chosen.filter((id) => id !== camera.id))}
            />
            <Button size="compact-xs" variant="subtle" onClick={() => onZone(camera)} aria-label={`${zones[camera.id] ? "Change the" : "Draw a"} zone on ${camera.name}`} data-testid={`zone-${camera.id}`}>
              {zones[camera.id] ? "Change zone" : "Draw a zone"}
            </Button>
          </div>
        ))}
      </div>
      <p className={styles.hint}>None chosen: every camera that your access opens.</p>
    </>
  );
}

function Times({ facets, grant, set }: { facets: Facets; grant: Grant; set: (more: Partial<Facets>) => void }) {
  const [version, setVersion] = useState(0);
  const quick = (from_us: number | null, to_us: number | null): void => {
    set({ from_us, to_us });
    setVersion(version + 1);
  };
  const now = hubNowUs();
  const dusk = midnight(now, -1) + 18 * HOUR;
  return (
    <div className={styles.times}>
      <TimeField key={`from-${version}`} label="From" value={facets.from_us ?? null} onChange={(us) => us !== null && set({ from_us: Math.floor(us) })} />
      <TimeField key={`to-${version}`} label="To" value={facets.to_us ?? null} onChange={(us) => us !== null && set({ to_us: Math.ceil(us) })} />
      <div className={styles.quick}>
        <Button size="compact-xs" variant="default" onClick={() => quick(dusk, midnight(now) + 6 * HOUR)}>
          Last night
        </Button>
        <Button size="compact-xs" variant="default" onClick={() => quick(Math.floor(now - DAY), Math.floor(now))}>
          Last 24 hours
        </Button>
        <Button size="compact-xs" variant="default" onClick={() => quick(null, null)}>
          All of this access
        </Button>
      </div>
      <p className={styles.hint}>
        Your access opens {dayClock(grant.from_us)} to {dayClock(grant.to_us)}.
      </p>
    </div>
  );
}

function TimeOfDay({ facets, set }: { facets: Facets; set: (more: Partial<Facets>) => void }) {
  const [from, setFrom] = useState(facets.from_minute == null ? "" : minuteWords(facets.from_minute));
  const [to, setTo] = useState(facets.to_minute == null ? "" : minuteWords(facets.to_minute));
  const told = (first: string, last: string): void => {
    const from_minute = minuteOf(first);
    const to_minute = minuteOf(last);
    if (from_minute !== null && to_minute !== null) set({ from_minute, to_minute });
  };
  return (
    <div className={styles.times}>
      <TextInput
        size="xs"
        label="Each day from"
        placeholder="22:00"
        value={from}
        error={from && minuteOf(from) === null ? "Write it as 22:00" : undefined}
        onChange={(event) => {
          setFrom(event.currentTarget.value);
          told(event.currentTarget.value, to);
        }}
      />
      <TextInput
        size="xs"
        label="to"
        placeholder="06:00"
        value={to}
        error={to && minuteOf(to) === null ? "Write it as 06:00" : undefined}
        onChange={(event) => {
          setTo(event.currentTarget.value);
          told(from, event.currentTarget.value);
        }}
      />
      <p className={styles.hint}>May pass midnight.</p>
    </div>
  );
}
