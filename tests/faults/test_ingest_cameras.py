"""Cameras that misbehave, against the real ingest process: what was recorded stays, the reason is exact, recording goes on."""

import socket
from pathlib import Path

import pytest

from belvedere.site.ingest.messages import FragmentCame, RunEnd, RunStart, StreamState
from ingest_stage import Line, Packetizer, Picture, Script, ScriptedCamera, answer, describe, film, worker

pytestmark = pytest.mark.faults


def sends(data: bytes) -> Script:
    return answer(describe(film()), lambda line: line.send(data))


def hang_up_after(line: Line, data: bytes) -> None:
    line.send(data)
    line.connection.shutdown(socket.SHUT_WR)


def mute(line: Line) -> None:
    """Takes every word and says none."""
    while line.request():
        pass


def test_a_camera_that_stops_mid_gop_is_silent_and_tried_again(tmp_path: Path) -> None:
    shown = film(frames=30)
    packets = Packetizer(shown.codec)
    data = b"".join(b"".join(packets.picture(picture)) for picture in shown.pictures[:25])
    whole = Packetizer(shown.codec).film(shown)
    with worker(tmp_path) as process, ScriptedCamera(sends(data[:-100]), sends(whole)) as camera:
        recorder = process.recorder
        recorder.open(camera.url)
        end = recorder.wait(RunEnd)
        assert end.reason == "camera_silent" and "4 s" in end.message
        assert sum(fragment.frames for fragment in recorder.of(FragmentCame)) == 24
        recorder.wait(RunStart)
        assert process.finish() == 0


def test_garbage_in_the_stream_costs_a_frame_not_the_run(tmp_path: Path) -> None:
    shown = film(frames=30)
    packets = Packetizer(shown.codec)
    data = b""
    for index, picture in enumerate(shown.pictures):
        data += (b"\x00\xffnot a packet$" if index == 12 else b"") + b"".join(packets.picture(picture))
    script = answer(describe(shown), lambda line: hang_up_after(line, data))
    with worker(tmp_path) as process, ScriptedCamera(script) as camera:
        recorder = process.recorder
        recorder.open(camera.url)
        assert recorder.wait(RunEnd).reason == "camera_closed"
        assert process.finish() == 0
    assert len(recorder.of(RunStart)) == 1
    assert sum(fragment.frames for fragment in recorder.of(FragmentCame)) >= 29


def test_nothing_but_garbage_ends_the_connection(tmp_path: Path) -> None:
    with worker(tmp_path) as process, ScriptedCamera(sends(b"\x07" * 600_000)) as camera:
        process.recorder.open(camera.url)
        state = process.recorder.wait(StreamState, lambda state: state.state == "waiting")
        assert "not video" in state.message
        assert process.process.poll() is None
        assert process.finish() == 0


def test_a_jump_of_media_time_ends_the_run_and_begins_another(tmp_path: Path) -> None:
    shown = film(frames=30)
    packets = Packetizer(shown.codec)
    data = b""
    for index, picture in enumerate(shown.pictures):
        late = 90_000 * 3600 if index >= 10 else 0
        data += b"".join(packets.picture(Picture(picture.nals, picture.pts_90k + late, picture.keyframe)))
    with worker(tmp_path) as process, ScriptedCamera(sends(data)) as camera:
        recorder = process.recorder
        recorder.open(camera.url)
        recorder.wait(RunStart)
        assert recorder.wait(RunEnd).reason == "timestamp_jump"
        recorder.wait(RunStart)
        fragment = recorder.wait(FragmentCame)
        assert fragment.start_90k == 0 and fragment.keyframe
        assert process.finish() == 0
    assert sum(fragment.frames for fragment in recorder.of(FragmentCame)) == 30


def test_new_parameters_end_the_run_and_begin_another(tmp_path: Path) -> None:
    small, large = film(frames=10), film(frames=10, width=640, height=360)
    packets = Packetizer(small.codec)
    data = packets.film(small)
    for picture in large.pictures:
        data += b"".join(packets.picture(Picture(picture.nals, picture.pts_90k + 36_000, picture.keyframe)))
    with worker(tmp_path) as process, ScriptedCamera(sends(data)) as camera:
        recorder = process.recorder
        recorder.open(camera.url)
        assert recorder.wait(RunStart).width == 320
        assert recorder.wait(RunEnd).reason == "parameters_changed"
        assert recorder.wait(RunStart).width == 640
        assert process.finish() == 0
    assert sum(fragment.frames for fragment in recorder.of(FragmentCame)) == 20


def test_a_wrong_password_is_told_and_not_repeated_at_once(tmp_path: Path) -> None:
    def script(line: Line) -> None:
        while request := line.request():
            line.reply(request, "401 Unauthorized", 'WWW-Authenticate: Digest realm="cam", nonce="abc", qop="auth"\r\n')

    with worker(tmp_path) as process, ScriptedCamera(script) as camera:
        process.recorder.open(camera.url, username="admin", password="hunter2-secret")
        state = process.recorder.wait(StreamState, lambda state: state.state == "denied")
        assert state.message.startswith("The camera refused the user name or password.")
        assert process.finish() == 0
        output = b"".join(process.process.communicate(timeout=60))
    assert len(camera.lines) == 1
    assert len(camera.lines[0].requests) == 2
    assert b"hunter2" not in output
    assert not any("hunter2" in request for request in camera.lines[0].requests)


def test_an_unsupported_codec_is_refused_with_the_reason(tmp_path: Path) -> None:
    sdp = "v=0\r\nm=video 0 RTP/AVP 34\r\na=control:trackID=0\r\n"
    with worker(tmp_path) as process, ScriptedCamera(answer(sdp, lambda _: None)) as camera:
        process.recorder.open(camera.url)
        state = process.recorder.wait(StreamState, lambda state: state.state == "refused")
        assert state.message == "The stream is H263; Belvedere records H.264 and H.265. Set the camera to H.264."
        assert process.finish() == 0


def test_nobody_there_is_tried_again_with_the_reason(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with worker(tmp_path) as process:
        process.recorder.open(f"rtsp://127.0.0.1:{port}/a")
        state = process.recorder.wait(StreamState, lambda state: state.state == "waiting")
        assert state.message == f"No answer from 127.0.0.1:{port}: the connection was refused."
        assert process.recorder.wait(StreamState, lambda state: state.reconnects == 1).state == "connecting"
        assert process.finish() == 0


def test_a_camera_that_says_nothing_does_not_stop_the_others(tmp_path: Path) -> None:
    shown = film()
    silent = ScriptedCamera(mute)
    with (
        worker(tmp_path) as process,
        silent,
        ScriptedCamera(sends(Packetizer(shown.codec).film(shown))) as good,
    ):
        recorder = process.recorder
        for stream in range(2, 8):
            recorder.open(silent.url, stream=stream)
        recorder.open(good.url, stream=1)
        recorder.wait(FragmentCame, lambda fragment: fragment.stream == 1)
        state = recorder.wait(StreamState, lambda state: state.state == "waiting" and state.stream != 1)
        assert "does not answer RTSP" in state.message
        assert process.finish() == 0


def test_a_bad_address_is_refused_and_the_process_goes_on(tmp_path: Path) -> None:
    with worker(tmp_path) as process:
        process.recorder.open("ftp://example.invalid/")
        assert process.recorder.wait(StreamState).state == "refused"
        process.recorder.open("rtsp://no-such-host.invalid/x", stream=2)
        state = process.recorder.wait(StreamState, lambda state: state.state == "waiting")
        assert "name" in state.message
        assert process.finish() == 0
