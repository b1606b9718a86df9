"""Health at the site, with a real recorder, a real index, the real decoder process, and a real camera that misbehaves."""

import asyncio
import select
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from belvedere.demo.rtsp.faults import Faults as CameraFaults
from belvedere.demo.rtsp.reel import AccessUnit, Reel
from belvedere.demo.rtsp.server import RtspServer
from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, SimulatedClock, SystemClock
from belvedere.foundation.errors import BadInput, NotFound
from belvedere.link.health import EndOutage, GetFaults, GetHealth, GetHours, GetUptime, PutOutage
from belvedere.media.fmp4 import write_fragment
from belvedere.media.nal import split_lengths
from belvedere.media.stream import Codec
from belvedere.site.health.answers import HealthAnswers
from belvedere.site.health.eye import Eye
from belvedere.site.health.monitor import Monitor
from belvedere.site.health.store import HealthStore
from belvedere.site.live.relay import Relay
from belvedere.site.retention.headroom import headroom
from belvedere.site.storage.index import Index
from link_stage import TICK_90K, film
from recorder_stage import Stage, stage

NOON = 1_795_348_800 * SECOND_US  # 2026-11-22T12:00:00Z


def open_health(made: Stage, relay: Relay | None = None) -> tuple[Monitor, HealthAnswers]:
    store = HealthStore(made.index)
    monitor = Monitor(made.settings.site, store, made.recorder, relay or Relay(made.clock), made.clock)
    return monitor, HealthAnswers(store, monitor, made.recorder, made.clock)


def put_run(index: Index, number: int, start_us: int, end_us: int, reason: str, *, imported: int = 0) -> None:
    """A run as the recorder would have written it."""
    with index.write() as db:
        db.execute("INSERT OR IGNORE INTO boot (id, started_us, version) VALUES (1, 0, 't')")
        db.execute(
            "INSERT OR IGNORE INTO stream_config (id, stream_id, config_id, codec, codec_string, width, height, "
            "parameter_sets, init) VALUES (1, 1, 'c', 'h264', 'avc1', 1, 1, x'', x'')"
        )
        db.execute(
            "INSERT INTO run (id, stream_id, config_id, boot_id, start_us, end_us, end_reason, imported) "
            "VALUES (?, 1, 1, 1, ?, ?, ?, ?)",
            (number, start_us, end_us, reason, imported),
        )


async def test_months_are_what_exists_and_planned_work_is_apart(tmp_path: Path) -> None:
    clock = SimulatedClock(NOON)
    async with stage(tmp_path, clock=clock) as made:
        await made.put_camera("gate")
        monitor, answers = open_health(made)
        begin = NOON - 10 * DAY_US
        put_run(made.index, 1, begin, NOON - 5 * DAY_US, "camera_unreachable")
        put_run(made.index, 2, NOON - 5 * DAY_US + 3 * HOUR_US, NOON - HOUR_US, "restart")
        put_run(made.index, 3, NOON - 30 * MINUTE_US, NOON, "")
        put_run(made.index, 4, NOON - 9 * DAY_US, NOON, "import_end", imported=1)
        monitor.tick()
        (camera,) = answers.uptime(GetUptime(2)).cameras
        (month,) = camera.months
        lost = 3 * HOUR_US + 30 * MINUTE_US
        assert (month.month, month.expected_us, month.missing_us) == ("2026-11", 10 * DAY_US - 10 * SECOND_US, lost)
        assert month.reasons == {"camera_unreachable": 3 * HOUR_US, "restart": 30 * MINUTE_US}
        assert month.recorded_us == month.expected_us - lost, "imported footage is not uptime"

        # planned work may be declared a day late, not later
        with pytest.raises(BadInput, match="within a day"):
            answers.put_outage(PutOutage("gate", NOON - 5 * DAY_US, NOON - 4 * DAY_US, "Lamp post", "Mo"))
        answers.put_outage(PutOutage("gate", NOON - 50 * MINUTE_US, NOON + HOUR_US, "Lamp post", "Mo"))
        (month,) = answers.uptime(GetUptime(1)).cameras[0].months
        assert (month.planned_us, month.missing_us) == (20 * MINUTE_US, lost - 20 * MINUTE_US)
        assert month.recorded_us + month.planned_us + month.missing_us == month.expected_us

        # what was settled stays when the footage goes for age
        with made.index.write() as db:
            db.execute("DELETE FROM run WHERE id = 1")
        (later,) = answers.uptime(GetUptime(1)).cameras[0].months
        assert (later.recorded_us, later.missing_us) == (month.recorded_us, month.missing_us)
        hours = answers.hours(GetHours("gate", "main", NOON - 10 * DAY_US, NOON))
        assert len(hours.hours) == 239 and sum(hour.gaps for hour in hours.hours) == 3, "the last one is not over"
        report = answers.report(GetHealth())
        assert report.cameras[0].outage == report.outages[0].id
        answers.end_outage(EndOutage(report.outages[0].id))
        with pytest.raises(NotFound):
            answers.end_outage(EndOutage(report.outages[0].id))
        monitor.stop()


async def test_a_camera_switched_off_owes_nothing(tmp_path: Path) -> None:
    clock = SimulatedClock(NOON)
    async with stage(tmp_path, clock=clock) as made:
        await made.put_camera("gate")
        await asyncio.sleep(0)
        made.recorder.refresh()
        monitor, answers = open_health(made)
        monitor.tick()
        clock.advance(HOUR_US)
        await made.put_camera("gate", enabled=False)
        made.recorder.refresh()
        monitor.tick()
        assert [each.closed_why for each in answers.faults(GetFaults(0)).faults if each.closed_us] in ([], ["gone"])
        clock.advance(5 * HOUR_US)
        monitor.tick()
        (month,) = answers.uptime(GetUptime(1)).cameras[0].months
        assert (month.expected_us, month.recorded_us, month.missing_us) == (HOUR_US, 0, HOUR_US)
        states = answers.hours(GetHours("gate", "main", NOON, NOON + DAY_US)).changes
        assert [each.state for each in states] == ["connecting", "off"]
        monitor.stop()


async def test_history_stays_small_and_goes_after_thirteen_months(tmp_path: Path) -> None:
    clock = SimulatedClock(NOON)
    async with stage(tmp_path, clock=clock) as made:
        await made.put_camera("gate")
        monitor, answers = open_health(made)
        put_run(made.index, 1, NOON - 400 * DAY_US, NOON, "")
        monitor.tick()
        days, size = made.index.read().execute("SELECT count(*), sum(length(hours)) FROM health_day").fetchone()
        assert days == 397 and size / days < 1000
        assert len(answers.uptime(GetUptime(13)).cameras[0].months) == 13
        clock.advance(40 * DAY_US)
        monitor.tick()
        (oldest,) = made.index.read().execute("SELECT min(day) FROM health_day").fetchone()
        assert oldest >= (clock.now_us() - 397 * DAY_US) // DAY_US
        monitor.stop()


class Hurried:
    """The system's clock; a test may let monotonic time jump, so that what takes minutes has passed."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self.skipped_us = 0

    def now_us(self) -> int:
        return self._clock.now_us()

    def monotonic_us(self) -> int:
        return self._clock.monotonic_us() + self.skipped_us


def reel() -> Reel:
    shown = film(seconds=4, width=320, height=180)
    units = tuple(AccessUnit(tuple(split_lengths(each.data)), each.dts_90k, each.keyframe) for each in shown.frames)
    times = tuple(unit.pts_90k for unit in units)
    c = shown.config
    return Reel(Codec.H264, c.parameter_sets, units, times, times[-1] + TICK_90K, c.width, c.height)


@pytest.mark.faults
async def test_faults_of_a_real_camera_become_tickets(tmp_path: Path) -> None:
    """Freeze, a wrong clock, a refused password: each ends in its ticket, and all close when the camera is well."""
    async with RtspServer(SystemClock(), username="viewer", password="s3cret") as server, stage(tmp_path) as made:
        source = server.add("gate", reel())
        url = server.url("gate").replace("rtsp://", "rtsp://viewer:s3cret@")
        clock = Hurried()
        store = HealthStore(made.index)
        monitor = Monitor(made.settings.site, store, made.recorder, Relay(clock), clock)
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "belvedere.site.ingest.serve",
            "--socket",
            str(made.settings.ingest_socket),
            "--slot",
            "0",
        )

        def feed_state() -> str:
            return next((feed.state for feed in made.recorder.feeds.values()), "")

        def opened() -> set[str]:
            return {each.kind for each in store.faults(1 << 60) if each.closed_us is None}

        async def until(what: Callable[[], bool]) -> None:
            async with asyncio.timeout(30):
                while not what():
                    await asyncio.sleep(0.05)

        async def pass_minutes(minutes: int) -> None:
            await asyncio.to_thread(monitor.tick)
            clock.skipped_us += minutes * MINUTE_US
            await asyncio.to_thread(monitor.tick)

        try:
            await made.put_camera("gate", url)
            await until(lambda: feed_state() == "recording")
            (feed,) = made.recorder.feeds.values()
            await until(lambda: feed.last_frame_us > 0)
            await pass_minutes(3)
            assert opened() == set()

            source.faults = CameraFaults(clock_error_us=9 * SECOND_US)
            await until(lambda: (feed.clock_error_us or 0) > 8 * SECOND_US)
            feed.clock_seen_us = clock.now_us()
            await pass_minutes(4)
            assert opened() == {"clock"}

            source.faults = CameraFaults(frozen=True)
            await until(lambda: feed_state() != "recording")
            await pass_minutes(3)
            assert opened() == {"clock", "no_picture"}

            source.faults = CameraFaults()
            await until(lambda: feed_state() == "recording" and abs(feed.clock_error_us or SECOND_US) < SECOND_US)
            feed.clock_seen_us = clock.now_us()
            await until(lambda: clock.now_us() - feed.last_frame_us < SECOND_US)
            await pass_minutes(11)
            assert opened() == set()
            assert {each.closed_why for each in store.faults(0)} == {"healthy"}

            source.faults = CameraFaults(deny=True)
            for session in list(source.clients):
                session.close()
            await until(lambda: feed_state() == "denied")
            await pass_minutes(1)
            assert opened() == {"password"}
        finally:
            worker.terminate()
            await worker.wait()
            await asyncio.to_thread(monitor.stop)


def test_the_decoder_process_looks_and_survives_nonsense() -> None:
    clock = SystemClock()
    eye = Eye(clock)
    shown = film(seconds=4, width=320, height=180)

    gop = next(n for n, frame in enumerate(shown.frames[1:], 1) if frame.keyframe)
    data = shown.config.init + write_fragment(list(shown.frames[:gop]), shown.frames[gop].dts_90k, 1)
    try:
        first = eye.look(1, data)
        again = eye.look(1, data)
        assert first is not None and first.change is None and again is not None and again.change == 0.0
        assert len(first.edges) == 32 * 18 and first.std > 1
        assert eye.look(1, b"\0" * 500) is None and eye.look(2, data[:-800]) is not None
        assert eye.look(1, data) is not None
        process = eye._process
        assert process is not None and process.stdout is not None
        process.kill()
        process.wait()
        gone = select.poll()  # the confined child goes a moment after the process that confines it
        gone.register(process.stdout, 0)
        assert gone.poll(30_000)[0][1] & select.POLLHUP
        assert eye.look(1, data) is None, "it was gone"
        assert eye.look(1, data) is not None, "and was started anew"
        assert (eye.looks, eye.failed) == (7, 2)
    finally:
        eye.close()


async def test_days_left_are_retentions_own_forecast(tmp_path: Path) -> None:
    clock = SimulatedClock(NOON)
    async with stage(tmp_path, clock=clock) as made:
        await made.put_camera("gate")
        (writer,) = made.recorder.writers
        free, today = writer.disk.files.space()[1], NOON // DAY_US
        with made.index.write() as db:
            db.executemany(
                "INSERT INTO recorded_day (disk_id, day, camera, segments, bytes) VALUES (?, ?, 'gate', 1, ?)",
                [(writer.disk.id, today - back, free // 5) for back in range(1, 8)],
            )
        monitor, answers = open_health(made)
        monitor.tick()
        site = made.settings.site
        forecast = headroom(made.index, writer.disk, NOON, site.min_free_bytes, site.retention_days)
        told = answers.report(GetHealth()).disks[0].days_left
        assert forecast.alarm and told is not None and told == pytest.approx(forecast.days, abs=0.2)
        clock.advance(11 * MINUTE_US)
        monitor.tick()
        assert "disk_headroom" in {each.kind for each in answers.faults(GetFaults(0)).faults}
        monitor.stop()


class CountedEye(Eye):
    """Says nothing of any picture, and counts."""

    def look(self, camera: int, data: bytes) -> None:
        self.looks += 1


class NewKeyframes(Relay):
    """Another keyframe each time that one is asked for."""

    asked = 0

    def newest_keyframe(self, camera: str, stream: str) -> bytes:
        self.asked += 1
        return self.asked.to_bytes(4)


async def test_a_hint_from_elsewhere_has_the_picture_looked_at_at_once(tmp_path: Path) -> None:
    clock = SimulatedClock(NOON)
    async with stage(tmp_path, clock=clock) as made:
        await made.put_camera("gate")
        ref = next(iter(made.recorder.feeds.values())).ref
        feeds: Any = {("gate", "main"): SimpleNamespace(running=True, recent=[], ref=ref)}
        eye = CountedEye(clock)
        store = HealthStore(made.index)
        monitor = Monitor(made.settings.site, store, made.recorder, NewKeyframes(clock), clock, eye=eye)

        def passed(us: int) -> int:
            clock.advance(us)
            monitor._watch(feeds, clock.now_us(), clock.monotonic_us())
            return eye.looks

        assert passed(SECOND_US) == 1
        assert passed(11 * SECOND_US) == 1, "nothing stands out: in five minutes again"
        monitor.look_soon("gate")
        monitor.look_soon("of a camera that is gone")
        assert passed(SECOND_US) == 2
        assert passed(SECOND_US) == 2
        assert passed(5 * MINUTE_US) == 3
