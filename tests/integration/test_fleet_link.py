"""The link over real WebSockets and TLS: questions find their site, sites come back, and who was shut out stays out."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from belvedere.foundation.errors import SiteAway
from belvedere.link.channel import ChannelClosed
from belvedere.link.control import Dial
from belvedere.link.messages import CameraStatus, LiveMedia, LiveStart
from belvedere.media.stream import Codec
from belvedere.policy.grant import Action
from belvedere.site.uplink.dialler import Dialler
from fleet_stage import FleetStage, fleet_stage
from hub_stage import gate
from link_stage import single


def know(stage: FleetStage, camera: str, site: str) -> None:
    stage.hub.register.put_camera(replace(gate(), id=camera, site=site))


async def test_what_names_a_camera_goes_to_its_site(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        rowan = await stage.running("rowan", "gate", "yard")
        elm = await stage.running("elm", "shop")
        elm_calls = elm.archive.read_calls
        for camera, site in (("gate", "rowan"), ("yard", "rowan"), ("shop", "elm")):
            know(stage, camera, site)
        link, start_us = stage.hub.link, rowan.archive.start_us
        lines = await link.timeline(("shop", "gate", "yard"), "main", start_us, start_us + 10_000_000)
        assert [each.camera for each in lines.cameras] == ["shop", "gate", "yard"]
        assert all(each.runs for each in lines.cameras)
        found = await link.playlist(rowan.wire, "gate", "main", start_us, start_us + 4_000_000)
        piece = found.pieces[0]
        wanted = rowan.wire, Action.PLAYBACK, "gate", "main", piece.segment, piece.start, piece.end
        async with aclosing(link.read_footage(*wanted)) as parts:
            assert sum([len(part) async for part in parts]) == piece.end - piece.start
        assert elm.archive.read_calls == elm_calls


async def test_live_pictures_come_through(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        box = await stage.running("rowan", "gate")
        know(stage, "gate", "rowan")
        async with await stage.hub.link.open_live(box.wire, "gate", "main") as view:
            shown = box.archive.film
            box.relay.config("gate", "main", shown.config)
            first = shown.frames[0]
            box.relay.frame("gate", "main", first.keyframe, first.arrival_us, single(first))
            kinds = []
            async with asyncio.timeout(30):
                async for part in view:
                    kinds.append(type(part))
                    if isinstance(part, LiveMedia):
                        break
            assert LiveStart in kinds and shown.config.codec is Codec.H264


async def test_a_site_that_goes_is_away_and_one_that_comes_back_answers(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        box = await stage.running("rowan", "gate")
        know(stage, "gate", "rowan")
        board = stage.hub.fleet.switchboard
        line = board.line("rowan")
        assert line is not None and abs(line.clock_error_us) < 60_000_000
        await box.dialler.stop()
        async with asyncio.timeout(30):
            while board.line("rowan") is not None:
                await asyncio.sleep(0.02)
        with pytest.raises(SiteAway):
            await stage.hub.link.of("rowan").status()
        assert board.last_heard_us["rowan"] >= line.since_us
        box.dialler.start()
        async with asyncio.timeout(30):
            await box.connected(stage.hub)
            assert (await stage.hub.link.of("rowan").status()).site == "main"


async def test_a_ticket_is_good_once_and_for_its_own_site(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        rowan = await stage.running("rowan", "gate")
        elm = await stage.running("elm", "shop")
        board = stage.hub.fleet.switchboard
        line = board.line("rowan")
        assert line is not None
        told: list[Dial] = []

        async def keep(word: object) -> None:
            assert isinstance(word, Dial)
            told.append(word)

        line.say = keep
        coming = asyncio.create_task(board.dial("rowan"))
        async with asyncio.timeout(30):
            while not told:
                await asyncio.sleep(0)
            await elm.dialler.answer(told[0].ticket)  # elm's papers: turned away
            assert not coming.done()
            answering = asyncio.create_task(rowan.dialler.answer(told[0].ticket))
            channel = await coming
            await rowan.dialler.answer(told[0].ticket)  # the second time: hung up on
            await channel.close()
            await answering


async def test_a_site_that_is_shut_out_is_gone_at_once_with_all_that_it_had_open(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        box = await stage.running("rowan", "gate")
        know(stage, "gate", "rowan")
        async with await stage.hub.link.open_live(box.wire, "gate", "main") as view:
            assert await stage.hub.fleet.desk.revoke(stage.ann, "rowan", "the box was stolen") == 1
            with pytest.raises(SiteAway):
                async with asyncio.timeout(30):
                    async for _part in view:
                        pass
        assert stage.hub.fleet.switchboard.line("rowan") is None
        with pytest.raises(SiteAway, match="does not belong"):
            await stage.hub.link.of("rowan").status()
        async with asyncio.timeout(30):
            while "shut out" not in box.dialler.said:
                await asyncio.sleep(0.02)


async def test_two_machines_with_one_sites_papers_are_noticed_and_the_second_is_refused(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        box = await stage.running("rowan", "gate")
        copy = Dialler(box.papers, box.uplink, stage.clock, site="rowan", name="Rowan")
        try:
            copy.start()
            async with asyncio.timeout(30):
                while "Another machine" not in copy.said:
                    await asyncio.sleep(0.02)
        finally:
            await copy.stop()
        line = stage.hub.fleet.switchboard.line("rowan")
        assert line is not None and line.hello.run == box.dialler.run
        assert "site.twice" in [entry.kind for entry in stage.hub.audit.entries(limit=20)]


async def test_the_same_machine_takes_over_its_own_dead_line(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        box = await stage.running("rowan", "gate")
        board = stage.hub.fleet.switchboard
        first = board.line("rowan")
        twin = Dialler(box.papers, box.uplink, stage.clock, site="rowan", name="Rowan")
        twin.run = box.dialler.run  # as after a cut that only the site has noticed
        try:
            twin.start()
            async with asyncio.timeout(30):
                while board.line("rowan") in (None, first):
                    await asyncio.sleep(0.02)
        finally:
            await box.dialler.stop()
            await twin.stop()
        assert board.duplicates == 0


async def test_a_camera_of_a_site_comes_into_the_register_and_a_clash_is_shown(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        know(stage, "gate", "main")
        await stage.running("rowan", "gate", "yard")
        place = stage.hub.fleet.places.open["rowan"]
        status = await place.link.status()
        cameras = tuple(CameraStatus(name, name.title(), True, (), None, 0) for name in ("gate", "yard"))
        told = msgspec.structs.replace(status, cameras=cameras)
        await stage.hub.fleet.places.note_cameras(place, told)
        assert place.clashes == ("gate",)
        assert stage.hub.register.sites_of_cameras() == {"gate": "main", "yard": "rowan"}
        assert stage.hub.link.site_of("yard") == "rowan" and stage.hub.link.site_of("gate") == "main"


async def test_a_dial_to_a_site_that_is_away_fails_at_once(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        with pytest.raises(ChannelClosed, match="not connected"):
            await stage.hub.fleet.switchboard.dial("rowan")
