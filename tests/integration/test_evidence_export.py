"""Exports through the control room's own addresses: what was asked comes out, gaps are told, nothing half-made stays."""

import asyncio
import hashlib
import io
import json
import shutil
import threading
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import av
import pytest
from sqlalchemy import text

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from belvedere.foundation.errors import NotFound, Refused, SealBroken, SiteAway, StorageFault
from belvedere.hub.evidence import composing, making
from belvedere.hub.evidence import export as desk_module
from belvedere.hub.evidence.order import Order
from belvedere.hub.evidence.store import WORKING, ExportStore
from belvedere.hub.evidence.verify import verify_pack
from belvedere.hub.quotas.counts import Counts, Limits
from belvedere.link.messages import Run
from belvedere.policy.grant import Action
from evidence_stage import BREAK_US, LONG_US, EvidenceStage, evidence_stage


@pytest.fixture(scope="module")
def opened_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose hub was open before: its database need not be made for every test."""
    folder = tmp_path_factory.mktemp("data") / "data"

    async def open_once() -> None:
        async with evidence_stage(folder):
            pass

    asyncio.run(open_once())
    return folder


@pytest.fixture
def data(opened_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(opened_once, tmp_path / "data"))


@pytest.fixture
async def stage(data: Path) -> AsyncIterator[EvidenceStage]:
    async with evidence_stage(data) as opened:
        yield opened


def left_behind(stage: EvidenceStage) -> list[str]:
    folder = stage.folder / "hub/exports"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


async def test_a_pack_holds_what_was_asked_and_says_what_is_missing(stage: EvidenceStage, tmp_path: Path) -> None:
    export = await stage.export(note="Two men, one in red.")
    assert (export["state"], export["progress"], export["message"]) == ("ready", 1.0, "")
    path = await stage.pack(export, tmp_path / "pack.zip")
    assert (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()) == (export["bytes"], export["sha256"])
    report = verify_pack(path, stage.public_key)
    assert report.valid and report.key_confirmed, report.problems
    with zipfile.ZipFile(path) as pack:
        assert pack.namelist() == [
            "clips/gate-main-1.mp4",
            "clips/gate-main-2.mp4",
            "README.txt",
            "log/entry.json",
            "log/proof.json",
            "manifest.json",
            "manifest.sig",
        ]
        assert {entry.compress_type for entry in pack.infolist()} == {zipfile.ZIP_STORED}
        manifest = json.loads(pack.read("manifest.json"))
        readme = pack.read("README.txt").decode()
        clips = [pack.read(name) for name in pack.namelist()[:2]]
    start = stage.start_us
    assert manifest["export"]["start_us"] == start + 1_500_000
    (camera,) = manifest["cameras"]
    assert camera["clock_error_us"] == 250_000
    first, second = camera["clips"]
    # From the keyframe before the mark, to the end of the run; then the second run up to the GOP that holds the mark.
    assert (first["start_us"], first["end_us"]) == (start + SECOND_US, start + LONG_US)
    assert first["mark_offset_us"] == 500_000 and second["mark_offset_us"] == 0
    assert (second["start_us"], second["end_us"]) == (start + BREAK_US, start + BREAK_US + 2 * SECOND_US)
    assert (first["lost_packets"], first["fragments"], first["run"]) == (3, 6, 1)
    (gap,) = camera["gaps"]
    assert (gap["start_us"], gap["end_us"]) == (start + LONG_US, start + BREAK_US)
    assert (gap["reason"], gap["text"]) == ("camera_unreachable", "The camera could not be reached.")
    assert "The camera could not be reached." in readme and "0.2 seconds ahead" in readme
    assert "Two men, one in red." in readme and "Gate (gate, Alder Way)" in readme
    for clip, frames in zip(clips, (30, 20), strict=True):
        with av.open(io.BytesIO(clip), "r") as video:
            assert len(list(video.decode(video=0))) == frames
            assert video.duration == frames * SECOND_US // 10


async def test_sample_bytes_are_those_of_the_recording(stage: EvidenceStage, tmp_path: Path) -> None:
    export = await stage.export(start_us=stage.start_us, end_us=stage.start_us + LONG_US)
    path = await stage.pack(export, tmp_path / "pack.zip")
    with zipfile.ZipFile(path) as pack, av.open(io.BytesIO(pack.read("clips/gate-main-1.mp4")), "r") as video:
        packets = [bytes(packet) for packet in video.demux(video.streams.video[0]) if packet.size]
    assert packets == [frame.data for frame in stage.archive.film.frames]


async def test_the_log_tells_the_story_in_order(stage: EvidenceStage, tmp_path: Path) -> None:
    export = await stage.export()
    await stage.pack(export, tmp_path / "pack.zip")
    entries = [entry for entry in reversed(stage.hub.audit.entries(limit=50)) if entry.kind.startswith("export.")]
    assert [entry.kind for entry in entries] == ["export.started", "export.ready", "export.downloaded"]
    assert entries[0].facts["cameras"] == ["gate"] and entries[0].facts["grant"] == stage.grant
    assert entries[1].facts["sha256"] == entries[2].facts["sha256"] == export["sha256"]


async def test_nothing_is_read_before_it_is_logged(stage: EvidenceStage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(kind: str, actor: str, facts: object) -> None:
        raise StorageFault("The audit log can't be written.", advice="Check the disk.")

    monkeypatch.setattr(type(stage.hub.audit), "append", lambda self, *words: refuse(*words))
    answer = await stage.browser.post("/api/exports", json=stage.order())
    assert answer.status_code == 503
    assert stage.archive.read_calls == 0
    assert (await stage.browser.get("/api/exports")).json() == {"exports": []}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"cameras": ["town-hall"]}, 403),
        ({"grant": "grant_other"}, 403),
        ({"cameras": []}, 400),
        ({"start_us": 5, "end_us": 5}, 403),
        ({"name": "x" * 201}, 400),
    ],
)
async def test_orders_that_may_not_be(stage: EvidenceStage, changes: dict[str, object], status: int) -> None:
    answer = await stage.browser.post("/api/exports", json=stage.order(**changes))
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["advice"]
    assert stage.archive.read_calls == 0


@pytest.mark.parametrize(
    ("first_us", "last_us", "words"),
    [(0, 0, "more than nothing"), (-2 * DAY_US, 0, "at most a day"), (HOUR_US, 2 * HOUR_US, "not come yet")],
)
async def test_orders_that_make_no_sense(stage: EvidenceStage, first_us: int, last_us: int, words: str) -> None:
    now = stage.clock.now_us()
    answer = await stage.browser.post("/api/exports", json=stage.order(start_us=now + first_us, end_us=now + last_us))
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


async def test_a_camera_without_footage_is_told_as_a_gap(stage: EvidenceStage, tmp_path: Path) -> None:
    export = await stage.export(cameras=["gate", "yard", "gate"])
    path = await stage.pack(export, tmp_path / "pack.zip")
    assert verify_pack(path, stage.public_key).valid
    with zipfile.ZipFile(path) as pack:
        cameras = json.loads(pack.read("manifest.json"))["cameras"]
        readme = pack.read("README.txt").decode()
    assert [camera["id"] for camera in cameras] == ["gate", "yard"]
    assert cameras[1]["clips"] == [] and cameras[1]["gaps"][0]["reason"] == "not_recorded"
    assert "Yard, north" in readme


async def test_no_footage_at_all_fails_and_says_why(stage: EvidenceStage) -> None:
    export = await stage.export(cameras=["yard"])
    assert export["state"] == "failed"
    assert "no footage of this time" in export["message"]
    assert left_behind(stage) == []
    answer = await stage.browser.get(f"/api/exports/{export['id']}/pack")
    assert answer.status_code == 404 and "no footage" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("playlist", Refused("This access ended.", advice="Ask again.")),
        ("timeline", SiteAway("The site is away.", advice="Wait.")),
        ("init", NotFound("There is no such configuration.", advice="Look again.")),
        ("read", Refused("This access ended.", advice="Ask again.")),
        ("part", SealBroken("Segment 7 does not open.", advice="Run `belvedere site check`.")),
    ],
)
async def test_a_fault_at_the_site_fails_the_export_and_leaves_nothing(
    stage: EvidenceStage, call: str, error: Exception
) -> None:
    calls = 0

    def fault(name: str) -> None:
        nonlocal calls
        calls += name == call
        if name == call and calls >= (3 if call == "part" else 1):
            raise error

    stage.archive.fault = fault
    export = await stage.export()
    assert export["state"] == "failed" and str(error) in export["message"]
    assert left_behind(stage) == []
    assert stage.hub.audit.entries(limit=1)[0].kind == "export.failed"
    stage.archive.fault = lambda name: None
    assert (await stage.export())["state"] == "ready"


async def test_a_site_that_does_not_tell_its_health_leaves_clocks_unknown(stage: EvidenceStage, tmp_path: Path) -> None:
    def fault(name: str) -> None:
        if name == "status":
            raise SiteAway("The site is away.", advice="Wait.")

    stage.archive.fault = fault
    path = await stage.pack(await stage.export(), tmp_path / "pack.zip")
    with zipfile.ZipFile(path) as pack:
        assert json.loads(pack.read("manifest.json"))["cameras"][0]["clock_error_us"] is None
        assert "could not be compared" in pack.read("README.txt").decode()


async def test_a_full_disk_is_said_before_and_noticed_while(
    stage: EvidenceStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(making.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 99, 1))  # type: ignore[attr-defined]
        export = await stage.export()
        assert "has 0 MiB free" in export["message"]
    with monkeypatch.context() as patch:

        def full(*words: object) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr("belvedere.hub.evidence.pack.PackFile.write", full)
        export = await stage.export()
        assert (export["state"], export["message"].split(".")[0]) == (
            "failed",
            "The pack can't be written: No space left on device",
        )
    assert left_behind(stage) == []


async def test_a_defect_fails_one_export_and_not_the_next(
    stage: EvidenceStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(composing, "readme", lambda manifest: 1 / 0)
        assert "Something in Belvedere broke" in (await stage.export())["message"]
    assert left_behind(stage) == []
    assert (await stage.export())["state"] == "ready"


async def test_what_a_restart_interrupts_goes_on_where_it_was(data: Path, tmp_path: Path) -> None:
    async with evidence_stage(data) as stage:
        second = asyncio.Event()
        loop = asyncio.get_running_loop()
        begun = 0

        def hold(name: str) -> None:
            nonlocal begun
            begun += name == "init"
            if name == "init" and begun == 2:  # the first clip is in the pack
                loop.call_soon_threadsafe(second.set)
                stopped.wait(60)

        stopped = threading.Event()
        stage.archive.fault = hold
        answer = await stage.browser.post("/api/exports", json=stage.order())
        waiting = await stage.browser.post("/api/exports", json=stage.order(name="Next"))
        await asyncio.wait_for(second.wait(), 60)
        first, then = [await stage.browser.get(f"/api/exports/{each.json()['id']}") for each in (answer, waiting)]
        assert (first.json()["step"], then.json()["step"]) == ("making", "waiting")
        share = first.json()["progress"]
        assert 0 < share < 1
        await stage.desk.stop()
        let_go = (await stage.browser.get(f"/api/exports/{answer.json()['id']}")).json()
        assert (let_go["step"], let_go["resumed"], let_go["progress"]) == ("waiting", True, share)
        stopped.set()
    assert [path.name for path in (data / "hub/making").iterdir()] == [f".{answer.json()['id']}.1.zip.part"]
    # What else a power cut could leave: half a pack of an older version, and a whole one that nobody was told of.
    (data / "hub/exports").mkdir(exist_ok=True)
    (data / "hub/exports/.export_x.zip.part").write_bytes(b"half")
    (data / f"hub/exports/{answer.json()['id']}.zip").write_bytes(b"whole")
    async with evidence_stage(data, stage.clock) as stage:
        await stage.desk.idle()
        listed = (await stage.browser.get("/api/exports")).json()["exports"]
        assert [export["state"] for export in listed] == ["ready", "ready"]
        assert stage.archive.read_calls == 1 + 3, "the second clip of the first (one read), both of the other (three)"
        for export in listed:
            assert verify_pack(await stage.pack(export, tmp_path / "pack.zip"), stage.public_key).valid
        kinds = [entry.kind for entry in stage.hub.audit.entries(limit=50)]
        assert kinds.count("export.ready") == 2 and "export.failed" not in kinds
        assert left_behind(stage) == sorted(f"{export['id']}.zip" for export in listed)
        assert not list((data / "hub/making").iterdir())


async def test_an_export_of_a_version_without_jobs_is_failed_in_words(data: Path) -> None:
    async with evidence_stage(data) as stage:
        export = await stage.export()
        with stage.hub.engine.begin() as connection:
            connection.execute(text("DELETE FROM job"))
            connection.execute(text("UPDATE export SET state = 'working'"))
    async with evidence_stage(data, stage.clock) as stage:
        (line,) = (await stage.browser.get("/api/exports")).json()["exports"]
        assert (line["id"], line["state"]) == (export["id"], "failed") and "restarted" in line["message"]
        assert left_behind(stage) == []


async def test_progress_grows_and_the_list_is_ones_own(stage: EvidenceStage) -> None:
    seen: list[float] = []
    loop = asyncio.get_running_loop()

    def look(name: str) -> None:
        if name == "read":
            seen.append(asyncio.run_coroutine_threadsafe(progress(), loop).result(10))

    async def progress() -> float:
        (row,) = await stage.desk.of(stage.hub.users.by_name("ann").id)
        return row.progress

    stage.archive.fault = look
    export = await stage.export()
    assert seen == sorted(seen) and seen[0] == 0.0 and 0 < seen[-1] < 1
    assert (await stage.browser.get("/api/exports")).json()["exports"] == [export]
    with pytest.raises(NotFound):
        await stage.desk.get(export["id"], "user_other")


async def test_somebody_else_gets_neither_the_pack_nor_its_name(stage: EvidenceStage) -> None:
    export = await stage.export()
    _, code = stage.hub.users.create("bob", "manager")
    stage.browser.cookies.clear()
    signed = await stage.browser.post("/api/session", json={"username": "bob", "password": code})
    stage.browser.headers["X-Belvedere-CSRF"] = signed.json()["csrf"]
    theirs = (await stage.browser.post("/api/grants", json={"purpose": "duty"})).json()["id"]
    for address in (f"/api/exports/{export['id']}", f"/api/exports/{export['id']}/pack?grant={theirs}"):
        assert (await stage.browser.get(address)).status_code == 404
    assert (await stage.browser.get("/api/exports")).json() == {"exports": []}


async def test_a_pack_needs_a_living_grant_to_leave(stage: EvidenceStage) -> None:
    export = await stage.export()
    assert (await stage.browser.get(f"/api/exports/{export['id']}/pack")).status_code == 200
    assert (await stage.browser.delete(f"/api/grants/{stage.grant}")).status_code == 204
    refused = await stage.browser.get(f"/api/exports/{export['id']}/pack")
    assert refused.status_code == 403
    again = (await stage.browser.post("/api/grants", json={"purpose": "duty"})).json()["id"]
    assert (await stage.browser.get(f"/api/exports/{export['id']}/pack?grant={again}")).status_code == 200
    playback = {"purpose": "duty", "actions": ["playback"]}
    narrow = (await stage.browser.post("/api/grants", json=playback)).json()["id"]
    assert (await stage.browser.get(f"/api/exports/{export['id']}/pack?grant={narrow}")).status_code == 403


async def test_the_desk_itself_asks_for_the_right_grant(stage: EvidenceStage) -> None:
    user = stage.hub.users.by_name("ann")
    export = await stage.export()
    row = await stage.desk.get(export["id"], user.id)
    playback = {"purpose": "duty", "actions": ["playback"]}
    narrow = (await stage.browser.post("/api/grants", json=playback)).json()["id"]
    usable = await stage.hub.grants.use(user, narrow, Action.PLAYBACK, ["gate"])
    order = Order(usable.wire, usable.grant, "x", ("gate",), row.start_us, row.end_us)
    with pytest.raises(Refused):
        await stage.desk.order(order)
    with pytest.raises(Refused):
        await stage.desk.release(row, usable.grant)


async def test_a_bounded_number_may_wait(stage: EvidenceStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage.hub.quotas, "counts", Counts(Limits({})))  # the limit of a day is lower
    gate_open = asyncio.Event()
    real = making.PackMaker._make

    async def slow(*words: Any) -> Any:
        await gate_open.wait()
        return await real(*words)

    monkeypatch.setattr(making.PackMaker, "_make", slow)
    answers = [
        await stage.browser.post("/api/exports", json=stage.order()) for _ in range(desk_module.MOST_WAITING + 3)
    ]
    codes = [answer.status_code for answer in answers]
    assert codes[: desk_module.MOST_WAITING] == [201] * desk_module.MOST_WAITING and codes[-1] == 503
    gate_open.set()
    await stage.desk.idle()
    listed = (await stage.browser.get("/api/exports")).json()["exports"]
    assert {export["state"] for export in listed} == {"ready"}


async def test_a_log_that_fails_at_the_end_keeps_the_pack_back(
    stage: EvidenceStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = type(stage.hub.audit).append

    async def append(log: Any, kind: str, actor: str, facts: Any) -> Any:
        if kind in ("export.ready", "export.failed"):
            raise StorageFault("The audit log can't be written.", advice="Check the disk.")
        return await real(log, kind, actor, facts)

    monkeypatch.setattr(type(stage.hub.audit), "append", append)
    answer = await stage.browser.post("/api/exports", json=stage.order())
    await stage.desk.idle()
    assert left_behind(stage) == []
    row = ExportStore(stage.hub.engine).get(answer.json()["id"])
    assert row is not None and row.state == WORKING
    reads = stage.archive.read_calls
    monkeypatch.undo()
    stage.clock.advance(MINUTE_US)
    assert (await stage.finished(row.id))["state"] == "ready"
    assert stage.archive.read_calls == reads, "the pack was there already"


async def test_the_small_stream_serves_where_there_is_no_other(
    stage: EvidenceStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = type(stage.archive).playlist

    def playlist(archive: Any, grant: Any, camera: str, stream: str, from_us: int, to_us: int) -> Any:
        found = real(archive, grant, camera, stream, from_us, to_us)
        return type(found)(camera, stream, (), False) if stream == "main" else found

    monkeypatch.setattr(type(stage.archive), "playlist", playlist)
    path = await stage.pack(await stage.export(), tmp_path / "pack.zip")
    assert verify_pack(path).valid
    with zipfile.ZipFile(path) as pack:
        assert pack.namelist()[0] == "clips/gate-sub-1.mp4"


async def test_imported_footage_is_called_so(
    stage: EvidenceStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = (Run(stage.start_us, stage.start_us + LONG_US, "import_end", True, 0),)
    monkeypatch.setattr(type(stage.archive), "timeline", lambda *words: runs)
    path = await stage.pack(await stage.export(end_us=stage.start_us + MINUTE_US), tmp_path / "pack.zip")
    with zipfile.ZipFile(path) as pack:
        readme = pack.read("README.txt").decode()
    assert "made by other equipment" in readme and "The imported recording ended here." in readme
