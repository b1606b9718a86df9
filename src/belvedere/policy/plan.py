"""What a table says to certain roles, worked out once: which rows are open to them, and what some of those rows need together.

Only rows, kinds of purpose, roles and actions go in, never a person, a case or a time, so that what was worked out holds for as
long as the rows do. There are as many answers as sets of roles that people hold, times the sets of eight actions.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from belvedere.policy.grant import RECORDED, Action
from belvedere.policy.needs import Needs, needs_of
from belvedere.policy.row import DecisionTable, PurposeKind, Reach, Row, Second, Zone


@dataclass(frozen=True, slots=True)
class Plan:
    """What certain actions need together."""

    actions: frozenset[Action]
    # Invariant: each row once, in the order of its first action: the same question gets the same answer.
    rows: tuple[Row, ...]
    lonely: Row | None  # a row whose action means nothing without another one, which is not here
    anywhere: bool  # cameras of other sites too
    recorded: bool  # some of it is recorded footage
    longest_us: int | None  # the shortest of the rows' times; None: the purpose alone says how long
    before: bool  # a second person looks at it first
    needs: Needs  # without the digest of what is approved


class Open:
    """The rows open to certain roles for a kind of purpose, by action."""

    def __init__(self, rows: Mapping[Action, Row]) -> None:
        self.rows = rows
        self.actions = frozenset(rows)
        # Invariant: each row that needs no second person before, once, with its actions.
        self.usual = [
            (row, [action for action in rows if rows[action] == row])
            for row in dict.fromkeys(rows.values())
            if row.second is not Second.BEFORE
        ]
        self._only: dict[frozenset[Action], Open] = {}
        self._standing: dict[frozenset[Action], frozenset[Action]] = {}
        self._plans: dict[frozenset[Action], Plan] = {}

    def only(self, actions: frozenset[Action]) -> "Open":
        """What is left of it for a purpose that allows `actions`."""
        found = self._only.get(actions)
        if found is None:
            found = Open({action: row for action, row in self.rows.items() if action in actions})
            self._only[actions] = found
        return found

    def standing(self, actions: frozenset[Action]) -> frozenset[Action]:
        """Those of `actions` that mean something beside the others."""
        found = self._standing.get(actions)
        if found is None:
            besides = {action: self.rows[action].beside for action in actions}
            found = frozenset(one for one, beside in besides.items() if not beside or not beside.isdisjoint(actions))
            self._standing[actions] = found
        return found

    def plan(self, actions: frozenset[Action]) -> Plan:
        """What `actions` need, all of which are open and which are at least one."""
        found = self._plans.get(actions)
        if found is None:
            found = self._plans[actions] = _plan({action: self.rows[action] for action in sorted(actions)})
        return found


def open_rows(table: DecisionTable, kind: PurposeKind, shut: Reach, roles: frozenset[str]) -> Open:
    """What `table` opens to `roles` for purposes of `kind`; rows about the reach `shut` are left out."""
    known = table.known
    key = (kind, shut, roles)
    found = known.get(key)
    if found is None:
        found = known[key] = Open(
            {
                action: row
                for row in table.rows
                if kind in row.kinds and row.reach is not shut and not row.roles.isdisjoint(roles)
                for action in row.actions
            }
        )
    return found


def _plan(rows: Mapping[Action, Row]) -> Plan:
    limits = [row.longest_us for row in rows.values() if row.longest_us is not None]
    lonely = [row for row in rows.values() if row.beside and row.beside.isdisjoint(rows)]
    each = tuple(dict.fromkeys(rows.values()))
    return Plan(
        actions=frozenset(rows),
        rows=each,
        lonely=next(iter(lonely), None),
        anywhere=all(row.zone is Zone.ANY for row in each),
        recorded=not RECORDED.isdisjoint(rows),
        longest_us=min(limits) if limits else None,
        before=any(row.second is Second.BEFORE for row in each),
        needs=needs_of(each, ""),
    )
