import { Anchor, Button, CopyButton, Progress } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconCopy, IconDownload } from "@tabler/icons-react";
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
  const share = Math.round(export_.progress * 100);
  return (
    <span className={styles.state} data-state="working">
      <Progress value={share} w={80} aria-label={`Making ${export_.name}`} /> {share} %
    </span>
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
      <p className="quiet">{spanWords(export_.start_us, export_.end_us)}</p>
      <p>{names.join(", ")}</p>
      {export_.state === "failed" ? <p role="alert">{export_.message || "It could not be made."}</p> : null}
      {export_.state === "working" ? <p className="quiet" role="status">{export_.message || "Copying footage from the site."}</p> : null}
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
