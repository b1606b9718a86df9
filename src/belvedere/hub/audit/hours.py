"""How many entries of the log an hour has, of all, of a kind, by a person, about a camera: pictures over time are drawn from that.

Counted by whoever indexes the log (see `search`), in the same transaction; what is erased from an entry is taken off here as well.
Inside the transactions of their callers.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, func, select, text, update

from belvedere.foundation.clock import HOUR_US
from belvedere.hub.audit.tables import audit_about, audit_about_position, audit_hour
from belvedere.hub.storage.metadata import audit_entry

PERSON, KIND, CAMERA = "person", "kind", "camera"
DID = "did"  # a kind by a person; its name is made by `did`
_ADD = text(Path(__file__).with_name("add_hours.sql").read_text("utf-8"))


def did(person: str, kind: str) -> str:
    """The name under which the entries of a kind by a person are counted."""
    return f"{kind} {person}"


@dataclass(frozen=True, slots=True)
class Counted:
    """An entry as it is counted. `cameras` are those that it is about."""

    index: int
    time_us: int
    kind: str
    person: str  # "" once erased
    cameras: tuple[str, ...]

    def places(self) -> list[tuple[str, str]]:
        """The subjects and names under which it is counted."""
        people = [(PERSON, self.person), (DID, did(self.person, self.kind))] if self.person else []
        return [("", ""), (KIND, self.kind), *people, *((CAMERA, camera) for camera in self.cameras)]


@dataclass(slots=True)
class _Hour:
    first: int
    last: int
    entries: int = 0
    refused: int = 0


def _by_hour(counted: Iterable[Counted]) -> dict[tuple[str, str, int], _Hour]:
    found: dict[tuple[str, str, int], _Hour] = {}
    for entry in counted:
        hour_us = entry.time_us - entry.time_us % HOUR_US
        for subject, name in entry.places():
            hour = found.setdefault((subject, name, hour_us), _Hour(entry.index, entry.index))
            hour.last = entry.index
            hour.entries += 1
            hour.refused += entry.kind.endswith(".refused")
    return found


def add_hours(connection: Connection, counted: Iterable[Counted]) -> None:
    """Count further entries, which follow those counted before in the log."""
    rows = [
        {
            "subject": subject,
            "name": name,
            "hour_us": hour_us,
            "entries": hour.entries,
            "refused": hour.refused,
            "first_index": hour.first,
            "last_index": hour.last,
        }
        for (subject, name, hour_us), hour in sorted(_by_hour(counted).items())
    ]
    if rows:
        connection.execute(_ADD, rows)


def take_off(connection: Connection, first: int, last: int) -> None:
    """Entries first to last, which are about to be erased, count for no person and no camera any more. Call it before that."""
    reached = connection.scalar(select(audit_about_position.c.next_index)) or 0
    span = (
        audit_entry.c.index >= first,
        audit_entry.c.index <= min(last, reached - 1),
        audit_entry.c.body.is_not(None),
    )
    columns = (audit_entry.c.index, audit_entry.c.time_us, audit_entry.c.kind, audit_entry.c.account_id)
    entries = connection.execute(select(*columns).where(*span)).all()
    cameras: dict[int, list[str]] = defaultdict(list)
    about = select(audit_about.c.index, audit_about.c.name).where(
        audit_about.c.subject == CAMERA, audit_about.c.index >= first, audit_about.c.index <= last
    )
    for index, name in connection.execute(about):
        cameras[index].append(name)
    counted = [Counted(index, time_us, kind, person, tuple(cameras[index])) for index, time_us, kind, person in entries]
    for (subject, name, hour_us), hour in _by_hour(counted).items():
        if subject in (PERSON, DID, CAMERA):
            column = audit_hour.c
            here = (column.subject == subject, column.name == name, column.hour_us == hour_us)
            less = {"entries": column.entries - hour.entries, "refused": column.refused - hour.refused}
            connection.execute(update(audit_hour).where(*here).values(**less))
            connection.execute(delete(audit_hour).where(*here, column.entries <= 0))


def indices_of(connection: Connection, from_us: int | None, to_us: int | None) -> tuple[int, int] | None:
    """The first and last entry of the hours that [from_us, to_us) touches; None where there is none.

    A clock may have been set back, so entries in between may be of other hours.
    """
    column = audit_hour.c
    query = select(func.min(column.first_index), func.max(column.last_index)).where(
        column.subject == "", column.name == ""
    )
    if from_us is not None:
        query = query.where(column.hour_us >= from_us - from_us % HOUR_US)
    if to_us is not None:
        query = query.where(column.hour_us < to_us)
    low, high = connection.execute(query).one()
    return None if low is None else (low, high)


def hours_between(
    connection: Connection, subject: str, name: str, from_us: int, to_us: int | None
) -> list[tuple[int, int, int]]:
    """Beginning, entries and refusals of each hour of a subject that begins in [from_us, to_us), in order."""
    column = audit_hour.c
    query = select(column.hour_us, column.entries, column.refused).where(
        column.subject == subject, column.name == name, column.hour_us >= from_us
    )
    if to_us is not None:
        query = query.where(column.hour_us < to_us)
    return [(row[0], row[1], row[2]) for row in connection.execute(query.order_by(column.hour_us))]
