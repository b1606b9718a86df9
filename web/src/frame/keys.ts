// Keyboard: one listener, one list. What is listed here is what the cheat sheet shows.

import { useEffect, useRef, useSyncExternalStore } from "react";

export interface Key {
  /** As KeyboardEvent.key, "Shift+" before letters and named keys, "Mod+" for Ctrl or Cmd; "g n" is one after the other. */
  press: string | string[];
  label: string;
  run: (event: KeyboardEvent) => void;
}

export interface KeyGroup {
  name: string;
  keys: Key[];
}

let groups: KeyGroup[] = [];
const listeners = new Set<() => void>();

function changed(next: KeyGroup[]): void {
  groups = next;
  for (const listener of listeners) listener();
}

function typing(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button", "range"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

/** Space and Enter belong to the button that has the focus, arrows to lists and menus. */
function belongsToFocus(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest('[role="dialog"],[role="menu"],[role="listbox"]')) return true;
  if (event.key === " " || event.key === "Enter")
    return target.closest('button,a,summary,[role="button"],[role="radio"],input') !== null;
  if (event.key.startsWith("Arrow")) return target.closest('[role="separator"],[role="radiogroup"],input') !== null;
  return false;
}

export function nameOf(event: KeyboardEvent): string {
  const key = event.key === " " ? "Space" : event.key;
  const letter = key.length === 1;
  const mod = event.ctrlKey || event.metaKey ? "Mod+" : "";
  const alt = event.altKey ? "Alt+" : "";
  const shift = event.shiftKey && (!letter || /[a-z]/i.test(key)) ? "Shift+" : "";
  return `${mod}${alt}${shift}${letter ? key.toLowerCase() : key}`;
}

const SEQUENCE_MS = 1200;
let before = "";
let beforeAt = 0;

function find(name: string): Key | undefined {
  for (const group of [...groups].reverse())
    for (const key of group.keys) if ([key.press].flat().includes(name)) return key;
  return undefined;
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || typing(event) || belongsToFocus(event)) return;
  if (["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
  const name = nameOf(event);
  const sequence = before && event.timeStamp - beforeAt < SEQUENCE_MS ? find(`${before} ${name}`) : undefined;
  const key = sequence ?? find(name);
  before = "";
  if (key) {
    event.preventDefault();
    key.run(event);
  } else if (groups.some((group) => group.keys.some((each) => [each.press].flat().some((press) => press.startsWith(`${name} `))))) {
    before = name;
    beforeAt = event.timeStamp;
  }
}

/** Hold `keys` while the component is on the page. The newest group wins where two use the same key. */
export function useKeys(name: string, keys: Key[]): void {
  const latest = useRef(keys);
  latest.current = keys;
  const shape = JSON.stringify(keys.map((key) => [key.press, key.label]));
  useEffect(() => {
    const group: KeyGroup = {
      name,
      keys: latest.current.map((key, index) => ({
        ...key,
        run: (event) => latest.current[index]?.run(event),
      })),
    };
    if (groups.length === 0) window.addEventListener("keydown", onKey);
    changed([...groups, group]);
    return () => {
      changed(groups.filter((other) => other !== group));
      if (groups.length === 0) window.removeEventListener("keydown", onKey);
    };
  }, [name, shape]);
}

export function useKeyGroups(): KeyGroup[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => groups,
  );
}
