// How long footage is kept, what is held, what goes tonight, how much room is left, what was destroyed.

import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { hub, hubNowUs } from "../api";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { WaitingHere } from "../proposals/WaitingHere";
import { rolesOf, useSession } from "../session";
import { bytes, DAY } from "../time";
import { ClassesForm } from "./ClassesForm";
import { HoldForm } from "./HoldForm";
import { HoldsTable } from "./HoldsTable";
import { LostHolds } from "./LostHolds";
import { MAY, retention, type Hold, type Plan, type SiteRetention } from "./interface";
import { PlanTable } from "./PlanTable";
import styles from "./Retention.module.css";
import { SiteAlarms, SiteNight, SiteRoom } from "./SiteParts";
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
        <Waiting what="Asking the hub and the sites." why="A site is slow to answer." />
      </div>
    );
  const data = state.data;
  const count = (one: string): number => Object.values(data.cameras).filter((each) => each === one).length;
  const many = data.sites.length > 1;
  const stopped = data.sites.filter((site) => site.stopped);
  const siteName = (id: string): string => data.sites.find((site) => site.site === id)?.name ?? id;
  const days = [...new Set(data.sites.map((site) => site.default_days).filter((one) => one !== null))].sort((a, b) => a - b);
  const answer = (site: SiteRetention, plan: Plan, go: "go" | "no") =>
    ask(
      `${go === "go" ? "Let this deletion go on" : "Delete nothing this night"}${many ? ` at ${site.name}` : ""}`,
      go === "go" ? `Delete ${bytes(plan.bytes)}` : "Delete nothing",
      (reason) => retention.decide(site.site, plan.night, plan.bytes, go, reason),
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
          {data.sites.map((site) => (
            <SiteAlarms
              key={site.site}
              site={site}
              many={many}
              now={data.now_us}
              answer={may("decide") ? (plan, go) => answer(site, plan, go) : undefined}
            />
          ))}
        </div>

        {stopped.length > 0 ? (
          <>
            <h2 className={styles.head}>What waits for a decision</h2>
            {stopped.map((site) => (
              <section key={site.site} aria-label={`What waits at ${site.name}`}>
                {many ? <h3 className={styles.whose}>{site.name}</h3> : null}
                {site.stopped ? <PlanTable plan={site.stopped} name={name} /> : null}
              </section>
            ))}
          </>
        ) : null}
        <h2 className={styles.head}>Tonight</h2>
        {data.sites.map((site) => (
          <SiteNight key={site.site} site={site} many={many} now={data.now_us} name={name} />
        ))}
        {data.sites.length === 0 ? <p className="quiet">No site belongs to this hub yet.</p> : null}

        <div className={styles.row}>
          <h2 className={styles.head}>Holds</h2>
          {may("hold") ? (
            <Button size="compact-sm" onClick={() => setHolding(true)} data-testid="new-hold">
              Hold footage
            </Button>
          ) : null}
        </div>
        <LostHolds
          holds={data.lost}
          name={name}
          answer={
            may("end")
              ? (hold, answer) =>
                  ask(
                    answer === "end" ? "End this hold at its sites" : "Adopt this hold",
                    answer === "end" ? "End the hold" : "Adopt the hold",
                    (reason) => retention.found(hold.id, answer, reason),
                  )
              : undefined
          }
        />
        {data.holds.length === 0 ? (
          <p className={`quiet ${styles.none}`}>{data.lost.length === 0 ? "Nothing is held." : "Nothing else is held."}</p>
        ) : (
          <HoldsTable
            holds={data.holds}
            name={name}
            siteName={siteName}
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
                <td className="number">{days.join(" or ")}</td>
                <td className="number">{all.filter((camera) => !(camera.id in data.cameras)).length}</td>
                <td className="wide quiet">More than {data.ceiling_days} days need a written reference.</td>
              </tr>
            </tbody>
          </table>
        </div>

        <h2 className={styles.head}>Room</h2>
        <div className={styles.disks} data-testid="room">
          {data.sites.map((site) => (
            <SiteRoom key={site.site} site={site} many={many} now={data.now_us} />
          ))}
        </div>
        {data.sites.every((site) => site.disks.length === 0) ? <p className="quiet">Not known before a site has been heard.</p> : null}

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
                  {many ? <th scope="col">Site</th> : null}
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
                    {many ? <td>{each.site_name}</td> : null}
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
            <HoldsTable holds={data.ended.slice(0, 20)} name={name} siteName={siteName} label="Holds that have ended" acts={{}} />
          </>
        ) : null}
      </div>
      <WhyDialog act={act} close={() => setAct(null)} />
      <HoldForm opened={holding} close={() => setHolding(false)} cameras={all} done={again} />
      {editing ? <ClassesForm data={data} cameras={all} close={() => setEditing(false)} done={again} /> : null}
    </div>
  );
}
