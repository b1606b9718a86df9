"""Readers that get stuck, crash or are left behind: the loop goes on, the reason is told, no process stays."""

import io
import os
import signal
import socket
from pathlib import Path

import av
import pytest

from belvedere.site.ingest.messages import CloseStream, FragmentCame, RunEnd, RunStart, StreamState
from foreign_stage import contain, http, over_http, recorded
from ingest_stage import Line, Packetizer, ScriptedCamera, answer, describe, film, worker
from process_stage import children, confined, wait_gone

pytestmark = pytest.mark.faults


def test_a_silent_server_is_noticed_and_tried_again(tmp_path: Path) -> None:
    shown = film(frames=30)
    data = contain(shown, "mpegts")
    quiet, whole = over_http(data, "mpegts", endless=True), over_http(data, "mpegts")
    with worker(tmp_path) as process, ScriptedCamera(quiet, whole) as camera:
        recorder = process.recorder
        recorder.open(http(camera.url))
        end = recorder.wait(RunEnd)
        assert (end.reason, "4 s" in end.message) == ("camera_silent", True)
        recorder.wait(RunStart)
        recorder.wait(RunEnd)
        assert recorder.of(StreamState)[-1].reconnects <= 2
        assert process.finish() == 0
    # FFmpeg gives a picture out only when the next has begun, both in its demuxer and in its parser.
    assert len(recorded(recorder)) == 28 + 30


def test_a_reader_that_is_stopped_blocks_nothing_and_one_that_is_killed_is_replaced(tmp_path: Path) -> None:
    shown = film(frames=30)
    script = over_http(contain(shown, "mpegts"), "mpegts", endless=True)
    packets = Packetizer(shown.codec)
    rtsp = answer(describe(shown), lambda line: line.send(packets.film(shown)))
    with worker(tmp_path) as process, ScriptedCamera(script) as camera, ScriptedCamera(rtsp) as other:
        recorder = process.recorder
        recorder.open(http(camera.url), stream=1)
        recorder.wait(FragmentCame)
        (wrapped,) = children(process.process.pid)
        reader = confined(wrapped)
        os.kill(reader, signal.SIGSTOP)
        recorder.open(other.url, stream=2)
        recorder.wait(FragmentCame, lambda fragment: fragment.stream == 2)
        os.kill(reader, signal.SIGKILL)
        end = recorder.wait(RunEnd, lambda end: end.stream == 1)
        assert (end.reason, "could not stand" in end.message) == ("camera_protocol", True)
        recorder.wait(RunStart, lambda start: start.stream == 1)
        assert process.finish() == 0
        wait_gone(wrapped)


def test_no_reader_outlives_a_killed_ingest_process(tmp_path: Path) -> None:
    script = over_http(contain(film(frames=30), "mpegts"), "mpegts", endless=True)
    with worker(tmp_path) as process, ScriptedCamera(script) as camera:
        process.recorder.open(http(camera.url))
        process.recorder.wait(FragmentCame)
        (wrapped,) = children(process.process.pid)
        reader = confined(wrapped)
        process.process.kill()
        process.process.wait(60)
        wait_gone(reader)
        wait_gone(wrapped)


def test_a_removed_camera_takes_its_reader_along(tmp_path: Path) -> None:
    script = over_http(contain(film(frames=30), "mpegts"), "mpegts", endless=True)
    with worker(tmp_path) as process, ScriptedCamera(script) as camera:
        process.recorder.open(http(camera.url))
        process.recorder.wait(FragmentCame)
        (wrapped,) = children(process.process.pid)
        reader = confined(wrapped)
        process.recorder.send(CloseStream(stream=1))
        assert process.recorder.wait(RunEnd).reason == "removed"
        wait_gone(reader)
        wait_gone(wrapped)
        assert process.finish() == 0


@pytest.mark.parametrize("data", [b"\x47" * 3_000_000, os.urandom(3_000_000), b""], ids=["sync", "noise", "nothing"])
def test_garbage_is_told_and_records_nothing(tmp_path: Path, data: bytes) -> None:
    with worker(tmp_path) as process, ScriptedCamera(over_http(data, "mpegts")) as camera:
        process.recorder.open(http(camera.url))
        state = process.recorder.wait(StreamState, lambda state: state.state == "waiting")
        assert "is not MPEG-TS" in state.message or "holds no video" in state.message
        assert process.finish() == 0
    assert not process.recorder.of(RunStart)


def test_garbage_in_the_middle_of_a_stream(tmp_path: Path) -> None:
    shown = film(frames=30)
    data = contain(shown, "mpegts")
    half = len(data) // 2 // 188 * 188
    broken = data[:half] + b"\x00\xffnot a packet" * 300 + data[half:]
    with worker(tmp_path) as process, ScriptedCamera(over_http(broken, "mpegts")) as camera:
        process.recorder.open(http(camera.url))
        process.recorder.wait(RunEnd)
        assert process.finish() == 0
    assert len(recorded(process.recorder)) >= 28


def test_another_codec_is_refused_with_the_reason(tmp_path: Path) -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for index in range(30):
            frame = av.VideoFrame(64, 64, "yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    def script(line: Line) -> None:
        line.request()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n" + out.getvalue())
        line.connection.shutdown(socket.SHUT_WR)

    with worker(tmp_path) as process, ScriptedCamera(script) as camera:
        process.recorder.open(http(camera.url))
        state = process.recorder.wait(StreamState, lambda state: state.state == "refused")
        assert state.message.startswith("The stream is MPEG-2; H.264 and H.265 are recorded.")
        assert process.finish() == 0


def test_a_server_that_goes_away_mid_stream(tmp_path: Path) -> None:
    shown = film(frames=30)
    data = contain(shown, "mpegts")

    def script(line: Line) -> None:
        line.request()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n" + data[: len(data) // 2])
        line.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, not an end
        line.connection.close()

    with worker(tmp_path) as process, ScriptedCamera(script, over_http(data, "mpegts")) as camera:
        process.recorder.open(http(camera.url))
        process.recorder.wait(StreamState, lambda state: state.state == "waiting")
        process.recorder.wait(RunStart)
        process.recorder.wait(RunEnd, lambda end: end.reason == "camera_closed")
        assert process.finish() == 0
    assert recorded(process.recorder)[-30:] == [picture.nals for picture in shown.pictures]
