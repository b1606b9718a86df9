"""Which test files begin first, and which never run beside each other.

The slow ones begin first, so that at the end no core waits for one long file that began last.

`times.json` holds the seconds of each file as a run with `--page` measured them. It orders; nothing is decided by it.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

TIMES = Path(__file__).with_name("times.json")


def measured(durations: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Seconds by file, from (node id from the tests folder on, seconds) of every phase of every test that ran."""
    total: dict[str, float] = {}
    for test, seconds in durations:
        file = test.split("::")[0]
        total[file] = total.get(file, 0.0) + seconds
    return {file: round(total[file], 1) for file in sorted(total)}


def renewed(before: Mapping[str, float], now: Mapping[str, float], files: Iterable[str]) -> dict[str, float]:
    """The table after a run: what ran is renewed, what did not run keeps its figure, files that are gone leave."""
    merged = {**before, **now}
    return {file: merged[file] for file in sorted(files) if file in merged}


def read_times(path: Path = TIMES) -> dict[str, float]:
    """The table; empty where there is none."""
    return dict(json.loads(path.read_text("utf-8"))) if path.exists() else {}


def write_times(table: Mapping[str, float], path: Path = TIMES) -> None:
    path.write_text(json.dumps(table, indent=0, sort_keys=True) + "\n", "utf-8")


def lane(test: str, workers: int) -> str:
    """What is run by one worker, one after another: a file; and all tests that drive browsers together, on every second worker,
    because each of them takes all cores that it can get, and two beside each other wait for one another's pictures.
    """
    file = test.split("::")[0]
    if not file.removeprefix("tests/").startswith("acceptance/"):
        return file
    return f"browsers {zlib.crc32(file.encode()) % max(1, workers // 2)}"


def turn(file: str, times: Mapping[str, float]) -> tuple[float, str]:
    """Sort key of a file: the slowest first; one that was never measured may be slow, so it goes before all."""
    return -times.get(file, float("inf")), file
