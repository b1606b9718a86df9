"""A question in plain words, read as facets: locally, the same every time, with what was not understood said. Pure.

No model and no network: vocabularies, the names of the map and the register, and the clock that is passed in.
"""

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from belvedere.hub.search.places import MOST_PLACES, Eye, Gazetteer, Spot, choose
from belvedere.hub.search.reading import Chip, Reading
from belvedere.hub.search.refusal import Refusal, refusals
from belvedere.hub.search.things import What, read_what
from belvedere.hub.search.times import When, read_when

LONGEST = 300  # characters
_Found = tuple[int, int, list[Spot | Eye]]


@dataclass(frozen=True, slots=True)
class Unread:
    """Words that were not understood, [start, end) of the question."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Understood:
    """What a question asks for. `cameras` is empty where it names no place.

    Invariant: spans of chips, `unread` and `refusal` are of the question as asked, 0 <= start < end <= its length.
    """

    what: What
    when: When
    cameras: tuple[str, ...]
    chips: tuple[Chip, ...]
    unread: tuple[Unread, ...]
    notes: tuple[str, ...]
    refusal: Refusal | None


def understand(asked: str, gazetteer: Gazetteer, now_us: int, zone: ZoneInfo) -> Understood:
    """Read a question. Never raises; what is longer than LONGEST characters is not read."""
    asked = asked[:LONGEST]
    reading = Reading(asked)
    named = gazetteer.full_names(reading)
    refused = [replace(each, words=asked[each.start : each.end]) for each in refusals(reading.rest)]
    for each in refused:
        reading.take(each.start, each.end)
    when = read_when(reading, now_us, zone)
    what = read_what(reading)
    cameras = _places(reading, gazetteer, [*named, *gazetteer.loose_names(reading)])
    left = reading.left()
    chips = sorted(reading.chips, key=lambda chip: (chip.start, chip.field))
    unread = tuple(Unread(asked[word.start : word.end], word.start, word.end) for word in left)
    return Understood(what, when, cameras, tuple(chips), unread, tuple(reading.notes), refused[0] if refused else None)


def _places(reading: Reading, gazetteer: Gazetteer, found: list[_Found]) -> tuple[str, ...]:
    """Cameras of all places named, as one chip a place."""
    order: dict[str, None] = {}
    for start, end, things in found:
        if sum(isinstance(each, Spot) for each in things) > MOST_PLACES:
            reading.note(
                f"“{reading.asked[start:end].strip()}” is at more than {MOST_PLACES} places: name one of them."
            )
            continue
        where = choose(gazetteer, things)
        said = reading.asked[start:end].strip()
        if not where.cameras:
            reading.note(f"No camera of yours is near “{said}”.")
            continue
        if where.only_nearest and len(where.places) == 1:
            reading.note(f"No camera looks at {where.places[0].name}: the nearest is taken.")
        names = {eye.id: eye.name for eye in gazetteer.eyes}
        shown = ", ".join(names[each] for each in where.cameras[:4])
        more = f" and {len(where.cameras) - 4} more" if len(where.cameras) > 4 else ""
        reading.chips.append(Chip("where", f"{shown}{more}", said, start, end))
        order |= dict.fromkeys(where.cameras)
    return tuple(order)
