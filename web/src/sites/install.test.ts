import { describe, expect, it } from "vitest";
import { enrolLine, installLine } from "./install";

describe("the line for a site's box", () => {
  it("carries the hub, the token and the name, each one word to the shell", () => {
    expect(installLine("cctv.example", "bv1.a.b.c", "Rowan Court")).toBe(
      "sudo sh install-site.sh --hub https://cctv.example:8711 --token bv1.a.b.c --name 'Rowan Court'",
    );
    expect(installLine("h", "t", "St John's; rm -rf $HOME")).toContain("--name 'St John'\\''s; rm -rf $HOME'");
    expect(installLine("h", "t", 'The "Elms"\\\n')).toContain("--name 'The Elms'");
    expect(installLine("h", "t", "Elms")).toMatch(/ --name Elms$/);
  });
  it("ends with the token where the box is there already", () =>
    expect(enrolLine("h", "bv1.a.b.c")).toBe("belvedere site enrol https://h:8711 bv1.a.b.c"));
});
