// Who is on call, and when. The manager sets it; whoever asks sees it.

import { ActionIcon, Button, Select } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { TimeField } from "../access/TimeField";
import { hubNowUs } from "../api";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { rolesOf, useSession } from "../session";
import { HOUR } from "../time";
import { approvals, ROSTER, type Turn } from "./approvals";
import styles from "./Approvals.module.css";

export function OnCallTab() {
  const client = useQueryClient();
  const { session } = useSession();
  const mayChange = rolesOf(session).some((role) => ROSTER.includes(role));
  const list = useQuery({ queryKey: ["on-call"], queryFn: approvals.onCall, retry: 1 });
  const [who, setWho] = useState("");
  const [from, setFrom] = useState<number | null>(() => hubNowUs());
  const [to, setTo] = useState<number | null>(() => hubNowUs() + 12 * HOUR);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const put = async (turns: Omit<Turn, "name">[]) => {
    setBusy(true);
    setError(null);
    try {
      client.setQueryData(["on-call"], await approvals.setOnCall(turns.map(({ account, from_us, to_us }) => ({ account, from_us, to_us }))));
      void client.invalidateQueries({ queryKey: ["approvers"] });
      setWho("");
    } catch (problem) {
      setError(problem as Error);
    } finally {
      setBusy(false);
    }
  };
  if (list.error) return <Trouble error={list.error} again={() => void list.refetch()} />;
  if (list.isPending) return <Waiting what="Asking who is on call." why="The hub is slow to answer." />;
  const { turns, people } = list.data;
  const now = hubNowUs();
  return (
    <div className={styles.stack}>
      {turns.length === 0 ? (
        <Empty title="Nobody is on call">Whoever asks is told who can decide: those who are signed in, and whoever is on call.</Empty>
      ) : (
        <div className="panel table-box">
          <table className="table" data-testid="on-call">
            <thead>
              <tr>
                <th scope="col">Who</th>
                <th scope="col">From</th>
                <th scope="col">To</th>
                <th scope="col">State</th>
                {mayChange ? <th scope="col" aria-label="Take off" /> : null}
              </tr>
            </thead>
            <tbody>
              {turns.map((each, at) => (
                <tr key={`${each.account}-${each.from_us}`}>
                  <td className="strong">{each.name}</td>
                  <td>
                    <Time us={each.from_us} day />
                  </td>
                  <td>
                    <Time us={each.to_us} day />
                  </td>
                  <td>{each.from_us <= now && now < each.to_us ? "on call now" : "later"}</td>
                  {mayChange ? (
                    <td>
                      <ActionIcon
                        variant="subtle"
                        color="gray"
                        aria-label={`Take ${each.name} off`}
                        onClick={() => void put(turns.filter((_, other) => other !== at))}
                        disabled={busy}
                      >
                        <IconTrash size={16} />
                      </ActionIcon>
                    </td>
                  ) : null}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {mayChange ? (
        <form
          className={styles.turn}
          onSubmit={(event) => {
            event.preventDefault();
            if (who && from !== null && to !== null) void put([...turns, { account: who, from_us: from, to_us: to }]);
          }}
          data-testid="on-call-form"
        >
          <Select label="Put on call" placeholder="Choose" data={people.map((each) => ({ value: each.id, label: each.name }))} value={who || null} onChange={(next) => setWho(next ?? "")} searchable />
          <TimeField label="From" value={from} onChange={setFrom} />
          <TimeField label="To" value={to} onChange={setTo} />
          <Button type="submit" loading={busy} disabled={!who || from === null || to === null || to <= from}>
            Put on call
          </Button>
        </form>
      ) : null}
      {error ? <Trouble error={error} /> : null}
    </div>
  );
}
