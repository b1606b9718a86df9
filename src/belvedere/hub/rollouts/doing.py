"""A roll-out as a proposal: which version, to which sites, how fast. A second person confirms exactly that."""

import asyncio
from typing import TYPE_CHECKING

from belvedere.hub.access.agreed import Agreed
from belvedere.hub.proposals.doing import Sight
from belvedere.hub.proposals.proposal import Change
from belvedere.hub.rollouts.plan import Pace

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext


class RolloutDoing:
    """For the event loop."""

    act = "site_update"

    def __init__(self, hub: "HubContext") -> None:
        self._desk = hub.fleet.rollouts

    async def look(self, change: Change) -> Sight:
        version, first, without = str(change["version"]), list(change["first"]), list(change["without"])
        pace = pace_of(change)
        sites = await asyncio.to_thread(self._desk.drawn_up, version, first, without, pace)
        held = await asyncio.to_thread(self._desk.book.release, version)
        rest = [each.site for each in sites if each.stage == 1]
        hours = "in the line's other hours" if change["night"] else "at any time"
        lines = (
            ("Software of the first sites", ", ".join(sorted(first)), version),
            ("Then", f"{len(rest)} further sites", f"{pace.at_once} at once, {pace.wait_minutes} minutes later"),
            ("Left out", "", ", ".join(sorted(without)) or "none"),
            ("Fetched", "", hours),
            ("Signed as", "", held.signed.sha256),
        )
        before = {"manifest_sha256": held.signed.sha256, "sites": [each.site for each in sites]}
        return Sight(f"Update {len(sites)} sites to version {version}", lines, before)

    async def carry_out(self, change: Change, agreed: Agreed) -> dict[str, str]:
        await self._desk.start(
            agreed.user,
            str(change["version"]),
            list(change["first"]),
            list(change["without"]),
            pace_of(change),
            night=bool(change["night"]),
            reason=agreed.reason,
            agreed=dict(agreed.facts),
        )
        return {}


def pace_of(change: Change) -> Pace:
    """How fast, out of a change."""
    return Pace(int(change["wait_minutes"]), int(change["at_once"]))
