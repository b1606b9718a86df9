"""Roll-outs over the real link: fetched in pieces, trusted by a site's own keys, switched, stopped by one that goes back."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.clock import MINUTE_US, SystemClock
from belvedere.foundation.errors import BadInput, Conflict, LinkFault, NotFound, Refused
from belvedere.foundation.settings import SiteSettings, load_settings
from belvedere.hub.rollouts.plan import At, Pace, State
from belvedere.link.configuration import LineLimits
from belvedere.link.release import key_words
from belvedere.link.releases import PIECE_BYTES, GetReleaseState, OrderRelease, ReleaseState, WantPiece
from belvedere.site.update.guard import OUTCOME, TRIAL_FILE, UNDER_GUARD, WORDS
from belvedere.site.update.opening import UpdateRoom
from fleet_stage import FleetStage, fleet_stage
from rollout_stage import FILES, Updating, begun, held, standing
from update_stage import PUBLIC, manifest, signed

NOW = Pace(wait_minutes=0, at_once=2)


@pytest.fixture(autouse=True)
def guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(UNDER_GUARD, WORDS)


async def updating(stage: FleetStage, site: str) -> Updating:
    """A box on the line that can update itself."""
    box = await stage.running(site)
    return Updating(box, stage.folder / site, stage.clock)


async def test_a_release_reaches_the_first_site_and_then_the_rest(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        desk = stage.hub.fleet.rollouts
        elm, rowan = await updating(stage, "elm"), await updating(stage, "rowan")
        release = held(stage)
        rollout = await begun(stage, "9.0.0", ["elm"], NOW)
        found = await standing(desk, rollout, lambda sites: sites["elm"].phase == "switching")
        assert found["rowan"].state is At.WAITING and rowan.shelf.read("order.json") is None
        for name, data in FILES.items():
            assert (elm.shelf.folder / "coming" / "9.0.0" / name).read_bytes() == data
        await elm.switch(well=True)
        await standing(desk, rollout, lambda sites: sites["rowan"].phase == "switching")
        await rowan.switch(well=True)
        await standing(desk, rollout, lambda sites: all(each.state is At.HEALTHY for each in sites.values()))
        await desk.look()
        assert desk.book.get(rollout).state is State.DONE
        assert elm.shelf.current() == rowan.shelf.current() == "9.0.0"
        assert not list((elm.shelf.folder / "coming").glob("*/*.part"))
        kinds = [entry.kind for entry in stage.hub.audit.entries(limit=100)]
        assert [kinds.count(f"rollout.{word}") for word in ("started", "site_ordered", "site_healthy", "done")] == [
            1,
            2,
            2,
            1,
        ]
        assert desk.book.get(rollout).manifest_sha256 == release.sha256
        with pytest.raises(Refused, match="ordered of this site"):
            await desk.piece("elm", msgspec.msgpack.encode(WantPiece("9.0.0", 0, 0)))
        for each in (elm, rowan):
            await each.end()


async def test_one_that_goes_back_stops_the_rest_and_says_why(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        desk = stage.hub.fleet.rollouts
        elm, rowan = await updating(stage, "elm"), await updating(stage, "rowan")
        held(stage)
        rollout = await begun(stage, "9.0.0", ["elm"], NOW)
        await elm.switch(well=False)
        found = await standing(desk, rollout, lambda sites: sites["elm"].state is At.FAILED)
        await desk.look()
        assert "Not recorded: gate (main)." in found["elm"].why and found["elm"].phase == "rolled_back"
        ended = desk.book.get(rollout)
        assert ended.state is State.FAILED and ended.why.startswith("elm: ")
        assert rowan.shelf.read("order.json") is None and elm.shelf.current() == ""
        with pytest.raises(Conflict, match="has ended"):
            await desk.stop(stage.ann.user, rollout, "too late")
        again = await begun(stage, "9.0.0", ["elm"], NOW)
        await standing(desk, again, lambda sites: sites["elm"].phase == "switching")
        for each in (elm, rowan):
            await each.end()


async def test_a_stolen_hub_gives_a_site_no_code_of_its_own(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        elm = await updating(stage, "elm")
        link, thief = stage.hub.link.of("elm"), Ed25519PrivateKey.from_private_bytes(b"t" * 32)
        for order, words in (
            (signed(key=thief), "not trusted"),
            (signed(manifest(), stage.hub.key), "not trusted"),
            (signed(manifest("0.0.9", since="0.0.1")), "no later one"),
            (signed(manifest("0.1.0")), "no later one"),
            (signed(manifest("9.0.0", since="8.0.0")), "follows 8.0.0"),
            (signed(manifest(migrations={"0018": 18})), "rolled back"),
        ):
            with pytest.raises(Refused, match=words):
                await link.ask(OrderRelease("rollout_9", order), ReleaseState)
        assert elm.shelf.read("order.json") is None
        await elm.end()


async def test_a_full_disk_and_files_that_were_changed_at_the_hub_end_an_update_and_nothing_else(
    tmp_path: Path,
) -> None:
    async with fleet_stage(tmp_path) as stage:
        desk = stage.hub.fleet.rollouts
        elm = await updating(stage, "elm")
        elm.free = 1 << 20
        held(stage)
        rollout = await begun(stage, "9.0.0", ["elm"], NOW)
        found = await standing(desk, rollout, lambda sites: sites["elm"].state is At.FAILED)
        assert "no room" in found["elm"].why and not list((elm.shelf.folder / "coming").glob("*/*"))
        told = await stage.hub.link.of("elm").ask(GetReleaseState(), ReleaseState)
        assert (told.phase, told.running, elm.shelf.current()) == ("failed", "0.1.0", "")
        assert elm.shelf.read(OUTCOME) is not None
        await desk.look()
        await elm.end()
        elm.free = 1 << 40
        elm.begin("0.1.0")
        wheel = next((stage.hub.settings.hub_folder / "releases" / "9.0.0").glob("belvedere-*"))
        wheel.write_bytes(wheel.read_bytes()[:-1] + b"!")
        rollout = await begun(stage, "9.0.0", ["elm"], NOW)
        found = await standing(desk, rollout, lambda sites: sites["elm"].state is At.FAILED)
        assert "not what was signed" in found["elm"].why and elm.shelf.read(TRIAL_FILE) is None
        assert not any((elm.shelf.folder / "coming").glob("*/belvedere*"))
        await elm.end()


async def test_a_site_that_was_killed_while_fetching_goes_on_where_it_was(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        desk = stage.hub.fleet.rollouts
        elm = await updating(stage, "elm")
        held(stage)
        minute = stage.clock.now_us() // MINUTE_US % 1440
        elm.limits = LineLimits(0, 0, ((minute + 700) % 1440, (minute + 701) % 1440))
        rollout = await begun(stage, "9.0.0", ["elm"], NOW, night=True)
        found = await standing(desk, rollout, lambda sites: "other hours" in sites["elm"].why)
        assert found["elm"].have_bytes == 0
        await desk.stop(stage.ann.user, rollout, "not today")
        assert desk.book.get(rollout).state is State.STOPPED and elm.shelf.read("order.json") is None
        asked: list[WantPiece] = []
        give, enough = desk.piece, asyncio.Event()

        async def some(site: str, body: bytes) -> bytes:
            asked.append(msgspec.msgpack.decode(body, type=WantPiece))
            if len(asked) == 2:
                enough.set()
                raise LinkFault("The line is cut.")
            return await give(site, body)

        stage.hub.fleet.door.pieces = some
        rollout = await begun(stage, "9.0.0", ["elm"], NOW)
        async with asyncio.timeout(120):
            while not enough.is_set():
                await desk.look()
                await asyncio.sleep(0.02)
        await elm.end()
        elm.begin("0.1.0")
        await standing(desk, rollout, lambda sites: sites["elm"].phase == "switching")
        starts = [each.start for each in asked if each.file == 0]
        assert starts[0] == 0 < starts[1]
        assert sorted(set(starts)) == list(range(0, len(FILES["belvedere-9.0.0-py3-none-any.whl"]), PIECE_BYTES))
        assert starts.count(0) == 1, "what was there is not fetched again"
        await elm.end()


async def test_a_roll_out_that_makes_no_sense_does_not_begin(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        desk = stage.hub.fleet.rollouts
        await stage.let_in(stage.box("elm"))
        held(stage)
        for wrong, version, first, without, pace in (
            (NotFound, "8.0.0", ["elm"], [], NOW),
            (BadInput, "9.0.0", [], [], NOW),
            (BadInput, "9.0.0", ["oak"], [], NOW),
            (BadInput, "9.0.0", ["elm"], ["elm"], NOW),
            (BadInput, "9.0.0", ["elm"], [], Pace(0, 0)),
        ):
            with pytest.raises(wrong):
                desk.drawn_up(version, first, without, pace)
        await begun(stage, "9.0.0", ["elm"], NOW)
        with pytest.raises(Conflict, match="under way"):
            desk.drawn_up("9.0.0", ["elm"], [], NOW)
        with pytest.raises(Refused, match="not trusted"):
            desk.store.take_in(stage.folder / "9.0.0.release", [b"x" * 32])
        whole = (stage.folder / "9.0.0.release").read_bytes()
        (stage.folder / "cut.release").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(BadInput):
            desk.store.take_in(stage.folder / "cut.release", [PUBLIC])


def test_a_box_without_guard_or_key_says_why_it_is_updated_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    settings = load_settings(tmp_path)
    room = UpdateRoom(settings, lambda: None, SystemClock())  # type: ignore[arg-type, return-value]
    assert "no release key" in room.desk.state().unable
    settings.site.release_keys = [key_words(PUBLIC)]
    assert room.desk.state().unable == "" and SiteSettings.model_validate({}).release_keys == []
    monkeypatch.delenv(UNDER_GUARD)
    with pytest.raises(Refused, match="by hand"):
        room.desk.take(OrderRelease("rollout_1", signed()))
