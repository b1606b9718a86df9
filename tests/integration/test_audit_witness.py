"""Witnesses over the link and over the network: they sign what extends the log they saw, and nothing else, ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from belvedere.cli.audit import app
from belvedere.cli.log_witness import LogWitness
from belvedere.foundation.clock import MINUTE_US, SECOND_US, SimulatedClock
from belvedere.foundation.errors import BelvedereError, Conflict, NotFound, Refused, StorageFault
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.audit.minute import renew_when_old
from belvedere.hub.local import log_local_acts
from belvedere.link.messages import Reply, Request
from belvedere.link.witness import Cosign, Cosigned, GetWitness, WitnessState
from belvedere.site.witness.witness import SiteWitness
from belvedere.tlog.check import LogFolder
from belvedere.tlog.checkpoint import log_origin, open_checkpoint
from belvedere.tlog.cosign import LogWentBack, WitnessKey, cosign, cosignatures, read_key
from belvedere.tlog.merkle import consistency_proof, full_root
from belvedere.tlog.note import BadNote, split_note
from forged_logs import FORK, LOG, PUBLIC, STRANGER, WITNESS, WITNESS_KEY, Log, text_of
from hub_stage import HubStage, hub_stage, served, status_of

NOW_S = 1_780_000_000


def path_of(log: Log, old: int) -> tuple[bytes, ...]:
    leaves = log.leaves()
    return consistency_proof(old, log.size, lambda level, at: full_root(leaves[at << level : (at + 1) << level]))


@pytest.fixture
def site(tmp_path: Path) -> SiteWitness:
    (tmp_path / "hub.pub").write_bytes(PUBLIC)
    return make_site(tmp_path)


def make_site(folder: Path, seen: int = 0) -> SiteWitness:
    return SiteWitness("main", folder / "witness.key", folder / "hub.pub", SimulatedClock(), lambda: seen)


def key_of(site: SiteWitness) -> WitnessKey:
    state = site.state(GetWitness())
    return WitnessKey(state.name, state.public_key)


# At the site -----------------------------------------------------------------------------------------------------------


def test_a_site_signs_what_extends_the_log_and_remembers_it(site: SiteWitness, tmp_path: Path) -> None:
    assert site.state(GetWitness()).size == 0
    first = Log(300).note()
    line = site.cosign(Cosign(first, ())).line
    assert [(one.name, one.time_s) for one in cosignatures(first + line.encode(), [key_of(site)])] == [
        ("belvedere/site/main", NOW_S)
    ]
    again = make_site(tmp_path)  # after a restart: the same key, the same memory
    assert again.state(GetWitness()) == site.state(GetWitness()) and again.state(GetWitness()).size == 300
    again.cosign(Cosign(LOG.note(), path_of(LOG, 300)))
    again.cosign(Cosign(LOG.note(), ()))  # nothing happened since
    assert again.state(GetWitness()).size == 600
    assert (tmp_path / "witness.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("note", "path"),
    [
        (Log(299).note(), ()),  # gone back
        (FORK.note(300), ()),  # another history of the same size
        (FORK.note(), path_of(FORK, 300)),  # another history, longer, with its own proof
        (FORK.note(), path_of(LOG, 300)),
        (LOG.note(), ()),
        (LOG.note(), path_of(LOG, 300)[:-1]),
        (LOG.note(), path_of(LOG, 299)),
        (LOG.note(), (*path_of(LOG, 300), bytes(32))),
        (LOG.note(key=STRANGER), path_of(LOG, 300)),
        (Log(0).note(), ()),
        (b"nothing", ()),
    ],
)
def test_a_site_never_signs_what_does_not(
    site: SiteWitness, tmp_path: Path, note: bytes, path: tuple[bytes, ...]
) -> None:
    site.cosign(Cosign(LOG.note(300), ()))
    with pytest.raises(Refused):
        site.cosign(Cosign(note, path))
    assert make_site(tmp_path).state(GetWitness()).size == 300
    site.cosign(Cosign(LOG.note(), path_of(LOG, 300)))  # the true log goes on


def test_a_site_believes_neither_a_shorter_log_than_grants_showed_nor_a_damaged_memory(
    site: SiteWitness, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="shorter than a grant"):
        make_site(tmp_path, seen=601).cosign(Cosign(LOG.note(), ()))
    site.cosign(Cosign(LOG.note(), ()))
    (tmp_path / "witness.checkpoint").write_bytes(LOG.note()[:-3])
    with pytest.raises(Refused, match="damaged"):
        site.state(GetWitness())
    (tmp_path / "hub.pub").unlink()
    with pytest.raises(Refused, match="no hub"):
        site.state(GetWitness())


def test_what_can_not_be_kept_is_not_signed(site: SiteWitness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left")

    monkeypatch.setattr("belvedere.site.witness.witness.write_durably", full)
    with pytest.raises(StorageFault, match="can't keep"):
        site.cosign(Cosign(LOG.note(), ()))


# At the hub ------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def hub_with_site(folder: Path) -> AsyncIterator[tuple[HubStage, SiteWitness]]:
    async with hub_stage(folder / "hub") as stage:
        (folder / "hub.pub").write_bytes(stage.hub.key.public_key().public_bytes_raw())
        site = make_site(folder)

        def answer(request: Request) -> Reply | None:
            made = site.answers().get(type(request))
            return made(request) if made is not None else None

        stage.site.status = status_of()
        stage.site.answer = answer
        yield stage, site


async def test_the_hub_asks_its_site_and_serves_what_it_signed(tmp_path: Path) -> None:
    async with hub_with_site(tmp_path) as (stage, site), stage.browser() as stranger:
        assert (await stranger.get("/log/witnessed")).status_code == 404
        for round_ in range(3):
            await asyncio.gather(*(stage.hub.audit.append("note", "user_1", {"n": n}) for n in range(40 * round_ + 1)))
            await stage.hub.witnesses.ask("main", stage.hub.link)
            assert site.state(GetWitness()).size >= stage.hub.audit.checkpoint().size - 1
        assert "witness.added" in stage.kinds()
        note = (await stranger.get("/log/witnessed")).content
        public = stage.hub.key.public_key().public_bytes_raw()
        assert open_checkpoint(note, public).size == site.state(GetWitness()).size
        assert [one.name for one in cosignatures(note, [key_of(site)])] == ["belvedere/site/main"]
        # Nothing happened since: the newest of all is the witnessed one, with the hub's own time below it.
        head = (await stranger.get("/log/checkpoint")).content
        hub_clock = WitnessKey(log_origin(public), public)
        assert {one.name for one in cosignatures(head, [key_of(site), hub_clock])} == {
            key_of(site).name,
            hub_clock.name,
        }
        assert (await stranger.get("/log/witnesses")).text == key_of(site).text + "\n"


async def test_a_site_with_another_key_is_not_believed(tmp_path: Path) -> None:
    async with hub_with_site(tmp_path) as (stage, _):
        await stage.hub.witnesses.ask("main", stage.hub.link)
        (tmp_path / "witness.key").unlink()
        stage.site.answer = lambda request: WitnessState("belvedere/site/main", bytes(32), 0)
        with pytest.raises(Conflict, match="another key"):
            await stage.hub.witnesses.ask("main", stage.hub.link)
        await stage.hub.witnesses._tell("main", "it shows another key")
        await stage.hub.witnesses._tell("main", "it shows another key")
        assert stage.kinds().count("witness.refused") == 1


async def test_a_signature_that_does_not_hold_is_not_kept(tmp_path: Path) -> None:
    async with hub_with_site(tmp_path) as (stage, site):
        key = key_of(site)
        state = WitnessState(key.name, key.public_key, 0)
        line = cosign(text_of(LOG.note()), key.name, WITNESS, NOW_S)
        stage.site.answer = lambda request: state if isinstance(request, GetWitness) else Cosigned(line)
        with pytest.raises((BadNote, Refused)):
            await stage.hub.witnesses.ask("main", stage.hub.link)
        assert stage.hub.witnesses.witnessed() is None


async def test_a_partner_hands_in_what_it_signed(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.browser() as partner:
        note = (await partner.get("/log/checkpoint")).content
        text = split_note(note)[0]
        mine = note + cosign(text, WITNESS_KEY.name, WITNESS, NOW_S).encode()
        refused = await partner.post("/log/cosignature", content=mine)
        assert refused.status_code == 403, refused.text
        stage.hub.witnesses.list.add(WITNESS_KEY)
        with pytest.raises(Conflict):
            stage.hub.witnesses.list.add(WITNESS_KEY)
        accepted = await partner.post("/log/cosignature", content=mine)
        assert accepted.status_code == 200 and accepted.text.startswith(WITNESS_KEY.name)
        later = note + cosign(text, WITNESS_KEY.name, WITNESS, NOW_S + 5).encode()
        await partner.post("/log/cosignature", content=later)
        await partner.post("/log/cosignature", content=mine)  # replayed: the newer one stays
        served = (await partner.get("/log/checkpoint")).content
        assert [one.time_s for one in cosignatures(served, [WITNESS_KEY])] == [NOW_S + 5]
        for wrong in (b"", b"x", note, LOG.note(), mine[:-9] + mine[-8:], bytes(70_000)):
            assert 400 <= (await partner.post("/log/cosignature", content=wrong)).status_code < 500
        stage.hub.witnesses.list.remove(WITNESS_KEY.name)
        with pytest.raises(NotFound):
            stage.hub.witnesses.list.remove(WITNESS_KEY.name)
        assert cosignatures((await partner.get("/log/checkpoint")).content, [WITNESS_KEY]) == []


async def test_a_checkpoint_longer_than_the_log_is_refused_and_a_damaged_one_passed_over(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        desk = stage.hub.witnesses
        desk.list.add(WITNESS_KEY)
        ahead = LOG.note(key=stage.hub.key)
        with pytest.raises(Refused, match="never signed"):
            desk.take(ahead + cosign(text_of(ahead), WITNESS_KEY.name, WITNESS, NOW_S).encode())
        kept = tmp_path / "hub" / "witness" / "cosigned" / WITNESS_KEY.id.hex()
        kept.parent.mkdir(parents=True)
        kept.write_bytes(b"damaged")
        assert desk.seen() == []


# Every minute ----------------------------------------------------------------------------------------------------------


async def test_a_quiet_log_is_signed_every_minute(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        log, clock = stage.hub.audit, stage.clock
        public = stage.hub.key.public_key().public_bytes_raw()
        own = WitnessKey(log_origin(public), public)
        before = log.checkpoint()
        assert not await renew_when_old(log, clock)
        clock.advance(MINUTE_US)
        assert await renew_when_old(log, clock)
        after = log.checkpoint()
        assert (after.size, after.root) == (before.size, before.root)
        times = [cosignatures(head.note, [own])[0].time_s for head in (before, after)]
        assert times[1] - times[0] == MINUTE_US // SECOND_US
        assert split_note(before.note)[0] == split_note(after.note)[0]
        clock.step(-2 * MINUTE_US)  # somebody set the clock back
        assert await renew_when_old(log, clock)


async def test_a_stopped_log_is_not_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hub_stage(tmp_path) as stage:
        log: AuditLog = stage.hub.audit
        with monkeypatch.context() as patch:
            patch.setattr(
                "belvedere.hub.audit.log.write_durably", lambda path, data: (_ for _ in ()).throw(OSError(5, "x"))
            )
            with pytest.raises(StorageFault):
                await log.renew()
        with pytest.raises(StorageFault):
            await log.renew()
        with pytest.raises(StorageFault):
            await log.append("note", "user_1", {})


# A partner's device ----------------------------------------------------------------------------------------------------


async def command(*words: str) -> Any:
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, list(words)))


async def test_a_device_of_ones_own_witnesses_and_refuses_a_fork(tmp_path: Path) -> None:
    state = str(tmp_path / "device")
    async with hub_stage(tmp_path / "hub") as stage, served(stage.app) as address:
        url, public = f"http://{address}", stage.hub.key.public_key().public_bytes_raw().hex()
        assert isinstance((await command("witness", "--url", url, "--state", state)).exception, BelvedereError)
        first = await command(
            "witness", "--url", url, "--state", state, "--name", "police.example/cctv", "--key", public, "--to-file",
            str(tmp_path / "note"),
        )  # fmt: skip
        assert first.exit_code == 0, first.output
        line = next(line.strip() for line in first.output.splitlines() if "+" in line)
        key = read_key(line)
        assert isinstance(key, WitnessKey)
        assert cosignatures((tmp_path / "note").read_bytes(), [key])
        data = ["--data", str(tmp_path / "hub")]
        added = await command("witnesses", *data, "--add", line)
        assert added.exit_code == 0 and added.output.strip() == line
        for wrong in (["--add", line], ["--remove", "nobody"], ["--add", "x"]):
            assert isinstance((await command("witnesses", *data, *wrong)).exception, BelvedereError)
        await log_local_acts(stage.hub.engine, stage.hub.audit)
        assert stage.kinds().count("witness.added") == 1
        await asyncio.gather(*(stage.hub.audit.append("note", "user_1", {"n": n}) for n in range(700)))
        second = await command("witness", "--url", url, "--state", state)
        assert second.exit_code == 0, second.output
        async with stage.browser() as stranger:
            assert cosignatures((await stranger.get("/log/checkpoint")).content, [key])
        checked = await command("verify", "--url", url, "--key", public)
        assert checked.exit_code == 0 and "1 of 1 known witnesses signed" in checked.output, checked.output
        wrong_name = await command("witness", "--url", url, "--state", state, "--name", "other.example")
        assert isinstance(wrong_name.exception, BelvedereError)
        kept = (tmp_path / "device" / "kept-checkpoint").read_bytes()
        # The hub is set back and goes another way.
        fork = Log(900, "other")
        folder = tmp_path / "fork"
        for name, data_ in {**fork.files(), "checkpoint": fork.note(key=stage.hub.key)}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data_)
        witness = LogWitness(tmp_path / "device", "", "", SimulatedClock())
        with pytest.raises(LogWentBack):
            witness.sign(LogFolder(folder))
        assert (tmp_path / "device" / "kept-checkpoint").read_bytes() == kept
        assert (tmp_path / "device" / "refused-checkpoint").read_bytes() == fork.note(key=stage.hub.key)
        assert (await command("witnesses", *data, "--remove", key.name)).output.strip() == ""
