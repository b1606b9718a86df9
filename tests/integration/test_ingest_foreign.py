"""Cameras over HTTP, HTTPS, UDP and RTSP with UDP: the real ingest process with its real readers."""

import datetime
import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from belvedere.foundation.errors import CameraDenied, CameraProtocol, CameraUnreachable
from belvedere.media.fmp4 import read_fragment
from belvedere.media.stream import Codec
from belvedere.site.ingest.messages import FragmentCame, LiveFrame, RunEnd, RunStart, SetLive, StreamState
from belvedere.site.ingest.probe import probe
from foreign_stage import contain, encrypted, http, over_http, over_rtsp_udp, over_udp, recorded
from ingest_stage import Line, ScriptedCamera, film, worker


@pytest.mark.parametrize(
    ("codec", "b_frames", "form"),
    [
        (Codec.H264, 0, "mpegts"),
        (Codec.H264, 2, "mpegts"),
        (Codec.H265, 2, "mpegts"),
        (Codec.H264, 2, "flv"),
        (Codec.H265, 0, "flv"),
        (Codec.H264, 2, "mp4"),
        (Codec.H265, 2, "mp4"),
    ],
)
def test_what_is_recorded_over_http_equals_the_film(tmp_path: Path, codec: Codec, b_frames: int, form: str) -> None:
    shown = film(codec, frames=30, b_frames=b_frames)
    with worker(tmp_path) as process, ScriptedCamera(over_http(contain(shown, form), form)) as camera:
        recorder = process.recorder
        recorder.open(http(camera.url))
        start = recorder.wait(RunStart)
        end = recorder.wait(RunEnd)
        assert process.finish() == 0
    assert (end.reason, end.message.startswith("The camera at 127.0.0.1:")) == ("camera_closed", True)
    assert (start.codec, start.width, start.height) == (codec.value, shown.width, shown.height)
    assert start.parameter_sets == shown.parameter_sets
    assert recorded(recorder) == [picture.nals for picture in shown.pictures]
    samples = [sample for fragment in recorder.of(FragmentCame) for sample in read_fragment(fragment.data)]
    assert [sample.dts_90k + sample.cts_90k for sample in samples] == [picture.pts_90k for picture in shown.pictures]


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_rtsp_with_rtp_over_udp(tmp_path: Path, codec: Codec) -> None:
    shown = film(codec, frames=30)
    with worker(tmp_path) as process, ScriptedCamera(over_rtsp_udp(shown)) as camera:
        recorder = process.recorder
        recorder.open(camera.url.replace("rtsp://", "rtsp+udp://"))
        start = recorder.wait(RunStart)
        recorder.wait(RunEnd)
        assert process.finish() == 0
    assert start.codec == codec.value
    assert recorded(recorder) == [picture.nals for picture in shown.pictures]


def test_mpeg_ts_over_udp_and_live_frames(tmp_path: Path) -> None:
    shown = film(frames=30)
    with worker(tmp_path) as process, over_udp(contain(shown, "mpegts", rounds=20)) as url:
        recorder = process.recorder
        recorder.open(url)
        recorder.wait(FragmentCame)
        recorder.send(SetLive(stream=1, on=True))
        live = [recorder.wait(LiveFrame) for _ in range(10)]
        assert "recording" in [state.state for state in recorder.of(StreamState)]
        assert process.finish() == 0
    assert all(frame.stream == 1 for frame in live)
    film_frames = {picture.nals for picture in shown.pictures}
    frames = recorded(recorder)
    assert frames and set(frames) <= film_frames
    assert recorder.of(RunEnd)[-1].reason == "restart"


def test_https_with_a_certificate_of_the_cameras_own(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "camera")])
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(day).not_valid_after(day + datetime.timedelta(days=3650)).sign(key, hashes.SHA256())
    )  # fmt: skip
    certificate, secret = tmp_path / "c.pem", tmp_path / "k.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    shown = film(frames=30)
    script = encrypted(over_http(contain(shown, "mpegts"), "mpegts"), str(certificate), str(secret))
    with worker(tmp_path) as process, ScriptedCamera(script) as camera:
        process.recorder.open(camera.url.replace("rtsp://", "https://"))
        process.recorder.wait(RunEnd)
        assert process.finish() == 0
    assert recorded(process.recorder) == [picture.nals for picture in shown.pictures]


def test_the_password_goes_to_the_camera_and_nowhere_else(tmp_path: Path) -> None:
    shown = film(frames=30)
    asked: list[str] = []
    lines: list[bytes] = []

    def script(line: Line) -> None:
        request = line.request()
        if "Authorization:" not in request:
            line.send(b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="cam"\r\nContent-Length: 0\r\n\r\n')
            request = line.request()
        asked.append(request)
        lines.extend(path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if readable(path))
        line.requests.clear()
        line.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n" + contain(shown, "mpegts")
        )

    with worker(tmp_path) as process, ScriptedCamera(script) as camera:
        process.recorder.open(http(camera.url), username="admin", password="s3cret/ p@ss")
        process.recorder.wait(RunEnd)
        assert process.finish() == 0
        output = b"".join(process.process.communicate(timeout=60))
    assert any("Basic YWRtaW46czNjcmV0LyBwQHNz" in request for request in asked)
    assert any(b"belvedere.site.ingest.reader" in line for line in lines)
    assert not any(b"s3cret" in line for line in lines)
    assert b"s3cret" not in output
    assert not any("s3cret" in repr(message) for message in process.recorder.seen)


def readable(path: Path) -> bool:
    return path.exists() and os.access(path, os.R_OK)


@pytest.mark.parametrize("form", ["mpegts", "mp4"])
def test_probe_answers_for_http(form: str) -> None:
    shown = film(frames=60, b_frames=2)
    with ScriptedCamera(over_http(contain(shown, form), form, endless=True)) as camera:
        report = probe(http(camera.url), seconds=0.2)
    assert (report.codec, report.width, report.height) == (Codec.H264, shown.width, shown.height)
    assert report.fps == pytest.approx(25, abs=1)  # FFmpeg keeps the last picture until the next
    assert report.gop_seconds == pytest.approx(0.4, abs=0.02)
    assert report.b_frames and report.clock_error_us is None
    assert not any("clock" in problem for problem in report.problems)


def says(status: str, headers: str = "", body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("reply", "error", "text"),
    [
        (says("401 Unauthorized", 'WWW-Authenticate: Basic realm="r"\r\n'), CameraDenied, "user name or password"),
        (says("404 Not Found"), CameraProtocol, "no such stream"),
        (says("503 Busy"), CameraProtocol, "answered with an error"),
        (says("200 OK", "Content-Type: text/html\r\n", b"<html>" + b"hello " * 40_000), CameraProtocol, "is not MPEG-TS"),
        (says("302 Found", "Location: http://127.0.0.1:1/secret\r\n"), CameraProtocol, "is not followed"),
        (
            says(
                "200 OK",
                "Content-Type: multipart/x-mixed-replace;boundary=x\r\n",
                (b"--x\r\nContent-Type: image/jpeg\r\nContent-Length: 400\r\n\r\n" + b"\xff\xd8" + b"\0" * 396 + b"\xff\xd9\r\n")
                * 40,
            ),
            CameraProtocol,
            "JPEG pictures can't be read",
        ),
    ],
)  # fmt: skip
def test_probe_says_what_is_wrong(reply: bytes, error: type[Exception], text: str) -> None:
    def script(line: Line) -> None:
        line.request()
        line.send(reply)

    with ScriptedCamera(script) as camera, pytest.raises(error, match=text) as caught:
        probe(http(camera.url).replace("http://", "http://admin:hidden@"))
    assert "hidden" not in str(caught.value)


def test_probe_tells_a_closed_port_and_an_unknown_name() -> None:
    with pytest.raises(CameraUnreachable, match="connection was refused"):
        probe("http://127.0.0.1:9/")
    with pytest.raises(CameraUnreachable, match="is not known"):
        probe("http://no-such-camera.invalid/")
