// Ask a partner whether it holds footage of a place and time. Nobody sees anything; a yes keeps it from deletion there.

import { Button, NumberInput, Select, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMemo, useState, type FormEvent } from "react";
import { hubNowUs } from "../api";
import { Trouble } from "../frame/Notice";
import { HOUR, dayClock, parseTime } from "../time";
import { basisWords, coordinates, partners, reasonWords, type Asked } from "./partners";
import PlaceMap from "./PlaceMap";
import styles from "./Partners.module.css";

export function AskForm({ asked, done }: { asked: Asked; done: () => void }) {
  const [partner, setPartner] = useState<string | null>(asked.partners.length === 1 ? asked.partners[0]!.id : null);
  const [where, setWhere] = useState("");
  const [radius, setRadius] = useState<number | string>(50);
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [reason, setReason] = useState<string | null>("crime");
  const [basis, setBasis] = useState<string | null>("dpa2018_part3");
  const [reference, setReference] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const now = hubNowUs();
  const point = useMemo(() => coordinates(where), [where]);
  const wide = typeof radius === "number" && radius >= 10 && radius <= 5000;
  const spot = useMemo(() => (point && typeof radius === "number" && wide ? { ...point, radius_m: radius } : null), [point, radius, wide]);
  const fromUs = parseTime(from, now - HOUR, now);
  const toUs = parseTime(to, fromUs ?? now, now);
  const order = fromUs !== null && toUs !== null && toUs > fromUs && toUs <= now;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!partner || !spot || !order || !reason || !basis || !reference.trim()) return;
    setBusy(true);
    setError(null);
    try {
      await partners.ask({
        partner,
        place: { shape: "circle", ...spot },
        from_us: Math.floor(fromUs),
        to_us: Math.ceil(toUs),
        reason,
        basis,
        reference: reference.trim(),
      });
      notifications.show({ message: "Asked. The answer stands below once it has come." });
      setTried(false);
      setWhere("");
      done();
    } catch (failed) {
      setError(failed instanceof Error ? failed : new Error(String(failed)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)} className={`panel ${styles.ask}`} data-testid="ask-partner">
      <div className={styles.fields}>
        <Select
          label="Partner"
          data={asked.partners.map((each) => ({ value: each.id, label: each.controller }))}
          value={partner}
          onChange={setPartner}
          error={tried && !partner ? "Choose one." : undefined}
        />
        <div className={styles.pair}>
          <TextInput
            label="Place"
            description="Latitude, longitude; or press on the map"
            placeholder="51.50120, -0.14190"
            value={where}
            onChange={(event) => setWhere(event.currentTarget.value)}
            error={tried && !point ? "Write it as 51.5012, -0.1419." : undefined}
          />
          <NumberInput
            label="Radius (m)"
            description="As small as will do"
            value={radius}
            onChange={setRadius}
            min={10}
            max={5000}
            error={tried && !wide ? "10 to 5,000 m." : undefined}
          />
        </div>
        <div className={styles.pair}>
          <TextInput
            label="From"
            description="21:14:05, or with date"
            placeholder="2026-11-21 21:14"
            value={from}
            onChange={(event) => setFrom(event.currentTarget.value)}
            error={tried && fromUs === null ? "Write a time." : undefined}
          />
          <TextInput
            label="To"
            description={order ? `${dayClock(fromUs)} on` : "London time"}
            placeholder="2026-11-21 21:44"
            value={to}
            onChange={(event) => setTo(event.currentTarget.value)}
            error={tried && !order ? "After the start, in the past." : undefined}
          />
        </div>
        <div className={styles.pair}>
          <Select
            label="Reason"
            data={asked.reasons.map((each) => ({ value: each, label: reasonWords(each) }))}
            value={reason}
            onChange={setReason}
            allowDeselect={false}
          />
          <TextInput
            label="Your reference"
            placeholder="Crime or case number"
            value={reference}
            onChange={(event) => setReference(event.currentTarget.value)}
            error={tried && !reference.trim() ? "The partner logs it." : undefined}
            maxLength={100}
          />
        </div>
        <Select
          label="Legal basis"
          data={asked.bases.map((each) => ({ value: each, label: basisWords(each) }))}
          value={basis}
          onChange={setBasis}
          allowDeselect={false}
        />
        {error ? <Trouble error={error} /> : null}
        <Button type="submit" loading={busy}>
          Ask
        </Button>
      </div>
      <PlaceMap spot={spot} onPlace={(lat, lon) => setWhere(`${lat.toFixed(5)}, ${lon.toFixed(5)}`)} />
    </form>
  );
}
