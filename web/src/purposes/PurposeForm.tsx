// A purpose written anew or changed. One reason, one passkey, for everything on the form.

import { Button, Checkbox, Modal, NumberInput, Select, Textarea, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { Trouble } from "../frame/Notice";
import { DAY, HOUR, MINUTE } from "../time";
import { ACTION, KIND, purposes, ROLES, roleWords, termsOf, type Purpose, type Purposes, type Terms } from "./purposes";
import styles from "./Purposes.module.css";

const NEW: Terms = {
  text: "",
  wording: "",
  kind: "incident",
  regime: "uk_gdpr",
  basis: "UK GDPR Art. 6(1)(e): a task in the public interest",
  condition: "",
  actions: ["playback"],
  roles: ["investigator", "supervisor"],
  longest_us: 8 * HOUR,
  usual_reach_us: DAY,
  longest_reach_us: 31 * DAY,
  longest_span_us: null,
  most_cameras: null,
  needs_case: true,
  ends_with_shift: false,
  masked: true,
  for_new_cameras: false,
};

export function PurposeForm({
  purpose,
  known,
  close,
  done,
}: {
  purpose: Purpose | null;
  known: Purposes;
  close: () => void;
  done: (code: string) => void;
}) {
  const [terms, setTerms] = useState<Terms>(purpose ? termsOf(purpose) : NEW);
  const [code, setCode] = useState(purpose?.code ?? "");
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const put = (part: Partial<Terms>) => setTerms((before) => ({ ...before, ...part }));
  const amount = (value: number | string, unit: number): number => Math.round((typeof value === "number" ? value : 0) * unit);
  const maybe = (value: number | string, unit: number): number | null => (typeof value === "number" && value > 0 ? Math.round(value * unit) : null);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!reason.trim()) return;
    setBusy(true);
    setError(null);
    try {
      const made = purpose ? await purposes.change(purpose, terms, reason.trim()) : await purposes.add(code.trim(), terms, reason.trim());
      done(made.code);
      close();
    } catch (failed) {
      setError(failed instanceof Error ? failed : new Error(String(failed)));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Modal
      opened
      onClose={close}
      title={purpose ? `Change “${purpose.text}”` : "New purpose"}
      size="xl"
      closeButtonProps={{ "aria-label": "Close" }}
      data-testid="purpose-form"
    >
      <form onSubmit={(event) => void submit(event)} className={styles.form}>
        <div className={styles.pair}>
          <TextInput label="Name" description="Stands on the chip above every picture" value={terms.text} onChange={(event) => put({ text: event.currentTarget.value })} />
          {purpose ? null : (
            <TextInput label="Code" description="Small letters; never changes" value={code} onChange={(event) => setCode(event.currentTarget.value)} />
          )}
          <Select
            label="Kind"
            description="Which rows of the action table it goes by"
            data={known.kinds.map((each) => ({ value: each, label: KIND[each] ?? each }))}
            value={terms.kind}
            allowDeselect={false}
            onChange={(kind) => put({ kind: kind ?? "incident" })}
          />
        </div>
        <Textarea
          label="Wording"
          description="What it is for, as a resident may read it"
          autosize
          minRows={2}
          value={terms.wording}
          onChange={(event) => put({ wording: event.currentTarget.value })}
        />
        <Select
          label="Regime"
          data={Object.entries(known.regimes).map(([value, label]) => ({ value, label }))}
          value={terms.regime}
          allowDeselect={false}
          onChange={(regime) => put({ regime: regime ?? "uk_gdpr" })}
        />
        <TextInput label="Lawful basis" value={terms.basis} onChange={(event) => put({ basis: event.currentTarget.value })} />
        <TextInput label="Law or condition it rests on" value={terms.condition} onChange={(event) => put({ condition: event.currentTarget.value })} />
        <Checkbox.Group label="Opens" value={terms.actions} onChange={(actions) => put({ actions })}>
          <div className={styles.checks}>
            {known.actions.map((each) => (
              <Checkbox key={each} value={each} label={ACTION[each] ?? each} />
            ))}
          </div>
        </Checkbox.Group>
        <Checkbox.Group label="For" value={terms.roles} onChange={(roles) => put({ roles })}>
          <div className={styles.checks}>
            {ROLES.map((each) => (
              <Checkbox key={each} value={each} label={roleWords(each)} />
            ))}
          </div>
        </Checkbox.Group>
        <div className={styles.pair}>
          <NumberInput
            label="Lasts at most (minutes)"
            value={terms.longest_us / MINUTE}
            min={1}
            max={720}
            onChange={(value) => put({ longest_us: amount(value, MINUTE) })}
          />
          <NumberInput
            label="Usually reaches back (hours)"
            value={terms.usual_reach_us / HOUR}
            min={0}
            onChange={(value) => put({ usual_reach_us: amount(value, HOUR) })}
          />
          <NumberInput
            label="Reaches back at most (days)"
            description="Empty: the case says"
            value={terms.longest_reach_us === null ? "" : terms.longest_reach_us / DAY}
            min={0}
            onChange={(value) => put({ longest_reach_us: maybe(value, DAY) })}
          />
          <NumberInput
            label="Footage at once (hours)"
            description="Empty: any"
            value={terms.longest_span_us === null ? "" : terms.longest_span_us / HOUR}
            min={0}
            onChange={(value) => put({ longest_span_us: maybe(value, HOUR) })}
          />
          <NumberInput
            label="Cameras at once"
            description="Empty: any"
            value={terms.most_cameras ?? ""}
            min={1}
            allowDecimal={false}
            onChange={(value) => put({ most_cameras: maybe(value, 1) })}
          />
        </div>
        <div className={styles.checks}>
          {(
            [
              ["needs_case", "Needs a case"],
              ["ends_with_shift", "Ends with the shift"],
              ["masked", "Masked pictures"],
              ["for_new_cameras", "On new cameras"],
            ] as const
          ).map(([field, label]) => (
            <Checkbox key={field} label={label} checked={terms[field]} onChange={(event) => put({ [field]: event.currentTarget.checked })} />
          ))}
        </div>
        <Textarea
          label="Why"
          description="Stands in the history and in the log with your name."
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={tried && !reason.trim() ? "Say why." : undefined}
          autosize
          minRows={2}
        />
        {error ? <Trouble error={error} /> : null}
        <Button type="submit" loading={busy}>
          {purpose ? "Change with a passkey" : "Write it down as a draft, with a passkey"}
        </Button>
      </form>
    </Modal>
  );
}
