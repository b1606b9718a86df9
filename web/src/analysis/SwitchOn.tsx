// Ordering that a site analyses what it recorded: the data protection officer's assessment, why, how far back, until which review.

import { Button, Modal, NumberInput, Textarea, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { Trouble } from "../frame/Notice";
import { DAY, fromIsoDay, isoDay } from "../time";
import { analysis, type SiteAnalysis } from "./analysis";
import styles from "./Analysis.module.css";

const USUAL_DAYS = 180;

export function SwitchOn({ site, nowUs, close }: { site: SiteAnalysis; nowUs: number; close: () => void }) {
  const [dpia, setDpia] = useState(site.order?.dpia ?? "");
  const [reason, setReason] = useState(site.order?.reason ?? "");
  const [review, setReview] = useState(isoDay(nowUs + USUAL_DAYS * DAY));
  const [reach, setReach] = useState<number | string>(31);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const review_us = fromIsoDay(review);
  const wrong = {
    dpia: dpia.trim() ? null : "Give the assessment's reference",
    reason: reason.trim().length >= 8 ? null : "Say why, in a sentence",
    review: review_us !== null && review_us > nowUs ? null : "Give a day to come, such as 2027-05-01",
    reach: typeof reach === "number" ? null : "Give a number of days",
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.values(wrong).some(Boolean)) return;
    setBusy(true);
    setError(null);
    try {
      await analysis.switchOn(site.id, { dpia: dpia.trim(), reason: reason.trim(), review_us: review_us!, reach_days: reach as number });
      close();
    } catch (fault) {
      setError(fault instanceof Error ? fault : new Error(String(fault)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={close} title={`Have ${site.name} analyse its recordings`} closeButtonProps={{ "aria-label": "Close" }} data-testid="switch-on">
      <form onSubmit={(event) => void submit(event)} className={styles.form}>
        <TextInput
          label="Data protection impact assessment"
          description="Its reference, as others can find it."
          value={dpia}
          maxLength={200}
          error={tried && wrong.dpia}
          onChange={(event) => setDpia(event.currentTarget.value)}
          data-autofocus
        />
        <Textarea
          label="Why"
          description="Stands in the audit log with your name."
          value={reason}
          maxLength={1000}
          autosize
          minRows={2}
          error={tried && wrong.reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <NumberInput
          label="Days back"
          description="Recordings of so many days are looked at too."
          value={reach}
          min={0}
          max={3660}
          allowDecimal={false}
          error={tried && wrong.reach}
          onChange={setReach}
        />
        <TextInput
          label="Review on"
          description="Within a year. From that day nothing older is opened until it is ordered anew."
          value={review}
          error={tried && wrong.review}
          onChange={(event) => setReview(event.currentTarget.value)}
        />
        {error ? <Trouble error={error} /> : null}
        <Button type="submit" loading={busy}>
          Switch on
        </Button>
      </form>
    </Modal>
  );
}
