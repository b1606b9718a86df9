// Adding somebody, or changing what is known of them. Roles are a change of their own, because they end what the old ones gave.

import { Button, Drawer, MultiSelect, TagsInput, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { useAsked } from "../approvals/RequestNews";
import { Notice, Trouble } from "../frame/Notice";
import { fromIsoDay, isoDay } from "../time";
import { Codes } from "./ListDialog";
import { people, type Attributes, type Person, type Role } from "./people";
import styles from "./People.module.css";

export function PersonForm({ person, roles, own, close, done }: { person: Person | null; roles: Role[]; own: boolean; close: () => void; done: () => void }) {
  const [name, setName] = useState(person?.name ?? "");
  const [display, setDisplay] = useState(person?.display ?? "");
  const [held, setHeld] = useState<string[]>(person?.roles ?? []);
  const [team, setTeam] = useState(person?.team ?? "");
  const [sites, setSites] = useState<string[]>(person?.sites ?? []);
  const [trained, setTrained] = useState(person?.trained_us ? isoDay(person.trained_us) : "");
  const [number, setNumber] = useState(person?.spss_number ?? "");
  const [expires, setExpires] = useState(person?.spss_expires_us ? isoDay(person.spss_expires_us) : "");
  const asked = useAsked();
  const [reason, setReason] = useState("");
  const unsaid = asked && reason.trim().length < 10;
  const [code, setCode] = useState<{ name: string; code: string } | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const run = async (what: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await what();
      done();
    } catch (problem) {
      setError(problem instanceof Error ? problem : new Error(String(problem)));
    }
    setBusy(false);
  };
  /** A day left as it was keeps its very moment, whatever zone it was written in. */
  const moment = (text: string, before: number | null | undefined): number | null => (before && text === isoDay(before) ? before : fromIsoDay(text));
  const attributes = (): Attributes => ({
    display: display.trim() || name.trim(),
    team,
    sites,
    shifts: person?.shifts ?? [],
    trained_us: moment(trained, person?.trained_us),
    spss_number: number,
    spss_expires_us: moment(expires, person?.spss_expires_us),
  });
  const choices = roles.map((each) => ({ value: each.role, label: each.name }));
  const open = person === null || !person.disabled;
  return (
    <Drawer opened onClose={close} position="right" size={480} title={person ? person.display : "Add a person"} closeButtonProps={{ "aria-label": "Close" }}>
      <div className={styles.form} data-testid="person">
        {own ? (
          <Notice tone="amber" title="This is your own account.">
            Nobody changes their own account here. Ask another administrator.
          </Notice>
        ) : null}
        {open ? null : <Notice title="This person has left. The account stays, because the log names it." />}
        {person ? null : <TextInput label="User name" description="Letters, digits, dots, hyphens, or an e-mail address" value={name} onChange={(event) => setName(event.currentTarget.value)} />}
        <TextInput label="Name" value={display} onChange={(event) => setDisplay(event.currentTarget.value)} />
        <MultiSelect label="Roles" description="The first is the main one" data={choices} value={held} onChange={setHeld} />
        <TextInput label="Team" description="A second person comes from another team" value={team} onChange={(event) => setTeam(event.currentTarget.value)} />
        <TagsInput label="Sites" description="None: all sites" value={sites} onChange={setSites} />
        <TextInput label="Trained on" type="date" value={trained} onChange={(event) => setTrained(event.currentTarget.value)} />
        <TextInput label="SPSS licence number" value={number} onChange={(event) => setNumber(event.currentTarget.value)} />
        <TextInput label="SPSS licence ends on" type="date" value={expires} onChange={(event) => setExpires(event.currentTarget.value)} />
        {asked && open && !own && !code ? (
          <Textarea
            label="Why"
            description="Another person reads it before they confirm: nothing here takes effect by one alone. Ten letters or more."
            autosize
            minRows={2}
            maxLength={2000}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        ) : null}
        {error ? <Trouble error={error} testId="person-error" /> : null}
        {code ? (
          <>
            <Notice title="Added. This one-time code is shown only now.">Hand it over in person or by a way you trust. It works once, for three days.</Notice>
            <Codes codes={[code]} />
          </>
        ) : null}
        {open && !own && !code ? (
          <div className={styles.acts}>
            {person ? (
              <>
                <Button
                  loading={busy}
                  disabled={unsaid}
                  onClick={() =>
                    void run(async () => {
                      const roles = held.join() === person.roles.join() ? undefined : held;
                      await people.change(person.name, { ...attributes(), roles, reason });
                      close();
                    })
                  }
                >
                  Save
                </Button>
                {person.sessions ? (
                  <Button variant="default" loading={busy} onClick={() => void run(() => people.endSessions(person.name))}>
                    Sign out everywhere
                  </Button>
                ) : null}
                <Button variant="subtle" color="red" onClick={() => setLeaving(true)}>
                  Close account
                </Button>
              </>
            ) : (
              <Button
                loading={busy}
                disabled={!name.trim() || held.length === 0 || unsaid}
                onClick={() =>
                  void run(async () => {
                    const made = await people.add({ ...attributes(), name: name.trim(), roles: held, reason });
                    if (made.code) setCode({ name: made.name, code: made.code });
                    else close();
                  })
                }
              >
                Add
              </Button>
            )}
          </div>
        ) : null}
        {leaving && person ? (
          <Notice
            tone="red"
            title={`Close the account of ${person.display}?`}
            action={
              <Button
                size="compact-sm"
                color="red"
                loading={busy}
                disabled={unsaid}
                onClick={() =>
                  void run(async () => {
                    await people.leave(person.name, reason);
                    close();
                  })
                }
              >
                Close account
              </Button>
            }
          >
            Sessions, accesses, passkeys and codes end at once. It can&apos;t be opened again; who comes back gets another name.
          </Notice>
        ) : null}
      </div>
    </Drawer>
  );
}
