// What can be said about a case after it was opened: more footage, more people, where and when.

import { Button, Modal, MultiSelect, Select, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent, type ReactNode } from "react";
import { hubNowUs, type Camera } from "../api";
import { Trouble } from "../frame/Notice";
import { dayClock, HOUR, isoDay, clock, parseTime } from "../time";
import { cases, type CaseDetail } from "./cases";
import { middleOf } from "./NewCaseForm";
import styles from "./Cases.module.css";

interface Props {
  item: CaseDetail;
  close: () => void;
  done: (made: CaseDetail) => void;
}

/** A form that ends with why. `ready` says whether all else is filled in. */
function Why({
  title,
  label,
  testId,
  ready,
  run,
  close,
  done,
  children,
}: {
  title: string;
  label: string;
  testId: string;
  ready: boolean;
  run: (reason: string) => Promise<CaseDetail>;
  close: () => void;
  done: (made: CaseDetail) => void;
  children: ReactNode;
}) {
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!ready || !reason.trim()) return;
    setBusy(true);
    setError(null);
    try {
      done(await run(reason.trim()));
      close();
    } catch (failed) {
      setError(failed instanceof Error ? failed : new Error(String(failed)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={close} title={title} size="lg" closeButtonProps={{ "aria-label": "Close" }} data-testid={testId}>
      <form onSubmit={(event) => void submit(event)} className={styles.form}>
        {children}
        <Textarea
          label="Why"
          description="Stands in the history and in the log with your name."
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={tried && !reason.trim() ? "Say why." : undefined}
          autosize
          minRows={2}
        />
        {tried && !ready ? <p className={styles.due}>Something above is missing.</p> : null}
        {error ? <Trouble error={error} /> : null}
        <Button type="submit" loading={busy}>
          {label}
        </Button>
      </form>
    </Modal>
  );
}

const options = (cameras: Camera[]) =>
  cameras.map((camera) => ({ value: camera.id, label: camera.place ? `${camera.name}, ${camera.place}` : camera.name }));

function useTimes(fromUs: number | null, toUs: number | null) {
  const wall = (us: number | null) => (us === null ? "" : `${isoDay(us)} ${clock(us)}`);
  const [from, setFrom] = useState(wall(fromUs));
  const [to, setTo] = useState(wall(toUs));
  const now = hubNowUs();
  const start = from.trim() ? parseTime(from, now - HOUR, now) : null;
  const end = to.trim() ? parseTime(to, start ?? now, now) : null;
  const good = start !== null && end !== null && end > start;
  const empty = !from.trim() && !to.trim();
  const inputs = (
    <div className={styles.pair}>
      <TextInput label="From" description="Such as 2026-11-21 21:14:05 (London time)" value={from} onChange={(event) => setFrom(event.currentTarget.value)} />
      <TextInput
        label="To"
        description={good ? `${dayClock(start)} to ${dayClock(end)}` : "After the start"}
        value={to}
        onChange={(event) => setTo(event.currentTarget.value)}
      />
    </div>
  );
  return { inputs, good, empty, fromUs: start === null ? null : Math.floor(start), toUs: end === null ? null : Math.ceil(end) };
}

export function FootageForm({ item, cameras, close, done }: Props & { cameras: Camera[] }) {
  const [picked, setPicked] = useState<string[]>([]);
  const times = useTimes(item.incident.from_us, item.incident.to_us);
  return (
    <Why
      title="Add footage to the case"
      label="Add"
      testId="footage-form"
      ready={picked.length > 0 && times.good}
      run={(reason) => {
        const span = { from_us: times.fromUs ?? 0, to_us: times.toUs ?? 0 };
        return cases.addFootage(item.id, picked.map((camera) => ({ camera, ...span })), reason);
      }}
      close={close}
      done={done}
    >
      <MultiSelect label="Cameras" data={options(cameras)} value={picked} onChange={setPicked} searchable />
      {times.inputs}
    </Why>
  );
}

export function PersonForm({ item, close, done }: Props) {
  const people = useQuery({ queryKey: ["colleagues"], queryFn: cases.colleagues });
  const [name, setName] = useState("");
  const [part, setPart] = useState("works");
  const inside = new Set(item.people.filter((each) => each.part === "lead").map((each) => each.name));
  return (
    <Why
      title="Add a colleague"
      label={part === "lead" ? "Give them the case" : "Add"}
      testId="person-form"
      ready={name !== ""}
      run={(reason) => (part === "lead" ? cases.give(item.id, name, reason) : cases.putPerson(item.id, name, part, reason))}
      close={close}
      done={done}
    >
      {people.error ? <Trouble error={people.error} /> : null}
      <div className={styles.pair}>
        <Select
          label="Colleague"
          data={(people.data ?? []).filter((each) => !inside.has(each.name)).map((each) => ({ value: each.name, label: `${each.display} (${each.roles.join(", ").replace(/_/g, " ")})` }))}
          value={name || null}
          onChange={(value) => setName(value ?? "")}
          searchable
        />
        <Select
          label="Part"
          allowDeselect={false}
          data={[
            { value: "works", label: "Works on it, may ask for access" },
            { value: "advises", label: "Advises, without access" },
            { value: "lead", label: "Leads it from now on" },
          ]}
          value={part}
          onChange={(value) => setPart(value ?? "works")}
        />
      </div>
    </Why>
  );
}

export function IncidentForm({ item, cameras, close, done }: Props & { cameras: Camera[] }) {
  const [place, setPlace] = useState(item.incident.place);
  const [near, setNear] = useState<string[]>([]);
  const times = useTimes(item.incident.from_us, item.incident.to_us);
  const middle = middleOf(cameras.filter((camera) => near.includes(camera.id)));
  return (
    <Why
      title="Where and when it happened"
      label="Set"
      testId="incident-form"
      ready={times.good || times.empty}
      run={(reason) =>
        cases.incident(
          item.id,
          {
            place: place.trim(),
            lat: middle?.lat ?? item.incident.lat,
            lon: middle?.lon ?? item.incident.lon,
            from_us: times.fromUs,
            to_us: times.toUs,
          },
          reason,
        )
      }
      close={close}
      done={done}
    >
      <p className={`quiet ${styles.none}`}>
        Up to half an hour around it, on the cameras there, opens without a second person. So once it is known only a supervisor or case approver changes it.
      </p>
      <TextInput label="Where" value={place} onChange={(event) => setPlace(event.currentTarget.value)} />
      {times.inputs}
      <MultiSelect
        label="Between these cameras"
        description={item.incident.lat !== null ? "Empty: the position stays as it is" : "The position is the middle of them"}
        data={options(cameras)}
        value={near}
        onChange={setNear}
        searchable
      />
    </Why>
  );
}
