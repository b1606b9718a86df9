"""What the hub does for each site that is let in, beside the one on its own machine: keys, witness, ended grants, register."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.errors import LinkFault
from belvedere.hub.custody.desk import CustodyDesk
from belvedere.hub.custody.release import ReleasingLink
from belvedere.hub.fleet.calls import DIAL_TIMEOUT_S, Switchboard
from belvedere.hub.fleet.routing import FleetLink
from belvedere.hub.health.desk import HealthDesk
from belvedere.hub.register.cameras import Camera, CameraRegister
from belvedere.link.messages import SiteStatus

LOOK_EVERY_S = 5.0
log = structlog.get_logger()


@dataclass(slots=True)
class Place:
    """One site as the hub works with it."""

    site: str
    link: ReleasingLink
    custody: CustodyDesk
    health: HealthDesk
    # What it said of itself last, LOOK_EVERY_S old at most; None while it does not answer.
    status: SiteStatus | None = None
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    # Cameras that the site has under an id that belongs to another site here; nobody can look at them until one is renamed.
    clashes: tuple[str, ...] = ()


class Places:
    """Opens a place for each site that is let in, closes that of one that is shut out. For the hub's event loop."""

    def __init__(
        self,
        link: FleetLink,
        switchboard: Switchboard,
        register: CameraRegister,
        custody: Callable[[str], CustodyDesk],
        works: Callable[[str, ReleasingLink], list[Coroutine[Any, Any, None]]],
        watch: Callable[[str, ReleasingLink], HealthDesk],
        *,
        duties: bool = True,
        hangs_up: bool = True,
    ) -> None:
        """`custody` makes a site's desk of keys; `works` begins what runs for a site until it is shut out.

        `duties` False: another process of the hub does that work, this one has links only. `hangs_up`: at the end.
        """
        self._duties = duties
        self._hangs_up = hangs_up
        self._link = link
        self._switchboard = switchboard
        self._register = register
        self._custody = custody
        self._works = works
        self._watch = watch
        self.open: dict[str, Place] = {}

    def let_in(self, site: str) -> None:
        """Begin to work with a site; again for one that is known changes nothing."""
        if site in self.open:
            return
        link = ReleasingLink(lambda: self._switchboard.dial(site), connect_timeout_s=DIAL_TIMEOUT_S + 2)
        desk = self._custody(site)
        link.bind(desk)
        place = Place(site, link, desk, self._watch(site, link))
        self.open[site] = place
        self._link.sites[site] = link
        if not self._duties:
            return
        place.health.start()
        place.tasks = [asyncio.create_task(work, name=f"work {site}") for work in self._works(site, link)]
        place.tasks.append(asyncio.create_task(desk.run(link), name=f"custody {site}"))
        place.tasks.append(asyncio.create_task(self._keep_register(place), name=f"register {site}"))

    async def shut_out(self, site: str, message: str) -> None:
        """Hang up and end the work."""
        await self._switchboard.shut(site, "revoked", message)
        place = self.open.pop(site, None)
        self._link.sites.pop(site, None)
        if place is not None:
            await self._end(place)

    async def close(self) -> None:
        """The hub ends."""
        for site in list(self.open) if self._hangs_up else ():
            await self._switchboard.shut(site, "closing", "The hub ends; it will be back.")
        for place in self.open.values():
            await self._end(place)
        self.open.clear()

    async def _end(self, place: Place) -> None:
        await place.health.stop()
        for task in place.tasks:
            task.cancel()
        await asyncio.gather(*place.tasks, return_exceptions=True)
        await place.link.close()

    async def _keep_register(self, place: Place) -> None:
        """The site's cameras stand in the register, whoever added them there; nobody sees them before a purpose lets them."""
        while True:
            try:
                place.status = await place.link.status()
                await self.note_cameras(place, place.status)
            except LinkFault:
                place.status = None  # away; its cameras stay in the register
            except SQLAlchemyError as error:
                log.warning("register_waits", site=place.site, reason=str(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def note_cameras(self, place: Place, status: SiteStatus) -> None:
        """Put cameras that the site told of into the register."""
        known = await asyncio.to_thread(self._register.sites_of_cameras)
        new = [Camera(id=told.camera, site=place.site, name=told.name) for told in status.cameras]
        new = [camera for camera in new if camera.id not in known]
        if new:
            await asyncio.to_thread(self._register.put_cameras, new)
            for camera in new:
                self._link.learn(camera.id, place.site)
        clashes = [told.camera for told in status.cameras if known.get(told.camera, place.site) != place.site]
        if clashes and tuple(clashes) != place.clashes:
            log.error("camera_ids_clash", site=place.site, cameras=clashes)
        place.clashes = tuple(clashes)
