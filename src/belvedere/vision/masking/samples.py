"""A few samples of one camera spread over its last hour, so that what stands there now and not then can be told apart."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from belvedere.foundation.clock import MINUTE_US, SECOND_US

MOST = 24
CLOSEST_US = 2 * SECOND_US
FURTHEST_US = 150 * SECOND_US  # apart, once an hour is covered
OLDEST_US = 75 * MINUTE_US

_Sample = TypeVar("_Sample")


class Samples(Generic[_Sample]):
    """At most MOST samples. At first one every two seconds; the more time they span, the further apart new ones are, so
    that what came lately never soon outnumbers what was before. Whenever there is no room, every second one goes.
    """

    # Invariant: in order of time; at most MOST.
    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: list[tuple[int, _Sample]] = []

    @property
    def apart_us(self) -> int:
        """How long after the youngest sample the next one is due: a twelfth of the span, within bounds."""
        return min(FURTHEST_US, max(CLOSEST_US, self.span_us // 12))

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[tuple[int, _Sample]]:
        return iter(self._kept)

    @property
    def span_us(self) -> int:
        """From the oldest to the youngest sample."""
        return self._kept[-1][0] - self._kept[0][0] if self._kept else 0

    def due(self, at_us: int) -> bool:
        """Whether a sample of this moment would be kept. A moment before the youngest means that time was set: yes."""
        return not self._kept or not 0 <= at_us - self._kept[-1][0] < self.apart_us

    def add(self, at_us: int, sample: _Sample) -> None:
        """Keep a sample; harmless when it is not due."""
        if not self.due(at_us):
            return
        if self._kept and at_us < self._kept[-1][0]:
            self.clear()
        self._kept.append((at_us, sample))
        while at_us - self._kept[0][0] > OLDEST_US:
            del self._kept[0]
        if len(self._kept) > MOST:
            if self.apart_us >= FURTHEST_US:
                del self._kept[0]
            else:
                del self._kept[1::2]

    def clear(self) -> None:
        self._kept.clear()
