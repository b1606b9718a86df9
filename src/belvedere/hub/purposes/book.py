"""The list of purposes and what each camera accepts, kept in memory, with the rows behind it.

Reading never asks the database: the list is loaded at start and after each change. One hub process a database.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Engine, RowMapping, delete, insert, select, update

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import Conflict, NotFound
from belvedere.hub.purposes.rules import Terms, plain
from belvedere.hub.purposes.tables import camera_purpose, purpose_change
from belvedere.hub.purposes.tables import purpose as purpose_table
from belvedere.hub.storage.engine import reading, writing
from belvedere.policy.grant import Action
from belvedere.policy.table import Purpose, PurposeKind, Role

_TERMS = tuple(each.name for each in fields(Terms))
_ACTIONS = frozenset(map(str, Action))


@dataclass(frozen=True, slots=True)
class Written:
    """One purpose as it is written down."""

    code: str
    terms: Terms
    in_force_us: int | None
    withdrawn_us: int | None
    version: int
    changed_us: int

    def state(self, now_us: int) -> str:
        """draft, in_force or withdrawn."""
        if self.withdrawn_us is not None and self.withdrawn_us <= now_us:
            return "withdrawn"
        return "in_force" if self.in_force_us is not None and self.in_force_us <= now_us else "draft"


@dataclass(frozen=True, slots=True)
class CameraList:
    """What one camera accepts, as somebody decided it."""

    camera: str
    purposes: frozenset[str]
    changed_us: int
    changed_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class PurposeChange:
    """Who changed what, and why. `changes`: field: [before, after]."""

    id: str
    subject: str
    version: int
    at_us: int
    account_id: str
    by: str
    reason: str
    changes: Mapping[str, Any]
    audit_index: int


class CameraPurposes(Mapping[str, frozenset[str]]):
    """Camera: codes that it accepts. A camera that nobody decided about has those for new cameras."""

    def __init__(self, decided: Mapping[str, frozenset[str]], others: frozenset[str]) -> None:
        self._decided = decided
        self.others = others

    def __getitem__(self, camera: str) -> frozenset[str]:
        return self._decided.get(camera, self.others)

    def __iter__(self) -> Iterator[str]:
        return iter(self._decided)

    def __len__(self) -> int:
        return len(self._decided)


class PurposeBook:
    """Purposes in the hub's database. `load` and what writes block; the rest answers from memory."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        self._written: Mapping[str, Written] = {}
        self._lists: Mapping[str, CameraList] = {}

    def load(self) -> None:
        """Read everything anew."""
        with self._lock, reading(self._engine) as connection:
            rows = connection.execute(select(purpose_table).order_by(purpose_table.c.code)).mappings()
            written = {row["code"]: _written(row) for row in rows}
            lists = {row["camera"]: _list(row) for row in connection.execute(select(camera_purpose)).mappings()}
            self._written, self._lists = written, lists

    # What the policy asks.

    def purposes(self) -> dict[str, Purpose]:
        """Code: purpose, of those in force now."""
        return {each.code: _purpose(each) for each in self._in_force()}

    def camera_purposes(self) -> CameraPurposes:
        """Camera: codes of purposes that it accepts. Whether they are in force is for `purposes` to say."""
        others = frozenset(each.code for each in self._written.values() if each.terms.for_new_cameras)
        return CameraPurposes({camera: each.purposes for camera, each in self._lists.items()}, others)

    def _in_force(self) -> list[Written]:
        now_us = self._clock.now_us()
        return [each for each in self._written.values() if each.state(now_us) == "in_force"]

    # What people ask.

    def all(self) -> list[Written]:
        """Every purpose there ever was, by code."""
        return list(self._written.values())

    def of(self, code: str) -> Written:
        """One purpose. Raises NotFound."""
        found = self._written.get(code)
        if found is None:
            raise NotFound(f"There is no purpose {code[:64]}.", advice="Look at the list of purposes.")
        return found

    def lists(self) -> list[CameraList]:
        """What was decided for single cameras, by camera."""
        return [self._lists[camera] for camera in sorted(self._lists)]

    def history(self, subject: str, limit: int, before: int | None = None) -> list[PurposeChange]:
        """Changes of `purpose:CODE` or `camera:ID`, newest first; `before`: the last log entry of the page before. Blocking."""
        query = select(purpose_change).where(purpose_change.c.subject == subject)
        if before is not None:
            query = query.where(purpose_change.c.audit_index < before)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(purpose_change.c.audit_index.desc()).limit(limit)).mappings()
            return [PurposeChange(**row) for row in rows]

    # Writing; `PurposeDesk` decides what.

    def put(self, written: Written, change: PurposeChange) -> None:
        """Store a purpose in its next version, with the change that made it. Raises Conflict when it is not the next. Blocking."""
        values = plain(written.terms) | {
            "in_force_us": written.in_force_us,
            "withdrawn_us": written.withdrawn_us,
            "version": written.version,
            "changed_us": written.changed_us,
        }
        with writing(self._engine) as connection:
            if written.version == 1:
                connection.execute(insert(purpose_table).values(code=written.code, **values))
            else:
                mine = (purpose_table.c.code == written.code, purpose_table.c.version == written.version - 1)
                if connection.execute(update(purpose_table).where(*mine).values(**values)).rowcount == 0:
                    raise Conflict("Somebody else changed this purpose just now.", advice="Read it again.")
            connection.execute(insert(purpose_change).values(_change_values(change)))
        self.load()

    def put_lists(self, lists: Mapping[str, CameraList | None], made: Mapping[str, PurposeChange]) -> None:
        """Store what cameras accept, None for the list of new cameras; `made` has each camera's change. Blocking."""
        with writing(self._engine) as connection:
            for camera, each in lists.items():
                connection.execute(delete(camera_purpose).where(camera_purpose.c.camera == camera))
                if each is not None:
                    words = {"changed_us": each.changed_us, "changed_by": each.changed_by, "reason": each.reason}
                    codes = sorted(each.purposes)
                    connection.execute(insert(camera_purpose).values(camera=camera, purposes=codes, **words))
                connection.execute(insert(purpose_change).values(_change_values(made[camera])))
        self.load()


def _change_values(change: PurposeChange) -> dict[str, Any]:
    return {each.name: getattr(change, each.name) for each in fields(PurposeChange)}


def _written(row: RowMapping) -> Written:
    values: dict[str, Any] = {name: tuple(row[name]) if name in ("actions", "roles") else row[name] for name in _TERMS}
    return Written(
        code=row["code"],
        terms=Terms(**values),
        in_force_us=row["in_force_us"],
        withdrawn_us=row["withdrawn_us"],
        version=row["version"],
        changed_us=row["changed_us"],
    )


def _list(row: RowMapping) -> CameraList:
    return CameraList(row["camera"], frozenset(row["purposes"]), row["changed_us"], row["changed_by"], row["reason"])


def _purpose(written: Written) -> Purpose:
    terms = written.terms
    return Purpose(
        code=written.code,
        text=terms.text,
        needs_case=terms.needs_case,
        ends_with_shift=terms.ends_with_shift,
        longest_us=terms.longest_us,
        usual_reach_us=terms.usual_reach_us,
        longest_reach_us=terms.longest_reach_us,
        masked=terms.masked,
        kind=PurposeKind(terms.kind),
        lawful_basis=terms.basis,
        actions=frozenset(Action(name) for name in terms.actions if name in _ACTIONS),
        roles=frozenset(Role(name) for name in terms.roles),
        most_cameras=terms.most_cameras,
        longest_span_us=terms.longest_span_us,
    )
