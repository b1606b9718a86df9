// Classes of cameras and their days. All are put at once, with one reason.

import { ActionIcon, Button, Modal, NumberInput, Select, Textarea, TextInput } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import type { Camera } from "../api";
import { Trouble } from "../frame/Notice";
import { retention, type Retention, type RetentionClass } from "./interface";
import styles from "./Retention.module.css";

export function ClassesForm({ data, cameras, close, done }: { data: Retention; cameras: Camera[]; close: () => void; done: () => void }) {
  const [classes, setClasses] = useState<RetentionClass[]>(data.classes);
  const [assigned, setAssigned] = useState<Record<string, string>>(data.cameras);
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const change = (at: number, part: Partial<RetentionClass>) =>
    setClasses(classes.map((one, index) => (index === at ? { ...one, ...part } : one)));
  const names = classes.map((one) => one.name).filter(Boolean);
  const sites = new Map(data.sites.map((each) => [each.site, each.default_days]));
  const usual = data.sites.find((each) => each.default_days !== null)?.default_days ?? data.ceiling_days;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!reason.trim()) return;
    setBusy(true);
    setError(null);
    try {
      const kept = Object.fromEntries(Object.entries(assigned).filter(([, name]) => names.includes(name)));
      await retention.putClasses(classes, kept, reason.trim());
      done();
      close();
    } catch (failed) {
      setError(failed instanceof Error ? failed : new Error(String(failed)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={close} title="How long footage is kept" size="xl" closeButtonProps={{ "aria-label": "Close" }} data-testid="classes-form">
      <form onSubmit={(event) => void submit(event)} className={styles.form}>
        {classes.map((one, at) => (
          <div key={at} className={styles.pair}>
            <TextInput label="Class" value={one.name} onChange={(event) => change(at, { name: event.currentTarget.value })} />
            <NumberInput
              label="Days"
              value={one.days}
              min={1}
              max={3660}
              allowDecimal={false}
              onChange={(days) => change(at, { days: typeof days === "number" ? days : 1 })}
            />
            <TextInput
              label={one.days > data.ceiling_days ? `Reference (needed above ${data.ceiling_days} days)` : "Reference"}
              value={one.reference}
              onChange={(event) => change(at, { reference: event.currentTarget.value })}
              rightSection={
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={`Remove the class ${one.name}`}
                  onClick={() => setClasses(classes.filter((_, index) => index !== at))}
                >
                  <IconTrash size={16} />
                </ActionIcon>
              }
            />
          </div>
        ))}
        <Button variant="default" onClick={() => setClasses([...classes, { name: "", days: usual, reference: "" }])}>
          Add a class
        </Button>
        {names.length > 0
          ? cameras.map((camera) => (
              <Select
                key={camera.id}
                label={camera.name}
                placeholder={`No class: ${sites.get(camera.site) ?? usual} days`}
                data={[...new Set(names)]}
                value={assigned[camera.id] ?? null}
                clearable
                onChange={(name) => {
                  const next = { ...assigned };
                  if (name) next[camera.id] = name;
                  else delete next[camera.id];
                  setAssigned(next);
                }}
              />
            ))
          : null}
        <Textarea
          label="Why"
          description="Stands in the audit log with your name. Shorter times take effect next night; if that is far more than usual, deletion stops and asks."
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={tried && !reason.trim() ? "Say why." : undefined}
          autosize
          minRows={2}
        />
        {error ? <Trouble error={error} /> : null}
        <Button type="submit" loading={busy}>
          Put into force
        </Button>
      </form>
    </Modal>
  );
}
