// The table beside the map: everything the map says, for keyboards and screen readers.

import { TextInput } from "@mantine/core";
import { IconEye, IconSearch } from "@tabler/icons-react";
import { useMemo, useRef, useState } from "react";
import type { Camera } from "../api";
import { STATE_WORDS, StateMark } from "../cameras/state";
import { useKeys } from "../frame/keys";
import styles from "./CameraList.module.css";

interface Props {
  cameras: Camera[];
  onWall: string[];
  picked: string;
  pick: (id: string) => void;
}

const POINTS = ["north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"];

export function pointing(degrees: number | null): string {
  return degrees === null ? "" : POINTS[Math.round((((degrees % 360) + 360) % 360) / 45) % 8]!;
}

export function CameraList({ cameras, onWall, picked, pick }: Props) {
  const [text, setText] = useState("");
  const search = useRef<HTMLInputElement>(null);
  useKeys("Camera list", [{ press: "/", label: "Find a camera", run: () => search.current?.focus() }]);
  const shown = useMemo(() => {
    const words = text.trim().toLowerCase();
    return cameras.filter((camera) => `${camera.name} ${camera.place} ${camera.id}`.toLowerCase().includes(words));
  }, [cameras, text]);
  return (
    <section className={styles.list} aria-label="Cameras on the map">
      <TextInput
        ref={search}
        size="xs"
        leftSection={<IconSearch size={14} aria-hidden />}
        placeholder="Find a camera"
        aria-label="Find a camera"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        className={styles.search}
      />
      <div className={styles.rows} tabIndex={-1}>
        <table className="table">
          <thead className="visually-hidden">
            <tr>
              <th>State</th>
              <th>Camera</th>
              <th>Looks</th>
              <th>On the wall</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((camera) => (
              <tr key={camera.id} className="pick" data-picked={camera.id === picked || undefined} onClick={() => pick(camera.id)}>
                <td className={styles.state}>
                  <StateMark state={camera.state} />
                </td>
                <td className={styles.name}>
                  <button
                    type="button"
                    className="link-button"
                    data-testid={`camera-${camera.id}`}
                    aria-current={camera.id === picked ? "true" : undefined}
                    onClick={(event) => {
                      event.stopPropagation();
                      pick(camera.id);
                    }}
                  >
                    {camera.name}
                  </button>
                  {camera.state === "recording" ? null : <span className={styles.trouble}>{STATE_WORDS[camera.state]}</span>}
                </td>
                <td className={styles.looks}>{pointing(camera.bearing_deg)}</td>
                <td className={styles.eye}>
                  {onWall.includes(camera.id) ? (
                    <>
                      <IconEye size={14} aria-hidden />
                      <span className="visually-hidden">on the wall</span>
                    </>
                  ) : null}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {shown.length === 0 ? <p className={styles.none}>No camera has “{text}” in its name or place.</p> : null}
      </div>
    </section>
  );
}
