import { Button, Group, PasswordInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { hub } from "../api";
import { Trouble } from "../frame/Notice";
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

export function PasswordPage({ done }: { done: () => void }) {
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <Mark />
        <h1 className={styles.title}>Choose your password</h1>
        <p className={styles.lead}>The code you used works once. From now on you sign in with a password only you know.</p>
        <PasswordForm done={done} />
      </div>
    </main>
  );
}
