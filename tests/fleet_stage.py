"""A hub that lets sites in over real TLS on loopback, and sites that dial it: everything real but the cameras."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from belvedere.foundation.clock import Clock, SystemClock
from belvedere.foundation.settings import load_settings
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.step_up import StepUpProof, canonical_act
from belvedere.hub.access.users import User
from belvedere.hub.context import HubContext, open_hub
from belvedere.link.client import SiteLink
from belvedere.link.enrolment import SiteToken
from belvedere.site.live.relay import Relay
from belvedere.site.uplink.dialler import Dialler
from belvedere.site.uplink.papers import PaperFolder, Place
from belvedere.site.uplink.server import Uplink
from hub_stage import FAST, ToldSite, lay_out
from link_stage import LAST_NIGHT_US, ShelfArchive, Words, film, grant_for


class Confirming:
    """Stands where `StepUps` stands: every act counts as confirmed. Passkeys have tests of their own."""

    def require(self, session: SignedIn, act: dict[str, object]) -> StepUpProof:
        canonical_act(act)
        return StepUpProof("proof", session.user.id, "", "", "", 0, 1 << 60)


@dataclass
class Box:
    """A site's box: papers, archive, dialler."""

    site: str
    papers: PaperFolder
    clock: Clock
    cameras: tuple[str, ...]
    archive: ShelfArchive = field(init=False)
    uplink: Uplink = field(init=False)
    dialler: Dialler = field(init=False)

    def __post_init__(self) -> None:
        self.archive = ShelfArchive(self.clock, film(), self.clock.now_us() - LAST_NIGHT_US, cameras=self.cameras)
        self.relay = Relay(self.clock, linger_s=0)
        self.grant = grant_for(self.clock, *self.cameras)
        self.wire = self.grant.id.encode()
        self.uplink = Uplink(self.archive, self.relay, Words(self.clock, self.grant), self.clock)
        self.dialler = Dialler(self.papers, self.uplink, self.clock, site=self.site, name=self.site.title())

    async def connected(self, hub: HubContext) -> None:
        """Until the hub has its line."""
        while hub.fleet.switchboard.line(self.site) is None:
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        await self.dialler.stop()
        await self.uplink.close()


@dataclass
class FleetStage:
    """A hub with a listener, and two administrators."""

    hub: HubContext
    place: Place
    clock: Clock
    folder: Path
    ann: SignedIn
    ben: SignedIn
    boxes: list[Box] = field(default_factory=list)

    async def token(self, site: str) -> SiteToken:
        """Ann makes one."""
        return (await self.hub.fleet.desk.make_token(self.ann, site, site.title()))[1]

    def box(self, site: str, *cameras: str, folder: str = "") -> Box:
        """A box that is not let in yet."""
        where = self.folder / (folder or site)
        where.mkdir(exist_ok=True)
        made = Box(site, PaperFolder(where / "link", where / "hub.pub", self.clock), self.clock, cameras or ("gate",))
        self.boxes.append(made)
        return made

    async def let_in(self, box: Box) -> None:
        """Token, request, Ben's decision, papers."""
        token = await self.token(box.site)
        asked = await asyncio.to_thread(box.papers.ask, self.place, token, "test box")
        await self.hub.fleet.desk.decide(self.ben, asked.id, let_in=True, seen=asked.fingerprint, reason="")
        papers = await asyncio.to_thread(box.papers.collect, self.place, asked)
        assert papers.state == "in"

    async def running(self, site: str, *cameras: str) -> Box:
        """A box that is let in and on the line."""
        box = self.box(site, *cameras)
        await self.let_in(box)
        box.dialler.start()
        async with asyncio.timeout(30):
            await box.connected(self.hub)
        return box


def person(name: str) -> SignedIn:
    """An administrator's session."""
    user = User(f"account_{name}", name, name.title(), "administrator", True, False, 0)
    return SignedIn(user, key=name, csrf="", by_code=False, expires_us=1 << 60)


@asynccontextmanager
async def fleet_stage(data: Path) -> AsyncIterator[FleetStage]:
    """Open hub and listener; close all boxes at the end."""
    settings, clock, own = load_settings(data), SystemClock(), ToldSite()
    lay_out(settings)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with open_hub(settings, clock=clock, link=SiteLink(own.connect), hasher=FAST) as hub:
            hub.fleet.desk._step_up = hub.fleet.configuration._step_up = Confirming()  # type: ignore[assignment]
            await hub.fleet.listen(listener)
            stage = FleetStage(hub, Place(*listener.getsockname()[:2]), clock, data, person("ann"), person("ben"))
            try:
                yield stage
            finally:
                for box in stage.boxes:
                    await box.close()
