"""An alarm's picture: the event that the site found at that moment, masked there, under the asker's grant."""

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import KeyAway, NotFound
from belvedere.hub.access.grants import UsableGrant
from belvedere.hub.context import HubContext
from belvedere.hub.rules.book import KeptAlarm
from belvedere.link.seeing import Event, Events, FindEvents, GetThumbnail, SearchIn, Thumbnail, Wanted
from belvedere.policy.grant import Action

AROUND_US = 3 * SECOND_US  # keyframes come every two seconds or so


def span_of(alarm: KeptAlarm) -> tuple[int, int]:
    """The moments that a grant has to cover: around the one at which the rule was sure."""
    return alarm.time_us - AROUND_US, alarm.time_us + AROUND_US


async def event_of(hub: HubContext, usable: UsableGrant, alarm: KeptAlarm) -> Event:
    """The event nearest to where the alarm's box is. Raises NotFound while the site has none."""
    from_us, to_us = span_of(alarm)
    wanted = Wanted(kinds=(alarm.object,) if alarm.object else ())
    ask = FindEvents(usable.wire, (SearchIn(alarm.camera_id),), from_us, to_us, wanted, order="best", limit=20)
    found = (await hub.link.ask(ask, Events)).events
    if not found:
        raise NotFound(
            "The site has no picture of this alarm.", advice="Look again in a minute, or review the recording."
        )
    x, y = _middle(alarm.box)
    return min(found, key=lambda event: (_middle(event.box)[0] - x) ** 2 + (_middle(event.box)[1] - y) ** 2)


async def picture_of(hub: HubContext, usable: UsableGrant, event: Event, width: int) -> Thumbnail:
    """Its thumbnail; the key of its day is released when the site has forgotten it. Raises what the link raises."""
    ask = GetThumbnail(usable.wire, event.camera, event.id, width)
    try:
        return await hub.link.ask(ask, Thumbnail)
    except KeyAway:
        grant = usable.grant
        from_us, to_us = max(grant.from_us, event.best_us - SECOND_US), min(grant.to_us, event.best_us + SECOND_US)
        pieces = (await hub.link.playlist(usable.wire, event.camera, event.stream, from_us, to_us)).pieces
        for segment in dict.fromkeys(each.segment for each in pieces):
            await hub.fleet.release(usable.wire, Action.PLAYBACK, event.camera, event.stream, segment)
        return await hub.link.ask(ask, Thumbnail)


def _middle(box: tuple[float, float, float, float]) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
