// People: who has an account, with which roles; what of theirs runs out; and what each role may do. No pictures, for nobody here.

import { Button, SegmentedControl, TextInput } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { WaitingHere } from "../proposals/WaitingHere";
import { rolesOf, useSession } from "../session";
import { ListDialog } from "./ListDialog";
import { people, PEOPLE_CHANGERS } from "./people";
import { PersonForm } from "./PersonForm";
import { RolesTable } from "./RolesTable";
import styles from "./People.module.css";

export default function PeoplePage() {
  const { session } = useSession();
  const client = useQueryClient();
  const [params, setParams] = useSearchParams();
  const view = params.get("view") ?? "people";
  const found = useQuery({ queryKey: ["people"], queryFn: people.all });
  const roles = useQuery({ queryKey: ["roles"], queryFn: people.roles, staleTime: 60_000 });
  const [listing, setListing] = useState(false);
  const mayChange = rolesOf(session).some((role) => PEOPLE_CHANGERS.includes(role));
  const set = (changes: Record<string, string>): void =>
    setParams((before) => {
      const next = new URLSearchParams(before);
      for (const [name, value] of Object.entries(changes)) if (value) next.set(name, value);
        else next.delete(name);
      return next;
    });
  const again = () => {
    void client.invalidateQueries({ queryKey: ["people"] });
    void client.invalidateQueries({ queryKey: ["roles"] });
  };
  const roleName = (role: string): string => roles.data?.roles.find((each) => each.role === role)?.name ?? role;
  const search = params.get("q") ?? "";
  const gone = params.get("left") === "yes";
  const shown = (found.data ?? []).filter(
    (each) =>
      each.disabled === gone && `${each.display} ${each.name} ${each.team} ${each.roles.join(" ")}`.toLowerCase().includes(search.toLowerCase()),
  );
  const edited = params.get("person");
  const person = edited ? (found.data?.find((each) => each.name === edited) ?? null) : null;
  return (
    <div className="page">
      <div className="inner">
        <div className={styles.top}>
          <div>
            <h1>People</h1>
            <p className="lead">Who has an account, and what it lets them do. Whoever gives access here sees no pictures, and nobody changes their own account.</p>
          </div>
          {mayChange ? (
            <div className={styles.acts}>
              <Button variant="default" onClick={() => setListing(true)} data-testid="list">
                Upload a list
              </Button>
              <Button onClick={() => set({ person: "+" })} data-testid="add-person">
                Add a person
              </Button>
            </div>
          ) : null}
        </div>
        <WaitingHere acts={["role_change"]} />
        <SegmentedControl
          value={view}
          onChange={(value) => set({ view: value === "people" ? "" : value })}
          data={[
            { value: "people", label: "People" },
            { value: "roles", label: "What roles may do" },
          ]}
          aria-label="View"
        />
        {view === "roles" ? (
          <RolesTable />
        ) : (
          <>
            <div className={styles.tools}>
              <TextInput size="xs" aria-label="Find" placeholder="Name, team or role" value={search} onChange={(event) => set({ q: event.currentTarget.value })} />
              <Button size="compact-sm" variant="subtle" color="gray" onClick={() => set({ left: gone ? "" : "yes" })}>
                {gone ? "Show who is here" : "Show who has left"}
              </Button>
            </div>
            {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
            {found.isPending ? <Waiting what="Asking the hub." why="It is slow to answer." /> : null}
            {found.data ? (
              <div className="panel table-box">
                <table className={`table ${styles.people}`} data-testid="people">
                  <thead>
                    <tr>
                      <th scope="col">Name</th>
                      <th scope="col">Roles</th>
                      <th scope="col" className={styles.narrow}>
                        Team
                      </th>
                      <th scope="col" className={styles.narrow}>
                        Sites
                      </th>
                      <th scope="col" className={styles.narrow}>
                        Next shift
                      </th>
                      <th scope="col" className={`number ${styles.narrow}`}>
                        Passkeys
                      </th>
                      <th scope="col" className={`number ${styles.narrow}`}>
                        Sessions
                      </th>
                      <th scope="col" className={styles.narrow}>
                        Last seen
                      </th>
                      <th scope="col">Needs attention</th>
                    </tr>
                  </thead>
                  <tbody>
                    {shown.map((each) => (
                      <tr key={each.id} className="pick" onClick={() => set({ person: each.name })}>
                        <td>
                          <button type="button" className="link-button">
                            {each.display}
                          </button>{" "}
                          <span className="quiet">{each.name === each.display ? "" : each.name}</span>
                        </td>
                        <td className="wide">{each.roles.map(roleName).join(", ")}</td>
                        <td className={styles.narrow}>{each.team || <span className="quiet">by role</span>}</td>
                        <td className={styles.narrow}>{each.sites.length ? each.sites.join(", ") : "all"}</td>
                        <td className={styles.narrow}>
                          {each.shifts.find((one) => one[1] > Date.now() * 1000) ? <Time us={each.shifts.find((one) => one[1] > Date.now() * 1000)?.[0]} day /> : <span className="quiet">none</span>}
                        </td>
                        <td className={`number ${styles.narrow}`}>{each.passkeys}</td>
                        <td className={`number ${styles.narrow}`}>{each.sessions}</td>
                        <td className={styles.narrow}>
                          <Time us={each.seen_us} day />
                        </td>
                        <td className="wide">
                          {[...each.warnings, ...(each.disabled || each.has_passkey ? [] : ["No passkey"])].map((words) => (
                            <span key={words} className={styles.warn}>
                              <IconAlertTriangle size={14} aria-hidden /> {words}
                            </span>
                          ))}
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            ) : null}
            {found.data && shown.length === 0 ? <p className="quiet">Nobody fits.</p> : null}
          </>
        )}
      </div>
      {mayChange && (edited === "+" || person) ? (
        <PersonForm
          key={edited}
          person={edited === "+" ? null : person}
          roles={roles.data?.roles ?? []}
          own={person?.name === session?.user.name}
          close={() => set({ person: "" })}
          done={again}
        />
      ) : null}
      <ListDialog opened={listing} close={() => setListing(false)} done={again} />
    </div>
  );
}
