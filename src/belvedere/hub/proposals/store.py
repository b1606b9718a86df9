"""Proposals as rows. Blocking; call it in a thread from async code."""

from dataclasses import fields
from typing import Any

from sqlalchemy import Engine, RowMapping, func, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from belvedere.foundation.errors import NotFound
from belvedere.hub.proposals.proposal import Proposal, State
from belvedere.hub.proposals.tables import proposal, second_person
from belvedere.hub.storage.engine import reading, writing

PAGE = 100
_TUPLES = ("concerned", "approvers")


class ProposalStore:
    """A row leaves `waiting` once, so that of two decisions at once one counts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, made: Proposal) -> None:
        """Keep a new proposal."""
        values: dict[str, Any] = {each.name: getattr(made, each.name) for each in fields(Proposal)}
        values |= {name: list(values[name]) for name in _TUPLES}
        values |= {"lines": [list(line) for line in made.lines], "state": str(made.state)}
        with writing(self._engine) as connection:
            connection.execute(insert(proposal).values(**values))

    def get(self, proposal_id: str) -> Proposal:
        """One proposal. Raises NotFound."""
        with reading(self._engine) as connection:
            row = connection.execute(select(proposal).where(proposal.c.id == proposal_id)).mappings().one_or_none()
        if row is None:
            raise NotFound("There is no such proposal.", advice="Look at the list of proposals.")
        return _of_row(row)

    def waiting(self) -> list[Proposal]:
        """Those that wait, the oldest first."""
        return self._list(proposal.c.state == State.WAITING, newest_first=False)

    def decided(self, before_us: int | None = None) -> list[Proposal]:
        """Those that no longer wait, the newest first; `before_us`: made before that."""
        done = proposal.c.state != State.WAITING
        return self._list(done if before_us is None else done & (proposal.c.made_us < before_us))

    def of(self, account_id: str) -> list[Proposal]:
        """A person's own, the newest first."""
        return self._list(proposal.c.account_id == account_id)

    def due(self, now_us: int) -> list[Proposal]:
        """Those that wait and are past their time."""
        return self._list((proposal.c.state == State.WAITING) & (proposal.c.lapses_us <= now_us), newest_first=False)

    def cut_short(self) -> list[Proposal]:
        """Those that were confirmed and had not taken effect when the hub ended."""
        return self._list((proposal.c.state == State.CONFIRMED) & proposal.c.done_us.is_(None))

    def count_waiting(self, account_id: str) -> int:
        """How many of one person wait."""
        query = select(func.count()).where(proposal.c.state == State.WAITING, proposal.c.account_id == account_id)
        with reading(self._engine) as connection:
            return int(connection.scalar(query) or 0)

    def change(self, proposal_id: str, was: State, **values: object) -> bool:
        """Change a proposal that is in state `was`; whether it was."""
        mine = (proposal.c.id == proposal_id, proposal.c.state == was)
        with writing(self._engine) as connection:
            return connection.execute(update(proposal).where(*mine).values(**values)).rowcount == 1

    def first_second_us(self, act: str) -> int | None:
        """When somebody could first be the second person for `act`."""
        with reading(self._engine) as connection:
            return connection.scalar(select(second_person.c.first_us).where(second_person.c.act == act))

    def put_first_second(self, act: str, now_us: int) -> None:
        """Remember that from now on nobody does `act` alone."""
        with writing(self._engine) as connection:
            known = connection.scalar(select(second_person.c.first_us).where(second_person.c.act == act))
            if known is None:
                connection.execute(insert(second_person).values(act=act, first_us=now_us))

    def _list(self, which: ColumnElement[bool], *, newest_first: bool = True) -> list[Proposal]:
        order = proposal.c.made_us.desc() if newest_first else proposal.c.made_us
        query = select(proposal).where(which).order_by(order, proposal.c.id).limit(PAGE)
        with reading(self._engine) as connection:
            return [_of_row(row) for row in connection.execute(query).mappings()]


def _of_row(row: RowMapping) -> Proposal:
    values: dict[str, Any] = dict(row)
    values |= {name: tuple(values[name]) for name in _TUPLES}
    lines = tuple((line[0], line[1], line[2]) for line in values["lines"])
    return Proposal(**values | {"lines": lines, "state": State(values["state"])})
