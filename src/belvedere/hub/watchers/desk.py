"""The watch: reads the log as it grows, asks every detector, keeps what they find in the data protection officer's queue.

The detectors live in memory and remember nothing that is not in the log. After a restart the last 31 days are read again
to bring them back; only what lies behind the position in the database is judged. Findings and position move in one
transaction, so nothing is told twice and nothing is left out.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog
from sqlalchemy import Connection, Engine, func, insert, select, update

from belvedere.foundation.clock import DAY_US, SECOND_US, Clock
from belvedere.foundation.errors import StorageFault
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import audit_entry
from belvedere.hub.watchers.acts import KINDS, ActReader
from belvedere.hub.watchers.blind import Blinder, watching_key
from belvedere.hub.watchers.conflicts import Conflicts
from belvedere.hub.watchers.findings import Detector, Finding
from belvedere.hub.watchers.habits import ApproverPairs, CaseTiming, DwellingLook, OffShift, UnreviewedGlass, Volume
from belvedere.hub.watchers.notices import FINDING, SAMPLE, WEEKLY, put_item
from belvedere.hub.watchers.people import PeopleBook
from belvedere.hub.watchers.queue import Queue
from belvedere.hub.watchers.repeats import DeclaredConflict, RepeatPlace, RepeatSubject
from belvedere.hub.watchers.sample import day_end_size, grants_of, is_drawn, root_at
from belvedere.hub.watchers.tables import dpo_item, watch_position
from belvedere.hub.watchers.weight import Weighing

WATCH_FOUND = "watch.found"
SAMPLE_DRAWN = "sample.drawn"
EVERY_S = 15.0
FRESH_US = 2 * SECOND_US  # a page that looks gets findings at most so old
BACK_US = 31 * DAY_US  # read again after a restart
FINDING_DUE_US = 7 * DAY_US
SAMPLE_DUE_US = 14 * DAY_US
_BATCH = 2_000
_DETECTORS, _SAMPLES = "detectors", "samples"
_MOST_DAYS = 31  # of samples drawn at once, after a long time off

_log = structlog.get_logger()


def all_detectors() -> tuple[Detector, ...]:
    """One of each, fresh."""
    return (
        RepeatSubject(),
        RepeatPlace(),
        DeclaredConflict(),
        OffShift(),
        Volume(),
        CaseTiming(),
        ApproverPairs(),
        DwellingLook(),
        UnreviewedGlass(),
    )


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The sample of one day, as it is entered in the log."""

    day: int
    size: int
    root: str
    grants: int
    drawn: list[int]


class _Row(NamedTuple):
    at: int
    time_us: int
    kind: str
    account_id: str
    body: str | None


class WatchDesk:
    """One for each hub; use it on the hub's event loop."""

    def __init__(self, engine: Engine, clock: Clock, audit: AuditLog, key_file: Path) -> None:
        self._engine = engine
        self._clock = clock
        self._audit = audit
        self.blinder = Blinder(watching_key(key_file))
        self.people = PeopleBook(engine, clock, self.blinder)
        self.conflicts = Conflicts(engine, self.blinder)
        self.queue = Queue(engine, clock)
        self._reader = ActReader(self.blinder)
        self._detectors = all_detectors()
        self._weighing = Weighing()
        self._next: int | None = None  # first entry not read yet; None before the first reading
        self._lock = asyncio.Lock()
        self._read_us: int | None = None
        self._task: asyncio.Task[None] | None = None
        self._work: asyncio.Future[tuple[list[tuple[str, str]], list[_Drawn]]] | None = None

    def start(self) -> None:
        """Begin to watch by itself."""
        self._task = asyncio.create_task(self._keep_watching(), name="watchers")

    async def stop(self) -> None:
        """End that."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._work is not None:  # a thread can't be cancelled: wait until it has let go of the database
            await asyncio.gather(self._work, return_exceptions=True)

    async def refresh(self, *, at_once: bool = False) -> None:
        """Judge what is new in the log, unless that was done FRESH_US ago."""
        async with self._lock:
            now_us = self._clock.monotonic_us()
            if not at_once and self._read_us is not None and now_us - self._read_us < FRESH_US:
                return
            self._work = asyncio.ensure_future(asyncio.to_thread(self._judge_and_draw))
            found, drawn = await asyncio.shield(self._work)
            self._read_us = self._clock.monotonic_us()
        for item_id, rule in found:
            await self._audit.append(WATCH_FOUND, "hub", {"item": item_id, "rule": rule})
        for day in drawn:
            facts = {"day": day.day, "size": day.size, "root": day.root, "grants": day.grants, "drawn": day.drawn}
            await self._audit.append(SAMPLE_DRAWN, "hub", facts)

    def newest(self, kinds: str, limit: int) -> list[int]:
        """Log indices of the newest entries whose kind begins with `kinds`. Blocking."""
        query = select(audit_entry.c.index).where(audit_entry.c.kind.startswith(kinds, autoescape=True))
        with reading(self._engine) as connection:
            found = list(connection.scalars(query.order_by(audit_entry.c.index.desc()).limit(limit)))
        size = self._audit.checkpoint().size
        return [index for index in found if index < size]

    async def _keep_watching(self) -> None:
        while True:
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001 - the database may be busy or full; it is read again
                _log.warning("log_not_watched", exc_info=error)
            await asyncio.sleep(EVERY_S)

    # In a thread ---------------------------------------------------------------------------------------------------

    def _judge_and_draw(self) -> tuple[list[tuple[str, str]], list[_Drawn]]:
        return self._judge(), self._draw()

    def _judge(self) -> list[tuple[str, str]]:
        """Read on to the log's end; ids and rules of the items that were made."""
        size = self._audit.checkpoint().size
        people = self.people.load()
        position = self._position(_DETECTORS)
        start = self._next if self._next is not None else self._first_to_read(position)
        made: list[tuple[str, str]] = []
        while start < size:
            end = min(start + _BATCH, size)
            findings: list[Finding] = []
            for row in self._rows(start, end):
                facts = msgspec.json.decode(row.body)["facts"] if row.body else {}
                act = self._reader.read(row.at, row.time_us, row.kind, row.account_id, facts)
                if act is None:
                    continue
                for detector in self._detectors:
                    told = [self._weighing.weigh(finding) for finding in detector.see(act, people)]
                    if act.index >= position:
                        findings += told
            if end > position:
                made += self._keep(findings, end)
            self._next = start = end
        late = [finding for detector in self._detectors for finding in detector.pass_time(self._clock.now_us())]
        if late:
            made += self._keep(late, max(size, position))
        return made

    def _keep(self, findings: Sequence[Finding], next_index: int) -> list[tuple[str, str]]:
        with writing(self._engine) as connection:
            known = _known(connection, [finding.matter for finding in findings])
            made = []
            for finding in findings:
                if finding.matter in known:
                    continue
                known.add(finding.matter)
                item_id = put_item(
                    connection,
                    self._clock,
                    FINDING if finding.strong else WEEKLY,
                    finding.rule,
                    finding.person,
                    finding.text,
                    finding.facts,
                    matter=finding.matter,
                    entries=finding.entries,
                    made_us=finding.time_us,
                    due_us=self._due_us(finding),
                )
                made.append((item_id, finding.rule))
            self._move(connection, _DETECTORS, next_index)
        return made

    def _due_us(self, finding: Finding) -> int:
        """A week for what is told at once; the end of the week that follows for the weekly list, so that it is read as one."""
        now_us = self._clock.now_us()
        if finding.strong:
            return now_us + FINDING_DUE_US
        days = now_us // DAY_US
        monday = days + 7 - (days + 3) % 7  # the first of January 1970 was a Thursday
        return (monday + 7) * DAY_US

    def _draw(self) -> list[_Drawn]:
        """Draw the days that are over and were not drawn yet."""
        today = self._clock.now_us() // DAY_US
        size = self._audit.checkpoint().size
        day = max(self._position(_SAMPLES) or self._first_day(today), today - _MOST_DAYS)
        made = []
        while day < today:
            tree = day_end_size(self._engine, day, size)
            if tree is None:
                break
            try:
                root = root_at(tree, self._audit.tile)
            except ValueError as error:
                raise StorageFault(
                    f"The sample can't be drawn: {error}.", advice="Check the log: `belvedere audit verify`."
                ) from error
            made.append(self._put_sample(day, tree, root))
            day += 1
        return [each for each in made if each.grants]

    def _put_sample(self, day: int, size: int, root: bytes) -> _Drawn:
        with writing(self._engine) as connection:
            grants = grants_of(connection, day)
            drawn = [(index, person) for index, person in grants if is_drawn(root, index)]
            for index, person in drawn:
                put_item(
                    connection,
                    self._clock,
                    SAMPLE,
                    "sample",
                    person,
                    "Chosen at random. Does the reason given fit what was looked at?",
                    {"grant_entry": index, "day": day},
                    matter=f"sample:{index}",
                    entries=(index,),
                    due_us=self._clock.now_us() + SAMPLE_DUE_US,
                )
            self._move(connection, _SAMPLES, day + 1)
        return _Drawn(day, size, root.hex(), len(grants), [index for index, _ in drawn])

    def _rows(self, start: int, end: int) -> Sequence[_Row]:
        query = (
            select(
                audit_entry.c.index,
                audit_entry.c.time_us,
                audit_entry.c.kind,
                audit_entry.c.account_id,
                audit_entry.c.body,
            )
            .where(audit_entry.c.index >= start, audit_entry.c.index < end, audit_entry.c.kind.in_(KINDS))
            .order_by(audit_entry.c.index)
        )
        with reading(self._engine) as connection:
            return [_Row(*row) for row in connection.execute(query)]

    def _first_to_read(self, position: int) -> int:
        """Where to begin after a restart: 31 days before what was judged last."""
        with reading(self._engine) as connection:
            time_us = connection.scalar(select(watch_position.c.time_us).where(watch_position.c.name == _DETECTORS))
            if not position or time_us is None:
                return 0
            first = select(func.min(audit_entry.c.index)).where(audit_entry.c.time_us >= time_us - BACK_US)
            return min(position, connection.scalar(first) or 0)

    def _first_day(self, today: int) -> int:
        with reading(self._engine) as connection:
            first = connection.scalar(select(func.min(audit_entry.c.time_us)))
        return today if first is None else first // DAY_US

    def _position(self, name: str) -> int:
        with reading(self._engine) as connection:
            return connection.scalar(select(watch_position.c.next_index).where(watch_position.c.name == name)) or 0

    def _move(self, connection: Connection, name: str, next_index: int) -> None:
        values = {"next_index": next_index, "time_us": self._clock.now_us()}
        if (
            connection.execute(update(watch_position).where(watch_position.c.name == name).values(**values)).rowcount
            == 0
        ):
            connection.execute(insert(watch_position).values(name=name, **values))


def _known(connection: Connection, matters: Iterable[str]) -> set[str]:
    wanted = list(matters)
    return set(connection.scalars(select(dpo_item.c.matter).where(dpo_item.c.matter.in_(wanted)))) if wanted else set()
