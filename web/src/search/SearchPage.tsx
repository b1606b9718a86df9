// Search: one box, the facets that it understood, and what was found under the access one holds.

import { Button, SegmentedControl, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useMemo, useRef, useState, type FormEvent } from "react";
import { Link, useSearchParams } from "react-router";
import { askAddress, askLike } from "../access/ask";
import { hub, HubError, type Camera, type Grant } from "../api";
import { useKeys } from "../frame/keys";
import { NeedGrant } from "../frame/NeedGrant";
import { Empty, Notice, Trouble, Waiting } from "../frame/Notice";
import { useGrant } from "../session";
import { dayClock } from "../time";
import { FacetBar } from "./FacetBar";
import { Results, Strip } from "./Results";
import { bare, longWords, readAddress, search, sum, writeAddress, type Facets, type Order, type Understood } from "./search";
import { useSearch } from "./useSearch";
import styles from "./Search.module.css";

const TownMap = lazy(() => import("../map/TownMap"));
const EXAMPLES = ["van near the bin store last night", "person with a dog yesterday evening", "three or more people after ten at night"];

export default function SearchPage() {
  return (
    <NeedGrant action="playback">
      <Searching />
    </NeedGrant>
  );
}

function Searching() {
  const { grant } = useGrant();
  const cameras = useQuery({ queryKey: ["cameras"], queryFn: hub.cameras, refetchInterval: 30_000 });
  const covered = useMemo<Camera[]>(() => {
    const may = new Set(grant!.cameras);
    return (cameras.data?.cameras ?? []).filter((camera) => may.size === 0 || may.has(camera.id));
  }, [cameras.data, grant]);
  if (cameras.error && !cameras.data)
    return (
      <div className="page">
        <Trouble error={cameras.error} again={() => void cameras.refetch()} />
      </div>
    );
  if (!cameras.data) return <Waiting what="Asking for the cameras." why="The hub is slow to answer." />;
  return <Room grant={grant!} cameras={covered} />;
}

function Room({ grant, cameras }: { grant: Grant; cameras: Camera[] }) {
  const [params, setParams] = useSearchParams();
  const address = useMemo(() => readAddress(params), [params]);
  const [text, setText] = useState(address.words);
  const [read, setRead] = useState<Understood | null>(null);
  const [error, setError] = useState<HubError | null>(null);
  const [reading, setReading] = useState(false);
  const [marked, setMarked] = useState("");
  const box = useRef<HTMLInputElement>(null);
  const held = useMemo(() => new Map(cameras.map((camera) => [camera.id, camera.name])), [cameras]);
  const refused = read !== null && read.words === address.words && read.refusal !== "";
  const facets = refused ? null : address.facets;
  const found = useSearch(grant.id, address.words, facets, address.order);

  useEffect(() => setText(address.words), [address.words]);
  // Words of a link that nobody read here yet: their facets where the link has none, and what was not understood.
  useEffect(() => {
    if (!address.words || read?.words === address.words) return;
    const stop = new AbortController();
    setReading(true);
    search
      .understood(address.words, stop.signal)
      .then(
        (told) => {
          setRead(told);
          setError(null);
          if (!address.facets && !told.refusal) go(address.words, usable(told), true);
        },
        (problem: HubError) => {
          if (!stop.signal.aborted) setError(problem);
        },
      )
      .finally(() => setReading(false));
    return () => stop.abort();
    // The words decide; facets changed by hand are not read again.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [address.words]);

  const go = (words: string, next: Facets | null, replace = false, order: Order = address.order): void =>
    setParams(writeAddress({ words, facets: next === null ? null : bare(next), order }), { replace });

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const words = text.trim();
    setReading(true);
    setError(null);
    try {
      const told = await search.understood(words);
      setRead(told);
      go(words, told.refusal ? null : usable(told));
      if (!told.refusal && words === address.words && JSON.stringify(bare(usable(told))) === JSON.stringify(address.facets)) found.again();
    } catch (problem) {
      setError(problem as HubError);
    } finally {
      setReading(false);
    }
  };

  useKeys("Search", [
    {
      press: "/",
      label: "Go to the box",
      run: (event) => {
        event.preventDefault();
        box.current?.focus();
        box.current?.select();
      },
    },
  ]);

  const mapped = useMemo(() => {
    const there = new Set(found.events.map((event) => event.camera));
    return there.size > 0 ? cameras.filter((camera) => there.has(camera.id)) : cameras;
  }, [cameras, found.events]);
  const shownRead = read?.words === address.words ? read : null;

  return (
    <div className="page">
      <div className={`inner ${styles.page}`}>
        <h1>Search</h1>
        <form className={styles.form} role="search" onSubmit={(event) => void submit(event)}>
          <TextInput
            ref={box}
            className={styles.box}
            size="md"
            value={text}
            maxLength={300}
            onChange={(event) => setText(event.currentTarget.value)}
            placeholder={EXAMPLES[0]}
            aria-label="What, where and when"
            leftSection={<IconSearch size={18} aria-hidden />}
            data-testid="search-box"
            autoFocus={!address.words}
          />
          <Button type="submit" size="md" loading={reading} data-testid="search-go">
            Search
          </Button>
        </form>
        {error ? <Trouble error={error} /> : null}
        {shownRead ? <Reading read={shownRead} facets={address.facets} go={(next) => go(address.words, next)} /> : null}
        {facets ? <FacetBar facets={facets} cameras={cameras} grant={grant} onChange={(next) => go(address.words, next)} /> : null}
        {!facets && !refused ? <Teach start={(words) => setText(words)} blank={() => go("", { kinds: [1] })} /> : null}
        {facets ? (
          <div className={styles.columns}>
            <div className={styles.main}>
              <Standing grant={grant} found={found} facets={facets} clear={(more) => go(address.words, { ...facets, ...more })} />
              {found.counts ? (
                <Strip counts={found.counts} names={held} onPick={(from_us, to_us) => go(address.words, { ...facets, from_us, to_us })} />
              ) : null}
              {found.events.length > 0 ? (
                <>
                  <div className={styles.order}>
                    <SegmentedControl
                      size="xs"
                      aria-label="Order"
                      value={address.order}
                      onChange={(value) => go(address.words, facets, false, value as Order)}
                      data={[
                        { value: "best", label: "Surest first" },
                        { value: "newest", label: "Newest first" },
                        { value: "oldest", label: "Oldest first" },
                      ]}
                    />
                  </div>
                  <Results
                    grant={grant.id}
                    events={found.events}
                    cameras={cameras}
                    marked={marked}
                    onMark={setMarked}
                    next={found.next}
                    busy={found.busy}
                    more={found.more}
                  />
                </>
              ) : null}
            </div>
            <aside className={`panel ${styles.map}`} aria-label="Where it was found">
              <Suspense fallback={<Waiting what="Loading the map." why="The hub is slow to answer." />}>
                <TownMap cameras={mapped} picked={marked} onPick={setMarked} />
              </Suspense>
            </aside>
          </div>
        ) : null}
      </div>
    </div>
  );
}

/** The facets that are searched: colours of clothing only where they may be. */
function usable(read: Understood): Facets {
  return read.clothing ? { ...read.facets, clothing: [] } : read.facets;
}

/** What was made of the words, and what was not understood. */
function Reading({ read, facets, go }: { read: Understood; facets: Facets | null; go: (facets: Facets) => void }) {
  const other = read.chips.find((chip) => chip.other_from_us !== null);
  const swapped = other && facets?.from_us === other.other_from_us;
  return (
    <div className={styles.reading} aria-live="polite">
      {read.refusal ? (
        <Notice tone="amber" title={`“${read.refused_words}” is not searched for.`} testId="refusal">
          {read.refusal}
        </Notice>
      ) : null}
      {!read.refusal && read.chips.length > 0 ? (
        <p className={styles.chips} data-testid="understood">
          Understood:{" "}
          {read.chips.map((chip, number) => (
            <span key={number} className={styles.chip} title={`From “${chip.words}”`}>
              <span className="quiet">{chip.words}</span> {chip.text}
            </span>
          ))}
        </p>
      ) : null}
      {other && facets && !swapped && !read.refusal ? (
        <p className={styles.note}>
          Taken as {other.text}.{" "}
          <button
            type="button"
            className="link-button"
            onClick={() => go({ ...facets, from_us: other.other_from_us, to_us: other.other_to_us })}
            data-testid="other-hour"
          >
            {other.other_text} instead
          </button>
        </p>
      ) : null}
      {read.unread.length > 0 ? (
        <p className={styles.unread} data-testid="unread">
          Not understood, so not searched for: {read.unread.map((each) => `“${each.text}”`).join(", ")}.
        </p>
      ) : null}
      {[...read.notes, ...(read.clothing ? [`${read.clothing} The rest of the question was searched.`] : [])].map((note) => (
        <p key={note} className={styles.note}>
          {note}
        </p>
      ))}
    </div>
  );
}

function Teach({ start, blank }: { start: (words: string) => void; blank: () => void }) {
  return (
    <div className={styles.teach}>
      <p>Say what you look for, where and when. It is read on this hub by fixed rules; you see what was understood before you trust it.</p>
      <ul>
        {EXAMPLES.map((words) => (
          <li key={words}>
            <button type="button" className="link-button" onClick={() => start(words)}>
              {words}
            </button>
          </li>
        ))}
      </ul>
      <Button variant="default" size="compact-sm" onClick={blank} data-testid="by-facets">
        Choose by hand instead
      </Button>
      <p className="quiet">
        Nobody is recognised: people are found as people, not as who they are. Each search is in the log with its words. <Link to="/analysis">How analysis stands</Link>
      </p>
    </div>
  );
}

interface StandingProps {
  grant: Grant;
  found: ReturnType<typeof useSearch>;
  facets: Facets;
  clear: (more: Partial<Facets>) => void;
}

/** What was searched and how surely; what waits, what is missing, and what to do about it. */
function Standing({ grant, found, facets, clear }: StandingProps) {
  const { answer, error, busy, looking, events, again, stop } = found;
  if (error)
    return (
      <>
        <Trouble error={error} again={again} testId="search-trouble" />
        {error.code === "refused" ? (
          <p>
            <Link to={askAddress(askLike(grant, { from_us: facets.from_us ?? grant.from_us, to_us: facets.to_us ?? null }), "/search")}>Ask for access</Link>
          </p>
        ) : null}
      </>
    );
  if (!answer) return busy ? <Waiting what="Asking the sites." why="A site is slow to answer." /> : null;
  const total = sum(answer.covered);
  const share = total.recorded > 0 ? (total.looked + total.quiet) / total.recorded : 0;
  const blind = answer.sites.filter((site) => ["off", "no_model", "failed", "starting"].includes(site.state));
  return (
    <div className={styles.standing}>
      <p data-testid="standing">
        {dayClock(answer.from_us)} to {dayClock(answer.to_us)}, {answer.cameras.length} {answer.cameras.length === 1 ? "camera" : "cameras"}. {answer.text}
      </p>
      {looking ? (
        <p className={styles.looking} role="status" data-testid="looking">
          <progress value={share} max={1} aria-label="Part of the time that was looked at" /> Looking at what nobody has yet, the busiest stretches first:{" "}
          {longWords(total.waiting)} of footage wait. Results arrive in turn.{" "}
          <button type="button" className="link-button" onClick={stop}>
            Stop
          </button>
        </p>
      ) : null}
      {answer.cut.map((each) => (
        <Notice key={each} tone="amber" title={each} />
      ))}
      {answer.away.map((each) => (
        <Notice key={each.site} tone="amber" title={`${each.name} is away.`} testId={`away-${each.site}`}>
          Its {each.cameras.length} {each.cameras.length === 1 ? "camera was" : "cameras were"} not searched. It goes on recording; search again when it is back.
        </Notice>
      ))}
      {blind.map((each) => (
        <Notice key={each.site} tone="amber" title={BLIND[each.state] ? `${each.name}: ${BLIND[each.state]}` : each.name} testId="no-model">
          {each.text} What was looked at before can still be found.
        </Notice>
      ))}
      {events.length === 0 && !looking && !busy ? (
        <div data-testid="nothing">
          <Empty
            title={total.recorded === 0 ? "Nothing was recorded then" : "Nothing was found"}
            action={
              facets.from_us || facets.to_us ? (
                <Button variant="default" size="compact-sm" onClick={() => clear({ from_us: null, to_us: null })}>
                  Search all the time of this access
                </Button>
              ) : undefined
            }
          >
            {total.recorded === 0
              ? "There is no footage of these cameras in this time: look at Review for the gaps and their reasons."
              : `${Math.round(share * 100)} % of ${longWords(total.recorded)} of footage was looked at or quiet` +
                (total.waiting > 0 ? `; ${longWords(total.waiting)} wait, and may hold what you look for.` : ". What the detector missed is not found either.")}
          </Empty>
        </div>
      ) : null}
    </div>
  );
}

const BLIND: Record<string, string> = {
  off: "analysis is switched off",
  no_model: "no model to look with yet",
  failed: "analysis does not work just now",
  starting: "analysis is starting",
};
