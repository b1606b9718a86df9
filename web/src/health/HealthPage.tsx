// Health of sites, disks and cameras: what needs somebody first, tickets, uptime by month, planned work. No pictures.

import { IconAlertTriangle, IconCircleCheck, IconEye } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "react-router";
import { hub, hubNowUs } from "../api";
import { LogAlarm } from "../audit/LogAlarm";
import { SiteHealth } from "../cameras/SiteHealth";
import { STATE_WORDS, StateMark } from "../cameras/state";
import { Notice, Trouble, Waiting } from "../frame/Notice";
import { MaskingCard } from "../masks/MaskingCard";
import { age, health, subjectName, type CameraDay, type CameraNow, type Ticket } from "./health";
import { PlannedWork } from "./PlannedWork";
import { Tickets } from "./Tickets";
import { TicketDrawer } from "./TicketDrawer";
import { UptimeTable } from "./UptimeTable";
import styles from "./Health.module.css";

export default function HealthPage() {
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras, refetchInterval: 5_000 });
  const now = useQuery({ queryKey: ["health"], queryFn: hub.health, refetchInterval: 5_000 });
  const day = useQuery({ queryKey: ["health", "day"], queryFn: health.day, refetchInterval: 15_000 });
  const open = useQuery({ queryKey: ["tickets", "attention"], queryFn: () => health.tickets({ state: "open" }), refetchInterval: 10_000 });
  const [params, setParams] = useSearchParams();
  const set = (changes: Record<string, string>): void =>
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        for (const [key, value] of Object.entries(changes)) if (value) next.set(key, value);
          else next.delete(key);
        return next;
      },
      { replace: !("ticket" in changes) },
    );
  const failed = now.error ?? cameras.error ?? open.error;
  return (
    <div className="page">
      <div className="inner">
        <h1>Health</h1>
        <p className="lead">
          What needs somebody, and how much was recorded. Figures only: nothing here shows a picture. <Link to="/health/calls">Who is called</Link>
        </p>
        <LogAlarm />
        {failed ? (
          <Trouble
            error={failed}
            again={() => {
              void now.refetch();
              void cameras.refetch();
              void open.refetch();
            }}
          />
        ) : null}
        {now.isPending || open.isPending ? <Waiting what="Asking how the cameras are." why="The site is slow to answer." /> : null}
        {now.data?.sites.map((site) => <SiteHealth key={site.id} site={site} cameras={cameras.data?.cameras ?? []} />)}
        {day.data && !day.data.answered ? (
          <Notice tone="amber" title="The site does not answer">
            It keeps recording by itself. Tickets are as they were when it last answered.
          </Notice>
        ) : null}
        {open.data && cameras.data ? (
          <Attention
            cameras={cameras.data.cameras.map((camera) => ({ ...camera, enabled: camera.state !== "off", streams: [] }))}
            days={day.data?.cameras ?? []}
            tickets={open.data.tickets}
            show={(id) => set({ ticket: id })}
          />
        ) : null}
        <Tickets params={params} set={set} />
        <UptimeTable params={params} set={set} names={new Map(cameras.data?.cameras.map((camera) => [camera.id, camera.name]))} />
        <MaskingCard />
        <PlannedWork outages={day.data?.outages ?? []} answered={day.data?.answered ?? false} cameras={cameras.data?.cameras ?? []} />
      </div>
      <TicketDrawer id={params.get("ticket") ?? ""} close={() => set({ ticket: "" })} />
    </div>
  );
}

function Attention({ cameras, days, tickets, show }: { cameras: CameraNow[]; days: CameraDay[]; tickets: Ticket[]; show: (id: string) => void }) {
  const ticketsOf = (id: string): Ticket[] => tickets.filter((ticket) => ticket.subject === "camera" && ticket.subject_id === id);
  const planned = new Set(days.filter((day) => day.outage).map((day) => day.id));
  const rows = cameras
    .map((camera) => ({ camera, tickets: ticketsOf(camera.id), hints: days.find((day) => day.id === camera.id)?.hints ?? [] }))
    .filter((row) => row.tickets.length > 0 || row.hints.length > 0 || !["recording", "off", "imported"].includes(row.camera.state))
    .sort((a, b) => severity(b) - severity(a) || a.camera.name.localeCompare(b.camera.name));
  const others = tickets.filter((ticket) => ticket.subject !== "camera");
  return (
    <section className={styles.section} aria-label="Needs somebody" data-testid="attention">
      <div className={styles.head}>
        <h2>Needs somebody</h2>
        <span className="quiet">
          {rows.length + others.length === 0 ? "" : `${rows.length} of ${cameras.length} cameras${others.length ? `, and ${others.length} more` : ""}`}
        </span>
      </div>
      {rows.length + others.length === 0 ? (
        <p className={`panel ${styles.well}`}>
          <IconCircleCheck size={18} aria-hidden /> All cameras that are switched on record, and no ticket is open.
        </p>
      ) : (
        <ul className={styles.cards}>
          {others.map((ticket) => (
            <li key={ticket.id} className={`panel ${styles.card}`}>
              <span className="strong">{subjectName(ticket)}</span>
              <Problem ticket={ticket} show={show} />
            </li>
          ))}
          {rows.map(({ camera, tickets: mine, hints }) => (
            <li key={camera.id} className={`panel ${styles.card}`} data-testid={`needs-${camera.id}`}>
              <span className={styles.cardTop}>
                <span className="strong">{camera.name}</span>
                <StateMark state={camera.state} words />
              </span>
              {mine.map((ticket) => (
                <Problem key={ticket.id} ticket={ticket} show={show} />
              ))}
              {hints
                .filter((hint) => mine.every((ticket) => ticket.kind !== hint.kind))
                .map((hint) => (
                  <span key={hint.kind} className={styles.problem}>
                    <IconEye size={16} aria-hidden />
                    <span>
                      {hint.title}, for {age(hubNowUs() - hint.since_us)}
                    </span>
                  </span>
                ))}
              {mine.length === 0 && hints.length === 0 ? (
                <span className="quiet">{planned.has(camera.id) ? "Planned work." : `${STATE_WORDS[camera.state]}; no ticket yet.`}</span>
              ) : null}
              <span className={styles.cardFoot}>
                <Link to={`/installer?camera=${encodeURIComponent(camera.id)}`}>Look closer</Link>
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function severity(row: { camera: CameraNow; tickets: Ticket[] }): number {
  return (row.camera.state === "recording" ? 0 : 100) + row.tickets.filter((ticket) => !ticket.hint).length * 10 + row.tickets.length;
}

function Problem({ ticket, show }: { ticket: Ticket; show: (id: string) => void }) {
  return (
    <span className={styles.problem}>
      {ticket.hint ? <IconEye size={16} aria-hidden /> : <IconAlertTriangle size={16} aria-hidden />}
      <span>
        <button type="button" className="link-button" onClick={() => show(ticket.id)}>
          {ticket.title}
        </button>
        <span className={styles.small}>
          for {age(hubNowUs() - ticket.first_us)}
          {ticket.times > 1 ? `, ${ticket.times} times` : ""}
          {ticket.owner ? `, ${ticket.owner} looks after it` : ", nobody looks after it"}
        </span>
      </span>
    </span>
  );
}
