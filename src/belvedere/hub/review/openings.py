"""What players were given, so that a viewing is logged once and no byte is read without a log entry.

An *opening* is one person's playlist of one stream and span. Reading within it is part of it; reading beside it is an
opening of its own. Kept in memory only: after a restart of the hub the next read is logged again, never the other way.
"""

from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from belvedere.foundation.clock import MINUTE_US, Clock
from belvedere.hub.review.looks import Look, Opener, Why
from belvedere.hub.review.playlist import Stretch
from belvedere.link.messages import Piece

__all__ = ["IDLE_US", "MOST", "MOST_PIECES", "MOST_SPANS", "Opener", "Openings"]

IDLE_US = 2 * MINUTE_US  # an opening left alone this long has ended; coming back to it is logged again
MOST = 2000  # openers and grant spans remembered; least recently used go first
MOST_SPANS = 500  # of one opener; past that all are forgotten, and logged again when they come back
MOST_PIECES = 200_000  # of playlists, by which bytes are known as footage; the least recently used go first


@dataclass(slots=True)
class _Opened:
    """What one opener may read under the entries that stand in the log."""

    used_us: int
    look: Look | None = None  # None where no log entry was named
    pieces: Sequence[Piece] = ()  # of the newest playlist, in the order of the footage
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

    def shown(self, stretch: Stretch) -> None:
        """Note which footage these bytes are, if the newest playlist says so."""
        at = bisect_right(self.pieces, (stretch.segment, stretch.start), key=lambda one: (one.segment, one.start)) - 1
        if self.look is not None and at >= 0:
            piece = self.pieces[at]
            if piece.segment == stretch.segment and stretch.start < piece.end:
                self.look.saw(piece.start_us, piece.start_us + piece.duration_us)

    def covers(self, stretch: Stretch) -> bool:
        kept = self.ranges.get(stretch.segment, [])
        at = bisect_right(kept, (stretch.start, 1 << 62)) - 1
        return at >= 0 and kept[at][0] <= stretch.start and stretch.end <= kept[at][1]


class Openings:
    """The openings of one hub. For one event loop."""

    def __init__(self, clock: Clock, tell: Callable[[Look, Why], None] = lambda _look, _why: None) -> None:
        """`tell` hears of every look that ended."""
        self._clock = clock
        self._tell = tell
        self._opened: OrderedDict[Opener, _Opened] = OrderedDict()
        self._grant_spans: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()

    def is_open(self, opener: Opener, from_us: int, to_us: int) -> bool:
        """Whether this span was opened and is still in use: a growing playlist is loaded again and again."""
        found = self._touch(opener)
        return found is not None and (from_us, to_us) in found.spans

    def allows(self, opener: Opener, stretch: Stretch) -> bool:
        """Whether these bytes, which are given out now, belong to what was opened."""
        found = self._touch(opener)
        if found is None or not found.covers(stretch):
            return False
        found.shown(stretch)
        return True

    def add(
        self,
        opener: Opener,
        stretches: Iterable[Stretch],
        span: tuple[int, int] | None = None,
        *,
        entry: int | None = None,
        pieces: Sequence[Piece] = (),
    ) -> None:
        """Remember what was logged just now: byte ranges, and the span of time if it was a playlist, with its pieces.

        `entry`: index of the log's entry, None where an earlier one holds.
        """
        opened = self._touch(opener)
        if opened is None:
            opened = self._opened[opener] = _Opened(self._clock.monotonic_us())
            if len(self._opened) > MOST:
                self._forget(next(iter(self._opened)), Why.IDLE)
        if entry is not None:
            now_us = self._clock.now_us()
            if opened.look is None:
                opened.look = Look(opener, "playback", now_us, entry, entry, now_us)
            opened.look.last, opened.look.until_us = entry, now_us
        if pieces:
            opened.pieces = pieces
            self._keep_few_pieces()
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
            self._forget(opener, Why.IDLE)
            return None
        found.used_us = now_us
        if found.look is not None:
            found.look.until_us = self._clock.now_us()
        self._opened.move_to_end(opener)
        return found

    def _forget(self, opener: Opener, why: Why) -> None:
        look = self._opened.pop(opener).look
        if look is not None:
            self._tell(look, why)

    def _keep_few_pieces(self) -> None:
        kept = sum(len(each.pieces) for each in self._opened.values())
        for each in self._opened.values():
            if kept <= MOST_PIECES:
                return
            kept -= len(each.pieces)
            each.pieces = ()

    def grants(self) -> set[str]:
        """The accesses under which something is open."""
        return {opener.grant for opener in self._opened}

    def sweep(self, over: frozenset[str] = frozenset()) -> None:
        """End what was left alone, and what is under these accesses, which are over."""
        now_us = self._clock.monotonic_us()
        for opener, opened in list(self._opened.items()):
            if opener.grant in over:
                self._forget(opener, Why.ACCESS)
            elif now_us - opened.used_us > IDLE_US:
                self._forget(opener, Why.IDLE)

    def close(self) -> None:
        """The hub stops: end everything."""
        for opener in list(self._opened):
            self._forget(opener, Why.STOPPED)

    def grant_span(self, user: str, grant: str) -> tuple[int, int] | None:
        """The footage that a grant covers, if it was seen here before. It never changes; whether it still lives does."""
        return self._grant_spans.get((user, grant))

    def remember_grant(self, user: str, grant: str, from_us: int, to_us: int) -> None:
        self._grant_spans[user, grant] = (from_us, to_us)
        if len(self._grant_spans) > MOST:
            self._grant_spans.popitem(last=False)
