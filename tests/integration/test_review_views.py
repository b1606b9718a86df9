"""From when to when each camera was watched stands in the log, and why that ended: a real hub before a site in memory."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from belvedere.foundation.clock import HOUR_US, SECOND_US
from belvedere.hub.audit.words import summary
from belvedere.hub.review.openings import IDLE_US
from belvedere.hub.review.views import ViewBook
from belvedere.link.messages import Piece
from belvedere.policy.grant import Action
from review_house import House, housing

PATIENCE_S = 60


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    # The hub looks after left-alone pages by the host's time: on a slow machine in the middle of a test that moved its own clock.
    monkeypatch.setattr("belvedere.hub.review.views.SWEEP_S", 3600.0)
    async with housing(tmp_path) as here:
        yield here


async def ended(house: House, count: int) -> list[dict[str, Any]]:
    """The ends in the log, the oldest first, once there are so many."""
    async with asyncio.timeout(PATIENCE_S):
        while len(found := house.logged("view.ended")) < count:
            await asyncio.sleep(0.01)
    assert len(found) == count
    return found


async def begun(house: House, count: int) -> list[int]:
    """The log's entries that opened live pictures, once there are so many."""
    async with asyncio.timeout(PATIENCE_S):
        while len(house.logged("view.live")) < count:
            await asyncio.sleep(0.01)
    return [entry.index for entry in reversed(house.hub.audit.entries(actor=house.user)) if entry.kind == "view.live"]


def play(tile: int, camera: str) -> str:
    return json.dumps({"op": "play", "tile": tile, "camera": camera})


async def test_a_live_look_ends_with_its_tile_and_with_its_page(house: House) -> None:
    async with house.live() as page:
        await page.send(play(1, "gate"))
        await begun(house, 1)
        house.clock.advance(70 * SECOND_US)
        await page.send(play(1, "yard"))
        changed = (await ended(house, 1))[0]
        await begun(house, 2)
        await page.send(json.dumps({"op": "stop", "tile": 1}))
        await ended(house, 2)
        await page.send(play(2, "gate"))
        opened = await begun(house, 3)
    ends = await ended(house, 3)
    assert [(each["camera"], each["why"], each["first"], each["last"]) for each in ends] == [
        ("gate", "closed", opened[0], opened[0]),
        ("yard", "closed", opened[1], opened[1]),
        ("gate", "closed", opened[2], opened[2]),
    ]
    assert changed["until_us"] - changed["opened_us"] == 70 * SECOND_US
    assert summary("view.ended", changed) == "Stopped watching camera gate, after 1 min 10 s: closed by the viewer"
    assert changed["grant"] == house.grant and changed["of"] == "live" and changed["stream"] == "sub"


async def test_what_else_ends_a_live_look(house: House) -> None:
    ends = []
    short = await house.ask("duty")
    async with house.live(short) as page:
        await page.send(play(1, "gate"))
        await begun(house, 1)
        await house.http.delete(f"/api/grants/{short}")
        ends.append((await ended(house, 1))[-1])
    async with house.live() as page:
        await page.send(play(1, "gate"))
        await begun(house, 2)
        page.transport.abort()  # as when a cable is pulled
        ends.append((await ended(house, 2))[-1])
    async with house.live() as page:
        await page.send(play(1, "gate"))
        await begun(house, 3)
        await page.send("nonsense")
        ends.append((await ended(house, 3))[-1])
    async with house.live() as page:
        await page.send(play(1, "gate"))
        await begun(house, 4)
        async with asyncio.timeout(PATIENCE_S):
            assert json.loads(await page.recv())["op"] == "state"  # the site shows it
        await house.hub.link.remove_camera("gate")
        ends.append((await ended(house, 4))[-1])
    async with house.live() as page:
        await page.send(play(1, "yard"))
        await begun(house, 5)
        await house.http.delete("/api/session")
        ends.append((await ended(house, 5))[-1])
    assert [each["why"] for each in ends[:4]] == ["access_ended", "lost", "refused", "camera_off"]
    assert ends[4]["why"] in ("signed_out", "access_ended")  # signing out ends the shift's access too


async def test_a_look_at_recordings_ends_when_nothing_more_is_asked_for(house: House) -> None:
    await house.get("/api/play/gate/main.m3u8", **house.span)
    first = await piece(house, 0)
    house.clock.advance(30 * SECOND_US)
    last = await piece(house, 1)
    last_us = house.clock.now_us()
    house.clock.advance(IDLE_US)
    await house.hub.views.sweep()
    assert house.logged("view.ended") == []
    house.clock.advance(1)
    await house.hub.views.sweep()
    end = (await ended(house, 1))[0]
    assert end["of"] == "playback" and end["why"] == "idle" and end["until_us"] == last_us
    assert (end["start_us"], end["end_us"]) == (first.start_us, last.start_us + last.duration_us)
    assert summary("view.ended", end).endswith("after 30 s: nothing more was asked for")
    await piece(house, 1)  # who comes back is logged again
    assert len(house.logged("view.playback")) == 2
    await house.http.delete(f"/api/grants/{house.grant}")
    await house.hub.views.sweep()
    assert (await ended(house, 2))[1]["why"] == "access_ended"


async def piece(house: House, number: int) -> Piece:
    """Read a piece of the playlist."""
    playlist = (await house.hub.link.playlist(await wire(house), "gate", "main", *house.span.values())).pieces
    one = playlist[number]
    got = await house.get(
        f"/api/play/gate/main/{one.segment}.m4s", headers={"Range": f"bytes={one.start}-{one.end - 1}"}
    )
    assert got.status_code == 206
    return one


async def wire(house: House) -> bytes:
    user = await asyncio.to_thread(house.hub.users.find, "ann")
    assert user is not None
    found = await house.hub.grants.live(user)
    return (await house.hub.grants.use(user, found[0].id, Action.LIVE, ())).wire


async def test_a_killed_hub_is_told_of_at_the_next_start(house: House) -> None:
    async with house.live() as page:
        await page.send(play(1, "gate"))
        await begun(house, 1)  # else either may come first in the log
        await page.send(play(2, "yard"))
        opened = await begun(house, 2)
        await house.get("/api/play/gate/main.m3u8", **house.span)
        await piece(house, 0)
        house.clock.advance(3 * HOUR_US)
        # What another hub finds that starts on this log now, as if this one were gone.
        other = ViewBook(house.hub.engine, house.clock, house.hub.audit)
        await other.start()
        await other.stop()
        found = house.logged("view.ended")
        assert [(each["of"], each["camera"], each["why"], each["until_us"]) for each in found] == [
            ("live", "gate", "hub_stopped", None),
            ("live", "yard", "hub_stopped", None),
            ("playback", "gate", "hub_stopped", None),
        ]
        assert [each["first"] for each in found[:2]] == opened
        assert {each["latest_us"] for each in found} == {house.clock.now_us()}
        assert summary("view.ended", found[0]) == "Stopped watching camera gate: the hub stopped"
        again = ViewBook(house.hub.engine, house.clock, house.hub.audit)
        await again.start()
        await again.stop()
        assert len(house.logged("view.ended")) == 3
    assert [each["why"] for each in (await ended(house, 5))[3:]] == ["closed", "closed"]


async def test_a_log_that_refuses_keeps_no_page_and_is_made_good_at_the_next_start(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise OSError("no room")

    async with house.live() as page:
        await page.send(play(1, "gate"))
        await begun(house, 1)
        with monkeypatch.context() as broken:
            broken.setattr(house.hub.audit, "append", full)
            await page.send(json.dumps({"op": "stop", "tile": 1}))
            async with asyncio.timeout(PATIENCE_S):
                while not house.hub.views.unwritten:
                    await asyncio.sleep(0.01)
    assert house.logged("view.ended") == []
    other = ViewBook(house.hub.engine, house.clock, house.hub.audit)
    await other.start()
    await other.stop()
    assert [each["why"] for each in house.logged("view.ended")] == ["hub_stopped"]
