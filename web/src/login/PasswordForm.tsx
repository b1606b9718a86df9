import { Button, Group, PasswordInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { hub } from "../api";
import { Trouble } from "../frame/Notice";
import { AddPasskey } from "../passkey/AddPasskey";
import { possible } from "../passkey/passkey";
import { Mark } from "./LoginPage";
import styles from "./Login.module.css";

export const SHORTEST = 12;

export function PasswordForm({ done, askCurrent = false }: { done: () => void; askCurrent?: boolean }) {
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const [twice, setTwice] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const short = [...password].length < SHORTEST;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (short || password !== twice) return;
    setBusy(true);
    setError(null);
    try {
      await hub.setPassword(password, current || undefined);
      setCurrent("");
      setPassword("");
      setTwice("");
      setTried(false);
      done();
    } catch (problem) {
      setError(problem as Error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)} className={styles.form} noValidate data-testid="password-form">
      {error ? <Trouble error={error} /> : null}
      {askCurrent ? (
        <PasswordInput
          label="Present password"
          description="Leave it empty if you signed in with a one-time code."
          autoComplete="current-password"
          value={current}
          onChange={(event) => setCurrent(event.currentTarget.value)}
          visibilityToggleButtonProps={{ "aria-label": "Show the present password" }}
        />
      ) : null}
      <PasswordInput
        label="New password"
        description={`${SHORTEST} characters or more. Several words are easier to remember than signs.`}
        autoComplete="new-password"
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
        error={tried && short ? `It has ${[...password].length} characters; ${SHORTEST} are needed` : undefined}
        visibilityToggleButtonProps={{ "aria-label": "Show what you typed" }}
      />
      <PasswordInput
        label="The same again"
        autoComplete="new-password"
        value={twice}
        onChange={(event) => setTwice(event.currentTarget.value)}
        error={tried && !short && password !== twice ? "The two are not the same" : undefined}
        visibilityToggleButtonProps={{ "aria-label": "Show what you typed again" }}
      />
      <Group justify="flex-end" gap="sm">
        <Button type="submit" loading={busy}>
          Set password
        </Button>
      </Group>
    </form>
  );
}

export function PasswordPage({ done, passkeyOnly = false }: { done: () => void; passkeyOnly?: boolean }) {
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <Mark />
        <h1 className={styles.title}>Choose how you sign in</h1>
        <p className={styles.lead}>
          The code you used works once.{" "}
          {possible() || passkeyOnly ? "A passkey is quicker than a password and can’t be guessed." : "From now on you sign in with a password only you know."}
        </p>
        {possible() ? <AddPasskey first done={done} /> : null}
        {passkeyOnly && !possible() ? <p>Your role signs in with passkeys only. Open the control room by its name, under https.</p> : null}
        {possible() && !passkeyOnly ? <p className={styles.or}>or a password</p> : null}
        {passkeyOnly ? null : <PasswordForm done={done} />}
      </div>
    </main>
  );
}
