// One ticket: what is wrong, what to do, who looks after it, notes, and closing it with a reason.

import { Button, Drawer, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link } from "react-router";
import { hubNowUs } from "../api";
import { Notice, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { personName, useSession } from "../session";
import { age, health, MAY_DECIDE, subjectName, type TicketDetail } from "./health";
import { fromField, toField } from "./fields";
import styles from "./Health.module.css";

const CLOSED: Record<string, string> = {
  healthy: "by itself: all was well again",
  gone: "by itself: it was switched off or removed",
  by_hand: "by hand",
};

export function TicketDrawer({ id, close }: { id: string; close: () => void }) {
  const ticket = useQuery({ queryKey: ["tickets", "one", id], queryFn: () => health.ticket(id), enabled: id !== "" });
  return (
    <Drawer
      opened={id !== ""}
      onClose={close}
      title={ticket.data ? `${ticket.data.title}: ${subjectName(ticket.data)}` : "Ticket"}
      position="right"
      size="md"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {ticket.isPending && id ? <Waiting what="Asking for the ticket." why="The hub is slow to answer." /> : null}
      {ticket.error ? <Trouble error={ticket.error} again={() => void ticket.refetch()} /> : null}
      {ticket.data ? <Detail key={ticket.data.id} ticket={ticket.data} /> : null}
    </Drawer>
  );
}

function Detail({ ticket }: { ticket: TicketDetail }) {
  const { session } = useSession();
  const client = useQueryClient();
  const may = MAY_DECIDE.has(session?.user.role ?? "");
  const [owner, setOwner] = useState(ticket.owner);
  const [visit, setVisit] = useState(toField(ticket.visit_us));
  const [note, setNote] = useState("");
  const [reason, setReason] = useState("");
  useEffect(() => {
    setOwner(ticket.owner);
    setVisit(toField(ticket.visit_us));
  }, [ticket.owner, ticket.visit_us]);
  const act = useMutation({
    mutationFn: (what: () => Promise<TicketDetail>) => what(),
    onSuccess: (changed) => {
      client.setQueryData(["tickets", "one", changed.id], changed);
      void client.invalidateQueries({ queryKey: ["tickets"] });
    },
    onError: (error) => notifications.show({ title: "That could not be done", message: error.message, color: "red" }),
  });
  const open = ticket.closed_us === null;
  return (
    <div className={styles.drawer} data-testid="ticket-detail">
      <Notice tone={open ? "amber" : "info"} title={ticket.detail || ticket.title}>
        {ticket.advice}
        {ticket.hint ? " This is a hint made from figures; it may be wrong." : null}
      </Notice>
      <dl className={styles.facts}>
        <Fact name="First seen">
          <Time us={ticket.first_us} day />
        </Fact>
        <Fact name="Last seen">
          <Time us={ticket.last_us} day />
        </Fact>
        <Fact name={open ? "Lasts" : "Lasted"}>{age((ticket.closed_us ?? hubNowUs()) - ticket.first_us)}</Fact>
        <Fact name="Came">{ticket.times === 1 ? "once" : `${ticket.times} times`}</Fact>
        {open ? null : (
          <Fact name="Closed">
            <Time us={ticket.closed_us} day />, {CLOSED[ticket.closed_why] ?? ticket.closed_why}
            {ticket.closed_by ? ` (${ticket.closed_by}: ${ticket.reason})` : ""}
          </Fact>
        )}
      </dl>
      {ticket.subject === "camera" ? (
        <Link className={styles.textLink} to={`/installer?camera=${encodeURIComponent(ticket.subject_id)}`}>
          This camera's figures, live
        </Link>
      ) : null}
      {may && open ? (
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault();
            act.mutate(() => health.assign(ticket.id, owner.trim(), fromField(visit)));
          }}
        >
          <h3>Who looks after it</h3>
          <TextInput className={styles.wide} label="Name or company" value={owner} maxLength={100} onChange={(event) => setOwner(event.currentTarget.value)} />
          <TextInput
            type="datetime-local"
            label="Planned visit"
            description="London time. Empty: none is planned."
            value={visit}
            onChange={(event) => setVisit(event.currentTarget.value)}
          />
          <div className={styles.tools}>
            <Button type="submit" size="compact-sm" loading={act.isPending} disabled={owner.trim() === ticket.owner && visit === toField(ticket.visit_us)}>
              Save
            </Button>
            {owner === personName(session) ? null : (
              <Button size="compact-sm" variant="default" onClick={() => setOwner(personName(session))}>
                I do
              </Button>
            )}
          </div>
        </form>
      ) : (
        <dl className={styles.facts}>
          <Fact name="Looked after by">{ticket.owner || "nobody"}</Fact>
          <Fact name="Visit">{ticket.visit_us ? <Time us={ticket.visit_us} day /> : "none planned"}</Fact>
        </dl>
      )}
      <section>
        <h3>Notes</h3>
        {ticket.notes.length === 0 ? <p className="quiet">None yet.</p> : null}
        <ul className={styles.notes}>
          {ticket.notes.map((each) => (
            <li key={each.id} className={styles.note}>
              <p>{each.text}</p>
              <span className={styles.small}>
                {each.by}, <Time us={each.time_us} day />
              </span>
            </li>
          ))}
        </ul>
        {may ? (
          <form
            className={styles.form}
            onSubmit={(event) => {
              event.preventDefault();
              act.mutate(() => health.note(ticket.id, note.trim()), { onSuccess: () => setNote("") });
            }}
          >
            <Textarea className={styles.wide} label="What was seen or done" autosize minRows={2} maxLength={1000} value={note} onChange={(event) => setNote(event.currentTarget.value)} />
            <Button type="submit" size="compact-sm" variant="default" disabled={!note.trim()} loading={act.isPending}>
              Write note
            </Button>
          </form>
        ) : null}
      </section>
      {may && open && ticket.kind !== "site_away" ? (
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault();
            act.mutate(() => health.close(ticket.id, reason.trim()));
          }}
        >
          <h3>Close by hand</h3>
          <TextInput
            className={styles.wide}
            label="Reason"
            description="It comes back if the fault returns, or lasts a day longer."
            value={reason}
            maxLength={300}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          <Button type="submit" size="compact-sm" variant="default" disabled={reason.trim().length < 3} loading={act.isPending}>
            Close ticket
          </Button>
        </form>
      ) : null}
    </div>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
