"""What the event loop tells a disk's thread, in the order in which it happened."""

from collections.abc import Callable
from dataclasses import dataclass

from belvedere.foundation.errors import BelvedereError
from belvedere.media.stream import EndReason, Fragment, StreamConfig
from belvedere.site.recorder.track import Track


@dataclass(frozen=True, slots=True)
class Begin:
    track: Track
    config: StreamConfig


@dataclass(frozen=True, slots=True)
class Add:
    track: Track
    fragment: Fragment


@dataclass(frozen=True, slots=True)
class Cut:
    track: Track
    reason: EndReason
    message: str


@dataclass(frozen=True, slots=True)
class End:
    track: Track
    reason: EndReason
    message: str


@dataclass(frozen=True, slots=True)
class Finish:
    """An import is complete: `done(problem, segments, bytes)` is called once it is durable, on the disk's thread."""

    track: Track
    done: Callable[[BelvedereError | None, int, int], None]


@dataclass(frozen=True, slots=True)
class Abort:
    """An import broke off: all it brought goes, so that it can be tried again."""

    track: Track


@dataclass(frozen=True, slots=True)
class ClockNote:
    """A measured error of a camera's clock, to be kept."""

    track: Track
    seen_us: int
    error_us: int


Event = Begin | Add | Cut | End | Finish | Abort | ClockNote
