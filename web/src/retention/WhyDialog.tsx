// One question before an act: why. The words go into the audit log.

import { Button, Modal, Textarea } from "@mantine/core";
import { useState, type FormEvent, type ReactNode } from "react";
import { Trouble } from "../frame/Notice";
import styles from "./Retention.module.css";

export interface Act {
  title: string;
  label: string;
  body?: ReactNode;
  run: (reason: string) => Promise<unknown>;
}

export function WhyDialog({ act, close }: { act: Act | null; close: () => void }) {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const done = () => {
    setReason("");
    setTried(false);
    setError(null);
    close();
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!act || !reason.trim()) return;
    setBusy(true);
    setError(null);
    try {
      await act.run(reason.trim());
      done();
    } catch (failed) {
      setError(failed instanceof Error ? failed : new Error(String(failed)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={act !== null} onClose={done} title={act?.title} closeButtonProps={{ "aria-label": "Close" }} data-testid="why">
      <form onSubmit={(event) => void submit(event)} className={styles.form}>
        {act?.body}
        <Textarea
          label="Why"
          description="Stands in the audit log with your name."
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={tried && !reason.trim() ? "Say why." : undefined}
          autosize
          minRows={2}
          data-autofocus
        />
        {error ? <Trouble error={error} /> : null}
        <Button type="submit" loading={busy}>
          {act?.label}
        </Button>
      </form>
    </Modal>
  );
}
