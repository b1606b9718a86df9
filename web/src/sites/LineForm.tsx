// What a site may take of its line: the next version of its configuration, with its difference, and the versions before.

import { Button, Checkbox, Modal, NumberInput, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Notice, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { hour, limitWords, minuteOf, sites, type Configuration, type Limits, type Site } from "./sites";
import styles from "./Sites.module.css";

const LEAST = 64;

export function LineForm({ site, close, done }: { site: Site | null; close: () => void; done: () => void }) {
  const found = useQuery({
    queryKey: ["configuration", site?.id],
    queryFn: () => sites.configuration(site?.id ?? ""),
    enabled: site !== null,
    gcTime: 0,
  });
  return (
    <Modal
      opened={site !== null}
      onClose={close}
      title={`Line of ${site?.name ?? ""}`}
      size="lg"
      closeButtonProps={{ "aria-label": "Close" }}
      data-testid="line-form"
    >
      {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
      {found.isPending ? <Waiting what="Asking what was ordered." why="The hub is slow to answer." /> : null}
      {site && found.data ? (
        <Form
          key={site.id}
          site={site}
          data={found.data}
          done={() => {
            done();
            close();
          }}
        />
      ) : null}
    </Modal>
  );
}

function Form({ site, data, done }: { site: Site; data: Configuration; done: () => void }) {
  const first = data.ordered ?? data.line.own ?? { kbit: 0, night_kbit: 0, night: null };
  const [own, setOwn] = useState(data.ordered === null);
  const [kbit, setKbit] = useState<number | string>(first.kbit);
  const [other, setOther] = useState(first.night !== null);
  const [from, setFrom] = useState(hour(first.night?.[0] ?? 22 * 60));
  const [to, setTo] = useState(hour(first.night?.[1] ?? 6 * 60));
  const [nightKbit, setNightKbit] = useState<number | string>(first.night_kbit);
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);

  const [start, end] = [minuteOf(from), minuteOf(to)];
  const wrong = (value: number | string): string | undefined =>
    typeof value === "number" && (value === 0 || value >= LEAST) ? undefined : `0, or ${LEAST} and more.`;
  const hours = !other || (start !== null && end !== null && start !== end);
  const fit = own || (!wrong(kbit) && hours && (!other || !wrong(nightKbit)));
  const next: Limits | null = own
    ? null
    : { kbit: Number(kbit), night_kbit: other ? Number(nightKbit) : 0, night: other && start !== null && end !== null ? [start, end] : null };
  const was = limitWords(data.ordered);
  const will = limitWords(next);
  const changes = (["Limit", "Other hours"] as const).filter((what) => was[what] !== will[what]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!fit || changes.length === 0 || reason.trim().length < 3) return;
    setBusy(true);
    setError(null);
    try {
      await sites.configure(site.id, next, reason.trim());
      done();
    } catch (failed) {
      setError(failed instanceof Error ? failed : new Error(String(failed)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)} className={styles.form}>
      <p>
        Records, recordings and live pictures together take no more than this of the line. Live pictures go first, always. The box goes by it without the hub,
        too.
      </p>
      {data.line.fault ? <Notice tone="amber" title={`The site did not take version ${data.line.ordered}: ${data.line.fault}`} /> : null}
      <Checkbox label="As the box's own settings say" checked={own} onChange={(event) => setOwn(event.currentTarget.checked)} />
      {own ? null : (
        <>
          <NumberInput
            label="Limit (kbit/s)"
            description="0: as much as the line carries."
            value={kbit}
            onChange={setKbit}
            min={0}
            max={10_000_000}
            step={500}
            allowDecimal={false}
            thousandSeparator=","
            error={wrong(kbit)}
          />
          <Checkbox label="Another limit in some hours" checked={other} onChange={(event) => setOther(event.currentTarget.checked)} />
          {other ? (
            <div className={styles.hours}>
              <TextInput
                label="From (UTC)"
                value={from}
                onChange={(event) => setFrom(event.currentTarget.value)}
                error={start === null ? "Such as 22:00." : undefined}
              />
              <TextInput
                label="To (UTC)"
                value={to}
                onChange={(event) => setTo(event.currentTarget.value)}
                error={end === null ? "Such as 06:00." : start === end ? "Not the same." : undefined}
              />
              <NumberInput
                label="Limit then (kbit/s)"
                value={nightKbit}
                onChange={setNightKbit}
                min={0}
                max={10_000_000}
                step={500}
                allowDecimal={false}
                thousandSeparator=","
                error={wrong(nightKbit)}
              />
            </div>
          ) : null}
        </>
      )}
      <section aria-label="Difference" data-testid="line-difference">
        {changes.length === 0 ? <p className="quiet">Nothing is different from what was ordered last.</p> : null}
        {changes.map((what) => (
          <p key={what} className={styles.change}>
            <strong>{what}</strong>: <del>{was[what]}</del> <ins>{will[what]}</ins>
          </p>
        ))}
      </section>
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
      <Button type="submit" loading={busy} disabled={!fit || changes.length === 0}>
        Order it with a passkey
      </Button>
      {data.versions.length > 0 ? (
        <section aria-label="Versions">
          <h3 className={styles.versions}>Ordered before</h3>
          <ol className={styles.history} data-testid="line-versions">
            {data.versions.map((each) => (
              <li key={each.version}>
                <div>
                  Version {each.version}, <Time us={each.issued_us} day />, {each.by}: {each.reason}
                </div>
                {each.changes.map((change) => (
                  <p key={change.what} className={styles.change}>
                    <strong>{change.what}</strong>: <del>{change.before}</del> <ins>{change.after}</ins>
                  </p>
                ))}
                <p className="quiet">
                  {each.taken_us === null ? (
                    "The site has not said yet that it goes by it."
                  ) : (
                    <>
                      In force there since <Time us={each.taken_us} day />
                    </>
                  )}
                </p>
              </li>
            ))}
          </ol>
        </section>
      ) : null}
    </form>
  );
}
