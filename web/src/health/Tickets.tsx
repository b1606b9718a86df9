// The list of fault tickets: filtered by the address bar, paged by key, as a table for a spreadsheet too.

import { Button, SegmentedControl, Select } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { hubNowUs } from "../api";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { personName, useSession } from "../session";
import { age, health, subjectName, type TicketAsk } from "./health";
import styles from "./Health.module.css";

const KINDS = [
  ["no_picture", "No picture"],
  ["password", "Password refused"],
  ["gaps", "Many gaps"],
  ["loss", "Packets are lost"],
  ["clock", "Clock is wrong"],
  ["frozen", "Perhaps frozen"],
  ["black", "Perhaps dark or covered"],
  ["blurred", "Perhaps blurred"],
  ["moved", "Perhaps moved"],
  ["disk_fault", "Disk fault"],
  ["disk_headroom", "Disk full too soon"],
  ["behind", "Recorder fell behind"],
  ["site_away", "Site does not answer"],
  ["ceremony_due", "Key ceremony due"],
  ["drill_due", "Recovery drill due"],
  ["witness", "Log not signed"],
  ["timestamp", "No outside time"],
  ["sandbox", "Decoders unconfined"],
  ["firmware", "Camera weakness"],
  ["support", "No longer supported"],
  ["page_failed", "Call not sent"],
  ["page_unanswered", "Nobody answered"],
].map(([value, label]) => ({ value: value!, label: label! }));

export function Tickets({ params, set }: { params: URLSearchParams; set: (changes: Record<string, string>) => void }) {
  const { session } = useSession();
  const me = personName(session);
  const state = params.get("state") ?? "open";
  const kind = params.get("kind") ?? "";
  const whose = params.get("whose") ?? "";
  const ask: TicketAsk = { state, kind: kind || undefined, owner: whose === "nobody" ? "" : whose === "me" ? me : undefined };
  const list = useInfiniteQuery({
    queryKey: ["tickets", "list", ask],
    queryFn: ({ pageParam }) => health.tickets(ask, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    refetchInterval: 15_000,
  });
  const tickets = list.data?.pages.flatMap((page) => page.tickets) ?? [];
  return (
    <section className={styles.section} aria-label="Tickets" data-testid="tickets">
      <div className={styles.head}>
        <h2>Tickets</h2>
        <span className="quiet" role="status">
          {list.data ? `${tickets.length}${list.hasNextPage ? " and more" : ""}` : ""}
        </span>
        <div className={styles.tools}>
          <SegmentedControl
            size="xs"
            aria-label="Which tickets"
            value={state}
            onChange={(value) => set({ state: value === "open" ? "" : value })}
            data={[
              { value: "open", label: "Open" },
              { value: "closed", label: "Closed" },
              { value: "all", label: "All" },
            ]}
          />
          <Select
            size="xs"
            w={190}
            aria-label="Kind of fault"
            placeholder="Every kind"
            clearable
            clearButtonProps={{ "aria-label": "Every kind" }}
            value={kind || null}
            onChange={(value) => set({ kind: value ?? "" })}
            data={KINDS}
          />
          <Select
            size="xs"
            w={150}
            aria-label="Looked after by"
            placeholder="Anybody's"
            clearable
            clearButtonProps={{ "aria-label": "Anybody's" }}
            value={whose || null}
            onChange={(value) => set({ whose: value ?? "" })}
            data={[
              { value: "me", label: "Mine" },
              { value: "nobody", label: "Nobody's" },
            ]}
          />
          <Button component="a" href={health.ticketsTable(ask)} size="compact-sm" variant="default" leftSection={<IconDownload size={14} aria-hidden />}>
            Download as table
          </Button>
        </div>
      </div>
      {list.isPending ? <Waiting what="Asking for the tickets." why="The hub is slow to answer." /> : null}
      {list.error ? <Trouble error={list.error} again={() => void list.refetch()} /> : null}
      {list.data && tickets.length === 0 ? (
        <Empty title={state === "open" && !kind && !whose ? "No ticket is open" : "No ticket matches"}>
          A ticket opens by itself when something is wrong for long enough, and closes when all has been well for a while.
        </Empty>
      ) : null}
      {tickets.length > 0 ? (
        <div className="panel table-box" tabIndex={0} role="region" aria-label="Table of tickets">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Fault</th>
                <th scope="col">Where</th>
                <th scope="col">{state === "open" ? "Lasts" : "Lasted"}</th>
                <th scope="col">First seen</th>
                <th scope="col">Last seen</th>
                <th scope="col" className="number">
                  Times
                </th>
                <th scope="col">Looked after by</th>
                <th scope="col">Visit</th>
                {state === "open" ? null : <th scope="col">Closed</th>}
              </tr>
            </thead>
            <tbody>
              {tickets.map((ticket) => (
                <tr key={ticket.id} className="pick" onClick={() => set({ ticket: ticket.id })} data-testid={`ticket-${ticket.id}`}>
                  <td>
                    <button
                      type="button"
                      className="link-button"
                      onClick={(event) => {
                        event.stopPropagation();
                        set({ ticket: ticket.id });
                      }}
                    >
                      {ticket.title}
                    </button>
                  </td>
                  <td>{subjectName(ticket)}</td>
                  <td>{age((ticket.closed_us ?? hubNowUs()) - ticket.first_us)}</td>
                  <td>
                    <Time us={ticket.first_us} day />
                  </td>
                  <td>
                    <Time us={ticket.last_us} day />
                  </td>
                  <td className="number">{ticket.times}</td>
                  <td>{ticket.owner || <span className="quiet">nobody</span>}</td>
                  <td>{ticket.visit_us ? <Time us={ticket.visit_us} day /> : <span className="quiet">none</span>}</td>
                  {state === "open" ? null : <td>{ticket.closed_us ? <Time us={ticket.closed_us} day /> : "open"}</td>}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      {list.hasNextPage ? (
        <Button mt={8} variant="default" size="compact-sm" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          Show more
        </Button>
      ) : null}
    </section>
  );
}
