// The demo's stand-in for a passkey: a code from its terminal, for exactly one act.

import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useEffect, useState, type FormEvent } from "react";
import { Trouble } from "../frame/Notice";
import { onCodeAsked, type CodeAsked } from "./code";

export function StepUpCode() {
  const [asked, setAsked] = useState<CodeAsked | null>(null);
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  useEffect(
    () =>
      onCodeAsked((next) => {
        setCode("");
        setError(null);
        setAsked(next);
      }),
    [],
  );
  const run = async (work: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (problem) {
      setError(problem as Error);
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (asked && code.trim()) void run(() => asked.give(code));
  };
  return (
    <Modal opened={asked !== null} onClose={() => asked?.leave()} title="Confirm with a code" centered>
      <form onSubmit={submit} data-testid="step-up-code" noValidate>
        <Stack gap="md">
          <p style={{ margin: 0 }}>
            The terminal in which the demo runs shows a code for this one act. Elsewhere only a passkey confirms it; the log says that
            here it was a code.
          </p>
          {error ? <Trouble error={error} testId="step-up-code-error" /> : null}
          <TextInput
            label="Code from the terminal"
            placeholder="1234 5678"
            inputMode="numeric"
            autoComplete="one-time-code"
            data-autofocus
            value={code}
            maxLength={20}
            onChange={(event) => setCode(event.currentTarget.value)}
          />
          <p className="quiet" style={{ margin: 0 }}>
            With a passkey (Settings) you are not asked for codes.
          </p>
          <Group justify="flex-end" gap="sm">
            <Button variant="subtle" color="gray" onClick={() => asked && void run(asked.another)} disabled={busy}>
              Show another code
            </Button>
            <Button type="submit" loading={busy}>
              Confirm
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
