"""Carrying changes of people out: each is in the log before it takes effect, by whoever's leave it happens."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from belvedere.hub.access.staff import Change, StaffDesk, Turn

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext

ROLES_CHANGED = "account.changed"
_LOGGED = {Turn.JOINS: "account.created", Turn.MOVES: ROLES_CHANGED, Turn.LEAVES: "account.disabled"}


async def change_people(
    hub: "HubContext", actor: str, changes: Iterable[Change], facts: Mapping[str, Any]
) -> dict[str, str]:
    """Log each change with `facts` (the proofs of who agreed), do all of them; returns one-time codes by name."""
    turns = [each for each in changes if each.turn is not Turn.STAYS]
    async with hub.accounts.changing:
        for each in turns:
            about = {"name": each.staff.name, "roles": list(each.staff.roles), "changed": list(each.what)}
            await hub.audit.append(_LOGGED[each.turn], actor, {**about, **facts})
        codes = await asyncio.to_thread(StaffDesk(hub.engine, hub.clock).carry_out, turns)
        names = {each.staff.name for each in turns}
        people = await asyncio.to_thread(hub.users.all)
        await hub.accounts.note(each.id for each in people if each.name in names)
    if hub.accounts.altered:
        await hub.accounts.look()  # what was changed properly is as noted again
    return codes
