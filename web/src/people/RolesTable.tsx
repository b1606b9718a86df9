// What each role may do, in plain words, from the action table that the hub works by. Nothing here can be changed.

import { useQuery } from "@tanstack/react-query";
import { Trouble, Waiting } from "../frame/Notice";
import { span } from "../time";
import { people } from "./people";
import styles from "./People.module.css";

export function RolesTable() {
  const found = useQuery({ queryKey: ["roles"], queryFn: people.roles, staleTime: 60_000 });
  if (found.error) return <Trouble error={found.error} again={() => void found.refetch()} />;
  if (!found.data) return <Waiting what="Asking the hub for its action table." why="The hub is slow to answer." />;
  return (
    <>
      <p className="quiet">
        From the action table {found.data.version}. What is not in it is refused. No role stands above it, and nobody holds all. An administrator goes with no role that
        sees pictures.
      </p>
      <div className={styles.roles} data-testid="roles">
        {found.data.roles.map((role) => (
          <section key={role.role} className={`panel ${styles.role}`} aria-label={role.name}>
            <h3>
              {role.name}{" "}
              <span className="quiet">
                {role.people} {role.people === 1 ? "person" : "people"}
              </span>
            </h3>
            <p>{role.text}</p>
            <p className={styles.sees}>{role.sees_pictures ? "Can be given pictures, for a purpose." : "Sees no pictures."}</p>
            {role.may.length ? (
              <ul>
                {role.may.map((row) => (
                  <li key={row.act}>
                    <strong>{row.text}</strong>
                    {row.needs.length ? <span>: takes {row.needs.join("; ")}</span> : null}
                    {row.longest_us ? <span className="quiet"> (at most {span(row.longest_us)})</span> : null}
                  </li>
                ))}
              </ul>
            ) : null}
          </section>
        ))}
      </div>
    </>
  );
}
