"""Holds that sites go by and this hub knows nothing of: it was restored from a backup of before they were placed. Pure.

They stay in force until two people end or adopt them. What a site says counts for its own cameras alone.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

from belvedere.hub.retention.places import Standing
from belvedere.hub.retention.store import HoldRow

MOST_LOST = 200  # that are shown at once


@dataclass(frozen=True, slots=True)
class LostHold:
    """One, as its sites have it. `sites`: those that said so."""

    row: HoldRow
    sites: tuple[str, ...]
    segments: int
    bytes: int


def lost_holds(
    standings: Sequence[Standing], known: Container[str], elsewhere: Mapping[str, Container[str]]
) -> list[LostHold]:
    """Those of all sites, the oldest first. `known`: ids of this hub; `elsewhere`: by site, cameras that others have."""
    found: dict[str, LostHold] = {}
    for standing in standings:
        if standing.state is None:
            continue
        kept = {each.hold: each for each in standing.state.holds}
        for order in standing.state.in_force:
            held = kept.get(order.id)
            if held is None or order.id in known or not 0 <= order.from_us < order.to_us:
                continue
            cameras = [each for each in order.cameras if each not in elsewhere.get(standing.site, ())]
            if not cameras:
                continue
            row = HoldRow(
                id=order.id,
                cameras=tuple(sorted(cameras)),
                from_us=order.from_us,
                to_us=order.to_us,
                owner_id="",
                owner=order.owner,
                reason=order.reason,
                reference=order.reference,
                placed_us=order.placed_us,
                expires_us=order.expires_us,
                ended_us=None,
                ended_why="",
            )
            before = found.get(order.id)
            if before is not None:  # the same hold, of cameras of several sites
                row = replace(before.row, cameras=tuple(sorted({*before.row.cameras, *cameras})))
            found[order.id] = LostHold(
                row,
                (*(before.sites if before else ()), standing.site),
                held.segments + (before.segments if before else 0),
                held.bytes + (before.bytes if before else 0),
            )
    return sorted(found.values(), key=lambda each: (each.row.placed_us, each.row.id))[:MOST_LOST]
