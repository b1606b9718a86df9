// What a partner may ask. Nothing is answered before the first switch; what opens more takes a second person.

import { Button, Modal, MultiSelect, NumberInput, Switch, Textarea } from "@mantine/core";
import { useEffect, useState, type FormEvent } from "react";
import { Trouble } from "../frame/Notice";
import { basisWords, partners, reasonWords, type Partner, type Partners, type Policy } from "./partners";
import styles from "./Partners.module.css";

export function PolicyForm({ partner, all, close, done }: { partner: Partner | null; all: Partners; close: () => void; done: () => void }) {
  const [policy, setPolicy] = useState<Policy | null>(null);
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  useEffect(() => {
    setPolicy(partner?.policy ?? null);
    setReason("");
    setTried(false);
    setError(null);
  }, [partner]);
  if (!partner || !policy) return null;
  const change = (part: Partial<Policy>) => setPolicy({ ...policy, ...part });
  const number = (name: "longest_minutes" | "widest_m" | "questions_a_day" | "hold_days", label: string, least: number, most: number) => (
    <NumberInput label={label} value={policy[name]} onChange={(value) => change({ [name]: Number(value) || least })} min={least} max={most} allowDecimal={false} />
  );
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!reason.trim()) return;
    setBusy(true);
    setError(null);
    try {
      await partners.policy(partner.id, policy, reason.trim());
      done();
      close();
    } catch (failed) {
      setError(failed instanceof Error ? failed : new Error(String(failed)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={close} title={`What ${partner.controller} may ask`} size="lg" closeButtonProps={{ "aria-label": "Close" }} data-testid="policy-form">
      <form onSubmit={(event) => void submit(event)} className={styles.form}>
        <Switch
          label="Answer “do you hold footage of this place and time?”"
          description="Yes or no, and a yes holds it. They see no picture and no camera."
          checked={policy.answers}
          onChange={(event) => change({ answers: event.currentTarget.checked })}
        />
        <MultiSelect label="For these reasons" data={all.reasons.map((each) => ({ value: each, label: reasonWords(each) }))} value={policy.reasons} onChange={(reasons) => change({ reasons })} />
        <MultiSelect label="On these legal bases" data={all.bases.map((each) => ({ value: each, label: basisWords(each) }))} value={policy.bases} onChange={(bases) => change({ bases })} />
        <Switch label="All cameras answer" checked={policy.cameras === null} onChange={(event) => change({ cameras: event.currentTarget.checked ? null : [] })} />
        {policy.cameras !== null ? <MultiSelect label="Cameras that answer" data={all.cameras} value={policy.cameras} onChange={(cameras) => change({ cameras })} searchable /> : null}
        <div className={styles.pair}>
          {number("longest_minutes", "Footage in one question, minutes", 1, 1440)}
          {number("widest_m", "Radius of the place, metres", 10, 5000)}
        </div>
        <div className={styles.pair}>
          {number("questions_a_day", "Questions in 24 hours", 1, 1000)}
          {number("hold_days", "A yes is held for, days", 1, 90)}
        </div>
        <Switch label="A yes tells how many cameras" checked={policy.tells_count} onChange={(event) => change({ tells_count: event.currentTarget.checked })} />
        <Textarea
          label="Why"
          description="Stands in the audit log with your name."
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={tried && !reason.trim() ? "Say why." : undefined}
          autosize
          minRows={2}
        />
        {error ? <Trouble error={error} /> : null}
        <Button type="submit" loading={busy}>
          Set it
        </Button>
      </form>
    </Modal>
  );
}
