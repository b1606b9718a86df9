import { SegmentedControl, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Trouble, Waiting } from "../frame/Notice";
import { dpo, outcomeWords, type Figures } from "./dpo";
import styles from "./Dpo.module.css";

const REFUSALS: Record<string, string> = {
  "grant.refused": "Access refused",
  "view.refused": "A look refused",
  "ptz.refused": "A movement refused",
  "session.refused": "Sign-in refused",
  "step_up.refused": "Confirmation refused",
  "quota.reached": "Limit reached",
};

export function FiguresTab() {
  const [days, setDays] = useState(30);
  const figures = useQuery({ queryKey: ["dpo", "figures", days], queryFn: () => dpo.figures(days), retry: 1 });
  return (
    <>
      <div className={styles.bar}>
        <SegmentedControl
          size="xs"
          value={String(days)}
          onChange={(value) => setDays(Number(value))}
          data={[
            { value: "7", label: "7 days" },
            { value: "30", label: "30 days" },
            { value: "90", label: "90 days" },
          ]}
          aria-label="How far back"
        />
      </div>
      {figures.error ? <Trouble error={figures.error} again={() => void figures.refetch()} /> : null}
      {figures.isPending ? <Waiting what="Counting." why="The log is long." /> : null}
      {figures.data ? <Tables data={figures.data} /> : null}
    </>
  );
}

function Tables({ data }: { data: Figures }) {
  const outcomes = Object.entries(data.outcomes).flatMap(([rule, found]) =>
    Object.entries(found).map(([outcome, count]): [string, number] => [`${rule.replaceAll("_", " ")}: ${outcomeWords(outcome).toLowerCase()}`, count]),
  );
  return (
    <>
      {data.whole ? null : <p className="quiet">The log is longer than is counted here: the newest 50,000 entries are.</p>}
      <div className={styles.figures}>
        <Counts
          title={`Accesses given: ${data.grants}`}
          next="A purpose that suddenly takes over is worth a question to the manager."
          rows={Object.entries(data.purposes)}
          none="None was given."
        />
        <Counts
          title="Refusals"
          next="Many refusals of one rule: the rule is not understood, or somebody tries doors."
          rows={Object.entries(data.refusals).map(([kind, count]): [string, number] => [REFUSALS[kind] ?? kind, count])}
          none="Nothing was refused."
        />
        <Counts title="Accesses refused, by rule" next="The rules are in the table of purposes." rows={Object.entries(data.rules)} none="None was refused." />
        <Counts
          title="How your reviews came out"
          next="A rule with nothing but false alarms is wrong here: say so to whoever looks after the system."
          rows={outcomes}
          none="Nothing was reviewed."
        />
      </div>
      <h2 className={styles.head}>Who approves for whom</h2>
      <p className="quiet">
        People who always work together approve for each other; the rule takes that into account. Read a few approvals of a pair that stands out.
      </p>
      {data.pairs.length === 0 ? (
        <p className="quiet">Nothing was approved.</p>
      ) : (
        <Table className={styles.table} style={{ maxWidth: 560 }}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Asked</Table.Th>
              <Table.Th>Approved</Table.Th>
              <Table.Th ta="right">Times</Table.Th>
              <Table.Th ta="right">Share</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.pairs.map((pair) => (
              <Table.Tr key={`${pair.asker} ${pair.approver}`}>
                <Table.Td>{pair.asker}</Table.Td>
                <Table.Td>{pair.approver}</Table.Td>
                <Table.Td ta="right">{pair.given}</Table.Td>
                <Table.Td ta="right">{Math.round((100 * pair.given) / pair.asked)} %</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </>
  );
}

function Counts({ title, next, rows, none }: { title: string; next: string; rows: [string, number][]; none: string }) {
  return (
    <section className={styles.card}>
      <h2 className={styles.cardHead}>{title}</h2>
      {rows.length === 0 ? <p className="quiet">{none}</p> : null}
      <dl className={styles.counts}>
        {rows.map(([label, count]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{count}</dd>
          </div>
        ))}
      </dl>
      <p className="quiet">{next}</p>
    </section>
  );
}
