"""Gathers the sightings of one stream into events, picture by picture."""

from collections.abc import Sequence

import msgspec

from belvedere.foundation.errors import BadInput
from belvedere.vision.events.following import Following
from belvedere.vision.events.joining import family, joined, thinned
from belvedere.vision.events.places import overlap
from belvedere.vision.events.presence import Patience, Presence, Tally
from belvedere.vision.events.spot import Spot
from belvedere.vision.objects.found import Box, Detection

MOST_OPEN = 256
"""Events that go on at once; beyond it the one that was not seen for longest ends."""

MOST_PLACES = 128
_THERE = 0.5  # intersection over union: the same place
_FORMAT = 1


class Place(msgspec.Struct, eq=False):
    """Where something stood that nobody saw arrive. `times`: how often it appeared there."""

    family: int
    box: Box
    times: int
    last_us: int


class _State(msgspec.Struct):
    format: int
    aspect: float
    next: int
    last_us: int
    events: list[Following]
    places: list[Place]
    tally: Tally


class EventGatherer:
    """Sightings of one stream, in time order, become presences. One instance belongs to one thread.

    Feed it every picture that was looked at, the empty ones too: what is missing from them tells when an event is over.
    Memory is bounded: at most 256 events go on, 128 places are remembered, 32 steps an event.
    """

    def __init__(self, aspect: float = 16 / 9, patience: Patience | None = None) -> None:
        """`aspect`: the picture's width by its height."""
        self._aspect = aspect
        self._patience = patience or Patience()
        self._next = 1
        self._last_us = -1
        self._events: list[Following] = []
        self._places: list[Place] = []
        self._tally: dict[str, int] = dict.fromkeys(Tally.__dataclass_fields__, 0)

    @property
    def tally(self) -> Tally:
        return Tally(**self._tally)

    @property
    def last_us(self) -> int:
        """Time of the newest picture taken in, -1 before the first."""
        return self._last_us

    def feed(self, time_us: int, detections: Sequence[Detection]) -> list[Presence]:
        """Take in one picture; returns the events that are over by now. A picture not after the one before is counted and left."""
        if time_us <= self._last_us:
            self._tally["late"] += 1
            return []
        closed = self.until(time_us)
        self._last_us = time_us
        self._tally["pictures"] += 1
        found, crowded, doubled = thinned(detections)
        self._tally["crowded"] += crowded
        self._tally["doubled"] += doubled
        going, left = self._events, set(range(len(found)))
        for event in going:
            event.misses += 1
        gone_off: list[tuple[Following, Detection]] = []
        for place, number in joined(going, found, time_us, self._aspect):
            left.discard(number)
            event = going[place]
            if event.saw(time_us, found[number], self._patience):
                gone_off.append((event, found[number]))
            elif event.furniture:
                self._tally["furniture"] += 1
                event.furniture = not event.moved
        for event, sighting in gone_off:
            closed += self._end(event)
            self._begin(time_us, sighting, moved=True)
        for number in sorted(left):
            self._begin(time_us, found[number])
        while len(self._events) > MOST_OPEN:
            closed += self._end(min(self._events, key=lambda event: event.last_us))
        return closed

    def until(self, time_us: int) -> list[Presence]:
        """The events that are over at `time_us` if nothing is seen until then; they are taken out."""
        closed: list[Presence] = []
        for event in [event for event in self._events if event.over(time_us, self._patience)]:
            closed += self._end(event)
        return closed

    def going_on(self) -> list[Presence]:
        """The confirmed events that are not over, as they stand; those of furniture left out."""
        return [
            event.presence(self._aspect)
            for event in self._events
            if event.confirmed(self._patience) and not event.furniture
        ]

    def spots(self) -> list[Spot]:
        """Where every confirmed object is that does not stand as furniture, seen in the newest picture or not."""
        return [
            Spot(
                event.number,
                event.kind,
                event.top,
                event.box,
                event.first_us,
                event.last_us,
                event.anchor_us,
                event.moved,
            )
            for event in self._events
            if event.confirmed(self._patience) and not event.furniture
        ]

    def finish(self) -> list[Presence]:
        """End every event: the recording stops here. What is furniture stays known."""
        closed: list[Presence] = []
        for event in list(self._events):
            closed += self._end(event)
        return closed

    def state(self) -> bytes:
        """Everything that a gatherer needs to go on after a restart."""
        kept = _State(_FORMAT, self._aspect, self._next, self._last_us, self._events, self._places, self.tally)
        return msgspec.msgpack.encode(kept)

    @classmethod
    def restored(cls, state: bytes, patience: Patience | None = None) -> "EventGatherer":
        """A gatherer that goes on where the one of `state` was. Raises BadInput when the bytes are not a state."""
        try:
            kept = msgspec.msgpack.decode(state, type=_State)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadInput(f"This is not the state of a gatherer: {error}.", advice="Begin anew.") from error
        if kept.format != _FORMAT:
            raise BadInput(f"The state has format {kept.format}, not {_FORMAT}.", advice="Begin anew.")
        gatherer = cls(kept.aspect, patience)
        gatherer._next, gatherer._last_us = kept.next, kept.last_us
        gatherer._events, gatherer._places = kept.events, kept.places
        gatherer._tally = {name: getattr(kept.tally, name) for name in gatherer._tally}
        return gatherer

    def _begin(self, time_us: int, found: Detection, moved: bool = False) -> None:
        event = Following.begin(self._next, family(found.kind), time_us, found)
        event.moved = moved
        self._next += 1
        if not moved:
            known = self._place(event.family, found.box)
            if known is not None and known.times >= self._patience.furniture:
                if time_us - known.last_us <= self._patience.forgotten_us:
                    known.last_us = time_us
                    event.furniture = True
                    self._tally["furniture"] += 1
                else:
                    self._places.remove(known)
        self._events.append(event)

    def _end(self, event: Following) -> list[Presence]:
        self._events.remove(event)
        if not event.moved and event.sightings >= 2:
            self._stood(event)
        if event.furniture:
            return []
        if not event.confirmed(self._patience):
            self._tally["fleeting"] += 1
            return []
        return [event.presence(self._aspect)]

    def _stood(self, event: Following) -> None:
        known = self._place(event.family, event.anchor)
        if known is None:
            self._places.append(Place(event.family, event.anchor, 1, event.last_us))
            if len(self._places) > MOST_PLACES:
                self._places.remove(min(self._places, key=lambda place: place.last_us))
            return
        known.times = min(known.times + 1, 1_000)
        known.last_us = max(known.last_us, event.last_us)

    def _place(self, group: int, box: Box) -> Place | None:
        near = [(overlap(place.box, box), i) for i, place in enumerate(self._places) if place.family == group]
        if not near:
            return None
        share, i = max(near)
        return self._places[i] if share > _THERE else None
