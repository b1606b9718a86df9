"""A recorder whose clock the test moves, and the hub of the same data folder, joined by the real link."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from belvedere.cli.keys import _hand_out
from belvedere.foundation.clock import DAY_US, SECOND_US, SimulatedClock
from belvedere.foundation.settings import Settings, SiteSettings, load_settings
from belvedere.hub.access.grants import GrantAsk
from belvedere.hub.access.users import SignIn
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.custody.escrow import OpenShare, Stretch, open_share
from belvedere.hub.custody.local import Ceremony, KeyOffice
from belvedere.hub.custody.release import ReleasingLink
from belvedere.hub.register.cameras import Camera
from belvedere.link.custody import CustodyState
from belvedere.policy.grant import Action
from belvedere.site.custody.custodian import Custodian
from belvedere.site.custody.held import HeldKeys
from belvedere.site.live.relay import Relay
from belvedere.site.recorder.archive import Archive
from belvedere.site.retention.keeper import RetentionKeeper
from belvedere.site.serve import HubOpener
from belvedere.site.uplink.server import serve_link
from hub_stage import lay_out
from recorder_rig import Rig, fragment

CAMERA = "cam-01"
QUICK = Stretch(64, 1, 1)
OFFICERS = ("Ann Bell", "Raj Patel")
WORDS = ("correct horse battery", "staple of another kind")


@dataclass
class KeptSite:
    """One site with its custodian; `rig.writer` records by hand."""

    settings: Settings
    rig: Rig
    custodian: Custodian
    archive: Archive
    opener: HubOpener
    keeper: RetentionKeeper
    held: HeldKeys

    def film(self, seconds: int = 10, kind: str = "main") -> tuple[int, list[bytes]]:
        """Record some seconds from now on; gives when it began, and the fragments."""
        start_us = self.rig.clock.now_us()
        track = self.rig.track()
        numbers = range(seconds * 2)
        self.rig.record(track, numbers, start_us)
        self.rig.end(track)
        return start_us, [bytes(fragment(n, start_us).data) for n in numbers]

    def next_day(self) -> None:
        """To two hours after the next midnight."""
        clock = self.rig.clock
        clock.advance((clock.now_us() // DAY_US + 1) * DAY_US + 7200 * SECOND_US - clock.now_us())

    @property
    def local(self) -> int:
        """Camera-days whose key the site can open by itself."""
        row: tuple[int] = self.rig.index.read().execute("SELECT count(*) FROM day_key WHERE wrapped <> x''").fetchone()
        return row[0]


@contextmanager
def kept_site(data: Path, clock: SimulatedClock) -> Iterator[KeptSite]:
    settings = load_settings(data)
    settings.site_folder.mkdir(parents=True, exist_ok=True)
    rig = Rig(settings.site_folder, clock=clock)
    opener = HubOpener(settings.hub_public_key_file, clock)
    custodian = Custodian(
        rig.index,
        rig.keyring,
        rig.cameras,
        opener,
        clock,
        hub_key_file=settings.hub_public_key_file,
        box_key_file=settings.site_folder / "keys" / "box.key",
        settings=settings.site.model_dump(mode="json"),
    )
    keeper = RetentionKeeper(
        rig.index,
        rig.keyring,
        [rig.disk],
        clock,
        boot=int(str(rig.rows("SELECT max(id) FROM boot")[0][0])),
        next_seq=lambda: rig.index.next_id("file"),
        default_days=7,
    )
    held = HeldKeys(rig.index, rig.keyring, settings.hub_public_key_file, clock, keeper.wake)
    recorder = SimpleNamespace(writers=[rig.writer], feeds={}, cameras_changed=lambda: None)
    archive = Archive(
        SiteSettings.model_validate({}),
        rig.index,
        rig.keyring,
        rig.cameras,
        recorder,  # type: ignore[arg-type]
        clock,
    )
    try:
        yield KeptSite(settings, rig, custodian, archive, opener, keeper, held)
    finally:
        rig.close()


@dataclass
class CustodyStage:
    site: KeptSite
    hub: HubContext
    link: ReleasingLink

    async def exchange(self) -> CustodyState:
        """One round of the hub's custody desk, after one turn of the site's custodian."""
        await asyncio.to_thread(self.site.custodian.tend)
        return await self.hub.custody.exchange(self.link)

    async def grant(self, name: str = "ann") -> bytes:
        """A duty grant of an operator, as it travels."""
        if self.hub.users.find(name) is None:
            self.hub.users.create(name, "operator")
        user = self.hub.users.find(name)
        assert user is not None
        _, session = self.hub.sessions.open(SignIn(user, by_code=True), "127.0.0.1")
        grant = await self.hub.grants.issue(session, GrantAsk("duty"))
        return (await self.hub.grants.use(user, grant.id, Action.PLAYBACK, [CAMERA])).wire

    async def review(self, wire: bytes, start_us: int, seconds: int = 10) -> bytes:
        """The footage of a span, read through the hub's link."""
        playlist = await self.link.playlist(wire, CAMERA, "main", start_us, start_us + seconds * SECOND_US)
        parts = []
        for piece in playlist.pieces:
            async for part in self.link.read_footage(
                wire, Action.PLAYBACK, CAMERA, "main", piece.segment, piece.start, piece.end
            ):
                parts.append(part)
        return b"".join(parts)

    def kinds(self) -> list[str]:
        return [entry.kind for entry in reversed(self.hub.audit.entries(limit=1000))]


@asynccontextmanager
async def custody_stage(data: Path, clock: SimulatedClock | None = None) -> AsyncIterator[CustodyStage]:
    """Site and hub; the desk's own turns are far apart, so that tests make them."""
    clock = clock or SimulatedClock()
    with kept_site(data, clock) as site:
        relay = Relay(clock)
        lay_out(site.settings)
        async with open_hub(site.settings, clock=clock) as hub:
            if not hub.register.list_cameras():
                hub.register.put_camera(Camera(CAMERA, "main", "Gate"))
            answers = {**site.custodian.answers(), **site.held.answers}
            server = await serve_link(site.settings.link_socket, site.archive, relay, site.opener, clock, answers)
            try:
                own = hub.link.of("main")
                assert isinstance(own, ReleasingLink)
                yield CustodyStage(site, hub, own)
            finally:
                await server.close()


def office_of(stage: CustodyStage) -> KeyOffice:
    return KeyOffice(stage.site.settings, stage.hub.engine, stage.site.rig.clock)


def hold(office: KeyOffice, out: Path, *, renew: bool = False) -> Ceremony:
    out.mkdir(exist_ok=True)
    return office.ceremony(
        OFFICERS,
        "Sealed third share",
        WORDS,
        renew=renew,
        stretch=QUICK,
        hand_out=lambda made: _hand_out(out, made),
    )


def two_of(made: Ceremony) -> list[OpenShare]:
    return [open_share(made.sheets[0], WORDS[0]), open_share(made.sheets[2], made.sealed_passphrase)]
