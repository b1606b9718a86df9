// The data protection officer's desk: what to look at, the register of long looks, figures, changes of purposes.

import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "react-router";
import { AllConflicts } from "../conflicts/AllConflicts";
import { Trouble, Waiting } from "../frame/Notice";
import { dpo } from "./dpo";
import { FiguresTab } from "./FiguresTab";
import { LooksTab } from "./LooksTab";
import { PurposesTab } from "./PurposesTab";
import { QueueTab } from "./QueueTab";

const TABS = { queue: "To look at", looks: "Long looks", figures: "Figures", purposes: "Purposes", conflicts: "Conflicts" } as const;

export default function DpoPage() {
  const [params, setParams] = useSearchParams();
  const tab = (params.get("tab") ?? "queue") in TABS ? (params.get("tab") ?? "queue") : "queue";
  const queue = useQuery({ queryKey: ["dpo", "queue", false, ""], queryFn: () => dpo.queue(false, ""), refetchInterval: 20_000, retry: 1 });
  const open = Object.values(queue.data?.standing.open ?? {}).reduce((sum, count) => sum + (count ?? 0), 0);
  const mayDecide = queue.data?.may_decide ?? false;
  return (
    <div className="page">
      <div className="inner">
        <h1>The DPO’s desk</h1>
        <p className="lead">
          What is unusual in how staff look, and five accesses in a hundred chosen at random. It goes to you alone, without names; you ask for a name when you
          need it. What sites analyse by themselves, and on whose order, stands on the page <Link to="/analysis">Analysis</Link>.
        </p>
        {queue.error && !queue.data ? <Trouble error={queue.error} again={() => void queue.refetch()} /> : null}
        {queue.isPending ? <Waiting what="Asking the hub." why="It reads the log first." /> : null}
        {queue.data ? (
          <Tabs value={tab} onChange={(value) => setParams(value && value !== "queue" ? { tab: value } : {})} keepMounted={false}>
            <Tabs.List aria-label="Parts of the desk">
              {Object.entries(TABS).map(([value, label]) => (
                <Tabs.Tab key={value} value={value} data-testid={`dpo-${value}`}>
                  {label}
                  {value === "queue" && open > 0 ? ` (${open})` : ""}
                </Tabs.Tab>
              ))}
            </Tabs.List>
            <Tabs.Panel value="queue" pt="md">
              <QueueTab standing={queue.data.standing} mayDecide={mayDecide} />
            </Tabs.Panel>
            <Tabs.Panel value="looks" pt="md">
              <LooksTab mayDecide={mayDecide} />
            </Tabs.Panel>
            <Tabs.Panel value="figures" pt="md">
              <FiguresTab />
            </Tabs.Panel>
            <Tabs.Panel value="purposes" pt="md">
              <PurposesTab />
            </Tabs.Panel>
            <Tabs.Panel value="conflicts" pt="md">
              <AllConflicts />
            </Tabs.Panel>
          </Tabs>
        ) : null}
      </div>
    </div>
  );
}
