// A token for a new site's box: its name, then the line to type there. The line is shown once.

import { Button, CopyButton, Modal, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { Trouble } from "../frame/Notice";
import { enrolLine, installLine } from "./install";
import { idOf, sites } from "./sites";
import styles from "./Sites.module.css";

/** A line to carry to the box, with its button. */
function Carried({ title, line, testId, first }: { title: string; line: string; testId: string; first?: boolean }) {
  return (
    <section className={styles.form} aria-label={title}>
      <div className={styles.carried}>
        <h3>{title}</h3>
        <CopyButton value={line}>
          {({ copied, copy }) => (
            <Button size="compact-sm" variant={first ? "filled" : "default"} onClick={copy}>
              {copied ? "Copied" : "Copy"}
            </Button>
          )}
        </CopyButton>
      </div>
      <code className={styles.token} data-testid={testId}>
        {line}
      </code>
    </section>
  );
}

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
  return (
    <Modal opened={opened} onClose={done} title="New site" size="lg" closeButtonProps={{ "aria-label": "Close" }}>
      {token ? (
        <div className={styles.form}>
          <p>
            Type one of these at the box of {name.trim()} within 15 minutes. Check the address: it is where this hub lets sites call.
          </p>
          <Carried
            title="A new box, in the folder of the installer"
            line={installLine(location.hostname, token, name)}
            testId="install-line"
            first
          />
          <Carried title={`A box that records already, with the id ${id}`} line={enrolLine(location.hostname, token)} testId="token" />
          <p className="quiet">
            The token is shown this once, and good once. The box then shows a fingerprint: read it to another administrator, who types it here.
          </p>
          <div className={styles.buttons}>
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
