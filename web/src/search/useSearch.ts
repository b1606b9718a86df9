// One search: its first page at once, then again while sites look at what nobody has, more pages when asked.

import { useCallback, useEffect, useRef, useState } from "react";
import type { HubError } from "../api";
import { joined, search, sum, type Answer, type Counts, type Facets, type Found, type Order } from "./search";

export interface Searching {
  answer: Answer | null;
  events: Found[];
  counts: Counts | null;
  error: HubError | null;
  busy: boolean;
  /** Sites look at what nobody has; results come in turn. */
  looking: boolean;
  next: string;
  more: () => void;
  stop: () => void;
  again: () => void;
}

const MOST_ROUNDS = 40;
const AWAITED = ["running", "starting"];

export function useSearch(grant: string, words: string, facets: Facets | null, order: Order): Searching {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [events, setEvents] = useState<Found[]>([]);
  const [counts, setCounts] = useState<Counts | null>(null);
  const [error, setError] = useState<HubError | null>(null);
  const [busy, setBusy] = useState(false);
  const [looking, setLooking] = useState(false);
  const [next, setNext] = useState("");
  const [round, setRound] = useState(0);
  const stopper = useRef<AbortController | null>(null);
  const key = JSON.stringify(facets);
  const paged = useRef(false);

  useEffect(() => {
    setAnswer(null);
    setEvents([]);
    setCounts(null);
    setError(null);
    setNext("");
    setLooking(false);
    paged.current = false;
    const asked = JSON.parse(key) as Facets | null;
    if (!asked) return;
    const stop = new AbortController();
    stopper.current = stop;
    const ask = { grant, words, facets: asked };
    const counted = (): void => {
      search.counts({ ...ask, steps: 96 }, stop.signal).then(setCounts, () => undefined); // the list tells what is wrong
    };
    const run = async (): Promise<void> => {
      setBusy(true);
      try {
        let told = await search.find({ ...ask, order }, stop.signal);
        setAnswer(told);
        setEvents(told.events);
        setNext(told.next);
        counted();
        let waiting = sum(told.covered).waiting;
        let still = 0;
        for (let turn = 0; waiting > 0 && still < 2 && turn < MOST_ROUNDS && told.sites.some((site) => AWAITED.includes(site.state)); turn += 1) {
          setBusy(false);
          setLooking(true);
          told = await search.find({ ...ask, order, look: true }, stop.signal);
          const left = sum(told.covered).waiting;
          still = left < waiting ? 0 : still + 1;
          waiting = left;
          setAnswer(told);
          if (paged.current) setEvents((old) => joined(old, told.events));
          else {
            setEvents(told.events);
            setNext(told.next);
          }
          counted();
        }
      } catch (problem) {
        if (!stop.signal.aborted) setError(problem as HubError);
      } finally {
        if (stopper.current === stop) {
          setBusy(false);
          setLooking(false);
        }
      }
    };
    void run();
    return () => stop.abort();
  }, [grant, words, key, order, round]);

  const more = useCallback(() => {
    const asked = JSON.parse(key) as Facets | null;
    if (!next || !asked) return;
    paged.current = true;
    setBusy(true);
    const signal = stopper.current?.signal;
    search
      .find({ grant, words, facets: asked, order, next }, signal)
      .then(
        (told) => {
          setEvents((old) => joined(old, told.events));
          setNext(told.next);
        },
        (problem: HubError) => {
          if (!signal?.aborted) setError(problem);
        },
      )
      .finally(() => setBusy(false));
  }, [grant, words, key, order, next]);

  const stop = useCallback(() => {
    stopper.current?.abort();
    setLooking(false);
    setBusy(false);
  }, []);
  return { answer, events, counts, error, busy, looking, next, more, stop, again: () => setRound((old) => old + 1) };
}
