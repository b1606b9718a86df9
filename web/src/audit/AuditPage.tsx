// The audit explorer: who did what, narrowed by filters that stand in the address, counted over time, each entry with its proof.

import { Button, Checkbox, Drawer, Select, TextInput } from "@mantine/core";
import { IconDownload, IconX } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { useSearchParams } from "react-router";
import { hub } from "../api";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { DAY, fromIsoDay, isoDay } from "../time";
import { filtersOf, log, type LogLine } from "./audit";
import styles from "./Audit.module.css";
import { EntryDrawer } from "./EntryDrawer";
import { Histogram } from "./Histogram";
import { LogAlarm } from "./LogAlarm";

/** A field that narrows once one has stopped typing or pressed Enter, so that a query is one line in the log. */
function Typed({ label, value, set }: { label: string; value: string; set: (value: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const commit = () => text !== value && set(text.trim());
  return (
    <TextInput label={label} size="xs" value={text} onChange={(event) => setText(event.currentTarget.value)} onBlur={commit} onKeyDown={(event) => event.key === "Enter" && commit()} />
  );
}

export default function AuditPage() {
  const [params, setParams] = useSearchParams();
  const filters = useMemo(() => filtersOf(params), [params]);
  const key = JSON.stringify(filters);
  const choices = useQuery({ queryKey: ["audit", "choices"], queryFn: log.choices, staleTime: 60_000 });
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras, staleTime: 30_000 });
  const counts = useQuery({ queryKey: ["audit", "counts", key], queryFn: () => log.counts(filters), refetchOnWindowFocus: false });
  const pages = useInfiniteQuery({
    queryKey: ["audit", "entries", key],
    queryFn: ({ pageParam }) => log.page(filters, pageParam),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    refetchOnWindowFocus: false,
  });
  const entries = pages.data?.pages.flatMap((page) => page.entries) ?? [];
  const opened = params.get("entry");
  const [line, setLine] = useState<LogLine | null>(null);
  const shown = opened ? (entries.find((each) => String(each.index) === opened) ?? line) : null;

  const set = (changes: Record<string, string>): void =>
    setParams((before) => {
      const next = new URLSearchParams(before);
      for (const [name, value] of Object.entries(changes)) if (value) next.set(name, value);
        else next.delete(name);
      return next;
    });
  const narrow = (changes: Record<string, string>): void => set({ ...changes, entry: "" });
  const day = (us: string | undefined, back = 0): string => (us ? isoDay(Number(us) - back) : "");
  const cameraName = (id: string): string => cameras.data?.cameras.find((each) => each.id === id)?.name ?? id;
  const people = (choices.data?.people ?? []).map((each) => ({ value: each.id, label: each.display === each.name ? each.name : `${each.display} (${each.name})` }));
  const any = Object.keys(filters).length > 0;

  return (
    <div className="page">
      <div className="inner">
        <h1>Audit log</h1>
        <p className="lead">
          Everything that anybody opened, showed, released or was refused. Nobody can change or remove an entry unnoticed. That you read this, and with which filters,
          stands in it as well.
        </p>
        <LogAlarm />
        <section className={styles.filters} aria-label="Filters">
          <Select label="Person" size="xs" searchable clearable data={people} value={filters.person ?? null} onChange={(value) => set({ person: value ?? "" })} nothingFoundMessage="Nobody of that name" />
          <Select label="Kind" size="xs" searchable clearable data={choices.data?.kinds ?? []} value={filters.kind ?? null} onChange={(value) => set({ kind: value ?? "" })} />
          <Select
            label="Camera"
            size="xs"
            searchable
            clearable
            data={[
              ...(cameras.data?.cameras ?? []).map((each) => ({ value: each.id, label: each.name })),
              ...(filters.camera && !cameras.data?.cameras.some((each) => each.id === filters.camera) ? [{ value: filters.camera, label: filters.camera }] : []),
            ]}
            value={filters.camera ?? null}
            onChange={(value) => set({ camera: value ?? "" })}
          />
          <Typed label="Case" value={filters.case ?? ""} set={(value) => set({ case: value })} />
          <Typed label="Access" value={filters.grant ?? ""} set={(value) => set({ grant: value })} />
          <TextInput label="From" size="xs" type="date" value={day(filters.from_us)} onChange={(event) => set({ from_us: String(fromIsoDay(event.currentTarget.value) ?? "") })} />
          <TextInput
            label="To, included"
            size="xs"
            type="date"
            value={day(filters.to_us, 1)}
            onChange={(event) => {
              const start = fromIsoDay(event.currentTarget.value);
              set({ to_us: start === null ? "" : String(start + DAY) });
            }}
          />
          <Checkbox className={styles.check} label="Refusals only" checked={filters.refused === "true"} onChange={(event) => set({ refused: event.currentTarget.checked ? "true" : "" })} />
          <div className={styles.tools}>
            {any ? (
              <Button size="compact-sm" variant="subtle" color="gray" leftSection={<IconX size={14} />} onClick={() => setParams({})}>
                Clear
              </Button>
            ) : null}
            <Button component="a" href={log.csv(filters)} download size="compact-sm" variant="default" leftSection={<IconDownload size={14} />} data-testid="csv">
              CSV
            </Button>
            <Button component="a" href={log.whole} download size="compact-sm" variant="default" leftSection={<IconDownload size={14} />} title="With the page that checks it, to be checked away from the hub" data-testid="whole-log">
              Whole log
            </Button>
          </div>
        </section>

        {counts.data ? <Histogram counts={counts.data} pick={(from_us, to_us) => set({ from_us: String(from_us), to_us: String(to_us) })} /> : null}
        {pages.error ? <Trouble error={pages.error} again={() => void pages.refetch()} /> : null}
        {pages.isPending ? <Waiting what="Asking the log." why="It is long, or the hub is slow to answer." /> : null}
        {pages.data && entries.length === 0 ? (
          <Empty title="No entry fits these filters" action={any ? <Button variant="default" onClick={() => setParams({})}>Clear the filters</Button> : undefined}>
            Widen the time, or take a filter away.
          </Empty>
        ) : null}
        {entries.length > 0 ? (
          <div className="panel table-box">
            <table className="table" data-testid="log">
              <thead>
                <tr>
                  <th scope="col" className={`number ${styles.narrow}`}>
                    Entry
                  </th>
                  <th scope="col">Time</th>
                  <th scope="col" className={styles.narrow}>
                    Who
                  </th>
                  <th scope="col">What</th>
                  <th scope="col" className={styles.narrow}>
                    Camera
                  </th>
                  <th scope="col" className={styles.narrow}>
                    Kind
                  </th>
                </tr>
              </thead>
              <tbody>
                {entries.map((each) => (
                  <tr
                    key={each.index}
                    className="pick"
                    data-refused={each.kind.endsWith(".refused") || undefined}
                    onClick={() => {
                      setLine(each);
                      set({ entry: String(each.index) });
                    }}
                  >
                    <td className={`number ${styles.narrow}`}>{each.index}</td>
                    <td>
                      <Time us={each.time_us} day />
                    </td>
                    <td className={styles.narrow}>{each.who || <span className="quiet">erased</span>}</td>
                    <td className="wide">
                      <button type="button" className={`link-button ${styles.open}`}>
                        {each.summary}
                      </button>
                      <span className={styles.phone}>{each.who || "erased"}</span>
                    </td>
                    <td className={styles.narrow}>{typeof each.facts.camera === "string" ? cameraName(each.facts.camera) : ""}</td>
                    <td className={`mono ${styles.narrow}`}>{each.kind}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        ) : null}
        {pages.hasNextPage ? (
          <Button mt={8} variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            Older entries
          </Button>
        ) : null}
      </div>
      <Drawer
        opened={shown !== null}
        onClose={() => set({ entry: "" })}
        position="right"
        size={520}
        title={shown ? `Entry ${shown.index}` : ""}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        {shown ? <EntryDrawer key={shown.index} line={shown} narrow={narrow} /> : null}
      </Drawer>
    </div>
  );
}
