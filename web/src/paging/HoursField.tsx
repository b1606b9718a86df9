// Days of the week and times of the day, for one contact or for the office.

import { Checkbox, TextInput } from "@mantine/core";
import { DAYS, fromClock, toClock, type Hours } from "./paging";
import styles from "./Paging.module.css";

export function HoursField({ label, value, change }: { label: string; value: Hours; change: (hours: Hours) => void }) {
  const set = (day: number, on: boolean): void => change({ ...value, days: on ? [...value.days, day].sort((a, b) => a - b) : value.days.filter((each) => each !== day) });
  const time = (name: "from_minute" | "to_minute", text: string): void => {
    const minute = fromClock(text);
    if (minute !== null) change({ ...value, [name]: minute });
  };
  return (
    <div className={styles.week}>
      <fieldset className={styles.days}>
        <legend>{label}</legend>
        <div>
          {DAYS.map((name, day) => (
            <Checkbox key={name} size="xs" label={name} checked={value.days.includes(day)} onChange={(event) => set(day, event.currentTarget.checked)} />
          ))}
        </div>
      </fieldset>
      <TextInput type="time" label="From" value={toClock(value.from_minute)} onChange={(event) => time("from_minute", event.currentTarget.value)} />
      <TextInput
        type="time"
        label="To"
        value={toClock(value.to_minute)}
        description={value.from_minute === value.to_minute ? "The whole day" : value.to_minute < value.from_minute ? "The next morning" : undefined}
        inputWrapperOrder={["label", "input", "description"]}
        onChange={(event) => time("to_minute", event.currentTarget.value)}
      />
    </div>
  );
}
