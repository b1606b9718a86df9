// Grey and dim: for whoever has to look at graphic footage. It changes how this browser shows pictures, nothing else.

import { useSyncExternalStore } from "react";

const KEY = "belvedere.grey";
const listeners = new Set<() => void>();

function kept(): boolean {
  try {
    return localStorage.getItem(KEY) === "1";
  } catch {
    return false; // no storage here: not remembered
  }
}

let on = kept();

function show(): void {
  document.documentElement.toggleAttribute("data-grey", on);
}

if (typeof document !== "undefined") show();

export function isGrey(): boolean {
  return on;
}

export function toggleGrey(): void {
  on = !on;
  try {
    localStorage.setItem(KEY, on ? "1" : "0");
  } catch {
    // as above
  }
  show();
  for (const listener of listeners) listener();
}

export function useGrey(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    isGrey,
  );
}
