import { Button, PasswordInput, TextInput } from "@mantine/core";
import { IconFingerprint } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useCallback, useState, type FormEvent } from "react";
import { hub, type Session } from "../api";
import { Trouble } from "../frame/Notice";
import { possible, signInWithPasskey } from "../passkey/passkey";
import { offered } from "./council";
import { CouncilSignIn } from "./CouncilSignIn";
import styles from "./Login.module.css";

export function LoginPage({ entered }: { entered: (session: Session, withCode: boolean) => void }) {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  const [busyKey, setBusyKey] = useState(false);
  const [tried, setTried] = useState(false);
  const council = useQuery({ queryKey: ["council"], queryFn: offered, staleTime: Infinity, retry: 1 }).data?.configured ?? false;
  const enteredByCouncil = useCallback((session: Session) => entered(session, false), [entered]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!username.trim() || !password) return;
    setBusy(true);
    setError(null);
    try {
      const session = await hub.signIn(username.trim(), password);
      entered(session, session.must_change_password);
    } catch (problem) {
      setError(problem as Error);
      setPassword("");
    } finally {
      setBusy(false);
    }
  };

  const withPasskey = async () => {
    setBusyKey(true);
    setError(null);
    try {
      entered(await signInWithPasskey(), false);
    } catch (problem) {
      setError(problem as Error);
    } finally {
      setBusyKey(false);
    }
  };

  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <Mark />
        <h1 className={styles.title}>Belvedere</h1>
        <p className={styles.lead}>Control room</p>
        {council ? <CouncilSignIn entered={enteredByCouncil} /> : null}
        {possible() ? (
          <>
            <Button
              size="md"
              fullWidth
              variant={council ? "default" : "filled"}
              loading={busyKey}
              onClick={() => void withPasskey()}
              leftSection={<IconFingerprint size={20} aria-hidden />}
              data-testid="passkey-sign-in"
            >
              Sign in with a passkey
            </Button>
            <p className={styles.or}>the first time, or to come back</p>
          </>
        ) : (
          <p className={styles.hint}>{whyNot()}</p>
        )}
        <form onSubmit={(event) => void submit(event)} className={styles.form} data-testid="login-form" noValidate>
          {error ? <Trouble error={error} testId="login-error" /> : null}
          <TextInput
            label="Name"
            name="username"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            autoFocus
            size="md"
            value={username}
            onChange={(event) => setUsername(event.currentTarget.value)}
            error={tried && !username.trim() ? "Give your name" : undefined}
          />
          <PasswordInput
            label="Password or one-time code"
            name="password"
            autoComplete="current-password"
            size="md"
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            error={tried && !password && !error ? "Give your password, or the code you were sent" : undefined}
            visibilityToggleButtonProps={{ "aria-label": "Show what you typed" }}
          />
          <Button type="submit" size="md" loading={busy} fullWidth variant={possible() ? "default" : "filled"}>
            Sign in
          </Button>
        </form>
        <p className={styles.foot}>Signing in, looking and exporting are written into a log that outsiders can check.</p>
      </div>
    </main>
  );
}

function whyNot() {
  if (!["127.0.0.1", "[::1]"].includes(location.hostname))
    return "Passkeys work only at the control room’s own name, under https.";
  const address = `http://localhost${location.port ? `:${location.port}` : ""}/`;
  return (
    <>
      Passkeys need a name: open <a href={address}>{address}</a> to use one.
    </>
  );
}

export function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="40" height="40" aria-hidden className={styles.mark}>
      <path
        d="M6 13.5 16 7l10 6.5M9 14v9m14-9v9M6.5 25h19M16 14v9"
        fill="none"
        stroke="currentColor"
        strokeWidth="2.2"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
