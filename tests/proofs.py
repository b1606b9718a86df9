"""What the design pages promise and which tests hold it: read out of their tables, joined with what a test run found.

A promise is a row of a table whose last column is called `test`; the names in its backquotes are tests: a file
(`test_x.py`, `faults/test_x.py`, a pattern with `*` or `...`), a function (`test_y`), or a file and function (`test_x.py::test_y`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "how-it-is-tested.md"
TIERS = ("unit", "integration", "acceptance", "faults")
_LEFT_OUT = "## What is not tested yet"


@dataclass(frozen=True, slots=True)
class Promise:
    """One sentence of a page and the names of the tests beside it."""

    page: Path
    sentence: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test of a run. `state`: passed, failed or skipped; `words`: why not passed, first line only."""

    test: str  # pytest's node id, from the tests folder on
    state: str
    words: str
    seconds: float


def promises(folder: Path) -> Iterator[Promise]:
    """All promises in the pages of a folder."""
    for page in sorted(folder.glob("*.md")):
        inside = False
        for line in page.read_text("utf-8").splitlines():
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not line.startswith("|"):
                inside = False
            elif cells[-1] in ("test", "tests"):
                inside = True
            elif inside and not set(line) <= set("|-: "):
                names = tuple(name for name in re.findall(r"`([^`]+)`", cells[-1]) if "test_" in name)
                if names:
                    yield Promise(page, cells[0], names)


def found(name: str, tests: Sequence[str]) -> list[str]:
    """The node ids among `tests` that a name of a promise stands for."""
    name = name.replace("...", "*")
    file, _, function = name.rpartition("::") if "::" in name else (name, "", "") if ".py" in name else ("", "", name)
    return [
        test
        for test in tests
        if (not file or fnmatch(test.split("::")[0], f"*{file}"))
        and (not function or fnmatch(test.rpartition("::")[2].split("[")[0], function))
    ]


def written(folder: Path) -> list[str]:
    """Node ids of all test functions in the files of the tests folder, without parameters."""
    return [
        f"{path.relative_to(folder).as_posix()}::{name}"
        for path in sorted(folder.rglob("test_*.py"))
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    ]


def page(outcomes: Sequence[Outcome], when: str, machine: str, before: str) -> str:
    """The page how-it-is-tested.md. `before`: the page as it was; what is not tested is said by people and kept."""
    ran = {outcome.test: outcome for outcome in outcomes}
    lines = [
        "# How it is tested",
        "",
        "Written by `python3 run.py test --page` out of the tests and the promises in the design pages; failures are shown too.",
        f"Last written {when}, on {machine}.",
        *_HOW_IT_RUNS,
        "",
        "| tier | what it uses | passed | failed | skipped | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for tier in TIERS:
        of = [outcome for outcome in outcomes if outcome.test.startswith(f"{tier}/")]
        counts = [sum(outcome.state == state for outcome in of) for state in ("passed", "failed", "skipped")]
        numbers = " | ".join(map(str, counts))
        lines.append(f"| `tests/{tier}` | {_USES[tier]} | {numbers} | {sum(o.seconds for o in of):.0f} |")
    for state, title in (("failed", "Failures"), ("skipped", "Skipped, and why")):
        some = [outcome for outcome in outcomes if outcome.state == state]
        lines += ["", f"## {title}"]
        lines += [f"* `{outcome.test}`: {outcome.words}" for outcome in some] or ["None."]
    lines += ["", "## Promises and the tests that hold them"]
    for path, of_page in _by_page(promises(ROOT / "docs" / "design")).items():
        lines += ["", f"[{path.stem}](../design/{path.name})", "", "| promise | tests | result |", "|---|---|---|"]
        for promise in of_page:
            names = ", ".join(f"`{name}`" for name in promise.tests)
            lines.append(f"| {promise.sentence} | {names} | {_result(promise, ran)} |")
    rest = before.partition(_LEFT_OUT)
    return "\n".join(lines) + "\n\n" + rest[1] + rest[2]


_HOW_IT_RUNS = (
    "",
    "Up to four files run beside each other, one more than there are cores; the slow ones begin first, by the",
    "seconds in `tests/times.json`, which `--page` renews. When at most three tests have failed, they run once more, alone.",
    "If they pass, the run says so loudly (`FAILED beside others, PASSED alone`) and passes; `--strict` and `--all` fail then.",
    "Such a test is unsteady, and is traced.",
)
_USES: Mapping[str, str] = {
    "unit": "pure code: parsers, writers, policy, log mathematics, geometry; properties of every parser; style, docs",
    "integration": "real components together: RTSP, ingest, recorder, link, hub over HTTP, SQLite, PostgreSQL, foreign players",
    "acceptance": "the product started as a person starts it, in a real Chromium; axe-core in both themes",
    "faults": "real processes killed, disks that are full or fail, cameras that misbehave",
}


def _by_page(all_of_them: Iterator[Promise]) -> dict[Path, list[Promise]]:
    pages: dict[Path, list[Promise]] = {}
    for promise in all_of_them:
        pages.setdefault(promise.page, []).append(promise)
    return pages


def _result(promise: Promise, ran: Mapping[str, Outcome]) -> str:
    states = [ran[test].state for name in promise.tests for test in found(name, list(ran))]
    if "failed" in states:
        return "**FAILED**"
    if "passed" not in states:
        return "not run"
    return f"held ({states.count('passed')})"
