"""The link over real packets between two network namespaces: whatever the line does, everything arrives once and in order."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import PolicyBuilder, Store

from belvedere.foundation.clock import DAY_US, MINUTE_US
from belvedere.foundation.settings import load_settings
from belvedere.hub.fleet.authority import Authority
from belvedere.link.enrolment import LINK_NAME, Papers, make_site_key
from belvedere.link.records import METADATA, Batch, Record, pack
from belvedere.site.outbox.sender import HttpsPost
from belvedere.site.uplink.papers import PaperFolder, Place
from far_stage import LONG_S, FarSite, FarStage, Wrong, far_stage, impatient, noticing, small_disk, until
from namespace_stage import HUB_SIDE, SITE_SIDE, listen, scan, sockets_open, why_not

_WHY = why_not()
pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(bool(_WHY), reason=_WHY or "-"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FarStage]:
    with pytest.MonkeyPatch.context() as patch:
        impatient(patch)
        noticing(patch)
        async with far_stage(tmp_path_factory.mktemp("far")) as opened:
            yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(stage: FarStage) -> FarSite:
    return await stage.running("rowan")


@pytest.fixture(autouse=True)
def mended(stage: FarStage) -> None:
    stage.line.well()


async def test_a_partition_ends_with_everything_at_the_hub(stage: FarStage, site: FarSite) -> None:
    await stage.up(site)
    stage.line.cut = True
    site.happen(40)
    await until(lambda: stage.hub.fleet.switchboard.line("rowan") is None and not site.out.dialler.connected)
    site.happen(700)
    assert stage.hub.fleet.records.count("rowan") < 740
    stage.line.cut = False
    await stage.up(site)
    await stage.arrived(site)


async def test_three_packets_in_ten_are_lost(stage: FarStage, site: FarSite) -> None:
    await stage.up(site)
    await stage.arrived(site)
    stage.line.loss, before = 0.3, stage.line.lost
    for _ in range(4):
        site.happen(50, letters=400)
        await stage.arrived(site)
    assert stage.line.lost > before


async def test_a_line_of_200_kbit_carries_records_and_answers(stage: FarStage, site: FarSite) -> None:
    await stage.up(site)
    stage.line.rate, before = 25_000, sum(stage.line.carried)
    site.happen(200, letters=400)
    assert (await stage.hub.fleet.to("rowan").status()).site == "main"
    await stage.arrived(site)
    assert sum(stage.line.carried) - before > 20_000


@pytest.mark.slow
async def test_the_site_gets_another_address(stage: FarStage, site: FarSite) -> None:
    await stage.up(site)
    stage.line.readdress(stage.line.site, SITE_SIDE, "10.97.0.3")
    site.happen(40)
    await until(lambda: getattr(stage.hub.fleet.switchboard.line("rowan"), "address", "") == "10.97.0.3")
    await stage.arrived(site)
    stage.line.readdress(stage.line.site, "10.97.0.3", SITE_SIDE)
    site.happen(40)
    await stage.arrived(site)


async def test_the_hub_gets_another_address(stage: FarStage, site: FarSite) -> None:
    await stage.up(site)
    for before, after in ((HUB_SIDE, "10.97.0.9"), ("10.97.0.9", HUB_SIDE)):
        stage.line.readdress(stage.line.hub, before, after)
        site.happen(40)
        site.papers.move(Place(after, stage.port))  # a name in the place of the number would do it by itself
        await stage.arrived(site)
    await stage.up(site)


@pytest.mark.parametrize("committed", [False, True])
async def test_the_hub_ends_in_the_middle_of_a_batch(stage: FarStage, site: FarSite, committed: bool) -> None:
    await stage.up(site)
    await stage.arrived(site)
    before, begun = stage.hub.fleet.records.count("rowan"), asyncio.Event()
    real = stage.hub.fleet.records.bring

    async def unanswered(name: str, batch: Batch) -> int:
        if batch.records:
            if committed:
                await real(name, batch)
            begun.set()
            await asyncio.Event().wait()  # until the hub ends
        return await real(name, batch)

    stage.hub.fleet.records.bring = unanswered  # type: ignore[assignment, method-assign]
    site.happen(60)
    async with asyncio.timeout(LONG_S):
        await begun.wait()
    assert (stage.hub.fleet.records.count("rowan") > before) is committed
    await stage.shut()
    site.happen(20)
    await stage.open()
    await stage.arrived(site)
    assert (stage.hub.fleet.records.repeated == 0) or committed


async def test_a_site_opens_no_port(stage: FarStage, tmp_path: Path) -> None:
    (tmp_path / "belvedere.toml").write_text('[site]\nid = "elm"\nname = "Elm"\nmin_free_bytes = 0\n')
    settings = load_settings(tmp_path)
    papers = PaperFolder(settings.site_folder / "keys" / "link", settings.hub_public_key_file, stage.clock)
    await stage.let_in_with(papers, "elm")
    serve = [sys.executable, "-m", "belvedere.site.serve", "--data", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(
        "ip", "netns", "exec", stage.line.site, *serve, stdout=asyncio.subprocess.PIPE
    )
    try:
        await until(lambda: stage.hub.fleet.switchboard.line("elm"))
        assert (await stage.hub.fleet.to("elm").status()).site == "elm"
        reached = {each for each in sockets_open(process.pid) if not each[1].endswith("7F")}  # 127.0.0.1 is 0100007F
        assert reached == set(), "neither TCP nor UDP, but for loopback"
        taken = await asyncio.to_thread(scan, stage.line.hub, stage.line.site, "10.98.0")
        assert taken == []
        with listen(stage.line.site) as open_door:  # what is open is found
            door = open_door.getsockname()[1]
            assert await asyncio.to_thread(scan, stage.line.hub, stage.line.site, "10.98.1", (door,)) == [door]
    finally:
        process.terminate()
        await process.communicate()


async def test_two_machines_with_one_identity(stage: FarStage, site: FarSite) -> None:
    await stage.up(site)
    run = site.out.dialler.run
    copy = stage.site("rowan", folder="copy")
    shutil.copytree(site.folder / "link", copy.folder / "link")
    await copy.start()
    await until(lambda: "Another machine" in copy.out.dialler.said)
    copy.happen(8)
    line = stage.hub.fleet.switchboard.line("rowan")
    assert line is not None and line.hello.run == run
    assert "site.twice" in [entry.kind for entry in stage.hub.audit.entries(limit=20)]
    await stage.leave(copy)
    site.happen(8)
    await stage.arrived(site)


async def test_a_batch_comes_again_long_after(stage: FarStage, site: FarSite) -> None:
    site.happen(40)
    await stage.arrived(site)
    rows = site.index.read().execute("SELECT kind, time_us, body FROM outbox WHERE lane = 1 ORDER BY seq LIMIT 20")
    records = tuple(Record(*row) for row in rows)
    epoch = bytes(site.index.read().execute("SELECT epoch FROM outbox_state").fetchone()[0])
    first = site.index.read().execute("SELECT min(seq) FROM outbox WHERE lane = 1").fetchone()[0]
    again, before = pack(Batch(epoch, METADATA, first, 0, records)), stage.hub.fleet.records.repeated
    post = HttpsPost(site.papers.tls, site.papers.place)
    for _ in range(3):
        await stage.elsewhere.do(post(again))
    post.close()
    assert stage.hub.fleet.records.repeated == before + 3 * len(records)
    assert stage.held(site) == site.told


@pytest.mark.parametrize("days", [3, -3])
async def test_a_clock_that_is_three_days_wrong(stage: FarStage, days: int) -> None:
    clock = Wrong(days * DAY_US)
    name = "ahead" if days > 0 else "behind"
    site = await stage.running(name, clock=clock)
    site.happen(40)
    await stage.arrived(site)
    line = stage.hub.fleet.switchboard.line(name)
    assert line is not None and abs(line.clock_error_us - days * DAY_US) < MINUTE_US * 10
    _trusted_at(site, stage, datetime.fromtimestamp(clock.now_us() / 1e6, UTC))
    site.happen(8)
    clock.error_us = 0  # somebody sets it right
    assert site.out.outbox.tidy() == 0
    site.happen(8)
    await stage.arrived(site)
    await stage.leave(site)


def _trusted_at(site: FarSite, stage: FarStage, when: datetime) -> None:
    """What TLS asks at both ends, asked for the time that the site believes in."""
    authority = stage.hub.fleet.desk.authority
    store = Store([authority.certificate])
    server = x509.load_pem_x509_certificate((stage.data / "hub" / "keys" / "link" / "server.pem").read_bytes())
    PolicyBuilder().store(store).time(when).build_server_verifier(x509.DNSName(LINK_NAME)).verify(server, [])
    own = site.papers.certificate()
    assert own.not_valid_before_utc <= datetime.now(UTC) <= own.not_valid_after_utc, "by the hub's clock"


async def test_a_certificate_that_ran_out_while_the_site_was_away(stage: FarStage, site: FarSite) -> None:
    await stage.up(site)
    await stage.arrived(site)
    await site.stop()
    then = Authority(stage.data / "hub" / "keys" / "link", Wrong(-40 * DAY_US))
    key = make_site_key()
    old = then.certify("rowan", key.public_key()).public_bytes(Encoding.DER)
    hub_key = (site.folder / "hub.pub").read_bytes()
    site.papers.take(Papers("in", "", old, then.der, hub_key), key)
    site.happen(20)
    await site.start()
    await until(lambda: "has expired" in site.out.dialler.said)
    assert "enrol" in site.out.dialler.said and stage.held(site) != site.told
    await stage.let_in(site)
    await stage.up(site)
    await stage.arrived(site)


@pytest.mark.sqlite_only
async def test_the_hub_is_restored_from_a_backup(stage: FarStage, site: FarSite) -> None:
    await stage.up(site)
    await stage.arrived(site)
    await stage.shut()
    shutil.copytree(stage.data, stage.folder / "backup")
    await stage.open()
    site.happen(60)
    await stage.arrived(site)
    await stage.shut()
    shutil.rmtree(stage.data)
    shutil.move(stage.folder / "backup", stage.data)
    stage.line.cut = True  # what is missing is seen before it comes again
    await stage.open()
    assert stage.held(site) != site.told
    stage.line.cut = False
    await stage.arrived(site)


@pytest.mark.slow
async def test_two_seconds_there_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.site.uplink.dialler._PING_S", 20.0)
    monkeypatch.setattr("belvedere.hub.fleet.door._PING_S", 20.0)
    monkeypatch.setattr("belvedere.site.uplink.https._TIMEOUT_S", 30.0)
    async with far_stage(tmp_path) as stage:
        site = await stage.running("rowan")
        await stage.arrived(site)
        stage.line.delay_s = 1.0
        site.happen(40)
        assert (await stage.hub.fleet.to("rowan").status()).site == "main"
        await stage.arrived(site)
        stage.line.well()


@pytest.mark.sqlite_only
async def test_the_hubs_disk_is_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "hub-machine", 16) as disk:
        async with far_stage(tmp_path) as stage:
            site = await stage.running("rowan")
            site.happen(20)
            await stage.arrived(site)
            filler = disk / "filler"
            with pytest.raises(OSError, match="space"), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
            site.happen(600, letters=200)
            await until(lambda: "can't keep records" in site.out.sender.said)
            assert site.out.outbox.standing().waiting > 0 and stage.hub.fleet.records.refused > 0
            filler.unlink()
            await stage.arrived(site)
