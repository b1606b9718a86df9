import { ActionIcon, Button, Group, Modal, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconFingerprint, IconPencil, IconTrash } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Trouble } from "../frame/Notice";
import { Time } from "../frame/Time";
import { AddPasskey } from "../passkey/AddPasskey";
import { passkeys, possible, removePasskey, renamePasskey, type Passkey } from "../passkey/passkey";
import styles from "./Settings.module.css";

export function PasskeysCard() {
  const client = useQueryClient();
  const query = useQuery({ queryKey: ["passkeys"], queryFn: passkeys });
  const [naming, setNaming] = useState<Passkey | null>(null);
  const [removing, setRemoving] = useState<Passkey | null>(null);
  const again = () => {
    void client.invalidateQueries({ queryKey: ["passkeys"] });
    void client.invalidateQueries({ queryKey: ["session"] });
  };
  const mine = query.data?.passkeys ?? [];
  const why = query.data?.why_not || (query.data && !possible() ? "Passkeys do not work at this address." : "");
  return (
    <section className={`panel ${styles.card}`} data-testid="passkeys">
      <h2>My passkeys</h2>
      <p className="quiet">
        A passkey is kept by this computer, a phone or a security key, and opens with a finger, a face or a PIN. It can't be
        guessed, and it can't be given to a false page. Have two, on different things.
      </p>
      {query.error ? <Trouble error={query.error} again={() => void query.refetch()} /> : null}
      {mine.length ? (
        <ul className={styles.list}>
          {mine.map((each) => (
            <li key={each.id} data-testid="passkey">
              <IconFingerprint size={20} aria-hidden />
              <div className={styles.grow}>
                <span className="strong">{each.name}</span>
                {each.this ? <span className={styles.tag}>opened this session</span> : null}
                <div className="quiet">
                  Added <Time us={each.added_us} day />, last used <Time us={each.used_us} day />
                  {each.synced ? ", kept in its maker’s cloud" : ""}
                </div>
              </div>
              <ActionIcon variant="subtle" color="gray" aria-label={`Rename ${each.name}`} onClick={() => setNaming(each)}>
                <IconPencil size={18} />
              </ActionIcon>
              <ActionIcon variant="subtle" color="gray" aria-label={`Remove ${each.name}`} onClick={() => setRemoving(each)}>
                <IconTrash size={18} />
              </ActionIcon>
            </li>
          ))}
        </ul>
      ) : null}
      {why ? (
        <p className="quiet" data-testid="passkeys-why-not">
          {why} {query.data?.advice}
        </p>
      ) : (
        <AddPasskey
          key={mine.length}
          first={mine.length === 0}
          done={() => {
            notifications.show({ message: "The passkey is added. Sign in with it from now on.", color: "teal" });
            again();
          }}
        />
      )}
      {naming ? <Rename passkey={naming} close={() => setNaming(null)} done={again} /> : null}
      {removing ? <Remove passkey={removing} close={() => setRemoving(null)} done={again} /> : null}
    </section>
  );
}

function Rename({ passkey, close, done }: { passkey: Passkey; close: () => void; done: () => void }) {
  const [name, setName] = useState(passkey.name);
  const [error, setError] = useState<Error | null>(null);
  const save = () =>
    renamePasskey(passkey.id, name)
      .then(() => (done(), close()))
      .catch((problem: unknown) => setError(problem as Error));
  return (
    <Modal opened onClose={close} title="Rename the passkey">
      {error ? <Trouble error={error} /> : null}
      <TextInput label="Name" value={name} maxLength={64} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={close}>
          Cancel
        </Button>
        <Button onClick={() => void save()} disabled={!name.trim()}>
          Rename
        </Button>
      </Group>
    </Modal>
  );
}

function Remove({ passkey, close, done }: { passkey: Passkey; close: () => void; done: () => void }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const remove = async () => {
    setBusy(true);
    setError(null);
    try {
      await removePasskey(passkey.id);
      done();
      close();
    } catch (problem) {
      setError(problem as Error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={close} title={`Remove “${passkey.name}”?`}>
      {error ? <Trouble error={error} testId="remove-error" /> : null}
      <p>
        It opens nothing any more, and where it was used to sign in you are signed out. You confirm this with one of your
        passkeys.
      </p>
      <Group justify="flex-end">
        <Button variant="default" onClick={close}>
          Cancel
        </Button>
        <Button color="red" loading={busy} onClick={() => void remove()}>
          Remove
        </Button>
      </Group>
    </Modal>
  );
}
