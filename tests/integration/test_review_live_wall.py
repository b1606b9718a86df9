"""A real hub on a real port before a site with cameras in memory: live pictures of many tiles over one WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from belvedere.foundation.clock import HOUR_US
from link_stage import single
from review_house import House, housing


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with housing(tmp_path) as here:
        yield here


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
