// Break-glass: pictures at once where somebody's life is in danger and nobody can be asked. Reviewed afterwards.

import { Button, Modal, MultiSelect, Radio, Select, Textarea } from "@mantine/core";
import { IconAlertTriangle, IconFingerprint } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState, type FormEvent } from "react";
import { hubNowUs, type Camera } from "../api";
import { approvals, useGlasses, type GlassAsk, type GlassList } from "../approvals/approvals";
import { Notice, Trouble } from "../frame/Notice";
import { Time } from "../frame/Time";
import { length } from "../purposes/purposes";
import { useGrant } from "../session";
import { MINUTE } from "../time";
import { camerasWords } from "./words";
import styles from "./Access.module.css";

export function BreakGlass({ cameras }: { cameras: Camera[] }) {
  const glasses = useGlasses();
  const [open, setOpen] = useState(false);
  const data = glasses.data;
  if (!data) return null;
  const mine = data.cases.filter((each) => each.mine).slice(0, 5);
  return (
    <section className={styles.glass} aria-label="Break-glass">
      <div>
        <h2>Somebody’s life is in danger, and nobody can be asked</h2>
        <p className="quiet">
          Break-glass opens pictures at once, for {length(data.lasts_us)}. The data protection officer is told before the first picture, and what you write is
          reviewed within 24 hours. For anything less urgent, ask for access.
        </p>
        {data.why_not ? <p className={styles.why}>{data.why_not}</p> : null}
      </div>
      <Button variant="default" leftSection={<IconAlertTriangle size={18} color="var(--bv-red)" aria-hidden />} disabled={!data.may_break} onClick={() => setOpen(true)} data-testid="break-glass">
        Break the glass
      </Button>
      {mine.length > 0 ? (
        <ul className={styles.list} data-testid="my-glasses">
          {mine.map((each) => (
            <li key={each.id} className="panel">
              <p>
                <strong>{each.code_text}</strong> <Time us={each.broken_us} day />. {camerasWords(each.cameras, cameras)}. “{each.words}”
              </p>
              <p className="quiet">
                {each.reviewed_us === null ? (
                  <>
                    {each.overdue ? "The review is late; it was due " : "To be reviewed by "}
                    <Time us={each.due_us} day />
                  </>
                ) : (
                  `${each.reviewer}: ${each.state === "unjustified" ? "not justified" : "justified"}. “${each.review}”`
                )}
              </p>
            </li>
          ))}
        </ul>
      ) : null}
      <Modal
        opened={open}
        onClose={() => setOpen(false)}
        title="Break the glass"
        size={560}
        closeButtonProps={{ "aria-label": "Close" }}
        data-testid="glass-form"
      >
        <GlassForm data={data} cameras={cameras} close={() => setOpen(false)} />
      </Modal>
    </section>
  );
}

const BACKS = [0, 10, 30, 60];

function GlassForm({ data, cameras, close }: { data: GlassList; cameras: Camera[]; close: () => void }) {
  const client = useQueryClient();
  const { choose, again } = useGrant();
  const [code, setCode] = useState("");
  const [words, setWords] = useState("");
  const [more, setMore] = useState("");
  const [chosen, setChosen] = useState<string[]>([]);
  const [back, setBack] = useState("10");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  // The same in the call that asks for the passkey and in the one that opens.
  const ask = useRef<GlassAsk | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!code || words.trim().length < 20 || chosen.length === 0 || (data.needs_again && more.trim().length < 20)) return;
    setBusy(true);
    setError(null);
    try {
      ask.current = { code, words: words.trim(), cameras: chosen, at_us: hubNowUs(), back_us: Number(back) * MINUTE, again: more.trim() };
      const made = await approvals.breakGlass(ask.current);
      choose(made.grant);
      again();
      void client.invalidateQueries({ queryKey: ["glasses"] });
      close();
    } catch (problem) {
      setError(problem as Error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form className={styles.form} onSubmit={(event) => void submit(event)} noValidate>
      <Radio.Group label="What is happening" value={code} onChange={setCode} error={tried && !code ? "Say what is happening" : undefined}>
        <div className={styles.codes}>
          {data.codes.map((each) => (
            <Radio key={each.code} value={each.code} label={each.text} />
          ))}
        </div>
      </Radio.Group>
      <Textarea
        label="What you know"
        description="Twenty letters or more. The data protection officer reads it."
        autosize
        minRows={2}
        maxLength={2000}
        value={words}
        onChange={(event) => setWords(event.currentTarget.value)}
        error={tried && words.trim().length < 20 ? "Say what you know, in twenty letters or more" : undefined}
      />
      <MultiSelect
        label="Cameras"
        description={`${data.most_cameras} at most`}
        data={cameras.map((each) => ({ value: each.id, label: each.name }))}
        value={chosen}
        onChange={setChosen}
        maxValues={data.most_cameras}
        searchable
        error={tried && chosen.length === 0 ? "Choose at least one camera" : undefined}
      />
      <Select
        label="How far back you need to look"
        data={BACKS.filter((each) => each * MINUTE <= data.most_back_us).map((each) => ({ value: String(each), label: each === 0 ? "Live pictures only" : length(each * MINUTE) }))}
        value={back}
        onChange={(next) => setBack(next ?? "0")}
        allowDeselect={false}
      />
      {data.needs_again ? (
        <Textarea
          label="Why once more"
          description="An earlier one waits for its review. Twenty letters or more."
          autosize
          minRows={2}
          maxLength={2000}
          value={more}
          onChange={(event) => setMore(event.currentTarget.value)}
          error={tried && more.trim().length < 20 ? "Say why once more, in twenty letters or more" : undefined}
        />
      ) : null}
      <Notice tone="amber" title="This is for a threat to life.">
        If it turns out not to have been one, you can’t do this again until the data protection officer says so.
      </Notice>
      {error ? <Trouble error={error} /> : null}
      <Button type="submit" loading={busy} leftSection={<IconFingerprint size={18} aria-hidden />}>
        Open with my passkey
      </Button>
    </form>
  );
}
