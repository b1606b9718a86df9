"""A site's index of objects when it is large: ten questions through the site's own code, counts, and how fast rows go in.

`run.py bench sightings` fills 10 million events of 100 cameras over 31 days (quick: 1 million); `python bench/sightings.py ROWS`
as many as are named, 100 million for instance. In process, on SQLite, the file's pages warm.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from table import Claim, show

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, SystemClock
from belvedere.link.seeing import SearchIn, Wanted
from belvedere.media.objects import ObjectColour, ObjectKind
from belvedere.site.seeing import search
from belvedere.site.seeing.facets import Facets
from belvedere.site.seeing.sightings import pack_sightings
from belvedere.site.seeing.store import EventRow, Seen, SeenStore, Writing
from belvedere.site.storage.index import Index
from belvedere.vision.events.presence import Presence, Step
from belvedere.vision.objects.found import Box, Detection

CAMERAS, DAYS = 100, 31
START_US = 1_790_000_000_000_000
SPAN_US = DAYS * DAY_US
GOAL_MS, GOAL_COUNT_MS, GOAL_RATE, GOAL_CORE = 2.0, 100.0, 20_000, 20.0
_PART = 1_000_000
_INDEXES = ("seen_event_by_time", "seen_event_by_kind", "seen_event_by_shade")
_FILL = """
WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :last),
r AS (SELECT i, abs(random()) % 100 k, abs(random()) % 12 c, 1 + abs(random()) % :cameras m, abs(random()) % 6000 + 3000 s,
      :start + CAST(i AS INTEGER) * :step + abs(random()) % 1000000 t, abs(random()) % 7000 x FROM n),
v AS (SELECT *, CASE WHEN k < 45 THEN 1 WHEN k < 78 THEN 4 WHEN k < 86 THEN 5 WHEN k < 92 THEN 2 WHEN k < 95 THEN 3
      WHEN k < 97 THEN 6 WHEN k < 99 THEN 8 ELSE 7 END kind FROM r)
INSERT INTO seen_event (id, camera_id, stream_id, segment_id, kind, shade, upper, lower, start_us, end_us, best_us, confidence,
    box_left, box_top, box_right, box_bottom, sightings, heading, detail, model_id, path)
SELECT i, m, m, 1, kind, CASE WHEN kind IN (3, 4, 5) THEN c ELSE 0 END, c, (c * 7) % 12, t - 2000000, t + 4000000, t, s,
    x, 4000, x + 900, 6000 + s / 4, 4, k % 9 - 1, 1, 1, zeroblob(50) FROM v
"""


def fill(index: Index, rows: int) -> float:
    """Events in the order of time; the indexes are made afterwards. Returns seconds."""
    begun = time.monotonic()
    with index.write() as db:
        db.execute("INSERT INTO seen_model (id, name) VALUES (1, 'nanodet-g/3.0.4')")
        for number in range(1, CAMERAS + 1):
            db.execute("INSERT INTO camera VALUES (?, ?, 'x', NULL, 1, 0, 0)", (number, name(number)))
            db.execute("INSERT INTO stream (id, camera_id, kind) VALUES (?, ?, 'sub')", (number, number))
        made = {
            each: db.execute("SELECT sql FROM sqlite_master WHERE name = ?", (each,)).fetchone()[0] for each in _INDEXES
        }
        for each in _INDEXES:
            db.execute(f"DROP INDEX {each}")
    given = {"cameras": CAMERAS, "start": START_US, "step": SPAN_US // rows}
    for first in range(1, rows + 1, _PART):
        with index.write() as db:
            db.execute(_FILL, given | {"first": first, "last": min(first + _PART, rows + 1)})
    with index.write() as db:
        for sql in made.values():
            db.execute(sql)
    return time.monotonic() - begun


def name(number: int) -> str:
    return f"cam-{number:03}"


Ask = Callable[[], int]


class Asker:
    """Questions with changing cameras and times."""

    def __init__(self, index: Index) -> None:
        self._db = index.read()
        self._draw = random.Random(7)

    def page(self, cameras: int, span_us: int, wanted: Wanted, order: str = "newest", *, zone: bool = False) -> int:
        ids, facets = self._facets(cameras, wanted, zone)
        found = search.find(self._db, ids, self._span(span_us), facets, order, 50, "")
        return len(found.events)

    def counts(self, cameras: int, span_us: int, wanted: Wanted) -> int:
        ids, facets = self._facets(cameras, wanted, False)
        span = self._span(span_us)
        return sum(sum(search.count(self._db, number, span, 15 * MINUTE_US, facets)) for number in ids)

    def _facets(self, cameras: int, wanted: Wanted, zone: bool) -> tuple[list[int], Facets]:
        ids = sorted(self._draw.sample(range(1, CAMERAS + 1), cameras))
        where = ((0.1, 0.3), (0.8, 0.3), (0.8, 0.95), (0.1, 0.95)) if zone else None
        chosen = [SearchIn(name(number), where) for number in ids]
        return ids, Facets(chosen, wanted, {name(number): number for number in ids})

    def _span(self, length_us: int) -> search.Span:
        first_us = START_US + self._draw.randrange(max(1, SPAN_US - length_us))
        return search.Span(first_us, first_us + length_us)


def questions(a: Asker) -> dict[str, Ask]:
    """What is asked at an ordinary desk."""
    person, car, dog, bag = (int(kind) for kind in (ObjectKind.PERSON, ObjectKind.CAR, ObjectKind.DOG, ObjectKind.BAG))
    vehicles, red = (3, 4, 5), (int(ObjectColour.RED),)
    return {
        "12 cameras, 3 hours, vehicle, red, newest": lambda: a.page(
            12, 3 * HOUR_US, Wanted(kinds=vehicles, colours=red)
        ),
        "12 cameras, a day, person": lambda: a.page(12, DAY_US, Wanted(kinds=(person,))),
        "1 camera, a day, anything": lambda: a.page(1, DAY_US, Wanted()),
        "12 cameras, 31 days, van or car, blue": lambda: a.page(12, SPAN_US, Wanted(kinds=(4, 5), colours=(9,))),
        "12 cameras, a week, dog": lambda: a.page(12, 7 * DAY_US, Wanted(kinds=(dog,))),
        "4 cameras, a day, person in a zone": lambda: a.page(4, DAY_US, Wanted(kinds=(person,)), zone=True),
        "12 cameras, a week, car going up": lambda: a.page(12, 7 * DAY_US, Wanted(kinds=(car,), headings=(0,))),
        "12 cameras, a day, car, sure": lambda: a.page(12, DAY_US, Wanted(kinds=(car,), least_confidence=0.8)),
        "12 cameras, 3 days, bag, oldest": lambda: a.page(12, 3 * DAY_US, Wanted(kinds=(bag,)), "oldest"),
        "4 cameras, a day, motorcycle, any colour": lambda: a.page(4, DAY_US, Wanted(kinds=(3,))),
    }


def p95_ms(ask: Ask, times: int) -> tuple[float, int]:
    """Milliseconds, and how many answers were not empty."""
    taken, full = [], 0
    for _ in range(times):
        begun = time.perf_counter()
        full += ask() > 0
        taken.append((time.perf_counter() - begun) * 1000)
    return sorted(taken)[int(0.95 * len(taken))], full


def ingest(index: Index, clock: SystemClock, seconds: int) -> tuple[float, float]:
    """Sightings a second of wall time, and share of a core (percent) at 20,000 a second; events and rows of segments with them."""
    store = SeenStore(index)
    with index.write() as db:
        db.execute("PRAGMA foreign_keys = OFF")  # the rows of footage that these segments would have are left out
    index._writer.execute("PRAGMA foreign_keys = OFF")
    end_us = START_US + SPAN_US
    with index.write() as db:
        db.executemany(
            "INSERT INTO segment VALUES (?, ?, 1, 1, 1, 1, ?, 1, 1, ?, 60000000, 0, 5400000, 0, 0, 1, 1, x'', 0, 0, '', x'')",
            [(n, 1 + n % CAMERAS, n, end_us + n // CAMERAS * 60 * SECOND_US) for n in range(1, seconds * CAMERAS + 1)],
        )
    box = Box(0.2, 0.3, 0.4, 0.7)
    found = [Detection(ObjectKind.CAR, 0.8, box, ObjectColour.RED)] * 5
    rows = 0
    begun, cpu = time.monotonic(), time.process_time()
    for round_ in range(seconds):
        writing = Writing()
        for camera in range(CAMERAS):
            number = round_ * CAMERAS + camera + 1
            start_us = end_us + number // CAMERAS * 60 * SECOND_US
            pictures = [pack_sightings(start_us, start_us + n * 2 * SECOND_US, found) for n in range(30)]
            writing.seen.append(Seen(number, 1, 1, b"\x02" * 60, b"".join(pictures)))
            rows += 30 * len(found)
            for n in range(10):
                at_us = start_us + n * 6 * SECOND_US
                path = tuple(Step(at_us + k * SECOND_US, 0.2 + k / 20, 0.7, 0.4) for k in range(6))
                presence = Presence(
                    n, ObjectKind.CAR, ObjectColour(1 + n), ObjectColour.UNKNOWN, at_us, at_us + 5 * SECOND_US, at_us,
                    0.8, box, 6, 2, 0.1, True, 0, path,
                )  # fmt: skip
                writing.events.append(EventRow(store.event_id(), number, 1, 1, presence))
        store.write(writing)
    wall, used = time.monotonic() - begun, time.process_time() - cpu
    return rows / wall, 100 * used / rows * GOAL_RATE


def bench(*, quick: bool, rows: int = 0) -> list[Claim]:
    """See the module's own words."""
    rows = rows or (1_000_000 if quick else 10_000_000)
    clock = SystemClock()
    claims = []
    with tempfile.TemporaryDirectory(prefix="bv-sightings-", dir="/var/tmp") as folder:
        index = Index(Path(folder) / "index.db", clock)
        try:
            took = fill(index, rows)
            size = (Path(folder) / "index.db").stat().st_size / 1e9
            claims.append(Claim(f"{rows / 1e6:.0f} M events, index file", "", size, "GB", "filled in s", took))
            asker = Asker(index)
            times = 40 if quick else 200
            for words, ask in questions(asker).items():
                p95_ms(ask, 5)
                ms, full = p95_ms(ask, times)
                share = 100 * full / times
                claims.append(Claim(f"p95: {words}", f"< {GOAL_MS:.0f}", ms, "ms", "with hits, %", share, ms < GOAL_MS))
            for cameras, span_us, words in ((12, DAY_US, "12 cameras, a day"), (12, 7 * DAY_US, "12 cameras, a week")):
                ms, _ = p95_ms(lambda: asker.counts(cameras, span_us, Wanted(kinds=(4,))), 20)  # noqa: B023 - asked at once
                claims.append(Claim(f"p95: cars by 15 minutes, {words}", "< 100", ms, "ms", ok=ms < GOAL_COUNT_MS))
            rate, core = ingest(index, clock, 10 if quick else 40)
            claims.append(
                Claim("sightings in, with their events, indexes live", ">= 20,000", rate, "/s", ok=rate >= GOAL_RATE)
            )
            claims.append(Claim("core for 20,000 sightings a second", "< 20", core, "%", ok=core < GOAL_CORE))
        finally:
            index.close()
    return claims


if __name__ == "__main__":
    show("sightings", bench(quick=False, rows=int(sys.argv[1])), quick=False)
