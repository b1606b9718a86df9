"""A hub and sites at the two ends of a line that can be broken (`namespace_stage`): real papers, TLS, outboxes, database files."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from belvedere.foundation.clock import Clock, SystemClock
from belvedere.foundation.settings import load_settings
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.fleet.tables import site_record
from belvedere.hub.storage import reading
from belvedere.link.client import SiteLink
from belvedere.link.records import ALERTS, METADATA
from belvedere.site.live.relay import Relay
from belvedere.site.storage.index import Index
from belvedere.site.uplink.outgoing import Outgoing
from belvedere.site.uplink.papers import PaperFolder, Place
from belvedere.site.uplink.server import Uplink
from fleet_stage import Confirming, person
from hub_stage import FAST, ToldSite
from link_stage import LAST_NIGHT_US, ShelfArchive, Words, film, grant_for
from namespace_stage import HUB_SIDE, Elsewhere, Line, line, listen
from outbox_stage import empty_index

LONG_S = 120  # for what takes moments, on the slowest machine


def impatient(patch: pytest.MonkeyPatch) -> None:
    """A cut is noticed within seconds, and what waits tries again soon."""
    for name, value in (
        ("site.outbox.sender.LOOK_EVERY_S", 0.05),
        ("site.outbox.sender._WAIT_S", (0.1, 0.5)),
        ("site.uplink.dialler.FIRST_WAIT_S", 0.1),
        ("site.uplink.dialler.LONGEST_WAIT_S", 0.5),
        ("site.uplink.dialler.TURNED_AWAY_S", 0.5),
        ("site.uplink.dialler.LOOK_FOR_PAPERS_S", 0.1),
    ):
        patch.setattr(f"belvedere.{name}", value)


def noticing(patch: pytest.MonkeyPatch) -> None:
    """Both ends find a dead line within a second or two. Not for lines that are slow themselves."""
    patch.setattr("belvedere.site.uplink.dialler._PING_S", 1.0)
    patch.setattr("belvedere.hub.fleet.door._PING_S", 1.0)
    patch.setattr("belvedere.site.uplink.https._TIMEOUT_S", 3.0)


async def until(true: Callable[[], object]) -> None:
    """Wait for it."""
    async with asyncio.timeout(LONG_S):
        while not true():
            await asyncio.sleep(0.02)


@dataclass
class Wrong:
    """A clock beside the host's."""

    error_us: int

    def now_us(self) -> int:
        return SystemClock().now_us() + self.error_us

    def monotonic_us(self) -> int:
        return SystemClock().monotonic_us()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A real file system of a few megabytes."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, timeout=60)
    if mounted.returncode:
        pytest.skip(f"NOT TESTED: this machine refuses to mount a tmpfs: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=60)


@dataclass
class FarSite:
    """A site in the other namespace: its index, its outbox and its line run in a thread there. `told`: what happened, by lane."""

    site: str
    folder: Path
    clock: Clock
    elsewhere: Elsewhere
    told: dict[int, list[str]] = field(default_factory=lambda: {ALERTS: [], METADATA: []})

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        if not (self.folder / "index.db").exists():
            shutil.copy(empty_index(), self.folder / "index.db")
        self.papers = PaperFolder(self.folder / "link", self.folder / "hub.pub", self.clock)
        self.index = Index(self.folder / "index.db", self.clock)
        self.archive = ShelfArchive(self.clock, film(), self.clock.now_us() - LAST_NIGHT_US)
        self.words = grant_for(self.clock, "gate")
        with self.index.write() as db:
            db.execute(
                "INSERT OR IGNORE INTO camera (id, slug, name, enabled, created_us) VALUES (1, 'gate', 'Gate', 1, 0)"
            )

    async def start(self) -> None:
        """Dial, and send."""

        async def begin() -> None:
            self.uplink = Uplink(self.archive, Relay(self.clock, linger_s=0), Words(self.clock, self.words), self.clock)
            self.out = Outgoing(
                self.index, self.papers, self.uplink, self.clock, site=self.site, name=self.site.title()
            )
            self.out.start()

        await self.elsewhere.do(begin())

    async def stop(self) -> None:
        """Hang up."""

        async def end() -> None:
            await self.out.stop()
            await self.uplink.close()

        await self.elsewhere.do(end())

    def happen(self, count: int = 20, letters: int = 0) -> None:
        """A fault opens, cameras say things; each with its record, in one transaction."""
        now_us = self.clock.now_us()
        with self.index.write() as db:
            for _ in range(count):
                number = sum(map(len, self.told.values()))
                if number % 4 == 0:
                    name = f"{self.site}f{number}"
                    row = (name, f"camera:{name}", "silent", name, now_us, now_us, 1, now_us)
                    db.execute(
                        "INSERT INTO fault (id, subject, kind, detail, first_us, last_us, times, changed_us)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        row,
                    )
                    self.told[ALERTS].append(name)
                else:
                    name = f"e{number}" + "".join(
                        f"{(number * 7919 + at * 104729) % 65537:04x}" for at in range(letters // 4)
                    )
                    db.execute(
                        "INSERT INTO device_event (camera_id, kind, source, active, arrival_us)"
                        " VALUES (1, 'motion', ?, 1, ?)",
                        (name, now_us),
                    )
                    self.told[METADATA].append(name)


@dataclass
class FarStage:
    """The hub, and the line that its sites come over."""

    line: Line
    folder: Path
    clock: Clock = field(default_factory=SystemClock)
    port: int = 0
    sites: list[FarSite] = field(default_factory=list)
    data: Path = field(init=False)

    def __post_init__(self) -> None:
        self.data = self.folder / "hub-machine"
        self.data.mkdir(exist_ok=True)
        self.elsewhere = Elsewhere(self.line.site)
        self._open: AsyncExitStack | None = None
        self.hub: HubContext

    @property
    def place(self) -> Place:
        return Place(HUB_SIDE, self.port)

    async def open(self) -> None:
        """The hub starts, on the port that it had."""
        self._open = AsyncExitStack()
        listener = self._open.enter_context(self._listener())
        link = SiteLink(ToldSite().connect)
        settings = load_settings(self.data)
        self.hub = await self._open.enter_async_context(open_hub(settings, clock=self.clock, link=link, hasher=FAST))
        fleet = self.hub.fleet
        fleet.desk._step_up = fleet.configuration._step_up = Confirming()  # type: ignore[assignment]
        await fleet.listen(listener)

    def _listener(self) -> socket.socket:
        made = listen(self.line.hub, port=self.port)
        self.port = made.getsockname()[1]
        return made

    async def shut(self) -> None:
        """The hub ends."""
        if self._open is not None:
            await self._open.aclose()
            self._open = None

    def site(self, name: str, folder: str = "", clock: Clock | None = None) -> FarSite:
        """A site that is not let in yet."""
        made = FarSite(name, self.folder / (folder or name), clock or self.clock, self.elsewhere)
        self.sites.append(made)
        return made

    async def let_in(self, site: FarSite) -> None:
        """Give it papers."""
        await self.let_in_with(site.papers, site.site)

    async def let_in_with(self, papers: PaperFolder, site: str) -> None:
        """Ann's token, the site's request over the line, Ben's decision, papers."""
        desk = self.hub.fleet.desk
        _, token = await desk.make_token(person("ann"), site, site.title())
        asked = await self.elsewhere.do(asyncio.to_thread(papers.ask, self.place, token, "box"))
        await desk.decide(person("ben"), asked.id, let_in=True, seen=asked.fingerprint, reason="")
        assert (await self.elsewhere.do(asyncio.to_thread(papers.collect, self.place, asked))).state == "in"

    async def running(self, name: str, clock: Clock | None = None) -> FarSite:
        """A site that is let in and on the line, with a channel for questions kept open."""
        made = self.site(name, clock=clock)
        await self.let_in(made)
        await made.start()
        await self.up(made)
        return made

    async def up(self, site: FarSite) -> None:
        """Until the hub has its line and its answer to a question."""
        await until(lambda: self.hub.fleet.switchboard.line(site.site))
        await self.hub.fleet.to(site.site).status()

    def held(self, site: FarSite) -> dict[int, list[str]]:
        """What the hub has of a site, by lane, in the order of the numbers."""
        found: dict[int, list[str]] = {ALERTS: [], METADATA: []}
        query = select(site_record.c.lane, site_record.c.body).where(site_record.c.site_id == site.site)
        with reading(self.hub.engine) as connection:
            for row in connection.execute(query.order_by(site_record.c.lane, site_record.c.seq)):
                key = '"id":"' if row.lane == ALERTS else '"source":"'
                found[row.lane].append(row.body.split(key)[1].split('"')[0])
        return found

    async def arrived(self, site: FarSite) -> None:
        """Until everything that happened is at the hub: once, in order, with no hole."""
        whole = sum(map(len, site.told.values()))
        await until(lambda: self.hub.fleet.records.count(site.site) >= whole)
        assert self.held(site) == site.told and self.hub.fleet.records.gaps() == []
        await until(lambda: site.out.outbox.standing().waiting == 0)

    async def leave(self, site: FarSite) -> None:
        """A site ends."""
        self.sites.remove(site)
        if hasattr(site, "out"):
            await site.stop()
        site.index.close()

    async def close(self) -> None:
        self.line.well()
        for site in list(self.sites):
            await self.leave(site)
        await self.shut()
        self.elsewhere.close()


@asynccontextmanager
async def far_stage(folder: Path) -> AsyncIterator[FarStage]:
    """Open line and hub."""
    with line() as between:
        stage = FarStage(between, folder)
        try:
            await stage.open()
            yield stage
        finally:
            await stage.close()
