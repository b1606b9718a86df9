// What one has a personal interest in, said beforehand: searches for it are noticed, and one decides on no request that concerns it.

import { Button, Select, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import access from "../access/Access.module.css";
import type { Camera } from "../api";
import { Trouble } from "../frame/Notice";
import { Time } from "../frame/Time";
import { CONFLICT_HINT, CONFLICT_KIND, conflicts } from "./conflicts";
import styles from "./Conflicts.module.css";

export function MyConflicts({ cameras }: { cameras: Camera[] }) {
  const client = useQueryClient();
  const mine = useQuery({ queryKey: ["conflicts"], queryFn: conflicts.mine, retry: 1 });
  const [kind, setKind] = useState("address");
  const [words, setWords] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const run = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
      setWords("");
    } catch (problem) {
      setError(problem instanceof Error ? problem : new Error(String(problem)));
    }
    setBusy(false);
    void client.invalidateQueries({ queryKey: ["conflicts"] });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (words.trim().length >= 3) void run(() => conflicts.declare(kind, words.trim()));
  };
  return (
    <section aria-label="Conflicts of interest" data-testid="conflicts">
      <h2 className={access.head}>Conflicts of interest</h2>
      <p className={`quiet ${styles.lead}`}>
        Your home, your car, people close to you, the camera at your door. You decide on no request that concerns them, and searching for them is noticed. What you write is
        not kept: it can be compared, not read, so nobody can look it up, you included.
      </p>
      <form onSubmit={submit} className={styles.form}>
        <Select
          label="What it is"
          data={Object.entries(CONFLICT_KIND).map(([value, label]) => ({ value, label }))}
          value={kind}
          allowDeselect={false}
          onChange={(value) => {
            setKind(value ?? "address");
            setWords("");
          }}
        />
        {kind === "camera" ? (
          <Select
            label="Which"
            searchable
            data={cameras.map((each) => ({ value: each.id, label: each.name }))}
            value={words || null}
            onChange={(value) => setWords(value ?? "")}
          />
        ) : (
          <TextInput label="Which" placeholder={CONFLICT_HINT[kind]} value={words} maxLength={200} onChange={(event) => setWords(event.currentTarget.value)} />
        )}
        <Button type="submit" variant="default" loading={busy} disabled={words.trim().length < 3}>
          Declare it
        </Button>
      </form>
      {error ? <Trouble error={error} testId="conflict-error" /> : null}
      {mine.error ? <Trouble error={mine.error} again={() => void mine.refetch()} /> : null}
      {mine.data?.length ? (
        <ul className={styles.list} data-testid="my-conflicts">
          {mine.data.map((each) => (
            <li key={each.id}>
              <span>{CONFLICT_KIND[each.kind] ?? each.kind}</span>
              <span className="quiet">
                declared <Time us={each.declared_us} day />
              </span>
              <Button size="compact-xs" variant="subtle" color="gray" loading={busy} onClick={() => void run(() => conflicts.withdraw(each.id))}>
                Withdraw
              </Button>
            </li>
          ))}
        </ul>
      ) : null}
    </section>
  );
}
