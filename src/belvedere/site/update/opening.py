"""Opening a site's updates: what they are made of, and where they lie. Idle unless the guard of releases started this site."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import LinkFault
from belvedere.link.configuration import LineLimits
from belvedere.link.messages import Reply, Request, SiteStatus
from belvedere.site.outbox.sender import HttpsPost
from belvedere.site.storage.index import newest_migration
from belvedere.site.update.desk import Standing, UpdateDesk
from belvedere.site.update.fetch import Fetcher
from belvedere.site.update.guard import Shelf
from belvedere.site.uplink.budget import LineBudget
from belvedere.site.uplink.outgoing import Outgoing
from belvedere.site.uplink.papers import PaperFolder

if TYPE_CHECKING:
    from belvedere.foundation.settings import Settings


class UpdateRoom:
    """One a site. `answers` before the link is served; `start` once there is a line."""

    def __init__(self, settings: "Settings", status: Callable[[], SiteStatus], clock: Clock) -> None:
        self._settings = settings
        self._status = status
        self._clock = clock
        self._uplink: Outgoing | None = None
        self._limits: Callable[[], LineLimits] = LineLimits
        self._post: HttpsPost | None = None
        self._task: asyncio.Task[None] | None = None
        self._fetcher = Fetcher(self._fetch, LineBudget(clock))
        self.desk = UpdateDesk(
            settings.site,
            Shelf(settings.site_folder / "releases"),
            self._fetcher,
            clock,
            newest_migration=newest_migration(),
            limits=lambda: self._limits(),
            standing=self._standing,
        )
        self.answers: Mapping[type[Request], Callable[[Any], Reply]] = self.desk.answers

    def start(self, uplink: Outgoing, papers: PaperFolder, limits: Callable[[], LineLimits]) -> None:
        """Begin, or go on with what was begun."""
        self._uplink, self._limits = uplink, limits
        self._fetcher.budget = uplink.budget
        self._post = HttpsPost(papers.tls, papers.place, "/link/release")
        if not self.desk.unable():
            self._task = asyncio.create_task(self.desk.run(), name="updates")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._post is not None:
            self._post.close()

    async def _fetch(self, data: bytes) -> bytes:
        if self._post is None or not self._linked():
            raise LinkFault("The hub is not on the line.", advice="Wait until it is.")
        return await self._post(data)

    def _linked(self) -> bool:
        return self._uplink is not None and self._uplink.dialler.connected

    def _standing(self) -> Standing:
        told = self._status()
        recording = frozenset(
            (camera.camera, each.stream)
            for camera in told.cameras
            for each in camera.streams
            if each.state == "recording"
        )
        return Standing(recording, self._linked())
