"""A small stage for tests of evidence: a real hub, a real uplink with real grants, and a camera whose recording broke once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
from fastapi import FastAPI

from belvedere.foundation.clock import MINUTE_US, SECOND_US, SimulatedClock
from belvedere.foundation.settings import load_settings
from belvedere.hub.access.keys import signing_key
from belvedere.hub.app import create_app
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.evidence.export import ExportDesk
from belvedere.link.channel import Channel, memory_pair
from belvedere.link.client import SiteLink
from belvedere.link.messages import CameraStatus, Playlist, Run, SiteStatus
from belvedere.policy.grant import Action, Grant
from belvedere.policy.signed import GrantOpener
from belvedere.site.live.relay import Relay
from belvedere.site.masked.room import MaskedRoom
from belvedere.site.uplink.server import Uplink
from hub_stage import CSRF, FAST, gate, lay_out, stream
from link_stage import ShelfArchive, film

BREAK_US = 10 * SECOND_US  # from the start of the first run to that of the second
LONG_US = 4 * SECOND_US  # of each run


@dataclass
class BrokenArchive(ShelfArchive):
    """The film of `ShelfArchive` twice: the camera went away after the first run and came back."""

    def status(self) -> SiteStatus:
        known = CameraStatus("gate", "Gate", True, (stream("main"), stream("sub")), None, 0)
        return msgspec.structs.replace(super().status(), cameras=(known,))

    def timeline(self, camera: str, stream: str, from_us: int, to_us: int) -> tuple[Run, ...]:
        first = super().timeline(camera, stream, from_us, to_us)
        if not first:
            return ()
        again = self.start_us + BREAK_US
        return (
            Run(self.start_us, self.start_us + LONG_US, "camera_unreachable", False, 3),
            Run(again, again + LONG_US, "camera_closed", False, 0),
        )

    def playlist(self, grant: Grant, camera: str, stream: str, from_us: int, to_us: int) -> Playlist:
        grant.require(Action.PLAYBACK, camera, now_us=self.clock.now_us(), start_us=from_us, end_us=to_us)
        if camera not in self.cameras or stream == "audio":
            return Playlist(camera, stream, (), False)
        first = super().playlist(grant, camera, stream, self.start_us, self.start_us + LONG_US).pieces
        again = [
            msgspec.structs.replace(piece, segment=piece.segment + 100, run=2, start_us=piece.start_us + BREAK_US)
            for piece in first
        ]
        wanted = [p for p in (*first, *again) if p.start_us + p.duration_us > from_us and p.start_us < to_us]
        return Playlist(camera, stream, tuple(wanted), False)

    def read(
        self, grant: Grant, action: Action, camera: str, stream: str, segment: int, start: int, end: int
    ) -> Iterator[bytes]:
        return super().read(grant, action, camera, stream, segment % 100, start, end)


@dataclass
class EvidenceStage:
    """The hub with a site behind it; ann is an operator on shift, `gate` has footage and `yard` has none."""

    folder: Path
    clock: SimulatedClock
    archive: BrokenArchive
    app: FastAPI
    hub: HubContext
    browser: httpx.AsyncClient
    grant: str

    @property
    def desk(self) -> ExportDesk:
        desk = self.app.state.exports
        assert isinstance(desk, ExportDesk)
        return desk

    @property
    def start_us(self) -> int:
        return self.archive.start_us

    @property
    def public_key(self) -> bytes:
        return self.hub.key.public_key().public_bytes_raw()

    def order(self, **changes: object) -> dict[str, object]:
        """An order over both runs, the marks inside them."""
        words: dict[str, object] = {
            "grant": self.grant,
            "name": "Broken door, Tuesday",
            "cameras": ["gate"],
            "start_us": self.start_us + 1_500_000,
            "end_us": self.start_us + BREAK_US + 2 * SECOND_US,
        }
        return words | changes

    async def export(self, **changes: object) -> dict[str, Any]:
        """Order an export and wait until it is ready or failed."""
        answer = await self.browser.post("/api/exports", json=self.order(**changes))
        assert answer.status_code == 201, answer.text
        return await self.finished(answer.json()["id"])

    async def finished(self, export_id: str) -> dict[str, Any]:
        await self.desk.idle()
        found: dict[str, Any] = (await self.browser.get(f"/api/exports/{export_id}")).json()
        assert found["state"] != "working"
        return found

    async def pack(self, export: dict[str, Any], to: Path) -> Path:
        """Download the pack of a finished export."""
        answer = await self.browser.get(f"/api/exports/{export['id']}/pack?grant={self.grant}")
        assert answer.status_code == 200, answer.text
        to.write_bytes(answer.content)
        return to


@asynccontextmanager
async def evidence_stage(
    data: Path,
    clock: SimulatedClock | None = None,
    shelf: type[BrokenArchive] = BrokenArchive,
    masked: Callable[[BrokenArchive], MaskedRoom] | None = None,
) -> AsyncIterator[EvidenceStage]:
    """Open it all in `data`; open it again there to restart the hub."""
    settings = load_settings(data)
    settings.hub.password_after_code = False  # people here sign in with their codes and begin to work
    clock = clock or SimulatedClock()
    archive = shelf(clock, film(), clock.now_us() - 10 * MINUTE_US)
    opener = GrantOpener(signing_key(settings).public_key().public_bytes_raw(), clock)
    uplink = Uplink(
        archive, Relay(clock, linger_s=0), opener, clock, masked=None if masked is None else masked(archive)
    )
    tasks: set[asyncio.Task[None]] = set()

    async def connect() -> Channel:
        ours, theirs = memory_pair()
        task = asyncio.create_task(uplink.serve(theirs))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return ours

    lay_out(settings)
    app = create_app(lambda: open_hub(settings, clock=clock, link=SiteLink(connect), hasher=FAST), ui=data / "ui")
    try:
        async with app.router.lifespan_context(app):
            hub: HubContext = app.state.hub
            if hub.users.find("ann") is None:
                _, code = hub.users.create("ann", "operator", "Ann Operator")
                hub.register.put_camera(gate())
                hub.register.put_camera(gate(id="yard", name="Yard, north"))
            else:
                _, code = hub.users.renew_code("ann")
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://hub.test") as browser:
                signed = await browser.post("/api/session", json={"username": "ann", "password": code})
                browser.headers[CSRF] = signed.json()["csrf"]
                grant = (await browser.post("/api/grants", json={"purpose": "duty"})).json()["id"]
                yield EvidenceStage(data, clock, archive, app, hub, browser, grant)
    finally:
        await uplink.close()
