"""Whether an event is what somebody looks for, and what of it meets the question, in words. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from belvedere.foundation.clock import HOUR_US, SECOND_US
from belvedere.foundation.errors import BadInput
from belvedere.link.seeing import Polygon, SearchIn, Wanted
from belvedere.media.objects import KIND_TEXT, VEHICLES, ObjectColour, ObjectKind
from belvedere.site.seeing.sightings import PARTS, feet

_DAY_MINUTES = 1440
_TO = ("up", "up and right", "right", "down and right", "down", "down and left", "left", "up and left")


class EventRecord(NamedTuple):
    """An event as the index has it; columns in the order of COLUMNS. Places in 1/10000, as `confidence`."""

    id: int
    camera_id: int
    stream_id: int
    kind: int
    upper: int
    lower: int
    start_us: int
    end_us: int
    best_us: int
    confidence: int
    left: int
    top: int
    right: int
    bottom: int
    sightings: int
    heading: int
    detail: int
    model_id: int
    path: bytes


COLUMNS = (
    "e.id, e.camera_id, e.stream_id, e.kind, e.upper, e.lower, e.start_us, e.end_us, e.best_us, e.confidence, e.box_left, "
    "e.box_top, e.box_right, e.box_bottom, e.sightings, e.heading, e.detail, e.model_id, e.path"
)


class Facets:
    """A question's facets. Raises BadInput for numbers that are none."""

    def __init__(self, cameras: Sequence[SearchIn], wanted: Wanted, ids: dict[str, int]) -> None:
        """`ids`: numbers of the cameras."""
        self.wanted = wanted
        _check(wanted)
        self._zones: dict[int, list[Polygon | None]] = {}
        for each in cameras:
            self._zones.setdefault(ids[each.camera], []).append(each.zone)
        self._kinds = frozenset(wanted.kinds)
        self._colours = frozenset(wanted.colours)
        self._clothing = frozenset(wanted.clothing)
        self._headings = frozenset(wanted.headings)
        self._least = wanted.least_confidence * PARTS
        self._height = (wanted.least_height * PARTS, wanted.most_height * PARTS)

    @property
    def kinds(self) -> tuple[int, ...]:
        """Kinds that can meet the question; empty: all."""
        if self._colours:
            return tuple(sorted(int(kind) for kind in VEHICLES if not self._kinds or kind in self._kinds)) or (0,)
        if self._clothing:
            return (int(ObjectKind.PERSON),) if not self._kinds or ObjectKind.PERSON in self._kinds else (0,)
        return tuple(sorted(self._kinds))

    @property
    def plain(self) -> bool:
        """Whether kind, colour, camera and time say it all: an index counts it."""
        w = self.wanted
        return not (
            self._clothing
            or 0 in self._colours
            or self._headings
            or w.together
            or w.at_least > 1
            or w.least_duration_us
            or w.least_confidence
            or w.least_height
            or w.most_height < 1
            or w.from_minute is not None
            or w.to_minute is not None
            or any(zone is not None for zones in self._zones.values() for zone in zones)
        )

    def where(self) -> tuple[str, tuple[float, ...]]:
        """What the index itself can leave out: a condition that follows others, and its values."""
        w = self.wanted
        parts: list[str] = []
        values: list[float] = []
        if self._least:
            parts.append("confidence >= ?")
            values.append(self._least)
        if self._headings:
            parts.append(f"heading IN ({','.join('?' * len(self._headings))})")
            values += sorted(self._headings)
        if self._height != (0, PARTS):
            parts.append("box_bottom - box_top BETWEEN ? AND ?")
            values += self._height
        if w.least_duration_us:
            parts.append("end_us - start_us >= ?")
            values.append(w.least_duration_us)
        if self._colours:
            parts.append(f"upper IN ({','.join('?' * len(self._colours))})")
            values += sorted(self._colours)
        return "".join(f" AND {part}" for part in parts), tuple(values)

    def meets(self, event: EventRecord) -> bool:
        """Whether the event by itself is what is looked for."""
        w = self.wanted
        if self._kinds and event.kind not in self._kinds:
            return False
        if self._colours and (event.kind not in VEHICLES or event.upper not in self._colours):
            return False
        if self._clothing and (
            event.kind != ObjectKind.PERSON or (event.upper not in self._clothing and event.lower not in self._clothing)
        ):
            return False
        if event.confidence < self._least or (self._headings and event.heading not in self._headings):
            return False
        if not self._height[0] <= event.bottom - event.top <= self._height[1]:
            return False
        if event.end_us - event.start_us < w.least_duration_us:
            return False
        return self._at_hour(event.best_us) and self._in_zone(event)

    def _at_hour(self, at_us: int) -> bool:
        w = self.wanted
        if w.from_minute is None and w.to_minute is None:
            return True
        first, last = w.from_minute or 0, _DAY_MINUTES if w.to_minute is None else w.to_minute
        minute = minute_of_day(at_us, w.zone_name)
        return first <= minute < last if first <= last else minute >= first or minute < last

    def _in_zone(self, event: EventRecord) -> bool:
        zones = self._zones.get(event.camera_id, [])
        if not zones or None in zones:
            return bool(zones)
        stood = [*feet(event.path), ((event.left + event.right) / 2 / PARTS, event.bottom / PARTS)]
        return any(zone is not None and inside(zone, x, y) for zone in zones for x, y in stood)

    def why(self, event: EventRecord) -> str:
        """What of the question it meets, and how surely, in words."""
        parts = [KIND_TEXT[ObjectKind(event.kind)]]
        if event.kind in VEHICLES and event.upper:
            parts.append(ObjectColour(event.upper).name.lower())
        if self._clothing:
            worn = sorted(self._clothing & {event.upper, event.lower})
            parts.append("wears " + " and ".join(ObjectColour(each).name.lower() for each in worn))
        if None not in self._zones.get(event.camera_id, [None]):
            parts.append("stood in the zone")
        if self._headings and event.heading >= 0:
            parts.append(f"moved {_TO[event.heading]}")
        if self.wanted.together:
            others = ", ".join(KIND_TEXT[ObjectKind(kind)] for kind in self.wanted.together)
            parts.append(f"together with: {others}")
        if self.wanted.at_least > 1:
            parts.append(f"at least {self.wanted.at_least} at once")
        parts.append(f"{event.confidence / PARTS:.0%} sure, seen {event.sightings} times")
        return ", ".join(parts)


def minute_of_day(at_us: int, zone_name: str) -> int:
    """The local minute of the day, 0 to 1439. Raises BadInput for a zone that nobody knows."""
    hour_us = at_us // HOUR_US * HOUR_US
    return (_minute_of_hour(hour_us, zone_name) + (at_us - hour_us) // (60 * SECOND_US)) % _DAY_MINUTES


@lru_cache(maxsize=4096)
def _minute_of_hour(hour_us: int, zone_name: str) -> int:
    """The local minute of the day in which a UTC hour begins; clocks are changed at whole hours."""
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=hour_us)).astimezone(_zone(zone_name))
    return local.hour * 60 + local.minute


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"There is no time zone {name!r}.", advice="Give a name such as Europe/London.") from error


def inside(polygon: Polygon, x: float, y: float) -> bool:
    """Whether a point lies in a polygon (even-odd rule)."""
    found = False
    before_x, before_y = polygon[-1]
    for corner_x, corner_y in polygon:
        if (corner_y > y) != (before_y > y) and x < (before_x - corner_x) * (y - corner_y) / (
            before_y - corner_y
        ) + corner_x:
            found = not found
        before_x, before_y = corner_x, corner_y
    return found


def _check(wanted: Wanted) -> None:
    kinds, colours = {int(kind) for kind in ObjectKind}, {int(colour) for colour in ObjectColour}
    if not {*wanted.kinds, *wanted.together} <= kinds:
        raise BadInput("There is no such kind of object.", advice="Ask for kinds that the search names.")
    if not {*wanted.colours, *wanted.clothing} <= colours:
        raise BadInput("There is no such colour.", advice="Ask for colours that the search names.")
    if not all(0 <= heading < len(_TO) for heading in wanted.headings):
        raise BadInput("A heading is an eighth of a turn, 0 to 7.")
    for minute in (wanted.from_minute, wanted.to_minute):
        if minute is not None and not 0 <= minute <= _DAY_MINUTES:
            raise BadInput("A minute of the day is 0 to 1440.")
    if wanted.from_minute is not None or wanted.to_minute is not None:
        _zone(wanted.zone_name)
    if not 1 <= wanted.at_least <= 100:
        raise BadInput("Ask for 1 to 100 objects at once.")
