import { Button, Checkbox, Popover, TextInput } from "@mantine/core";
import { IconDeviceCctv } from "@tabler/icons-react";
import { useState } from "react";
import type { Camera } from "../api";
import type { Lanes } from "./lanes";
import styles from "./Review.module.css";

interface Props {
  cameras: Camera[];
  lanes: Lanes;
  chosen: string[];
  most: number;
  onChange: (ids: string[]) => void;
}

export function CameraPicker({ cameras, lanes, chosen, most, onChange }: Props) {
  const [text, setText] = useState("");
  const [open, setOpen] = useState(false);
  const found = cameras.filter((camera) => `${camera.name} ${camera.place}`.toLowerCase().includes(text.trim().toLowerCase()));
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-start" width={300} trapFocus returnFocus transitionProps={{ duration: 100 }}>
      <Popover.Target>
        <Button
          size="compact-sm"
          h={30}
          variant="default"
          leftSection={<IconDeviceCctv size={15} />}
          onClick={() => setOpen(!open)}
          data-testid="choose-cameras"
        >
          {chosen.length} {chosen.length === 1 ? "camera" : "cameras"}
        </Button>
      </Popover.Target>
      <Popover.Dropdown p={8} aria-label="Choose cameras">
        <TextInput
          size="xs"
          placeholder="Find a camera"
          aria-label="Find a camera"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          data-autofocus
        />
        <div className={styles.pick}>
          {found.map((camera) => {
            const on = chosen.includes(camera.id);
            const has = (lanes.get(camera.id)?.main.runs.length ?? 0) + (lanes.get(camera.id)?.sub.runs.length ?? 0) > 0;
            return (
              <Checkbox
                key={camera.id}
                size="xs"
                checked={on}
                disabled={(!on && chosen.length >= most) || (on && chosen.length === 1)}
                label={has ? camera.name : `${camera.name} (nothing recorded)`}
                data-testid={`choose-${camera.id}`}
                onChange={() => onChange(on ? chosen.filter((id) => id !== camera.id) : [...chosen, camera.id])}
              />
            );
          })}
        </div>
        <div className={styles.pickFoot}>
          <Button size="compact-xs" variant="default" onClick={() => onChange(cameras.slice(0, most).map((camera) => camera.id))}>
            {cameras.length > most ? `First ${most}` : "All"}
          </Button>
          <Button size="compact-xs" variant="default" onClick={() => onChange(chosen.slice(0, 1))}>
            Only the first
          </Button>
          <span className="quiet">At most {most}</span>
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}
