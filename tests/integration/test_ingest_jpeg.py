"""JPEG cameras, over HTTP and over RTSP: recorded as H.264 that plays, with every one of the camera's own pictures inside."""

import io
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from belvedere.media.fmp4 import read_fragment
from belvedere.media.jpeg_rtp import JpegDepacketizer
from belvedere.media.jpeg_sei import jpegs_in
from belvedere.site.ingest.messages import FragmentCame, LiveFrame, RunEnd, RunStart, SetLive, StreamState
from belvedere.site.ingest.probe import probe
from ingest_stage import Line, Recorder, Script, ScriptedCamera, Worker, answer, film, worker
from jpeg_stage import SDP, framed, jpegs, multipart, rtp_packets
from sound_stage import camera, woven
from sound_stage import sdp as video_sdp


@pytest.fixture
def at_work(tmp_path: Path) -> Iterator[Worker]:
    with worker(tmp_path) as running:
        yield running


def originals(recorder: Recorder) -> list[bytes]:
    """The camera's pictures out of what was recorded."""
    found: list[bytes] = []
    for came in recorder.of(FragmentCame):
        for sample in read_fragment(came.data):
            found += jpegs_in(came.data[sample.offset : sample.offset + sample.size])
    return found


def decoded(recorder: Recorder) -> list[tuple[int, int]]:
    start = recorder.of(RunStart)[0]
    file = start.init + b"".join(came.data for came in recorder.of(FragmentCame))
    with av.open(io.BytesIO(file), "r") as kept:
        return [(frame.width, frame.height) for frame in kept.decode(kept.streams.video[0])]


def http(kind: str, body: bytes) -> Script:
    def script(line: Line) -> None:
        line.request()
        line.send(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode() + body)
        line.connection.close()

    return script


@pytest.mark.parametrize("lengths", [True, False], ids=["lengths", "marks"])
def test_multipart_over_http(at_work: Worker, lengths: bool) -> None:
    recorder, pictures = at_work.recorder, jpegs()
    with ScriptedCamera(http(*multipart(pictures, lengths=lengths, dashes=not lengths))) as cam:
        recorder.open(cam.url.replace("rtsp", "http"))
        recorder.wait(RunEnd)
    assert originals(recorder) == list(pictures)
    assert decoded(recorder) == [(320, 176)] * len(pictures)
    start = recorder.of(RunStart)[0]
    assert (start.codec, start.width, start.height) == ("h264", 320, 176)


def test_rtp_over_rtsp(at_work: Worker) -> None:
    """FFmpeg cut the packets; our own client finds JPEG in the description, and a reader takes over."""
    packets = rtp_packets()
    whole = [picture.data for picture in JpegDepacketizer().take(list(packets))]

    def play(line: Line) -> None:
        line.send(b"".join(framed(packet) for packet in packets))
        line.connection.close()

    recorder = at_work.recorder
    recorder_url_seen: list[str] = []
    with ScriptedCamera(answer(SDP, play)) as cam:
        recorder.open(cam.url)
        recorder.send(SetLive(stream=1, on=True))
        recorder.wait(RunEnd)
        recorder_url_seen += [text.split(" ", 1)[0] for text in cam.lines[1].requests[:4]]
    assert recorder_url_seen == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
    assert originals(recorder) == whole and len(whole) == 24
    assert decoded(recorder) == [(320, 176)] * 24
    assert (
        sum(came.duration_90k for came in recorder.of(FragmentCame)[:-1]) % 7500 == 0
    )  # the camera's own time: 12 a second
    assert len(recorder.of(LiveFrame)) == 24  # and live goes on in the other kind of keeper


def test_a_camera_set_to_h264_goes_back_to_our_own_client(at_work: Worker) -> None:
    shown = film(frames=50)
    jpeg: Script = answer(SDP, lambda line: line.connection.close())
    h264 = camera(video_sdp(shown, None), lambda line: line.send(woven(shown, [])))
    recorder = at_work.recorder
    with ScriptedCamera(jpeg, h264) as cam:
        recorder.open(cam.url)
        told = recorder.wait(StreamState, lambda state: state.state == "recording")
        assert "H.264, 320x180" in told.message


@pytest.mark.parametrize("body", [b"\xff\xd8" + bytes(400) + b"\xff\xd9", b"no picture"], ids=["broken", "text"])
def test_pictures_that_are_none_are_left_out(at_work: Worker, body: bytes) -> None:
    good = jpegs()
    mixed = (good[0], body, *good[1:6], body, *good[6:])
    recorder = at_work.recorder
    with ScriptedCamera(http(*multipart(mixed))) as cam:
        recorder.open(cam.url.replace("rtsp", "http"))
        recorder.wait(RunEnd)
    assert originals(recorder) == list(good)


def test_nothing_but_broken_pictures_is_said(at_work: Worker) -> None:
    recorder = at_work.recorder
    with ScriptedCamera(http(*multipart((b"\xff\xd8 nothing",) * 80))) as cam:
        recorder.open(cam.url.replace("rtsp", "http"))
        told = recorder.wait(StreamState, lambda state: state.state == "waiting")
    assert "JPEG" in told.message
    assert not recorder.of(RunStart)


def test_the_probe_tells_what_it_costs() -> None:
    packets = rtp_packets()

    def play(line: Line) -> None:
        line.send(b"".join(framed(packet) for packet in packets))

    with ScriptedCamera(answer(SDP, play)) as cam:
        report = probe(cam.url, seconds=0.1)
    assert (report.width, report.height, report.fps) == (320, 176, 12.0)
    assert any("JPEG" in problem and "H.264" in problem for problem in report.problems)
