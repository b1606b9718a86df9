"""Holds on days whose key the site has forgotten: the hub releases it for that act, and held keys are in the escrow."""

import asyncio
from pathlib import Path

import pytest

from belvedere.cli.keys import _SegmentCopies
from belvedere.foundation.clock import DAY_US, HOUR_US, SECOND_US, SimulatedClock
from belvedere.foundation.errors import KeyAway, NotFound, Refused, SealBroken
from belvedere.hub.retention.store import HoldRow, RetentionStore
from belvedere.link.custody import SignedWords, signed_bytes
from belvedere.link.held import AskHeldDays, HeldDays, HeldRelease, ReleaseForHolds, held_release_info, write_release
from belvedere.link.messages import Answer
from belvedere.media.keybox import shut
from belvedere.site.custody.needed import FOR_HOLDS, NeededDays
from belvedere.site.retention.keeper import RetentionKeeper
from belvedere.site.retention.orders import OrderBook
from custody_stage import CAMERA, CustodyStage, custody_stage, hold, office_of, two_of
from retention_rig import MIDNIGHT_US


def place(stage: CustodyStage, start_us: int, end_us: int, *, at_hub: bool = True) -> None:
    """A hold of these seconds, at the hub and at the site."""
    now_us = stage.site.rig.clock.now_us()
    store = RetentionStore(stage.hub.engine)
    row = HoldRow(
        "hold_1",
        (CAMERA,),
        start_us,
        end_us,
        "a1",
        "Ada",
        "Broken door",
        "C-17",
        now_us,
        now_us + 90 * DAY_US,
        None,
        "",
    )
    store.add_hold(row)
    OrderBook(stage.site.rig.index, stage.site.rig.clock, "main", Path("unused")).apply(store.orders("main", now_us))
    if not at_hub:
        store.change_hold("hold_1", ended_us=now_us, ended_why="Ended")


def nights(keeper: RetentionKeeper, clock: SimulatedClock, days: int) -> None:
    for _ in range(days * 4):
        clock.advance(6 * HOUR_US)
        keeper.tick()


async def forgotten(stage: CustodyStage) -> tuple[int, list[bytes]]:
    """Ten seconds of footage whose key the site has forgotten."""
    await stage.exchange()
    start_us, data = stage.site.film()
    await stage.exchange()
    stage.site.next_day()
    state = await stage.exchange()
    assert (state.local_days, state.away_days) == (0, 1)
    return start_us, data


async def test_a_hold_on_a_forgotten_day_keeps_its_seconds_and_lets_the_day_go(tmp_path: Path) -> None:
    clock = SimulatedClock(MIDNIGHT_US + 9 * HOUR_US)
    async with custody_stage(tmp_path / "data", clock) as stage:
        office = office_of(stage)
        made = await asyncio.to_thread(hold, office, tmp_path / "sheets")
        start_us, data = await forgotten(stage)
        rig, keyring = stage.site.rig, stage.site.rig.keyring
        day = start_us // DAY_US
        place(stage, start_us + 4 * SECOND_US, start_us + 5 * SECOND_US)
        keeper = stage.site.keeper
        nights(keeper, clock, 8)
        assert keeper.waiting_for_keys == 1
        assert rig.rows("SELECT day FROM segment") == [(day,)], "kept whole: nothing can open it here"

        await stage.exchange()
        assert stage.kinds().count("key.released_for_holds") == 1
        entry = next(e for e in stage.hub.audit.entries(limit=50) if e.kind == "key.released_for_holds")
        assert entry.facts["holds"] == ["hold_1"] and entry.facts["day"] == day
        keeper.tick()
        assert keeper.waiting_for_keys == 0
        assert rig.rows("SELECT count(*) FROM segment WHERE day < 0") == [(1,)]
        assert keyring.released.get(FOR_HOLDS, rig.ref().camera_id, day) is None, "forgotten again"
        await stage.exchange()
        assert stage.kinds().count("key.released_for_holds") == 1, "nothing waits any more"

        nights(keeper, clock, 3)
        await stage.exchange()
        assert rig.rows("SELECT count(*) FROM day_key WHERE day = ?", day) == [(0,)], "the day is gone"
        assert "key.destroyed" in stage.kinds()
        with pytest.raises(NotFound, match="destroyed"):
            keyring.get(rig.ref().camera_id, day)
        # The groups of pictures that the hold touches, of two seconds each, and nothing else.
        wire = await stage.grant()
        assert await stage.review(wire, start_us) == b"".join(data[8:12])

        # The held key is in the escrow: two officers open the file that is left.
        with rig.index.write() as db:  # the rig names its folder by hand
            db.execute("UPDATE disk SET path = ?", (str(rig.folder / "footage"),))
        opens = _SegmentCopies(stage.site.settings, tmp_path).opens
        result = await asyncio.to_thread(office.drill, made.escrow, two_of(made), opens)
        assert (result.camera_days, result.held, result.segments) == (0, 1, 1)


async def test_the_key_of_a_held_segment_outlives_the_sites_own_copy_and_goes_with_the_hold(tmp_path: Path) -> None:
    clock = SimulatedClock(MIDNIGHT_US + 9 * HOUR_US)
    async with custody_stage(tmp_path / "data", clock) as stage:
        made = await asyncio.to_thread(hold, office_of(stage), tmp_path / "sheets")
        await stage.exchange()
        start_us, data = stage.site.film()
        place(stage, start_us - SECOND_US, start_us + 60 * SECOND_US)
        keeper, rig = stage.site.keeper, stage.site.rig
        nights(keeper, clock, 9)
        await stage.exchange()
        nights(keeper, clock, 1)
        assert rig.rows("SELECT count(*) FROM held_key") == [(3,)]
        await stage.exchange()
        with rig.index.write() as db:  # the site's key file was lost
            db.execute("UPDATE held_key SET wrapped = randomblob(40)")
        assert await stage.review(await stage.grant(), start_us) == b"".join(data), "released by the hub, under a grant"
        for path in (stage.site.settings.hub_folder / "keys" / "wrapping").iterdir():
            path.unlink()
        office = office_of(stage)
        assert (await asyncio.to_thread(office.recover, made.escrow, two_of(made)))[1] == 0
        assert await stage.review(await stage.grant("bob"), start_us) == b"".join(data)

        RetentionStore(stage.hub.engine).change_hold("hold_1", ended_us=clock.now_us(), ended_why="Done")
        orders = RetentionStore(stage.hub.engine).orders("main", clock.now_us())
        OrderBook(rig.index, clock, "main", Path("unused")).apply(orders)
        nights(keeper, clock, 3)
        await stage.exchange()
        assert rig.rows("SELECT count(*) FROM day_key_copy WHERE day < 0") == [(0,)]
        with stage.hub.engine.connect() as connection:
            left = connection.exec_driver_sql("SELECT count(*) FROM camera_day_copy WHERE day < 0").scalar()
        assert left == 0, "the hub destroyed its copies too"
        gone = [
            e for e in stage.hub.audit.entries(limit=100) if e.kind == "key.destroyed" and "held_segments" in e.facts
        ]
        assert len(gone) == 1 and len(gone[0].facts["held_segments"]) == 3


async def test_no_key_leaves_without_a_live_hold_or_for_what_nothing_waits_for(tmp_path: Path) -> None:
    clock = SimulatedClock(MIDNIGHT_US + 9 * HOUR_US)
    async with custody_stage(tmp_path / "data", clock) as stage:
        await asyncio.to_thread(hold, office_of(stage), tmp_path / "sheets")
        start_us, _ = await forgotten(stage)
        place(stage, start_us, start_us + SECOND_US, at_hub=False)
        nights(stage.site.keeper, clock, 8)
        assert stage.site.keeper.waiting_for_keys == 1
        await stage.exchange()
        assert "key.released_for_holds" not in stage.kinds(), "the hub knows of no live hold"

        asked = await stage.link.ask(AskHeldDays(), HeldDays)
        day = start_us // DAY_US

        async def release(camera: str, at: int, *, forged: bool = False) -> None:
            box = shut(bytes(32), asked.release_key, held_release_info(asked.box, camera, at))
            words = write_release(HeldRelease(asked.box, ((camera, at, box),)))
            signature = bytes(64) if forged else stage.hub.key.sign(signed_bytes(words))
            await stage.link.ask(ReleaseForHolds(SignedWords(words, signature)), Answer, reuse=False)

        with pytest.raises(Refused, match="not signed"):
            await release(CAMERA, day, forged=True)
        await release(CAMERA, day + 1)  # nothing waits for it
        assert len(stage.site.rig.keyring.released) == 0
        with pytest.raises(SealBroken, match="another key"):
            await release(CAMERA, day)
        with pytest.raises(KeyAway):
            stage.site.rig.keyring.get(stage.site.rig.ref().camera_id, day, FOR_HOLDS)


def test_days_wait_once_and_are_taken_once() -> None:
    needed = NeededDays()
    needed.add(1, 5, 10, 100, 200)
    needed.add(1, 5, 11, 50, 120)
    needed.add(2, 4, 12, 0, 1)
    assert list(needed.days().items()) == [((2, 4), (0, 1)), ((1, 5), (50, 200))] and len(needed) == 3
    assert needed.take(1, 5) == [10, 11] and needed.take(1, 5) == [] and len(needed) == 1
    needed.clear()
    assert not needed.days()
