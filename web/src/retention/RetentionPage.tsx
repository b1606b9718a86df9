// How long footage is kept, what is held, what goes tonight, how much room is left, what was destroyed.

import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { hub, hubNowUs } from "../api";
import { Empty, Notice, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { WaitingHere } from "../proposals/WaitingHere";
import { rolesOf, useSession } from "../session";
import { bytes, DAY, span as sayspan } from "../time";
import { ClassesForm } from "./ClassesForm";
import { HoldForm } from "./HoldForm";
import { HoldsTable } from "./HoldsTable";
import { MAY, retention, type Hold, type Plan } from "./interface";
import { PlanTable, plural } from "./PlanTable";
import styles from "./Retention.module.css";
import { WhyDialog, type Act } from "./WhyDialog";

const WHY: Record<string, string> = { age: "its time was up", space: "the disk was full", held_space: "full of held footage", disk_gone: "its disk was taken out" };

export default function RetentionPage() {
  const { session } = useSession();
  const client = useQueryClient();
  const state = useQuery({ queryKey: ["retention"], queryFn: retention.get, refetchInterval: 60_000, retry: 1 });
  const papers = useQuery({ queryKey: ["certificates"], queryFn: retention.certificates, retry: 1, enabled: state.isSuccess });
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras });
  const [act, setAct] = useState<Act | null>(null);
  const [holding, setHolding] = useState(false);
  const [editing, setEditing] = useState(false);
  const all = cameras.data?.cameras ?? [];
  const name = (id: string): string => all.find((camera) => camera.id === id)?.name ?? id;
  const may = (what: keyof typeof MAY): boolean => rolesOf(session).some((role) => MAY[what].includes(role));
  const again = () => {
    void client.invalidateQueries({ queryKey: ["retention"] });
    void client.invalidateQueries({ queryKey: ["certificates"] });
  };
  const ask = (title: string, label: string, run: Act["run"]) => setAct({ title, label, run: (reason) => run(reason).then(again) });

  if (state.error && !state.data)
    return (
      <div className="page">
        <div className="inner">
          <h1>Retention and holds</h1>
          <Trouble error={state.error} again={() => void state.refetch()} />
        </div>
      </div>
    );
  if (!state.data)
    return (
      <div className="page">
        <Waiting what="Asking the hub and the site." why="The site is slow to answer." />
      </div>
    );
  const data = state.data;
  const count = (one: string): number => Object.values(data.cameras).filter((each) => each === one).length;
  const answer = (plan: Plan, go: "go" | "no") =>
    ask(
      go === "go" ? "Let this deletion go on" : "Delete nothing this night",
      go === "go" ? `Delete ${bytes(plan.bytes)}` : "Delete nothing",
      (reason) => retention.decide(plan.night, plan.bytes, go, reason),
    );

  return (
    <div className="page">
      <div className="inner">
        <h1>Retention and holds</h1>
        <p className="lead">
          Footage goes when its days are up: a day in quarantine, where nobody can watch it, then for good, with its key. A hold keeps exactly the seconds it
          names.
        </p>

        <WaitingHere acts={["retention_change", "hold_release"]} />
        <div className={styles.alarms}>
          {data.site_state === "away" ? (
            <Notice tone="amber" title="The site does not answer.">
              It goes on by what it knows; what you decide reaches it when it is back.
            </Notice>
          ) : null}
          {data.site_state === "behind" ? <Notice tone="amber" title="The site has not taken in the newest decisions yet." /> : null}
          {data.stopped ? (
            <Notice
              tone="red"
              title={`Deletion stopped itself: ${bytes(data.stopped.bytes)} are due, ${bytes(data.stopped.forecast_bytes)} were to be expected.`}
              testId="stopped"
              action={
                may("decide") ? (
                  <span className={styles.actions}>
                    <Button size="compact-sm" onClick={() => data.stopped && answer(data.stopped, "go")}>
                      Go on
                    </Button>
                    <Button size="compact-sm" variant="default" onClick={() => data.stopped && answer(data.stopped, "no")}>
                      Not tonight
                    </Button>
                  </span>
                ) : undefined
              }
            >
              A clock may be wrong, a class may have changed, or the site was off for days. Recording goes on. Look at the list below before you answer.
            </Notice>
          ) : null}
          {data.alarms
            .filter((words) => !data.stopped || !words.startsWith("Deletion stopped"))
            .map((words) => (
              <Notice key={words} tone="amber" title={words} />
            ))}
        </div>

        {data.stopped ? (
          <>
            <h2 className={styles.head}>What waits for a decision</h2>
            <PlanTable plan={data.stopped} name={name} />
          </>
        ) : null}
        <h2 className={styles.head}>Tonight</h2>
        {data.tonight ? <PlanTable plan={data.tonight} name={name} /> : <p className="quiet">Not known while the site is away.</p>}
        {data.quarantine.map((each) => (
          <p key={each.night} className={styles.plan}>
            In quarantine: {plural(each.segments, "segment")}, {bytes(each.bytes)};{" "}
            {each.left_us > 0 ? `destroyed after ${sayspan(each.left_us)} more.` : "kept back by a newer hold, or about to go."}
          </p>
        ))}

        <div className={styles.row}>
          <h2 className={styles.head}>Holds</h2>
          {may("hold") ? (
            <Button size="compact-sm" onClick={() => setHolding(true)} data-testid="new-hold">
              Hold footage
            </Button>
          ) : null}
        </div>
        {data.holds.length === 0 ? (
          <p className={`quiet ${styles.none}`}>Nothing is held.</p>
        ) : (
          <HoldsTable
            holds={data.holds}
            name={name}
            label="Holds"
            acts={{
              extend: may("hold")
                ? (hold: Hold) =>
                    ask("Extend this hold by 31 days", "Extend", (reason) =>
                      retention.extend(hold.id, Math.max(hold.expires_us, hubNowUs()) + 31 * DAY, reason),
                    )
                : undefined,
              end: may("end")
                ? (hold: Hold) => ask("End this hold", "End the hold", (reason) => retention.end(hold.id, reason))
                : undefined,
              restore: may("restore")
                ? (hold: Hold) => ask("Restore from quarantine", "Restore", (reason) => retention.restore(hold.id, reason))
                : undefined,
            }}
          />
        )}

        <div className={styles.row}>
          <h2 className={styles.head}>Classes of cameras</h2>
          {may("decide") ? (
            <Button size="compact-sm" variant="default" onClick={() => setEditing(true)} data-testid="edit-classes">
              Change
            </Button>
          ) : null}
        </div>
        <div className="panel table-box">
          <table className="table" data-testid="classes">
            <thead>
              <tr>
                <th scope="col">Class</th>
                <th scope="col" className="number">
                  Days
                </th>
                <th scope="col" className="number">
                  Cameras
                </th>
                <th scope="col">Reference</th>
              </tr>
            </thead>
            <tbody>
              {data.classes.map((each) => (
                <tr key={each.name}>
                  <td>{each.name}</td>
                  <td className="number">{each.days}</td>
                  <td className="number">{count(each.name)}</td>
                  <td className="wide">{each.reference || <span className="quiet">none</span>}</td>
                </tr>
              ))}
              <tr>
                <td className="quiet">no class</td>
                <td className="number">{data.default_days}</td>
                <td className="number">{all.filter((camera) => !(camera.id in data.cameras)).length}</td>
                <td className="wide quiet">More than {data.ceiling_days} days need a written reference.</td>
              </tr>
            </tbody>
          </table>
        </div>

        <h2 className={styles.head}>Room</h2>
        <div className={styles.disks} data-testid="room">
          {data.disks.map((disk) => (
            <section key={disk.name} className={`panel ${styles.disk}`} aria-label={`Disk ${disk.name}`}>
              <span className="quiet">{disk.name}</span>
              <p className={styles.days} data-alarm={disk.alarm || undefined}>
                {!disk.known ? "Not known yet" : disk.days === null ? "Enough" : `${disk.days.toFixed(1)} days`}
              </p>
              <p className="quiet">
                {bytes(disk.bytes_free)} free of {bytes(disk.bytes_total)}
                {disk.known ? `; ${bytes(disk.bytes_a_day)} come in a day` : "; an hour of recording is needed for a forecast"}
              </p>
            </section>
          ))}
        </div>
        {data.disks.length === 0 ? <p className="quiet">Not known while the site is away.</p> : null}

        <h2 className={styles.head}>Certificates of deletion</h2>
        {papers.data && papers.data.length === 0 ? (
          <Empty title="None yet">What is destroyed is certified here, signed by the hub and proven to be in its log.</Empty>
        ) : null}
        {papers.data && papers.data.length > 0 ? (
          <div className="panel table-box">
            <table className="table" data-testid="certificates">
              <thead>
                <tr>
                  <th scope="col">Made</th>
                  <th scope="col">Footage from</th>
                  <th scope="col">To</th>
                  <th scope="col" className="number">
                    Cameras
                  </th>
                  <th scope="col" className="number">
                    Segments
                  </th>
                  <th scope="col" className="number">
                    Size
                  </th>
                  <th scope="col">Because</th>
                  <th scope="col">File</th>
                </tr>
              </thead>
              <tbody>
                {papers.data.map((each) => (
                  <tr key={each.id}>
                    <td>
                      <Time us={each.made_us} day />
                    </td>
                    <td>
                      <Time us={each.from_us} day />
                    </td>
                    <td>
                      <Time us={each.to_us} day />
                    </td>
                    <td className="number">{each.cameras}</td>
                    <td className="number">{each.segments.toLocaleString("en-GB")}</td>
                    <td className="number">{bytes(each.bytes)}</td>
                    <td className="wide">
                      {each.whys
                        .split(",")
                        .map((why) => WHY[why] ?? why)
                        .join(", ")}
                    </td>
                    <td>
                      <a href={retention.file(each.id)} download className={styles.file}>
                        Download
                      </a>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        ) : null}

        {data.ended.length > 0 ? (
          <>
            <h2 className={styles.head}>Holds that have ended</h2>
            <HoldsTable holds={data.ended.slice(0, 20)} name={name} label="Holds that have ended" acts={{}} />
          </>
        ) : null}
      </div>
      <WhyDialog act={act} close={() => setAct(null)} />
      <HoldForm opened={holding} close={() => setHolding(false)} cameras={all} done={again} />
      {editing ? <ClassesForm data={data} cameras={all} close={() => setEditing(false)} done={again} /> : null}
    </div>
  );
}
