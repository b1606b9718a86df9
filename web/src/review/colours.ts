// Colours of the timeline in the two themes.

export interface Colours {
  text: string;
  quiet: string;
  line: string;
  run: string;
  imported: string;
  sub: string;
  gap: string;
  hatch: string;
  future: string;
  accent: string;
  mark: string;
  now: string;
  panel: string;
  busy: string;
  calm: string;
}

export const SCHEMES: Record<"dark" | "light", Colours> = {
  dark: {
    text: "#d9e0e7",
    quiet: "#9aa7b4",
    line: "#232d37",
    run: "#1d655f",
    imported: "#34587f",
    sub: "#173f3c",
    gap: "#1a1416",
    hatch: "#7a4a46",
    future: "#0b0f14",
    accent: "#ffffff",
    mark: "#f0b64a",
    now: "#5bc77c",
    panel: "#11161c",
    busy: "#f2c66d",
    calm: "#6fb3ab",
  },
  light: {
    text: "#171d24",
    quiet: "#56626f",
    line: "#dbe0e6",
    run: "#3fa197",
    imported: "#6d9bcb",
    sub: "#a9d5d0",
    gap: "#fbf1ef",
    hatch: "#cf9a93",
    future: "#eff1f4",
    accent: "#171d24",
    mark: "#8a5a00",
    now: "#1a7f3c",
    panel: "#ffffff",
    busy: "#a85f00",
    calm: "#2f7d76",
  },
};
