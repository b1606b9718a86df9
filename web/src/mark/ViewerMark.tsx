// The viewer mark over one picture. Text and place are written directly: no rendering while pictures run.

import { useEffect, useRef } from "react";
import { hubNowUs } from "../api";
import { personName, useGrant, useSession } from "../session";
import { clock } from "../time";
import { markLines, placeAt, type Who } from "./mark";
import styles from "./Mark.module.css";

const STEP_MS = 1000;
type Write = (us: number) => void;
const writers = new Set<Write>();
let ticker = 0;

function join(write: Write): () => void {
  writers.add(write);
  write(hubNowUs());
  if (writers.size === 1)
    ticker = window.setInterval(() => {
      const us = hubNowUs();
      for (const each of writers) each(us);
    }, STEP_MS);
  return () => {
    writers.delete(write);
    if (writers.size === 0) window.clearInterval(ticker);
  };
}

export function ViewerMark({ seed }: { seed: string }) {
  const { session } = useSession();
  const { grant } = useGrant();
  const box = useRef<HTMLDivElement>(null);
  const name = personName(session);
  const number = session?.user.id ?? "";
  const access = grant?.id ?? "";
  useEffect(() => {
    const who: Who = { name, number, grant: access };
    const start = [...seed].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 997, 7) / 997;
    return join((us) => {
      const element = box.current;
      if (!element) return;
      const [first, second] = markLines(who, clock(us));
      const text = element.firstElementChild as HTMLElement;
      const lines = text.children;
      if (lines[0]!.textContent !== first) lines[0]!.textContent = first;
      lines[1]!.textContent = second;
      const { x, y } = placeAt(us / 1e6, start);
      const free = { x: Math.max(0, element.clientWidth - text.offsetWidth), y: Math.max(0, element.clientHeight - text.offsetHeight) };
      text.style.transform = `translate(${(x * free.x).toFixed(1)}px, ${(y * free.y).toFixed(1)}px)`;
    });
  }, [name, number, access, seed]);
  return (
    <div ref={box} className={styles.mark} aria-hidden data-testid="viewer-mark">
      <div className={styles.text}>
        <span />
        <span />
      </div>
    </div>
  );
}
