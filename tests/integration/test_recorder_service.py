"""The recorder behind its socket, and the archive in front of its footage."""

import asyncio
from pathlib import Path

import pytest

from belvedere.foundation.clock import DAY_US, SECOND_US, SimulatedClock
from belvedere.foundation.errors import BadAddress, BadInput, NotFound, Refused
from belvedere.media.stream import StreamKind
from belvedere.policy.grant import Action
from belvedere.site.ingest import messages as m
from belvedere.site.recorder.check import check
from recorder_rig import fragment
from recorder_stage import URL, Worker, came, grant, run_start, stage


async def test_worker_to_decrypted_bytes(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        await s.put_camera(sub=URL + "2")
        worker = await s.worker()
        main, sub = await worker.opened(), await worker.opened()
        assert (main.url, main.username, main.password) == ("rtsp://127.0.0.1:8554/gate", "user", "secret")
        start = s.clock.now_us() - 9 * SECOND_US
        await worker.say(
            m.StreamState(main.stream, "recording", "", 3), run_start(main.stream), run_start(sub.stream, b"sub")
        )
        await s.feed(worker, main.stream, range(18), start)
        await s.feed(worker, sub.stream, range(18), start, seed=5, size=3000)
        await s.durable(18)
        await s.durable(18, "sub")
        (run,) = s.archive.timeline("cam-01", "main", start, start + 60 * SECOND_US)
        assert (run.end_us - run.start_us, run.end_reason, run.imported) == (9 * SECOND_US, "", False)

        allowed = grant(s.clock)
        playlist = s.archive.playlist(allowed, "cam-01", "main", run.start_us + 3 * SECOND_US, run.end_us)
        assert playlist.growing
        assert [p.media_90k for p in playlist.pieces] == [180_000, 360_000, 540_000, 720_000]
        assert playlist.pieces[0].start_us == run.start_us + 2 * SECOND_US
        got = b"".join(
            chunk
            for p in playlist.pieces
            for chunk in s.archive.read(allowed, Action.PLAYBACK, "cam-01", "main", p.segment, p.start, p.end)
        )
        assert got == b"".join(fragment(n, start).data for n in range(4, 18))
        init = s.archive.init(allowed, "cam-01", playlist.pieces[0].config_id)
        assert (init.data, init.width) == (b"init one", 640)

        status = s.archive.status()
        (camera,) = status.cameras
        assert [(t.stream, t.state, t.fps, t.gop_seconds) for t in camera.streams] == [
            ("main", "recording", 10.0, 2.0),
            ("sub", "connecting", 10.0, 2.0),
        ]
        assert camera.bytes_kept > 18 * 23_000
        assert camera.first_us == run.start_us
        assert status.disks[0].state == "ok"
        await worker.say(m.RunEnd(main.stream, "camera_unreachable", "No route."))
        worker.close()
    assert ("ended", "cam-01", "main") in s.heard.calls
    assert len(s.heard.fragments) == 36


async def test_no_footage_without_a_grant_for_that_footage(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        await s.put_camera()
        worker = await s.worker()
        order = await worker.opened()
        start = s.clock.now_us() - 9 * SECOND_US
        await worker.say(run_start(order.stream))
        await s.feed(worker, order.stream, range(16), start)
        await s.durable(16)
        a = s.archive
        wide = grant(s.clock)
        pieces = a.playlist(wide, "cam-01", "main", start, start + 8 * SECOND_US).pieces
        piece = pieces[1]

        def read(g: object, camera: str = "cam-01", stream: str = "main", action: Action = Action.PLAYBACK) -> bytes:
            return b"".join(a.read(g, action, camera, stream, piece.segment, piece.start, piece.end))  # type: ignore[arg-type]

        assert read(wide)
        with pytest.raises(Refused, match="does not cover camera"):
            read(grant(s.clock, cameras=("cam-02",)))
        with pytest.raises(Refused, match="does not allow"):
            read(grant(s.clock, actions=(Action.LIVE,)))
        with pytest.raises(Refused, match="covers"):
            read(grant(s.clock, from_us=piece.start_us + 1))
        with pytest.raises(Refused, match="covers"):
            read(grant(s.clock, to_us=piece.start_us + piece.duration_us - 1))
        assert read(grant(s.clock, from_us=piece.start_us, to_us=piece.start_us + piece.duration_us))
        with pytest.raises(Refused, match="does not cover camera"):
            a.playlist(grant(s.clock, cameras=()), "cam-01", "main", start, start + 1)
        with pytest.raises(Refused, match="does not cover camera"):
            a.init(grant(s.clock, cameras=()), "cam-01", piece.config_id)
        with pytest.raises(NotFound):
            read(wide, stream="sub")
        with pytest.raises(NotFound):
            a.init(wide, "cam-01", "0" * 16)
        with pytest.raises(BadInput, match="range"):
            list(a.read(wide, Action.EXPORT, "cam-01", "main", piece.segment, 0, 1 << 40))
        # A grant that begins inside a piece gets only the pieces that lie in it whole.
        narrow = grant(s.clock, from_us=piece.start_us + 1)
        inside = a.playlist(narrow, "cam-01", "main", piece.start_us + 1, start + 8 * SECOND_US).pieces
        assert [p.start_us for p in inside] == [p.start_us for p in pieces[2:]]
        # Footage deleted while it is read ends in an error that says so.
        parts = a.read(wide, Action.PLAYBACK, "cam-01", "main", piece.segment, piece.start, piece.end)
        for path in (tmp_path / "site" / "footage").rglob("*.blvs"):
            path.unlink()
        with pytest.raises(NotFound, match="not there any more"):
            list(parts)


async def test_live_frames_go_to_the_live_side(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        await s.put_camera()
        worker = await s.worker()
        order = await worker.opened()
        s.recorder.set_live("cam-01", "main", True)
        assert await worker.hear() == m.SetLive(order.stream, True)
        await worker.say(run_start(order.stream), m.LiveFrame(order.stream, True, s.clock.now_us(), b"frame"))
        async with asyncio.timeout(10):
            while ("frame", "cam-01", "main", "frame") not in s.heard.calls:
                await asyncio.sleep(0.01)
        # A worker that comes instead is told again.
        worker.close()
        again = await s.worker()
        fresh = await again.opened()
        assert await again.hear() == m.SetLive(fresh.stream, True)
        again.close()


async def test_cameras_are_added_changed_switched_off_and_removed(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        worker = await s.worker()
        await s.put_camera()
        first = await worker.opened()
        await worker.say(run_start(first.stream))
        await s.feed(worker, first.stream, range(2), s.clock.now_us() - SECOND_US)
        await s.durable(2)
        await s.put_camera(main="rtsp://127.0.0.1/other")
        assert await worker.hear() == m.CloseStream(first.stream)
        second = await worker.opened()
        assert (second.url, second.password) == ("rtsp://127.0.0.1/other", "")
        await s.put_camera(main="rtsp://127.0.0.1/other", enabled=False)
        assert await worker.hear() == m.CloseStream(second.stream)
        assert s.archive.status().cameras[0].streams[0].state == "off"
        await s.put_camera("door", main="")
        assert s.archive.status().cameras[1].streams[0].state == "imported"
        await asyncio.to_thread(s.archive.remove_camera, "cam-01")
        assert [c.slug for c in s.archive.cameras()] == ["door"]
        assert s.archive.timeline("cam-01", "main", 0, 1 << 60), "footage of a removed camera stays"
        with pytest.raises(NotFound):
            s.archive.remove_camera("cam-01")
        with pytest.raises(BadAddress) as refused:
            s.archive.put_camera("bad", "Bad", "ftp://u:hunter2@host/x", "", True)
        assert "hunter2" not in str(refused.value)
        raw = b"".join(p.read_bytes() for p in (tmp_path / "site").glob("index.db*"))
        assert b"secret" not in raw
        assert b"8554" not in raw
        worker.close()


async def test_a_worker_that_vanishes_ends_its_runs(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        await s.put_camera()
        worker = await s.worker()
        order = await worker.opened()
        await worker.say(run_start(order.stream))
        start = s.clock.now_us() - 3 * SECOND_US
        await s.feed(worker, order.stream, range(4), start)
        await s.durable(4)
        assert s.archive.status().cameras[0].streams[0].fps > 0
        worker.close()
        async with asyncio.timeout(60):
            while s.archive.timeline("cam-01", "main", 0, 1 << 60)[0].end_reason != "crash":
                await asyncio.sleep(0.02)
        main = s.archive.status().cameras[0].streams[0]
        assert (main.fps, main.bits_per_second, main.gop_seconds) == (0.0, 0.0, 0.0), "nothing comes now"
        assert check(s.index, s.keyring, s.disks, contents=True) == []


async def test_streams_are_shared_evenly(tmp_path: Path) -> None:
    async with stage(tmp_path, cameras_per_process=3) as s:
        for number in range(4):
            await s.put_camera(f"cam-{number}")
        first = await s.worker(slot=0)
        second = await s.worker(slot=1)
        for worker in (first, second):
            await worker.opened()
            await worker.opened()
        first.close()
        await second.opened()  # after a while the other takes over what it can carry
        second.close()


async def test_a_nonsensical_worker_is_hung_up_on(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        await s.put_camera()
        worker = await s.worker()
        order = await worker.opened()
        wrong = run_start(order.stream)
        await worker.say(m.RunStart(order.stream, "h264", (), 1, 1, "", b"init", wrong.config_id))
        assert isinstance(await worker.hear(), m.Trouble)
        with pytest.raises(asyncio.IncompleteReadError):
            await worker.hear()
        reader, writer = await asyncio.open_unix_connection(str(s.settings.ingest_socket))
        writer.write(b"\x00\x00\x00\x05hello")
        assert await reader.read() == b""
        writer.close()


async def test_clock_step_ends_the_run_at_the_next_keyframe(tmp_path: Path) -> None:
    clock = SimulatedClock()
    async with stage(tmp_path, clock=clock) as s:
        await s.put_camera()
        worker = await s.worker()
        order = await worker.opened()
        await worker.say(run_start(order.stream))
        start = clock.now_us() - 5 * SECOND_US
        await s.feed(worker, order.stream, range(6), start)
        await s.durable(6)
        clock.step(-3600 * SECOND_US)
        s.recorder.look()
        await s.feed(worker, order.stream, range(6, 12), start - 3600 * SECOND_US)
        await s.durable(12)
        late, early = s.archive.timeline("cam-01", "main", 0, 1 << 60)[::-1]
        assert (late.end_reason, early.end_reason) == ("clock_changed", "")
        assert early.start_us < late.start_us - 3000 * SECOND_US
        assert check(s.index, s.keyring, s.disks, contents=True) == []
        worker.close()


async def test_imports(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        await s.put_camera(main="")
        past = s.clock.now_us() - 2 * DAY_US

        async def opened(start_us: int, duration_us: int = 0, camera: str = "cam-01") -> tuple[Worker, m.AnyToWorker]:
            worker = await s.worker(kind="import")
            await worker.say(m.ImportOpen(camera, "main", start_us, duration_us, "door.mp4 sha256:00"))
            return worker, await worker.hear()

        worker, ready = await opened(past, 30 * SECOND_US)
        assert isinstance(ready, m.ImportReady)
        await worker.say(run_start(ready.stream))
        await s.feed(worker, ready.stream, range(60), 0)
        assert s.archive.timeline("cam-01", "main", 0, 1 << 60) == (), "no footage before it is complete"
        await worker.say(m.RunEnd(ready.stream, "import_end", ""), m.ImportEnd(ready.stream))
        done = await worker.hear()
        assert isinstance(done, m.ImportDone)
        assert done.bytes == 60 * 20_000
        (run,) = s.archive.timeline("cam-01", "main", 0, 1 << 60)
        assert (run.start_us, run.end_us, run.imported) == (past, past + 30 * SECOND_US, True)
        assert check(s.index, s.keyring, s.disks, contents=True) == []

        for refused, code in (
            (opened(past + SECOND_US), "conflict"),
            (opened(past - 5 * SECOND_US, 10 * SECOND_US), "conflict"),
            (opened(past + 90 * SECOND_US, 0, "nobody"), "not_found"),
            (opened(s.clock.now_us() + DAY_US), "bad_input"),
        ):
            other, answer = await refused
            assert isinstance(answer, m.Trouble)
            assert (answer.code, bool(answer.advice)) == (code, True)
            other.close()

        # One that runs into existing footage is stopped, and nothing of it stays; nor of one that breaks off.
        worker, ready = await opened(past - 10 * SECOND_US)
        assert isinstance(ready, m.ImportReady)
        await worker.say(run_start(ready.stream))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError, AssertionError)):
            await s.feed(worker, ready.stream, range(60), 0)
            answer = await worker.hear()
            assert not isinstance(answer, m.Trouble) or answer.code != "conflict"
        worker, ready = await opened(past + 60 * SECOND_US)
        assert isinstance(ready, m.ImportReady)
        await worker.say(run_start(ready.stream))
        await s.feed(worker, ready.stream, range(20), 0)
        worker.close()
        async with asyncio.timeout(10):
            while s.index.read().execute("SELECT count(*) FROM run").fetchone()[0] > 1:
                await asyncio.sleep(0.02)
        assert check(s.index, s.keyring, s.disks, contents=True) == []


async def test_wrong_disk_is_said_and_others_go_on(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    async with stage(tmp_path, footage=[one, two]) as s:
        await s.put_camera()
    (one / "meta").rename(tmp_path / "meta-of-one")
    async with stage(tmp_path, footage=[one, two]) as s:
        await s.put_camera(sub=URL)
        async with asyncio.timeout(10):
            while s.archive.status().disks[0].state != "wrong_disk":
                await asyncio.sleep(0.02)
        assert "Mount the right disk" in s.archive.status().disks[0].message
        worker = await s.worker()
        for _ in range(2):
            order = await worker.opened()
            await worker.say(run_start(order.stream))
            await s.feed(worker, order.stream, range(4), s.clock.now_us() - 3 * SECOND_US)
        s.recorder.look()
        for handle in (1, 2):
            await worker.say(*(came(handle, fragment(n, s.clock.now_us() - 3 * SECOND_US)) for n in range(4, 12)))
        await s.durable(8)
        await s.durable(8, "sub")
        assert not list(one.rglob("*.blvs")), "nothing is written under a mount point whose disk is away"
        (tmp_path / "meta-of-one").rename(one / "meta")
        async with asyncio.timeout(10):
            while s.archive.status().disks[0].state != "ok":
                await asyncio.sleep(0.02)
        worker.close()
    assert {feed.ref.kind for feed in s.recorder.feeds.values()} == {StreamKind.MAIN, StreamKind.SUB}
