"""Releasing keys of camera-days to a site that analyses its own footage. Each release stands in the log before the key leaves."""

from belvedere.foundation.clock import DAY_US
from belvedere.foundation.errors import KeyAway, NotFound
from belvedere.hub.custody.release import ReleasingLink
from belvedere.link.client import SiteLink
from belvedere.policy.grant import Action

_STREAMS = ("sub", "main")


async def release_day(
    link: SiteLink, wire: bytes, action: Action, camera: str, day: int, span: tuple[int, int]
) -> tuple[bool, str]:
    """Have the key of a camera's day released, as far as it lies in `span` (microseconds, UTC) and footage is there.

    Returns whether it is at the site now, and what went wrong with it in words. Raises what the link raises.
    """
    desk = link.desk if isinstance(link, ReleasingLink) else None
    from_us, to_us = max(span[0], day * DAY_US), min(span[1], (day + 1) * DAY_US)
    if desk is None or from_us >= to_us:
        return False, ""
    for stream in _STREAMS:
        try:
            pieces = (await link.playlist(wire, camera, stream, from_us, to_us)).pieces
            if pieces:
                await desk.release(link, wire, action, camera, stream, pieces[0].segment)
                return True, ""
        except NotFound:  # no such stream
            continue
        except KeyAway as error:
            return False, error.message
    return False, ""
