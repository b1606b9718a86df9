"""Devices the whole way: a browser, the hub, the link, a real site with its device process, a simulated device."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from belvedere.demo.onvif.device import FakeDevice
from belvedere.foundation.clock import MINUTE_US, SECOND_US, SystemClock
from belvedere.policy.signed import GrantOpener
from belvedere.site.live.relay import Relay
from belvedere.site.onvif.answers import begin_devices
from belvedere.site.onvif.keeper import DeviceKeeper
from belvedere.site.onvif.store import DeviceStore
from belvedere.site.storage.keys import ConnectionSafe
from belvedere.site.uplink.server import Uplink
from hub_stage import HubStage, hub_stage, status_of
from onvif_stage import DeviceSite, fake
from recorder_stage import stage


@asynccontextmanager
async def house(tmp_path: Path) -> AsyncIterator[tuple[HubStage, DeviceSite, FakeDevice]]:
    """A hub before a site that watches one device, the camera `gate`."""
    async with hub_stage(tmp_path / "hub") as s, stage(tmp_path / "site", clock=s.clock) as made:
        s.clock.step(SystemClock().now_us() + MINUTE_US - s.clock.now_us())  # the device process lives in true time
        s.code = s.hub.users.renew_code("ann")[1]  # the first one is out of date now
        async with fake(clock=s.clock) as device:
            store = DeviceStore(made.index, ConnectionSafe(b"k" * 32), made.cameras, s.clock, 31)
            keeper = DeviceKeeper(store, made.settings.ingest_socket, s.clock)
            opener = GrantOpener(s.settings.hub_public_key_file.read_bytes(), s.clock)
            answers = await begin_devices(keeper, opener, [], s.clock)
            uplink = Uplink(made.archive, Relay(s.clock), opener, s.clock, answers)
            s.site.status = status_of()
            s.site._serve = uplink.serve  # type: ignore[method-assign]
            site = DeviceSite(keeper, answers, made.index)
            try:
                await made.put_camera("gate")
                await site.attach("gate", device.address)
                await site.watching("gate")
                yield s, site, device
            finally:
                await keeper.stop()
                await uplink.close()


async def duty(browser: httpx.AsyncClient) -> str:
    return str((await browser.post("/api/grants", json={"purpose": "duty"})).json()["id"])


async def post(browser: httpx.AsyncClient, act: str, status: int = 200, **body: Any) -> Any:
    answer = await browser.post(f"/api/devices/gate/{act}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_camera_is_moved_from_the_browser_and_the_log_says_so(tmp_path: Path) -> None:
    async with house(tmp_path) as (s, _, device), s.signed_in() as ann, s.signed_in("sue", "supervisor") as sue:
        found = (await ann.get("/api/devices/gate")).json()
        assert (found["model"], found["ptz"], found["holder"], found["mine"]) == ("Sparrow 2", True, "", False)
        hers, sues = await duty(ann), await duty(sue)
        turn: dict[str, Any] = {}
        for _ in range(3):  # a held button: one start
            turn = await post(ann, "move", grant=hers, pan=0.5, tilt=-0.25, seconds=2)
        assert (turn["holder"], turn["mine"]) == ("Ann Operator", True)
        assert turn["free_us"] == s.clock.now_us() + 10 * SECOND_US
        assert device.moves == [(0.5, -0.25, 0.0)] * 3
        await post(ann, "move", grant=hers)  # released
        assert device.moving == (0.0, 0.0, 0.0) and device.requests[-1] == "Stop"
        assert s.kinds().count("ptz.moved") == 1
        await post(ann, "move", grant=hers, zoom=1.0)
        assert s.kinds().count("ptz.moved") == 2

        seen = (await sue.get("/api/devices/gate")).json()
        assert (seen["holder"], seen["mine"]) == ("Ann Operator", False)
        taken = await post(sue, "move", grant=sues, pan=-1.0, seconds=5)  # a supervisor takes it over
        assert taken["mine"]
        said = await post(ann, "move", 403, grant=hers, pan=1.0)
        assert said["error"]["message"] == "sue is moving this camera."
        assert s.kinds()[-1] == "ptz.refused"
        assert (await post(sue, "release", grant=sues))["holder"] == ""
        assert device.moving == (0.0, 0.0, 0.0)

        names = (await ann.get("/api/devices/gate/presets", params={"grant": hers})).json()["presets"]
        assert [each["name"] for each in names] == ["Gate", "Car park"]
        await post(ann, "goto", grant=hers, preset="preset-2")
        assert device.at_preset == "preset-2"
        await post(ann, "goto", 502, grant=hers, preset="preset-9")
        kept = await post(ann, "presets", grant=hers, name="Door")
        assert kept["presets"][-1]["name"] == "Door"
        kinds = s.kinds()
        assert (kinds.count("ptz.preset"), kinds.count("ptz.kept"), kinds.count("ptz.refused")) == (2, 1, 2)


async def test_nobody_moves_or_hears_of_people_without_a_grant(tmp_path: Path) -> None:
    async with house(tmp_path) as (s, site, device), s.signed_in() as ann, s.signed_in("ida", "installer") as ida:
        assert (await s.browser().get("/api/devices")).status_code == 401
        assert (await ida.get("/api/devices")).status_code == 200
        only_live = {"purpose": "duty", "actions": ["live"]}
        watching = (await ann.post("/api/grants", json=only_live)).json()["id"]
        for grant in ("none", watching):
            await post(ann, "move", 403, grant=grant, pan=1.0)
            await post(ann, "goto", 403, grant=grant, preset="preset-1")
            await post(ann, "presets", 403, grant=grant, name="Door")
            await post(ann, "release", 403, grant=grant)
            for what in ("presets", "events"):
                assert (await ann.get(f"/api/devices/gate/{what}", params={"grant": grant})).status_code == 403
        assert device.moves == [] and "ptz.moved" not in s.kinds()
        full = await duty(ann)
        await post(ann, "move", 400, grant=full, pan=2.0)
        assert (await ann.get("/api/devices/elsewhere")).status_code == 404

        await site.until(lambda: device.events.live and device.events.pulls)
        for kind in ("motion", "tamper", "input"):
            device.events.set_state(kind, True)
        await site.until(lambda: len(site.rows("SELECT 1 FROM device_event")) == 3)
        told: list[dict[str, Any]] = []
        for _ in range(2):
            told = (await ann.get("/api/devices/gate/events", params={"grant": full})).json()["events"]
        assert sorted(each["kind"] for each in told) == ["input", "motion", "tamper"]
        assert s.kinds().count("view.events") == 1, "a page that asks again is logged once"
        told = (await ida.get("/api/devices/gate/tampers")).json()["events"]
        assert [each["kind"] for each in told] == ["tamper"]
