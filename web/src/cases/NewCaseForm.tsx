// A case in half a minute: what, where, when, which cameras. Everything else has a usual answer.

import { Button, Modal, MultiSelect, Select, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { hub, hubNowUs, type Camera } from "../api";
import { Trouble } from "../frame/Notice";
import { dayClock, HOUR, MINUTE, parseTime } from "../time";
import { cases, REGIME, type CaseDetail, type Incident, type Span } from "./cases";
import styles from "./Cases.module.css";

const AROUND = 15 * MINUTE;

/** The middle of the cameras that were picked: where it happened, as far as a form can know. */
export function middleOf(cameras: Camera[]): { lat: number; lon: number } | null {
  const placed = cameras.filter((camera) => camera.lat !== null && camera.lon !== null);
  if (placed.length === 0) return null;
  const mean = (pick: (camera: Camera) => number) => placed.reduce((sum, camera) => sum + pick(camera), 0) / placed.length;
  return { lat: mean((camera) => camera.lat!), lon: mean((camera) => camera.lon!) };
}

/** Footage that a new case is about: a quarter of an hour before to after, on each camera. */
export function spansOf(cameras: string[], fromUs: number, toUs: number, nowUs: number): Span[] {
  return cameras.map((camera) => ({ camera, from_us: Math.max(0, fromUs - AROUND), to_us: Math.max(fromUs + 1, Math.min(toUs + AROUND, nowUs)) }));
}

export function NewCaseForm({ kinds, close, done }: { kinds: Record<string, string>; close: () => void; done: (made: CaseDetail) => void }) {
  const client = useQueryClient();
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras });
  const all = cameras.data?.cameras ?? [];
  const [title, setTitle] = useState("");
  const [kind, setKind] = useState("asb");
  const [place, setPlace] = useState("");
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [picked, setPicked] = useState<string[]>([]);
  const [reference, setReference] = useState("");
  const [regime, setRegime] = useState("uk_gdpr");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const now = hubNowUs();
  const fromUs = from.trim() ? parseTime(from, now - HOUR, now) : null;
  const toUs = to.trim() ? parseTime(to, fromUs ?? now, now) : fromUs === null ? null : Math.min(fromUs + 10 * MINUTE, now);
  const timeGood = !from.trim() ? !to.trim() : fromUs !== null && toUs !== null && toUs > fromUs;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!title.trim() || !timeGood || (picked.length > 0 && fromUs === null)) return;
    setBusy(true);
    setError(null);
    const known = fromUs !== null && toUs !== null;
    const middle = middleOf(all.filter((camera) => picked.includes(camera.id)));
    const incident: Incident = {
      place: place.trim(),
      lat: middle?.lat ?? null,
      lon: middle?.lon ?? null,
      from_us: known ? Math.floor(fromUs) : null,
      to_us: known ? Math.ceil(toUs) : null,
    };
    try {
      const made = await cases.open({
        reference: reference.trim(),
        kind,
        regime,
        title: title.trim(),
        incident,
        footage: known ? spansOf(picked, Math.floor(fromUs), Math.ceil(toUs), now) : [],
        reason: "",
      });
      void client.invalidateQueries({ queryKey: ["cases"] });
      close();
      done(made);
    } catch (failed) {
      setError(failed instanceof Error ? failed : new Error(String(failed)));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Modal opened onClose={close} title="Open a case" size="lg" closeButtonProps={{ "aria-label": "Close" }} data-testid="case-form">
      <form onSubmit={(event) => void submit(event)} className={styles.form}>
        <TextInput
          label="What happened"
          description="In a few words, without names of people: “Broken door, Alder House”"
          value={title}
          onChange={(event) => setTitle(event.currentTarget.value)}
          error={tried && !title.trim() ? "Say what happened." : undefined}
          maxLength={120}
          data-autofocus
        />
        <div className={styles.pair}>
          <Select
            label="Type"
            data={Object.entries(kinds).map(([value, label]) => ({ value, label }))}
            value={kind}
            allowDeselect={false}
            searchable
            onChange={(value) => setKind(value ?? "asb")}
          />
          <TextInput label="Where" description="Street, house, stair" value={place} onChange={(event) => setPlace(event.currentTarget.value)} />
        </div>
        <div className={styles.pair}>
          <TextInput
            label="From"
            description="Such as 21:14, or 2026-11-21 21:14 (London time)"
            value={from}
            onChange={(event) => setFrom(event.currentTarget.value)}
            error={tried && picked.length > 0 && fromUs === null ? "Write a time." : undefined}
          />
          <TextInput
            label="To"
            description={timeGood && fromUs !== null && toUs !== null ? `${dayClock(fromUs)} to ${dayClock(toUs)}` : "Empty: ten minutes"}
            value={to}
            onChange={(event) => setTo(event.currentTarget.value)}
            error={tried && !timeGood ? "It must lie after the start." : undefined}
          />
        </div>
        <MultiSelect
          label="Cameras"
          description="Those that look at the place. The case is about a quarter of an hour before to after; more can be added."
          data={all.map((camera) => ({ value: camera.id, label: camera.place ? `${camera.name}, ${camera.place}` : camera.name }))}
          value={picked}
          onChange={setPicked}
          searchable
          clearable
          clearButtonProps={{ "aria-label": "No cameras" }}
        />
        <div className={styles.pair}>
          <TextInput
            label="Reference"
            description="Empty: the next of the council's scheme"
            value={reference}
            onChange={(event) => setReference(event.currentTarget.value)}
          />
          <Select
            label="Regime"
            description="Part 3 where the council itself prosecutes"
            data={Object.entries(REGIME).map(([value, label]) => ({ value, label }))}
            value={regime}
            allowDeselect={false}
            onChange={(value) => setRegime(value ?? "uk_gdpr")}
          />
        </div>
        {error ? <Trouble error={error} testId="case-error" /> : null}
        <Button type="submit" loading={busy}>
          Open the case
        </Button>
      </form>
    </Modal>
  );
}
