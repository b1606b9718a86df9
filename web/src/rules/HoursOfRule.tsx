// When a rule watches: windows of days and hours, local to the site. None: always.

import { ActionIcon, Button, Chip, TextInput } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { DAY_WORDS, type Hours } from "./rules";
import styles from "./Rules.module.css";

const text = (minute: number): string => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;

function minutes(value: string): number {
  const [hours, rest] = value.split(":").map(Number);
  return (hours ?? 0) * 60 + (rest ?? 0);
}

export function HoursOfRule({ windows, change }: { windows: Hours[]; change: (windows: Hours[]) => void }) {
  const put = (at: number, next: Partial<Hours>) => change(windows.map((each, index) => (index === at ? { ...each, ...next } : each)));
  return (
    <div className={styles.group} role="group" aria-label="When">
      <span className={styles.label}>When</span>
      {windows.length === 0 ? <span className="quiet">Always.</span> : null}
      {windows.map((each, at) => (
        <div key={at} className={styles.window}>
          <Chip.Group multiple value={each.days.map(String)} onChange={(days) => put(at, { days: days.map(Number).sort() })}>
            <div className={styles.chips}>
              {DAY_WORDS.map((day, number) => (
                <Chip key={day} value={String(number)} size="xs">
                  {day}
                </Chip>
              ))}
            </div>
          </Chip.Group>
          <div className={styles.hours}>
            <TextInput type="time" size="xs" aria-label="From" value={text(each.from_minute)} onChange={(event) => put(at, { from_minute: minutes(event.currentTarget.value) })} />
            <span className="quiet">to</span>
            <TextInput type="time" size="xs" aria-label="To" value={text(each.to_minute)} onChange={(event) => put(at, { to_minute: minutes(event.currentTarget.value) })} />
            <ActionIcon variant="subtle" color="gray" aria-label="Take these hours away" onClick={() => change(windows.filter((_, index) => index !== at))}>
              <IconX size={15} />
            </ActionIcon>
          </div>
        </div>
      ))}
      {windows.length < 14 ? (
        <Button
          size="compact-sm"
          variant="default"
          w="fit-content"
          onClick={() => change([...windows, { days: [0, 1, 2, 3, 4, 5, 6], from_minute: 22 * 60, to_minute: 6 * 60 }])}
        >
          Add hours
        </Button>
      ) : null}
    </div>
  );
}
