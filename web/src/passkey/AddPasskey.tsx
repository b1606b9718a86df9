import { Button, TextInput } from "@mantine/core";
import { IconFingerprint } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import { Trouble } from "../frame/Notice";
import { addPasskey } from "./passkey";

/** What a person may have in front of them; they can write something else. */
function usualName(): string {
  const agent = navigator.userAgent;
  if (/iPhone|Android/.test(agent)) return "This phone";
  if (/iPad/.test(agent)) return "This tablet";
  return "This computer";
}

export function AddPasskey({ done, first = false }: { done: () => void; first?: boolean }) {
  const [name, setName] = useState(usualName);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!name.trim()) return;
    setBusy(true);
    setError(null);
    try {
      await addPasskey(name);
      done();
    } catch (problem) {
      setError(problem as Error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)} data-testid="passkey-form" style={{ display: "grid", gap: 12 }} noValidate>
      {error ? <Trouble error={error} testId="passkey-error" /> : null}
      <TextInput
        label="Name of the passkey"
        description="Name it after what holds it, so that you know it again."
        value={name}
        maxLength={64}
        onChange={(event) => setName(event.currentTarget.value)}
        error={name.trim() ? undefined : "Give it a name"}
      />
      <Button type="submit" loading={busy} variant={first ? "filled" : "default"} leftSection={<IconFingerprint size={18} aria-hidden />}>
        {first ? "Add a passkey" : "Add another passkey"}
      </Button>
    </form>
  );
}
