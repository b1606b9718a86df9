"""One link for the whole fleet: what names a camera goes to the site that has it; what names several is split and joined again."""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from typing import Any, TypeVar

import msgspec

from belvedere.foundation.errors import BadInput, SiteAway
from belvedere.link.client import LiveView, SiteLink
from belvedere.link.messages import Mark, Reply, Request

_Reply = TypeVar("_Reply", bound=Reply)
CameraSites = Callable[[], dict[str, str]]


class FleetLink(SiteLink):
    """Asks the right site. `sites`: a link for each, changed while the hub runs."""

    def __init__(self, own: str, link: SiteLink, places: CameraSites) -> None:
        """`own`: the site on this machine, which answers what names no camera, or one that the register does not know."""
        self.sites: dict[str, SiteLink] = {own: link}
        self._own = own
        self._places = places
        # Invariant: as in the register for each camera that was asked of; filled when one is not in it.
        self._known: dict[str, str] = {}

    def learn(self, camera: str, site: str) -> None:
        """A camera was put into the register, or moved."""
        self._known[camera] = site

    def site_of(self, camera: str) -> str:
        """The site that has a camera."""
        if camera not in self._known:
            self._known = self._places()
        return self._known.get(camera, self._own)

    async def close(self) -> None:
        for each in self.sites.values():
            await each.close()

    def of(self, site: str) -> SiteLink:
        """The link to one site. Raises SiteAway for one that was shut out."""
        link = self.sites.get(site)
        if link is None:
            raise SiteAway(f"The site {site[:48]} does not belong to this hub.", advice="Look at the page Sites.")
        return link

    def of_camera(self, camera: str) -> SiteLink:
        """The link to a camera's site. Raises SiteAway."""
        return self.of(self.site_of(camera))

    async def read_footage(
        self, grant: bytes, action: str, camera: str, stream: str, segment: int, start: int, end: int
    ) -> AsyncGenerator[bytes]:
        parts = self.of_camera(camera).read_footage(grant, action, camera, stream, segment, start, end)
        async with aclosing(parts):
            async for part in parts:
                yield part

    async def open_live(self, grant: bytes, camera: str, stream: str, mark: Mark = ()) -> LiveView:
        return await self.of_camera(camera).open_live(grant, camera, stream, mark)

    async def ask(self, request: Request, kind: type[_Reply], *, reuse: bool = True) -> _Reply:
        camera = getattr(request, "camera", None)
        if isinstance(camera, str):
            return await self.of_camera(camera).ask(request, kind, reuse=reuse)
        cameras = getattr(request, "cameras", None)
        if not isinstance(cameras, tuple) or not all(isinstance(each, str) for each in cameras):
            return await self.of(self._own).ask(request, kind, reuse=reuse)
        shares = self._shares(cameras)
        if len(shares) <= 1:
            site = next(iter(shares), self._own)
            return await self.of(site).ask(request, kind, reuse=reuse)
        return await self._ask_several(request, kind, shares)

    def _shares(self, cameras: Iterable[str]) -> dict[str, list[str]]:
        shares: dict[str, list[str]] = {}
        for camera in cameras:
            shares.setdefault(self.site_of(camera), []).append(camera)
        return shares

    async def _ask_several(self, request: Request, kind: type[_Reply], shares: dict[str, list[str]]) -> _Reply:
        """Raises what the first site that fails raises."""
        names = [field for field in kind.__struct_fields__ if field == "cameras"]
        if not names:
            raise BadInput("That can be asked of one site at a time.", advice="Choose cameras of one site.")
        asked: Any = request
        found: dict[str, object] = {}
        last: Any = None
        for site, theirs in shares.items():
            last = await self.of(site).ask(msgspec.structs.replace(asked, cameras=tuple(theirs)), kind)
            found |= {each.camera: each for each in last.cameras}
        joined: _Reply = msgspec.structs.replace(last, cameras=tuple(found[camera] for camera in asked.cameras))
        return joined
