"""What people do with keys at the hub: ceremony, drill, rotation, recovery after a loss, a backup between."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from belvedere.cli.backup import backup, restore
from belvedere.cli.keys import _SegmentCopies, protocol
from belvedere.cli.main import app
from belvedere.foundation.clock import DAY_US, SimulatedClock
from belvedere.foundation.errors import BadInput, Conflict, KeyAway, NotFound
from belvedere.foundation.settings import load_settings
from belvedere.hub.custody.local import key_office
from belvedere.link.custody import HUB
from custody_stage import QUICK, CustodyStage, custody_stage, hold, office_of, two_of


async def a_night(stage: CustodyStage) -> tuple[int, bytes]:
    """Footage whose key the site has forgotten."""
    await stage.exchange()
    start_us, data = stage.site.film()
    await stage.exchange()
    stage.site.next_day()
    state = await stage.exchange()
    assert state.local_days == 0
    return start_us, b"".join(data)


async def test_ceremony_drill_and_what_is_said_of_them(tmp_path: Path) -> None:
    async with custody_stage(tmp_path / "data") as stage:
        office = office_of(stage)
        made = await asyncio.to_thread(hold, office, tmp_path / "sheets")
        with pytest.raises(Conflict, match="held already"):
            hold(office, tmp_path / "again")
        written = {path.name for path in (tmp_path / "sheets").iterdir()}
        assert written == {"share-1.txt", "share-2.txt", "share-3-sealed.txt", "share-3-passphrase.txt", "protocol.txt"}
        assert all((tmp_path / "sheets" / name).stat().st_mode & 0o077 == 0 for name in written)
        assert made.sealed_passphrase not in (tmp_path / "sheets" / "share-3-sealed.txt").read_text()
        assert made.escrow.name in protocol(made, stage.site.settings)
        with pytest.raises(NotFound, match="No camera-day"):
            office.drill(made.escrow, two_of(made), lambda *_: True)
        await a_night(stage)
        before = stage.site.rig.rows("SELECT * FROM day_key_copy")
        opens = _SegmentCopies(stage.site.settings, tmp_path).opens
        with stage.site.rig.index.write() as db:  # the rig names its folder by hand
            db.execute("UPDATE disk SET path = ?", (str(stage.site.rig.folder / "footage"),))
        result = await asyncio.to_thread(office.drill, made.escrow, two_of(made), opens)
        assert (result.camera_days, result.opened, result.segments) == (1, 1, 1)
        assert stage.site.rig.rows("SELECT * FROM day_key_copy") == before
        state = office.state()
        assert state.drill == result and state.break_glass is not None and office.escrow() == made.escrow
        with pytest.raises(BadInput, match="two shares"):
            office.drill(made.escrow, two_of(made)[:1], opens)


async def test_rotation_seals_live_days_anew_and_destroys_the_old_key(tmp_path: Path) -> None:
    async with custody_stage(tmp_path / "data") as stage:
        office = office_of(stage)
        await asyncio.to_thread(hold, office, tmp_path / "sheets")
        start_us, data = await a_night(stage)
        old = office.vault.current(HUB)
        assert old is not None
        new = await asyncio.to_thread(office.rotate)
        assert office.vault.has(old.name) and office.vault.has(new.name)
        await stage.exchange()
        await stage.exchange()
        assert not office.vault.has(old.name) and office.vault.has(new.name)
        assert "key.wrapping_destroyed" in stage.kinds()
        names = {row[0] for row in stage.site.rig.rows("SELECT DISTINCT recipient FROM day_key_copy")}
        assert old.name not in names and new.name in names
        assert await stage.review(await stage.grant(), start_us) == data


async def test_the_hub_rotates_by_itself_after_a_month(tmp_path: Path) -> None:
    async with custody_stage(tmp_path / "data") as stage:
        await stage.exchange()
        first = stage.hub.custody.vault.current(HUB)
        stage.site.rig.clock.advance(31 * DAY_US)
        await stage.exchange()
        second = stage.hub.custody.vault.current(HUB)
        assert first is not None and second is not None and first.name != second.name


async def test_a_new_ceremony_replaces_the_officers_key_of_days_gone(tmp_path: Path) -> None:
    async with custody_stage(tmp_path / "data") as stage:
        office = office_of(stage)
        await asyncio.to_thread(hold, office, tmp_path / "sheets")
        start_us, data = await a_night(stage)
        made = await asyncio.to_thread(lambda: hold(office, tmp_path / "new", renew=True))
        await stage.exchange()
        result = await asyncio.to_thread(office.drill, made.escrow, two_of(made), lambda *_: False)
        assert result.opened == 1
        assert await stage.review(await stage.grant(), start_us) == data


async def test_a_lost_wrapping_key_is_said_and_recovered_with_two_shares(tmp_path: Path) -> None:
    async with custody_stage(tmp_path / "data") as stage:
        office = office_of(stage)
        made = await asyncio.to_thread(hold, office, tmp_path / "sheets")
        start_us, data = await a_night(stage)
        for path in (stage.site.settings.hub_folder / "keys" / "wrapping").iterdir():
            path.unlink()
        with pytest.raises(KeyAway, match="wrapping key for this footage is not here"):
            await stage.review(await stage.grant(), start_us)
        await stage.exchange()  # a new key is in force; the old day waits for the officers
        with pytest.raises(KeyAway):
            await stage.review(await stage.grant(), start_us)
        done, failed = await asyncio.to_thread(office.recover, made.escrow, two_of(made))
        assert (done, failed) == (1, 0)
        assert await stage.review(await stage.grant(), start_us) == data
        assert await asyncio.to_thread(office.recover, made.escrow, two_of(made)) == (0, 0)


@pytest.mark.sqlite_only
async def test_a_backup_holds_no_wrapping_key_and_two_shares_open_what_it_restores(tmp_path: Path) -> None:
    clock = SimulatedClock()
    async with custody_stage(tmp_path / "data", clock) as stage:
        made = await asyncio.to_thread(hold, office_of(stage), tmp_path / "sheets")
        start_us, data = await a_night(stage)
        archive = tmp_path / "a.bak"
        await asyncio.to_thread(backup, stage.site.settings, archive, "a long passphrase", scrypt_n=1 << 4)
    again = load_settings(tmp_path / "again")
    restore(again, archive, "a long passphrase")
    assert not (again.hub_folder / "keys" / "wrapping").exists()
    (again.site_folder / "footage" / "meta").unlink()
    (again.site_folder / "footage").rmdir()
    (tmp_path / "data" / "site" / "footage").rename(again.site_folder / "footage")
    async with custody_stage(tmp_path / "again", clock) as stage:
        await stage.exchange()
        with pytest.raises(KeyAway):
            await stage.review(await stage.grant("bob"), start_us)
        assert await asyncio.to_thread(office_of(stage).recover, made.escrow, two_of(made)) == (1, 0)
        assert await stage.review(await stage.grant("bob"), start_us) == data


def test_the_commands_speak_to_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.hub.custody.escrow.USUAL", QUICK)
    data = ["--data", str(tmp_path / "data")]
    words = tmp_path / "words"
    words.write_text("correct horse battery\nstaple of another kind\n")
    run = CliRunner().invoke
    said = run(app, ["keys", "state", *data])
    assert said.exit_code == 0 and "the key ceremony is due" in said.output
    ask = ["keys", "ceremony", "--officer", "Ann Bell", "--officer", "Raj Patel", "--out", str(tmp_path / "sheets")]
    said = run(app, [*ask, "--passphrase-file", str(words), *data])
    assert said.exit_code == 0, said.output
    assert "PROTOCOL OF THE KEY CEREMONY" in said.output and "correct horse" not in said.output
    said = run(app, [*ask, "--passphrase-file", str(words), *data])
    assert said.exit_code == 1 and isinstance(said.exception, Conflict)
    said = run(app, ["keys", "rotate", *data])
    assert said.exit_code == 0 and "is in force" in said.output
    shares = [f"--share={tmp_path / 'sheets' / name}" for name in ("share-1.txt", "share-2.txt")]
    said = run(app, ["keys", "recover", *shares, "--passphrase-file", str(words), *data])
    assert said.exit_code == 0 and "0 camera-days" in said.output
    said = run(app, ["keys", "drill", *shares, "--passphrase-file", str(words), *data])
    assert isinstance(said.exception, NotFound)
    with key_office(load_settings(tmp_path / "data")) as office:
        assert office.state().break_glass is not None
