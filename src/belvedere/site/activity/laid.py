"""A stretch of one stream as bytes, second after wall second: laid out of the index without numpy, computed with in series.py."""

from dataclasses import dataclass

from belvedere.foundation.clock import SECOND_US
from belvedere.site.activity.seconds import SECOND, Seconds

BLOCK_S = 300
AROUND = 6  # blocks on each side that tell what quiet is (value.py)
PAD_S = (2 * AROUND + 1) * BLOCK_S  # seconds on each side of a span that its values depend on
_HALF_US = SECOND_US // 2


@dataclass(frozen=True, slots=True)
class Laid:
    """Wall seconds [from_s, from_s + len) of one stream.

    `seconds`: SECOND by SECOND; `gate`: what keyframe differences told (`gate.share_byte`), 0 where nobody looked; `source`: 0
    no footage, else as in the index (1 measured frame by frame, 2 worked out from the index). A byte a second each.
    """

    from_s: int
    seconds: bytearray
    gate: bytearray
    source: bytearray

    def __len__(self) -> int:
        return len(self.source)

    def recorded(self, from_s: int, to_s: int) -> int:
        """How many of the wall seconds [from_s, to_s), which must lie in it, have footage."""
        return to_s - from_s - self.source.count(0, from_s - self.from_s, to_s - self.from_s)

    def lay(self, start_us: int, source: int, seconds: Seconds, gate: bytes | None = None) -> None:
        """Write the seconds of a segment that starts at `start_us` over it; what lies outside is left out.

        A segment's seconds begin within a wall second; each goes to the wall second that holds most of it.
        """
        count = len(seconds) // SECOND.size
        at = (start_us + _HALF_US) // SECOND_US - self.from_s
        first, last = max(0, -at), min(count, len(self) - at)
        if first >= last:
            return
        width = SECOND.size
        self.seconds[(at + first) * width : (at + last) * width] = seconds[first * width : last * width]
        self.source[at + first : at + last] = bytes((source,)) * (last - first)
        seen = gate[first:last] if gate is not None else b""
        self.gate[at + first : at + first + len(seen)] = seen


def nothing(from_s: int, to_s: int) -> Laid:
    """A stretch in which nothing is recorded; `lay` fills it."""
    count = max(0, to_s - from_s)
    return Laid(from_s, bytearray(count * SECOND.size), bytearray(count), bytearray(count))
