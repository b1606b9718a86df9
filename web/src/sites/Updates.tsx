// Updates of the sites' software: what the hub holds, the roll-out under way or the last one, site by site.

import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Notice, Trouble } from "../frame/Notice";
import { Time } from "../frame/Time";
import { WaitingHere } from "../proposals/WaitingHere";
import { WhyDialog, type Act } from "../retention/WhyDialog";
import { bytes } from "../time";
import { RolloutForm } from "./RolloutForm";
import { doing, ROLLOUT_STATE, rollouts, useRollouts, waitWords, type Rollout } from "./rollouts";
import type { Site } from "./sites";
import styles from "./Updates.module.css";

function Shown({ rollout, stop }: { rollout: Rollout; stop?: () => void }) {
  const healthy = rollout.sites.filter((each) => each.state === "healthy").length;
  return (
    <article className={`panel ${styles.rollout}`} data-testid="rollout" data-state={rollout.state}>
      <div className={styles.head}>
        <h3>Version {rollout.version}</h3>
        <span className={styles.state} data-state={rollout.state}>
          {ROLLOUT_STATE[rollout.state]}
        </span>
      </div>
      <p>
        {healthy} of {rollout.sites.length} sites work with it. {rollout.by}
        {rollout.confirmed_by ? `, confirmed by ${rollout.confirmed_by}` : ""}, <Time us={rollout.started_us} day />: “{rollout.reason}”
      </p>
      <p className="quiet">
        First sites, the rest {waitWords(rollout.wait_minutes)}, {rollout.at_once} at once{rollout.night ? ", fetched in the other hours of their lines" : ""}.
      </p>
      {rollout.rest_us !== null ? (
        <p>
          The first sites do well. The rest begin <Time us={rollout.rest_us} day />.
        </p>
      ) : null}
      {rollout.why ? <Notice tone={rollout.state === "failed" ? "red" : "amber"} title={rollout.why} /> : null}
      <div className={styles.scroll}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">Site</th>
              <th scope="col">Stage</th>
              <th scope="col">How it does</th>
              <th scope="col">Before</th>
            </tr>
          </thead>
          <tbody>
            {rollout.sites.map((each) => (
              <tr key={each.site} data-testid={`rollout-${each.site}`}>
                <th scope="row">{each.name}</th>
                <td>{each.first ? "First" : "Rest"}</td>
                <td>
                  <span className={styles.state} data-state={each.state}>
                    {doing(each, rollout.bytes)}
                  </span>
                  {each.why ? <div className={styles.why}>{each.why}</div> : null}
                </td>
                <td>{each.former || "Not heard"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {stop ? (
        <div>
          <Button size="compact-sm" variant="default" color="red" onClick={stop}>
            Stop the roll-out
          </Button>
        </div>
      ) : null}
    </article>
  );
}

export function Updates({ sites, decides }: { sites: Site[]; decides: boolean }) {
  const client = useQueryClient();
  const found = useRollouts();
  const [starting, setStarting] = useState(false);
  const [act, setAct] = useState<Act | null>(null);
  const again = () => client.invalidateQueries({ queryKey: ["rollouts"] });
  const remote = sites.filter((site) => !site.own && site.state !== "shut_out");
  if (remote.length === 0) return null;
  const data = found.data;
  const newest = data?.rollouts[0];
  const running = newest?.state === "running";
  const stop = (each: Rollout) =>
    setAct({
      title: `Stop the roll-out of ${each.version}`,
      label: "Stop it",
      body: "No further site is ordered, and those that have not switched yet leave it. Those that have it keep it.",
      run: async (reason) => {
        await rollouts.stop(each.id, reason);
        await again();
      },
    });
  return (
    <section className={styles.updates} aria-labelledby="updates">
      <div className={styles.head}>
        <h2 id="updates">Software</h2>
        {decides && data && data.releases.length > 0 && !running ? (
          <Button variant="default" onClick={() => setStarting(true)} data-testid="start-rollout">
            Update the sites
          </Button>
        ) : null}
      </div>
      {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
      <WaitingHere acts={["site_update"]} />
      {data ? (
        <p className="quiet" data-testid="releases">
          {data.releases.length > 0
            ? `This hub holds ${data.releases.map((each) => `${each.version} (${bytes(each.bytes)})`).join(", ")}.`
            : data.trusted
              ? "This hub holds no release. It takes in what a trusted release key signed, at a terminal: belvedere release add."
              : "This hub trusts no release key (release_keys in its settings), so sites are updated by hand."}
        </p>
      ) : null}
      {newest ? <Shown rollout={newest} stop={decides && running ? () => stop(newest) : undefined} /> : null}
      {data && starting ? (
        <RolloutForm
          releases={data.releases}
          sites={remote}
          close={() => setStarting(false)}
          done={() => {
            setStarting(false);
            void again();
            void client.invalidateQueries({ queryKey: ["proposals"] });
          }}
        />
      ) : null}
      <WhyDialog act={act} close={() => setAct(null)} />
    </section>
  );
}
