"""What is a fault: conditions of cameras and disks, and how long each must last. Pure.

A condition is bad, good, or unknown (None), which changes nothing. See docs/guide/camera-faults.md for what people read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from belvedere.foundation.clock import HOUR_US, MINUTE_US, SECOND_US


class FaultKind(StrEnum):
    NO_PICTURE = "no_picture"
    PASSWORD = "password"
    GAPS = "gaps"
    LOSS = "loss"
    CLOCK = "clock"
    FROZEN = "frozen"
    BLACK = "black"
    BLURRED = "blurred"
    MOVED = "moved"
    DISK_FAULT = "disk_fault"
    DISK_HEADROOM = "disk_headroom"
    BEHIND = "behind"


HINTS = (FaultKind.BLACK, FaultKind.FROZEN, FaultKind.BLURRED, FaultKind.MOVED)


@dataclass(frozen=True, slots=True)
class Patience:
    """A condition opens a fault after it was bad for `raise_us`, and closes it after it was good for `clear_us`."""

    raise_us: int
    clear_us: int


PATIENCE: Mapping[FaultKind, Patience] = {
    FaultKind.NO_PICTURE: Patience(2 * MINUTE_US, 5 * MINUTE_US),
    FaultKind.PASSWORD: Patience(15 * SECOND_US, MINUTE_US),
    FaultKind.GAPS: Patience(0, HOUR_US),
    FaultKind.LOSS: Patience(0, HOUR_US),
    FaultKind.CLOCK: Patience(3 * MINUTE_US, 10 * MINUTE_US),
    FaultKind.FROZEN: Patience(MINUTE_US, 5 * MINUTE_US),
    FaultKind.BLACK: Patience(MINUTE_US, 5 * MINUTE_US),
    FaultKind.BLURRED: Patience(MINUTE_US, 5 * MINUTE_US),
    FaultKind.MOVED: Patience(MINUTE_US, 5 * MINUTE_US),
    FaultKind.DISK_FAULT: Patience(0, 10 * MINUTE_US),
    FaultKind.DISK_HEADROOM: Patience(10 * MINUTE_US, HOUR_US),
    FaultKind.BEHIND: Patience(30 * SECOND_US, 10 * MINUTE_US),
}

SILENT_US = 10 * SECOND_US  # a stream whose last frame is older shows no picture, whatever its state says
MOST_GAPS_AN_HOUR = 5
MOST_LOSSY_MINUTES = 5  # of an hour
MOST_CLOCK_ERROR_US = 2 * SECOND_US
LEAST_DAYS_LEFT = 7.0
MOST_PENDING_BYTES = 48 << 20  # half of what the recorder holds before it stops reading from workers


@dataclass(frozen=True, slots=True)
class Condition:
    """`bad` is None where nothing can be told, or where trouble was `planned`. `detail` is for people."""

    bad: bool | None
    detail: str = ""
    planned: bool = False


UNKNOWN = Condition(None)
PLANNED = Condition(None, planned=True)
GOOD = Condition(False)

Key = tuple[str, FaultKind]
"""Subject (`camera:SLUG`, `disk:NAME`) and kind."""


@dataclass(frozen=True, slots=True)
class StreamNow:
    """One stream at this moment. Counters run from the site's start."""

    stream: str
    state: str
    message: str
    last_frame_us: int
    gaps_hour: int | None  # in the last hour; None where nobody has counted yet
    clock_error_us: int | None
    clock_age_us: int | None = 0  # since the error was measured
    lossy_minutes: int = 0  # of the last sixty: those in which packets were lost


@dataclass(frozen=True, slots=True)
class DiskNow:
    """One disk. `days_left` until it is full, None where it will not fill; `promised_days` of retention still to be filled."""

    name: str
    state: str
    message: str
    pending_bytes: int
    days_left: float | None
    dropped: int = 0  # fragments lost since the last look


def camera_conditions(
    camera: str, streams: tuple[StreamNow, ...], hints: Mapping[str, str], looked: bool, planned: bool, now_us: int
) -> dict[Key, Condition]:
    """Conditions of one camera that is switched on. `hints`: what the picture looks like, by kind, with what it rests on;
    `looked`: whether pictures of this camera can be told of at all. In a planned outage nothing is said."""
    subject = f"camera:{camera}"
    kinds = (FaultKind.NO_PICTURE, FaultKind.PASSWORD, FaultKind.GAPS, FaultKind.LOSS, FaultKind.CLOCK, *HINTS)
    if planned:
        return {(subject, kind): PLANNED for kind in kinds}
    denied = [each for each in streams if each.state == "denied"]
    silent = [each for each in streams if _silent(each, now_us)]
    found: dict[Key, Condition] = {
        (subject, FaultKind.PASSWORD): Condition(True, denied[0].message) if denied else GOOD,
        (subject, FaultKind.NO_PICTURE): _no_picture(denied, silent),
        (subject, FaultKind.GAPS): _gaps(streams),
        (subject, FaultKind.LOSS): _loss(streams),
        (subject, FaultKind.CLOCK): _clock(streams),
    }
    for kind in HINTS:
        if kind in hints:
            found[subject, kind] = Condition(True, hints[kind])
        else:
            found[subject, kind] = GOOD if looked and len(silent) < len(streams) else UNKNOWN
    return found


def _silent(stream: StreamNow, now_us: int) -> bool:
    return stream.state != "recording" or now_us - stream.last_frame_us > SILENT_US


def _no_picture(denied: list[StreamNow], silent: list[StreamNow]) -> Condition:
    others = [each for each in silent if each not in denied]
    if others:
        return Condition(True, f"{_NAMES[others[0].stream]}: {others[0].message or 'no picture comes.'}")
    return UNKNOWN if denied else GOOD


def _gaps(streams: tuple[StreamNow, ...]) -> Condition:
    counted = [(each.gaps_hour, each.stream) for each in streams if each.gaps_hour is not None]
    if not counted:
        return UNKNOWN
    most, stream = max(counted)
    return Condition(most > MOST_GAPS_AN_HOUR, f"{_NAMES[stream]}: {most} gaps in the last hour.")


def _loss(streams: tuple[StreamNow, ...]) -> Condition:
    most, stream = max(((each.lossy_minutes, each.stream) for each in streams), default=(0, "main"))
    words = f"{_NAMES[stream]}: packets were lost in {most} of the last 60 minutes."
    return Condition(most > MOST_LOSSY_MINUTES, words)


def _clock(streams: tuple[StreamNow, ...]) -> Condition:
    fresh = [
        each.clock_error_us
        for each in streams
        if each.clock_error_us is not None and (each.clock_age_us or 0) < 10 * MINUTE_US
    ]
    if not fresh:
        return UNKNOWN
    worst = max(fresh, key=abs)
    words = f"The camera's clock is {abs(worst) / SECOND_US:.1f} s {'fast' if worst > 0 else 'slow'}."
    return Condition(abs(worst) > MOST_CLOCK_ERROR_US, words)


_NAMES = {"main": "Main stream", "sub": "Small stream"}


def disk_conditions(disk: DiskNow) -> dict[Key, Condition]:
    """Conditions of one disk."""
    subject = f"disk:{disk.name}"
    behind: bool | None = disk.pending_bytes > MOST_PENDING_BYTES or disk.dropped > 0
    if disk.state != "ok":  # what is lost then is that fault's
        behind = None
    low = disk.days_left is not None and disk.days_left < LEAST_DAYS_LEFT
    return {
        (subject, FaultKind.DISK_FAULT): Condition(disk.state != "ok", disk.message or disk.state),
        (subject, FaultKind.DISK_HEADROOM): Condition(
            low, f"Full in about {disk.days_left or 0:.1f} days; then the oldest footage goes before its time."
        ),
        (subject, FaultKind.BEHIND): Condition(
            behind, f"{disk.pending_bytes >> 20} MB wait to be written, {disk.dropped} fragments were lost."
        ),
    }
