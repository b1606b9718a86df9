// Give less than was asked: fewer cameras, a shorter time, fewer deeds, open for less long.

import { Checkbox, Select } from "@mantine/core";
import { TimeField } from "../access/TimeField";
import { ACTION, length } from "../purposes/purposes";
import { HOUR, MINUTE } from "../time";
import type { Ask, Extent } from "./approvals";
import styles from "./Approvals.module.css";

const LENGTHS = [30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR];

interface Props {
  ask: Ask;
  wanted: Extent;
  change: (wanted: Extent) => void;
  name: (camera: string) => string;
  error: string;
}

export function NarrowForm({ ask, wanted, change, name, error }: Props) {
  const lengths = [...LENGTHS.filter((each) => each < ask.lasts_us), ask.lasts_us];
  if (!lengths.includes(wanted.lasts_us)) lengths.push(wanted.lasts_us);
  return (
    <div className={styles.narrow} data-testid="narrow-form">
      <Checkbox.Group label="Cameras" value={wanted.cameras} onChange={(cameras) => change({ ...wanted, cameras })}>
        <div className={styles.boxes}>
          {ask.cameras.map((id) => (
            <Checkbox key={id} value={id} label={name(id)} />
          ))}
        </div>
      </Checkbox.Group>
      <Checkbox.Group label="Allows" value={wanted.actions} onChange={(actions) => change({ ...wanted, actions })}>
        <div className={styles.boxes}>
          {ask.actions.map((each) => (
            <Checkbox key={each} value={each} label={ACTION[each] ?? each} />
          ))}
        </div>
      </Checkbox.Group>
      <div className={styles.three}>
        <TimeField label="From" value={wanted.from_us} onChange={(from_us) => from_us !== null && change({ ...wanted, from_us })} />
        <TimeField label="To" value={wanted.to_us} onChange={(to_us) => to_us !== null && change({ ...wanted, to_us })} />
        <Select
          label="Open for"
          data={lengths.sort((a, b) => a - b).map((each) => ({ value: String(each), label: length(each) }))}
          value={String(wanted.lasts_us)}
          onChange={(next) => change({ ...wanted, lasts_us: Number(next) })}
          allowDeselect={false}
        />
      </div>
      {error ? (
        <p role="alert" className={styles.wrong}>
          {error}
        </p>
      ) : null}
    </div>
  );
}
