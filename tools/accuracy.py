"""Writes docs/reference/accuracy.md and the figures that cards show, from what `python3 run.py bench vision` left behind.

FILE is `bench/out/vision.json` unless another is named.

python tools/accuracy.py [FILE]
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "accuracy.md"
FIGURES = ROOT / "src" / "belvedere" / "hub" / "analysis" / "figures.json"
LEAST = 10  # below which no share is told


def share(part: int, whole: int) -> str:
    return f"{part / whole:.0%} of {whole}" if whole >= LEAST else f"{part} of {whole}: too few to say"


def number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def page(told: dict[str, Any]) -> str:
    lines = [
        "# How much analysis finds",
        "",
        f"Made by `tools/accuracy.py` from `python3 run.py bench vision` on {told['made']}; do not edit.",
        f"Model: {told['model']}, SHA-256 `{told['sha256']}`. Scene: {told['scene']}.",
        "Rendered pictures are easier than a wet street: measure your own cameras before you rely on a figure.",
        "Heights are in the picture that is looked at (640 x 360).",
        "",
        "| light | kind | height, px | stays of 2 s and more that were found | events that moved and were right |",
        "|---|---|---|---|---|",
    ]
    for band in told["bands"]:
        most = "and more" if band["most_px"] >= 400 else f"to {band['most_px']}"
        lines.append(
            f"| {band['light']} | {band['kind']} | {band['least_px']} {most} | {share(band['found'], band['present'])} "
            f"| {share(band['right'], band['raised'])} |"
        )
    lines += ["", "| claim | goal | value | beside it | met |", "|---|---|---|---|---|"]
    for claim in told["claims"]:
        met = {True: "yes", False: "**no**", None: ""}[claim["ok"]]
        peer = (
            f"{claim['peer']}: {number(claim['peer_value'])} {claim['unit']}" if claim["peer_value"] is not None else ""
        )
        lines.append(
            f"| {claim['claim']} | {claim['goal']} | {number(claim['value'])} {claim['unit']} | {peer} | {met} |".replace(
                "  ", " "
            )
        )
    lines += [
        "",
        "Processor time was measured while other work ran on the same two cores; a day is put together from seconds with",
        "and without movement, because no film of the demo lasts a day.",
        "",
        "Not measured yet: the first 20 hits of a day that nobody looked at, main streams and tiles, cameras that look",
        "straight down, rain and snow, real streets at night. Differences by skin tone can't be measured with footage that",
        "may be used here: [skin-tone-protocol.md](skin-tone-protocol.md) says how you measure them. Pictures of failures are",
        "not on this page yet.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "bench" / "out" / "vision.json"
    PAGE.write_text(page(json.loads(source.read_text("utf-8"))), "utf-8")
    shutil.copyfile(source, FIGURES)


if __name__ == "__main__":
    main()
