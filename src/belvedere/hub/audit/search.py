"""Searching the log: by person, kind, camera, case, grant, time, refusals; paged by key; counted over time.

What an entry is about stands in `audit_about`, written behind the log by whoever searches next, never by whoever appends:
appending is on the way of every picture. Blocking and thread-safe.
"""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, insert, literal_column, select, update

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, iso
from belvedere.hub.audit.hours import CAMERA, DID, KIND, PERSON, Counted, add_hours, did, hours_between, indices_of
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.audit.rows import Entry, entry_of_row
from belvedere.hub.audit.tables import audit_about, audit_about_position
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import audit_entry

_AT_ONCE = 2000  # entries indexed in one transaction
_LONGEST_NAME = 128
MOST_BUCKETS = 120
_WIDTHS_US = (
    *(SECOND_US, 10 * SECOND_US, MINUTE_US, 5 * MINUTE_US, 15 * MINUTE_US, HOUR_US, 3 * HOUR_US, 6 * HOUR_US),
    *(DAY_US, 7 * DAY_US, 28 * DAY_US, 364 * DAY_US, 3640 * DAY_US),
)
# Facts by which entries are found, and under which subject. Lists count each of their names.
_SUBJECTS = {"camera": "camera", "cameras": "camera", "case": "case", "grant": "grant", "account": "account"}


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which entries are wanted; what is empty does not narrow. Times in microseconds UTC, [from_us, to_us)."""

    person: str = ""  # account id, or `hub`, `site:ID`, `command line`
    kind: str = ""
    camera: str = ""
    case: str = ""
    grant: str = ""
    about: str = ""  # account id of whom it was done to
    from_us: int | None = None
    to_us: int | None = None
    refused: bool = False

    def words(self, name: Mapping[str, str]) -> str:
        """The filters as a person would say them, for the log. `name`: display names by account id."""
        said = [
            f"by {name.get(self.person, self.person)}" if self.person else "",
            f"about {name.get(self.about, self.about)}" if self.about else "",
            f"kind {self.kind}" if self.kind else "",
            f"camera {self.camera}" if self.camera else "",
            f"case {self.case}" if self.case else "",
            f"access {self.grant}" if self.grant else "",
            f"from {iso(self.from_us)}" if self.from_us is not None else "",
            f"before {iso(self.to_us)}" if self.to_us is not None else "",
            "refusals only" if self.refused else "",
        ]
        return ", ".join(each for each in said if each) or "everything"

    def counted_under(self) -> tuple[str, str] | None:
        """The subject and name under which `audit_hour` counts just these entries; None where it counts no such thing."""
        if self.kind and self.person:
            named = [(DID, did(self.person, self.kind)), (CAMERA, self.camera)]
        else:
            named = [(KIND, self.kind), (PERSON, self.person), (CAMERA, self.camera)]
        found = [(subject, name) for subject, name in named if name] or [("", "")]
        return None if len(found) > 1 or self.case or self.grant or self.about else found[0]

    def subjects(self) -> list[tuple[str, str]]:
        """The rows of `audit_about` that an entry must have."""
        named = [("grant", self.grant), ("case", self.case), ("account", self.about), ("camera", self.camera)]
        return [(subject, name) for subject, name in named if name] + ([("refused", "")] if self.refused else [])


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many entries, and how many refusals among them, from `start_us` on."""

    start_us: int
    count: int
    refused: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts over time, empty buckets left out. `width_us` of each; `total` of all that were wanted."""

    width_us: int
    buckets: tuple[Bucket, ...]
    total: int


def abouts(entry: Entry) -> set[tuple[str, str]]:
    """What an entry is about: (subject, name)."""
    found = {("refused", "")} if entry.kind.endswith(".refused") else set()
    for fact, subject in _SUBJECTS.items():
        value = entry.facts.get(fact)
        for name in value if isinstance(value, list) else [value]:
            if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME:
                found.add((subject, name))
    return found


def _counted(entry: Entry) -> Counted:
    cameras = sorted(name for subject, name in abouts(entry) if subject == "camera")
    return Counted(entry.index, entry.time_us, entry.kind, entry.actor, tuple(cameras))


def _width(first_us: int, last_us: int) -> int:
    return next(width for width in _WIDTHS_US if last_us // width - first_us // width < MOST_BUCKETS)


class LogSearch:
    """Finds entries of the log."""

    def __init__(self, engine: Engine, log: AuditLog) -> None:
        self._engine = engine
        self._log = log
        self._lock = threading.Lock()  # one thread indexes; the others wait, and find it done

    def catch_up(self) -> int:
        """Index what was appended since the last time; how many entries there were."""
        done = 0
        with self._lock:
            end = self._log.checkpoint().size
            while (count := self._index_some(end)) > 0:
                done += count
        return done

    def _index_some(self, end: int) -> int:
        with reading(self._engine) as connection:
            if (_position(connection) or 0) >= end:
                return 0
        with writing(self._engine) as connection:
            known = _position(connection)
            first = known or 0
            query = select(audit_entry).where(
                audit_entry.c.index >= first, audit_entry.c.index < min(end, first + _AT_ONCE)
            )
            found = connection.execute(query.order_by(audit_entry.c.index)).mappings()
            entries = [entry_of_row(row) for row in found]
            rows = [
                {"subject": subject, "name": name, "index": entry.index}
                for entry in entries
                for subject, name in sorted(abouts(entry))
            ]
            if rows:
                connection.execute(insert(audit_about), rows)
            add_hours(connection, map(_counted, entries))
            reached = min(end, first + _AT_ONCE)
            if known is None:
                connection.execute(insert(audit_about_position).values(id=1, next_index=reached))
            else:
                connection.execute(update(audit_about_position).values(next_index=reached))
            return reached - first

    def find(self, wanted: LogFilter, before: int | None = None, limit: int = 100) -> list[Entry]:
        """The newest `limit` entries wanted below index `before`, newest first."""
        self.catch_up()
        with reading(self._engine) as connection:
            return self._page(connection, wanted, before, limit)

    def all(self, wanted: LogFilter, most: int) -> Iterator[Entry]:
        """All entries wanted, newest first, `most` at most; memory does not grow with their number."""
        self.catch_up()
        before: int | None = None
        while most > 0:
            with reading(self._engine) as connection:
                page = self._page(connection, wanted, before, min(most, 1000))
            yield from page
            if not page:
                return
            before, most = page[-1].index, most - len(page)

    def _page(self, connection: Connection, wanted: LogFilter, before: int | None, limit: int) -> list[Entry]:
        query, index = self._narrowed(connection, select(audit_entry), wanted)
        if query is None:
            return []
        if before is not None:
            query = query.where(index < before)
        rows = connection.execute(query.order_by(index.desc()).limit(limit)).mappings()
        return [entry_of_row(row) for row in rows]

    def histogram(self, wanted: LogFilter) -> Histogram:
        """How many entries are wanted, over time, in at most MOST_BUCKETS buckets."""
        self.catch_up()
        with reading(self._engine) as connection:
            return self._of_hours(connection, wanted) or self._of_entries(connection, wanted)

    def _of_hours(self, connection: Connection, wanted: LogFilter) -> Histogram | None:
        """The picture from what was counted by the hour; None for what is narrower than that, in time or in subject."""
        place = wanted.counted_under()
        if place is None:
            return None
        from_us, to_us = wanted.from_us or 0, wanted.to_us
        whole_us = from_us + -from_us % HOUR_US  # hours that lie in the span wholly begin here
        end_us = None if to_us is None else max(whole_us, to_us - to_us % HOUR_US)
        hours = hours_between(connection, *place, whole_us, end_us)
        if not hours or hours[-1][0] - hours[0][0] < MOST_BUCKETS * HOUR_US:
            return None
        width = _width(hours[0][0] - HOUR_US, hours[-1][0] + 2 * HOUR_US - 1)
        counts, refused = Counter[int](), Counter[int]()
        for hour_us, entries, no in hours:
            counts[hour_us - hour_us % width] += no if wanted.refused else entries
            refused[hour_us - hour_us % width] += no
        for edge in ((from_us, min(whole_us, to_us or whole_us)), (end_us or 0, to_us or 0)):
            if edge[0] < edge[1]:  # hours that lie in the span in part
                part = replace(wanted, from_us=edge[0], to_us=edge[1])
                counts.update(self._counts(connection, part, width))
                refused.update(self._counts(connection, replace(part, refused=True), width))
        buckets = tuple(Bucket(at, counts[at], refused[at]) for at in sorted(counts) if counts[at])
        return Histogram(width, buckets, counts.total())

    def _of_entries(self, connection: Connection, wanted: LogFilter) -> Histogram:
        times = select(func.min(audit_entry.c.time_us), func.max(audit_entry.c.time_us), func.count())
        query, _ = self._narrowed(connection, times.select_from(audit_entry), wanted)
        first, last, total = (None, None, 0) if query is None else connection.execute(query).one()
        if first is None or last is None:
            return Histogram(_WIDTHS_US[0], (), 0)
        width = _width(first, last)
        counts = self._counts(connection, wanted, width)
        refused = self._counts(connection, replace(wanted, refused=True), width)  # few, and with rows of their own
        return Histogram(width, tuple(Bucket(at, counts[at], refused.get(at, 0)) for at in sorted(counts)), total)

    def _counts(self, connection: Connection, wanted: LogFilter, width_us: int) -> dict[int, int]:
        """Entries by the beginning of their bucket."""
        start = (audit_entry.c.time_us - audit_entry.c.time_us % literal_column(str(width_us))).label("start")
        query, _ = self._narrowed(connection, select(start, func.count()).select_from(audit_entry), wanted)
        if query is None:
            return {}
        return {int(row[0]): int(row[1]) for row in connection.execute(query.group_by("start"))}

    def _narrowed(
        self, connection: Connection, query: Select[*tuple[Any, ...]], wanted: LogFilter
    ) -> tuple[Select[*tuple[Any, ...]] | None, ColumnElement[int]]:
        """The query with all its conditions (None when nothing can be found), and the index column to page by."""
        index: ColumnElement[int] = audit_entry.c.index
        for number, (subject, name) in enumerate(wanted.subjects()):
            about = audit_about.alias(f"about_{number}")
            query = query.join(about, about.c.index == audit_entry.c.index)
            query = query.where(about.c.subject == subject, about.c.name == name)
            index = about.c.index if number == 0 else index  # so that a page reads the subject's own rows in order
        if wanted.person:
            query = query.where(audit_entry.c.account_id == wanted.person)
        if wanted.kind:
            query = query.where(audit_entry.c.kind == wanted.kind)
        if wanted.from_us is not None or wanted.to_us is not None:
            # A clock may have been set back, so the times of a span do not tell its indices; the hours' first and last do.
            reach = indices_of(connection, wanted.from_us, wanted.to_us)
            if reach is None:
                return None, index
            time_us = audit_entry.c.time_us + 0  # read in the order of the log: sorting a span of years takes seconds
            query = query.where(index >= reach[0], index <= reach[1], time_us >= (wanted.from_us or 0))
            if wanted.to_us is not None:
                query = query.where(time_us < wanted.to_us)
        return query.where(index < self._log.checkpoint().size), index

    def kinds(self) -> list[str]:
        """Every kind of entry that the log holds."""
        return self._distinct(audit_entry.c.kind)

    def people(self) -> list[str]:
        """Every account, site or part of the hub that the log holds entries of."""
        return self._distinct(audit_entry.c.account_id)

    def _distinct(self, column: ColumnElement[str]) -> list[str]:
        """One look into an index for each value, instead of reading the index from end to end."""
        found: list[str] = []
        with reading(self._engine) as connection:
            value = connection.scalar(select(func.min(column)))
            while value is not None:
                found.append(value)
                value = connection.scalar(select(func.min(column)).where(column > value))
        return [each for each in found if each]


def _position(connection: Connection) -> int | None:
    return connection.scalar(select(audit_about_position.c.next_index))
