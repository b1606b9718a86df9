"""Hub and site joined by the link, with break-glass cards: for tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from belvedere.foundation.clock import SECOND_US
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.users import User
from belvedere.hub.cards.desk import CardsDesk
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.custody.release import ReleasingLink
from belvedere.hub.register.cameras import Camera
from belvedere.site.card.desk import CardDesk
from belvedere.site.live.relay import Relay
from belvedere.site.recorder.events import Add, Begin
from belvedere.site.recorder.track import Track
from belvedere.site.storage.sound import SoundBook
from belvedere.site.uplink.server import serve_link
from custody_stage import CAMERA, KeptSite
from fleet_stage import Confirming
from hub_stage import lay_out
from link_stage import film

NAMES = ("Ivy Stone", "Sergeant Paul Reed")
REASON = "Police at the door: assault in the car park, log number 4711."


@dataclass
class Together:
    """Hub and site, joined by the link."""

    hub: HubContext
    cards: CardsDesk
    people: tuple[SignedIn, SignedIn]

    async def exchange(self, site: KeptSite) -> None:
        """One round of keys and cards."""
        await asyncio.to_thread(site.custodian.tend)
        link = self.hub.link.of("main")
        assert isinstance(link, ReleasingLink)
        await self.hub.custody.exchange(link)
        await self.cards.turn()

    async def card(self) -> tuple[bytes, bytes, str]:
        """A card made by two people."""
        first = await self.cards.begin(self.people[0], "main")
        second = await self.cards.confirm(self.people[1], first.card.id)
        return first.half, second.half, first.card.id

    def kinds(self, start: str) -> list[str]:
        entries = reversed(self.hub.audit.entries(limit=1000))
        return [entry.kind for entry in entries if entry.kind.startswith(start)]


def shoot(site: KeptSite) -> int:
    """Record four seconds that a player would show; gives when they begin."""
    shown, clock = film(), site.rig.clock
    start_us = clock.now_us()
    track = Track(site.rig.ref())
    site.rig.writer.offer(Begin(track, shown.config))
    for part in shown.fragments():
        clock.advance(SECOND_US // 2)
        site.rig.writer.offer(Add(track, replace(part, arrival_us=clock.now_us())))
        site.rig.writer.cycle()
    site.rig.end(track)
    return start_us


def desk_of(site: KeptSite) -> CardDesk:
    return CardDesk(
        "main",
        site.rig.index,
        site.rig.keyring,
        site.opener,
        site.rig.clock,
        hub_key_file=site.settings.hub_public_key_file,
        box_key_file=site.settings.site_folder / "keys" / "box.key",
    )


@asynccontextmanager
async def answering(site: KeptSite, desk: CardDesk) -> AsyncIterator[None]:
    """The site's socket."""
    answers = {**site.custodian.answers(), **site.held.answers, **desk.answers()}
    clock = site.rig.clock
    recorder: Any = site.archive._recorder
    recorder.sound_book, recorder.sounds, recorder.workers = SoundBook(site.rig.index, clock), {}, ()
    server = await serve_link(site.settings.link_socket, site.archive, Relay(clock), desk, clock, answers)
    try:
        yield
    finally:
        await server.close()


def session_of(user: User) -> SignedIn:
    return SignedIn(user, key=user.name, csrf="", by_code=False, expires_us=1 << 60)


@asynccontextmanager
async def together(site: KeptSite, desk: CardDesk) -> AsyncIterator[Together]:
    lay_out(site.settings)
    async with open_hub(site.settings, clock=site.rig.clock) as hub, answering(site, desk):
        if not hub.register.list_cameras():
            hub.register.put_camera(Camera(CAMERA, "main", "Gate"))
            for name in ("mia", "sam"):
                hub.users.create(name, "manager", name.title())
        people = [hub.users.find(name) for name in ("mia", "sam")]
        assert people[0] is not None and people[1] is not None
        hub.step_up.require = Confirming().require  # type: ignore[method-assign,assignment]
        yield Together(hub, CardsDesk(hub), (session_of(people[0]), session_of(people[1])))


def together_alone(hub: HubContext, fleet: object) -> SimpleNamespace:
    """What a desk of cards needs of the hub, with another fleet."""
    parts = ("engine", "clock", "audit", "key", "register", "step_up")
    return SimpleNamespace(fleet=fleet, **{name: getattr(hub, name) for name in parts})
