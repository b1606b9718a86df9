"""A hub of several real processes on a real PostgreSQL and a real NATS server, and a site's box that dials it."""

import asyncio
import json
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select
from websockets.asyncio.client import ClientConnection, connect

import postgres_stage
from belvedere.foundation.clock import SystemClock
from belvedere.foundation.settings import Settings, load_settings
from belvedere.hub.access.credentials import Passwords
from belvedere.hub.access.keys import signing_key
from belvedere.hub.access.users import UserDesk
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.audit.turn import LogTurn
from belvedere.hub.fleet.authority import Authority
from belvedere.hub.fleet.book import FleetBook
from belvedere.hub.fleet.desk import FleetDesk
from belvedere.hub.processes.tables import hub_lease, site_line
from belvedere.hub.register.cameras import CameraRegister
from belvedere.hub.storage import open_engine, reading
from belvedere.hub.storage.acts import noting
from belvedere.policy.signed import GrantOpener
from belvedere.policy.table import Role
from belvedere.site.uplink.papers import PaperFolder, Place
from fleet_stage import Box, Confirming, person
from hub_stage import FAST, gate
from link_stage import FPS, TICK_90K, fragment_of

LIMIT_S = 90.0  # for any one step, however busy the machine is
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass
class Nats:
    """A NATS server that can be killed and come back at the same address."""

    port: int
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    async def start(self) -> None:
        found = shutil.which("nats-server", path=str(Path(sys.executable).parent))
        if found is None:
            pytest.skip("no NATS server for this platform")
        quiet = asyncio.subprocess.DEVNULL
        words = [found, "-a", "127.0.0.1", "-p", str(self.port)]
        self.process = await asyncio.create_subprocess_exec(*words, stdout=quiet, stderr=quiet)

    async def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            await self.process.wait()
            self.process = None


def free_port() -> int:
    """A port that nobody listened at a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@dataclass
class Member:
    """One process of the hub."""

    process: asyncio.subprocess.Process
    name: str
    url: str
    link: str

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def end(self) -> int:
        if self.process.returncode is None:
            self.process.terminate()
        return await self.process.wait()


@dataclass
class Someone:
    """A person at a browser; signed in, whichever process is asked."""

    name: str
    account: str
    cookie: str = ""
    csrf: str = ""

    def headers(self) -> dict[str, str]:
        return {"User-Agent": AGENT, "Cookie": self.cookie, "X-Belvedere-CSRF": self.csrf}

    async def sign_in(self, member: Member, code: str) -> None:
        async with httpx.AsyncClient(base_url=member.url, trust_env=False, timeout=LIMIT_S) as client:
            words = {"username": self.name, "password": code}
            answer = await client.post("/api/session", json=words, headers={"User-Agent": AGENT})
            assert answer.status_code == 200, answer.text
            self.csrf = answer.json()["csrf"]
            self.cookie = "; ".join(f"{each.name}={each.value}" for each in client.cookies.jar)

    async def ask(self, member: Member, method: str, path: str, body: Any = None) -> httpx.Response:
        async with httpx.AsyncClient(base_url=member.url, trust_env=False, timeout=LIMIT_S) as client:
            return await client.request(method, path, json=body, headers=self.headers())

    def live(self, member: Member, grant: str) -> connect:
        url = f"ws://{member.url.removeprefix('http://')}/api/live?grant={grant}"
        return connect(
            url,
            additional_headers={"Cookie": self.cookie},
            user_agent_header=AGENT,
            proxy=None,
            open_timeout=LIMIT_S,
        )


@dataclass
class Stage:
    """All of it."""

    folder: Path
    settings: Settings
    engine: Engine
    nats: Nats
    link: socket.socket
    codes: dict[str, str] = field(default_factory=dict)
    people: dict[str, Someone] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)
    started: int = 0

    async def start(self) -> Member:
        """One more process, with an address of its own for people, and the one of all for sites."""
        host, port = self.link.getsockname()
        words = ["-m", "belvedere.hub.serve", "--data", str(self.folder), "--port", "0", "--alone"]
        environment = {
            **os.environ,
            "BELVEDERE_HUB__DATABASE_URL": self.settings.hub.database_url,
            "BELVEDERE_HUB__BUS": self.nats.url,
            "BELVEDERE_HUB__ACCESS": "open_desk",
            "BELVEDERE_HUB__PASSWORD_AFTER_CODE": "false",
        }
        self.started += 1
        errors = (self.folder / f"member-{self.started}.log").open("wb")
        with errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *words,
                "--link",
                f"{host}:{port}",
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=environment,
            )
        assert process.stdout is not None
        async with asyncio.timeout(LIMIT_S):
            line = await process.stdout.readline()
        assert line, Path(errors.name).read_text("utf-8")[-4000:]
        said = json.loads(line)
        member = Member(process, said["process"], said["url"], said["link"])
        self.members.append(member)
        return member

    def holder(self, site: str) -> str:
        """The process that holds a site's line, "" while none does."""
        with reading(self.engine) as connection:
            return connection.scalar(select(site_line.c.process_id).where(site_line.c.site_id == site)) or ""

    def chair(self) -> str:
        with reading(self.engine) as connection:
            return connection.scalar(select(hub_lease.c.holder)) or ""

    def member(self, name: str) -> Member:
        return next(each for each in self.members if each.name == name)

    def other(self, member: Member) -> Member:
        return next(each for each in self.members if each is not member and each.process.returncode is None)

    async def until_held(self, site: str, *, not_by: str = "") -> Member:
        """The process that holds a site's line, once one does."""
        async with asyncio.timeout(LIMIT_S):
            while (name := await asyncio.to_thread(self.holder, site)) in ("", not_by):
                await asyncio.sleep(0.05)
        return self.member(name)

    async def let_in(self, site: str, camera: str) -> Box:
        """A box with a camera that two people let in; its own keeper of grants knows this hub's key."""
        clock = SystemClock()
        key = signing_key(self.settings)
        register = CameraRegister(self.engine, clock, noting(clock))
        register.put_site(site, site.title())
        register.put_camera(replace(gate(), id=camera, site=site))
        where = self.folder / site
        where.mkdir()
        box = Box(site, PaperFolder(where / "link", where / "hub.pub", clock), clock, (camera,))
        box.uplink._opener = GrantOpener(key.public_key().public_bytes_raw(), clock)
        authority = Authority(self.settings.hub_folder / "keys" / "link", clock)
        turn = LogTurn("the test")
        log = await asyncio.to_thread(AuditLog, self.engine, self.settings.hub_folder / "log", key, clock, turn)
        await log.start(keeps_signed=False)
        public = key.public_key().public_bytes_raw()
        steps: Any = Confirming()
        book = FleetBook(self.engine, clock)
        desk = FleetDesk(book, authority, log, steps, clock, own="main", hub="belvedere", hub_key=public)
        place = Place(*self.link.getsockname())
        token = (await desk.make_token(person("ann"), site, site.title()))[1]
        asked = await asyncio.to_thread(box.papers.ask, place, token, "test box")
        await desk.decide(person("ben"), asked.id, let_in=True, seen=asked.fingerprint, reason="")
        papers = await asyncio.to_thread(box.papers.collect, place, asked)
        assert papers.state == "in"
        await log.stop()
        return box

    async def close(self) -> None:
        ended = await asyncio.gather(*(member.end() for member in self.members))
        assert all(code in (0, -9) for code in ended), ended
        await self.nats.kill()
        self.link.close()
        self.engine.dispose()


@asynccontextmanager
async def several(folder: Path, *people: tuple[str, Role]) -> AsyncIterator[Stage]:
    """The servers, a database with `people` in it, no process of the hub yet."""
    url = postgres_stage.database_of(folder)
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    link.bind(("127.0.0.1", 0))  # reserves the address; only what listens gets calls
    nats = Nats(free_port())
    settings = load_settings(folder)
    settings.hub.database_url = url
    stage = Stage(folder, settings, open_engine(url), nats, link)
    clock = SystemClock()
    desk = UserDesk(stage.engine, clock, frozenset(Role), Passwords(FAST), noting(clock))
    for name, role in people:
        user, code = await asyncio.to_thread(desk.create, name, str(role))
        stage.people[name], stage.codes[name] = Someone(name, user.id), code
    await asyncio.to_thread(signing_key, settings)  # as the first of several makes it
    await asyncio.to_thread(Authority, settings.hub_folder / "keys" / "link", clock)
    await nats.start()
    try:
        yield stage
    finally:
        await stage.close()


async def feed(box: Box, camera: str) -> None:
    """The camera's pictures, for as long as nobody cancels it."""
    film = box.archive.film
    box.relay.config(camera, "sub", film.config)
    at = 0
    while True:
        one = film.frames[at % len(film.frames)]
        frame = replace(one, dts_90k=at * TICK_90K, arrival_us=box.clock.now_us())
        box.relay.fragment(camera, "sub", fragment_of([frame], frame.dts_90k + TICK_90K, at))
        at += 1
        await asyncio.sleep(1 / FPS)


async def pictures(wall: ClientConnection, wanted: int = 3) -> None:
    """Until so many binary parts came. Fails when the wall ends."""
    async with asyncio.timeout(LIMIT_S):
        while wanted:
            if isinstance(await wall.recv(), bytes):
                wanted -= 1


async def told(wall: ClientConnection, word: str) -> str:
    """Until a message holds `word`; that message."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            message = await wall.recv()
            if isinstance(message, str) and word in message:
                return message
