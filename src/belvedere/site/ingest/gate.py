"""The gate that all connects of an ingest process go through, so that a hundred cameras back at once make no storm."""

from itertools import islice

AT_ONCE = 16
A_SECOND = 40


class ConnectGate:
    """Lets streams connect: who has asked longest goes first, `at_once` are under way at most, `a_second` begin in a second.

    Invariants: a stream that was let in holds its place until `leave`; it is overtaken by fewer than `at_once` that asked later.
    """

    __slots__ = ("_asking", "_at_once", "_inside", "_next_us", "_pace_us", "most_inside")

    def __init__(self, at_once: int = AT_ONCE, a_second: int = A_SECOND) -> None:
        self.most_inside = 0
        self._at_once = at_once
        self._pace_us = 1_000_000 // a_second
        self._next_us = 0
        self._inside: set[int] = set()
        self._asking: dict[int, None] = {}  # in the order in which they asked

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._inside)

    @property
    def waiting(self) -> int:
        """How many have asked and wait."""
        return len(self._asking)

    def enter(self, stream: int, now_us: int) -> bool:
        """Asks, again and again until it is let in. `now_us` is monotonic; at most one sweep's worth is made up for."""
        if stream in self._inside:
            return True
        self._asking.setdefault(stream)
        free = self._at_once - len(self._inside)
        if now_us < self._next_us or stream not in islice(self._asking, free):
            return False
        del self._asking[stream]
        self._inside.add(stream)
        self.most_inside = max(self.most_inside, len(self._inside))
        self._next_us = max(self._next_us, now_us - 8 * self._pace_us) + self._pace_us
        return True

    def leave(self, stream: int) -> None:
        """It plays, has failed or is gone. May be called by one that never asked."""
        self._inside.discard(stream)
        self._asking.pop(stream, None)
