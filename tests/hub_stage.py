"""A small stage for tests of the hub: a data folder, a simulated clock, the real application, a site that is told what to say."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import uvicorn
from argon2 import PasswordHasher
from fastapi import APIRouter, FastAPI

from belvedere.foundation.clock import SimulatedClock
from belvedere.foundation.errors import BelvedereError
from belvedere.foundation.settings import Settings, load_settings
from belvedere.hub.app import ROOMS, create_app
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.register.cameras import Camera
from belvedere.hub.storage import open_engine, upgrade
from belvedere.link.channel import Channel, ChannelClosed, memory_pair
from belvedere.link.client import SiteLink
from belvedere.link.messages import CameraStatus, DiskStatus, Reply, Request, SiteStatus, StreamStatus
from belvedere.link.wire import decode_request, encode

FAST = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
CSRF = "X-Belvedere-CSRF"


def stream(name: str, state: str = "recording", message: str = "") -> StreamStatus:
    return StreamStatus(name, state, message, "h264", 640, 360, 15.0, 4e5, 2.0, 1, 0, 0, 250_000)


def status_of(*cameras: CameraStatus) -> SiteStatus:
    return SiteStatus("0.1.0", "main", "This site", 5, 4, cameras, (DiskStatus("footage", 100, 40, "ok", ""),))


@dataclass
class ToldSite:
    """Answers with what `answer` makes of the question, else with `status`; away while that is None."""

    status: SiteStatus | None = None
    asked: int = 0
    answer: Callable[[Request], Reply | None] = lambda request: None
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def connect(self) -> Channel:
        if self.status is None:
            raise ChannelClosed("away")
        ours, theirs = memory_pair()
        task = asyncio.create_task(self._serve(theirs))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return ours

    async def _serve(self, channel: Channel) -> None:
        try:
            while True:
                request = decode_request(await channel.receive())
                self.asked += 1
                if self.status is None:
                    return
                await channel.send(encode(self.answer(request) or self.status))
        except ChannelClosed:
            return
        finally:
            await channel.close()


@dataclass
class HubStage:
    """The hub, open, with an operator called ann and a camera called gate."""

    settings: Settings
    clock: SimulatedClock
    site: ToldSite
    app: FastAPI
    hub: HubContext
    code: str

    def browser(self, **headers: str) -> httpx.AsyncClient:
        """Somebody's browser: keeps cookies, is not signed in."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://hub.test", headers=headers)

    @asynccontextmanager
    async def signed_in(self, name: str = "ann", role: str = "operator") -> AsyncIterator[httpx.AsyncClient]:
        """The browser of a signed-in person, sending the CSRF header."""
        code = self.code
        if name != "ann":
            _, code = await asyncio.to_thread(self.hub.users.create, name, role)
        async with self.browser() as browser:
            answer = await browser.post("/api/session", json={"username": name, "password": code})
            assert answer.status_code == 200, answer.text
            browser.headers[CSRF] = answer.json()["csrf"]
            yield browser

    def kinds(self) -> list[str]:
        """Kinds of all log entries, oldest first, without the notes that `account_watch` keeps for itself."""
        entries = reversed(self.hub.audit.entries(limit=1000))
        return [entry.kind for entry in entries if entry.kind != "account.noted"]


def gate(**changes: object) -> Camera:
    words: dict[str, object] = {
        "id": "gate",
        "site": "main",
        "name": "Gate",
        "place": "Alder Way",
        "lat": 51.5,
        "lon": -0.1,
        "bearing_deg": 20.0,
        "fov_deg": 70.0,
        "range_m": 40.0,
        "height_m": 4.0,
    }
    return Camera(**(words | changes))  # type: ignore[arg-type]


@cache
def empty_database() -> bytes:
    """A hub's database of the newest schema with nothing in it. Migrating costs more than all else that opens a hub."""
    with TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/empty.db")
        upgrade(engine)
        engine.dispose()
        return Path(folder, "empty.db").read_bytes()


def lay_out(settings: Settings) -> None:
    """Put an empty database where the hub will look for its own, unless there is one."""
    database = Path(settings.hub_database_url.removeprefix("sqlite:///"))
    if database.is_relative_to(settings.hub_folder) and not database.exists():
        database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        database.write_bytes(empty_database())


@asynccontextmanager
async def hub_stage(
    data: Path, *, rooms: tuple[APIRouter, ...] = ROOMS, ui: Path | None = None, password_after_code: bool = False
) -> AsyncIterator[HubStage]:
    """The hub of `data`, as the server would open it."""
    settings, clock, site = load_settings(data), SimulatedClock(), ToldSite()
    settings.hub.password_after_code = password_after_code
    lay_out(settings)
    app = create_app(
        lambda: open_hub(settings, clock=clock, link=SiteLink(site.connect), hasher=FAST),
        ui=ui or data / "ui",
        rooms=rooms,
    )
    async with app.router.lifespan_context(app):
        hub: HubContext = app.state.hub
        code = ""
        if hub.users.find("ann") is None:
            _, code = hub.users.create("ann", "operator", "Ann Operator")
            hub.register.put_camera(gate())
        yield HubStage(settings, clock, site, app, hub, code)
        # Tests make and change accounts by hand: the next opening of this folder takes them for what they are.
        with suppress(BelvedereError):  # a test may have broken the log
            await hub.accounts.note(user.id for user in hub.users.all())


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """A stage's application on a real socket; gives `127.0.0.1:PORT`."""
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        task = asyncio.create_task(server._serve([listener]))  # without the signal handlers of `serve`
        try:
            yield f"{host}:{port}"
        finally:
            server.should_exit = True
            await task
