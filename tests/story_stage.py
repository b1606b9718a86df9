"""The whole product on this machine for tests that drive browsers: hub, site and ingest with cameras that show people.

The hub runs by four eyes on a thread of the test (so that the test can look into it), site and ingest as their own processes.
"""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import update
from starlette.types import Message, Receive, Scope, Send

from belvedere.cli.supervise import Supervisor
from belvedere.demo.rtsp.reel import Reel, make_reel
from belvedere.demo.rtsp.server import RtspServer
from belvedere.foundation.clock import HOUR_US, Clock, SystemClock
from belvedere.foundation.settings import load_settings
from belvedere.hub.app import create_app
from belvedere.hub.audit.rows import Entry
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.pages import UI_FOLDER
from belvedere.hub.serve import _listen
from belvedere.hub.storage.engine import writing
from belvedere.hub.storage.metadata import account
from belvedere.media.stream import TICKS_PER_SECOND, Codec
from hub_stage import CSRF, gate, lay_out
from masking_stage import CLOTHES, FPS, Person, shot
from theatre_stage import HubThread
from web_stage import DESK, sign_in

CAMERAS = ("court", "gate", "yard")
MAIN, SUB = (960, 540), (640, 360)
PATIENCE_MS = 120_000  # two busy cores take their time over a first picture
_PICTURES = 20
# The walker is dressed in a colour that is nowhere else, and too slim to colour a block of 40 pixels.
_LOUD = (255, 0, 255)
_PEOPLE = (Person(420, 330, 130, *CLOTHES[4]), Person(100, 240, 64, _LOUD, _LOUD, walks=6.0))
_KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
# Beside each page's own use of them: what comes over live sockets, and how often a person presses something.
WATCHED = """(() => {
    window.cameIn = [];
    window.presses = 0;
    const Native = window.WebSocket;
    window.WebSocket = class extends Native {
        constructor(...words) {
            super(...words);
            this.addEventListener("message", ({ data }) => {
                if (typeof data !== "string") window.cameIn.push([Date.now(), data.byteLength]);
            });
        }
    };
    for (const kind of ["click", "keydown"])
        document.addEventListener(kind, (event) => {
            if (event.isTrusted && (kind === "click" ? event.detail > 0 : event.key === "Enter")) window.presses += 1;
        }, true);
})()"""


@cache
def reel(width: int, height: int) -> Reel:
    """Four seconds of the yard with two people in it, one of whom walks."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.gop_size = Fraction(1, FPS), Fraction(FPS), FPS
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "26", "x264-params": "scenecut=0"}
    raw: list[tuple[bytes, int, bool]] = []
    for number in range(_PICTURES):
        planar, _ = shot(_PEOPLE, number, noise=1.0)
        bgr = cv2.resize(cv2.cvtColor(planar, cv2.COLOR_YUV2BGR_I420), (width, height))
        shown = av.VideoFrame.from_ndarray(np.asarray(bgr, np.uint8), format="bgr24").reformat(format="yuv420p")
        shown.pts, shown.time_base = number, Fraction(1, FPS)
        raw += [
            (bytes(packet), number * TICKS_PER_SECOND // FPS, packet.is_keyframe) for packet in encoder.encode(shown)
        ]
    return make_reel(Codec.H264, raw, width, height, float(FPS))


class ShiftedClock(SystemClock):
    """The host's clocks, which a test may set forward; `hurry` makes monotonic time pass faster from now on."""

    def __init__(self) -> None:
        self._ahead_us = 0
        self._rate, self._since_us, self._base_us = 1, 0, 0

    def now_us(self) -> int:
        return super().now_us() + self._ahead_us

    def monotonic_us(self) -> int:
        return self._base_us + (super().monotonic_us() - self._since_us) * self._rate

    def set_forward(self, us: int) -> None:
        self._ahead_us += us

    def hurry(self, rate: int) -> None:
        now_us, real_us = self.monotonic_us(), super().monotonic_us()
        self._rate, self._since_us, self._base_us = rate, real_us, now_us


@dataclass(slots=True)
class Sent:
    """What one page's live socket was sent: when each byte left (by the hub's clock), how wide the pictures are."""

    grant: str
    left_us: list[int] = field(default_factory=list)
    widths: set[int] = field(default_factory=set)
    closed: threading.Event = field(default_factory=threading.Event)


class Ledger:
    """Keeps what live sockets were sent."""

    def __init__(self, app: FastAPI, clock: Clock) -> None:
        self.pages: list[Sent] = []
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        page = Sent(scope["query_string"].decode().partition("grant=")[2])
        self.pages.append(page)

        async def sending(message: Message) -> None:
            await send(message)
            if message["type"] == "websocket.send" and message.get("bytes"):
                page.left_us.append(self._clock.now_us())
            elif message["type"] == "websocket.send" and '"op":"start"' in message["text"]:
                page.widths.add(json.loads(message["text"])["width"])

        try:
            await self._app(scope, receive, sending)
        finally:
            page.closed.set()

    def widths(self) -> set[int]:
        """Of all pictures that left so far."""
        return {width for page in self.pages for width in page.widths}

    def under(self, grant: str) -> list[Sent]:
        """The sockets of one access, each closed by now."""
        found = [page for page in self.pages if page.grant == grant]
        assert all(page.closed.wait(120) for page in found)
        return found


class Story(HubThread):
    """Hub, site, ingest and cameras. `site` and `hub` are settings of theirs, as lines of belvedere.toml."""

    hub: HubContext
    data: Path
    supervisor: Supervisor
    ledger: Ledger

    def __init__(self, data: Path, *, hub: str = "", site: str = "") -> None:
        data.mkdir(parents=True, exist_ok=True)
        (data / "belvedere.toml").write_text(f"[hub]\n{hub}\n[site]\nsync_ms = 200\n{site}\n")
        self.data = data
        self.clock = ShiftedClock()
        super().__init__(data)

    async def _serve(self, data: Path) -> None:
        settings = load_settings(data)
        settings.hub.access = "four_eyes"  # whatever the other tests of this process have in the environment
        settings.socket_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        async with AsyncExitStack() as stack:
            cameras = await stack.enter_async_context(RtspServer(SystemClock()))
            self.supervisor = Supervisor(SystemClock(), data / "log")
            listener = _listen("127.0.0.1", 0)
            self.url = f"http://localhost:{listener.getsockname()[1]}"
            settings.hub.origin = self.url
            try:
                lay_out(settings)
                app = create_app(lambda: open_hub(settings, clock=self.clock, hasher=quick))
                await stack.enter_async_context(app.router.lifespan_context(app))
                self.hub = app.state.hub
                words = ["--data", str(data)]
                await self._start("site", words)
                await self._start("ingest", [*words, "--slot", "0"])
                for name, north in zip(CAMERAS, (0.0, 120.0, 240.0), strict=True):
                    cameras.add(f"{name}/main", reel(*MAIN))
                    cameras.add(f"{name}/sub", reel(*SUB))
                    camera = gate(id=name, name=name.title(), bearing_deg=north)
                    await asyncio.to_thread(self.hub.register.put_camera, camera)
                    await self.hub.link.put_camera(
                        name, name.title(), cameras.url(f"{name}/main"), cameras.url(f"{name}/sub")
                    )
                await self._answer(app, listener)
            finally:
                listener.close()
                await self.supervisor.stop(["ingest", "site"])

    async def _start(self, name: str, words: list[str]) -> None:
        module = {"site": "belvedere.site.serve", "ingest": "belvedere.site.ingest.serve"}[name]
        await self.supervisor.start(name, module, words, ready_within_s=240.0, bare=name == "ingest")

    async def _answer(self, app: FastAPI, listener: socket.socket) -> None:
        """Serve until the end."""
        self.ledger = Ledger(app, self.clock)
        config = uvicorn.Config(
            self.ledger, lifespan="off", log_config=None, timeout_graceful_shutdown=1, ws_per_message_deflate=False
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve([listener]))  # without the signal handlers of `serve`
        try:
            await self._until_closed()
        finally:
            server.should_exit = True
            await serving

    def do(self, work: Callable[[], Any]) -> Any:
        """What `work()` gives, awaited on the hub's loop."""
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(120)

    def once(self, kind: str, fits: Callable[[Entry], bool]) -> Entry:
        """The entry of the log that fits; waits for it."""

        async def wait() -> Entry:
            while True:
                for entry in self.hub.audit.entries(limit=1000):
                    if entry.kind == kind and fits(entry):
                        return entry
                await asyncio.sleep(0.1)

        found: Entry = self.do(wait)
        return found

    def fit(self, name: str, team: str) -> None:
        """An account is trained, and of a team."""
        with writing(self.hub.engine) as connection:
            values = {"team": team, "trained_us": self.clock.now_us() - HOUR_US}
            connection.execute(update(account).where(account.c.name == name).values(**values))

    def entries(self, *kinds: str) -> list[Entry]:
        """Entries of the log of these kinds, oldest first."""
        return [each for each in reversed(self.hub.audit.entries(limit=1000)) if each.kind in kinds]


def story(data: Path, **settings: str) -> Story:
    """A story on stage; skips, saying how to build the pages, where there are none."""
    if not (UI_FOLDER / "index.html").is_file():
        pytest.skip("the control room is not built, so it was NOT tested (python3 run.py builds it)")
    expect.set_options(timeout=PATIENCE_MS)
    return Story(data, **settings)


@contextmanager
def person(browser: Browser, stage: Story, name: str, role: str, team: str, address: str = "/access") -> Iterator[Page]:
    """Somebody new and trained, signed in with a passkey of their own, on a page; fails at the end if the page raised."""
    _, code = stage.hub.users.create(name, role, name.title())
    stage.fit(name, team)
    context = browser.new_context(
        viewport={"width": DESK[0], "height": DESK[1]}, locale="en-GB", reduced_motion="reduce", bypass_csp=True
    )
    wrong: list[str] = []
    try:
        page = _page(context, wrong)
        page.goto(stage.url + address)
        sign_in(page, name, code)
        page.get_by_role("button", name="Add a passkey").click()
        page.get_by_test_id("account").wait_for()
        yield page
        assert wrong == [], "the page raised"
    finally:
        context.close()


def _page(context: BrowserContext, wrong: list[str]) -> Page:
    context.add_init_script(WATCHED)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    cdp = context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    cdp.send("WebAuthn.addVirtualAuthenticator", {"options": _KEY})
    return page


def typed(page: Page, us: int) -> str:
    """A moment as a person would type it: the clock on the wall in London."""
    words = page.evaluate(
        """us => new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/London", dateStyle: "short", timeStyle: "medium" })
            .format(us / 1000)""",
        us,
    )
    return str(words)


def said(page: Page, stage: Story, method: str, path: str, body: Any = None) -> Any:
    """What the hub answers the person on `page`, asked beside the page."""
    csrf = page.request.get(f"{stage.url}/api/session").json()["csrf"]
    answer = page.request.fetch(stage.url + path, method=method, data=body, headers={CSRF: csrf})
    assert answer.ok, answer.text()
    return answer.json()


def live(page: Page, *cameras: str, width: int) -> None:
    """Wait until frames of these cameras, so many pixels wide, are decoded and shown."""
    page.wait_for_function(
        """([cameras, width]) => {
            const shown = window.belvedereLive?.report() ?? [];
            return cameras.every((camera) =>
                shown.some((one) => one.camera === camera && one.phase === "live" && one.frames > 2 && one.width === width));
        }""",
        arg=[list(cameras), width],
    )


def loud(page: Page, camera: str) -> int:
    """How many pixels on screen have the colour that only the walker wears: hundreds, or none where people are hidden."""
    found: int = page.evaluate(
        """(camera) => {
            const video = document.querySelector(`[data-testid$="-${camera}"]:not([style*="none"] *) video`);
            const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight), paper = canvas.getContext("2d");
            paper.drawImage(video, 0, 0);
            const { data } = paper.getImageData(0, 0, canvas.width, canvas.height);
            let found = 0;
            for (let at = 0; at < data.length; at += 4)
                if (data[at] > 180 && data[at + 1] < 90 && data[at + 2] > 180) found += 1;
            return found;
        }""",
        camera,
    )
    return found
