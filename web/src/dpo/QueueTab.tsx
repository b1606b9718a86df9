import { Button, SegmentedControl } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { dpo, dueWords, KIND_WORDS, outcomeWords, type Item, type Kind, type Queue } from "./dpo";
import styles from "./Dpo.module.css";
import { ItemDrawer } from "./ItemDrawer";

const KINDS: readonly Kind[] = ["notice", "finding", "weekly", "sample"];

export function QueueTab({ standing, mayDecide }: { standing: Queue["standing"]; mayDecide: boolean }) {
  const [kind, setKind] = useState<Kind | "">("");
  const [reviewed, setReviewed] = useState(false);
  const [chosen, setChosen] = useState<Item | null>(null);
  const pages = useInfiniteQuery({
    queryKey: ["dpo", "queue", reviewed, kind, "pages"],
    queryFn: ({ pageParam }) => dpo.queue(reviewed, kind, pageParam),
    initialPageParam: "",
    getNextPageParam: (last) => last.next ?? undefined,
    refetchInterval: reviewed ? false : 20_000,
    retry: 1,
  });
  const items = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const nowUs = pages.data?.pages[0]?.now_us ?? 0;
  return (
    <>
      <dl className={styles.standing} aria-label="The queue in numbers">
        {KINDS.map((each) => (
          <div key={each}>
            <dt>{KIND_WORDS[each]}</dt>
            <dd>{standing.open[each] ?? 0}</dd>
          </div>
        ))}
        <div data-late={standing.overdue > 0 || undefined}>
          <dt>Late</dt>
          <dd data-testid="dpo-late">{standing.overdue}</dd>
        </div>
      </dl>
      <div className={styles.bar}>
        <SegmentedControl
          size="xs"
          classNames={{ root: styles.kinds, control: styles.kind }}
          value={kind}
          onChange={(value) => setKind(value as Kind | "")}
          data={[{ value: "", label: "All" }, ...KINDS.map((each) => ({ value: each, label: KIND_WORDS[each] }))]}
          aria-label="Which"
        />
        <SegmentedControl
          size="xs"
          value={reviewed ? "done" : "open"}
          onChange={(value) => setReviewed(value === "done")}
          data={[
            { value: "open", label: "To look at" },
            { value: "done", label: "Looked at" },
          ]}
          aria-label="State"
        />
      </div>
      {pages.error ? <Trouble error={pages.error} again={() => void pages.refetch()} /> : null}
      {pages.isPending ? <Waiting what="Asking the hub." why="It reads the log first." /> : null}
      {pages.data && items.length === 0 ? (
        <Empty title={reviewed ? "Nothing was looked at yet" : "Nothing waits for you"}>
          {reviewed
            ? "What you decide on is kept here, with your words."
            : "When somebody looks at the same place again and again, works outside their shifts, or breaks the glass, it is here within a minute."}
        </Empty>
      ) : null}
      <ul className={styles.list} data-testid="dpo-items">
        {items.map((item) => (
          <li key={item.id}>
            <button type="button" className={styles.item} onClick={() => setChosen(item)} data-testid={`dpo-${item.rule}`} data-late={item.overdue || undefined}>
              <span className={styles.itemHead}>
                <strong>{item.title}</strong>
                <span className="quiet">{item.person}</span>
              </span>
              <span className={styles.itemText}>{item.text}</span>
              <span className={styles.itemFoot}>
                <Time us={item.made_us} day />
                {item.reviewed_us !== null ? (
                  <span>{outcomeWords(item.outcome)}</span>
                ) : (
                  <span className={item.overdue ? styles.late : "quiet"}>{dueWords(item.due_us, nowUs)}</span>
                )}
              </span>
            </button>
          </li>
        ))}
      </ul>
      {pages.hasNextPage ? (
        <Button variant="default" size="compact-sm" onClick={() => void pages.fetchNextPage()} loading={pages.isFetchingNextPage}>
          Show older
        </Button>
      ) : null}
      <ItemDrawer item={chosen} mayDecide={mayDecide} close={() => setChosen(null)} />
    </>
  );
}
