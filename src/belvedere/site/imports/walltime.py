"""From what a recorder's clock showed to true time: zones, summer time, and the clock's own error.

A recorder shows local time by its own clock. So what it shows is first turned into its own UTC by its zone's rules, and then
its error is taken out, which is the same all year: `true = utc(shown, zone) + offset`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from belvedere.foundation.errors import BadInput

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIXED = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_OFFSET = re.compile(r"([+-]?)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)(?:\.(\d{1,6}))?s)?", re.IGNORECASE)
_MOST_US = 3660 * DAY_US


class Special(StrEnum):
    """What is odd about a local time."""

    NONE = ""
    TWICE = "came twice that night, when summer time ended"
    NEVER = "did not exist that night, when summer time began: the recorder had not put its clock forward"


@dataclass(frozen=True, slots=True)
class Moments:
    """The UTC times, in microseconds, that a local time can mean: one, or two in order when it came twice."""

    all_us: tuple[int, ...]
    special: Special


def to_us(moment: datetime) -> int:
    """Microseconds UTC of a time with a zone."""
    return (moment - _EPOCH) // _MICROSECOND


def parse_zone(text: str) -> tzinfo:
    """`Europe/London`, `UTC`, or a fixed distance such as `+01:00` for a recorder without summer time. Raises BadInput."""
    text = text.strip()
    if text.upper() in ("UTC", "GMT", "Z"):
        return UTC
    if match := _FIXED.fullmatch(text):
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        if minutes <= 14 * 60 and int(match[3] or 0) < 60:
            return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes))
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(
            f"There is no time zone {text!r}.",
            advice="Write Europe/London, or +00:00 for a recorder whose clock is never put forward.",
        ) from error


def moments(local: datetime, zone: tzinfo) -> Moments:
    """What a local time means in `zone`. A time with a zone of its own means itself.

    A time that summer time skipped is read as if the clock had not been put forward (PEP 495, fold 0).
    """
    if local.tzinfo is not None:
        return Moments((to_us(local),), Special.NONE)
    first, second = (to_us(local.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    if first == second:
        return Moments((first,), Special.NONE)
    if first < second:
        return Moments((first, second), Special.TWICE)
    return Moments((first,), Special.NEVER)


def local_of(us: int, zone: tzinfo) -> datetime:
    """What a right clock in `zone` shows at `us`, without its zone."""
    return (_EPOCH + timedelta(microseconds=us)).astimezone(zone).replace(tzinfo=None, fold=0)


def choose(meant: Moments, after_us: int | None, slack_us: int = 5 * SECOND_US) -> int:
    """Which of two moments: the first, unless a recording of the same camera and the first pass goes on until after that."""
    fits = (us for us in meant.all_us if after_us is None or us >= after_us - slack_us)
    return next(fits, meant.all_us[0])


def nearest(meant: Moments, us: int) -> int:
    """The moment that lies nearest to `us`."""
    return min(meant.all_us, key=lambda each: abs(each - us))


def parse_offset(text: str) -> int:
    """Microseconds of `-3m20s`, `+1h`, `90s`, `-2d3h`. Raises BadInput."""
    match = _OFFSET.fullmatch(text.strip())
    if match is None or not any(match.groups()[1:]):
        raise BadInput(f"--offset {text!r} is no length of time.", advice="Write it as -3m20s, +1h or 90s.")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:5])
    us = days * DAY_US + hours * HOUR_US + minutes * MINUTE_US + seconds * SECOND_US
    us += int((match[6] or "").ljust(6, "0"))
    if us > _MOST_US:
        raise BadInput(f"--offset {text!r} is more than ten years.", advice="Look at the recorder's clock again.")
    return -us if match[1] == "-" else us


def show_offset(us: int) -> str:
    """An offset as `parse_offset` reads it: `-3m20s`, `+0s`."""
    rest = abs(us)
    text = ""
    for letter, unit in (("d", DAY_US), ("h", HOUR_US), ("m", MINUTE_US)):
        count, rest = divmod(rest, unit)
        text += f"{count}{letter}" if count else ""
    seconds, micros = divmod(rest, SECOND_US)
    fraction = f".{micros:06d}".rstrip("0") if micros else ""
    if seconds or fraction or not text:
        text += f"{seconds}{fraction}s"
    return f"{'-' if us < 0 else '+'}{text}"


def _clock_time(text: str, option: str, zone: tzinfo) -> int:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise BadInput(f"{option} {text!r} is no time.", advice="Write it as 2026-11-05T20:18:20.") from error
    meant = moments(moment, zone)
    if meant.special is not Special.NONE:
        raise BadInput(
            f"{option} {text} {meant.special.split(':')[0]}.",
            advice="Add the distance from UTC (2026-10-25T01:30:00+01:00), or give --offset.",
        )
    return meant.all_us[0]


def offset_of_clocks(shows: str, really: str, zone: tzinfo) -> int:
    """What to add to the recorder's time: its clock shows `shows` at the moment that is `really`. Raises BadInput."""
    offset_us = _clock_time(really, "--really", zone) - _clock_time(shows, "--clock-shows", zone)
    if abs(offset_us) > _MOST_US:
        raise BadInput("The two clocks are more than ten years apart.", advice="Look at both again.")
    return offset_us


def free_spans(taken: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """All time that `taken` leaves, as spans in order, from the beginning to the end of time."""
    spans, at = [], 0
    for start, end in sorted(taken):
        if start > at:
            spans.append((at, start))
        at = max(at, end)
    spans.append((at, 1 << 62))
    return tuple(spans)


def covered_us(start_us: int, end_us: int, taken: Iterable[tuple[int, int]]) -> int:
    """How much of [start_us, end_us) lies in `taken`."""
    free = sum(max(0, min(end_us, end) - max(start_us, start)) for start, end in free_spans(taken))
    return max(0, end_us - start_us) - free
