"""Sites that did not answer a question about cameras of several, as pages hear of them."""

import asyncio
from collections.abc import Sequence

from pydantic import BaseModel

from belvedere.hub.context import HubContext
from belvedere.hub.fleet.routing import Away


class AwayOut(BaseModel):
    """A site that did not answer; its `cameras` are missing from the answer. Ask again: it may be back."""

    site: str
    name: str
    cameras: list[str]


async def away_out(hub: HubContext, away: Sequence[Away]) -> list[AwayOut]:
    """With the names that people know."""
    if not away:
        return []
    names = await asyncio.to_thread(hub.fleet.desk.book.site_names)
    return [AwayOut(site=each.site, name=names.get(each.site, each.site), cameras=list(each.cameras)) for each in away]
