"""Thirty days of sixty cameras in minutes, by a clock of the test's own, through the real index, files, keys and retention.

Each camera brings one small segment every three hours. Footage is kept for 7 days (one class: 3), there are holds, a night
that stops, a full disk, restarts. At the end everything adds up to the byte: rows, files and counters.
"""

import hashlib
import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from belvedere.foundation.clock import DAY_US, HOUR_US, SECOND_US, SimulatedClock
from belvedere.link.retention import ClassOrder, Decision, Destruction, HoldOrder, Orders
from belvedere.media.stream import EndReason, Fragment, StreamKind
from belvedere.site.recorder.check import check
from belvedere.site.recorder.events import Add, Begin, End
from belvedere.site.recorder.reconcile import begin_boot, reconcile
from belvedere.site.recorder.track import Track
from belvedere.site.recorder.writer import DiskWriter
from belvedere.site.retention.headroom import headroom
from belvedere.site.retention.keeper import RetentionKeeper
from belvedere.site.retention.orders import OrderBook
from belvedere.site.retention.plan import night_of
from belvedere.site.retention.telling import destructions
from belvedere.site.storage.cameras import Cameras
from belvedere.site.storage.disk import Disk
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import ConnectionSafe, Keyring
from recorder_rig import BrokenFiles, config

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(900)]

CAMERAS, DAYS, KEPT, SHORT = 60, 30, 7, 3
FRAGMENTS, SIZE = 4, 300
STEP_US = 3 * HOUR_US
BEGAN_US = 20_700 * DAY_US


class QuickFiles(BrokenFiles):
    """Files of a machine that never loses power: a month's syncs would take an hour, and other tests look at them."""

    def sync(self, fd: int) -> None:
        pass

    def sync_folder(self, path: str) -> None:
        pass


class Site:
    """One disk, sixty cameras."""

    def __init__(self, folder: Path) -> None:
        self.clock = SimulatedClock(BEGAN_US)
        self.files = QuickFiles(folder / "footage")
        self.folder = folder
        self.revision = 0
        self.written = 0  # bytes of segments that were ever recorded
        self.open(fresh=True)

    def open(self, *, fresh: bool = False) -> None:
        self.index = Index(self.folder / "index.db", self.clock)
        with self.index._lock:
            self.index._writer.execute("PRAGMA synchronous = OFF")
        self.keyring = Keyring(self.index, b"k" * 32, self.clock)
        self.cameras = Cameras(self.index, ConnectionSafe(b"c" * 32), self.clock)
        if fresh:
            with self.index.write() as db:
                db.execute("INSERT INTO disk (uuid, path, created_us) VALUES ('disk-1', 'footage', 0)")
            for number in range(CAMERAS):
                self.cameras.put(f"cam-{number:02}", f"Camera {number}", "", "", True)
        self.disk = Disk(self.files, 1, "disk-1", "site-1", "footage")
        if fresh:
            self.disk.claim()
        found = reconcile(self.index, self.keyring, [self.disk])
        assert not (found.missing or found.damaged or found.unknown)
        boot = begin_boot(self.index, found, "t", self.clock.now_us())
        numbers = lambda: self.index.next_id("file")  # noqa: E731
        self.writer = DiskWriter(
            self.disk,
            self.index,
            self.keyring,
            self.clock,
            boot=boot,
            next_seq=numbers,
            segment_seconds=60,
            sync_ms=100,
            min_free_bytes=0,
        )
        self.keeper = RetentionKeeper(
            self.index, self.keyring, [self.disk], self.clock, boot=boot, next_seq=numbers, default_days=KEPT
        )
        self.book = OrderBook(self.index, self.clock, "main", self.folder / "hub.pub")

    def hour(self, day: int, hour: int) -> None:
        """Two seconds of every camera, then the hour passes."""
        start = self.clock.now_us()
        for number in range(CAMERAS):
            track = Track(self.cameras.stream(f"cam-{number:02}", StreamKind.MAIN))
            self.writer.offer(Begin(track, config()))
            for n in range(FRAGMENTS):
                seed = f"{day} {hour} {number} {n}".encode()
                data = hashlib.sha256(seed).digest() * (SIZE // 32)
                at = start + (n + 1) * SECOND_US // 2 - SECOND_US // 10
                self.writer.offer(Add(track, Fragment(data, n * 45_000, 45_000, 5, n % 2 == 0, at)))
            self.writer.offer(End(track, EndReason.RESTART, ""))
        self.writer.cycle()
        self.clock.advance(STEP_US)
        self.keeper.tick()

    def order(self, holds: list[HoldOrder], decisions: list[Decision], days: int = SHORT) -> None:
        self.revision += 1
        short = {f"cam-{number:02}": "short" for number in range(0, CAMERAS, 10)}
        orders = Orders(
            1,
            "main",
            self.revision,
            self.clock.now_us(),
            (ClassOrder("short", days, ""),),
            short,
            tuple(holds),
            tuple(decisions),
        )
        self.book.apply(orders)

    def number(self, sql: str, *values: object) -> int:
        return int(self.index.read().execute(sql, values).fetchone()[0] or 0)


def hold(site: Site, name: str, cameras: range, start_us: int, end_us: int, ended_us: int | None = None) -> HoldOrder:
    slugs = tuple(f"cam-{number:02}" for number in cameras)
    return HoldOrder(
        name, slugs, start_us, end_us, "Ada", "r", "", BEGAN_US, 1 << 60, ended_us, "done" if ended_us else ""
    )


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: 30,000 small files need no disk, and other tests' syncs hold theirs up."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="bv-month-", dir=memory) as folder:
        yield Path(folder)


def test_a_month_of_sixty_cameras_adds_up_to_the_byte(room: Path) -> None:
    site = Site(room)
    chance = random.Random(5)
    site.order([], [])
    a = hold(site, "hold_a", range(5, 9), BEGAN_US + 26 * HOUR_US, BEGAN_US + 31 * HOUR_US)
    b = hold(site, "hold_b", range(30, 32), BEGAN_US + 5 * DAY_US, BEGAN_US + 5 * DAY_US + SECOND_US // 2)
    holds: list[HoldOrder] = []
    decisions: list[Decision] = []
    stops = 0
    for day in range(DAYS):
        if day == 2:
            holds = [a]
        if day == 6:
            holds = [a, b]
        if day == 20:
            holds = [hold(site, "hold_a", range(5, 9), a.from_us, a.to_us, ended_us=site.clock.now_us()), b]
        site.order(holds, decisions, days=1 if day >= 24 else SHORT)
        for hour in range(DAY_US // STEP_US):
            site.hour(day, hour)
            if chance.random() < 0.01:
                site.index.close()
                site.open()
        if day == 15:
            assert site.writer.space.make_room(50_000), "a full disk takes what is in quarantine first"
            assert site.number("SELECT count(*) FROM destroyed_segment WHERE why = 'space' AND marked_us = 0") == 0
        stopped = (
            site.index.read()
            .execute("SELECT night, planned_bytes FROM retention_night WHERE state = 'stopped' ORDER BY night DESC")
            .fetchone()
        )
        if stopped is not None:
            stops += 1
            who = Decision(f"d{day}", "go", "Dora", "the class is shorter now", 0, night=stopped[0], bytes=stopped[1])
            decisions.append(who)
    on_disk = sum(site.files.size(name) for name in site.files.names())
    kept = site.number("SELECT sum(bytes) FROM segment")
    waiting = site.number("SELECT sum(bytes) FROM quarantine")
    assert on_disk == kept + waiting == site.number("SELECT sum(bytes_kept) FROM stream") + waiting
    assert site.number("SELECT count(*) FROM garbage") == 0
    assert set(site.files.names()) == {
        path for (path,) in site.index.read().execute("SELECT path FROM segment UNION SELECT path FROM quarantine")
    }
    assert check(site.index, site.keyring, [site.disk], contents=True) == []

    # What was recorded is kept, waits, or is certified as destroyed: no segment is missing, none is told of twice.
    recorded = DAYS * (DAY_US // STEP_US) * CAMERAS
    told = sum(line.segments for line in every_line(site)) + site.number("SELECT count(*) FROM destroyed_segment")
    copies = site.number("SELECT count(*) FROM held_copy")
    footage, quarantined = (site.number(f"SELECT count(*) FROM {table}") for table in ("segment", "quarantine"))
    assert footage + quarantined + told == recorded + copies

    # Exactly the seconds of the second hold are left of its day, whole groups of a second outwards.
    old = site.index.read().execute(
        "SELECT c.slug, g.start_us, g.dur_us FROM segment g JOIN stream s ON s.id = g.stream_id "
        "JOIN camera c ON c.id = s.camera_id WHERE g.kept_from_us < ? ORDER BY 1, 2",
        ((night_of(site.clock.now_us()) - KEPT - 1) * DAY_US,),
    )
    assert old.fetchall() == [(f"cam-{number}", b.from_us, SECOND_US) for number in (30, 31)]
    # No key is older than what it opens.
    days = {day for (day,) in site.index.read().execute("SELECT DISTINCT day FROM day_key")}
    assert min(days) >= (BEGAN_US // DAY_US) + DAYS - KEPT - 3
    assert stops == 1, "only the night after the class was shortened was far beyond its forecast"
    left = headroom(site.index, site.disk, site.clock.now_us(), 0, KEPT)
    assert left.known and left.bytes_a_day > 0 and left.days is None
    site.index.close()


def every_line(site: Site) -> list[Destruction]:
    found: list[Destruction] = []
    after = 0
    while lines := destructions(site.index, after):
        found += lines
        after = lines[-1].id
    return found
