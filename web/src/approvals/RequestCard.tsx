// One request: who asks, for what, what it would open, ready narrower ways, and the decision.

import { Button, Textarea } from "@mantine/core";
import { IconArrowsMinimize, IconFingerprint } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import type { Camera } from "../api";
import { Trouble } from "../frame/Notice";
import { Time } from "../frame/Time";
import { ACTION, length, roleWords } from "../purposes/purposes";
import { approvals, cameraHours, hoursWords, lessThan, notWithin, type AccessRequest, type Extent } from "./approvals";
import { NarrowForm } from "./NarrowForm";
import styles from "./Approvals.module.css";

const MOVED = { yes: "moved", no: "nothing moved", unknown: "not known" };

const extentOf = (each: Extent): Extent => ({ cameras: each.cameras, from_us: each.from_us, to_us: each.to_us, actions: each.actions, lasts_us: each.lasts_us });

export function RequestCard({ request, cameras }: { request: AccessRequest; cameras: Camera[] }) {
  const client = useQueryClient();
  const ask = request.ask;
  const [wanted, setWanted] = useState<Extent>(() => extentOf(ask));
  const [picked, setPicked] = useState("");
  const [open, setOpen] = useState(false);
  const [stamp, setStamp] = useState(0);
  const [words, setWords] = useState("");
  const [busy, setBusy] = useState<"" | "approve" | "refuse">("");
  const [tried, setTried] = useState<"" | "approve" | "refuse">("");
  const [error, setError] = useState<Error | null>(null);
  const less = lessThan(ask, wanted);
  const narrowed = Object.keys(less).length > 0;
  const wrong = notWithin(ask, wanted);
  const lacksWords = words.trim().length < 10;
  const moved = new Map(request.weighing?.cameras.map((each) => [each.id, each.moved]));
  const name = (id: string) => cameras.find((each) => each.id === id)?.name ?? id;

  const pick = (id: string, extent: Extent, text: string) => {
    const same = picked === id;
    setPicked(same ? "" : id);
    setWanted(same ? extentOf(ask) : extentOf(extent));
    setStamp((old) => old + 1);
    // What it is narrowed to is the reason, unless they wrote one of their own.
    if (!words.trim() || request.weighing?.suggestions.some((each) => each.text === words)) setWords(same ? "" : text);
  };
  const decide = async (how: "approve" | "refuse") => {
    setTried(how);
    if ((how === "refuse" || narrowed) && lacksWords) return;
    if (how === "approve" && wrong) return;
    setBusy(how);
    setError(null);
    try {
      await (how === "approve" ? approvals.approve(request, less, words.trim()) : approvals.refuse(request, words.trim()));
      for (const key of ["requests", "live-grants"]) void client.invalidateQueries({ queryKey: [key] });
    } catch (problem) {
      setError(problem as Error);
    } finally {
      setBusy("");
    }
  };
  const needsWords = tried !== "" && lacksWords && (tried === "refuse" || narrowed);

  return (
    <li className={`panel ${styles.card}`} data-testid="request" aria-label={`Request of ${request.user_name}`}>
      <div className={styles.head}>
        <h2>
          {request.user_name} <span className="quiet">{[request.roles.map(roleWords).join(", "), request.team].filter(Boolean).join(" · ")}</span>
        </h2>
        <span className="quiet">
          asked <Time us={request.asked_us} day />, lapses <Time us={request.lapses_us} day />
        </span>
      </div>
      <p className={styles.reason}>“{ask.reason}”</p>
      <dl className={styles.facts}>
        <Fact name="For">
          {request.purpose_text}
          {ask.case ? `, case ${ask.case}` : ""}
        </Fact>
        <Fact name="Wants">
          {ask.actions.map((each) => (ACTION[each] ?? each).toLowerCase()).join(", ")}, open for {length(ask.lasts_us)}
        </Fact>
        <Fact name="Time">
          <Time us={ask.from_us} day /> to <Time us={ask.to_us} day />
        </Fact>
        <Fact name="Cameras">
          <ul className={styles.cameras}>
            {ask.cameras.map((id) => (
              <li key={id} data-out={!wanted.cameras.includes(id) || undefined}>
                {name(id)}
                <span className="quiet">
                  {[ask.case && !request.in_case.includes(id) ? "not in the case" : "", moved.has(id) ? MOVED[moved.get(id)!] : ""].filter(Boolean).map((each) => ` · ${each}`)}
                </span>
              </li>
            ))}
          </ul>
        </Fact>
        {ask.recipient ? <Fact name="Goes to">{ask.recipient}</Fact> : null}
        <Fact name="It opens">
          <strong>{hoursWords(request.camera_hours)}</strong>
          {request.weighing ? (
            <>
              . {request.weighing.exposure.text}{" "}
              <details className={styles.method}>
                <summary>How was this estimated?</summary>
                <p>{request.weighing.exposure.method}</p>
              </details>
            </>
          ) : (
            <span className="quiet">. How many people are in view is being estimated.</span>
          )}
        </Fact>
      </dl>
      {request.may_decide ? (
        <>
          <div className={styles.ways}>
            <p className={styles.label} id={`ways-${request.id}`}>
              Less would do
            </p>
            <div className={styles.row} role="group" aria-labelledby={`ways-${request.id}`}>
              {request.weighing?.suggestions.map((each) => (
                <button
                  key={each.id}
                  type="button"
                  className={styles.way}
                  aria-pressed={picked === each.id}
                  onClick={() => pick(each.id, each, each.text)}
                  data-testid={`narrow-${each.id}`}
                >
                  <span>{each.text}</span>
                  <span className="quiet">{hoursWords(each.camera_hours)}</span>
                </button>
              ))}
              <Button size="compact-sm" variant="default" leftSection={<IconArrowsMinimize size={16} aria-hidden />} onClick={() => setOpen(!open)} aria-expanded={open} data-testid="narrow-by-hand">
                Narrow by hand
              </Button>
            </div>
          </div>
          {open ? (
            <NarrowForm
              key={stamp}
              ask={ask}
              wanted={wanted}
              change={(next) => {
                setPicked("");
                setWanted(next);
              }}
              name={name}
              error={wrong}
            />
          ) : null}
          {narrowed && !wrong ? (
            <p className={styles.given} data-testid="narrowed">
              You would give <strong>{hoursWords(cameraHours(wanted))}</strong> of {hoursWords(request.camera_hours)}: {wanted.cameras.map(name).join(", ")}, <Time us={wanted.from_us} day /> to{" "}
              <Time us={wanted.to_us} day />, {wanted.actions.map((each) => (ACTION[each] ?? each).toLowerCase()).join(", ")}, for {length(wanted.lasts_us)}.
            </p>
          ) : null}
          <Textarea
            label={narrowed ? "Why less" : "Your words"}
            description={narrowed ? undefined : "Needed to refuse. Stands in the log."}
            autosize
            minRows={1}
            maxLength={2000}
            value={words}
            onChange={(event) => setWords(event.currentTarget.value)}
            error={needsWords ? "Say why, in ten letters or more" : undefined}
          />
          {error ? <Trouble error={error} testId="decide-error" /> : null}
          <div className={styles.row}>
            <Button leftSection={<IconFingerprint size={18} aria-hidden />} onClick={() => void decide("approve")} loading={busy === "approve"} disabled={busy === "refuse" || wrong !== ""} data-testid="approve">
              {narrowed ? "Approve this much" : "Approve"}
            </Button>
            <Button variant="default" onClick={() => void decide("refuse")} loading={busy === "refuse"} disabled={busy === "approve"} data-testid="refuse">
              Refuse
            </Button>
          </div>
        </>
      ) : (
        <p className="quiet">{request.why_not}</p>
      )}
    </li>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
