// Ask for access: for what, which case, cameras, time and deeds, why. Says before it is sent what it takes and who could agree.

import { Button, Checkbox, MultiSelect, Select, Textarea, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconFingerprint, IconShieldCheck, IconUserCheck, IconBan } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useState, type FormEvent } from "react";
import { hub, HubError, hubNowUs, type Considered, type Grant } from "../api";
import { approvals, type AccessRequest } from "../approvals/approvals";
import { CasePicker } from "../cases/CasePicker";
import { useCase, useCases } from "../cases/cases";
import { Notice, Trouble, Waiting } from "../frame/Notice";
import { withStepUp } from "../passkey/passkey";
import { acceptedBy, ACTION, length, useCameraPurposes, usePurposes } from "../purposes/purposes";
import { actionsOf, aroundCase, buttonWords, EMPTY, firstActions, grantAsk, lengths, missing, needWords, recorded, requestAsk, usable, type Draft } from "./ask";
import { TimeField } from "./TimeField";
import styles from "./Ask.module.css";

interface Props {
  start?: Partial<Draft>;
  /** It was opened. */
  done: (grant: Grant) => void;
  /** It waits for a second person. */
  sent: (request: AccessRequest) => void;
}

/** What most requests are for, where the hub has it. */
const USUAL = "investigation";
const SAID_LATER = "(not said yet)";

export function AskForm({ start = {}, done, sent }: Props) {
  const client = useQueryClient();
  const list = usePurposes();
  const [draft, setDraft] = useState<Draft>({ ...EMPTY, ...start });
  const [stamp, setStamp] = useState(0);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const set = (more: Partial<Draft>) => setDraft((old) => ({ ...old, ...more }));

  const offered = useMemo(() => usable(list.data?.purposes ?? []), [list.data]);
  const purpose = offered.find((each) => each.code === draft.purpose);
  useEffect(() => {
    if (purpose || offered.length === 0) return;
    const first = offered.find((each) => each.code === USUAL) ?? offered.find((each) => each.needs_case) ?? offered[0]!;
    setDraft((old) => ({ ...old, purpose: first.code, actions: old.actions.length ? old.actions : firstActions(first) }));
  }, [offered, purpose]);

  // What the case says: its cameras, and the time around what happened.
  const cases = useCases({ state: "open", mine: "true", find: draft.case || undefined });
  const caseId = draft.case ? (cases.data?.pages.flatMap((page) => page.cases).find((each) => each.reference.toLowerCase() === draft.case.toLowerCase())?.id ?? "") : "";
  const found = useCase(purpose?.needs_case ? caseId : "").data;
  const foundId = found?.id;
  useEffect(() => {
    if (!found) return;
    const around = aroundCase(found, hubNowUs());
    setDraft((old) => ({
      ...old,
      cameras: old.cameras.length ? old.cameras : around.cameras,
      from_us: old.from_us ?? around.from_us,
      to_us: old.to_us ?? around.to_us,
    }));
    setStamp((old) => old + 1);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once a case, not at each fetch of it
  }, [foundId]);

  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras, staleTime: 30_000 });
  const lists = useCameraPurposes();
  const names = new Map((cameras.data?.cameras ?? []).map((each) => [each.id, each.name]));
  const pickable = found
    ? [...new Set(found.footage.map((each) => each.camera))]
    : [...names.keys()].filter((each) => !lists.data || acceptedBy(lists.data, each).includes(draft.purpose));
  const options = [...new Set([...pickable, ...draft.cameras])].map((id) => ({ value: id, label: names.get(id) ?? id }));

  const lacks = missing(draft, purpose);
  const whole = Object.keys(lacks).every((each) => each === "recipient");
  const wish = grantAsk({ ...draft, reason: draft.reason.trim() || SAID_LATER, recipient: draft.recipient.trim() || SAID_LATER });
  const [asked] = useDebouncedValue(JSON.stringify(wish), 300);
  const considered = useQuery({
    queryKey: ["consider", asked],
    queryFn: ({ signal }) => hub.consider(JSON.parse(asked) as typeof wish, signal),
    enabled: whole,
    placeholderData: (old) => old,
    retry: false,
    gcTime: 0,
  });
  const answer = whole ? considered.data : undefined;
  const approvers = useQuery({ queryKey: ["approvers"], queryFn: approvals.approvers, enabled: answer?.outcome === "approval", refetchInterval: 15_000 });
  const short = answer?.outcome === "approval" && draft.reason.trim().length < 10;
  const times = lengths(purpose, draft.actions);
  const lasts = times.includes(draft.lasts_us) ? draft.lasts_us : Math.min(draft.lasts_us, times[times.length - 1]!);
  if (lasts !== draft.lasts_us && purpose) set({ lasts_us: lasts });

  const send = async () => {
    const made = await approvals.ask(requestAsk(draft, hubNowUs()));
    void client.invalidateQueries({ queryKey: ["requests"] });
    sent(made);
  };
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
    setTried(true);
    if (Object.keys(lacks).length > 0 || short) return;
    void run(async () => {
      if (answer?.outcome === "approval") return send();
      const reason = draft.reason.trim();
      const grant = await withStepUp(() => (draft.renews && reason ? hub.renew(draft.renews, reason) : hub.ask(grantAsk(draft))));
      void client.invalidateQueries({ queryKey: ["grants"] });
      done(grant);
    });
  };
  const err = (field: keyof Draft) => (tried ? lacks[field] : undefined);

  if (list.isPending) return <Waiting what="Asking what you may ask for." why="The hub is slow to answer." />;
  if (list.error) return <Trouble error={list.error} again={() => void list.refetch()} />;
  if (offered.length === 0)
    return (
      <Notice tone="amber" title="There is no purpose under which you can ask for pictures.">
        The data protection officer decides which roles a purpose is for.
      </Notice>
    );
  return (
    <form onSubmit={submit} className={styles.form} noValidate data-testid="ask-form">
      <Select
        label="What for"
        data={offered.map((each) => ({ value: each.code, label: each.text }))}
        value={draft.purpose || null}
        onChange={(code) => {
          const next = offered.find((each) => each.code === code);
          const can = actionsOf(next);
          const kept = draft.actions.filter((each) => can.includes(each));
          set({ purpose: code ?? "", actions: kept.length ? kept : firstActions(next) });
        }}
        allowDeselect={false}
        error={err("purpose")}
      />
      {purpose ? <p className={styles.wording}>{purpose.wording}</p> : null}
      {purpose?.needs_case ? (
        <CasePicker
          value={draft.case}
          onChange={(reference) => {
            set({ case: reference, cameras: [], from_us: null, to_us: null });
            setStamp((old) => old + 1);
          }}
          error={err("case")}
        />
      ) : null}
      <Checkbox.Group label="To do what" value={draft.actions} onChange={(actions) => set({ actions })} error={err("actions")}>
        <div className={styles.boxes}>
          {actionsOf(purpose).map((action) => (
            <Checkbox key={action} value={action} label={ACTION[action] ?? action} />
          ))}
        </div>
      </Checkbox.Group>
      <MultiSelect
        label="Cameras"
        description={found ? "Those of the case" : undefined}
        placeholder={draft.cameras.length ? undefined : "Choose cameras"}
        data={options}
        value={draft.cameras}
        onChange={(chosen) => set({ cameras: chosen })}
        searchable
        clearable
        clearButtonProps={{ "aria-label": "No cameras" }}
        error={err("cameras")}
      />
      {recorded(draft.actions) ? (
        <div className={styles.pair}>
          <TimeField key={`from-${stamp}`} label="From" value={draft.from_us} onChange={(from_us) => set({ from_us })} error={err("from_us")} />
          <TimeField key={`to-${stamp}`} label="To" value={draft.to_us} onChange={(to_us) => set({ to_us })} error={err("to_us")} />
        </div>
      ) : null}
      {draft.actions.includes("export") ? (
        <>
          <TextInput
            label="Who gets what is exported"
            placeholder="Name or office, and their reference"
            value={draft.recipient}
            maxLength={200}
            onChange={(event) => set({ recipient: event.currentTarget.value })}
            error={err("recipient")}
          />
          <p className={styles.basis}>
            <span className="quiet">Lawful basis, from the purpose:</span> {purpose?.basis || "none"}
          </p>
        </>
      ) : null}
      <div className={styles.pair}>
        <Select
          label="Open for"
          data={times.map((each) => ({ value: String(each), label: length(each) }))}
          value={String(lasts)}
          onChange={(next) => set({ lasts_us: Number(next) })}
          allowDeselect={false}
        />
      </div>
      <Textarea
        label="Why"
        description="In your words. Who decides reads it, and it stays in the log with your name."
        autosize
        minRows={2}
        maxLength={answer?.outcome === "approval" ? 2000 : 500}
        value={draft.reason}
        onChange={(event) => set({ reason: event.currentTarget.value })}
        error={tried && short ? "Say what you are looking for, in ten letters or more" : undefined}
      />
      <Need found={answer} waiting={whole && considered.isPending} error={whole ? considered.error : null} who={approvers.data?.text ?? ""} />
      {error ? <Trouble error={error} testId="ask-error" /> : null}
      {error instanceof HubError && error.code === "approval_needed" ? (
        <Button variant="default" onClick={() => void run(send)} loading={busy} data-testid="ask-send-instead">
          Send it as a request, as it stands
        </Button>
      ) : null}
      <Button type="submit" loading={busy} disabled={answer?.outcome === "refuse"} data-testid="ask-submit">
        {buttonWords(answer)}
      </Button>
    </form>
  );
}

function Need({ found, waiting, error, who }: { found: Considered | undefined; waiting: boolean; error: Error | null; who: string }) {
  if (error) return <Trouble error={error} />;
  if (!found)
    return (
      <p className={styles.need} data-testid="ask-need">
        {waiting ? "Asking what this takes." : "What it takes stands here once the form is filled in."}
      </p>
    );
  const Icon = found.outcome === "refuse" ? IconBan : found.outcome === "approval" ? IconUserCheck : found.passkey === "none" ? IconShieldCheck : IconFingerprint;
  return (
    <p className={styles.need} data-outcome={found.outcome} role="status" data-testid="ask-need">
      <Icon size={18} aria-hidden />
      <span>
        {needWords(found, who)}
        {found.outcome === "refuse" && found.advice ? ` ${found.advice}` : ""}
      </span>
    </p>
  );
}
