// A token for a new site's box: its name, then the line to type there. The line is shown once.

import { Button, CopyButton, Modal, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { Trouble } from "../frame/Notice";
import { idOf, sites } from "./sites";
import styles from "./Sites.module.css";

export function NewSite({ opened, close, made }: { opened: boolean; close: () => void; made: () => void }) {
  const [name, setName] = useState("");
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const id = idOf(name);
  const done = () => {
    setName("");
    setToken("");
    setError(null);
    close();
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!id) return;
    setBusy(true);
    setError(null);
    try {
      setToken((await sites.token(id, name.trim())).token);
      made();
    } catch (failed) {
      setError(failed instanceof Error ? failed : new Error(String(failed)));
    } finally {
      setBusy(false);
    }
  };
  const line = `belvedere site enrol https://${location.hostname}:8711 ${token}`;
  return (
    <Modal opened={opened} onClose={done} title="New site" closeButtonProps={{ "aria-label": "Close" }}>
      {token ? (
        <div className={styles.form}>
          <p>
            Type this at the box of {name.trim()} within 15 minutes. Its settings need <code>id = &quot;{id}&quot;</code> under <code>[site]</code>. Check the
            address: it is where this hub lets sites call.
          </p>
          <code className={styles.token} data-testid="token">
            {line}
          </code>
          <p className="quiet">It is shown this once, and good once. The box then shows a fingerprint: read it to another administrator.</p>
          <div className={styles.buttons}>
            <CopyButton value={line}>
              {({ copied, copy }) => <Button onClick={copy}>{copied ? "Copied" : "Copy"}</Button>}
            </CopyButton>
            <Button variant="default" onClick={done}>
              Done
            </Button>
          </div>
        </div>
      ) : (
        <form onSubmit={(event) => void submit(event)} className={styles.form}>
          <TextInput
            label="Name"
            description={id ? `What people call it. Its id will be ${id}.` : "What people call it, such as Rowan Court."}
            value={name}
            maxLength={80}
            onChange={(event) => setName(event.currentTarget.value)}
            data-autofocus
          />
          {error ? <Trouble error={error} /> : null}
          <Button type="submit" loading={busy} disabled={!id}>
            Make its token with a passkey
          </Button>
        </form>
      )}
    </Modal>
  );
}
