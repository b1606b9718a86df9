"""Roles, attributes, joiners and leavers as proposals."""

import asyncio
from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from belvedere.foundation.clock import iso
from belvedere.foundation.errors import BadInput, Refused
from belvedere.hub.access.agreed import Agreed
from belvedere.hub.access.people import ROLE_TEXTS
from belvedere.hub.access.people_acts import change_people
from belvedere.hub.access.staff import Change as PersonChange
from belvedere.hub.access.staff import Staff, StaffDesk, Turn
from belvedere.hub.proposals.doing import Sight
from belvedere.hub.proposals.proposal import Change, Line
from belvedere.policy.row import Role

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext

_FIELDS = {
    "display": "Full name",
    "roles": "Roles",
    "sites": "Sites",
    "shifts": "Shifts",
    "trained_us": "Training",
    "spss_number": "SPSS licence number",
    "spss_expires_us": "SPSS licence until",
    "team": "Team",
}
_ALL = tuple(each.name for each in fields(Staff))


def people_change(people: Iterable[Staff], leavers: Iterable[str] = (), told: Iterable[str] = _ALL) -> dict[str, Any]:
    """The canonical words of a change of people: everybody as they are to be, who leaves, and which fields count."""
    return {
        "people": [_plain(asdict(each)) for each in people],
        "leavers": sorted(leavers),
        "told": sorted(told),
    }


class PeopleDoing:
    """For the event loop."""

    act = "role_change"

    def __init__(self, hub: "HubContext") -> None:
        self._hub = hub
        self._desk = StaffDesk(hub.engine, hub.clock)

    async def look(self, change: Change) -> Sight:
        planned = await asyncio.to_thread(self._planned, change)
        if not planned:
            raise BadInput("Nothing is different.", advice="Change something, or leave it.")
        names = [each.staff.name for each in planned]
        known = await asyncio.to_thread(self._hub.users.all)
        ids = {each.name: each.id for each in known}
        before = await asyncio.to_thread(lambda: {name: self._desk.of(name) for name in names if name in ids})
        lines = [line for each in planned for line in _lines(each, before.get(each.staff.name), len(planned) > 1)]
        return Sight(
            title=_title(planned),
            lines=tuple(lines),
            before={name: _plain(asdict(before[name])) if name in before else None for name in names},
            concerned=tuple(ids[name] for name in names if name in ids),
        )

    async def carry_out(self, change: Change, agreed: Agreed) -> dict[str, str]:
        planned = await asyncio.to_thread(self._planned, change)
        if any(each.staff.name == agreed.user.name for each in planned):
            raise Refused("Nobody changes their own account.", advice="Ask another administrator.")
        return await change_people(self._hub, agreed.user.id, planned, agreed.facts)

    def _planned(self, change: Change) -> list[PersonChange]:
        people = [_staff(each) for each in change["people"]]
        found = self._desk.plan(people, frozenset(change["leavers"]), frozenset(change["told"]))
        return [each for each in found if each.turn is not Turn.STAYS]


def _title(planned: list[PersonChange]) -> str:
    if len(planned) > 1:
        return f"Change {len(planned)} people by a list"
    one = planned[0]
    name = one.staff.display if one.staff.display == one.staff.name else f"{one.staff.display} ({one.staff.name})"
    if one.turn is Turn.JOINS:
        return f"Add {name}"
    if one.turn is Turn.LEAVES:
        return f"Close the account of {name}"
    return f"Change the roles of {name}" if "roles" in one.what else f"Change {name}"


def _lines(change: PersonChange, before: Staff | None, several: bool) -> list[Line]:
    lead = f"{change.staff.name}: " if several else ""
    if change.turn is Turn.LEAVES:
        return [(f"{lead}Account", "open", "closed")]
    names = _FIELDS if change.turn is Turn.JOINS else [name for name in _FIELDS if name in change.what]
    found = []
    for name in names:
        old = _words(name, getattr(before, name)) if before is not None else ""
        new = _words(name, getattr(change.staff, name))
        if old != new:
            found.append((f"{lead}{_FIELDS[name]}", old, new))
    return found


def _words(name: str, value: Any) -> str:
    if name == "roles":
        return ", ".join(ROLE_TEXTS[Role(each)][0] for each in value)
    if name == "sites":
        return ", ".join(value) or "all"
    if name == "shifts":
        return "; ".join(f"{iso(start)[:16]} to {iso(end)[:16]}" for start, end in value)
    if name == "team":
        return str(value) or "by role"
    if name.endswith("_us"):
        return "" if value is None else iso(value)[:10]
    return str(value)


def _plain(words: dict[str, Any]) -> dict[str, Any]:
    """Lists for tuples, as they come back from the database."""
    return {name: _listed(value) for name, value in words.items()}


def _listed(value: Any) -> Any:
    return [_listed(each) for each in value] if isinstance(value, list | tuple) else value


def _staff(words: Change) -> Staff:
    values = dict(words)
    values |= {name: tuple(values[name]) for name in ("roles", "sites")}
    return Staff(**values | {"shifts": tuple((each[0], each[1]) for each in values["shifts"])})
