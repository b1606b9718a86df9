// The second person: types the fingerprint that the box shows. Only the same one lets it in.

import { Button, Modal, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState, type FormEvent } from "react";
import { Trouble } from "../frame/Notice";
import { sites, type Enrolment } from "./sites";
import styles from "./Sites.module.css";

export function ConfirmSite({ enrolment, close, done }: { enrolment: Enrolment | null; close: () => void; done: () => void }) {
  const [seen, setSeen] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const leave = () => {
    setSeen("");
    setError(null);
    close();
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!enrolment) return;
    setBusy(true);
    setError(null);
    try {
      await sites.letIn(enrolment, seen);
      notifications.show({ message: `${enrolment.name} is let in. It connects within seconds.` });
      done();
      leave();
    } catch (failed) {
      setError(failed instanceof Error ? failed : new Error(String(failed)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={enrolment !== null} onClose={leave} title={`Let ${enrolment?.name ?? ""} in`} closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={(event) => void submit(event)} className={styles.form}>
        <p>
          Ring whoever stands at the box, and have them read you the fingerprint on its screen. If it is not the one that reached this hub, somebody else asked
          in its place.
        </p>
        <TextInput
          label="Fingerprint on the box"
          description="Eight groups of four; capitals and spaces do not matter."
          value={seen}
          onChange={(event) => setSeen(event.currentTarget.value)}
          placeholder="0a1b 2c3d …"
          autoComplete="off"
          spellCheck={false}
          data-autofocus
        />
        {error ? <Trouble error={error} /> : null}
        <Button type="submit" loading={busy} disabled={seen.replace(/\s/g, "").length !== 32}>
          Let it in with a passkey
        </Button>
      </form>
    </Modal>
  );
}
