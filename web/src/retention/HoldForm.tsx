// Place a hold: cameras, a span exact to the second, why, and when it is reviewed.

import { Button, Modal, MultiSelect, NumberInput, Textarea, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { hubNowUs, type Camera } from "../api";
import { Trouble } from "../frame/Notice";
import { DAY, HOUR, dayClock, parseTime } from "../time";
import { retention } from "./interface";
import styles from "./Retention.module.css";

export function HoldForm({ opened, close, cameras, done }: { opened: boolean; close: () => void; cameras: Camera[]; done: () => void }) {
  const [picked, setPicked] = useState<string[]>([]);
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [days, setDays] = useState<number | string>(31);
  const [reason, setReason] = useState("");
  const [reference, setReference] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const now = hubNowUs();
  const fromUs = parseTime(from, now - HOUR, now);
  const toUs = parseTime(to, fromUs ?? now, now);
  const order = fromUs !== null && toUs !== null && toUs > fromUs;
  const whole = typeof days === "number" && days >= 1;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (picked.length === 0 || !order || !reason.trim() || !whole) return;
    setBusy(true);
    setError(null);
    try {
      await retention.place({
        cameras: picked,
        from_us: Math.floor(fromUs),
        to_us: Math.ceil(toUs),
        expires_us: now + days * DAY,
        reason: reason.trim(),
        reference: reference.trim(),
      });
      setPicked([]);
      setReason("");
      setReference("");
      setTried(false);
      done();
      close();
    } catch (failed) {
      setError(failed instanceof Error ? failed : new Error(String(failed)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={opened} onClose={close} title="Hold footage" size="lg" closeButtonProps={{ "aria-label": "Close" }} data-testid="hold-form">
      <form onSubmit={(event) => void submit(event)} className={styles.form}>
        <MultiSelect
          label="Cameras"
          data={cameras.map((camera) => ({ value: camera.id, label: camera.name }))}
          value={picked}
          onChange={setPicked}
          searchable
          error={tried && picked.length === 0 ? "Choose at least one." : undefined}
        />
        <div className={styles.pair}>
          <TextInput
            label="From"
            description="Such as 21:14:05, or 2026-11-21 21:14:05 (London time)"
            value={from}
            onChange={(event) => setFrom(event.currentTarget.value)}
            error={tried && fromUs === null ? "Write a time." : undefined}
          />
          <TextInput
            label="To"
            description={order ? `${dayClock(fromUs)} to ${dayClock(toUs)}` : "Exact to the second"}
            value={to}
            onChange={(event) => setTo(event.currentTarget.value)}
            error={tried && !order ? "It must lie after the start." : undefined}
          />
        </div>
        <Textarea
          label="Why"
          description="Stands in the audit log with your name."
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={tried && !reason.trim() ? "Say why." : undefined}
          autosize
          minRows={2}
        />
        <div className={styles.pair}>
          <TextInput label="Reference" description="Case, request or claim" value={reference} onChange={(event) => setReference(event.currentTarget.value)} />
          <NumberInput
            label="Review in (days)"
            description="Without an extension it ends then"
            value={days}
            onChange={setDays}
            min={1}
            max={366}
            allowDecimal={false}
            error={tried && !whole ? "At least a day." : undefined}
          />
        </div>
        {error ? <Trouble error={error} /> : null}
        <Button type="submit" loading={busy}>
          Hold this footage
        </Button>
      </form>
    </Modal>
  );
}
