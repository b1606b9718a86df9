"""One stream's pictures, in time order, on their way to events in the index."""

from collections.abc import Callable, Sequence

import msgspec

from belvedere.foundation.clock import MINUTE_US, SECOND_US
from belvedere.foundation.errors import BadInput
from belvedere.site.seeing.store import EventRow, Segment, Writing, holder
from belvedere.vision.events.gatherer import EventGatherer
from belvedere.vision.events.presence import Presence
from belvedere.vision.objects.found import Detection

_REWRITE_US = 30 * SECOND_US  # a presence that only lasts is written again this often
LONGEST_GAP_US = 5 * MINUTE_US  # after it, events of before are over


class _Known(msgspec.Struct):
    """An event that is in the index and goes on."""

    id: int
    best_us: int
    kind: int
    end_us: int


class _State(msgspec.Struct):
    gatherer: bytes
    known: dict[int, _Known]


class Lane:
    """Feed it pictures that are durable, `take` what is to be written, in one thread.

    Invariant: an event's number in the index stays while it goes on, also over a restart.
    """

    def __init__(
        self, detail: int, next_id: Callable[[], int], state: bytes | None = None, aspect: float = 16 / 9
    ) -> None:
        self._detail = detail
        self._next_id = next_id
        self._gatherer = EventGatherer(aspect)
        self._known: dict[int, _Known] = {}
        self._closed: list[Presence] = []
        self._last: tuple[Detection, ...] = ()
        if state is not None:
            try:
                kept = msgspec.msgpack.decode(state, type=_State)
                self._gatherer = EventGatherer.restored(kept.gatherer)
                self._known = kept.known
            except (msgspec.MsgspecError, BadInput):
                pass  # of another version: events of before stay as they are

    @property
    def last_us(self) -> int:
        """Time of the newest picture."""
        return self._gatherer.last_us

    def feed(self, at_us: int, found: Sequence[Detection] | None) -> None:
        """Take in a picture; None: nothing had moved since the one before, so what was there is there."""
        if found is not None:
            self._last = tuple(found)
        if at_us - self._gatherer.last_us > LONGEST_GAP_US:
            self._closed += self._gatherer.until(at_us)
            if found is None:
                self._last = ()
        self._closed += self._gatherer.feed(at_us, self._last)

    def finish(self) -> None:
        """The stretch ends here: whatever goes on is over."""
        self._closed += self._gatherer.finish()
        self._last = ()

    def state(self) -> bytes:
        """What a lane after a restart needs."""
        return msgspec.msgpack.encode(_State(self._gatherer.state(), self._known))

    def take(self, model_id: int, segments: Callable[[int], Sequence[Segment]], writing: Writing) -> int:
        """Put what changed into `writing`; `segments` gives those around a moment. Returns how many events are new."""
        closed, self._closed = self._closed, []
        new = 0
        going = self._gatherer.going_on()
        for presence in closed:
            new += self._put(presence, model_id, segments, writing)
            self._known.pop(presence.number, None)
        there = set()
        for presence in going:
            there.add(presence.number)
            known = self._known.get(presence.number)
            if (
                known is None
                or (known.best_us, known.kind) != (presence.best_us, presence.kind)
                or presence.end_us - known.end_us >= _REWRITE_US
            ):
                new += self._put(presence, model_id, segments, writing)
        for number in [number for number in self._known if number not in there]:
            # It went on and then was nothing: furniture, or never confirmed.
            writing.dropped.append(self._known.pop(number).id)
        return new

    def _put(
        self, presence: Presence, model_id: int, segments: Callable[[int], Sequence[Segment]], writing: Writing
    ) -> bool:
        """Whether it is new."""
        segment = holder(segments(presence.best_us), presence.best_us)
        if segment is None:
            return False  # deleted meanwhile
        known = self._known.get(presence.number)
        number = known.id if known is not None else self._next_id()
        self._known[presence.number] = _Known(number, presence.best_us, int(presence.kind), presence.end_us)
        writing.events.append(EventRow(number, segment.id, self._detail, model_id, presence))
        return known is None
