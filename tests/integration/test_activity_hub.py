"""Activity the whole way: recorder, site, link, hub, HTTP; who asked stands in the log, and nobody gets it without a grant."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from activity_stage import bring_in, cut, film, pictures
from belvedere.foundation.clock import HOUR_US, SECOND_US
from belvedere.policy.signed import GrantOpener
from belvedere.site.activity.room import ActivityRoom
from belvedere.site.live.relay import Relay
from belvedere.site.uplink.server import Uplink
from hub_stage import HubStage, gate, hub_stage, status_of
from recorder_stage import Stage, stage


@asynccontextmanager
async def house(tmp_path: Path) -> AsyncIterator[tuple[HubStage, Stage, ActivityRoom]]:
    """A hub before a site with a recorder; activity runs as the site's process runs it."""
    async with hub_stage(tmp_path / "hub") as s, stage(tmp_path / "site", clock=s.clock) as site:
        s.hub.register.put_camera(gate(id="cam-01", name="Door"))
        await site.put_camera()
        room = ActivityRoom(site.index, site.clock, 15)
        opener = GrantOpener(s.settings.hub_public_key_file.read_bytes(), s.clock)
        answers = room.start(site.recorder, site.archive, opener)
        uplink = Uplink(site.archive, Relay(s.clock), opener, s.clock, answers)
        s.site.status = status_of()
        s.site._serve = uplink.serve  # type: ignore[method-assign]
        try:
            yield s, site, room
        finally:
            await asyncio.to_thread(room.stop)
            await uplink.close()


async def ask(browser: httpx.AsyncClient, path: str, **query: Any) -> httpx.Response:
    return await browser.get(path, params=query)


async def test_from_the_recorder_to_the_browser(tmp_path: Path) -> None:
    config, frames = film(pictures(40, [(20, 26)]))
    async with house(tmp_path) as (s, site, _), s.signed_in() as browser:
        start_us = (s.clock.now_us() // SECOND_US - 7200) * SECOND_US
        await bring_in(site, config, cut(frames, start_us), start_us, "main")
        span = {"from_us": start_us, "to_us": start_us + 40 * SECOND_US}
        grant = (await browser.post("/api/grants", json={"purpose": "duty"})).json()["id"]
        answer = await ask(browser, "/api/activity", grant=grant, cameras="cam-01", buckets=20, **span)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["from_us"], body["to_us"]) == (span["from_us"], span["to_us"])
        (strip,) = body["cameras"]
        assert (strip["id"], strip["stream"], strip["checked"]) == ("cam-01", "main", [0] * 20)
        assert min(strip["values"][10:13]) > 3 * max(strip["values"][1:9])  # an encoder takes a second to settle
        assert strip["rate_control"] == "unclear"
        moved = await ask(browser, "/api/activity/moved", grant=grant, camera="cam-01", **span)
        assert moved.json()["answer"] == "yes", moved.text
        assert "keyframes compared" in moved.json()["method"]
        again = (await ask(browser, "/api/activity", grant=grant, cameras="cam-01", buckets=20, **span)).json()
        assert min(again["cameras"][0]["checked"][:18]) == 255
        kinds = s.kinds()
        assert (kinds.count("view.activity"), kinds.count("view.movement")) == (1, 1), (
            "a strip once, a question each time"
        )


async def test_what_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path) as (s, _, _), s.signed_in() as browser:
        now_us = s.clock.now_us()
        span = {"from_us": now_us - HOUR_US, "to_us": now_us}
        for path in ("/api/activity", "/api/activity/moved"):
            query = {"camera": "cam-01", "cameras": "cam-01", **span}
            assert (await ask(s.browser(), path, grant="none", **query)).status_code == 401
            assert (await ask(browser, path, grant="none", **query)).status_code == 403
        grant = (await browser.post("/api/grants", json={"purpose": "duty"})).json()["id"]
        for query, status in (
            ({"cameras": "elsewhere", **span}, 403),
            ({"cameras": "", **span}, 400),
            ({"cameras": "cam-01", "from_us": now_us, "to_us": now_us - 1}, 400),
            ({"cameras": "cam-01", "from_us": now_us - 33 * 24 * HOUR_US, "to_us": now_us}, 400),
        ):
            assert (await ask(browser, "/api/activity", grant=grant, **query)).status_code == status, query
        assert "view.activity" not in s.kinds()
