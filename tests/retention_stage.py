"""A hub and a site that keep footage together: the site's index and files are real, time passes when the test says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from belvedere.foundation.settings import SiteSettings, load_settings
from belvedere.hub.access.keys import signing_key
from belvedere.hub.app import create_app
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.retention.desk import RetentionDesk as HubDesk
from belvedere.link.channel import Channel, ChannelClosed, memory_pair
from belvedere.link.client import SiteLink
from belvedere.policy.signed import GrantOpener
from belvedere.site.live.relay import Relay
from belvedere.site.retention.desk import RetentionDesk
from belvedere.site.uplink.server import Uplink
from hub_stage import CSRF, FAST, gate, lay_out
from link_stage import ShelfArchive, film
from retention_rig import RetentionRig


@dataclass
class Elsewhere:
    """A site that is not on the hub's machine, with one camera, SITE-01. `away`: its line is cut."""

    rig: RetentionRig
    desk: RetentionDesk
    uplink: Uplink
    away: bool = False
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def connect(self) -> Channel:
        if self.away:
            raise ChannelClosed("away")
        ours, theirs = memory_pair()
        task = asyncio.create_task(self.uplink.serve(theirs))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return ours


@dataclass
class RetentionStage:
    """The hub over HTTP and the site as a rig. `away`: the site does not answer."""

    rig: RetentionRig
    site: RetentionDesk
    app: FastAPI
    hub: HubContext
    away: bool = False
    codes: dict[str, str] = field(default_factory=dict)
    elsewhere: dict[str, Elsewhere] = field(default_factory=dict)

    async def let_in(self, site: str, name: str) -> Elsewhere:
        """A further site, on the same clock, reached as the fleet reaches it; the network itself is left out."""
        settings = self.hub.settings
        rig = RetentionRig(settings.data / site, clock=self.rig.clock, slug=f"{site}-01")
        boot = int(str(rig.rows("SELECT max(id) FROM boot")[0][0]))
        words = {"id": site, "min_free_bytes": 0, "retention_days": 31}
        desk = RetentionDesk(
            SiteSettings.model_validate(words),
            settings.hub_public_key_file,
            rig.index,
            rig.keyring,
            [rig.disk],
            rig.clock,
            boot,
        )
        desk.keeper = rig.keeper
        opener = GrantOpener(signing_key(settings).public_key().public_bytes_raw(), rig.clock)
        archive = ShelfArchive(rig.clock, film(), rig.clock.now_us(), cameras=(f"{site}-01",))
        uplink = Uplink(archive, Relay(rig.clock, linger_s=0), opener, rig.clock, desk.answers)
        made = self.elsewhere[site] = Elsewhere(rig, desk, uplink)
        await asyncio.to_thread(self.hub.register.put_site, site, name)
        await asyncio.to_thread(self.hub.register.put_camera, gate(id=f"{site}-01", site=site, name=f"{name} gate"))

        async def dial(site: str) -> Channel:
            return await self.elsewhere[site].connect()

        self.hub.fleet.switchboard.dial = dial  # type: ignore[method-assign]
        self.hub.fleet.places.let_in(site)
        return made

    async def cut(self, site: str) -> None:
        """Its line is cut, with all that was open on it."""
        self.elsewhere[site].away = True
        await self.hub.link.of(site).close()

    @property
    def desk(self) -> HubDesk:
        desk = self.app.state.retention
        assert isinstance(desk, HubDesk)
        return desk

    @asynccontextmanager
    async def signed_in(self, role: str) -> AsyncIterator[httpx.AsyncClient]:
        """The browser of somebody with this role."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub.test") as browser:
            await self.sign_in(browser, role)
            yield browser

    async def sign_in(self, browser: httpx.AsyncClient, role: str) -> None:
        """Sign in, once more after days have passed."""
        name = f"{role}-1"
        if self.hub.users.find(name) is None:
            _, code = await asyncio.to_thread(self.hub.users.create, name, role)
        else:
            _, code = await asyncio.to_thread(self.hub.users.renew_code, name)
        answer = await browser.post("/api/session", json={"username": name, "password": code})
        assert answer.status_code == 200, answer.text
        browser.headers[CSRF] = answer.json()["csrf"]

    async def pass_days(self, days: int, browser: httpx.AsyncClient, role: str) -> None:
        """Let days go by at the site; who looks then has to sign in again."""
        await asyncio.to_thread(self.rig.pass_days, days)
        await self.sign_in(browser, role)

    def kinds(self) -> list[str]:
        return [entry.kind for entry in reversed(self.hub.audit.entries(limit=1000))]

    def public_key(self) -> bytes:
        return self.hub.key.public_key().public_bytes_raw()

    def hold_words(self, start_us: int, end_us: int, **changes: object) -> dict[str, Any]:
        words: dict[str, Any] = {
            "cameras": ["cam-01"],
            "from_us": start_us,
            "to_us": end_us,
            "expires_us": self.rig.clock.now_us() + 40 * 86_400_000_000,
            "reason": "Broken door, asked for by the police",
            "reference": "C-17",
        }
        return words | changes


@asynccontextmanager
async def retention_stage(data: Path, *, ui: Path | None = None) -> AsyncIterator[RetentionStage]:
    """Open hub and site in `data`."""
    settings = load_settings(data)
    settings.hub.password_after_code = False  # people here sign in with their codes and begin to work
    rig = RetentionRig(data / "rig")
    boot = int(str(rig.rows("SELECT max(id) FROM boot")[0][0]))
    site = RetentionDesk(
        SiteSettings.model_validate({"min_free_bytes": 0}),
        settings.hub_public_key_file,
        rig.index,
        rig.keyring,
        [rig.disk],
        rig.clock,
        boot,
    )
    site.keeper = rig.keeper
    opener = GrantOpener(signing_key(settings).public_key().public_bytes_raw(), rig.clock)
    archive = ShelfArchive(rig.clock, film(), rig.clock.now_us())
    uplink = Uplink(archive, Relay(rig.clock, linger_s=0), opener, rig.clock, site.answers)
    tasks: set[asyncio.Task[None]] = set()
    stages: list[RetentionStage] = []

    async def connect() -> Channel:
        if stages and stages[0].away:
            raise ChannelClosed("away")
        ours, theirs = memory_pair()
        task = asyncio.create_task(uplink.serve(theirs))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return ours

    lay_out(settings)
    app = create_app(
        lambda: open_hub(settings, clock=rig.clock, link=SiteLink(connect), hasher=FAST), ui=ui or data / "ui"
    )
    try:
        async with app.router.lifespan_context(app):
            hub: HubContext = app.state.hub
            hub.register.put_camera(gate(id="cam-01"))
            stages.append(RetentionStage(rig, site, app, hub))
            yield stages[0]
    finally:
        await uplink.close()
        for stage in stages:
            for each in stage.elsewhere.values():
                await each.uplink.close()
                each.rig.close()
        rig.close()
