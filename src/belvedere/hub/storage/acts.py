"""Acts of the command line. It may not write the audit log, which has one writer: the hub.

So an act and a note of it are written in one transaction; the hub enters the notes in the log as soon as it runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select

from belvedere.foundation.clock import Clock
from belvedere.foundation.ids import new_id
from belvedere.hub.storage.account_state import state_of
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import local_act

NoteAct = Callable[[Connection, str, Mapping[str, Any]], None]
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class LocalAct:
    """Something done at the command line. `kind` and `facts` as in the audit log."""

    id: str
    time_us: int
    kind: str
    facts: dict[str, Any]


def nowhere(_connection: Connection, _kind: str, _facts: Mapping[str, Any]) -> None:
    """Note nothing: the caller writes the audit log itself."""


def noting(clock: Clock) -> NoteAct:
    """What notes acts for the hub."""

    def note(connection: Connection, kind: str, facts: Mapping[str, Any]) -> None:
        if kind.startswith("account.") and facts.get(
            "account"
        ):  # so that an edit behind the hub shows (see `account_watch`)
            facts = {**facts, "state_sha256": state_of(connection, str(facts["account"]))}
        row = {"id": new_id("act", clock), "time_us": clock.now_us(), "kind": kind, "facts": dict(facts)}
        connection.execute(insert(local_act).values(**row))

    return note


def note_as(act_id: str, time_us: int, kind: str, facts: Mapping[str, Any]) -> Callable[[Connection], None]:
    """What notes one act under an id that its maker keeps too, such as a case's history."""

    def note(connection: Connection) -> None:
        connection.execute(insert(local_act).values(id=act_id, time_us=time_us, kind=kind, facts=dict(facts)))

    return note


def waiting_acts(engine: Engine) -> list[LocalAct]:
    """The oldest acts that are not in the audit log yet."""
    with reading(engine) as connection:
        rows = connection.execute(select(local_act).order_by(local_act.c.order).limit(_AT_ONCE))
        return [LocalAct(row.id, row.time_us, row.kind, dict(row.facts)) for row in rows]


def forget_act(engine: Engine, act_id: str) -> None:
    """Drop a note whose act is in the log."""
    with writing(engine) as connection:
        connection.execute(delete(local_act).where(local_act.c.id == act_id))
