import { Anchor, Button, CopyButton, Progress } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { IconAlertTriangle, IconCheck, IconCopy, IconDownload, IconHourglass, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { hub, type Camera, type Export } from "../api";
import { bytes, dayClock, clock, isoDay, span as sayspan } from "../time";
import styles from "./Exports.module.css";

export function spanWords(start: number, end: number): string {
  return `${dayClock(start)} to ${isoDay(start) === isoDay(end) ? clock(end) : dayClock(end)} (${sayspan(end - start)})`;
}

export function ExportState({ export_ }: { export_: Export }) {
  if (export_.state === "ready")
    return (
      <span className={styles.state} data-state="ready">
        <IconCheck size={15} aria-hidden /> Ready
      </span>
    );
  if (export_.state === "failed")
    return (
      <span className={styles.state} data-state="failed" title={export_.message}>
        <IconAlertTriangle size={15} aria-hidden /> Failed
      </span>
    );
  if (export_.state === "cancelled")
    return (
      <span className={styles.state} data-state="cancelled">
        <IconX size={15} aria-hidden /> Cancelled
      </span>
    );
  const share = Math.round(export_.progress * 100);
  if (export_.step === "waiting")
    return (
      <span className={styles.state} data-state="waiting">
        <IconHourglass size={15} aria-hidden /> Waiting{share > 0 ? `, ${share} % made` : ""}
      </span>
    );
  return (
    <span className={styles.state} data-state="working">
      <Progress value={share} w={80} aria-label={`Making ${export_.name}`} /> {share} %
    </span>
  );
}

/** Says that a restart cost nothing. */
export function ResumedNote({ export_ }: { export_: Export }) {
  if (export_.state !== "working" || !export_.resumed) return null;
  return (
    <p className={styles.resumed} data-testid="export-resumed">
      {export_.step === "making" ? "Going on after an interruption" : "Interrupted. It goes on from what was fetched"}.
    </p>
  );
}

export function Download({ export_ }: { export_: Export }) {
  return (
    <Button
      component="a"
      href={hub.pack(export_.id)}
      download
      size="compact-sm"
      leftSection={<IconDownload size={15} />}
      data-testid="export-download"
      aria-label={`Download ${export_.name}`}
    >
      Download {bytes(export_.bytes)}
    </Button>
  );
}

/** Gives up an export that is being made. */
export function Cancel({ export_ }: { export_: Export }) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const cancel = async () => {
    setBusy(true);
    try {
      await hub.cancelExport(export_.id);
    } catch {
      // It was ready, or failed, a moment before: the list says so.
    }
    await client.invalidateQueries({ queryKey: ["exports"] });
    setBusy(false);
  };
  return (
    <Button size="compact-sm" variant="default" loading={busy} onClick={() => void cancel()} aria-label={`Cancel ${export_.name}`} data-testid="export-cancel">
      Cancel
    </Button>
  );
}

/** Says of a masked working copy that it is none of the real thing. */
export function KindNote({ export_ }: { export_: Export }) {
  if (export_.kind !== "working_copy") return null;
  return (
    <p className={styles.kind} data-testid="export-kind">
      Masked working copy. Not evidence.
    </p>
  );
}

export function Digest({ sha256 }: { sha256: string }) {
  return (
    <span className={styles.digest}>
      <span className="mono" data-testid="export-sha256">
        {sha256}
      </span>
      <CopyButton value={sha256}>
        {({ copied, copy }) => (
          <Button size="compact-xs" variant="default" onClick={copy} leftSection={copied ? <IconCheck size={13} /> : <IconCopy size={13} />}>
            {copied ? "Copied" : "Copy"}
          </Button>
        )}
      </CopyButton>
    </span>
  );
}

/** One export from first percent to how to check it. */
export function ExportCard({ export_, cameras }: { export_: Export; cameras: Camera[] }) {
  const names = export_.cameras.map((id) => cameras.find((camera) => camera.id === id)?.name ?? id);
  return (
    <div className={styles.card} data-testid="export-card" data-state={export_.state}>
      <div className={styles.cardHead}>
        <span className={styles.cardName}>{export_.name}</span>
        <ExportState export_={export_} />
      </div>
      <KindNote export_={export_} />
      <ResumedNote export_={export_} />
      <p className="quiet">{spanWords(export_.start_us, export_.end_us)}</p>
      <p>{names.join(", ")}</p>
      {export_.state === "failed" ? <p role="alert">{export_.message || "It could not be made."}</p> : null}
      {export_.state === "working" ? (
        <>
          <p className="quiet" role="status">
            {export_.message ||
              (export_.kind === "working_copy"
                ? "The site hides people in every picture and burns your name in. Recording and people who watch come first."
                : "Copying footage from the site.")}
          </p>
          <div>
            <Cancel export_={export_} />
          </div>
        </>
      ) : null}
      {export_.state === "ready" ? (
        <>
          <div>
            <Download export_={export_} />
          </div>
          <p className="quiet">SHA-256 of the pack</p>
          <Digest sha256={export_.sha256} />
          <Verify />
        </>
      ) : null}
    </div>
  );
}

export function Verify() {
  return (
    <p className="quiet">
      Anyone can check it, without this hub and without a network: <code className="mono">belvedere verify PACK.zip</code>. It names
      any file that was changed. Its entry stands in <Anchor href="/log/checkpoint">the public log</Anchor>.
    </p>
  );
}
