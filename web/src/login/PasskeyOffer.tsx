// The demo's first log-in: a passkey now, or later and codes from the terminal till then.

import { Button } from "@mantine/core";
import { AddPasskey } from "../passkey/AddPasskey";
import { Mark } from "./LoginPage";
import styles from "./Login.module.css";

const LATER = "belvedere.passkey-later";

export const wantsLater = (user: string): boolean => localStorage.getItem(LATER) === user;

export function PasskeyOffer({ user, done, later }: { user: string; done: () => void; later: () => void }) {
  return (
    <main className={styles.page}>
      <div className={styles.card} data-testid="passkey-offer">
        <Mark />
        <h1 className={styles.title}>Add a passkey?</h1>
        <p className={styles.lead}>
          Approving, and opening recordings, is confirmed with a passkey: a finger, a face, a PIN or a security key of this computer.
        </p>
        <AddPasskey first done={done} />
        <p className={styles.or}>or</p>
        <Button
          variant="default"
          fullWidth
          onClick={() => {
            localStorage.setItem(LATER, user);
            later();
          }}
          data-testid="passkey-later"
        >
          Not now
        </Button>
        <p className={styles.foot}>This is a demo: without a passkey you confirm with codes that its terminal shows.</p>
      </div>
    </main>
  );
}
