"""What players were given, so that a viewing is logged once and no byte is read without a log entry.

An *opening* is one person's playlist of one stream and span. Reading within it is part of it; reading beside it is an
opening of its own. Kept in memory only: after a restart of the hub the next read is logged again, never the other way.
"""

from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from belvedere.foundation.clock import MINUTE_US, Clock
from belvedere.hub.review.playlist import Stretch

IDLE_US = 10 * MINUTE_US  # an opening left alone this long has ended; coming back to it is logged again
MOST = 2000  # openers and grant spans remembered; least recently used go first
MOST_SPANS = 500  # of one opener; past that all are forgotten, and logged again when they come back


@dataclass(frozen=True, slots=True)
class Opener:
    """Who looks at what: one person, one grant, one stream of one camera."""

    user: str
    grant: str
    camera: str
    stream: str


@dataclass(slots=True)
class _Opened:
    """What one opener may read under the entries that stand in the log."""

    used_us: int
    spans: set[tuple[int, int]] = field(default_factory=set)
    # Invariant: for each segment disjoint byte ranges in order.
    ranges: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def add(self, stretch: Stretch) -> None:
        kept = self.ranges.setdefault(stretch.segment, [])
        start, end = stretch.start, stretch.end
        for each in [one for one in kept if one[0] <= end and start <= one[1]]:
            kept.remove(each)
            start, end = min(start, each[0]), max(end, each[1])
        insort(kept, (start, end))

    def covers(self, stretch: Stretch) -> bool:
        kept = self.ranges.get(stretch.segment, [])
        at = bisect_right(kept, (stretch.start, 1 << 62)) - 1
        return at >= 0 and kept[at][0] <= stretch.start and stretch.end <= kept[at][1]


class Openings:
    """The openings of one hub. For one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._opened: OrderedDict[Opener, _Opened] = OrderedDict()
        self._grant_spans: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()

    def is_open(self, opener: Opener, from_us: int, to_us: int) -> bool:
        """Whether this span was opened and is still in use: a growing playlist is loaded again and again."""
        found = self._touch(opener)
        return found is not None and (from_us, to_us) in found.spans

    def allows(self, opener: Opener, stretch: Stretch) -> bool:
        """Whether these bytes belong to what was opened."""
        found = self._touch(opener)
        return found is not None and found.covers(stretch)

    def add(self, opener: Opener, stretches: Iterable[Stretch], span: tuple[int, int] | None = None) -> None:
        """Remember what was logged just now: byte ranges, and the span of time if it was a playlist."""
        opened = self._touch(opener)
        if opened is None:
            opened = self._opened[opener] = _Opened(self._clock.monotonic_us())
            if len(self._opened) > MOST:
                self._opened.popitem(last=False)
        if len(opened.spans) >= MOST_SPANS:
            opened.spans.clear()
        if span is not None:
            opened.spans.add(span)
        for stretch in stretches:
            opened.add(stretch)

    def _touch(self, opener: Opener) -> _Opened | None:
        found = self._opened.get(opener)
        if found is None:
            return None
        now_us = self._clock.monotonic_us()
        if now_us - found.used_us > IDLE_US:
            del self._opened[opener]
            return None
        found.used_us = now_us
        self._opened.move_to_end(opener)
        return found

    def grant_span(self, user: str, grant: str) -> tuple[int, int] | None:
        """The footage that a grant covers, if it was seen here before. It never changes; whether it still lives does."""
        return self._grant_spans.get((user, grant))

    def remember_grant(self, user: str, grant: str, from_us: int, to_us: int) -> None:
        self._grant_spans[user, grant] = (from_us, to_us)
        if len(self._grant_spans) > MOST:
            self._grant_spans.popitem(last=False)
