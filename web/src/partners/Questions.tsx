// Questions and formal requests: what was asked, what was answered, what is held until when, and what becomes of it.

import { Button, Modal, Select, Textarea, TextInput } from "@mantine/core";
import { IconBan, IconCheck, IconClock, IconQuestionMark, IconX } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import { Empty, Trouble } from "../frame/Notice";
import { Time } from "../frame/Time";
import { WhyDialog, type Act } from "../retention/WhyDialog";
import { bytes, clock, dayClock, isoDay } from "../time";
import { ANSWER, basisWords, partners, placeWords, reasonWords, REQUEST, type Asked, type FormalRequest, type Question } from "./partners";
import styles from "./Partners.module.css";

const ICON = { waiting: IconClock, unknown: IconQuestionMark, yes: IconCheck, no: IconX, refused: IconBan };

function Answer({ each }: { each: Question }) {
  const Icon = ICON[each.state];
  return (
    <span className={styles.state} data-state={each.state}>
      <Icon size={16} aria-hidden />
      {ANSWER[each.state]}
    </span>
  );
}

function QuestionCard({ each, request }: { each: Question; request?: () => void }) {
  return (
    <li className={`panel ${styles.card}`} data-testid="question" data-state={each.state}>
      <div className={styles.name}>
        <h3>{each.outgoing ? each.controller : `${each.controller} asked`}</h3>
        <Answer each={each} />
      </div>
      <p>
        {placeWords(each.place)}, {dayClock(each.from_us)} to {clock(each.to_us)}
      </p>
      <p className="quiet">
        {reasonWords(each.reason)}, {each.reference}. {basisWords(each.basis)}. {each.outgoing ? `${each.asker}, ` : ""}
        <Time us={each.asked_us} day />
      </p>
      {each.state === "waiting" && each.delivery ? <p className={styles.due}>{each.delivery}</p> : null}
      {each.state === "unknown" ? <p className="quiet">A site of theirs is away. What it may have is held; the answer follows.</p> : null}
      {each.told ? <p className={each.state === "refused" ? styles.due : ""}>{each.told}</p> : null}
      {each.until_us !== null && each.hold ? (
        <p>
          Held until {isoDay(each.until_us)}
          {each.cameras !== null ? `, ${each.cameras} ${each.cameras === 1 ? "camera" : "cameras"}` : ""}
          <span className="quiet"> ({each.hold})</span>
        </p>
      ) : null}
      {request ? (
        <div className={styles.buttons}>
          <Button size="compact-sm" variant="default" onClick={request}>
            Request it formally
          </Button>
        </div>
      ) : null}
    </li>
  );
}

function RequestCard({ each, decide }: { each: FormalRequest; decide?: (approve: boolean) => void }) {
  return (
    <li className={`panel ${styles.card}`} data-testid="formal-request" data-state={each.state}>
      <div className={styles.name}>
        <h3>
          {each.outgoing ? `Request to ${each.controller}` : `Request of ${each.controller}`}
          {each.number ? <span className="quiet nowrap"> {each.number}</span> : null}
        </h3>
        <span className={styles.state} data-state={each.state}>
          {REQUEST[each.state]}
        </span>
      </div>
      <p>{each.wanted}</p>
      <p className="quiet">
        {each.necessity} {reasonWords(each.reason)}, {each.reference}. {basisWords(each.basis)}. {each.officer}, <Time us={each.made_us} day />
      </p>
      {each.told ? <p>{each.told}</p> : null}
      {each.package_bytes !== null ? (
        <p className="quiet">
          {each.package_have === each.package_bytes ? bytes(each.package_bytes) : `${bytes(each.package_have ?? 0)} of ${bytes(each.package_bytes)}`}, SHA-256{" "}
          <code className={styles.digest}>{each.package_sha256.slice(0, 16)}</code> {each.package_fault}
        </p>
      ) : null}
      {decide ? (
        <div className={styles.buttons}>
          <Button size="compact-sm" onClick={() => decide(true)}>
            Agree
          </Button>
          <Button size="compact-sm" variant="default" onClick={() => decide(false)}>
            Refuse
          </Button>
        </div>
      ) : null}
    </li>
  );
}

function RequestForm({ about, asked, close, done }: { about: Question | null; asked: Asked; close: () => void; done: () => void }) {
  const [wanted, setWanted] = useState("");
  const [necessity, setNecessity] = useState("");
  const [officer, setOfficer] = useState("");
  const [basis, setBasis] = useState<string | null>(null);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!about || wanted.trim().length < 10 || necessity.trim().length < 10 || !officer.trim()) return;
    setBusy(true);
    setError(null);
    try {
      await partners.request({
        partner: about.partner,
        question: about.id,
        wanted: wanted.trim(),
        necessity: necessity.trim(),
        reason: about.reason,
        basis: basis ?? about.basis,
        reference: about.reference,
        officer: officer.trim(),
      });
      setWanted("");
      setNecessity("");
      setTried(false);
      done();
      close();
    } catch (failed) {
      setError(failed instanceof Error ? failed : new Error(String(failed)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={about !== null} onClose={close} title={`Request to ${about?.controller ?? ""}`} size="lg" closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={(event) => void submit(event)} className={styles.form}>
        <Textarea
          label="What is wanted"
          value={wanted}
          onChange={(event) => setWanted(event.currentTarget.value)}
          error={tried && wanted.trim().length < 10 ? "A sentence, or more." : undefined}
          autosize
          minRows={2}
          data-autofocus
        />
        <Textarea
          label="Why it is needed"
          description="And why no less would do. People there decide by it."
          value={necessity}
          onChange={(event) => setNecessity(event.currentTarget.value)}
          error={tried && necessity.trim().length < 10 ? "A sentence, or more." : undefined}
          autosize
          minRows={2}
        />
        <TextInput
          label="Who answers for it"
          description="Name and office"
          value={officer}
          onChange={(event) => setOfficer(event.currentTarget.value)}
          error={tried && !officer.trim() ? "Say who." : undefined}
          maxLength={200}
        />
        <Select
          label="Legal basis"
          data={asked.bases.map((each) => ({ value: each, label: basisWords(each) }))}
          value={basis ?? about?.basis ?? null}
          onChange={setBasis}
          allowDeselect={false}
        />
        {error ? <Trouble error={error} /> : null}
        <Button type="submit" loading={busy}>
          Send the request
        </Button>
      </form>
    </Modal>
  );
}

export function Questions({ asked, outgoing, mayAsk, mayDecide, again }: { asked: Asked; outgoing: boolean; mayAsk: boolean; mayDecide: boolean; again: () => void }) {
  const [about, setAbout] = useState<Question | null>(null);
  const [act, setAct] = useState<Act | null>(null);
  const questions = asked.questions.filter((each) => each.outgoing === outgoing);
  const requests = asked.requests.filter((each) => each.outgoing === outgoing);
  const requested = new Set(asked.requests.filter((each) => each.outgoing).map((each) => each.question));
  const decide = (each: FormalRequest) => (approve: boolean) =>
    setAct({
      title: `${approve ? "Agree to" : "Refuse"} ${each.number}`,
      label: approve ? "Agree" : "Refuse",
      body: approve ? "Nothing leaves by this alone: a package has to be made and sealed for them." : "They read your reason.",
      run: async (reason) => {
        await partners.decide(each, approve, reason);
        again();
      },
    });
  return (
    <>
      {requests.length > 0 ? (
        <section aria-label="Formal requests">
          <h2 className={styles.head}>Formal requests</h2>
          <ul className={styles.list}>
            {requests.map((each) => (
              <RequestCard key={each.partner + each.id} each={each} decide={!outgoing && mayDecide && each.state === "received" ? decide(each) : undefined} />
            ))}
          </ul>
        </section>
      ) : null}
      <section aria-label="Questions">
        <h2 className={styles.head}>{outgoing ? "Questions and answers" : "What partners asked"}</h2>
        {questions.length === 0 ? (
          <Empty title={outgoing ? "Nothing was asked yet" : "No partner has asked anything yet"}>
            {outgoing ? "Answers come within seconds, or once the partner's hub is back." : "Questions stand here with what was answered and what is held for them."}
          </Empty>
        ) : (
          <ul className={styles.list} data-testid="questions">
            {questions.map((each) => (
              <QuestionCard
                key={each.partner + each.id}
                each={each}
                request={outgoing && mayAsk && each.state === "yes" && !requested.has(each.id) ? () => setAbout(each) : undefined}
              />
            ))}
          </ul>
        )}
      </section>
      <RequestForm about={about} asked={asked} close={() => setAbout(null)} done={again} />
      <WhyDialog act={act} close={() => setAct(null)} />
    </>
  );
}
