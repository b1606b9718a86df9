"""How much of a site's records waits there, as its beats say, and when all of it will be here."""

from collections import deque

from belvedere.foundation.clock import MINUTE_US

_KEPT = 9  # beats: two minutes
_LEAST_US = 10_000_000  # less tells nothing of a pace


class Backlog:
    """The last beats of one line. Times are the hub's clock."""

    def __init__(self) -> None:
        # Invariant: moments rise, at most _KEPT of them, none older than the last time that nothing waited.
        self._beats: deque[tuple[int, int]] = deque(maxlen=_KEPT)

    def note(self, heard_us: int, waiting: int) -> None:
        """A beat said that so many wait."""
        if waiting == 0 or (self._beats and self._beats[-1][0] >= heard_us):
            self._beats.clear()
        self._beats.append((heard_us, waiting))

    def caught_up_in_us(self) -> int | None:
        """How long until nothing waits, at the pace of the last two minutes; 0: nothing waits; None: not to be told, or never."""
        if not self._beats:
            return None
        (first_us, before), (last_us, waiting) = self._beats[0], self._beats[-1]
        if waiting == 0:
            return 0
        if last_us - first_us < _LEAST_US or waiting >= before:
            return None
        return max(1, waiting * (last_us - first_us) // (before - waiting))

    def grows(self) -> bool:
        """More waits than a while ago: the line carries less than the site makes."""
        return len(self._beats) > 1 and self._beats[-1][1] > self._beats[0][1] and self._span_us() >= MINUTE_US

    def _span_us(self) -> int:
        return self._beats[-1][0] - self._beats[0][0]
