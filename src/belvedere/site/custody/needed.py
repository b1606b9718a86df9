"""Camera-days whose forgotten key a hold needs: noted by retention, told to the hub, and lent by it for that act alone."""

import threading
from dataclasses import dataclass, field

FOR_HOLDS = "for holds"  # stands where a grant's id stands in `ReleasedKeys`; no grant is called so
LENT_US = 900_000_000  # a lent key that was not used by then is gone


@dataclass(slots=True)
class Need:
    """Segments that wait, and the span of their footage."""

    from_us: int
    to_us: int
    segments: set[int] = field(default_factory=set)


class NeededDays:
    """Thread-safe. In memory only: after a start the next night finds them again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._days: dict[tuple[int, int], Need] = {}

    def add(self, camera_id: int, day: int, segment_id: int, from_us: int, to_us: int) -> None:
        """Note that a held segment can't be kept without the key of its day."""
        with self._lock:
            need = self._days.setdefault((camera_id, day), Need(from_us, to_us))
            need.from_us, need.to_us = min(need.from_us, from_us), max(need.to_us, to_us)
            need.segments.add(segment_id)

    def days(self) -> dict[tuple[int, int], tuple[int, int]]:
        """The span of footage that waits, by (camera, day), oldest day first."""
        with self._lock:
            return {
                pair: (need.from_us, need.to_us)
                for pair, need in sorted(self._days.items(), key=lambda each: each[0][::-1])
            }

    def take(self, camera_id: int, day: int) -> list[int]:
        """The segments that waited for this day's key; they wait no more."""
        with self._lock:
            need = self._days.pop((camera_id, day), None)
            return [] if need is None else sorted(need.segments)

    def clear(self) -> None:
        with self._lock:
            self._days.clear()

    def __len__(self) -> int:
        """Segments that wait."""
        with self._lock:
            return sum(len(need.segments) for need in self._days.values())
