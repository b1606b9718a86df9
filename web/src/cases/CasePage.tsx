// One case: facts, people, cameras and spans, access given under it, and everything that was done with it.

import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { Link, useNavigate } from "react-router";
import { hub } from "../api";
import { Notice, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { WhyDialog, type Act } from "../retention/WhyDialog";
import { useSession } from "../session";
import { dayClock } from "../time";
import { FootageForm, IncidentForm, PersonForm } from "./CaseForms";
import { CaseGrants, CaseHistory } from "./CaseRecord";
import { askAddress } from "../access/ask";
import { CaseState } from "./CasesPage";
import { cases, PART, REGIME, useCase, type CaseDetail } from "./cases";
import styles from "./Cases.module.css";

export function CasePage({ id }: { id: string }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { session } = useSession();
  const found = useCase(id);
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras });
  const [act, setAct] = useState<Act | null>(null);
  const [form, setForm] = useState<"" | "footage" | "person" | "incident">("");
  const name = (camera: string) => cameras.data?.cameras.find((each) => each.id === camera)?.name ?? camera;
  const after = (made: CaseDetail) => {
    client.setQueryData(["case", id], made);
    for (const key of ["cases", "case-history", "case-grants", "grants"]) void client.invalidateQueries({ queryKey: [key] });
    if (made.grants_ended > 0)
      notifications.show({ message: `${made.grants_ended === 1 ? "One access" : `${made.grants_ended} accesses`} under this case ended.`, color: "gray" });
  };
  const ask = (title: string, label: string, run: (reason: string) => Promise<CaseDetail>, body?: string) =>
    setAct({ title, label, body, run: async (reason) => after(await run(reason)) });

  if (found.isPending) return <Waiting what="Asking for the case." why="The hub is slow to answer." />;
  if (found.error)
    return (
      <div className="page">
        <div className="inner">
          <Link to="/cases" className={styles.back}>
            All cases
          </Link>
          <h1>Case</h1>
          <Trouble error={found.error} again={() => void found.refetch()} />
        </div>
      </div>
    );
  const data = found.data;
  const incident = data.incident;
  const me = session?.user.name ?? "";
  const leave = (person: string) =>
    setAct({
      title: person === me ? "Leave this case" : "Let this person out of the case",
      label: person === me ? "Leave" : "Let out",
      body: "Their access under this case ends at once.",
      run: async (reason) => {
        const made = await cases.removePerson(id, person, reason);
        after(made);
        if (person === me) void navigate("/cases");
      },
    });
  return (
    <div className="page">
      <div className="inner">
        <Link to="/cases" className={styles.back}>
          All cases
        </Link>
        <div className={styles.top}>
          <div>
            <h1>{data.title}</h1>
            <p className="lead">
              {data.reference}, {data.kind_text}. Led by {data.owner}. <CaseState item={data} />
            </p>
          </div>
          <span className={styles.buttons}>
            {data.state === "open" ? (
              <Button component={Link} to={askAddress({ case: data.reference }, `/cases?case=${encodeURIComponent(id)}`)} data-testid="case-ask">
                Ask for access
              </Button>
            ) : null}
            {data.state === "open" ? (
              <Button variant="default" onClick={() => void navigate(`/review?cameras=${data.footage.map((each) => encodeURIComponent(each.camera)).join(",")}`)}>
                Review its cameras
              </Button>
            ) : null}
            {data.may_close ? (
              <Button
                variant="default"
                onClick={() =>
                  ask(`Close ${data.reference}`, "Close the case", (reason) => cases.close(id, reason), "Say how it ended. All access under this case ends at once.")
                }
                data-testid="close-case"
              >
                Close the case
              </Button>
            ) : null}
            {data.may_reopen ? (
              <Button
                variant="default"
                onClick={() =>
                  ask(`Open ${data.reference} again`, "Open again", (reason) => cases.reopen(id, reason), "Access has to be asked for anew.")
                }
              >
                Open again
              </Button>
            ) : null}
          </span>
        </div>
        {data.state === "closed" ? (
          <Notice title={`Closed by ${data.closed_by}, ${dayClock(data.closed_us ?? 0)}: ${data.closed_why}`}>Nothing opens under a closed case.</Notice>
        ) : null}
        {data.review_due ? (
          <Notice tone="amber" title="The review of this case is due">
            Close it, or set a new date with a reason.
          </Notice>
        ) : null}
        <div className={styles.columns}>
          <div className={styles.stack}>
            <Part
              name="Incident"
              action={
                data.may_work || data.may_reopen ? (
                  <Button size="compact-sm" variant="default" onClick={() => setForm("incident")} data-testid="set-incident">
                    {incident.place || incident.from_us ? "Change" : "Say where and when"}
                  </Button>
                ) : null
              }
            >
              <dl className={`panel ${styles.facts}`}>
                <Fact name="Where">{incident.place || <span className="quiet">not known yet</span>}</Fact>
                <Fact name="When">
                  {incident.from_us !== null && incident.to_us !== null ? (
                    <>
                      <Time us={incident.from_us} day /> to <Time us={incident.to_us} />
                    </>
                  ) : (
                    <span className="quiet">not known yet</span>
                  )}
                </Fact>
                <Fact name="Cameras near">
                  {data.near.length > 0 ? data.near.map(name).join(", ") : <span className="quiet">not known without a position and a time</span>}
                </Fact>
                <Fact name="Regime">{REGIME[data.regime] ?? data.regime}</Fact>
                <Fact name="Opened">
                  <Time us={data.opened_us} day />
                </Fact>
                <Fact name="Review">
                  <Time us={data.review_us} day />{" "}
                  {data.may_work ? (
                    <Button
                      size="compact-xs"
                      variant="default"
                      onClick={() =>
                        ask("Review in 31 days", "Reviewed, go on", (reason) =>
                          cases.change(id, {
                            kind: data.kind,
                            regime: data.regime,
                            title: data.title,
                            review_us: Math.max(data.review_us, Date.now() * 1000) + 31 * 86_400_000_000,
                            reason,
                          }),
                        )
                      }
                    >
                      31 days more
                    </Button>
                  ) : null}
                </Fact>
              </dl>
            </Part>
            <Part
              name="People"
              action={
                data.may_work ? (
                  <Button size="compact-sm" variant="default" onClick={() => setForm("person")} data-testid="add-person">
                    Add a colleague
                  </Button>
                ) : null
              }
            >
              <ul className={`panel ${styles.list}`} data-testid="case-people">
                {data.people.map((each) => (
                  <li key={each.name}>
                    <span className="strong">{each.display}</span>
                    <span className="quiet">{PART[each.part]}</span>
                    {each.part !== "lead" && data.state === "open" && (data.may_work || each.name === me) ? (
                      <Button size="compact-xs" variant="default" className={styles.push} onClick={() => leave(each.name)}>
                        {each.name === me ? "Leave" : "Let out"}
                      </Button>
                    ) : null}
                  </li>
                ))}
              </ul>
            </Part>
          </div>
          <div className={styles.stack}>
            <Part
              name="Cameras and times"
              action={
                data.may_work ? (
                  <Button size="compact-sm" variant="default" onClick={() => setForm("footage")} data-testid="add-footage">
                    Add footage
                  </Button>
                ) : null
              }
            >
              {data.footage.length === 0 ? (
                <p className={`quiet ${styles.none}`}>The case is about no footage yet: nothing can be opened under it.</p>
              ) : (
                <div className="panel table-box">
                  <table className="table" data-testid="case-footage">
                    <thead>
                      <tr>
                        <th scope="col">Camera</th>
                        <th scope="col">From</th>
                        <th scope="col">To</th>
                        <th scope="col">Added by</th>
                        {data.may_work ? <th scope="col" className={styles.act} aria-label="Take out" /> : null}
                      </tr>
                    </thead>
                    <tbody>
                      {data.footage.map((each) => (
                        <tr key={each.id}>
                          <td className="strong">{name(each.camera)}</td>
                          <td>
                            <Time us={each.from_us} day />
                          </td>
                          <td>
                            <Time us={each.to_us} day />
                          </td>
                          <td>{each.added_by}</td>
                          {data.may_work ? (
                            <td className={styles.act}>
                              <Button
                                size="compact-xs"
                                variant="default"
                                aria-label={`Take out ${name(each.camera)}`}
                                onClick={() =>
                                  ask("Take this footage out of the case", "Take out", (reason) => cases.removeFootage(id, each.id, reason))
                                }
                              >
                                Take out
                              </Button>
                            </td>
                          ) : null}
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              )}
            </Part>
            <CaseGrants id={id} />
            <CaseHistory id={id} name={name} />
          </div>
        </div>
      </div>
      {form === "footage" ? (
        <FootageForm item={data} cameras={cameras.data?.cameras ?? []} close={() => setForm("")} done={after} />
      ) : null}
      {form === "person" ? <PersonForm item={data} close={() => setForm("")} done={after} /> : null}
      {form === "incident" ? (
        <IncidentForm item={data} cameras={cameras.data?.cameras ?? []} close={() => setForm("")} done={after} />
      ) : null}
      <WhyDialog act={act} close={() => setAct(null)} />
    </div>
  );
}

export function Part({ name, action, children }: { name: string; action?: ReactNode; children: ReactNode }) {
  return (
    <section className={styles.part} aria-label={name}>
      <div className={styles.head}>
        <h2>{name}</h2>
        {action}
      </div>
      {children}
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
