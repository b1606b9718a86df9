"""A real hub on a real port before a site with footage in memory."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
import websockets
from argon2 import PasswordHasher
from websockets.asyncio.client import ClientConnection

from belvedere.foundation.clock import SECOND_US, SimulatedClock
from belvedere.foundation.settings import load_settings
from belvedere.hub.access import routes as access
from belvedere.hub.app import create_app
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.register.cameras import Camera
from belvedere.hub.review import routes as review
from belvedere.policy.signed import GrantOpener
from belvedere.site.live.relay import Relay
from belvedere.site.uplink.server import LinkServer, serve_link
from hub_stage import lay_out
from link_stage import LAST_NIGHT_US, ShelfArchive, film


class House:
    """Hub and site, and an operator who signed in."""

    def __init__(self, hub: HubContext, clock: SimulatedClock, url: str) -> None:
        self.hub = hub
        self.clock = clock
        self.url = url
        self.film = film()
        self.archive = ShelfArchive(clock, self.film, clock.now_us() - LAST_NIGHT_US)
        self.relay = Relay(clock, linger_s=0)
        self.http = httpx.AsyncClient(base_url=url, timeout=20)
        self.server: LinkServer | None = None
        self.grant = ""
        self.user = ""

    async def open_site(self) -> None:
        settings = self.hub.settings
        opener = GrantOpener(settings.hub_public_key_file.read_bytes(), self.clock)
        self.server = await serve_link(settings.link_socket, self.archive, self.relay, opener, self.clock)

    async def close_site(self) -> None:
        if self.server is not None:
            await self.server.close()

    async def sign_in(self) -> None:
        user, code = await asyncio.to_thread(self.hub.users.create, "ann", "operator")
        self.user = user.id
        answer = await self.http.post("/api/session", json={"username": "ann", "password": code})
        assert answer.status_code == 200, answer.text
        self.http.headers["X-Belvedere-CSRF"] = answer.json()["csrf"]
        self.grant = await self.ask("duty")

    async def ask(self, purpose: str, **more: Any) -> str:
        answer = await self.http.post("/api/grants", json={"purpose": purpose, **more})
        assert answer.is_success, answer.text
        found: str = answer.json()["id"]
        return found

    async def get(self, path: str, **query: Any) -> httpx.Response:
        headers = query.pop("headers", None)
        return await self.http.get(path, params={"grant": self.grant, **query}, headers=headers)

    @property
    def span(self) -> dict[str, int]:
        return {"from_us": self.archive.start_us, "to_us": self.archive.start_us + 4 * SECOND_US}

    def logged(self, kind: str) -> list[dict[str, Any]]:
        return [entry.facts for entry in reversed(self.hub.audit.entries(actor=self.user)) if entry.kind == kind]

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", int(self.url.rsplit(":", 1)[1])

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())

    @asynccontextmanager
    async def live(self, grant: str | None = None, **headers: str) -> AsyncIterator[ClientConnection]:
        url = f"{self.url.replace('http', 'ws')}/api/live?grant={grant or self.grant}"
        sent = {"Cookie": self.cookie, "Origin": self.url, **headers}
        with socket.socket() as small:  # a small window, so that a page that does not read is soon felt
            small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            small.setblocking(False)
            await asyncio.get_running_loop().sock_connect(small, self.address)
            async with websockets.connect(
                url, additional_headers=sent, origin=None, sock=small, close_timeout=0.5
            ) as page:
                yield page


@asynccontextmanager
async def housing(data: Path) -> AsyncIterator[House]:
    clock = SimulatedClock()
    settings = load_settings(data)
    settings.hub.password_after_code = False  # people here sign in with their codes and begin to work
    lay_out(settings)
    opened: list[HubContext] = []

    @asynccontextmanager
    async def opening() -> AsyncIterator[HubContext]:
        quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        async with open_hub(settings, clock=clock, hasher=quick) as hub:
            for name in ("gate", "yard"):
                await asyncio.to_thread(hub.register.put_camera, Camera(name, settings.site.id, name.title()))
            opened.append(hub)
            yield hub

    app = create_app(opening, rooms=(access.router, review.router))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=1, ws_per_message_deflate=False
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
        assert not serving.done(), serving.result()
    house = House(opened[0], clock, f"http://127.0.0.1:{listener.getsockname()[1]}")
    try:
        await house.open_site()
        await house.sign_in()
        yield house
    finally:
        await house.http.aclose()
        await house.close_site()
        server.should_exit = True
        await serving
        listener.close()
