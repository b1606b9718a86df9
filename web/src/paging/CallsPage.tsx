// Health, Who is called: what people were called about, who answered, and (for those who set it) the plan.

import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { Link } from "react-router";
import { Empty, Notice, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { rolesOf, useSession } from "../session";
import { MAY_ANSWER, MAY_SET, paging, sentInWords, type Called } from "./paging";
import { PlanForm } from "./PlanForm";
import styles from "./Paging.module.css";

export default function CallsPage() {
  const { session } = useSession();
  const client = useQueryClient();
  const roles = rolesOf(session);
  const maySet = MAY_SET.some((role) => roles.includes(role));
  const mayAnswer = MAY_ANSWER.some((role) => roles.includes(role));
  const pages = useQuery({ queryKey: ["pages"], queryFn: paging.pages, refetchInterval: 5_000 });
  const plan = useQuery({ queryKey: ["paging"], queryFn: paging.plan, enabled: maySet });
  const again = (): void => void client.invalidateQueries({ queryKey: ["pages"] });
  const failed = (error: Error): string => notifications.show({ title: "That could not be done", message: error.message, color: "red" });
  const answer = useMutation({ mutationFn: paging.answer, onSuccess: again, onError: failed });
  const test = useMutation({
    mutationFn: paging.test,
    onSuccess: () => {
      again();
      notifications.show({ message: "A test goes to everybody below. The list says how that went." });
    },
    onError: failed,
  });
  useEffect(() => {
    document.title = "Who is called · Belvedere";
  }, []);
  return (
    <div className="page">
      <div className="inner">
        <h1>Who is called</h1>
        <p className="lead">
          When recording stops and the office is closed, people are called until somebody says that they look after it. <Link to="/health">Back to Health</Link>
        </p>
        {pages.error ? <Trouble error={pages.error} again={() => void pages.refetch()} /> : null}
        {pages.isPending ? <Waiting what="Asking for the calls." why="The hub is slow to answer." /> : null}
        {pages.data && !pages.data.on ? (
          <Notice tone="amber" title="Nobody is called">
            {maySet ? "Name people below and switch it on." : "The CCTV manager or an administrator can switch it on."}
          </Notice>
        ) : null}
        {plan.data?.plan.on ? (
          <Notice title={plan.data.silent ? "The office is there now: nobody is called" : plan.data.on_now.length > 0 ? `Called first now: ${plan.data.on_now.join(", ")}` : "Nobody of the first step is on now"} />
        ) : null}
        <section className={styles.section} aria-label="Calls" data-testid="calls">
          <div className={styles.head}>
            <h2>Calls</h2>
            {maySet ? (
              <Button size="compact-sm" variant="default" loading={test.isPending} disabled={!plan.data?.plan.steps.length} onClick={() => test.mutate()}>
                Send a test
              </Button>
            ) : null}
          </div>
          {pages.data?.pages.length === 0 ? <Empty title="Nobody was called yet">A test shows whether people are reached.</Empty> : null}
          <ul className={styles.pages}>
            {pages.data?.pages.map((page) => (
              <CalledCard
                key={page.id}
                page={page}
                answer={mayAnswer && ["calling", "unanswered"].includes(page.state) ? () => answer.mutate(page.id) : null}
              />
            ))}
          </ul>
        </section>
        {maySet ? (
          <section className={styles.section} aria-label="Plan">
            <div className={styles.head}>
              <h2>The plan</h2>
              {plan.data && plan.data.version > 0 ? (
                <span className="quiet">
                  Set by {plan.data.set_by}, <Time us={plan.data.set_us} day />
                </span>
              ) : null}
            </div>
            {plan.error ? <Trouble error={plan.error} again={() => void plan.refetch()} /> : null}
            {plan.data ? <PlanForm key={plan.data.version} found={plan.data} /> : null}
          </section>
        ) : null}
      </div>
    </div>
  );
}

const TONES: Record<Called["state"], string> = { asked: "amber", calling: "red", answered: "amber", unanswered: "red", over: "well" };

function stateOf(page: Called): string {
  const who = page.answered_by ? `${page.answered_by} ${page.test ? "got it" : "looks after it"}` : "";
  if (page.state === "over") return page.test ? (who || "over, nobody answered") : who ? `over, ${page.answered_by} looked after it` : "over";
  if (page.state === "answered") return who;
  if (page.state === "unanswered") return "nobody answered";
  return page.state === "asked" ? "is about to go out" : "waits for an answer";
}

function CalledCard({ page, answer }: { page: Called; answer: (() => void) | null }) {
  return (
    <li className={`panel ${styles.page}`} data-testid={`called-${page.id}`}>
      <div className={styles.pageTop}>
        <span className="strong">{page.test ? `Test, asked for by ${page.asked_by}` : page.site}</span>
        <span className="quiet">
          <Time us={page.opened_us} day />
        </span>
        <span className={styles.state} data-tone={TONES[page.state]}>
          {stateOf(page)}
        </span>
        {answer ? (
          <Button size="compact-sm" onClick={answer}>
            {page.test ? "I have got this" : "I look after it"}
          </Button>
        ) : null}
      </div>
      {page.faults.length > 0 ? <span>{page.faults.join("; ")}</span> : null}
      {page.messages.length > 0 ? (
        <ul className={styles.messages}>
          {[...page.messages].sort((a, b) => (a.done_us ?? a.made_us) - (b.done_us ?? b.made_us)).map((sent, at) => (
            <li key={at} data-state={sent.state}>
              <Time us={sent.done_us ?? sent.made_us} /> {sentInWords(sent)}
            </li>
          ))}
        </ul>
      ) : null}
    </li>
  );
}
