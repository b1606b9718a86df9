// One rule: what it minds, where in the picture, when, why. Drawn over what the person's own access shows, or typed.

import { Button, Checkbox, Chip, NumberInput, SegmentedControl, Select, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconArrowLeft } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { HubError, type Camera } from "../api";
import { Notice } from "../frame/Notice";
import { Time } from "../frame/Time";
import { MaskedTile } from "../masks/MaskedTile";
import { box, type Corner } from "../masks/polygon";
import { DAY, fromIsoDay, isoDay } from "../time";
import { HoursOfRule } from "./HoursOfRule";
import { RuleCanvas } from "./RuleCanvas";
import {
  aboutPeople,
  emptyWatch,
  HINT_WORDS,
  KIND_WORDS,
  liveRules,
  missing,
  needsObjects,
  needsZone,
  OBJECT_WORDS,
  WAYS,
  type Rule,
  type RuleKind,
  type Rules,
  type RuleWords,
  type Watch,
} from "./rules";
import styles from "./Rules.module.css";

interface Props {
  /** null for a new one. */
  rule: Rule | null;
  rules: Rules;
  cameras: Camera[];
  done: () => void;
}

export function RuleForm({ rule, rules, cameras, done }: Props) {
  const client = useQueryClient();
  const may = rules.may_make;
  const [words, setWords] = useState<RuleWords>(
    rule
      ? { camera: rule.camera, base: rule.version, name: rule.name, on: rule.on, reason: rule.reason, watch: rule.watch }
      : { camera: "", base: 0, name: "", on: true, reason: "", watch: emptyWatch("court") },
  );
  const [saving, setSaving] = useState(false);
  const [error, setError] = useState<HubError | null>(null);
  const watch = words.watch;
  const set = (change: Partial<RuleWords>) => setWords({ ...words, ...change });
  const mind = (change: Partial<Watch>) => set({ watch: { ...watch, ...change } });
  const lacks = missing(words, rules.now_us);
  const line = watch.kind === "line";

  const save = async () => {
    setSaving(true);
    setError(null);
    try {
      client.setQueryData(["rules"], await liveRules.put(rule?.id ?? "", words));
      notifications.show({ message: "The site has it within seconds. What minds something new only counts for a week.", color: "teal" });
      done();
    } catch (fault) {
      if (fault instanceof HubError) setError(fault);
      else throw fault;
    } finally {
      setSaving(false);
    }
  };

  return (
    <div className={styles.form}>
      <div className={styles.title}>
        <Button variant="subtle" color="gray" size="compact-sm" leftSection={<IconArrowLeft size={15} />} onClick={done}>
          Rules
        </Button>
        <h1>{rule ? rule.name : "New rule"}</h1>
      </div>
      <div className={styles.columns}>
        <div className={styles.drawing}>
          {watch.kind === "tamper" ? (
            <Notice title="About the whole picture">Raised when the picture of this camera has been like this for 20 seconds.</Notice>
          ) : (
            <>
              <RuleCanvas
                points={line ? watch.line : watch.zone}
                kind={line ? "line" : "zone"}
                most={line ? 2 : 64}
                editable={may}
                change={(points) => mind(line ? { line: points } : { zone: points })}
              >
                {words.camera ? <MaskedTile camera={words.camera} without="No picture without access. Draw here all the same, or by numbers below." /> : <div className={styles.noPicture}>Choose a camera</div>}
              </RuleCanvas>
              {may ? (
                <div className={styles.acts}>
                  <span className="quiet">{line ? "Click where the line begins and where it ends." : "Click the corners of the zone; without any it is the whole picture."}</span>
                  <Button
                    size="compact-sm"
                    variant="default"
                    data-testid="put-shape"
                    onClick={() => mind(line ? { line: [[0.5, 0.9], [0.5, 0.3]] } : { zone: box(0) })}
                  >
                    {line ? "Put a line" : "Put a box"}
                  </Button>
                  <Button size="compact-sm" variant="default" onClick={() => mind(line ? { line: [] } : { zone: [] })}>
                    Take it away
                  </Button>
                </div>
              ) : null}
              <Points points={line ? watch.line : watch.zone} editable={may} change={(points) => mind(line ? { line: points } : { zone: points })} />
            </>
          )}
          {rule ? <Versions id={rule.id} version={rule.version} /> : null}
        </div>
        <fieldset className={styles.fields} disabled={!may}>
          <Select
            label="Camera"
            searchable
            disabled={rule !== null}
            value={words.camera || null}
            data={cameras.map((camera) => ({ value: camera.id, label: camera.name }))}
            onChange={(camera) => set({ camera: camera ?? "" })}
            data-testid="rule-camera"
          />
          <TextInput label="Name" placeholder="Mopeds in Rowan court" maxLength={80} value={words.name} onChange={(event) => set({ name: event.currentTarget.value })} data-testid="rule-name" />
          <Select
            label="It minds"
            allowDeselect={false}
            value={watch.kind}
            data={Object.entries(KIND_WORDS).map(([value, label]) => ({ value, label }))}
            onChange={(kind) => kind && set({ watch: { ...emptyWatch(kind as RuleKind), zone: needsZone(kind as RuleKind) ? watch.zone : [], windows: watch.windows } })}
            data-testid="rule-kind"
          />
          {needsObjects(watch.kind) ? (
            <Group label="Of what">
              <Chip.Group multiple value={watch.objects.map(String)} onChange={(found) => mind({ objects: found.map(Number).sort() })}>
                <div className={styles.chips}>
                  {Object.entries(OBJECT_WORDS).map(([kind, label]) => (
                    <Chip key={kind} value={kind} size="xs">
                      {label}
                    </Chip>
                  ))}
                </div>
              </Chip.Group>
            </Group>
          ) : (
            <Group label="The picture is">
              <Chip.Group multiple value={watch.hints} onChange={(hints) => mind({ hints })}>
                <div className={styles.chips}>
                  {Object.entries(HINT_WORDS).map(([hint, label]) => (
                    <Chip key={hint} value={hint} size="xs">
                      {label}
                    </Chip>
                  ))}
                </div>
              </Chip.Group>
              <span className="quiet">None chosen: any of them.</span>
            </Group>
          )}
          {line ? (
            <Group label="Direction, walking from the first point to the second">
              <SegmentedControl
                size="xs"
                value={String(watch.direction)}
                onChange={(value) => mind({ direction: Number(value) })}
                data={[
                  { value: "0", label: "Both" },
                  { value: "1", label: "From the left" },
                  { value: "-1", label: "From the right" },
                ]}
              />
            </Group>
          ) : null}
          {watch.kind === "wrong_way" ? (
            <Select
              label="The right way, in the picture"
              allowDeselect={false}
              value={String(watch.direction)}
              data={WAYS.map((label, value) => ({ value: String(value), label }))}
              onChange={(value) => mind({ direction: Number(value ?? 0) })}
            />
          ) : null}
          {watch.kind === "crowd" ? (
            <NumberInput label="So many at once" min={2} max={50} value={watch.count} onChange={(value) => mind({ count: Number(value) || 2 })} />
          ) : null}
          {watch.kind === "dwell" || watch.kind === "left" || watch.kind === "crowd" ? (
            <NumberInput label="For so long" suffix=" s" min={5} max={14400} value={watch.seconds} onChange={(value) => mind({ seconds: Number(value) || 0 })} />
          ) : null}
          <HoursOfRule windows={watch.windows} change={(windows) => mind({ windows })} />
          <NumberInput
            label="Pause after an alarm"
            suffix=" min"
            min={0}
            max={1440}
            value={Math.round(watch.cool_down_s / 60)}
            onChange={(value) => mind({ cool_down_s: (Number(value) || 0) * 60 })}
          />
          {aboutPeople(watch) ? (
            <>
              <Notice tone="amber" title="People may stay where they like">
                Such a rule can strike some people more than others. Write why it is needed, and choose a day within a year on which somebody looks at whom it
                struck. From that day it raises nothing until then.
              </Notice>
              <TextInput
                type="date"
                label="Bias review"
                min={isoDay(rules.now_us + DAY)}
                max={isoDay(rules.now_us + 365 * DAY)}
                value={watch.review_us ? isoDay(watch.review_us) : ""}
                onChange={(event) => mind({ review_us: fromIsoDay(event.currentTarget.value) ?? 0 })}
                data-testid="rule-review"
              />
            </>
          ) : null}
          <Textarea label="Why" autosize minRows={2} maxLength={1000} value={words.reason} onChange={(event) => set({ reason: event.currentTarget.value })} data-testid="rule-reason" />
          <Checkbox label="Switched on" checked={words.on} onChange={(event) => set({ on: event.currentTarget.checked })} />
          {error ? (
            <Notice tone="red" title={error.message}>
              {error.advice}
            </Notice>
          ) : null}
          {may ? (
            <div className={styles.acts}>
              <Button onClick={() => void save()} loading={saving} disabled={lacks !== ""} data-testid="save-rule">
                Save
              </Button>
              <span className="quiet">{lacks}</span>
            </div>
          ) : (
            <span className="quiet">Supervisors and register editors change rules.</span>
          )}
        </fieldset>
      </div>
    </div>
  );
}

function Group({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div className={styles.group} role="group" aria-label={label}>
      <span className={styles.label}>{label}</span>
      {children}
    </div>
  );
}

function Points({ points, editable, change }: { points: Corner[]; editable: boolean; change: (points: Corner[]) => void }) {
  if (points.length === 0) return null;
  const put = (at: number, axis: 0 | 1, percent: number) =>
    change(points.map((point, index) => (index === at ? (point.map((old, each) => (each === axis ? Math.min(1, Math.max(0, percent / 100)) : old)) as Corner) : point)));
  return (
    <details className={styles.points}>
      <summary>By numbers</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">Point</th>
            <th scope="col">% across</th>
            <th scope="col">% down</th>
          </tr>
        </thead>
        <tbody>
          {points.map((point, at) => (
            <tr key={at}>
              <th scope="row">{at + 1}</th>
              {([0, 1] as const).map((axis) => (
                <td key={axis}>
                  <NumberInput
                    size="xs"
                    disabled={!editable}
                    aria-label={`Point ${at + 1}, % ${axis === 0 ? "across" : "down"}`}
                    value={Math.round(point[axis] * 1000) / 10}
                    min={0}
                    max={100}
                    decimalScale={1}
                    onChange={(value) => put(at, axis, Number(value) || 0)}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function Versions({ id, version }: { id: string; version: number }) {
  const found = useQuery({ queryKey: ["rule-versions", id, version], queryFn: () => liveRules.versions(id) });
  return (
    <details className={styles.points}>
      <summary>Versions</summary>
      <ol className={styles.versions} data-testid="rule-versions">
        {found.data?.map((each) => (
          <li key={each.version}>
            <span className="strong">{each.version}</span>: {each.name}
            {each.on ? "" : ", off"}, {each.made_by}, <Time us={each.made_us} day />
            <p className="quiet">{each.reason}</p>
          </li>
        ))}
      </ol>
    </details>
  );
}

