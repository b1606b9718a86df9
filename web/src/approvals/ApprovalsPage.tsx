// The approvals desk: what waits for a decision, what was decided, everybody's open access, break-glass to review, who is on call.

import { Button, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { camerasWords } from "../access/words";
import { hub, type Camera } from "../api";
import { Empty, Notice, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { ChangesTab } from "../proposals/ChangesTab";
import { useWaitingProposals } from "../proposals/proposals";
import { rolesOf, useSession } from "../session";
import { REVIEWERS, REVOKERS, STATE, useDecided, useGlasses, useWaiting } from "./approvals";
import { GlassTab } from "./GlassTab";
import { LiveTab } from "./LiveTab";
import { OnCallTab } from "./OnCallTab";
import { useAsked } from "./RequestNews";
import { RequestCard } from "./RequestCard";
import styles from "./Approvals.module.css";

export default function ApprovalsPage() {
  const [params, setParams] = useSearchParams();
  const { session } = useSession();
  const roles = rolesOf(session);
  const has = (wanted: readonly string[]) => roles.some((role) => wanted.includes(role));
  const asked = useAsked();
  const waiting = useWaiting();
  const glasses = useGlasses(has([...REVIEWERS, "auditor"]));
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras, staleTime: 30_000 });
  const all = cameras.data?.cameras ?? [];
  const decidable = waiting.data?.requests.filter((each) => each.may_decide).length ?? 0;
  const changes = useWaitingProposals();
  const confirmable = changes.data?.proposals.filter((each) => each.may_decide).length ?? 0;
  const reviews = glasses.data?.cases.filter((each) => each.may_review).length ?? 0;
  const tabs = [
    { value: "waiting", label: "Waiting", count: decidable, shown: true },
    { value: "changes", label: "Changes", count: confirmable, shown: true },
    { value: "decided", label: "Decided", count: 0, shown: true },
    { value: "live", label: "Open access", count: 0, shown: has(REVOKERS) },
    { value: "glass", label: "Break-glass", count: reviews, shown: has([...REVIEWERS, "auditor"]) },
    { value: "oncall", label: "On call", count: 0, shown: true },
  ].filter((each) => each.shown);
  const wanted = params.get("tab") ?? "waiting";
  const tab = tabs.some((each) => each.value === wanted) ? wanted : "waiting";
  return (
    <div className="page">
      <div className={`inner ${styles.width}`}>
        <h1>Approvals</h1>
        <p className="lead">Nobody decides on what they ask for themselves, nor for their own team. What you decide, and why, stands in the log.</p>
        <Tabs value={tab} onChange={(value) => setParams(value && value !== "waiting" ? { tab: value } : {})} keepMounted={false}>
          <Tabs.List aria-label="Parts of the desk" className={styles.tabs}>
            {tabs.map((each) => (
              <Tabs.Tab key={each.value} value={each.value} data-testid={`approvals-${each.value}`}>
                {each.label}
                {each.count > 0 ? ` (${each.count})` : ""}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Tabs.Panel value="waiting" pt="md">
            {!asked ? (
              <Notice title="This hub lets one person open footage.">Requests come once it works by four eyes (the setting [hub] access).</Notice>
            ) : null}
            {waiting.error ? <Trouble error={waiting.error} again={() => void waiting.refetch()} /> : null}
            {waiting.isPending ? <Waiting what="Asking what waits." why="The hub is slow to answer." /> : null}
            {waiting.data?.requests.length === 0 ? (
              <Empty title="Nothing waits">When somebody needs a second person to agree, it is here within a second, with what it would open.</Empty>
            ) : null}
            <ul className={styles.list} data-testid="requests">
              {waiting.data?.requests.map((each) => <RequestCard key={each.id} request={each} cameras={all} />)}
            </ul>
          </Tabs.Panel>
          <Tabs.Panel value="changes" pt="md">
            <ChangesTab />
          </Tabs.Panel>
          <Tabs.Panel value="decided" pt="md">
            <Decided cameras={all} />
          </Tabs.Panel>
          <Tabs.Panel value="live" pt="md">
            <LiveTab cameras={all} />
          </Tabs.Panel>
          <Tabs.Panel value="glass" pt="md">
            <GlassTab cameras={all} />
          </Tabs.Panel>
          <Tabs.Panel value="oncall" pt="md">
            <OnCallTab />
          </Tabs.Panel>
        </Tabs>
      </div>
    </div>
  );
}

function Decided({ cameras }: { cameras: Camera[] }) {
  const pages = useDecided();
  const list = pages.data?.pages.flatMap((page) => page.requests) ?? [];
  if (pages.error) return <Trouble error={pages.error} again={() => void pages.refetch()} />;
  if (pages.isPending) return <Waiting what="Asking what was decided." why="The hub is slow to answer." />;
  if (list.length === 0) return <Empty title="Nothing was decided yet">What is decided is kept here with the words of who decided it.</Empty>;
  return (
    <>
      <ul className={styles.list} data-testid="decided">
        {list.map((each) => {
          const shown = each.given ?? each.ask;
          return (
            <li key={each.id} className={`panel ${styles.card}`}>
              <div className={styles.head}>
                <h2>
                  {each.user_name} <span className="quiet">{each.team}</span>
                </h2>
                <span className={styles.state} data-state={each.state}>
                  {STATE[each.state]}
                </span>
              </div>
              <p>
                {each.purpose_text}
                {each.ask.case ? `, ${each.ask.case}` : ""}: {camerasWords(shown.cameras, cameras)}, <Time us={shown.from_us} day /> to <Time us={shown.to_us} day />. “
                {each.ask.reason}”
              </p>
              <p className="quiet">
                {each.decider || "Nobody"}, <Time us={each.decided_us} day />
                {each.words ? `: “${each.words}”` : ""}
              </p>
            </li>
          );
        })}
      </ul>
      {pages.hasNextPage ? (
        <Button mt={8} variant="default" size="compact-sm" onClick={() => void pages.fetchNextPage()} loading={pages.isFetchingNextPage}>
          Show older
        </Button>
      ) : null}
    </>
  );
}
