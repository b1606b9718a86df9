import { Button } from "@mantine/core";
import { IconFingerprint } from "@tabler/icons-react";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Session } from "../api";
import { Trouble } from "../frame/Notice";
import type { Question } from "../passkey/passkey";
import { comeBack, confirm, leave, takeAnswer } from "./council";
import styles from "./Login.module.css";

/** Signing in with the council's account: there, back again, and the passkey where the council proved one factor only. */
export function CouncilSignIn({ entered }: { entered: (session: Session) => void }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const [question, setQuestion] = useState<Question | null>(null);
  const taken = useRef(false);

  const doing = useCallback(async (work: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (problem) {
      setError(problem as Error);
      setQuestion(null);
    } finally {
      setBusy(false);
    }
  }, []);

  useEffect(() => {
    const answer = taken.current ? null : takeAnswer();
    taken.current = true;
    if (!answer) return;
    void doing(async () => {
      const entry = await comeBack(answer);
      if (entry.session) entered(entry.session);
      setQuestion(entry.question);
    });
  }, [doing, entered]);

  return (
    <div className={styles.council}>
      {error ? <Trouble error={error} testId="council-error" /> : null}
      {question ? (
        <>
          <p className={styles.hint}>The council says who you are. Your passkey confirms it.</p>
          <Button
            size="md"
            fullWidth
            loading={busy}
            leftSection={<IconFingerprint size={20} aria-hidden />}
            onClick={() => void doing(async () => entered(await confirm(question)))}
            data-testid="council-passkey"
          >
            Confirm with your passkey
          </Button>
        </>
      ) : (
        <Button
          size="md"
          fullWidth
          px={8}
          loading={busy}
          onClick={() => void doing(leave)}
          data-testid="council-sign-in"
        >
          Sign in with your council account
        </Button>
      )}
    </div>
  );
}
