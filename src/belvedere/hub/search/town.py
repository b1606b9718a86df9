"""The names that questions may hold: the map's places and the register's cameras, read again when they change."""

import asyncio

from belvedere.hub.context import HubContext
from belvedere.hub.search.places import Eye, Gazetteer, rings_of, spots_of


async def gazetteer(hub: HubContext) -> Gazetteer:
    """Every place and camera. Both are read by everybody who signed in: nothing here is secret."""

    def read() -> Gazetteer:
        eyes = [
            Eye(each.id, each.name, each.place, each.lon, each.lat, rings_of(hub.map.view(each)))
            for each in hub.register.list_cameras()
        ]
        return Gazetteer(spots_of(hub.map.info().places), eyes)

    return await asyncio.to_thread(read)
