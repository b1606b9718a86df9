"""A site's outbox and a hub's records on one simulated clock, with a line between them that a seed makes bad."""

import atexit
import random
import shutil
import sqlite3
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, create_engine, select
from sqlalchemy.pool import StaticPool

from belvedere.foundation.clock import MINUTE_US, SECOND_US, SimulatedClock
from belvedere.foundation.errors import LinkFault
from belvedere.hub.fleet.records import RecordBook
from belvedere.hub.fleet.tables import site_gap, site_mark, site_record
from belvedere.hub.storage.metadata import METADATA
from belvedere.link.records import LANES, Batch, pack, unpack
from belvedere.site.outbox.store import Outbox
from belvedere.site.storage.index import Index

HUB = bytes(32)
_TABLES = [site_record, site_mark, site_gap]


@cache
def empty_index() -> Path:
    """The file of an index with nothing in it, made once; copied for each site."""
    folder = TemporaryDirectory(prefix="outbox-")
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "index.db"
    Index(path, SimulatedClock()).close()
    return path


def hub_engine() -> Engine:
    """A hub's database in memory with the tables of records."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    METADATA.create_all(engine, tables=_TABLES)
    return engine


@dataclass
class Estate:
    """One site and its hub. `told`: everything that happened at the site, by lane."""

    folder: Path
    seed: int
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    told: dict[int, list[str]] = field(default_factory=lambda: {lane: [] for lane in LANES})
    commits: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        shutil.copy(empty_index(), self.folder / "index.db")
        self.index = Index(self.folder / "index.db", self.clock)
        self.outbox = Outbox(self.index, self.clock)
        self.outbox.begin(HUB)
        self.engine = hub_engine()
        self.book = RecordBook(self.engine, self.clock)
        self.backup: sqlite3.Connection | None = None
        with self.index.write() as db:
            db.execute("INSERT INTO camera (id, slug, name, enabled, created_us) VALUES (1, 'gate', 'Gate', 1, 0)")

    def happen(self) -> None:
        """A fault opens or changes, or a camera says something; one transaction with its record."""
        self.clock.advance(self.chance.randrange(1, 60 * SECOND_US))
        now_us = self.clock.now_us()
        number = sum(map(len, self.told.values()))
        with self.index.write() as db:
            if self.chance.random() < 0.3:
                name = f"f{number}"
                row = (name, f"camera:{name}", "silent", name, now_us, now_us, 1, now_us)
                db.execute(
                    "INSERT INTO fault (id, subject, kind, detail, first_us, last_us, times, changed_us)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
                self.told[0].append(name)
            else:
                db.execute(
                    "INSERT INTO device_event (camera_id, kind, source, active, arrival_us) VALUES (1, 'motion', ?, 1, ?)",
                    (f"e{number}", now_us),
                )
                self.told[1].append(f"e{number}")

    def exchange(self, batch: Batch) -> int:
        """The batch over the line and the answer back. Raises LinkFault when either is lost; the hub may have committed."""
        luck = self.chance.random()
        if luck < 0.15:
            raise LinkFault("The request was lost.")
        data = pack(batch)
        next_seq = self.book.take("rowan", unpack(data))
        self.commits += 1
        if luck < 0.25:  # the line repeats it
            next_seq = self.book.take("rowan", unpack(data))
        if luck < 0.4:
            raise LinkFault("The answer was lost.")
        return next_seq

    def send(self) -> bool:
        """One batch of the first lane that has any; False when nothing waits. A lost one counts as tried."""
        for lane in LANES:
            batch = self.outbox.batch(lane)
            if batch is not None:
                try:
                    self.outbox.received(batch.epoch, lane, self.exchange(batch))
                except LinkFault:
                    pass
                return True
        return False

    def ask(self) -> None:
        """How far the hub is, in each lane, as after each connection."""
        for lane in LANES:
            question = self.outbox.question(lane)
            assert question is not None
            while True:
                try:
                    assert self.outbox.received(question.epoch, lane, self.exchange(question))
                    break
                except LinkFault:
                    continue

    def restart_site(self) -> None:
        """The site's process is killed and comes back."""
        self.index.close()
        self.index = Index(self.folder / "index.db", self.clock)
        self.outbox = Outbox(self.index, self.clock)

    def back_up_hub(self) -> None:
        """Keep a copy of the hub's database."""
        copy = sqlite3.connect(":memory:", check_same_thread=False)
        with self.engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            raw.backup(copy)
        if self.backup is not None:
            self.backup.close()
        self.backup = copy

    def restore_hub(self) -> None:
        """Put the copy back: what came since is gone."""
        if self.backup is not None:
            with self.engine.connect() as connection:
                raw: Any = connection.connection.dbapi_connection
                self.backup.backup(raw)
            self.ask()

    def outbox_tidy(self) -> None:
        """The site drops what it need not keep; nothing that was not sent."""
        assert self.outbox.tidy() == 0

    def partition(self) -> None:
        """Three days without a line, in which things happen."""
        for _ in range(self.chance.randrange(5, 40)):
            self.happen()
            self.clock.advance(self.chance.randrange(MINUTE_US, 120 * MINUTE_US))

    def drain(self) -> None:
        """Until nothing waits."""
        self.ask()
        while self.send():
            pass

    def held(self) -> dict[int, list[str]]:
        """What the hub has, by lane, in order of the numbers; each body's own name."""
        found: dict[int, list[str]] = {lane: [] for lane in LANES}
        query = select(site_record.c.lane, site_record.c.body).order_by(site_record.c.lane, site_record.c.seq)
        with self.engine.connect() as connection:
            for row in connection.execute(query):
                body = row.body
                name = body.split('"id":"')[1] if row.lane == 0 else body.split('"source":"')[1]
                found[row.lane].append(name.split('"')[0])
        return found

    def close(self) -> None:
        self.index.close()
        self.engine.dispose()
        if self.backup is not None:
            self.backup.close()


def live(estate: Estate, steps: int) -> None:
    """A life drawn from the seed."""
    acts = (
        [estate.happen] * 8
        + [estate.send] * 6
        + [estate.restart_site, estate.back_up_hub, estate.restore_hub, estate.partition, estate.ask]
        + [estate.outbox_tidy]
    )
    for _ in range(steps):
        estate.chance.choice(acts)()
