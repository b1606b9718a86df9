"""The real ingest process between a camera and a recorder's socket."""

import asyncio
import io
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest

from belvedere.demo.rtsp.faults import Faults
from belvedere.demo.rtsp.reel import make_reel
from belvedere.demo.rtsp.server import RtspServer
from belvedere.foundation.clock import SystemClock
from belvedere.media.fmp4 import read_fragment
from belvedere.media.nal import join_annex_b, split_lengths
from belvedere.media.stream import Codec
from belvedere.site.ingest.messages import (
    ClockSeen,
    CloseStream,
    FragmentCame,
    LiveFrame,
    RunEnd,
    RunStart,
    SetLive,
    StreamState,
)
from ingest_stage import (
    Film,
    Line,
    Packetizer,
    Recorder,
    ScriptedCamera,
    answer,
    describe,
    film,
    worker,
)


def send_film(shown: Film) -> "Packetizer":
    return Packetizer(shown.codec, aggregate=True)


def recorded_nals(recorder: Recorder) -> list[tuple[bytes, ...]]:
    """NAL units of every recorded frame, in order."""
    frames = []
    for fragment in recorder.of(FragmentCame):
        for sample in read_fragment(fragment.data):
            data = fragment.data[sample.offset : sample.offset + sample.size]
            frames.append(tuple(split_lengths(data)))
    return frames


@pytest.mark.parametrize(("codec", "b_frames"), [(Codec.H264, 0), (Codec.H264, 2), (Codec.H265, 0), (Codec.H265, 2)])
def test_what_is_recorded_equals_what_the_camera_sent(tmp_path: Path, codec: Codec, b_frames: int) -> None:
    shown = film(codec, frames=60, b_frames=b_frames)

    def play(line: Line) -> None:
        line.send(send_film(shown).film(shown))
        line.connection.shutdown(1)  # the camera closes: the last frames are handed over too

    with worker(tmp_path) as process, ScriptedCamera(answer(describe(shown), play)) as camera:
        recorder = process.recorder
        recorder.open(camera.url)
        start = recorder.wait(RunStart)
        end = recorder.wait(RunEnd)
        assert process.finish() == 0
    assert end.reason == "camera_closed"
    assert (start.codec, start.width, start.height) == (codec.value, shown.width, shown.height)
    assert start.parameter_sets == shown.parameter_sets
    assert recorded_nals(recorder) == [picture.nals for picture in shown.pictures]
    fragments = recorder.of(FragmentCame)
    assert all(fragment.duration_90k <= 45_000 + 3600 for fragment in fragments)
    for before, after in itertools.pairwise(fragments):
        assert before.start_90k + before.duration_90k == after.start_90k
    assert fragments[0].start_90k == 0 and fragments[0].keyframe
    assert sum(fragment.lost_packets for fragment in fragments) == 0

    samples = [sample for fragment in fragments for sample in read_fragment(fragment.data)]
    times = [picture.pts_90k for picture in shown.pictures]
    assert [sample.dts_90k + sample.cts_90k for sample in samples] == times
    assert [sample.dts_90k for sample in samples] == sorted(times)

    # What every FFmpeg player sees. It shifts all times when some presentation times lie before decode times.
    whole = start.init + b"".join(fragment.data for fragment in fragments)
    with av.open(io.BytesIO(whole), "r") as container:
        packets = [packet for packet in container.demux(container.streams.video[0]) if packet.dts is not None]
    assert [(packet.pts or 0) - (packets[0].pts or 0) for packet in packets] == times
    assert [packet.is_keyframe for packet in packets] == [picture.keyframe for picture in shown.pictures]
    with av.open(io.BytesIO(whole), "r") as container:
        assert len(list(container.decode(video=0))) == 60


@contextmanager
def demo_camera(username: str = "", password: str = "") -> Iterator[tuple[str, Film]]:
    """The demo's own RTSP server in a thread, with one camera."""
    shown = film(frames=50)
    raw = [(join_annex_b(picture.nals), picture.pts_90k, picture.keyframe) for picture in shown.pictures]
    reel = make_reel(shown.codec, raw, shown.width, shown.height, 25)
    ready = threading.Event()
    url = []
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    async def serve() -> None:
        server = RtspServer(SystemClock(), username=username, password=password)
        async with server:
            server.add("cam", reel, Faults(clock_error_us=-7_000_000))
            url.append(server.url("cam"))
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(60)
    try:
        yield url[0], shown
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(10)
        loop.close()


def test_the_demo_camera_with_digest_live_frames_and_its_clock(tmp_path: Path) -> None:
    with demo_camera("operator", "s3cret p@ss") as (url, shown), worker(tmp_path) as process:
        recorder = process.recorder
        recorder.open(url, username="operator", password="s3cret p@ss")
        start = recorder.wait(RunStart)
        recorder.wait(FragmentCame)
        recorder.send(SetLive(stream=1, on=True))
        live = [recorder.wait(LiveFrame) for _ in range(20)]
        recorder.wait(FragmentCame, lambda fragment: fragment.keyframe)
        clock = recorder.wait(ClockSeen) if not recorder.of(ClockSeen) else recorder.of(ClockSeen)[0]
        assert recorder.of(StreamState)[-1].state == "recording"
        assert process.finish() == 0
        output = b"".join(process.process.communicate(timeout=60))
    # Seven seconds slow; it was seen as late as this machine was slow, but never before it was sent.
    assert -60_000_000 < clock.camera_us - clock.arrival_us < -6_000_000
    assert recorder.of(RunEnd)[-1].reason == "restart"
    assert (start.width, start.height) == (shown.width, shown.height)
    # Live frames go on where the fragments before them end, and repeat exactly what the fragments bring.
    recorded = {}
    for fragment in recorder.of(FragmentCame):
        for sample in read_fragment(fragment.data):
            recorded[sample.dts_90k] = fragment.data[sample.offset : sample.offset + sample.size]
    times = []
    for frame in live:
        (sample,) = read_fragment(frame.data)
        times.append(sample.dts_90k)
        if sample.dts_90k in recorded:
            assert recorded[sample.dts_90k] == frame.data[sample.offset : sample.offset + sample.size]
    first = next(i for i, message in enumerate(recorder.seen) if isinstance(message, LiveFrame))
    before = [message for message in recorder.seen[:first] if isinstance(message, FragmentCame)][-1]
    assert times[0] == before.start_90k + before.duration_90k
    assert [late - early for early, late in itertools.pairwise(times)] == [3600] * 19
    assert b"s3cret" not in output and b"Basic" not in output and b"Digest" not in output


def test_close_says_teardown_and_ends_the_run(tmp_path: Path) -> None:
    shown = film()
    torn = threading.Event()

    def play(line: Line) -> None:
        line.send(send_film(shown).film(shown))
        while request := line.request():
            if request.startswith("TEARDOWN"):
                torn.set()

    with worker(tmp_path) as process, ScriptedCamera(answer(describe(shown), play)) as camera:
        process.recorder.open(camera.url)
        process.recorder.wait(FragmentCame)
        process.recorder.send(CloseStream(stream=1))
        assert process.recorder.wait(RunEnd).reason == "removed"
        assert torn.wait(60)
        assert process.finish() == 0


def test_the_process_ends_when_the_recorder_goes(tmp_path: Path) -> None:
    with worker(tmp_path) as process:
        process.recorder.connection.close()
        assert process.process.wait(60) == 3


def test_two_streams_of_one_process_do_not_mix(tmp_path: Path) -> None:
    one, two = film(frames=30), film(Codec.H265, frames=30)

    def play_one(line: Line) -> None:
        line.send(send_film(one).film(one))

    def play_two(line: Line) -> None:
        line.send(send_film(two).film(two))

    with (
        worker(tmp_path) as process,
        ScriptedCamera(answer(describe(one), play_one)) as first,
        ScriptedCamera(answer(describe(two, sets=False), play_two)) as second,
    ):
        recorder = process.recorder
        recorder.open(first.url, stream=10)
        recorder.open(second.url, stream=11)
        recorder.wait(FragmentCame, lambda fragment: fragment.stream == 10)
        if not any(fragment.stream == 11 for fragment in recorder.of(FragmentCame)):
            recorder.wait(FragmentCame, lambda fragment: fragment.stream == 11)
        assert process.finish() == 0
    codecs = {start.stream: start.codec for start in recorder.of(RunStart)}
    assert codecs == {10: "h264", 11: "h265"}
