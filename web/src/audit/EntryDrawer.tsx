// One entry: what it says, its facts, and its proof, which this browser checks itself.

import { Button } from "@mantine/core";
import { IconCircleCheck, IconDownload, IconShieldCheck, IconAlertTriangle } from "@tabler/icons-react";
import { useState } from "react";
import { Time } from "../frame/Time";
import { Notice } from "../frame/Notice";
import { log, type EntryProof, type LogLine } from "./audit";
import { canCheck, checkProof, Wrong, type Shown } from "./proof";
import styles from "./Audit.module.css";

function save(proof: EntryProof): void {
  const address = URL.createObjectURL(new Blob([JSON.stringify(proof, null, 1)], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `belvedere-entry-${proof.index}.json`;
  link.click();
  URL.revokeObjectURL(address);
}

export function Facts({ facts }: { facts: Record<string, unknown> }) {
  return (
    <dl className={styles.facts}>
      {Object.entries(facts).map(([name, value]) => (
        <div key={name}>
          <dt>{name.replaceAll("_", " ").replace(/ us$/, "")}</dt>
          <dd className="mono">
            {name.endsWith("_us") && typeof value === "number" ? <Time us={value} day /> : typeof value === "string" ? value || "none" : JSON.stringify(value)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

export function EntryDrawer({ line, narrow }: { line: LogLine; narrow: (changes: Record<string, string>) => void }) {
  const [busy, setBusy] = useState(false);
  const [shown, setShown] = useState<Shown | null>(null);
  const [wrong, setWrong] = useState("");
  const [proof, setProof] = useState<EntryProof | null>(null);
  const get = async (): Promise<EntryProof> => {
    const found = proof ?? (await log.proof(line.index));
    setProof(found);
    return found;
  };
  const run = async (what: () => Promise<void>) => {
    setBusy(true);
    setWrong("");
    try {
      await what();
    } catch (error) {
      setShown(null);
      setWrong(error instanceof Wrong ? `Not true: ${error.message}` : error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  const camera = typeof line.facts.camera === "string" ? line.facts.camera : "";
  const grant = typeof line.facts.grant === "string" ? line.facts.grant : "";
  return (
    <div className={styles.drawer} data-testid="entry">
      <p className={styles.said}>{line.summary}</p>
      <dl className={styles.facts}>
        <div>
          <dt>when</dt>
          <dd>
            <Time us={line.time_us} day />
          </dd>
        </div>
        <div>
          <dt>who</dt>
          <dd>{line.who || "erased"}</dd>
        </div>
        <div>
          <dt>kind</dt>
          <dd className="mono">{line.kind}</dd>
        </div>
      </dl>
      <Facts facts={line.facts} />
      <div className={styles.acts}>
        {line.account ? (
          <Button size="compact-sm" variant="default" onClick={() => narrow({ person: line.account })}>
            All by {line.who}
          </Button>
        ) : null}
        {camera ? (
          <Button size="compact-sm" variant="default" onClick={() => narrow({ camera })}>
            All about this camera
          </Button>
        ) : null}
        {grant ? (
          <Button size="compact-sm" variant="default" onClick={() => narrow({ grant })}>
            All under this access
          </Button>
        ) : null}
      </div>

      <h3 className={styles.head}>Proof</h3>
      <p className="quiet">
        That this entry stands in the log as the hub signed it, and as witnesses signed it too. This browser computes it all itself; the hub is not asked whether it is
        true.
      </p>
      {canCheck() ? null : (
        <Notice tone="amber" title="This browser can't check signatures at this address.">
          Open the control room over HTTPS or on its own machine, or save the proof and check it with the page below.
        </Notice>
      )}
      <div className={styles.acts}>
        <Button
          size="compact-md"
          leftSection={<IconShieldCheck size={16} />}
          loading={busy}
          disabled={!canCheck()}
          data-testid="verify"
          onClick={() => void run(async () => setShown(await checkProof(await get(), line.index)))}
        >
          Verify in this browser
        </Button>
        <Button size="compact-md" variant="default" leftSection={<IconDownload size={16} />} onClick={() => void run(async () => save(await get()))}>
          Save the proof
        </Button>
      </div>
      <div aria-live="polite">
        {shown ? (
          <div className={styles.true} data-testid="verdict">
            <p className={styles.verdict}>
              <IconCircleCheck size={18} aria-hidden /> True
            </p>
            <ul>
              <li>
                Entry {line.index} is in the log of {shown.size.toLocaleString("en-GB")} entries that the hub signed, {shown.erased ? "its content erased" : "word for word"}.
              </li>
              {shown.witnesses.map((each) => (
                <li key={each.name}>
                  Witness {each.name} signed the same log, <Time us={each.time_s * 1e6} day />.
                </li>
              ))}
              {shown.witnesses.length === 0 ? <li>No witness has signed a log that holds this entry yet. Sites do so every minute.</li> : null}
              {shown.strangers.map((name) => (
                <li key={name}>Signed by {name} too, whose key is not known here: not checked.</li>
              ))}
            </ul>
            <p className="quiet">
              The hub&apos;s key. Compare it with the one you were told by other means: <span className="mono">{shown.key}</span>
            </p>
          </div>
        ) : null}
        {wrong ? (
          <div className={styles.false} role="alert" data-testid="verdict">
            <p className={styles.verdict}>
              <IconAlertTriangle size={18} aria-hidden /> {wrong}
            </p>
          </div>
        ) : null}
      </div>
      <p className="quiet">
        The saved file can be checked without this hub: with{" "}
        <a href="/log/verify.html" target="_blank" rel="noreferrer" className={styles.link}>
          the page that checks the log
        </a>
        , kept on your own disk, or with <span className="mono">belvedere audit verify --entry FILE</span>.
      </p>
    </div>
  );
}
