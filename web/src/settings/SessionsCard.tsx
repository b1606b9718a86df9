import { Button } from "@mantine/core";
import { IconDeviceDesktop, IconDeviceMobile, IconTerminal2 } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../api";
import { Trouble } from "../frame/Notice";
import { Time } from "../frame/Time";
import styles from "./Settings.module.css";

interface OpenSession {
  id: string;
  this: boolean;
  agent: string;
  address: string;
  by: "passkey" | "password" | "code" | "council";
  created_us: number;
  used_us: number;
  expires_us: number;
}

const BY = { passkey: "with a passkey", password: "with a password or a code", code: "with a one-time code", council: "with the council’s account" };

function Device({ agent }: { agent: string }) {
  const Icon = /iPhone|iPad|Android/.test(agent) ? IconDeviceMobile : agent.startsWith("Another") ? IconTerminal2 : IconDeviceDesktop;
  return <Icon size={20} aria-hidden />;
}

export function SessionsCard() {
  const client = useQueryClient();
  const query = useQuery({
    queryKey: ["sessions"],
    queryFn: () => call<{ sessions: OpenSession[] }>("GET", "/api/sessions").then((answer) => answer.sessions),
    refetchInterval: 30_000,
  });
  const end = useMutation({
    mutationFn: (id: string | null) => call<unknown>("DELETE", id ? `/api/sessions/${encodeURIComponent(id)}` : "/api/sessions"),
    onSettled: () => client.invalidateQueries({ queryKey: ["sessions"] }),
  });
  const mine = [...(query.data ?? [])].sort((a, b) => Number(b.this) - Number(a.this));
  return (
    <section className={`panel ${styles.card}`} data-testid="sessions">
      <h2>Where I am signed in</h2>
      <p className="quiet">What you do not know, end: its live pictures stop within two seconds.</p>
      {query.error ? <Trouble error={query.error} again={() => void query.refetch()} /> : null}
      {end.error ? <Trouble error={end.error} /> : null}
      <ul className={styles.list}>
        {mine.map((each) => (
          <li key={each.id} data-testid="session">
            <Device agent={each.agent} />
            <div className={styles.grow}>
              <span className="strong">{each.agent || "Not known"}</span>
              {each.this ? <span className={styles.tag}>this device</span> : null}
              <div className="quiet">
                Since <Time us={each.created_us} day /> {BY[each.by]}, last used <Time us={each.used_us} day />
                {each.address ? `, from ${each.address}` : ""}
              </div>
            </div>
            {each.this ? null : (
              <Button
                size="compact-sm"
                variant="default"
                aria-label={`End the session of ${each.agent}`}
                loading={end.isPending && end.variables === each.id}
                onClick={() => end.mutate(each.id)}
              >
                End
              </Button>
            )}
          </li>
        ))}
      </ul>
      {mine.length > 1 ? (
        <Button variant="default" onClick={() => end.mutate(null)} loading={end.isPending && end.variables === null}>
          End all others
        </Button>
      ) : null}
    </section>
  );
}
