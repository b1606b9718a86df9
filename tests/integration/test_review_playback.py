"""A real hub on a real port before a site with footage in memory: timeline, HLS that players play, live pictures."""

import asyncio
import json
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
import uvicorn
import websockets
from argon2 import PasswordHasher
from websockets.asyncio.client import ClientConnection

from belvedere.foundation.clock import HOUR_US, SECOND_US, SimulatedClock
from belvedere.foundation.errors import SealBroken
from belvedere.foundation.settings import load_settings
from belvedere.hub.access import routes as access
from belvedere.hub.app import create_app
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.register.cameras import Camera
from belvedere.hub.review import routes as review
from belvedere.policy.signed import GrantOpener
from belvedere.site.live.relay import Relay
from belvedere.site.uplink.server import LinkServer, serve_link
from link_stage import LAST_NIGHT_US, ShelfArchive, film, single


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


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with housing(tmp_path) as here:
        yield here


async def test_the_timeline_shows_runs_and_gaps(house: House) -> None:
    start = house.archive.start_us
    answer = await house.get("/api/timeline", cameras="gate,yard", from_us=start - SECOND_US, to_us=start + HOUR_US)
    assert answer.status_code == 200, answer.text
    gate, yard = answer.json()["cameras"]
    assert [(each["start_us"], each["growing"]) for each in gate["runs"]] == [(start, False)]
    assert [each["reason"] for each in gate["gaps"]] == ["not_recorded", "camera_closed"]
    assert gate["gaps"][1]["end_us"] == house.clock.now_us()
    assert yard["runs"] == [] and len(yard["gaps"]) == 1
    cut = await house.get("/api/timeline", cameras="gate", from_us=0, to_us=start + 400 * HOUR_US)
    assert cut.status_code == 400
    day = await house.get("/api/timeline", cameras="gate", from_us=start, to_us=start + 24 * HOUR_US)
    assert day.json()["to_us"] == start + LAST_NIGHT_US + 8 * HOUR_US  # the grant ends with the shift


async def test_a_playlist_is_read_by_a_player(house: House) -> None:
    answer = await house.get("/api/play/gate/sub.m3u8", **house.span)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"].startswith("application/vnd.apple.mpegurl")
    address = str(answer.request.url)
    options = {"headers": f"Cookie: {house.cookie}\r\n", "allowed_extensions": "ALL", "extension_picky": "0"}

    def play() -> list[int]:
        with av.open(address, options=options) as player:
            return [round(frame.time * 10) for frame in player.decode(video=0) if frame.time is not None]

    shown = await asyncio.to_thread(play)
    assert [each - shown[0] for each in shown] == list(range(40))
    assert house.logged("view.playback") == [
        {
            "grant": house.grant,
            "camera": "gate",
            "stream": "sub",
            "start_us": house.archive.start_us,
            "end_us": house.archive.start_us + 4 * SECOND_US,
        }
    ]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="Debian's ffmpeg is not installed")
async def test_ffmpeg_plays_it_too(house: House) -> None:
    answer = await house.get("/api/play/gate/main.m3u8", **house.span)
    command = ["ffmpeg", "-v", "error", "-headers", f"Cookie: {house.cookie}\r\n", "-i", str(answer.request.url)]
    command += ["-f", "framemd5", "-"]

    def play() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    done = await asyncio.to_thread(play)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert len([line for line in done.stdout.splitlines() if not line.startswith("#")]) == 40


async def test_bytes_are_those_that_were_sealed(house: House) -> None:
    fragments = house.film.fragments()
    whole = b"".join(fragment.data for fragment in fragments[:4])
    await house.get("/api/play/gate/main.m3u8", **house.span)
    answer = await house.get("/api/play/gate/main/1.m4s", headers={"Range": f"bytes=10-{len(whole) - 1}"})
    assert answer.status_code == 206
    assert answer.content == whole[10:]
    assert answer.headers["content-range"] == f"bytes 10-{len(whole) - 1}/*"
    init = await house.get(f"/api/play/gate/main/init/{house.film.config.config_id}.mp4")
    assert init.content == house.film.config.init
    assert len(house.logged("view.playback")) == 1


async def test_each_opening_is_logged_once_and_nothing_is_read_unlogged(house: House) -> None:
    house.archive.growing = True
    span = {"from_us": house.archive.start_us, "to_us": house.archive.start_us + HOUR_US}
    for _ in range(3):  # a growing playlist is loaded again and again
        answer = await house.get("/api/play/gate/main.m3u8", **span)
        assert "EVENT" in answer.text
    assert len(house.logged("view.playback")) == 1
    for _ in range(2):
        await house.get("/api/play/gate/sub/2.m4s", headers={"Range": "bytes=0-99"})  # without a playlist
    assert house.logged("view.playback")[1:] == [
        {"grant": house.grant, "camera": "gate", "stream": "sub", "segment": 2, "bytes": [0, 100]}
    ]


async def test_what_playback_refuses(house: House) -> None:
    start = house.archive.start_us
    ranged = {"Range": "bytes=0-99"}
    refusals: Sequence[tuple[str, dict[str, Any], int]] = [
        ("/api/play/gate/main.m3u8", {**house.span, "grant": "grant_other"}, 403),
        ("/api/play/cellar/main.m3u8", house.span, 403),
        ("/api/play/gate/main.m3u8", {"from_us": start - 40 * 24 * HOUR_US, "to_us": start - 39 * 24 * HOUR_US}, 403),
        ("/api/play/gate/main.m3u8", {"from_us": start, "to_us": start}, 400),
        ("/api/play/gate/main.m3u8", {"from_us": start, "to_us": 1 << 70}, 400),
        ("/api/play/gate/main.m3u8", {"from_us": start - HOUR_US, "to_us": start - 1}, 404),
        ("/api/play/gate/third.m3u8", house.span, 400),
        ("/api/play/gate/main/1.m4s", {"headers": ranged, "grant": "grant_other"}, 403),
        ("/api/play/cellar/main/1.m4s", {"headers": ranged}, 403),
        ("/api/play/gate/main/99.m4s", {"headers": ranged}, 404),
        ("/api/play/gate/main/1.m4s", {}, 400),
        ("/api/play/gate/main/init/none.mp4", {}, 404),
        ("/api/timeline", {"cameras": "cellar", **house.span}, 403),
        ("/api/timeline", {"cameras": ",", **house.span}, 400),
    ]
    for path, query, status in refusals:
        answer = await house.get(path, **query)
        assert answer.status_code == status, (path, query, answer.text)
        error = answer.json()["error"]
        assert error["message"] and error["advice"]
    assert len(house.logged("view.refused")) == sum(status == 403 for _, _, status in refusals)
    assert house.logged("view.playback") == []
    async with httpx.AsyncClient(base_url=house.url) as stranger:
        answer = await stranger.get("/api/play/gate/main.m3u8", params={"grant": house.grant, **house.span})
        assert answer.status_code == 401


async def test_sealed_bytes_that_do_not_open_are_never_sent(house: House) -> None:
    def broken(call: str) -> None:
        if call == "part":
            raise SealBroken("These bytes were altered.", advice="Run `belvedere site check`.")

    house.archive.fault = broken
    answer = await house.get("/api/play/gate/main/1.m4s", headers={"Range": "bytes=0-99"})
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "seal_broken"


async def test_a_site_that_is_away_is_said_so(house: House) -> None:
    await house.close_site()
    answer = await house.get("/api/timeline", cameras="gate", **house.span)
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "site_away"


async def test_a_grant_that_was_ended_opens_nothing(house: House) -> None:
    await house.get("/api/play/gate/main.m3u8", **house.span)
    await house.http.delete(f"/api/grants/{house.grant}")
    answer = await house.get("/api/play/gate/main/1.m4s", headers={"Range": "bytes=0-99"})
    assert answer.status_code == 403


def order(op: str, tile: int, **more: str) -> str:
    return json.dumps({"op": op, "tile": tile, **more})


async def hear(socket_: ClientConnection, op: str) -> dict[str, Any]:
    """The next text message of one kind; others and pictures are passed over."""
    async with asyncio.timeout(10):
        while True:
            message = await socket_.recv()
            if isinstance(message, str) and (found := json.loads(message))["op"] == op:
                assert isinstance(found, dict)
                return found


async def picture(socket_: ClientConnection) -> bytes:
    async with asyncio.timeout(10):
        while True:
            message = await socket_.recv()
            if isinstance(message, bytes):
                return message


async def test_live_pictures_of_two_tiles_over_one_socket(house: House) -> None:
    fragments = house.film.fragments()
    for camera in ("gate", "yard"):
        house.relay.state(camera, "sub", "recording", "")
        house.relay.config(camera, "sub", house.film.config)
        house.relay.fragment(camera, "sub", fragments[0])
    async with house.live() as page:
        for tile, camera in ((1, "gate"), (2, "yard")):
            await page.send(order("play", tile, camera=camera, stream="sub"))
        got: dict[int, list[bytes]] = {1: [], 2: []}
        starts: list[int] = []
        while any(len(parts) < 2 for parts in got.values()):
            async with asyncio.timeout(10):
                message = await page.recv()
            if isinstance(message, str):
                said = json.loads(message)
                if said["op"] == "start":
                    starts.append(said["tile"])
                    assert said["codec_string"] == house.film.config.codec_string
            else:
                got[int.from_bytes(message[:2], "big")].append(message)
        assert sorted(starts) == [1, 2]
        for parts in got.values():
            assert parts[0][2] == 1 and parts[0][16:] == house.film.config.init
            assert parts[1][2] == 2 and parts[1][16:] == fragments[0].data
        frame = house.film.frames[5]
        house.relay.frame("gate", "sub", frame.keyframe, 123, single(frame))
        message = await picture(page)
        assert message[:3] == b"\0\1\0" and int.from_bytes(message[8:16], "big") == 123
        assert message[16:] == single(frame)
        house.relay.state("yard", "sub", "waiting", "The camera sends nothing.")
        said = await hear(page, "state")
        assert said == {"op": "state", "tile": 2, "state": "waiting", "message": "The camera sends nothing."}
        await page.send(order("stop", 1))
        await page.send(order("play", 2, camera="gate", stream="main"))
        assert (await hear(page, "state"))["tile"] == 2
    assert [(each["camera"], each["stream"]) for each in house.logged("view.live")] in (
        [("gate", "sub"), ("yard", "sub"), ("gate", "main")],
        [("yard", "sub"), ("gate", "sub"), ("gate", "main")],
    )
    async with asyncio.timeout(5):
        while house.relay.viewers:
            await asyncio.sleep(0.01)


async def test_a_camera_outside_the_grant_is_refused_in_its_tile_only(house: House) -> None:
    async with house.live() as page:
        await page.send(order("play", 1, camera="cellar"))
        said = await hear(page, "error")
        assert said["tile"] == 1 and said["code"] == "refused" and said["advice"]
        await page.send(order("play", 2, camera="gate"))
        assert (await hear(page, "state"))["tile"] == 2
    assert [each["camera"] for each in house.logged("view.live")] == ["gate"]
    assert [each["cameras"] for each in house.logged("view.refused")] == [["cellar"]]


async def closed_with(page: ClientConnection) -> int:
    async with asyncio.timeout(10):
        await page.wait_closed()
    assert page.close_code is not None
    return page.close_code


async def test_the_end_of_the_grant_ends_the_pictures(house: House) -> None:
    short = await house.ask("duty")
    async with house.live(short) as page:
        await page.send(order("play", 1, camera="gate"))
        await hear(page, "state")
        await house.http.delete(f"/api/grants/{short}")
        assert (await hear(page, "grant_ended"))["message"]
        assert await closed_with(page) == 4403
    async with house.live() as page:
        await page.send(order("play", 1, camera="gate"))
        await hear(page, "state")
        house.clock.advance(8 * HOUR_US)  # the shift is over, and the session
        assert (await hear(page, "grant_ended"))["message"]
        assert await closed_with(page) in (4401, 4403)


async def test_signing_out_ends_the_pictures(house: House) -> None:
    async with house.live() as page:
        await page.send(order("play", 1, camera="gate"))
        await hear(page, "state")
        await house.http.delete("/api/session")
        await hear(page, "grant_ended")
        assert await closed_with(page) in (4401, 4403)


async def test_who_gets_no_socket(house: House) -> None:
    async with house.live(Origin="http://evil.example") as page:
        assert (await hear(page, "error"))["code"] == "refused"
        assert await closed_with(page) == 4403
    async with house.live(Cookie="") as page:
        assert await closed_with(page) == 4401
    async with house.live("grant_other") as page:
        assert await closed_with(page) == 4403


async def test_a_page_that_talks_nonsense_is_hung_up_on(house: House) -> None:
    for nonsense in ("", "{", '{"op":"shout"}', b"\xff\xfe"):
        async with house.live() as page:
            await page.send(nonsense)
            said = await hear(page, "error")
            assert said["code"] == "bad_input"
            assert await closed_with(page) == 4500


async def test_a_page_shows_so_many_tiles(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.hub.review.live.MOST_TILES", 2)
    async with house.live() as page:
        for tile in (1, 2, 2, 1):
            await page.send(order("play", tile, camera="gate"))
        await page.send(order("play", 3, camera="gate"))
        assert "2 live tiles" in (await hear(page, "error"))["message"]


async def test_a_site_that_comes_back_is_looked_at_again(house: House) -> None:
    await house.close_site()
    async with house.live() as page:
        await page.send(order("play", 1, camera="gate"))
        assert (await hear(page, "state"))["state"] == "unknown"
        await house.open_site()
        assert (await hear(page, "state"))["state"] == "connecting"
        await house.hub.link.remove_camera("gate")
        assert (await hear(page, "state"))["state"] == "off"
    assert len(house.logged("view.live")) == 1


async def test_a_page_that_does_not_read_is_skipped_to_a_keyframe(house: House) -> None:
    house.relay.config("gate", "main", house.film.config)
    async with house.live() as page:
        await page.send(order("play", 1, camera="gate", stream="main"))
        await hear(page, "start")
        page.transport.pause_reading()
        frames = house.film.frames
        for number in range(151):  # 30 MB: more than the sockets and the two backlogs hold
            frame = frames[0 if number % 10 == 0 else 1]
            moved = type(frame)(bytes(200_000), number * 9000, 0, frame.keyframe, number)
            house.relay.frame("gate", "main", moved.keyframe, number, single(moved))
            await asyncio.sleep(0.001)
        page.transport.resume_reading()
        said = await hear(page, "skipped")
        assert said["tile"] == 1 and said["frames"] > 0
        assert (await picture(page))[2] == 2
