"""A real hub on a real port before a site with footage in memory: timeline, and HLS that players play."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import av
import httpx
import pytest

from belvedere.foundation.clock import HOUR_US, SECOND_US
from belvedere.foundation.errors import SealBroken
from belvedere.link.channel import Channel, ChannelClosed
from belvedere.link.client import SiteLink
from hub_stage import gate
from link_stage import LAST_NIGHT_US
from review_house import House, housing


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


async def test_a_timeline_shows_what_the_others_answer_and_names_the_site_that_is_away(house: House) -> None:
    async def cut() -> Channel:
        raise ChannelClosed("away")

    hub, start = house.hub, house.archive.start_us
    await asyncio.to_thread(hub.register.put_site, "elm", "Elm House")
    await asyncio.to_thread(hub.register.put_camera, gate(id="yard", name="Yard", site="elm"))
    hub.link.learn("yard", "elm")
    hub.link.sites["elm"] = SiteLink(cut)
    span = {"from_us": start, "to_us": start + HOUR_US}
    answer = await house.get("/api/timeline", cameras="yard,gate", **span)
    assert answer.status_code == 200, answer.text
    assert [each["id"] for each in answer.json()["cameras"]] == ["gate"]
    assert answer.json()["away"] == [{"site": "elm", "name": "Elm House", "cameras": ["yard"]}]
    alone = await house.get("/api/timeline", cameras="yard", **span)
    assert alone.status_code == 502, "there is nobody else to show"


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
