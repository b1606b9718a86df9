"""`probe`: what a camera is told to be, and what is told when it does not answer as it should."""

import socket
import threading

import pytest

from belvedere.foundation.clock import SystemClock
from belvedere.foundation.errors import (
    BadAddress,
    CameraDenied,
    CameraProtocol,
    CameraUnreachable,
    UnsupportedCodec,
)
from belvedere.media.stream import Codec
from belvedere.site.ingest.probe import probe
from ingest_stage import (
    Film,
    Line,
    Packetizer,
    Picture,
    Script,
    ScriptedCamera,
    answer,
    describe,
    film,
    sender_report,
)

CODECS = [Codec.H264, Codec.H265]


def plays(shown: Film, clock_error_us: int | None = None) -> Script:
    def play(line: Line) -> None:
        packets = Packetizer(shown.codec)
        if clock_error_us is not None:
            line.send(sender_report(SystemClock().now_us() + clock_error_us, 0))
        line.send(packets.film(shown))

    return answer(describe(shown), play)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_healthy_camera(codec: Codec, b_frames: int) -> None:
    shown = film(codec, frames=60, b_frames=b_frames)
    with ScriptedCamera(plays(shown, 83_000_000)) as camera:
        report = probe(camera.url, "", "", seconds=0.2)
    assert (report.codec, report.width, report.height) == (codec, shown.width, shown.height)
    assert report.fps == pytest.approx(25, abs=0.1)
    assert report.gop_seconds == pytest.approx(0.4, abs=0.01)
    assert report.b_frames == bool(b_frames)
    assert (report.lost_packets, report.parameter_sets_in_band, report.server) == (0, True, "Scripted")
    size = sum(len(nal) + 4 for picture in shown.pictures for nal in picture.nals)
    assert report.bits_per_second == pytest.approx(size * 8 * 25 / 60, rel=0.03)
    assert report.clock_error_us == pytest.approx(83_000_000, abs=1_000_000)
    assert any("83 s ahead" in problem or "82 s ahead" in problem for problem in report.problems)


def test_a_camera_with_a_long_gop_and_losses() -> None:
    shown = film(frames=12, gop=6)
    packets = Packetizer(shown.codec, mtu=300)

    def play(line: Line) -> None:
        for index, picture in enumerate(shown.pictures):
            group = packets.picture(Picture(picture.nals, index * 90_000, picture.keyframe))
            if index == 3:
                del group[1]
            line.send(b"".join(group))

    with ScriptedCamera(answer(describe(shown), play)) as camera:
        report = probe(camera.url, seconds=0.1)
    assert report.gop_seconds == pytest.approx(6)
    text = " ".join(report.problems)
    assert "every 6 s" in text and "1 packets were lost" in text and "pictures a second" in text
    assert "has not told its clock" in text


def status(line_text: str, headers: str = "") -> Script:
    def script(line: Line) -> None:
        while request := line.request():
            line.reply(request, line_text, headers)

    return script


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        (
            status("401 Unauthorized", 'WWW-Authenticate: Digest realm="r", nonce="n"\r\n'),
            CameraDenied,
            "refused the user",
        ),
        (status("403 Forbidden"), CameraDenied, "forbids"),
        (status("404 Not Found"), CameraProtocol, "no stream under this path"),
        (status("302 Moved", "Location: rtsp://10.0.0.9/\r\n"), CameraProtocol, "redirects"),
        (status("503 Busy"), CameraProtocol, "another viewer"),
        (lambda line: line.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), CameraProtocol, "not RTSP"),
        (lambda line: line.send(b"SSH-2.0-OpenSSH_9.2\r\n"), CameraProtocol, "not RTSP"),
        (lambda line: None, CameraProtocol, "ended the connection"),
    ],
)
def test_faults_are_told_plainly(script: Script, error: type[Exception], words: str) -> None:
    def patient(line: Line) -> None:
        if words in ("not RTSP", "ended the connection"):
            line.request()
        script(line)

    with ScriptedCamera(patient) as camera, pytest.raises(error, match=words):
        probe(camera.url, "admin", "wrong", seconds=0.2)


def test_a_log_in_is_asked_for_when_none_is_given() -> None:
    script = status("401 Unauthorized", 'WWW-Authenticate: Basic realm="r"\r\n')
    with ScriptedCamera(script) as camera, pytest.raises(CameraDenied, match="asks for a user name"):
        probe(camera.url)


def test_an_unsupported_codec_is_refused_by_name() -> None:
    sdp = "v=0\r\nm=video 0 RTP/AVP 34\r\na=control:trackID=0\r\n"
    with ScriptedCamera(answer(sdp, lambda _: None)) as camera, pytest.raises(UnsupportedCodec, match="H263"):
        probe(camera.url)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(CameraUnreachable, match="connection was refused"):
        probe(f"rtsp://127.0.0.1:{port}/")


def test_a_wrong_address() -> None:
    with pytest.raises(BadAddress):
        probe("ftp://127.0.0.1/")


def test_credentials_in_the_address_are_used_and_never_shown() -> None:
    seen = threading.Event()

    def script(line: Line) -> None:
        while request := line.request():
            if "Authorization: Basic YWRtaW46c2VjcmV0" in request:
                seen.set()
            line.reply(request, "401 Unauthorized", 'WWW-Authenticate: Basic realm="r"\r\n')

    with ScriptedCamera(script) as camera, pytest.raises(CameraDenied) as caught:
        probe(camera.url.replace("rtsp://", "rtsp://admin:secret@"))
    assert seen.is_set()
    assert "secret" not in str(caught.value)
