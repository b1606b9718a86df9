"""Which sighting belongs to which open event: the nearest that an object of its kind can have reached since."""

import math
from collections.abc import Sequence

from belvedere.foundation.clock import SECOND_US
from belvedere.media.objects import ObjectKind
from belvedere.vision.events.following import Following
from belvedere.vision.events.places import overlap
from belvedere.vision.objects.found import Detection

MOST_IN_PICTURE = 128
"""Sightings of one picture that are kept, the most confident; a crowd beyond it is counted, not followed."""

_FAMILIES = {
    ObjectKind.PERSON: 1,
    ObjectKind.BICYCLE: 2,  # a moped and a bicycle are confused
    ObjectKind.MOTORCYCLE: 2,
    ObjectKind.CAR: 3,
    ObjectKind.VAN: 3,
    ObjectKind.DOG: 4,
    ObjectKind.ANIMAL: 4,
    ObjectKind.BAG: 5,
}
_SAME = 0.55  # share of the union: two boxes of one family that overlap so far are one object
_SLACK = 0.8  # how far, in its own heights, a box may jump whatever the time
_PACE = {
    1: 2.6,
    2: 5.0,
    3: 7.0,
    4: 6.0,
    5: 0.5,
}  # own heights a second: a runner, a moped, a car at 40 km/h, a dog, a bag
_FARTHEST = 14.0
_LIKE = 2.2  # a box does not grow or shrink by more between two sightings


def family(kind: ObjectKind) -> int:
    """A number shared by kinds that detectors confuse."""
    return _FAMILIES[kind]


def thinned(detections: Sequence[Detection]) -> tuple[list[Detection], int, int]:
    """The most confident, each object once; how many were beyond the limit and how many were doubles."""
    ranked = sorted(detections, key=lambda found: -found.confidence)
    crowded = max(0, len(ranked) - MOST_IN_PICTURE)
    kept: list[Detection] = []
    for found in ranked[:MOST_IN_PICTURE]:
        group = family(found.kind)
        if not any(family(other.kind) == group and overlap(found.box, other.box) > _SAME for other in kept):
            kept.append(found)
    return kept, crowded, len(ranked) - crowded - len(kept)


def _cost(event: Following, found: Detection, time_us: int, aspect: float) -> float | None:
    """Below 1 when the event can have got there, least for the likeliest; None when it can't."""
    box, last = found.box, event.box
    height, before = box.bottom - box.top, last.bottom - last.top
    size = max(height, (box.right - box.left) * aspect) / max(before, (last.right - last.left) * aspect)
    if not 1 / _LIKE < size < _LIKE:
        return None
    seconds = (time_us - event.last_us) / SECOND_US
    shared = overlap(box, event.anchor)
    if event.stands and shared > 0.4:
        return -shared  # what stands there is what stood there
    group = event.family
    own = max(height, before, 1e-4)
    reach = min(_FARTHEST, _SLACK + _PACE[group] * seconds)
    x, y = event.expected(time_us)
    foot_x, foot_y = box.foot
    off = math.hypot((foot_x - x) * aspect, foot_y - y) / own
    last_x, last_y = last.foot
    gone = math.hypot((foot_x - last_x) * aspect, foot_y - last_y) / own
    if gone > reach:
        return None
    return min(off, gone) / reach - 0.5 * overlap(box, last)


def joined(
    events: Sequence[Following], found: Sequence[Detection], time_us: int, aspect: float
) -> list[tuple[int, int]]:
    """Pairs of (event, sighting), each at most once, cheapest first."""
    costs: list[tuple[float, int, int]] = []
    for number, sighting in enumerate(found):
        group = family(sighting.kind)
        for place, event in enumerate(events):
            if event.family != group:
                continue
            cost = _cost(event, sighting, time_us, aspect)
            if cost is not None:
                costs.append((cost, place, number))
    costs.sort()
    taken: set[int] = set()
    given: set[int] = set()
    pairs = []
    for _, place, number in costs:
        if place not in taken and number not in given:
            taken.add(place)
            given.add(number)
            pairs.append((place, number))
    return pairs
