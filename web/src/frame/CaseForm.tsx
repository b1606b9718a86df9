// Asking for access for a case under the table by which one person may open it: by reference, cameras and time.

import { Button, Checkbox, Group, MultiSelect, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { hub } from "../api";
import { useGrant } from "../session";
import { DAY, HOUR, parseTime } from "../time";
import { Trouble } from "./Notice";
import styles from "./NeedGrant.module.css";

/** Access for a case where one person may open it. `done` is called once it is open. */
export function CaseForm({ done }: { done?: () => void }) {
  const { again, choose } = useGrant();
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras });
  const [reference, setReference] = useState("");
  const [chosen, setChosen] = useState<string[]>([]);
  const [all, setAll] = useState(false);
  const now = Date.now() * 1000;
  const [from, setFrom] = useState("yesterday 18:00");
  const [to, setTo] = useState("now");
  const [reason, setReason] = useState("");
  const fromUs = parseTime(from, now - DAY, now);
  const toUs = parseTime(to, now, now);
  const [tried, setTried] = useState(false);
  const list = cameras.data?.cameras ?? [];
  const names = all ? list.map((camera) => camera.id) : chosen;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!reference.trim() || names.length === 0 || fromUs === null || toUs === null || toUs <= fromUs) return;
    setBusy(true);
    setError(null);
    const what = {
      purpose: "investigation",
      case: reference.trim(),
      cameras: names,
      from_us: fromUs,
      to_us: Math.max(toUs, fromUs + HOUR / 60),
      reason: reason.trim() || undefined,
    };
    hub
      .ask(what)
      .then((grant) => {
        choose(grant.id);
        again();
        done?.();
      }, setError)
      .finally(() => setBusy(false));
  };
  const example = "Such as 21:03, yesterday 21:03 or 2026-11-20 21:03:00";
  return (
    <form onSubmit={submit} className={styles.form} noValidate data-testid="case-form">
      <p className={styles.what}>Access for a case</p>
      {error ? <Trouble error={error} testId="grant-refused" /> : null}
      <TextInput
        label="Case reference"
        placeholder="2026-0113"
        value={reference}
        onChange={(event) => setReference(event.currentTarget.value)}
        error={tried && !reference.trim() ? "Give the case this is for" : undefined}
        data-autofocus
      />
      <Group gap="sm" align="start" grow>
        <TextInput
          label="From"
          description={example}
          value={from}
          onChange={(event) => setFrom(event.currentTarget.value)}
          error={tried && fromUs === null ? "This time can't be read" : undefined}
        />
        <TextInput
          label="To"
          description={example}
          value={to}
          onChange={(event) => setTo(event.currentTarget.value)}
          error={
            tried && toUs === null
              ? "This time can't be read"
              : tried && fromUs !== null && toUs !== null && toUs <= fromUs
                ? "Must be after the start"
                : undefined
          }
        />
      </Group>
      <MultiSelect
        label="Cameras"
        placeholder={names.length ? undefined : "Choose cameras"}
        data={list.map((camera) => ({ value: camera.id, label: camera.name }))}
        value={chosen}
        onChange={setChosen}
        disabled={all}
        searchable
        error={tried && names.length === 0 ? "Choose at least one camera" : undefined}
      />
      <Checkbox label="Every camera of the site" checked={all} onChange={(event) => setAll(event.currentTarget.checked)} />
      <Textarea
        label="Why these cameras and this time"
        description="Kept in the log with your name"
        autosize
        minRows={2}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <Button type="submit" loading={busy}>
        Ask for access
      </Button>
    </form>
  );
}
