"""Keys through a site's days: sealed when made, acknowledged by the hub, forgotten, released under a grant, destroyed."""

from pathlib import Path

import pytest

from belvedere.foundation.clock import DAY_US, HOUR_US, SimulatedClock
from belvedere.foundation.errors import KeyAway
from belvedere.media.keybox import new_private_key, public_key_of
from custody_stage import CustodyStage, custody_stage


async def with_officers(stage: CustodyStage) -> bytes:
    """Name a break-glass key by hand; returns its private half."""
    private = new_private_key()
    stage.hub.custody.vault.put_break_glass(public_key_of(private), "two of three officers", {})
    return private


async def test_without_a_ceremony_the_site_keeps_its_own_copies(tmp_path: Path) -> None:
    async with custody_stage(tmp_path) as stage:
        await stage.exchange()
        start_us, data = stage.site.film()
        stage.site.next_day()
        state = await stage.exchange()
        assert (state.local_days, state.away_days, state.waiting) == (1, 0, 0)
        assert await stage.review(await stage.grant(), start_us) == b"".join(data)
        assert "key.released" not in stage.kinds()


async def test_after_the_day_the_site_forgets_and_the_hub_releases_under_a_grant(tmp_path: Path) -> None:
    async with custody_stage(tmp_path) as stage:
        await with_officers(stage)
        await stage.exchange()
        start_us, data = stage.site.film()
        state = await stage.exchange()
        assert (state.local_days, state.waiting) == (1, 0), "today's key stays usable to the recorder"
        stage.site.next_day()
        state = await stage.exchange()
        assert (state.local_days, state.away_days) == (0, 1)

        wire = await stage.grant()
        assert await stage.review(wire, start_us) == b"".join(data)
        assert stage.kinds().count("key.released") == 1, "once for a camera-day and grant"
        assert await stage.review(wire, start_us) == b"".join(data)
        assert stage.kinds().count("key.released") == 1
        other = await stage.grant("bob")
        assert await stage.review(other, start_us) == b"".join(data)
        assert stage.kinds().count("key.released") == 2, "another grant is another decision"

        # What lies on the site's disk opens nothing.
        camera_id = stage.site.rig.ref().camera_id
        with pytest.raises(KeyAway, match="kept by the hub"):
            stage.site.rig.keyring.get(camera_id, start_us // DAY_US)
        assert stage.site.rig.problems() == []


async def test_footage_from_before_custody_is_sealed_and_forgotten_too(tmp_path: Path) -> None:
    clock = SimulatedClock()
    async with custody_stage(tmp_path, clock) as stage:
        start_us, data = stage.site.film()  # no hub has spoken yet: local wrap only
        assert stage.site.rig.rows("SELECT count(*) FROM day_key_copy") == [(0,)]
        stage.site.next_day()
        await with_officers(stage)
        await stage.exchange()
        state = await stage.exchange()
        assert (state.local_days, state.away_days) == (0, 1)
        assert await stage.review(await stage.grant(), start_us) == b"".join(data)


async def test_late_footage_of_a_forgotten_day_is_sealed_under_a_later_key(tmp_path: Path) -> None:
    async with custody_stage(tmp_path) as stage:
        await with_officers(stage)
        await stage.exchange()
        start_us, _ = stage.site.film()
        await stage.exchange()
        stage.site.next_day()
        await stage.exchange()
        rig = stage.site.rig
        day, _key = rig.keyring.make_for(rig.ref().camera_id, start_us // DAY_US)
        assert day == rig.clock.now_us() // DAY_US


async def test_a_destroyed_key_is_destroyed_at_the_hub_too(tmp_path: Path) -> None:
    async with custody_stage(tmp_path) as stage:
        await with_officers(stage)
        await stage.exchange()
        start_us, _ = stage.site.film()
        await stage.exchange()
        stage.site.next_day()
        await stage.exchange()
        wire = await stage.grant()
        await stage.review(wire, start_us)
        rig = stage.site.rig
        rig.clock.advance(33 * DAY_US)
        rig.clock.advance(3 * HOUR_US)
        rig.keyring.destroy([(rig.ref().camera_id, start_us // DAY_US)])
        await stage.exchange()
        assert "key.destroyed" in stage.kinds()
        stored = stage.hub.custody.ledger.boxes()
        assert len(stored) == 1
        assert stage.hub.custody.ledger.lacking(()) == []
