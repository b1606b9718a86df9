// A list of joiners, movers and leavers: first what it would do, then, confirmed with a passkey, done as a whole or not at all.

import { Button, FileInput, Modal, Textarea } from "@mantine/core";
import { useState } from "react";
import { useAsked } from "../approvals/RequestNews";
import { Notice, Trouble } from "../frame/Notice";
import { people, type Change } from "./people";
import styles from "./People.module.css";

const TURNS: Record<Change["turn"], string> = { joins: "joins", moves: "changes", leaves: "leaves", stays: "stays as is" };

export function ListDialog({ opened, close, done }: { opened: boolean; close: () => void; done: () => void }) {
  const asked = useAsked();
  const [reason, setReason] = useState("");
  const [csv, setCsv] = useState("");
  const [plan, setPlan] = useState<Change[] | null>(null);
  const [codes, setCodes] = useState<{ name: string; code: string }[] | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  const run = async (what: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await what();
    } catch (problem) {
      setError(problem instanceof Error ? problem : new Error(String(problem)));
    }
    setBusy(false);
  };
  const take = (file: File | null) =>
    void run(async () => {
      setPlan(null);
      setCodes(null);
      if (!file) return;
      const text = await file.text();
      setCsv(text);
      setPlan(await people.tryList(text));
    });
  const away = () => {
    setCsv("");
    setReason("");
    setPlan(null);
    setCodes(null);
    setError(null);
    close();
  };
  const changes = (plan ?? []).filter((each) => each.turn !== "stays");
  return (
    <Modal opened={opened} onClose={away} title="Joiners, movers, leavers" size="lg" closeButtonProps={{ "aria-label": "Close" }}>
      <div className={styles.form}>
        <FileInput
          label="CSV file"
          description="Columns: name, roles, and any of display, team, sites, shifts, trained, spss_number, spss_expires, leaves. Who is not in it stays."
          accept=".csv,text/csv"
          placeholder="Choose a file"
          onChange={take}
          clearable
        />
        {error ? <Trouble error={error} /> : null}
        {plan && !codes ? (
          <>
            <p>
              {changes.length === 0 ? "This list changes nothing." : `Nothing is changed yet. This list would change ${changes.length} of ${plan.length} people:`}
            </p>
            {changes.length ? (
              <div className={`table-box ${styles.scroll}`}>
                <table className="table" data-testid="plan">
                  <thead>
                    <tr>
                      <th scope="col">Who</th>
                      <th scope="col">What becomes of them</th>
                    </tr>
                  </thead>
                  <tbody>
                    {changes.map((each) => (
                      <tr key={each.name}>
                        <td>
                          {each.display} <span className="quiet">{each.name}</span>
                        </td>
                        <td className="wide">
                          {TURNS[each.turn]}
                          {each.what.length ? `: ${each.what.join(", ").replaceAll("_us", "").replaceAll("_", " ")}` : ""}
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            ) : null}
            {asked && changes.length ? (
              <Textarea
                label="Why"
                description="Another person reads it before they confirm. Ten letters or more."
                autosize
                minRows={2}
                maxLength={2000}
                value={reason}
                onChange={(event) => setReason(event.currentTarget.value)}
              />
            ) : null}
            <div className={styles.acts}>
              <Button variant="default" onClick={away}>
                Leave it
              </Button>
              <Button
                loading={busy}
                disabled={changes.length === 0 || (asked && reason.trim().length < 10)}
                onClick={() =>
                  void run(async () => {
                    const { codes } = await people.carryOut(csv, reason);
                    done();
                    if (codes) setCodes(codes);
                    else away();
                  })
                }
              >
                Do all of it
              </Button>
            </div>
          </>
        ) : null}
        {codes ? (
          <>
            <Notice title="Done. All of it is in the log.">
              {codes.length ? "Hand each person their one-time code in person or by a way you trust. It is shown only now, works once, for three days." : null}
            </Notice>
            <Codes codes={codes} />
            <div className={styles.acts}>
              <Button onClick={away}>Close</Button>
            </div>
          </>
        ) : null}
      </div>
    </Modal>
  );
}

export function Codes({ codes }: { codes: { name: string; code: string }[] }) {
  return (
    <dl className={styles.codes} data-testid="codes">
      {codes.map((each) => (
        <div key={each.name}>
          <dt>{each.name}</dt>
          <dd className="mono">{each.code}</dd>
        </div>
      ))}
    </dl>
  );
}
