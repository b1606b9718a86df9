"""A real hub before a site that records and sees: last night at a bin store, and a process that finds bright rectangles."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from activity_stage import bring_in, cut, film, pictures
from belvedere.foundation.clock import SECOND_US, Clock, SystemClock
from belvedere.foundation.settings import load_settings
from belvedere.hub.app import create_app
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.pages import UI_FOLDER
from belvedere.hub.register.cameras import Camera
from belvedere.media.objects import ObjectColour, ObjectKind
from belvedere.policy.signed import GrantOpener
from belvedere.site.live.relay import Relay
from belvedere.site.seeing.room import SeeingRoom
from belvedere.site.seeing.store import EventRow, Writing
from belvedere.site.uplink.server import serve_link
from belvedere.vision.events.presence import Presence, Step
from belvedere.vision.objects.found import Box
from hub_stage import FAST, lay_out, served
from recorder_stage import Stage, stage
from seeing_stage import begin_bright
from theatre_stage import HubThread

LONDON = ZoneInfo("Europe/London")
CAMERA = "cam-01"
PLACES = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [1.0, 51.5]},
            "properties": {"name": "Maple bin store", "kind": "bin_store"},
        }
    ],
}
_SECONDS = 20


def last_night_us(clock: Clock) -> int:
    """Eleven at night of yesterday: always past, always of last night."""
    today = datetime.fromtimestamp(clock.now_us() // SECOND_US, LONDON).date()
    eleven = datetime.combine(today - timedelta(days=1), datetime.min.time(), LONDON) + timedelta(hours=23)
    return int(eleven.timestamp()) * SECOND_US


def van(number: int, start_us: int) -> Presence:
    """A white van that stands in the lower half of the picture for six seconds."""
    at = Step(start_us + 10 * SECOND_US, 0.5, 0.7, 0.3)
    return Presence(
        number=number,
        kind=ObjectKind.VAN,
        upper=ObjectColour.WHITE,
        lower=ObjectColour.UNKNOWN,
        start_us=start_us + 8 * SECOND_US,
        end_us=start_us + 14 * SECOND_US,
        best_us=start_us + 10 * SECOND_US,
        confidence=0.9,
        box=Box(0.3, 0.4, 0.7, 0.7),
        sightings=6,
        heading=-1,
        speed=0.0,
        moved=True,
        still_us=4 * SECOND_US,
        path=(at,),
    )


@dataclass
class SearchHouse:
    """Hub and site. `start_us`: when the footage begins."""

    hub: HubContext
    site: Stage
    room: SeeingRoom
    url: str
    start_us: int


async def _put_van(site: Stage, room: SeeingRoom, start_us: int) -> None:
    """One event, by the store's own way in; of detail 2, which a look at keyframes does not replace."""
    store = room.store
    stream = store.streams()[CAMERA, "main"]
    seen = van(store.event_id(), start_us)
    (held,) = [
        each
        for each in store.segments(stream, start_us, start_us + _SECONDS * SECOND_US)
        if each.start_us <= seen.best_us < each.end_us
    ]
    row = EventRow(seen.number, held.id, 2, store.model_id("bright/1"), seen)
    await asyncio.to_thread(store.write, Writing(events=[row]))


@asynccontextmanager
async def search_house(data: Path, *, percent: int = 400, event: bool = True) -> AsyncIterator[SearchHouse]:
    """Open it. `percent` 0 switches analysis off at the site; `event`: there is a van in its index."""
    settings = load_settings(data)
    settings.hub.password_after_code = False
    lay_out(settings)
    settings.map_folder.mkdir(parents=True, exist_ok=True)
    (settings.map_folder / "places.geojson").write_text(json.dumps(PLACES), encoding="utf-8")
    opened: list[HubContext] = []

    @asynccontextmanager
    async def opening() -> AsyncIterator[HubContext]:
        async with open_hub(settings, hasher=FAST) as hub:
            for name, title, lat in ((CAMERA, "Maple Way", 51.5001), ("cam-02", "Playground", 51.5011)):
                camera = Camera(name, settings.site.id, title, "", lat, 1.0, 180.0, 60.0, 30.0, 4.0)
                await asyncio.to_thread(hub.register.put_camera, camera)
            opened.append(hub)
            yield hub

    clock = SystemClock()
    start_us = last_night_us(clock)
    config, frames = film(pictures(_SECONDS, [(8, 14)]), gop_s=1)
    app = create_app(opening, ui=UI_FOLDER)
    async with app.router.lifespan_context(app), stage(data) as site, served(app) as address:
        await site.put_camera()
        await site.put_camera("cam-02")
        await bring_in(site, config, cut(frames, start_us), start_us, "main")
        room = SeeingRoom(site.index, clock, settings.models_folder, percent, 31)
        room.beginner.begin = begin_bright  # type: ignore[method-assign]
        room.beginner.name = lambda: "bright/1"  # type: ignore[method-assign]
        room.process._begin = begin_bright
        opener = GrantOpener(settings.hub_public_key_file.read_bytes(), clock)
        answers = room.start(site.archive, opener, lambda camera: ())
        if event:
            await _put_van(site, room, start_us)
        link = await serve_link(settings.link_socket, site.archive, Relay(clock, linger_s=0), opener, clock, answers)
        try:
            yield SearchHouse(opened[0], site, room, f"http://{address}", start_us)
        finally:
            await link.close()
            await asyncio.to_thread(room.stop)


class SearchTheatre(HubThread):
    """The house on a thread of its own."""

    house: SearchHouse

    async def _serve(self, data: Path) -> None:
        async with search_house(data) as house:
            self.house, self.url = house, house.url
            await self._until_closed()
