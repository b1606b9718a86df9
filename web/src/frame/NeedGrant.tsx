// Pictures need a purpose. One visible act starts a shift; a case asks for its own.

import { Button, Checkbox, Group, MultiSelect, Stack, Textarea, TextInput } from "@mantine/core";
import { IconShieldCheck } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent, type ReactNode } from "react";
import { hub, type GrantAsk } from "../api";
import { rolesOf, useGrant, useSession } from "../session";
import { DAY, HOUR, parseTime } from "../time";
import { Notice, Trouble, Waiting } from "./Notice";
import styles from "./NeedGrant.module.css";

/** Shows `children` while a grant stands, otherwise how to get one. */
export function NeedGrant({ children, action }: { children: ReactNode; action: "live" | "playback" | "export" }) {
  const { grant, waiting, error, again } = useGrant();
  if (waiting) return <Waiting what="Asking what you may see." why="The hub is slow to answer." />;
  if (error && !grant)
    return (
      <div className="page">
        <Trouble error={error} again={again} />
      </div>
    );
  if (!grant) return <AskPage />;
  if (!grant.actions.includes(action)) {
    const words = { live: "live pictures", playback: "recordings", export: "export" }[action];
    return (
      <div className="page">
        <Notice tone="amber" title={`This access does not allow ${words}.`}>
          It allows {grant.actions.join(", ")}. Choose another one in the chip above, or ask for more.
        </Notice>
        <div className={styles.again}>
          <AskForms />
        </div>
      </div>
    );
  }
  return <>{children}</>;
}

function AskPage() {
  return (
    <div className={styles.page}>
      <div className={styles.card}>
        <h1 className={styles.title}>
          <IconShieldCheck size={22} aria-hidden /> Pictures need a purpose
        </h1>
        <p className={styles.lead}>
          Nobody sees a camera without saying why. What you look at, and when, is written into a log that others can check.
        </p>
        <AskForms />
      </div>
    </div>
  );
}

function AskForms() {
  const { session } = useSession();
  const { again, choose } = useGrant();
  const roles = rolesOf(session);
  const [caseOpen, setCaseOpen] = useState(roles.includes("investigator") && !roles.includes("operator"));
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);

  const ask = async (what: GrantAsk) => {
    setBusy(true);
    setError(null);
    try {
      const grant = await hub.ask(what);
      choose(grant.id);
      again();
    } catch (problem) {
      setError(problem as Error);
    } finally {
      setBusy(false);
    }
  };

  return (
    <Stack gap="md">
      {error ? <Trouble error={error} testId="grant-refused" /> : null}
      <div className={styles.duty}>
        <div>
          <p className={styles.what}>A duty shift</p>
          <p className="quiet">Live view, review and export for the cameras of your estate, until your shift ends.</p>
        </div>
        <Button onClick={() => void ask({ purpose: "duty" })} loading={busy && !caseOpen} data-testid="start-shift" size="md">
          Start shift
        </Button>
      </div>
      {caseOpen ? (
        <CaseForm ask={ask} busy={busy} />
      ) : (
        <Button variant="default" onClick={() => setCaseOpen(true)} data-testid="case-access">
          Ask for access for a case
        </Button>
      )}
    </Stack>
  );
}

function CaseForm({ ask, busy }: { ask: (what: GrantAsk) => Promise<void>; busy: boolean }) {
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras });
  const [reference, setReference] = useState("");
  const [chosen, setChosen] = useState<string[]>([]);
  const [all, setAll] = useState(false);
  const now = Date.now() * 1000;
  const [from, setFrom] = useState("yesterday 18:00");
  const [to, setTo] = useState("now");
  const [reason, setReason] = useState("");
  const fromUs = parseTime(from, now - DAY, now);
  const toUs = parseTime(to, now, now);
  const [tried, setTried] = useState(false);
  const list = cameras.data?.cameras ?? [];
  const names = all ? list.map((camera) => camera.id) : chosen;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!reference.trim() || names.length === 0 || fromUs === null || toUs === null || toUs <= fromUs) return;
    void ask({
      purpose: "investigation",
      case: reference.trim(),
      cameras: names,
      from_us: fromUs,
      to_us: Math.max(toUs, fromUs + HOUR / 60),
      reason: reason.trim() || undefined,
    });
  };
  const example = "Such as 21:03, yesterday 21:03 or 2026-11-20 21:03:00";
  return (
    <form onSubmit={submit} className={styles.form} noValidate data-testid="case-form">
      <p className={styles.what}>Access for a case</p>
      <TextInput
        label="Case reference"
        placeholder="2026-0113"
        value={reference}
        onChange={(event) => setReference(event.currentTarget.value)}
        error={tried && !reference.trim() ? "Give the case this is for" : undefined}
        data-autofocus
      />
      <Group gap="sm" align="start" grow>
        <TextInput
          label="From"
          description={example}
          value={from}
          onChange={(event) => setFrom(event.currentTarget.value)}
          error={tried && fromUs === null ? "This time can't be read" : undefined}
        />
        <TextInput
          label="To"
          description={example}
          value={to}
          onChange={(event) => setTo(event.currentTarget.value)}
          error={
            tried && toUs === null
              ? "This time can't be read"
              : tried && fromUs !== null && toUs !== null && toUs <= fromUs
                ? "Must be after the start"
                : undefined
          }
        />
      </Group>
      <MultiSelect
        label="Cameras"
        placeholder={names.length ? undefined : "Choose cameras"}
        data={list.map((camera) => ({ value: camera.id, label: camera.name }))}
        value={chosen}
        onChange={setChosen}
        disabled={all}
        searchable
        error={tried && names.length === 0 ? "Choose at least one camera" : undefined}
      />
      <Checkbox label="Every camera of the site" checked={all} onChange={(event) => setAll(event.currentTarget.checked)} />
      <Textarea
        label="Why these cameras and this time"
        description="Kept in the log with your name"
        autosize
        minRows={2}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <Button type="submit" loading={busy}>
        Ask for access
      </Button>
    </form>
  );
}
