import { Button, Drawer, Select, Textarea, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Notice, Trouble, Waiting } from "../frame/Notice";
import { Time } from "../frame/Time";
import { dpo, OUTCOMES, outcomeWords, type Item, type Outcome } from "./dpo";
import styles from "./Dpo.module.css";

export function ItemDrawer({ item, mayDecide, close }: { item: Item | null; mayDecide: boolean; close: () => void }) {
  return (
    <Drawer opened={item !== null} onClose={close} position="right" size={560} title={item?.title ?? ""} closeButtonProps={{ "aria-label": "Close" }}>
      {item ? <Detail key={item.id} item={item} mayDecide={mayDecide} close={close} /> : null}
    </Drawer>
  );
}

function Detail({ item, mayDecide, close }: { item: Item; mayDecide: boolean; close: () => void }) {
  const detail = useQuery({ queryKey: ["dpo", "item", item.id], queryFn: () => dpo.item(item.id), retry: 1 });
  const entries = detail.data?.entries ?? [];
  return (
    <div className={styles.detail} data-testid="dpo-detail">
      <p>{item.text}</p>
      <Notice title="What to do">{item.next}</Notice>
      {item.person ? <Person item={item} mayDecide={mayDecide} /> : null}
      <h3 className={styles.head}>What it rests on</h3>
      {detail.error ? <Trouble error={detail.error} again={() => void detail.refetch()} /> : null}
      {detail.isPending ? <Waiting what="Reading the log." why="It is long." /> : null}
      {detail.data && entries.length === 0 ? <p className="quiet">No single entry: it is about what did not happen.</p> : null}
      <ol className={styles.entries}>
        {entries.map((entry) => (
          <li key={entry.index}>
            <span className="quiet">
              {entry.index} · <Time us={entry.time_us} day />
            </span>
            <span>{entry.summary}</span>
            {entry.kind !== "search.made" && typeof entry.facts.words === "string" && entry.facts.words ? <q>{entry.facts.words}</q> : null}
          </li>
        ))}
      </ol>
      {item.reviewed_us !== null ? (
        <Notice title={outcomeWords(item.outcome)}>
          {item.words} (<Time us={item.reviewed_us} day />)
        </Notice>
      ) : mayDecide && !item.mine ? (
        <Review item={item} close={close} />
      ) : item.mine ? (
        <Notice tone="amber" title="This is about you.">
          Your deputy looks at it.
        </Notice>
      ) : null}
    </div>
  );
}

function Person({ item, mayDecide }: { item: Item; mayDecide: boolean }) {
  const [asking, setAsking] = useState(false);
  const [reason, setReason] = useState("");
  const [name, setName] = useState("");
  const [error, setError] = useState<Error | null>(null);
  const show = () => {
    setError(null);
    dpo.name(item.id, reason).then((answer) => setName(answer.name), setError);
  };
  return (
    <div className={styles.person}>
      <p>
        About <strong>{name || item.person}</strong>
        {name ? <span className="quiet"> ({item.person})</span> : null}
      </p>
      {mayDecide && !name && !asking ? (
        <Button size="compact-sm" variant="default" onClick={() => setAsking(true)} data-testid="dpo-ask-name">
          Show the name
        </Button>
      ) : null}
      {asking && !name ? (
        <form
          className={styles.ask}
          onSubmit={(event) => {
            event.preventDefault();
            show();
          }}
        >
          <TextInput
            label="Why do you need the name? It is logged."
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            maxLength={500}
            data-autofocus
            data-testid="dpo-name-reason"
          />
          <Button type="submit" size="compact-sm" disabled={reason.trim().length < 5} data-testid="dpo-show-name">
            Show
          </Button>
        </form>
      ) : null}
      {error ? <Trouble error={error} /> : null}
    </div>
  );
}

function Review({ item, close }: { item: Item; close: () => void }) {
  const client = useQueryClient();
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [words, setWords] = useState("");
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => setError(null), [outcome, words]);
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (!outcome) return;
        setBusy(true);
        dpo
          .review(item.id, outcome, words)
          .then(() => client.invalidateQueries({ queryKey: ["dpo"] }))
          .then(close, (failure: Error) => {
            setError(failure);
            setBusy(false);
          });
      }}
    >
      <h3 className={styles.head}>What you found</h3>
      <Select
        label="Outcome"
        data={OUTCOMES}
        value={outcome}
        onChange={(value) => setOutcome(value as Outcome | null)}
        allowDeselect={false}
        data-testid="dpo-outcome"
      />
      <Textarea
        label="In your words"
        description="Kept in the log. Leave names out."
        autosize
        minRows={3}
        value={words}
        maxLength={4000}
        onChange={(event) => setWords(event.currentTarget.value)}
        data-testid="dpo-words"
      />
      {error ? <Trouble error={error} /> : null}
      <Button type="submit" disabled={!outcome || words.trim().length < 10} loading={busy} data-testid="dpo-review">
        Close with this outcome
      </Button>
    </form>
  );
}
