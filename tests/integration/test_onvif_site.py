"""A site with ONVIF devices: the real device process, a real recorder, every answer of the link."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from belvedere.demo.onvif.archive import ReplayServer
from belvedere.demo.onvif.device import Stored
from belvedere.demo.onvif.discovery import hear
from belvedere.demo.onvif.faults import DeviceFaults
from belvedere.foundation.clock import HOUR_US, MINUTE_US, SECOND_US, SystemClock
from belvedere.foundation.errors import BadInput, CameraFault, Conflict, NotFound, Refused
from belvedere.link import devices as d
from belvedere.link.messages import Answer
from belvedere.policy.grant import Action
from link_stage import grant_for
from onvif_stage import PASSWORD, device_site, fake, reel
from recorder_stage import stage

ERROR_US = -42 * SECOND_US


async def test_clock_and_events_reach_the_index(tmp_path: Path) -> None:
    async with (
        stage(tmp_path) as made,
        fake(DeviceFaults(clock_error_us=ERROR_US)) as device,
        device_site(made, grants=(grant_for(made.clock, "gate", grant_id="grant_1"),)) as site,
    ):
        await made.put_camera("gate")
        with pytest.raises(NotFound):
            await site.attach("nowhere", device.address)
        await site.attach("gate", device.address)
        state = await site.watching("gate")
        assert (state.model, state.ptz, state.events, state.archive) == ("Sparrow 2", True, True, True)
        assert state.clock_error_us is not None
        assert abs(state.clock_error_us - ERROR_US) <= state.clock_uncertainty_us + 100_000
        status = made.archive.status().cameras[0].streams[0]
        assert (status.clock_error_us, status.clock_source) == (state.clock_error_us, "onvif")
        (feed,) = [feed for feed in made.recorder.feeds.values() if feed.ref.kind == "main"]
        made.recorder._clock_seen(feed, 5)
        made.recorder.device_clock("gate", made.clock.now_us() + MINUTE_US, 7)
        assert (feed.status().clock_error_us, feed.status().clock_source) == (5, "rtcp"), "finer, and fresh"
        made.recorder.device_clock("gate", made.clock.now_us() + 3 * MINUTE_US, 7)
        assert (feed.status().clock_error_us, feed.status().clock_source) == (7, "onvif"), "the newer"
        await site.until(lambda: device.events.live and device.events.pulls)
        device.events.set_state("motion", True)
        await site.until(lambda: site.rows("SELECT 1 FROM device_event"))
        device.events.set_state("motion", False)
        device.events.set_state("tamper", True)
        device.events.set_state("input", True)
        await site.until(lambda: len(site.rows("SELECT 1 FROM device_event")) == 4)
        now_us = made.clock.now_us()
        told = await site.ask(d.GetDeviceEvents(("gate",), 0, now_us + 1), d.DeviceEvents)
        assert [(e.kind, e.active) for e in told.events] == [("tamper", True)], "without a grant nothing about people"
        with pytest.raises(Refused):
            await site.ask(d.GetDeviceEvents(("gate",), 0, now_us + 1, b"forged"), d.DeviceEvents)
        span = (now_us - HOUR_US, now_us)
        told = await site.ask(d.GetDeviceEvents(("gate",), *span, b"grant_1", newest=True), d.DeviceEvents)
        assert [(e.kind, e.active) for e in told.events] == [
            ("motion", True),
            ("motion", False),
            ("tamper", True),
            ("input", True),
        ]
        for event in told.events:
            assert event.camera_us is not None and abs(event.camera_us - ERROR_US - event.arrival_us) < 5 * SECOND_US
        rows = site.rows(
            "SELECT c.error_us, u.uncertainty_us FROM clock_error c JOIN clock_uncertainty u USING (stream_id, seen_us)"
        )
        assert rows and abs(rows[0][0] - ERROR_US) <= rows[0][1] + 100_000
        (sealed,) = site.rows("SELECT connection FROM device")
        assert PASSWORD.encode() not in sealed[0] and b"127.0.0.1" not in sealed[0]
        with pytest.raises(BadInput):
            await site.ask(d.GetDeviceEvents(("gate",), 5, 5), d.DeviceEvents)
        await site.ask(d.PutDevice("gate", "", "", ""), Answer)
        assert site.keeper.states().devices == ()


async def test_a_wrong_password_is_shown_and_a_dead_process_comes_back(tmp_path: Path) -> None:
    async with stage(tmp_path) as made, fake() as device, device_site(made) as site:
        await made.put_camera("gate")
        await site.attach("gate", device.address, "wrong")
        await site.until(lambda: site.state("gate").state == "denied")
        assert "password" in site.state("gate").message
        await site.attach("gate", device.address)  # corrected: tried at once
        await site.watching("gate")
        await site.until(lambda: device.events.made)
        process, made_before = site.keeper._process, device.events.made
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        await site.until(lambda: device.events.made > made_before)
        assert site.keeper.restarts == 1 and site.keeper._process is not process


async def test_a_camera_is_moved_by_one_person_at_a_time_and_always_stopped(tmp_path: Path) -> None:
    clock = SystemClock()
    ann = grant_for(clock, "gate", user_id="user_1", grant_id="grant_1")
    bob = grant_for(clock, "gate", user_id="user_2", grant_id="grant_2")
    watcher = grant_for(clock, "gate", actions=frozenset({Action.LIVE}), user_id="user_3", grant_id="grant_3")
    faults = DeviceFaults(no_stop=True)
    async with stage(tmp_path) as made, fake(faults) as device, device_site(made, grants=(ann, bob, watcher)) as site:
        await made.put_camera("gate")
        await site.attach("gate", device.address)
        await site.watching("gate")

        def move(grant: str, priority: int, pan: float = 0.5, seconds: int = 1) -> d.MoveCamera:
            return d.MoveCamera(grant.encode(), "gate", priority, pan, -0.25, 0.0, seconds)

        assert (await site.ask(move("grant_1", 10), d.Turn)).holder == "Ann Operator"
        assert device.moves == [(0.5, -0.25, 0.0)]
        # The camera ignores how long it is to move: the device process stops it.
        await site.until(lambda: device.moving == (0.0, 0.0, 0.0))
        assert device.requests[-1] == "Stop"
        for grant in ("grant_2", "grant_3", "forged"):
            with pytest.raises(Refused):
                await site.ask(move(grant, 10), d.Turn)
        with pytest.raises(BadInput):
            await site.ask(move("grant_1", 10, pan=1.5), d.Turn)
        await site.ask(move("grant_2", 20, seconds=5), d.Turn)  # a higher rank
        with pytest.raises(Refused):
            await site.ask(move("grant_1", 10), d.Turn)
        assert (await site.ask(d.GiveBackCamera(b"grant_2", "gate"), d.Turn)).holder == ""
        assert device.moving == (0.0, 0.0, 0.0)

        presets = await site.ask(d.GetPresets(b"grant_1", "gate"), d.Presets)
        assert [p.name for p in presets.presets] == ["Gate", "Car park"]
        await site.ask(d.GoToPreset(b"grant_1", "gate", 10, "preset-2"), d.Turn)
        assert device.at_preset == "preset-2"
        with pytest.raises(CameraFault):
            await site.ask(d.GoToPreset(b"grant_1", "gate", 10, "preset-9"), d.Turn)
        kept = await site.ask(d.KeepPreset(b"grant_1", "gate", 10, "Door <2>"), d.Presets)
        assert kept.presets[-1].name == "Door <2>"
        with pytest.raises(BadInput):
            await site.ask(d.KeepPreset(b"grant_1", "gate", 10, " "), d.Presets)
        with pytest.raises(Refused):
            await site.ask(d.GetPresets(b"grant_3", "gate"), d.Presets)


async def test_searching_and_looking_only_where_the_settings_allow(tmp_path: Path) -> None:
    async with stage(tmp_path) as made, fake(host="127.0.0.2") as device, hear(device, "127.0.0.2", 0):
        async with device_site(made) as site:
            with pytest.raises(Refused):
                await site.ask(d.FindDevices(), d.FoundDevices)
            with pytest.raises(Refused):
                await site.ask(d.LookAtDevice(device.address, "belvedere", PASSWORD), d.DeviceFacts)
        async with device_site(made, networks=["127.0.0.0/29"]) as site:
            facts = await site.ask(d.LookAtDevice(device.address, "belvedere", PASSWORD), d.DeviceFacts)
            assert facts.proposals[0].main_url == "rtsp://127.0.0.2:8554/main?x=1&y=2"
            with pytest.raises(Refused):
                await site.ask(d.LookAtDevice("127.0.0.9", "", ""), d.DeviceFacts)


async def test_an_archive_is_pulled_into_the_recorder(tmp_path: Path) -> None:
    start_us = SystemClock().now_us() // SECOND_US * SECOND_US - 2 * HOUR_US
    faults = DeviceFaults(clock_error_us=ERROR_US)
    holes = ((4 * SECOND_US, 20 * SECOND_US),)
    server = ReplayServer(
        SystemClock(), start_us, username="belvedere", password=PASSWORD, faults=faults, holes_us=holes
    )
    async with server, stage(tmp_path) as made:
        server.add("archive", reel())
        url = f"rtsp://10.9.8.7:{server.port}/archive"  # the recorder's address on the other side of a router
        stored = (Stored("rec-1", start_us, start_us + 30 * SECOND_US, url),)
        async with fake(faults, stored=stored) as device, device_site(made) as site:
            await made.put_camera("old", "", "")
            await site.attach("old", device.address)
            await site.watching("old")
            listed = await site.ask(d.GetDeviceArchive("old"), d.DeviceArchive)
            assert [r.token for r in listed.recordings] == ["rec-1"]
            order = d.PullArchive("old", "rec-1", start_us + SECOND_US, start_us + 30 * SECOND_US, "main", ERROR_US)
            await site.ask(order, Answer)
            with pytest.raises(Conflict):
                await site.ask(order, Answer)
            await site.until(lambda: site.keeper.pulls().pulls[0].state != "running")
            (pull,) = site.keeper.pulls().pulls
            assert (pull.state, pull.message, pull.runs) == ("done", "", 2)
            assert pull.frames == 225 and abs(pull.end_us - (start_us + 30 * SECOND_US)) < 1000
            runs = site.rows("SELECT start_us, end_us, imported, provenance FROM run ORDER BY start_us")
            expected = [(1, 4), (24, 30)]
            for (first, last), (from_us, to_us, imported, provenance) in zip(expected, runs, strict=True):
                assert abs(from_us - (start_us + first * SECOND_US)) < 1000 and imported == 1
                assert abs(to_us - (start_us + last * SECOND_US)) < 1000
                assert "recording rec-1 from Belvedere Works Sparrow 2 BW-0042" in provenance
                assert "-42.0 s against true time, as a person stated" in provenance
            await site.ask(order, Answer)  # once more: what is there already is never overwritten
            await site.until(lambda: site.keeper.pulls().pulls[1].state != "running")
            assert site.keeper.pulls().pulls[1].state == "failed"
            for bad in ("sideways", "sub"):
                span = (1, 0) if bad == "sub" else (0, 1)
                with pytest.raises(BadInput):
                    await site.ask(d.PullArchive("old", "rec-1", *span, bad), Answer)
            with pytest.raises(CameraFault):
                await site.ask(d.PullArchive("old", "none", start_us, start_us + SECOND_US, "main"), Answer)
    await asyncio.sleep(0)
