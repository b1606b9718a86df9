"""One link for the whole fleet: what names a camera goes to the site that has it; what names several is split and joined again."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from belvedere.foundation.errors import BadInput, LinkFault, SiteAway
from belvedere.link.client import LiveView, SiteLink
from belvedere.link.messages import Mark, Reply, Request

_Reply = TypeVar("_Reply", bound=Reply)
CameraSites = Callable[[], dict[str, str]]
SEVERAL_S = 8.0  # so long the others wait for the slowest site


@dataclass(frozen=True, slots=True)
class Away:
    """A site that did not answer, and which of the cameras asked about it has."""

    site: str
    cameras: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part(Generic[_Reply]):
    """What the sites that answered say, in the order asked, and those that did not."""

    reply: _Reply
    away: tuple[Away, ...]


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

    def forget(self) -> None:
        """The register may have changed: read it again when asked."""
        self._known = {}

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
        if len(shares := self._shares(cameras)) <= 1:
            site = next(iter(shares), self._own)
            return await self.of(site).ask(request, kind, reuse=reuse)
        part = await self._ask_several(request, kind, shares)
        if part.away:
            raise SiteAway(
                f"These sites do not answer: {', '.join(each.site for each in part.away)}.",
                advice="Ask for cameras of the others, or try again when they are back.",
            )
        return part.reply

    async def ask_those_here(self, request: Request, kind: type[_Reply]) -> Part[_Reply]:
        """As `ask` for a request with `cameras`, but a site that is away leaves its cameras out. Raises LinkFault when all are."""
        shares = self._shares(getattr(request, "cameras", ()))
        if len(shares) <= 1:
            return Part(await self.of(next(iter(shares), self._own)).ask(request, kind), ())
        return await self._ask_several(request, kind, shares)

    def _shares(self, cameras: Iterable[str]) -> dict[str, list[str]]:
        shares: dict[str, list[str]] = {}
        for camera in cameras:
            shares.setdefault(self.site_of(camera), []).append(camera)
        return shares

    async def late(self, tasks: "Collection[asyncio.Task[Any]]") -> "set[asyncio.Task[Any]]":
        """Waits for all, SEVERAL_S at most; those that are not done by then."""
        return (await asyncio.wait(tasks, timeout=SEVERAL_S))[1]

    async def _ask_several(self, request: Request, kind: type[_Reply], shares: dict[str, list[str]]) -> Part[_Reply]:
        """Asks all at the same time. Raises LinkFault when no site answers, and whatever else one of them raises."""
        if "cameras" not in kind.__struct_fields__:
            raise BadInput("That can be asked of one site at a time.", advice="Choose cameras of one site.")
        asked: Any = request

        async def ask(site: str, theirs: list[str]) -> _Reply:
            return await self.of(site).ask(msgspec.structs.replace(asked, cameras=tuple(theirs)), kind)

        tasks = {site: asyncio.create_task(ask(site, theirs)) for site, theirs in shares.items()}
        try:
            late = await self.late(tasks.values())
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
        found: dict[str, object] = {}
        told: Any = None
        away: list[Away] = []
        fault = LinkFault("The sites do not answer in time.", advice="Try again; look at the page Sites.")
        for site, task in tasks.items():
            error = None if task in late else task.exception()
            if task in late or isinstance(error, LinkFault):
                fault = error if isinstance(error, LinkFault) else fault
                away.append(Away(site, tuple(shares[site])))
            elif error is not None:
                raise error
            else:
                told = task.result()
                found |= {each.camera: each for each in told.cameras}
        if told is None:
            raise fault
        here = tuple(found[camera] for camera in asked.cameras if camera in found)
        joined: _Reply = msgspec.structs.replace(told, cameras=here)
        return Part(joined, tuple(away))
