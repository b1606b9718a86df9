"""One person's look at one camera, from when to when, and what the log says at its end. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

VIEW_ENDED = "view.ended"


class Why(StrEnum):
    """Why a look ended."""

    CLOSED = "closed"  # by the viewer
    ACCESS = "access_ended"  # its time was up, or somebody ended it
    SIGNED_OUT = "signed_out"
    LOST = "lost"  # the connection broke
    IDLE = "idle"  # of recordings: nothing more was asked for
    DWELL = "dwell"  # no reason was given for a long look
    CAMERA = "camera_off"  # removed or switched off
    REFUSED = "refused"
    STOPPED = "hub_stopped"  # found at the next start where the hub was killed; then nobody knows when


@dataclass(frozen=True, slots=True)
class Opener:
    """Who looks at what: one person, one grant, one stream of one camera."""

    user: str
    grant: str
    camera: str
    stream: str


@dataclass(slots=True)
class Look:
    """A look that goes on. `first` and `last` are the log entries that opened it: one of live pictures, some of recordings."""

    opener: Opener
    of: str  # "live" or "playback"
    from_us: int
    first: int
    last: int
    until_us: int | None  # when something was last shown; None: now, whenever that is asked
    # Of recordings: the footage whose bytes were given out, as far as a playlist told which it was.
    seen_us: tuple[int, int] | None = None

    def saw(self, start_us: int, end_us: int) -> None:
        """Footage [start_us, end_us) was given out."""
        was = self.seen_us or (start_us, end_us)
        self.seen_us = (min(was[0], start_us), max(was[1], end_us))


def ending(look: Look, why: Why, now_us: int) -> dict[str, Any]:
    """The facts of `view.ended`. `until_us` is None where nobody knows: then it was before `latest_us`."""
    unknown = why is Why.STOPPED and look.until_us is None
    facts: dict[str, Any] = {
        "of": look.of,
        "grant": look.opener.grant,
        "camera": look.opener.camera,
        "stream": look.opener.stream,
        "first": look.first,
        "last": look.last,
        "opened_us": look.from_us,
        "until_us": None if unknown else now_us if look.until_us is None else look.until_us,
        "why": str(why),
    }
    if unknown:
        facts["latest_us"] = now_us
    if look.seen_us is not None:
        facts["start_us"], facts["end_us"] = look.seen_us
    return facts
