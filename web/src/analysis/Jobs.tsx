// Analyses for cases: begun under the access one holds, followed with a bar, paused, gone on with, ended.

import { Button, Progress } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { hubNowUs } from "../api";
import { Empty, Trouble } from "../frame/Notice";
import { useGrant } from "../session";
import { dayClock } from "../time";
import { analysis, seconds, share, type Job } from "./analysis";
import styles from "./Analysis.module.css";

const WORDS: Record<Job["state"], string> = {
  running: "Running",
  paused: "Paused",
  ended: "Ended by hand",
  done: "Done",
  failed: "Failed",
};

export function Jobs({ mayAsk }: { mayAsk: boolean }) {
  const client = useQueryClient();
  const { grant } = useGrant();
  const found = useQuery({ queryKey: ["analysis", "jobs"], queryFn: analysis.jobs, refetchInterval: 5_000 });
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const usable = mayAsk && grant !== null && grant.case !== "" && grant.actions.some((each) => each === "playback" || each === "analyse");
  const act = async (run: () => Promise<unknown>) => {
    setBusy(true);
    setError(null);
    try {
      await run();
      await client.invalidateQueries({ queryKey: ["analysis", "jobs"] });
    } catch (fault) {
      setError(fault instanceof Error ? fault : new Error(String(fault)));
    } finally {
      setBusy(false);
    }
  };
  const begin = () =>
    act(() =>
      analysis.begin({
        grant: grant!.id,
        name: "",
        cameras: grant!.cameras,
        from_us: grant!.from_us,
        to_us: Math.min(grant!.to_us, hubNowUs()),
      }),
    );
  return (
    <section className={styles.section} aria-label="For cases">
      <div className={styles.head}>
        <h2>For cases</h2>
        {usable ? (
          <Button size="compact-sm" loading={busy} onClick={() => void begin()} data-testid="analyse-case">
            Analyse all that case {grant.case} opens
          </Button>
        ) : null}
      </div>
      <p className="quiet">
        {mayAsk
          ? "With access to recordings for a case, all of them are looked at in the background. What is found can be searched while it runs."
          : "Investigators and supervisors begin them, for a case."}
      </p>
      {error ? <Trouble error={error} /> : null}
      {found.error && !found.data ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
      {found.data && found.data.jobs.length === 0 ? <Empty title="None yet" /> : null}
      <ul className={styles.jobs}>
        {(found.data?.jobs ?? []).map((job) => (
          <JobRow key={job.id} job={job} act={mayAsk && job.mine && !busy ? act : undefined} grant={grant?.id ?? ""} />
        ))}
      </ul>
    </section>
  );
}

function JobRow({ job, act, grant }: { job: Job; act?: (run: () => Promise<unknown>) => void; grant: string }) {
  const done = share(job);
  const troubles = job.parts.filter((part) => part.text);
  return (
    <li className={`panel ${styles.job}`} data-testid={`job-${job.id}`}>
      <div className={styles.head}>
        <span>
          <span className="strong">{job.name || `Case ${job.case}`}</span>{" "}
          <span className="quiet">
            {job.cameras.length === 1 ? "1 camera" : `${job.cameras.length} cameras`}, {dayClock(job.from_us)} to {dayClock(job.to_us)}
          </span>
        </span>
        <span className={styles.state} data-state={job.state}>
          {WORDS[job.state]}
        </span>
      </div>
      <Progress value={done} aria-label={`${done} % looked at`} />
      <div className={styles.line}>
        <span>
          {done} %: {seconds(job.done_s)} of {seconds(job.wanted_s)}
          {job.state === "running" && job.left_s >= 0 ? `, about ${seconds(job.left_s)} to go` : ""}; {job.found.toLocaleString("en-GB")} found
        </span>
        {act ? (
          <span className={styles.acts}>
            {job.state === "running" ? (
              <Button size="compact-sm" variant="default" onClick={() => act(() => analysis.pause(job.id))}>
                Pause
              </Button>
            ) : null}
            {job.state === "paused" || job.state === "failed" ? (
              <Button size="compact-sm" variant="default" onClick={() => act(() => analysis.resume(job.id, grant))}>
                Go on
              </Button>
            ) : null}
            {job.state === "running" || job.state === "paused" ? (
              <Button size="compact-sm" variant="subtle" color="gray" onClick={() => act(() => analysis.end(job.id))}>
                End
              </Button>
            ) : null}
          </span>
        ) : null}
      </div>
      {troubles.map((part) => (
        <p key={part.site} className={styles.due}>
          {part.text}
        </p>
      ))}
    </li>
  );
}
