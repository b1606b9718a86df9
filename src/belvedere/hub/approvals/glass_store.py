"""Break-glass as rows. Blocking; call it in a thread from async code."""

from dataclasses import fields

from sqlalchemy import Connection, Engine, RowMapping, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from belvedere.foundation.errors import Conflict, NotFound
from belvedere.hub.approvals.glass import Glass
from belvedere.hub.approvals.tables import break_glass
from belvedere.hub.storage.engine import reading, writing

_PAGE = 200


class GlassStore:
    """Rows in, rows out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, connection: Connection, glass: Glass) -> None:
        """Keep a new one, within a transaction."""
        values = {field.name: getattr(glass, field.name) for field in fields(Glass)}
        connection.execute(insert(break_glass).values(**values | {"cameras": list(glass.cameras)}))

    def get(self, glass_id: str) -> Glass:
        """One of them. Raises NotFound."""
        found = self._list(break_glass.c.id == glass_id)
        if not found:
            raise NotFound("There is no such break-glass.", advice="Look at the list.")
        return found[0]

    def of(self, account_id: str) -> list[Glass]:
        """A person's own, the newest first."""
        return self._list(break_glass.c.account_id == account_id)

    def all(self) -> list[Glass]:
        """The newest of everybody; those that wait for a review first."""
        waiting = self._list(break_glass.c.reviewed_us.is_(None))
        return waiting + self._list(break_glass.c.reviewed_us.is_not(None))

    def overdue(self, now_us: int) -> list[Glass]:
        """Those whose review is overdue and that nobody was told of."""
        column = break_glass.c
        return self._list(column.reviewed_us.is_(None) & column.escalated_us.is_(None) & (column.due_us <= now_us))

    def review(self, connection: Connection, glass_id: str, **values: object) -> None:
        """Enter a review, within a transaction. Raises Conflict when there is one."""
        which = (break_glass.c.id == glass_id, break_glass.c.reviewed_us.is_(None))
        if connection.execute(update(break_glass).where(*which).values(**values)).rowcount != 1:
            raise Conflict("It has been reviewed.", advice="Look at what was said.")

    def lift(self, glass_id: str, **values: object) -> None:
        """Let the person break it again. Raises Conflict unless it was found not justified."""
        unjustified = (break_glass.c.justified.is_(False), break_glass.c.lifted_us.is_(None))
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(break_glass).where(break_glass.c.id == glass_id, *unjustified).values(**values)
            )
            if changed.rowcount != 1:
                raise Conflict("Nothing is barred here.", advice="Look at the list.")

    def escalate(self, connection: Connection, glass_id: str, now_us: int) -> None:
        """Note that the data protection officer was told of an overdue review."""
        connection.execute(update(break_glass).where(break_glass.c.id == glass_id).values(escalated_us=now_us))

    def _list(self, which: ColumnElement[bool]) -> list[Glass]:
        query = select(break_glass).where(which).order_by(break_glass.c.broken_us.desc()).limit(_PAGE)
        with reading(self._engine) as connection:
            return [_glass(row) for row in connection.execute(query).mappings()]


def _glass(row: RowMapping) -> Glass:
    return Glass(**{**row, "cameras": tuple(row["cameras"])})
