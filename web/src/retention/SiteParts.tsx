// What the page Retention shows of each site: its alarms, its night, its room. With one site, nothing names it.

import { Button } from "@mantine/core";
import { Notice } from "../frame/Notice";
import { Ago } from "../sites/Ago";
import { bytes, span } from "../time";
import type { Plan, SiteRetention } from "./interface";
import { PlanTable, plural } from "./PlanTable";
import styles from "./Retention.module.css";

interface Every {
  site: SiteRetention;
  /** There are others: say whose this is. */
  many: boolean;
  now: number;
}

/** When it was heard, where that was not just now. */
export function Heard({ site, now }: { site: SiteRetention; now: number }) {
  if (site.state !== "away" || site.heard_us === null) return null;
  return (
    <span className="quiet">
      (heard <Ago us={site.heard_us} now={now} />)
    </span>
  );
}

export function SiteAlarms({ site, many, now, answer }: Every & { answer?: (plan: Plan, go: "go" | "no") => void }) {
  const whose = many ? `${site.name}: ` : "";
  const stopped = site.stopped;
  return (
    <>
      {site.state === "away" ? (
        <Notice tone="amber" title={many ? `${site.name} does not answer.` : "The site does not answer."} testId={`away-${site.site}`}>
          {site.heard_us === null ? (
            "It has not been heard yet. "
          ) : (
            <>
              It was heard last <Ago us={site.heard_us} now={now} />.{" "}
            </>
          )}
          It goes on by what it knows; what you decide reaches it when it is back.
        </Notice>
      ) : null}
      {site.state === "behind" ? (
        <Notice tone="amber" title={`${many ? site.name : "The site"} has not taken in the newest decisions yet.`} />
      ) : null}
      {stopped ? (
        <Notice
          tone="red"
          title={`${whose}Deletion stopped itself: ${bytes(stopped.bytes)} are due, ${bytes(stopped.forecast_bytes)} were to be expected.`}
          testId="stopped"
          action={
            answer ? (
              <span className={styles.actions}>
                <Button size="compact-sm" onClick={() => answer(stopped, "go")}>
                  Go on
                </Button>
                <Button size="compact-sm" variant="default" onClick={() => answer(stopped, "no")}>
                  Not tonight
                </Button>
              </span>
            ) : undefined
          }
        >
          A clock may be wrong, a class may have changed, or the site was off for days. Recording goes on. Look at the list below before you answer.
        </Notice>
      ) : null}
      {site.alarms
        .filter((words) => !stopped || !words.startsWith("Deletion stopped"))
        .map((words) => (
          <Notice key={words} tone="amber" title={whose + words} />
        ))}
    </>
  );
}

export function SiteNight({ site, many, now, name }: Every & { name: (id: string) => string }) {
  return (
    <section aria-label={`Tonight at ${site.name}`} data-testid={`night-${site.site}`}>
      {many ? (
        <h3 className={styles.whose}>
          {site.name} <Heard site={site} now={now} />
        </h3>
      ) : null}
      {site.tonight ? <PlanTable plan={site.tonight} name={name} /> : <p className="quiet">Not known before the site has been heard.</p>}
      {site.quarantine.map((each) => (
        <p key={each.night} className={styles.plan}>
          In quarantine: {plural(each.segments, "segment")}, {bytes(each.bytes)};{" "}
          {each.left_us > 0 ? `destroyed after ${span(each.left_us)} more.` : "kept back by a newer hold, or about to go."}
        </p>
      ))}
    </section>
  );
}

export function SiteRoom({ site, many, now }: Every) {
  return site.disks.map((disk) => (
    <section
      key={`${site.site} ${disk.name}`}
      className={`panel ${styles.disk}`}
      aria-label={many ? `Disk ${disk.name} of ${site.name}` : `Disk ${disk.name}`}
    >
      <span className="quiet">
        {many ? `${site.name}: ${disk.name}` : disk.name} <Heard site={site} now={now} />
      </span>
      <p className={styles.days} data-alarm={disk.alarm || undefined}>
        {!disk.known ? "Not known yet" : disk.days === null ? "Enough" : `${disk.days.toFixed(1)} days`}
      </p>
      <p className="quiet">
        {bytes(disk.bytes_free)} free of {bytes(disk.bytes_total)}
        {disk.known ? `; ${bytes(disk.bytes_a_day)} come in a day` : "; an hour of recording is needed for a forecast"}
      </p>
    </section>
  ));
}
