// Uptime by month: what was recorded of what should have been, planned work apart.

import { Select } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { span } from "../time";
import { health, monthName, percent, reasonWords, type Month } from "./health";
import styles from "./Health.module.css";

const GOOD = 99.5;

export function UptimeTable({
  params,
  set,
  names,
}: {
  params: URLSearchParams;
  set: (changes: Record<string, string>) => void;
  names: Map<string, string>;
}) {
  const months = Math.min(13, Math.max(1, Number(params.get("months") ?? 3) || 3));
  const uptime = useQuery({ queryKey: ["health", "uptime", months], queryFn: () => health.uptime(months), refetchInterval: 60_000, retry: 0 });
  const columns = [...new Set(uptime.data?.cameras.flatMap((camera) => camera.months.map((month) => month.month)))].sort().reverse();
  const least = (camera: { months: Month[] }): number => camera.months.at(-1)?.percent ?? 101;
  const rows = [...(uptime.data?.cameras ?? [])].sort((a, b) => least(a) - least(b) || (names.get(a.id) ?? a.id).localeCompare(names.get(b.id) ?? b.id));
  return (
    <section className={styles.section} aria-label="Uptime by month" data-testid="uptime">
      <div className={styles.head}>
        <h2>Uptime by month</h2>
        <span className="quiet">Footage that exists, of the time that a camera was switched on. Months are UTC.</span>
        <Select
          size="xs"
          w={130}
          aria-label="How many months"
          value={String(months)}
          allowDeselect={false}
          onChange={(value) => set({ months: value === "3" || value === null ? "" : value })}
          data={[
            { value: "1", label: "This month" },
            { value: "3", label: "3 months" },
            { value: "6", label: "6 months" },
            { value: "13", label: "13 months" },
          ]}
        />
      </div>
      {uptime.isPending ? <Waiting what="Adding up the months." why="There are many hours to add up." /> : null}
      {uptime.error ? <Trouble error={uptime.error} again={() => void uptime.refetch()} /> : null}
      {uptime.data && columns.length === 0 ? <Empty title="Nothing recorded yet">Uptime is shown from a camera's first minute on.</Empty> : null}
      {columns.length > 0 ? (
        <div className="panel table-box" tabIndex={0} role="region" aria-label="Table of uptime">
          <table className={`table ${styles.months}`}>
            <thead>
              <tr>
                <th scope="col">Camera</th>
                {columns.map((month) => (
                  <th key={month} scope="col">
                    {monthName(month)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((camera) => (
                <tr key={camera.id}>
                  <th scope="row">{names.get(camera.id) ?? camera.id}</th>
                  {columns.map((name) => {
                    const month = camera.months.find((each) => each.month === name);
                    return <td key={name}>{month ? <Cell month={month} /> : <span className="quiet">not there</span>}</td>;
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </section>
  );
}

function Cell({ month }: { month: Month }) {
  const low = month.percent !== null && month.percent < GOOD;
  const worst = Object.entries(month.reasons).sort((a, b) => b[1] - a[1])[0];
  return (
    <>
      <span className={low ? styles.shortfall : "strong"}>
        {low ? <IconAlertTriangle size={14} aria-label="low" style={{ verticalAlign: "-2px" }} /> : null} {percent(month.percent) || "all planned"}
      </span>
      <span className={styles.small}>
        {month.missing_us > 0 ? `${span(month.missing_us)} missing` : "nothing missing"}
        {month.planned_us > 0 ? `, ${span(month.planned_us)} planned` : ""}
      </span>
      {worst && month.missing_us > 60e6 ? <span className={styles.small}>mostly: {reasonWords(worst[0])}</span> : null}
    </>
  );
}
