// Add a partner: its document, and the fingerprint as somebody there read it out. Only the same one is taken.

import { Button, FileInput, Modal, Textarea, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { Trouble } from "../frame/Notice";
import { partners } from "./partners";
import styles from "./Partners.module.css";

export function NewPartner({ opened, close, done }: { opened: boolean; close: () => void; done: () => void }) {
  const [file, setFile] = useState<File | null>(null);
  const [heard, setHeard] = useState("");
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const leave = () => {
    setFile(null);
    setHeard("");
    setReason("");
    setTried(false);
    setError(null);
    close();
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!file || !heard.trim() || !reason.trim()) return;
    setBusy(true);
    setError(null);
    try {
      await partners.add(await file.text(), heard, reason.trim());
      done();
      leave();
    } catch (failed) {
      setError(failed instanceof Error ? failed : new Error(String(failed)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={opened} onClose={leave} title="Add a partner" closeButtonProps={{ "aria-label": "Close" }} data-testid="new-partner-form">
      <form onSubmit={(event) => void submit(event)} className={styles.form}>
        <p>
          Take the file that their hub made, then ring them on a number that you knew before, not one from the file, and have them read you its fingerprint. They do
          the same with yours.
        </p>
        <FileInput label="Their partner document" placeholder="Choose the file" value={file} onChange={setFile} accept=".json" error={tried && !file ? "Choose it." : undefined} />
        <TextInput
          label="Fingerprint, as they read it"
          description="Eight groups of four; capitals and spaces do not matter."
          value={heard}
          onChange={(event) => setHeard(event.currentTarget.value)}
          placeholder="0a1b 2c3d …"
          autoComplete="off"
          spellCheck={false}
          error={tried && !heard.trim() ? "Ring them." : undefined}
        />
        <Textarea
          label="Why"
          description="Such as the sharing agreement. Stands in the audit log with your name."
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={tried && !reason.trim() ? "Say why." : undefined}
          autosize
          minRows={2}
        />
        {error ? <Trouble error={error} /> : null}
        <Button type="submit" loading={busy}>
          Propose this partner
        </Button>
      </form>
    </Modal>
  );
}
