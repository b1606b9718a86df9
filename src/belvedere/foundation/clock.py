"""Time as integers of microseconds, UTC. A `Clock` is passed in; nothing else in the house asks the system for the time."""

import time
from datetime import UTC, datetime
from typing import Protocol

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US


class Clock(Protocol):
    """Wall time and monotonic time, both in integer microseconds."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC. May step in either direction when the host's clock is set."""
        ...

    def monotonic_us(self) -> int:
        """Microseconds from an arbitrary start. Never goes backwards."""
        ...


class SystemClock:
    """The host's clocks."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic_us(self) -> int:
        return time.monotonic_ns() // 1000


class SimulatedClock:
    """A clock for tests: both times move only when told to."""

    def __init__(self, now_us: int = 1_780_000_000 * SECOND_US) -> None:
        self._now_us = now_us
        self._monotonic_us = 0

    def now_us(self) -> int:
        return self._now_us

    def monotonic_us(self) -> int:
        return self._monotonic_us

    def advance(self, us: int) -> None:
        """Let `us` microseconds pass on both clocks."""
        if us < 0:
            raise ValueError("time passes forwards; use step() to set the wall clock back")
        self._now_us += us
        self._monotonic_us += us

    def step(self, us: int) -> None:
        """Set the wall clock forwards or back by `us` microseconds, as an administrator or NTP would."""
        self._now_us += us


def iso(us: int) -> str:
    """`us` as RFC 3339 in UTC with milliseconds: `2026-11-22T07:02:46.125Z`."""
    seconds, micros = divmod(us, SECOND_US)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{micros // 1000:03d}Z"


def parse_iso(text: str) -> int:
    """Microseconds of an RFC 3339 time. A time without a zone is refused: guessing one would misplace evidence."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write 2026-11-22T21:00:00Z or ...+00:00")
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * SECOND_US + moment.microsecond
