// A moment that is typed: clock, day and clock, "yesterday 21:03", "now".

import { TextInput } from "@mantine/core";
import { useState } from "react";
import { hubNowUs } from "../api";
import { clock, isoDay, parseTime } from "../time";

export const typed = (us: number | null): string => (us === null ? "" : `${isoDay(us)} ${clock(us)}`);

interface Props {
  label: string;
  value: number | null;
  onChange: (us: number | null) => void;
  error?: string;
  description?: string;
}

/** Give it another `key` to show a value that was not typed here. */
export function TimeField({ label, value, onChange, error, description }: Props) {
  const [text, setText] = useState(() => typed(value));
  return (
    <TextInput
      label={label}
      description={description}
      value={text}
      onChange={(event) => {
        const next = event.currentTarget.value;
        setText(next);
        const now = hubNowUs();
        onChange(parseTime(next, value ?? now, now));
      }}
      error={error}
    />
  );
}
