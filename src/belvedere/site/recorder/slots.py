"""Which ingest process carries which stream."""

import math
from collections.abc import Mapping


def balanced_limit(streams: int, capacity: int) -> int:
    """How many streams one process carries when all are shared evenly over as few processes as can carry them."""
    if streams <= 0:
        return 0
    processes = math.ceil(streams / capacity)
    return math.ceil(streams / processes)


def share(loads: Mapping[int, int], waiting: int, limit: int) -> list[int]:
    """Slots for up to `waiting` streams, the least loaded first; fewer when every slot carries `limit` already.

    `loads`: streams carried now, by slot.
    """
    now = dict(loads)
    chosen: list[int] = []
    for _ in range(waiting):
        free = [slot for slot, load in now.items() if load < limit]
        if not free:
            break
        slot = min(free, key=lambda s: (now[s], s))
        now[slot] += 1
        chosen.append(slot)
    return chosen
