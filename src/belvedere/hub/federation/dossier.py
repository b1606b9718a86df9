"""Questions, formal requests and packages as rows, of both directions. Blocking; call it in a thread from async code."""

from dataclasses import dataclass, fields
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Table, func, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from belvedere.foundation.errors import NotFound
from belvedere.hub.federation.tables import federation_package, federation_question, federation_request
from belvedere.hub.storage import reading, writing

PAGE = 200


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A question asked of a partner (`outgoing`) or by one. `state`: waiting, unknown, yes, no, refused."""

    partner_id: str
    outgoing: bool
    id: str
    words: dict[str, Any]
    account_id: str
    asker: str
    asked_us: int
    state: str = "waiting"
    code: str = ""
    told: str = ""
    answered_us: int | None = None
    hold: str = ""
    until_us: int | None = None
    count: int | None = None
    cameras: tuple[str, ...] = ()
    away: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A formal request made to a partner (`outgoing`) or by one."""

    partner_id: str
    outgoing: bool
    id: str
    question_id: str
    number: str
    words: dict[str, Any]
    account_id: str
    asker: str
    made_us: int
    state: str
    told: str
    changed_us: int
    decided_by: str = ""


@dataclass(frozen=True, slots=True)
class PackageRow:
    """A sealed package offered to a partner (`outgoing`: offered, receipted) or by one (coming, here, failed)."""

    partner_id: str
    outgoing: bool
    id: str
    request_id: str
    bytes: int
    sha256: str
    manifest_sha256: str
    made_us: int
    state: str
    have: int = 0
    tries: int = 0
    next_us: int = 0
    fault: str = ""
    done_us: int | None = None


Row = QuestionRow | RequestRow | PackageRow
_Row = TypeVar("_Row", QuestionRow, RequestRow, PackageRow)
_TABLES: dict[type[Any], Table] = {
    QuestionRow: federation_question,
    RequestRow: federation_request,
    PackageRow: federation_package,
}
_ORDER = {QuestionRow: "asked_us", RequestRow: "made_us", PackageRow: "made_us"}
_TUPLES = ("cameras", "away")


class Dossier:
    """One table a sort of row; a row is known by partner, direction and id."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, row: Row) -> bool:
        """Keep a row; False where it is there already, and nothing is changed."""
        with writing(self._engine) as connection:
            return insert_row(connection, row)

    def find(self, sort: type[_Row], partner_id: str, outgoing: bool, row_id: str) -> _Row:
        """One row. Raises NotFound."""
        table = _TABLES[sort]
        which = (table.c.partner_id == partner_id) & (table.c.outgoing == outgoing) & (table.c.id == row_id)
        found = self._list(sort, which)
        if not found:
            raise NotFound("There is no such thing between you and this partner.", advice="Look at the list.")
        return found[0]

    def change(self, row: Row, *states: str, **values: object) -> bool:
        """Change a row that is in one of `states` (any, where none is named); whether it was."""
        table = _TABLES[type(row)]
        which = _which(table, row)
        if states:
            which &= table.c.state.in_(states)
        values |= {name: list(values[name]) for name in _TUPLES if name in values}  # type: ignore[call-overload]
        with writing(self._engine) as connection:
            return connection.execute(update(table).where(which).values(**values)).rowcount == 1

    def rows(
        self, sort: type[_Row], *, outgoing: bool | None = None, state: str = "", partner_id: str = ""
    ) -> list[_Row]:
        """The newest rows, newest first."""
        table = _TABLES[sort]
        which: list[ColumnElement[bool]] = []
        if outgoing is not None:
            which.append(table.c.outgoing == outgoing)
        if state:
            which.append(table.c.state == state)
        if partner_id:
            which.append(table.c.partner_id == partner_id)
        return self._list(sort, *which)

    def asked_since(self, partner_id: str, since_us: int) -> int:
        """How many questions a partner asked from `since_us` on."""
        table = federation_question
        mine = (table.c.partner_id == partner_id, table.c.outgoing.is_(False), table.c.asked_us >= since_us)
        with reading(self._engine) as connection:
            return int(connection.scalar(select(func.count()).where(*mine)) or 0)

    def _list(self, sort: type[_Row], *which: ColumnElement[bool]) -> list[_Row]:
        table = _TABLES[sort]
        query = select(table).where(*which).order_by(table.c[_ORDER[sort]].desc(), table.c.id).limit(PAGE)
        with reading(self._engine) as connection:
            return [_made(sort, dict(row)) for row in connection.execute(query).mappings()]


def insert_row(connection: Connection, row: Row) -> bool:
    """As `Dossier.add`, within a transaction of the caller's."""
    table = _TABLES[type(row)]
    values = {each.name: getattr(row, each.name) for each in fields(row)}
    values |= {name: list(values[name]) for name in _TUPLES if name in values}
    if connection.execute(select(table.c.id).where(_which(table, row))).first() is not None:
        return False
    connection.execute(insert(table).values(**values))
    return True


def _made(sort: type[_Row], values: dict[str, Any]) -> _Row:
    made: _Row = sort(**values | {name: tuple(values[name]) for name in _TUPLES if name in values})
    return made


def _which(table: Table, row: Row) -> ColumnElement[bool]:
    return (table.c.partner_id == row.partner_id) & (table.c.outgoing == row.outgoing) & (table.c.id == row.id)
