"""Joiners, movers and leavers: what people's roles and attributes are, and what a change of them ends at once.

A person may hold several roles. Administrator goes with no role that sees pictures: who gives access takes none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, delete, insert, select, update

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput, NotFound, Refused
from belvedere.foundation.ids import new_id
from belvedere.hub.access import credentials
from belvedere.hub.access.ending import end_all_of
from belvedere.hub.access.users import CODE_LIFE_US, NAME
from belvedere.hub.storage.acts import NoteAct, nowhere
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import account, session
from belvedere.policy.table import TABLES, DecisionTable, Role


class Turn(StrEnum):
    """What becomes of a person."""

    JOINS = "joins"
    MOVES = "moves"
    LEAVES = "leaves"
    STAYS = "stays"


@dataclass(frozen=True, slots=True)
class Staff:
    """One person as people administration has them."""

    name: str
    display: str
    # Invariant: one at least, the first is the main one, none twice (see `require_fit`).
    roles: tuple[str, ...]
    sites: tuple[str, ...] = ()  # empty: all
    shifts: tuple[tuple[int, int], ...] = ()  # [from_us, until_us), in order
    trained_us: int | None = None
    spss_number: str = ""  # licence for public space surveillance
    spss_expires_us: int | None = None
    team: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What one row of a list does. `what`: names of the fields that change."""

    turn: Turn
    staff: Staff
    what: tuple[str, ...] = ()


def seeing(*tables: DecisionTable) -> frozenset[str]:
    """The roles that the policy gives pictures under some purpose, by any of `tables`; by all there are when none is named."""
    kept = tables or tuple(TABLES.values())
    return frozenset(str(role) for table in kept for row in table.rows if row.actions for role in row.roles)


def require_fit(roles: tuple[str, ...]) -> None:
    """Raise BadInput unless one person may hold these roles together."""
    known = frozenset(str(role) for role in Role)
    if not roles or len(set(roles)) != len(roles):
        raise BadInput("A person has one role or more, each once.", advice=f"Roles: {', '.join(sorted(known))}.")
    for role in roles:
        if role not in known:
            raise BadInput(f"There is no role {role!r}.", advice=f"Choose from: {', '.join(sorted(known))}.")
    both = sorted(set(roles) & seeing())
    if Role.ADMINISTRATOR in roles and both:
        raise BadInput(
            f"An administrator can't be {both[0]} as well: who gives access to pictures sees none.",
            advice="Give one of the two roles to somebody else.",
        )


_ALL = frozenset(each.name for each in fields(Staff))


class StaffDesk:
    """Roles and attributes in the hub's database. Blocking; call it in a thread from async code."""

    def __init__(self, engine: Engine, clock: Clock, note: NoteAct = nowhere) -> None:
        """`note` is called inside each transaction that changes a person (see `storage.acts`)."""
        self._engine = engine
        self._clock = clock
        self._note = note

    def of(self, name: str) -> Staff:
        """One person. Raises NotFound."""
        with reading(self._engine) as connection:
            row = connection.execute(select(account).where(account.c.name == name)).mappings().one_or_none()
        if row is None:
            raise NotFound(f"There is no account {name}.", advice="`belvedere user list` shows them all.")
        return _staff(row)

    def plan(
        self, people: Iterable[Staff], leavers: frozenset[str] = frozenset(), told: frozenset[str] = _ALL
    ) -> list[Change]:
        """What a list would do, without doing it. Who is not in it stays as they are, and so does what is not `told`.

        Raises BadInput.
        """
        with reading(self._engine) as connection:
            rows = connection.execute(select(account)).mappings().all()
        known = {row["name"]: row for row in rows}
        changes = []
        for person in people:
            row = known.get(person.name)
            if person.name in leavers:
                open_account = row is not None and not row["disabled"]
                changes.append(Change(Turn.LEAVES if open_account else Turn.STAYS, person))
                continue
            require_fit(person.roles)
            if not NAME.fullmatch(person.name):
                raise BadInput(f"{person.name!r} can't be a user name.", advice="Use letters, digits, dots, hyphens.")
            if row is None:
                changes.append(Change(Turn.JOINS, person))
                continue
            if row["disabled"]:
                raise BadInput(
                    f"{person.name} has left; the log names that account.", advice="Give who comes back another name."
                )
            before = _staff(row)
            person = replace(before, **{name: getattr(person, name) for name in told})
            what = tuple(
                each.name for each in fields(Staff) if getattr(before, each.name) != getattr(person, each.name)
            )
            changes.append(Change(Turn.MOVES if what else Turn.STAYS, person, what))
        return changes

    def carry_out(self, changes: Iterable[Change]) -> dict[str, str]:
        """Do all of it or nothing; returns the one-time codes of those who join, by name. Leavers' access ends at once."""
        codes = {}
        with writing(self._engine) as connection:
            for change in changes:
                match change.turn:
                    case Turn.JOINS:
                        codes[change.staff.name] = self._join(connection, change.staff)
                    case Turn.MOVES:
                        self._move(connection, change)
                    case Turn.LEAVES:
                        self._leave(connection, change.staff.name)
        return codes

    def other_roles(self, name: str, roles: tuple[str, ...], *, by: str) -> Change:
        """The change of one person's roles that `by` decides, not yet carried out. Raises Refused, BadInput, NotFound."""
        if name == by:
            raise Refused("Nobody changes their own roles.", advice="Ask another administrator.")
        return self.plan([replace(self.of(name), roles=roles)])[0]

    def _join(self, connection: Connection, person: Staff) -> str:
        code, now_us, user_id = credentials.new_code(), self._clock.now_us(), new_id("user", self._clock)
        connection.execute(
            insert(account).values(
                id=user_id,
                password_hash="",
                code_hash=credentials.digest(credentials.code_digits(code)),
                code_expires_us=now_us + CODE_LIFE_US,
                created_us=now_us,
                disabled=False,
                **_columns(person),
            )
        )
        self._note(connection, "account.created", {"account": user_id, **_facts(person)})
        return code

    def _move(self, connection: Connection, change: Change) -> None:
        person = change.staff
        user_id = connection.scalar(select(account.c.id).where(account.c.name == person.name))
        connection.execute(update(account).where(account.c.id == user_id).values(**_columns(person)))
        ended = []
        if {"roles", "sites", "shifts"} & set(
            change.what
        ):  # what was given under the old ones is to be asked for again
            ended = end_all_of(connection, str(user_id), self._clock.now_us())
        facts = {"account": user_id, **_facts(person), "changed": list(change.what), "grants_ended": ended}
        self._note(connection, "account.changed", facts)

    def _leave(self, connection: Connection, name: str) -> None:
        user_id = str(connection.scalar(select(account.c.id).where(account.c.name == name)))
        connection.execute(
            update(account).where(account.c.id == user_id).values(disabled=True, password_hash="", code_hash="")
        )
        connection.execute(delete(session).where(session.c.account_id == user_id))
        ended = end_all_of(connection, user_id, self._clock.now_us())
        self._note(connection, "account.disabled", {"account": user_id, "name": name, "grants_ended": ended})


def _columns(person: Staff) -> dict[str, Any]:
    return {
        "name": person.name,
        "display": person.display,
        "role": person.roles[0],
        "more_roles": list(person.roles[1:]),
        "sites": list(person.sites),
        "shifts": [list(each) for each in person.shifts],
        "trained_us": person.trained_us,
        "spss_number": person.spss_number,
        "spss_expires_us": person.spss_expires_us,
        "team": person.team,
    }


def _facts(person: Staff) -> dict[str, Any]:
    """For the log. The licence number is not repeated there: it can't be erased from a list of changes as easily."""
    columns = _columns(person)
    del columns["spss_number"], columns["more_roles"], columns["role"]
    return {**columns, "roles": list(person.roles)}


def _staff(row: RowMapping | Mapping[str, Any]) -> Staff:
    return Staff(
        name=row["name"],
        display=row["display"],
        roles=(row["role"], *row["more_roles"]),
        sites=tuple(row["sites"]),
        shifts=tuple((start, end) for start, end in row["shifts"]),
        trained_us=row["trained_us"],
        spss_number=row["spss_number"],
        spss_expires_us=row["spss_expires_us"],
        team=row["team"],
    )
