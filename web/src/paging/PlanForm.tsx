// The plan: steps with people and their hours, office hours, which faults count.

import { Button, Checkbox, NumberInput, Select, Switch, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Notice } from "../frame/Notice";
import { HoursField } from "./HoursField";
import { EVERY_DAY, paging, WAYS, type Channel, type Contact, type Plan, type PlanSet, type Step } from "./paging";
import styles from "./Paging.module.css";

const CHANNELS: Channel[] = ["email", "sms", "webhook"];

export function PlanForm({ found }: { found: PlanSet }) {
  const client = useQueryClient();
  const [plan, setPlan] = useState<Plan>(found.plan);
  const changed = JSON.stringify(plan) !== JSON.stringify(found.plan);
  const save = useMutation({
    mutationFn: () => paging.put(found.version, plan),
    onSuccess: (now) => {
      setPlan(now.plan);
      client.setQueryData(["paging"], now);
      void client.invalidateQueries({ queryKey: ["pages"] });
      notifications.show({ message: "Saved. It counts from now on." });
    },
    onError: (error) => notifications.show({ title: "That could not be saved", message: error.message, color: "red" }),
  });
  const set = (change: Partial<Plan>): void => setPlan({ ...plan, ...change });
  const setStep = (at: number, step: Step | null): void =>
    set({ steps: plan.steps.flatMap((each, index) => (index === at ? (step ? [step] : []) : [each])) });
  const number = (value: string | number, least: number): number => (typeof value === "number" ? value : least);
  const fresh = (): Contact => ({ name: "", channel: found.channels[0] ?? "email", address: "", hours: EVERY_DAY, first_day: null, last_day: null });
  const missing = [...new Set(plan.steps.flatMap((step) => step.contacts.map((each) => each.channel)))].filter((way) => !found.channels.includes(way));
  return (
    <form
      className={styles.form}
      data-testid="plan"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Switch
        label="Call people about recording faults"
        checked={plan.on}
        disabled={plan.steps.length === 0}
        description={plan.steps.length === 0 ? "Add somebody to call first." : undefined}
        onChange={(event) => set({ on: event.currentTarget.checked })}
      />
      {missing.length > 0 ? (
        <Notice tone="amber" title={`The settings name no way for ${missing.map((way) => WAYS[way]).join(" and ")}`}>
          Nobody is reached that way until [paging] in belvedere.toml says how.
        </Notice>
      ) : null}
      {plan.steps.map((step, at) => (
        <section key={at} className={`panel ${styles.step}`} aria-label={`Step ${at + 1}`}>
          <div className={styles.stepTop}>
            <h3>{at === 0 ? "First, all at once" : `Step ${at + 1}, when nobody answered`}</h3>
            <Button size="compact-xs" variant="default" onClick={() => setStep(at, null)}>
              Remove step
            </Button>
          </div>
          {step.contacts.map((contact, place) => (
            <ContactFields
              key={place}
              contact={contact}
              change={(next) => setStep(at, { ...step, contacts: step.contacts.map((each, index) => (index === place ? next : each)) })}
              remove={step.contacts.length > 1 ? () => setStep(at, { ...step, contacts: step.contacts.filter((_, index) => index !== place) }) : null}
            />
          ))}
          <div className={styles.foot}>
            <Button size="compact-sm" variant="default" onClick={() => setStep(at, { ...step, contacts: [...step.contacts, fresh()] })}>
              Add to this step
            </Button>
          </div>
          <NumberInput
            label="Wait for an answer, in minutes"
            maw={240}
            min={1}
            max={240}
            value={step.wait_minutes}
            onChange={(value) => setStep(at, { ...step, wait_minutes: number(value, 1) })}
          />
        </section>
      ))}
      <div className={styles.foot}>
        <Button variant="default" disabled={plan.steps.length >= 10} onClick={() => set({ steps: [...plan.steps, { contacts: [fresh()], wait_minutes: 10 }] })}>
          {plan.steps.length === 0 ? "Add the first person to call" : "Add a step"}
        </Button>
      </div>
      <section className={`panel ${styles.step}`} aria-label="Office hours">
        <h3 className={styles.days}>Office hours</h3>
        <HoursField label="The office is there" value={plan.office} change={(office) => set({ office })} />
        <Checkbox
          label="Call in office hours too"
          checked={plan.in_office_hours}
          onChange={(event) => set({ in_office_hours: event.currentTarget.checked })}
        />
        <TextInput
          label="Days without office"
          description="As 2026-12-25, with commas between."
          defaultValue={plan.closed_days.join(", ")}
          onBlur={(event) => set({ closed_days: event.currentTarget.value.split(/[\s,]+/).filter((day) => /^\d{4}-\d{2}-\d{2}$/.test(day)) })}
        />
      </section>
      <section className={`panel ${styles.step}`} aria-label="Which faults">
        <h3 className={styles.days}>Which faults</h3>
        <div className={styles.kinds}>
          {found.kinds.map(({ kind, title }) => (
            <Checkbox
              key={kind}
              label={title}
              checked={plan.kinds.includes(kind)}
              onChange={(event) => set({ kinds: event.currentTarget.checked ? [...plan.kinds, kind] : plan.kinds.filter((each) => each !== kind) })}
            />
          ))}
        </div>
        <div className={styles.figures}>
          <NumberInput label="A fault stands for, minutes" min={1} max={1440} value={plan.stands_minutes} onChange={(value) => set({ stands_minutes: number(value, 1) })} />
          <NumberInput label="Between two calls for one site, minutes" min={5} max={1440} value={plan.again_minutes} onChange={(value) => set({ again_minutes: number(value, 5) })} />
          <NumberInput label="Through all steps, times" min={1} max={10} value={plan.rounds} onChange={(value) => set({ rounds: number(value, 1) })} />
        </div>
      </section>
      <div className={styles.foot}>
        <Button type="submit" disabled={!changed} loading={save.isPending}>
          Save
        </Button>
        {changed ? (
          <Button variant="default" onClick={() => setPlan(found.plan)}>
            Discard
          </Button>
        ) : null}
        <span className="quiet">Times are those of {found.time_zone}.</span>
      </div>
    </form>
  );
}

function ContactFields({ contact, change, remove }: { contact: Contact; change: (contact: Contact) => void; remove: (() => void) | null }) {
  const set = (part: Partial<Contact>): void => change({ ...contact, ...part });
  const way = { email: ["E-mail address", "night@council.example"], sms: ["Number", "+441234567890"], webhook: ["", ""] }[contact.channel];
  return (
    <div className={styles.contact}>
      <TextInput label="Who" required maxLength={80} value={contact.name} onChange={(event) => set({ name: event.currentTarget.value })} />
      <Select
        label="How"
        allowDeselect={false}
        value={contact.channel}
        data={CHANNELS.map((value) => ({ value, label: WAYS[value] }))}
        onChange={(value) => set({ channel: (value ?? "email") as Channel, address: "" })}
      />
      {contact.channel === "webhook" ? null : (
        <TextInput label={way[0]} placeholder={way[1]} required value={contact.address} onChange={(event) => set({ address: event.currentTarget.value.trim() })} />
      )}
      {remove ? (
        <Button variant="default" onClick={remove}>
          Remove
        </Button>
      ) : null}
      <HoursField label="On these days" value={contact.hours} change={(hours) => set({ hours })} />
      <TextInput type="date" label="On the rota from" value={contact.first_day ?? ""} onChange={(event) => set({ first_day: event.currentTarget.value || null })} />
      <TextInput type="date" label="Until" value={contact.last_day ?? ""} onChange={(event) => set({ last_day: event.currentTarget.value || null })} />
    </div>
  );
}
