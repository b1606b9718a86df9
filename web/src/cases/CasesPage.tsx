// The list of cases: filtered by the address bar, paged by key. Who is in none sees none, and reads how to open one.

import { Button, SegmentedControl, Select, Switch, TextInput } from "@mantine/core";
import { useDebouncedValue, useMediaQuery } from "@mantine/hooks";
import { IconArchive, IconFolderOpen, IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { Empty, Trouble, Waiting } from "../frame/Notice";
import { useKeys } from "../frame/keys";
import { Time } from "../frame/Time";
import { CasePage } from "./CasePage";
import { useCases, type Case } from "./cases";
import { NewCaseForm } from "./NewCaseForm";
import styles from "./Cases.module.css";

export default function CasesPage() {
  const [params] = useSearchParams();
  const id = params.get("case") ?? "";
  return id ? <CasePage id={id} /> : <CaseList />;
}

export function CaseState({ item }: { item: Pick<Case, "state"> }) {
  const Icon = item.state === "open" ? IconFolderOpen : IconArchive;
  return (
    <span className={styles.state} data-state={item.state}>
      <Icon size={16} aria-hidden />
      {item.state === "open" ? "Open" : "Closed"}
    </span>
  );
}

const at = (id: string) => `/cases?case=${encodeURIComponent(id)}`;

function CaseList() {
  const [params, setParams] = useSearchParams();
  const navigate = useNavigate();
  const phone = useMediaQuery("(max-width: 720px)", window.innerWidth <= 720, { getInitialValueInEffect: false });
  const [adding, setAdding] = useState(params.get("new") === "1");
  const state = params.get("state") ?? "open";
  const kind = params.get("kind") ?? "";
  const mine = params.get("mine") ?? "";
  const find = params.get("find") ?? "";
  const [words] = useDebouncedValue(find, 250);
  const list = useCases({ state, kind: kind || undefined, mine: mine || undefined, find: words.trim() || undefined });
  const set = (changes: Record<string, string>) =>
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        for (const [key, value] of Object.entries(changes)) if (value) next.set(key, value);
          else next.delete(key);
        return next;
      },
      { replace: true },
    );
  const first = list.data?.pages[0];
  const shown = list.data?.pages.flatMap((page) => page.cases) ?? [];
  const mayOpen = first?.may_open ?? false;
  useKeys("Cases", mayOpen ? [{ press: "n", label: "Open a case", run: () => setAdding(true) }] : []);
  const filtered = kind || mine || find || state !== "open";
  return (
    <div className="page">
      <div className="inner">
        <div className={styles.top}>
          <div>
            <h1>Cases</h1>
            <p className="lead">What recorded pictures are opened for. A case says who works on it, and which cameras and times it is about.</p>
          </div>
          {mayOpen ? (
            <Button onClick={() => setAdding(true)} data-testid="new-case">
              Open a case
            </Button>
          ) : null}
        </div>
        <div className={styles.tools}>
          <TextInput
            size="xs"
            leftSection={<IconSearch size={14} aria-hidden />}
            placeholder="Reference, title or place"
            aria-label="Find a case"
            value={find}
            onChange={(event) => set({ find: event.currentTarget.value })}
            className={styles.find}
          />
          <SegmentedControl
            size="xs"
            aria-label="Which cases"
            value={state}
            onChange={(value) => set({ state: value === "open" ? "" : value })}
            data={[
              { value: "open", label: "Open" },
              { value: "closed", label: "Closed" },
              { value: "all", label: "All" },
            ]}
          />
          <Select
            size="xs"
            w={210}
            aria-label="Type"
            placeholder="Every type"
            clearable
            clearButtonProps={{ "aria-label": "Every type" }}
            value={kind || null}
            onChange={(value) => set({ kind: value ?? "" })}
            data={Object.entries(first?.kinds ?? {}).map(([value, label]) => ({ value, label }))}
          />
          <Switch size="sm" label="Mine" checked={mine !== ""} onChange={(event) => set({ mine: event.currentTarget.checked ? "true" : "" })} />
        </div>
        {list.isPending ? <Waiting what="Asking for the cases." why="The hub is slow to answer." /> : null}
        {list.error ? <Trouble error={list.error} again={() => void list.refetch()} /> : null}
        {list.data && shown.length === 0 ? (
          <Empty
            title={filtered ? "No case matches" : "No case is open that you are in"}
            action={
              mayOpen && !filtered ? (
                <Button variant="default" onClick={() => setAdding(true)}>
                  Open the first one
                </Button>
              ) : undefined
            }
          >
            {filtered ? "Try fewer words, or all cases." : "You see the cases that you are in. Whoever leads one, or a supervisor, can add you."}
          </Empty>
        ) : null}
        {shown.length > 0 && phone ? (
          <ul className={styles.cards}>
            {shown.map((each) => (
              <li key={each.id}>
                <Link to={at(each.id)} className={`panel ${styles.card}`} data-testid={`case-${each.reference}`}>
                  <span className={styles.cardTop}>
                    <span className="strong">{each.title}</span>
                    <CaseState item={each} />
                  </span>
                  <span className="quiet">
                    {each.reference}, {each.kind_text}, {each.owner}
                  </span>
                  <span className={each.review_due ? styles.due : "quiet"}>
                    {each.review_due ? "Review is due" : `Opened `}
                    {each.review_due ? null : <Time us={each.opened_us} day />}
                  </span>
                </Link>
              </li>
            ))}
          </ul>
        ) : null}
        {shown.length > 0 && !phone ? (
          <div className="panel table-box" tabIndex={0} role="region" aria-label="Table of cases">
            <table className="table" data-testid="cases">
              <thead>
                <tr>
                  <th scope="col">Reference</th>
                  <th scope="col">What</th>
                  <th scope="col">Type</th>
                  <th scope="col">Where</th>
                  <th scope="col">Led by</th>
                  <th scope="col">Opened</th>
                  <th scope="col">Review</th>
                  <th scope="col">State</th>
                </tr>
              </thead>
              <tbody>
                {shown.map((each) => (
                  <tr key={each.id} className="pick" onClick={() => void navigate(at(each.id))} data-testid={`case-${each.reference}`}>
                    <td>
                      <Link to={at(each.id)} className={styles.link} onClick={(event) => event.stopPropagation()}>
                        {each.reference}
                      </Link>
                    </td>
                    <td className="wide">{each.title}</td>
                    <td>{each.kind_text}</td>
                    <td className="wide">{each.incident.place || <span className="quiet">not known yet</span>}</td>
                    <td>{each.owner}</td>
                    <td>
                      <Time us={each.opened_us} day />
                    </td>
                    <td>{each.review_due ? <span className={styles.due}>due</span> : <Time us={each.review_us} day />}</td>
                    <td>
                      <CaseState item={each} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        ) : null}
        {list.hasNextPage ? (
          <Button mt={8} variant="default" size="compact-sm" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            Show more
          </Button>
        ) : null}
      </div>
      {adding ? (
        <NewCaseForm kinds={first?.kinds ?? {}} close={() => setAdding(false)} done={(made) => void navigate(at(made.id))} />
      ) : null}
    </div>
  );
}
