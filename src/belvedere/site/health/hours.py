"""Hours of a stream: what was recorded of what should have been. Pure; the runs that exist are the truth."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from belvedere.foundation.clock import DAY_US, HOUR_US
from belvedere.link.health import GapSeen, Month

SHORTEST_GAP_US = 500_000  # a shorter hole is missing time, but nobody would call it a gap
MOST_HOLES = 32  # kept of an hour, the longest; the rest is summed as MANY_SHORT
MANY_SHORT = "many_short"
OFF_LINE = "off_line"  # no run came before the hole
HOURS_A_DAY = 24

Span = tuple[int, int]
"""[start_us, end_us)."""


@dataclass(frozen=True, slots=True)
class RunSpan:
    """A run as the index has it. `reason` is "" while it grows."""

    start_us: int
    end_us: int
    reason: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What runs cover of some spans. Invariant: recorded + the lengths of all holes = the lengths of the spans."""

    recorded_us: int
    holes: tuple[GapSeen, ...]

    @property
    def gaps(self) -> tuple[GapSeen, ...]:
        """Holes that count as gaps."""
        return tuple(hole for hole in self.holes if hole.end_us - hole.start_us >= SHORTEST_GAP_US)


def coverage(runs: Sequence[RunSpan], spans: Iterable[Span]) -> Coverage:
    """What `runs` (in order of start; they may overlap) cover of `spans` (in order, apart from each other).

    The reason of a hole is that of the run which reached furthest before it.
    """
    recorded_us = 0
    holes: list[GapSeen] = []
    at = 0
    reached_us, reason = -1, OFF_LINE
    for start_us, end_us in spans:
        cursor = start_us
        while cursor < end_us:
            while at < len(runs) and runs[at].start_us <= cursor:
                if runs[at].end_us >= reached_us:
                    reached_us, reason = runs[at].end_us, runs[at].reason
                at += 1
            if reached_us > cursor:
                until_us = min(reached_us, end_us)
                recorded_us += until_us - cursor
                cursor = until_us
                continue
            until_us = min(runs[at].start_us if at < len(runs) else end_us, end_us)
            holes.append(GapSeen(cursor, until_us, reason or OFF_LINE))
            cursor = until_us
    return Coverage(recorded_us, tuple(holes))


def within(spans: Iterable[Span], start_us: int, end_us: int) -> list[Span]:
    """The parts of `spans` inside [start_us, end_us)."""
    cut = ((max(a, start_us), min(b, end_us)) for a, b in spans)
    return [(a, b) for a, b in cut if a < b]


def overlap_us(spans: Iterable[Span], start_us: int, end_us: int) -> int:
    """How much of [start_us, end_us) the spans cover together."""
    total, reached = 0, start_us
    for a, b in sorted(within(spans, start_us, end_us)):
        total += max(0, b - max(a, reached))
        reached = max(reached, b)
    return total


class HourRecord(msgspec.Struct, array_like=True, frozen=True):
    """One hour of one stream, as stored. Means are over `samples` looks while pictures came."""

    expected_us: int = 0
    recorded_us: int = 0
    gaps: int = 0
    # Invariant: the MOST_HOLES longest holes as (offset from the hour's start, length, reason), in order of time.
    holes: tuple[tuple[int, int, str], ...] = ()
    samples: int = 0
    fps: float = 0.0
    bits_per_second: float = 0.0
    gop_seconds: float = 0.0
    reconnects: int = 0
    lost_packets: int = 0
    clock_error_us: int | None = None


def hour_record(found: Coverage, expected_us: int, hour_us: int, samples: "Samples") -> HourRecord:
    """The record of the hour that begins at `hour_us`."""
    longest = sorted(found.holes, key=lambda hole: hole.start_us - hole.end_us)[:MOST_HOLES]
    holes = tuple(
        (hole.start_us - hour_us, hole.end_us - hole.start_us, hole.reason)
        for hole in sorted(longest, key=lambda hole: hole.start_us)
    )
    return msgspec.structs.replace(
        samples.record(), expected_us=expected_us, recorded_us=found.recorded_us, gaps=len(found.gaps), holes=holes
    )


@dataclass(slots=True)
class Samples:
    """What was seen of a stream in this hour, on its way to an hour's record."""

    count: int = 0
    fps: float = 0.0
    bits: float = 0.0
    gop: float = 0.0
    reconnects: int = 0
    lost: int = 0
    clock_error_us: int | None = None

    def add(self, fps: float, bits: float, gop: float) -> None:
        self.count += 1
        self.fps += fps
        self.bits += bits
        self.gop += gop

    def take_in(self, record: HourRecord) -> None:
        """Add what an earlier start of this software saw of the same hour."""
        self.count += record.samples
        self.fps += record.fps * record.samples
        self.bits += record.bits_per_second * record.samples
        self.gop += record.gop_seconds * record.samples
        self.reconnects += record.reconnects
        self.lost += record.lost_packets
        if self.clock_error_us is None:
            self.clock_error_us = record.clock_error_us

    def record(self) -> HourRecord:
        """Nothing but what was sampled."""
        n = self.count or 1
        return HourRecord(
            samples=self.count,
            fps=round(self.fps / n, 2),
            bits_per_second=round(self.bits / n),
            gop_seconds=round(self.gop / n, 3),
            reconnects=self.reconnects,
            lost_packets=self.lost,
            clock_error_us=self.clock_error_us,
        )


@dataclass(slots=True)
class MonthSum:
    """One camera's month, being summed up."""

    expected_us: int = 0
    recorded_us: int = 0
    planned_us: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, record: HourRecord, hour_us: int, outages: Sequence[Span]) -> None:
        """One hour. Of holes that were not kept one by one nothing counts as planned, unless the whole hour was."""
        self.expected_us += record.expected_us
        self.recorded_us += record.recorded_us
        near = within(outages, hour_us, hour_us + HOUR_US)
        unlisted = record.expected_us - record.recorded_us
        for offset, length, reason in record.holes:
            unlisted -= length
            planned = overlap_us(near, hour_us + offset, hour_us + offset + length) if near else 0
            self.planned_us += planned
            if length > planned:
                self.reasons[reason] = self.reasons.get(reason, 0) + length - planned
        if unlisted > 0 and overlap_us(near, hour_us, hour_us + HOUR_US) == HOUR_US:
            self.planned_us += unlisted
        elif unlisted > 0:
            self.reasons[MANY_SHORT] = self.reasons.get(MANY_SHORT, 0) + unlisted

    def month(self, name: str) -> Month:
        missing_us = self.expected_us - self.recorded_us - self.planned_us
        return Month(name, self.expected_us, self.recorded_us, self.planned_us, missing_us, self.reasons)


Day = Mapping[int, HourRecord]
"""Hours of a UTC day by their number, 0 to 23."""

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[dict[int, HourRecord]] = msgspec.msgpack.Decoder(dict[int, HourRecord])


def pack_day(day: Day) -> bytes:
    return _encoder.encode(dict(sorted(day.items())))


def unpack_day(blob: bytes) -> dict[int, HourRecord]:
    return _decoder.decode(blob)


def hour_of(us: int) -> int:
    """Start of the hour that holds `us`."""
    return us - us % HOUR_US


def day_and_hour(hour_us: int) -> tuple[int, int]:
    """Day since 1970 and hour of the day, UTC."""
    return hour_us // DAY_US, hour_us % DAY_US // HOUR_US
