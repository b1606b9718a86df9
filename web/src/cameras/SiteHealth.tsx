import { Progress } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { hubNowUs, type Camera, type SiteHealth as Site } from "../api";
import { health } from "../health/health";
import { bitrate, bytes, span as sayspan } from "../time";
import styles from "./Cameras.module.css";

const CONFINED: Record<string, string> = {
  bubblewrap: "confined (bubblewrap)",
  landlock: "confined (Landlock)",
  limits: "hardly confined",
};

const NOT_UP: Record<string, string> = {
  away: "Does not answer; it goes on recording by itself while it has power",
  full: "Its disk is full to the last byte: nothing is recorded",
};

const GOOD = new Set(["up", "ok", "online", "connected", "recording"]);

export function SiteHealth({ site, cameras }: { site: Site; cameras: Camera[] }) {
  const up = GOOD.has(site.state);
  // The recorder's own forecast: the same figure as in tickets and on the retention page.
  const day = useQuery({ queryKey: ["health", "day"], queryFn: health.day, refetchInterval: 15_000 });
  const mine = cameras.filter((camera) => !camera.site || camera.site === site.id || cameras.every((each) => each.site === camera.site));
  const recording = mine.filter((camera) => camera.state === "recording").length;
  const rate = mine.reduce((sum, camera) => sum + (camera.main?.bits_per_second ?? 0) + (camera.sub?.bits_per_second ?? 0), 0);
  return (
    <section className={`panel ${styles.site}`} aria-label={`Site ${site.name}`} data-testid={`site-${site.id}`}>
      <div className={styles.siteHead}>
        <h2 className={styles.siteName}>{site.name}</h2>
        <span className={styles.mark} data-good={up || undefined}>
          {up ? <IconCircleCheck size={16} aria-hidden /> : <IconAlertTriangle size={16} aria-hidden />}
          {up ? "Answers" : NOT_UP[site.state] ?? site.state}
        </span>
        <span className="quiet">
          {site.started_us ? `version ${site.version}, running for ${sayspan(hubNowUs() - site.started_us)}` : ""}
        </span>
      </div>
      <dl className={styles.figures}>
        <div>
          <dt>Recording</dt>
          <dd>
            {recording} of {mine.length}
          </dd>
        </div>
        <div>
          <dt>Coming in</dt>
          <dd>{bitrate(rate)}</dd>
        </div>
        {site.confinement ? (
          <div data-testid="confinement">
            <dt>Decoders</dt>
            <dd title={site.confinement_words}>{CONFINED[site.confinement] ?? site.confinement}</dd>
          </div>
        ) : null}
        {site.disks.map((disk) => {
          const used = disk.bytes_total ? 1 - disk.bytes_free / disk.bytes_total : 0;
          const days = day.data?.disks.find((each) => each.name === disk.name)?.days_left ?? null;
          return (
            <div key={disk.name} className={styles.disk}>
              <dt>
                Disk {disk.name}
                {disk.state === "ok" ? "" : `: ${disk.message || disk.state}`}
              </dt>
              <dd>
                <Progress value={used * 100} color={disk.state === "ok" ? "teal" : "red"} aria-label={`Disk ${disk.name} in use`} />
                <span className={styles.diskWords}>
                  {bytes(disk.bytes_free)} free of {bytes(disk.bytes_total)}
                  {days !== null ? `, room for about ${days < 2 ? days.toFixed(1) : Math.round(days)} days more` : ""}
                </span>
              </dd>
            </div>
          );
        })}
      </dl>
    </section>
  );
}
