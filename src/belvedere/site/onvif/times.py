"""Times as ONVIF writes them (XML Schema part 2, 3.2.6 and 3.2.7), and the error of a camera's clock."""

import re
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import CameraProtocol
from belvedere.site.onvif.markup import Node

_DATE_TIME = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,12}))?(Z|[+-]\d{2}:\d{2})?", re.ASCII
)
_DURATION = re.compile(
    r"(-)?P(?=.)(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,6})D)?"
    r"(?:T(?=.)(?:(\d{1,8})H)?(?:(\d{1,8})M)?(?:(\d{1,10})(?:\.(\d{1,9}))?S)?)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_S = 86_400
# A camera's whole second says that its clock stood somewhere in that second.
_RESOLUTION_US = SECOND_US
_DRIFT_PPM = 100
_KEPT = 16


def parse_time(text: str) -> int:
    """Microseconds UTC of an `xs:dateTime`. Without a zone it is UTC, as ONVIF asks. Raises CameraProtocol."""
    match = _DATE_TIME.fullmatch(text.strip())
    if match is None:
        raise _no_time()
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    zone = match[8] or "Z"
    offset_s = 0
    if zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 14 or minutes > 59:
            raise _no_time()
        offset_s = (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)
    midnight = hour == 24 and minute == second == 0
    if midnight:
        hour = 0
    moment_us = _moment_us(year, month, day, hour, minute, second)
    micros = int((match[7] or "").ljust(6, "0")[:6] or 0)
    return moment_us + micros + (_DAY_S * SECOND_US if midnight else 0) - offset_s * SECOND_US


def _moment_us(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """Microseconds UTC. A leap second is the second before it. Raises CameraProtocol."""
    try:
        moment = datetime(year, month, day, hour, minute, min(second, 59) if second == 60 else second, tzinfo=UTC)
    except ValueError as error:
        raise _no_time() from error
    return (moment - _EPOCH) // timedelta(microseconds=1)


def write_time(us: int) -> str:
    """`us` as `xs:dateTime` in UTC with milliseconds. Raises ValueError outside the years 1 to 9999."""
    try:
        moment = _EPOCH + timedelta(microseconds=us)
    except OverflowError as error:
        raise ValueError("this time has no calendar date") from error
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z".rjust(24, "0")


def parse_duration(text: str) -> int:
    """Microseconds of an `xs:duration`. A year counts 365 days and a month 30. Raises CameraProtocol."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise _no_time()
    years, months, days, hours, minutes, seconds = (int(match[i] or 0) for i in range(2, 8))
    whole = (years * 365 + months * 30 + days) * _DAY_S + hours * 3600 + minutes * 60 + seconds
    micros = int((match[8] or "").ljust(6, "0")[:6] or 0)
    return (whole * SECOND_US + micros) * (-1 if match[1] else 1)


def write_duration(us: int) -> str:
    """`us` as `xs:duration` in whole seconds, one at least: the form that every camera reads."""
    return f"PT{max(1, us // SECOND_US)}S"


def parse_date_and_time(reply: Node) -> int:
    """The camera's clock in GetSystemDateAndTimeResponse, microseconds UTC, whole seconds. Raises CameraProtocol."""
    utc = reply.find("UTCDateTime")
    if utc is None:
        raise CameraProtocol(
            "The camera does not tell the time in UTC.", advice="Update its firmware, or set its time zone to UTC."
        )
    numbers = []
    for name in ("Year", "Month", "Day", "Hour", "Minute", "Second"):
        text = utc.value(name)
        if not (text.isascii() and text.isdigit() and len(text) <= 4):
            raise _no_time()
        numbers.append(int(text))
    year, month, day, hour, minute, second = numbers
    return _moment_us(year, month, day, hour, minute, second)


def _no_time() -> CameraProtocol:
    return CameraProtocol(
        "The camera wrote a time that can't be read.", advice="Update its firmware, or set its clock."
    )


@dataclass(frozen=True, slots=True)
class ClockError:
    """Camera minus site. The truth lies within `uncertainty_us` either way."""

    seen_us: int
    error_us: int
    uncertainty_us: int


class ClockMeter:
    """A camera's clock error from answers that tell whole seconds only.

    One answer leaves a second and the way of the messages open. Answers at different moments of the second narrow it: the
    error lies in the intersection of all intervals, widened by what a clock may drift meanwhile (100 ppm). When they do not
    meet, the clock was set, and the newest stands alone.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int, int]] = deque(maxlen=_KEPT)  # (monotonic, lowest, highest)

    def add(self, camera_us: int, sent_us: int, received_us: int, monotonic_us: int) -> ClockError:
        """Take in an answer: the camera's second, and when we asked and heard by the site's clock (all microseconds UTC)."""
        lowest, highest = camera_us - received_us, camera_us + _RESOLUTION_US - sent_us
        if highest < lowest:  # our own clock was set back while we waited
            highest = lowest
        self._seen.append((monotonic_us, lowest, highest))
        low, high = lowest, highest
        for when_us, from_us, to_us in self._seen:
            drift_us = (monotonic_us - when_us) * _DRIFT_PPM // 1_000_000
            low, high = max(low, from_us - drift_us), min(high, to_us + drift_us)
        if low > high:
            self._seen.clear()
            self._seen.append((monotonic_us, lowest, highest))
            low, high = lowest, highest
        return ClockError(received_us, (low + high) // 2, (high - low + 1) // 2)
