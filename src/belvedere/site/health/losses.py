"""How many of the last sixty minutes brought damaged pictures: packets of a stream that were lost on their way. Pure."""

from belvedere.foundation.clock import MINUTE_US

WINDOW = 60  # minutes


class LossyMinutes:
    """Minutes in which a stream's count of lost packets rose, by a clock that nobody can set."""

    def __init__(self) -> None:
        self._counted: dict[int, int] = {}
        self._minutes: dict[int, set[int]] = {}  # invariant: at most WINDOW + 1 a stream

    def note(self, stream: int, lost: int, monotonic_us: int) -> int:
        """Take in a stream's count; in how many of the last sixty minutes it rose. A count that falls began anew."""
        now = monotonic_us // MINUTE_US
        minutes = {each for each in self._minutes.get(stream, ()) if each > now - WINDOW}
        if lost > self._counted.get(stream, lost):
            minutes.add(now)
        self._counted[stream] = lost
        self._minutes[stream] = minutes
        return len(minutes)
