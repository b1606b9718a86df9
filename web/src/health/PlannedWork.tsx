// Planned work: declared before or within a day, so that what is missing then is shown apart.

import { Button, Select, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { hubNowUs, type Camera } from "../api";
import { Time } from "../frame/Time";
import { useSession } from "../session";
import { HOUR } from "../time";
import { fromField, toField } from "./fields";
import { health, MAY_PLAN, type Outage } from "./health";
import styles from "./Health.module.css";

export function PlannedWork({ outages, answered, cameras }: { outages: Outage[]; answered: boolean; cameras: Camera[] }) {
  const { session } = useSession();
  const client = useQueryClient();
  const may = MAY_PLAN.has(session?.user.role ?? "") && answered;
  const [asked, setAsked] = useState(false);
  const again = (): void => {
    void client.invalidateQueries({ queryKey: ["health"] });
  };
  const failed = (error: Error): string => notifications.show({ title: "That could not be done", message: error.message, color: "red" });
  const end = useMutation({ mutationFn: health.endOutage, onSuccess: again, onError: failed });
  const name = (id: string): string => (id === "" ? "The whole site" : (cameras.find((camera) => camera.id === id)?.name ?? id));
  const now = hubNowUs();
  return (
    <section className={styles.section} aria-label="Planned work" data-testid="planned">
      <div className={styles.head}>
        <h2>Planned work</h2>
        <span className="quiet">No ticket of a camera opens while it lasts, and what is missing counts apart.</span>
        {may ? (
          <Button size="compact-sm" variant="default" onClick={() => setAsked(!asked)} aria-expanded={asked}>
            Declare planned work
          </Button>
        ) : null}
      </div>
      {asked && may ? (
        <Declare
          cameras={cameras}
          done={() => {
            setAsked(false);
            again();
          }}
        />
      ) : null}
      {outages.length === 0 ? (
        <p className="quiet">None lasts or is to come.</p>
      ) : (
        <div className="panel table-box" tabIndex={0} role="region" aria-label="Table of planned work">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Where</th>
                <th scope="col">From</th>
                <th scope="col">Until</th>
                <th scope="col">What is done</th>
                <th scope="col">Declared by</th>
                <th scope="col">
                  <span className="visually-hidden">End</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {outages.map((outage) => (
                <tr key={outage.id}>
                  <td>{name(outage.camera)}</td>
                  <td>
                    <Time us={outage.start_us} day />
                  </td>
                  <td>
                    <Time us={outage.end_us} day />
                  </td>
                  <td className="wide">{outage.reason}</td>
                  <td>
                    {outage.declared_by}
                    {outage.declared_us > outage.start_us ? <span className={styles.small}>after it began</span> : null}
                  </td>
                  <td>
                    {may ? (
                      <Button size="compact-xs" variant="default" onClick={() => end.mutate(outage.id)}>
                        {outage.start_us > now ? "Take back" : "End now"}
                      </Button>
                    ) : null}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Declare({ cameras, done }: { cameras: Camera[]; done: () => void }) {
  const [camera, setCamera] = useState("");
  const [from, setFrom] = useState(() => toField(hubNowUs()));
  const [until, setUntil] = useState(() => toField(hubNowUs() + 2 * HOUR));
  const [reason, setReason] = useState("");
  const declare = useMutation({
    mutationFn: () => health.declare({ camera, start_us: fromField(from) ?? 0, end_us: fromField(until) ?? 0, reason: reason.trim() }),
    onSuccess: done,
    onError: (error) => notifications.show({ title: "That could not be declared", message: error.message, color: "red" }),
  });
  return (
    <form
      className={`panel ${styles.planForm}`}
      onSubmit={(event) => {
        event.preventDefault();
        declare.mutate();
      }}
    >
      <Select
        label="Where"
        value={camera || "*"}
        allowDeselect={false}
        searchable
        onChange={(value) => setCamera(value === "*" || value === null ? "" : value)}
        data={[{ value: "*", label: "The whole site" }, ...cameras.map((each) => ({ value: each.id, label: each.name }))]}
      />
      <TextInput type="datetime-local" label="From (London time)" value={from} onChange={(event) => setFrom(event.currentTarget.value)} />
      <TextInput type="datetime-local" label="Until" value={until} onChange={(event) => setUntil(event.currentTarget.value)} />
      <TextInput label="What is done" value={reason} maxLength={300} onChange={(event) => setReason(event.currentTarget.value)} />
      <Button type="submit" disabled={reason.trim().length < 3 || fromField(from) === null || fromField(until) === null} loading={declare.isPending}>
        Declare
      </Button>
    </form>
  );
}
