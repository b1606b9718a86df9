// A roll-out drawn up: version, first sites, pace, why. It begins once a second person confirms it.

import { Button, Checkbox, Modal, MultiSelect, NumberInput, Select, Textarea } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState, type FormEvent } from "react";
import { Trouble } from "../frame/Notice";
import { rollouts, waitWords, type Release } from "./rollouts";
import type { Site } from "./sites";
import styles from "./Sites.module.css";

export function RolloutForm({ releases, sites, close, done }: { releases: Release[]; sites: Site[]; close: () => void; done: () => void }) {
  const [version, setVersion] = useState<string | null>(releases[0]?.version ?? null);
  const [first, setFirst] = useState<string[]>([]);
  const [without, setWithout] = useState<string[]>([]);
  const [hours, setHours] = useState<number | string>(24);
  const [atOnce, setAtOnce] = useState<number | string>(5);
  const [night, setNight] = useState(false);
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const choices = sites.map((site) => ({ value: site.id, label: `${site.name}${site.software ? `, ${site.software}` : ""}` }));
  const wait = Math.round(Number(hours) * 60);
  const rest = sites.length - new Set([...first, ...without]).size;
  const fit = version !== null && first.length > 0 && Number(atOnce) >= 1 && hours !== "";
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!fit || reason.trim().length < 3) return;
    setBusy(true);
    setError(null);
    try {
      const said = await rollouts.start({ version, first, without, wait_minutes: wait, at_once: Number(atOnce), night, reason: reason.trim() });
      notifications.show({ message: said ? "It waits for a second person." : "The roll-out is under way." });
      done();
    } catch (failed) {
      setError(failed instanceof Error ? failed : new Error(String(failed)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={close} title="Update the sites" size="lg" closeButtonProps={{ "aria-label": "Close" }} data-testid="rollout-form">
      <form onSubmit={(event) => void submit(event)} className={styles.form}>
        <p>
          Each site fetches the release over its own line, checks who signed it, and goes back by itself if it does not record as before. The first one that does not take it stops the rest.
        </p>
        <Select label="Version" data={releases.map((each) => each.version)} value={version} onChange={setVersion} allowDeselect={false} />
        <MultiSelect
          label="First sites"
          description="One or two that are quiet, and easy to reach."
          data={choices}
          value={first}
          onChange={(next) => {
            setFirst(next);
            setWithout(without.filter((each) => !next.includes(each)));
          }}
          error={tried && first.length === 0 ? "Choose one or more." : undefined}
          searchable
        />
        <MultiSelect label="Left out" data={choices.filter((each) => !first.includes(each.value))} value={without} onChange={setWithout} searchable />
        <NumberInput label="Hours between the first sites and the rest" value={hours} onChange={setHours} min={0} max={336} step={1} />
        <NumberInput label="Sites at once" value={atOnce} onChange={setAtOnce} min={1} max={50} allowDecimal={false} />
        <Checkbox label="Fetched in the other hours of each line only" checked={night} onChange={(event) => setNight(event.currentTarget.checked)} />
        <p className="quiet" data-testid="rollout-plan">
          {first.length} {first.length === 1 ? "site" : "sites"} first, {rest} more {waitWords(wait)}.
        </p>
        <Textarea
          label="Why"
          description="Stands in the audit log with your name."
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={tried && reason.trim().length < 3 ? "Say why." : undefined}
          autosize
          minRows={2}
        />
        {error ? <Trouble error={error} /> : null}
        <Button type="submit" loading={busy}>
          Propose it
        </Button>
      </form>
    </Modal>
  );
}
