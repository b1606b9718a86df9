// Live rules: what is watched for on which camera, how often each rule is wrong, what was raised; and the editor.

import { Button, Modal, Textarea } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useSearchParams } from "react-router";
import { hub, HubError } from "../api";
import { Empty, Notice, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { fullDay } from "../time";
import { AlarmList } from "./AlarmList";
import { RuleForm } from "./RuleForm";
import { aDay, falseRate, hoursInWords, KIND_WORDS, liveRules, shadowDays, watchInWords, type Rule, type Rules } from "./rules";
import styles from "./Rules.module.css";

export default function RulesPage() {
  const [params, setParams] = useSearchParams();
  const editing = params.get("rule");
  const found = useQuery({ queryKey: ["rules"], queryFn: liveRules.all, refetchInterval: editing === null ? 10_000 : false });
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras });
  const nameOf = (camera: string) => cameras.data?.cameras.find((each) => each.id === camera)?.name ?? camera;
  const open = (rule: string | null) => setParams(rule === null ? {} : { rule });
  useEffect(() => {
    document.title = "Rules · Belvedere";
  }, []);
  const edited = found.data?.rules.find((rule) => rule.id === editing) ?? null;
  if (found.data && editing !== null && (editing === "new" || edited))
    return (
      <div className="page">
        <div className="inner">
          <RuleForm key={editing} rule={edited} rules={found.data} cameras={cameras.data?.cameras ?? []} done={() => open(null)} />
        </div>
      </div>
    );
  return (
    <div className="page">
      <div className="inner">
        <h1>Rules</h1>
        <p className="lead">
          A rule watches one camera for one thing and raises an alarm. A new or changed rule only counts for a week first, and each shows how often people
          found it wrong. No rule knows who anybody is.
        </p>
        {found.isPending ? <Waiting what="Asking for the rules." why="The hub is slow to answer." /> : null}
        {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
        {found.data ? (
          <>
            <section className={styles.section} aria-label="Rules">
              <div className={styles.head}>
                <h2>What is watched for</h2>
                {found.data.may_make ? (
                  <Button size="compact-sm" leftSection={<IconPlus size={15} />} onClick={() => open("new")} data-testid="new-rule">
                    New rule
                  </Button>
                ) : null}
              </div>
              {found.data.rules.length === 0 ? (
                <Empty title="No rules">{found.data.may_make ? "Make one for a camera." : "Supervisors and register editors make them."}</Empty>
              ) : null}
              <ul className={styles.rules} data-testid="rules">
                {found.data.rules.map((rule) => (
                  <RuleCard key={rule.id} rule={rule} rules={found.data} camera={nameOf(rule.camera)} edit={() => open(rule.id)} />
                ))}
              </ul>
            </section>
            <AlarmList mayJudge={found.data.may_judge} nameOf={nameOf} />
          </>
        ) : null}
      </div>
    </div>
  );
}

function State({ rule, nowUs }: { rule: Rule; nowUs: number }) {
  if (rule.state === "off") return <span className={styles.state}>off</span>;
  if (rule.state === "review_due")
    return (
      <span className={styles.state} data-tone="amber">
        raises nothing: its review is due
      </span>
    );
  if (rule.state === "shadow") {
    const days = shadowDays(rule, nowUs);
    return (
      <span className={styles.state} data-tone="amber">
        only counts for {days === 1 ? "one more day" : `${days} more days`}
      </span>
    );
  }
  return (
    <span className={styles.state} data-tone="well">
      raises alarms
    </span>
  );
}

function RuleCard({ rule, rules, camera, edit }: { rule: Rule; rules: Rules; camera: string; edit: () => void }) {
  const [turning, setTurning] = useState(false);
  return (
    <li className={`panel ${styles.rule}`} data-testid={`rule-${rule.id}`}>
      <div className={styles.title}>
        <span className="strong">{rule.name}</span>
        <span className="quiet">{camera}</span>
        <State rule={rule} nowUs={rules.now_us} />
        <span className={styles.buttons}>
          {rules.may_switch && (rule.on || rules.may_make) ? (
            <Button size="compact-sm" variant="subtle" color="gray" onClick={() => setTurning(true)}>
              Switch {rule.on ? "off" : "on"}
            </Button>
          ) : null}
          <Button size="compact-sm" variant="default" onClick={edit}>
            {rules.may_make ? "Change" : "Look"}
          </Button>
        </span>
      </div>
      <span>
        {KIND_WORDS[rule.watch.kind]}: {watchInWords(rule.watch)}; {hoursInWords(rule.watch.windows)}
      </span>
      <dl className={styles.figures}>
        <div>
          <dt>Raised</dt>
          <dd data-testid="a-day">{aDay(rule)}</dd>
        </div>
        <div>
          <dt>False alarms</dt>
          <dd data-testid="false-rate">{falseRate(rule)}</dd>
        </div>
        <div>
          <dt>Watching</dt>
          <dd>
            {!rule.on
              ? "no"
              : rule.site === "waiting"
                ? "the site has not got it yet"
                : rule.site === "blind"
                  ? "no live picture is looked at"
                  : rule.watch.kind === "tamper"
                    ? "yes"
                    : `${rule.pictures_a_second.toFixed(1)} pictures a second`}
          </dd>
        </div>
        {rule.people ? (
          <div>
            <dt>Bias review</dt>
            <dd>
              {fullDay(rule.watch.review_us)}
            </dd>
          </div>
        ) : null}
      </dl>
      <p className={styles.reason}>
        {rule.reason} <span className="quiet">{rule.made_by}, </span>
        <span className="quiet">
          <Time us={rule.made_us} day />
        </span>
      </p>
      {turning ? <Turn rule={rule} close={() => setTurning(false)} /> : null}
    </li>
  );
}

function Turn({ rule, close }: { rule: Rule; close: () => void }) {
  const client = useQueryClient();
  const [reason, setReason] = useState("");
  const [error, setError] = useState<HubError | null>(null);
  const turn = async () => {
    try {
      client.setQueryData(["rules"], await liveRules.turn(rule.id, !rule.on, reason));
      close();
    } catch (fault) {
      if (fault instanceof HubError) setError(fault);
      else throw fault;
    }
  };
  return (
    <Modal opened onClose={close} title={`Switch ${rule.on ? "off" : "on"}: ${rule.name}`} centered>
      <div className={styles.turn}>
        <Textarea label="Why" value={reason} maxLength={1000} autosize minRows={2} onChange={(event) => setReason(event.currentTarget.value)} data-autofocus />
        {error ? (
          <Notice tone="red" title={error.message}>
            {error.advice}
          </Notice>
        ) : null}
        <div className={styles.acts}>
          <Button onClick={() => void turn()} disabled={reason.trim().length < 8}>
            Switch {rule.on ? "off" : "on"}
          </Button>
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
        </div>
      </div>
    </Modal>
  );
}
