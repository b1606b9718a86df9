"""Media time of one run: RTP's 32 wrapping bits to 90 kHz ticks from the start, decode times for B-frames, jumps.

RTP stamps a picture with its presentation time, in decode order. Decode times are made from them: the decode time of
the n-th picture is the n-th smallest presentation time, which is known `depth` pictures later (H.264's and H.265's
reorder depth). Presentation minus decode time may be negative, as trun version 1 allows. A stream without B-frames has
depth 0: decode time is presentation time and nothing waits.
"""

from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush

from belvedere.foundation.clock import SECOND_US
from belvedere.media.access_unit import AccessUnit
from belvedere.media.stream import TICKS_PER_SECOND

_DEEPEST = 16
# A depth that was declared but not used in this many pictures is given up, for it delays live viewing.
_PATIENCE = 120


class Reorder:
    """Decode times for pictures given in decode order. `declared` is the depth that the SPS states, None: it does not.

    `allowed` is false when the SPS rules B-frames out, so that a step back can only be a jump.
    """

    def __init__(self, declared: int | None) -> None:
        self.depth = min(declared or 0, _DEEPEST)
        self.allowed = declared != 0
        self._seen_back = False
        self._count = 0
        self._highest = -1
        self._last_dts = -1
        self._times: list[int] = []
        self._held: deque[tuple[AccessUnit, int, int]] = deque()

    @property
    def b_frames(self) -> bool:
        """Whether a picture was shown before one that had been decoded earlier."""
        return self._seen_back

    def straight(self, pts: int) -> bool:
        """Whether a picture shown at `pts` simply follows, so that its decode time is `pts` and nothing need be held."""
        if self.depth or pts <= self._highest:
            return False
        self._highest = self._last_dts = pts
        return True

    def straight_on(self, pts: int) -> None:
        """As `straight` for pictures that follow up to `pts`; only while `depth` is 0 and each is shown later than all before."""
        self._highest = self._last_dts = pts

    def push(self, unit: AccessUnit, pts: int, arrival_us: int) -> list[tuple[AccessUnit, int, int, int]]:
        """Adds a picture; returns those whose decode time is settled, as (unit, dts, cts, arrival_us), in decode order."""
        if pts < self._highest:
            self._seen_back = True
            # Pictures still waiting that are shown later than this one tell how deep the order goes.
            deeper = 1 + sum(1 for _, held, _ in self._held if held > pts)
            self.depth = min(_DEEPEST, max(self.depth, deeper if self._held else 1))
        else:
            self._highest = pts
        if not self.depth:
            dts = pts if pts > self._last_dts else self._last_dts
            self._last_dts = dts
            return [(unit, dts, pts - dts, arrival_us)]
        heappush(self._times, pts)
        self._held.append((unit, pts, arrival_us))
        self._count += 1
        if self._count == _PATIENCE and not self._seen_back:
            self.depth = 0
        return self._settle(self.depth)

    def flush(self) -> list[tuple[AccessUnit, int, int, int]]:
        """What still waits, at the end of a run."""
        return self._settle(0)

    def _settle(self, keep: int) -> list[tuple[AccessUnit, int, int, int]]:
        settled = []
        while len(self._held) > keep:
            unit, pts, arrival_us = self._held.popleft()
            self._last_dts = max(self._last_dts, heappop(self._times), 0)
            settled.append((unit, self._last_dts, pts - self._last_dts, arrival_us))
        return settled


_WINDOW_US = 10 * SECOND_US
_JUMP_US = SECOND_US
_SLEW_US = _WINDOW_US * 500 // 1_000_000  # 500 ppm, the most that a run's anchor is corrected by


class Timeline:
    """Turns RTP timestamps into ticks since the start and notices when media time and our own clock part.

    A step between two pictures that is more than 1 s longer than the time that passed, or more than 1 s back, is a
    jump. So is a slow parting: of every 10 s the picture that came soonest counts; when it is more than 1 s away from
    where it was, beyond what 500 ppm explain, media time has slipped. Bursts (pre-roll at connect, catching up after a
    stall) are no jumps: their steps are small and the soonest picture stays where it was.
    """

    def __init__(self, clock_rate: int = TICKS_PER_SECOND) -> None:
        self._rate = clock_rate
        self._last = -1
        self._ticks = 0
        self._last_us = 0
        self._usual = 0  # the last step onwards, in ticks of the camera's rate
        self._window_end_us = 0
        self._ahead_us = 0  # the largest of media time minus our clock in this window
        self._reference_us: int | None = None

    def follow(self, units: Sequence[AccessUnit], after: int, monotonic_us: int) -> list[int]:
        """What `place` says of the leading `units` of one read that simply go on, by up to a second each.

        `after`: what `place` or this said last. Empty when anything is to be weighed; ask `place` then.
        """
        ticks = self._ticks
        if ticks != after or self._rate != TICKS_PER_SECOND or monotonic_us >= self._window_end_us or self._last < 0:
            return []
        last, usual = self._last, self._usual
        placed: list[int] = []
        for unit in units:
            timestamp = unit.timestamp
            delta = (timestamp - last) & 0xFFFF_FFFF
            if not 0 < delta <= TICKS_PER_SECOND:
                break
            last, usual = timestamp, delta
            ticks += delta
            placed.append(ticks)
        if placed:
            self._last, self._usual, self._ticks, self._last_us = last, usual, ticks, monotonic_us
            ahead_us = ticks * SECOND_US // TICKS_PER_SECOND - monotonic_us  # the last is furthest ahead
            if ahead_us > self._ahead_us:
                self._ahead_us = ahead_us
        return placed

    def place(self, timestamp: int, monotonic_us: int) -> int | None:
        """Ticks of 1/90 000 s since the first picture, or None when time jumped (make a new Timeline then)."""
        if self._last < 0:
            self._last, self._last_us = timestamp, monotonic_us
            self._window_end_us = monotonic_us + _WINDOW_US
            self._ahead_us = -monotonic_us
            return 0
        delta = (timestamp - self._last) & 0xFFFF_FFFF
        if delta >= 0x8000_0000:
            delta -= 0x1_0000_0000
        if 0 < delta <= self._rate:  # up to a second on: nothing to be weighed
            self._usual = delta
        else:
            step_us = delta * SECOND_US // self._rate
            passed_us = monotonic_us - self._last_us
            usual_us = self._usual * SECOND_US // self._rate
            if step_us < -_JUMP_US or step_us > max(_JUMP_US, 3 * usual_us) + passed_us:
                return None
            if delta > 0:
                self._usual = min(delta, 10 * self._rate)
        self._last, self._last_us = timestamp, monotonic_us
        self._ticks += delta
        ahead_us = self._ticks * SECOND_US // self._rate - monotonic_us
        if ahead_us > self._ahead_us:
            self._ahead_us = ahead_us
        if monotonic_us >= self._window_end_us:
            reference_us = self._ahead_us if self._reference_us is None else self._reference_us
            parted_us = self._ahead_us - reference_us
            if abs(parted_us) > _JUMP_US:
                return None
            self._reference_us = reference_us + max(-_SLEW_US, min(_SLEW_US, parted_us))
            self._window_end_us = monotonic_us + _WINDOW_US
            self._ahead_us = ahead_us
        return self._ticks if self._rate == TICKS_PER_SECOND else self._ticks * TICKS_PER_SECOND // self._rate
