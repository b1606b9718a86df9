"""The gate that all connects of a site go through, so that hundreds of cameras back at once make no storm."""

from itertools import islice

from belvedere.site.ingest.places import Places, Unshared

AT_ONCE = 16
A_SECOND = 40


class ConnectGate:
    """Lets streams connect: who has asked longest goes first, `at_once` are under way at most, `a_second` begin in a second.

    Each process of a site has a gate. Given `places` that they share, both numbers are the site's, not the process's: a
    place that was taken is not given on before at_once / a_second seconds have passed.

    Invariants: a stream that was let in holds its place until `leave`; it is overtaken by fewer than `at_once` that asked
    later in the same process.
    """

    __slots__ = (
        "_asking",
        "_at_once",
        "_inside",
        "_next_us",
        "_pace_us",
        "_places",
        "_rest_us",
        "_resting",
        "most_inside",
    )

    def __init__(self, at_once: int = AT_ONCE, a_second: int = A_SECOND, places: Places | None = None) -> None:
        self.most_inside = 0
        self._at_once = at_once
        self._pace_us = 1_000_000 // a_second
        self._rest_us = 1_000_000 * at_once // a_second if places is not None else 0
        self._places = places or Unshared()
        self._next_us = 0
        self._inside: dict[int, tuple[int, int]] = {}  # stream: its place, and when it may be given on
        self._resting: list[tuple[int, int]] = []  # places that were left early
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
        place = self._places.take()
        if place is None:
            return False
        del self._asking[stream]
        self._inside[stream] = place, now_us + self._rest_us
        self.most_inside = max(self.most_inside, len(self._inside))
        self._next_us = max(self._next_us, now_us - 8 * self._pace_us) + self._pace_us
        return True

    def leave(self, stream: int) -> None:
        """It plays, has failed or is gone. May be called by one that never asked."""
        left = self._inside.pop(stream, None)
        if left is not None and self._rest_us:
            self._resting.append(left)
        self._asking.pop(stream, None)

    def tend(self, now_us: int) -> None:
        """At each sweep: gives places on whose time has passed."""
        if self._resting:
            for place, until_us in self._resting:
                if now_us >= until_us:
                    self._places.give(place)
            self._resting = [each for each in self._resting if now_us < each[1]]
