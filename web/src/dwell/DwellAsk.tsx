// The dwell guard asks: who holds live pictures on one place for long says why, or the picture stops.

import { Button, Modal, SegmentedControl, Textarea, TextInput } from "@mantine/core";
import { useEffect, useState } from "react";
import { call, hubNowUs } from "../api";
import { Notice, Trouble } from "../frame/Notice";
import { span } from "../time";
import styles from "./Dwell.module.css";

export interface Asked {
  camera: string;
  cameras: string[];
  held_us: number;
  until_us: number;
}

/** Seconds left until the picture stops. */
export function secondsLeft(untilUs: number, nowUs: number): number {
  return Math.max(0, Math.ceil((untilUs - nowUs) / 1_000_000));
}

/** Midnight after a day written as 2026-11-22, UTC; null while it is not one. */
export function endOfDay(text: string): number | null {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(day) ? null : day * 1000 + 86_400_000_000;
}

export function DwellAsk({ asked, grant, name }: { asked: Asked[]; grant: string; name: (id: string) => string }) {
  const [open, setOpen] = useState<Asked | null>(null);
  const [, tick] = useState(0);
  useEffect(() => {
    if (asked.length === 0) return;
    const timer = window.setInterval(() => tick((count) => count + 1), 1000);
    return () => window.clearInterval(timer);
  }, [asked.length]);
  useEffect(() => {
    if (open && !asked.some((one) => one.camera === open.camera)) setOpen(null);
  }, [asked, open]);
  if (asked.length === 0) return null;
  return (
    <div className={styles.asks}>
      {asked.map((one) => (
        <Notice
          key={one.camera}
          tone="amber"
          testId={`dwell-${one.camera}`}
          title={`You have watched ${one.cameras.map(name).join(", ")} for ${span(one.held_us)}. Why?`}
          action={
            <Button size="compact-sm" onClick={() => setOpen(one)} data-testid="dwell-answer">
              Answer
            </Button>
          }
        >
          Without an answer the picture stops for you in {secondsLeft(one.until_us, hubNowUs())} s.
        </Notice>
      ))}
      {open ? <AnswerForm asked={open} grant={grant} place={open.cameras.map(name).join(", ")} close={() => setOpen(null)} /> : null}
    </div>
  );
}

function AnswerForm({ asked, grant, place, close }: { asked: Asked; grant: string; place: string; close: () => void }) {
  const [kind, setKind] = useState<"immediate" | "ripa">("immediate");
  const [text, setText] = useState("");
  const [number, setNumber] = useState("");
  const [until, setUntil] = useState("");
  const [error, setError] = useState<Error | null>(null);
  const untilUs = endOfDay(until);
  const ready = kind === "immediate" ? text.trim().length >= 10 : number.trim().length >= 3 && untilUs !== null;
  return (
    <Modal opened onClose={close} title={`Why you watch ${place}`} closeButtonProps={{ "aria-label": "Close" }}>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          setError(null);
          const body = { grant, camera: asked.camera, kind, text, number: kind === "ripa" ? number : "", until_us: kind === "ripa" ? untilUs : null };
          call("POST", "/api/dwell/notes", body).then(close, setError);
        }}
      >
        <SegmentedControl
          value={kind}
          onChange={(value) => setKind(value as "immediate" | "ripa")}
          data={[
            { value: "immediate", label: "Immediate response" },
            { value: "ripa", label: "Authorisation (RIPA)" },
          ]}
          aria-label="Ground"
        />
        {kind === "ripa" ? (
          <div className={styles.pair}>
            <TextInput label="Number" value={number} onChange={(event) => setNumber(event.currentTarget.value)} maxLength={64} />
            <TextInput type="date" label="Its last day" value={until} onChange={(event) => setUntil(event.currentTarget.value)} />
          </div>
        ) : null}
        <Textarea
          label={kind === "immediate" ? "What do you respond to?" : "Words (optional)"}
          description={kind === "immediate" ? "What happened just now, and why you keep watching. The data protection officer reads it." : undefined}
          autosize
          minRows={3}
          value={text}
          maxLength={4000}
          onChange={(event) => setText(event.currentTarget.value)}
          data-autofocus
          data-testid="dwell-words"
        />
        {error ? <Trouble error={error} /> : null}
        <Button type="submit" disabled={!ready} data-testid="dwell-send">
          Go on watching
        </Button>
        <p className="quiet">Is this an incident? Ask for access under its case instead: then nobody asks you this.</p>
      </form>
    </Modal>
  );
}
