"""Session descriptions as cameras write them, and as they should not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.errors import CameraProtocol, UnsupportedCodec
from belvedere.media.sdp import parse_sdp, resolve_control
from belvedere.media.stream import Codec
from ingest_stage import describe, film

BASE = "rtsp://10.0.0.5/live"


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_a_usual_description(codec: Codec) -> None:
    shown = film(codec)
    found = parse_sdp(describe(shown).encode(), BASE)
    assert found.control == BASE
    assert found.video.codec is codec
    assert found.video.parameter_sets == shown.parameter_sets
    assert (found.video.payload_type, found.video.clock_rate, found.video.fps) == (96, 90_000, 25)
    assert found.video.control == f"{BASE}/trackID=1"


@pytest.mark.parametrize(
    ("base", "control", "whole"),
    [
        ("rtsp://h/a", "track1", "rtsp://h/a/track1"),
        ("rtsp://h/a/", "track1", "rtsp://h/a/track1"),
        ("rtsp://h/a/", "/track1", "rtsp://h/a/track1"),
        ("rtsp://h/a?x=1&y=2", "trackID=1", "rtsp://h/a?x=1&y=2/trackID=1"),
        ("rtsp://h/a", "rtsp://10.1.1.1:554/b?c=d", "rtsp://10.1.1.1:554/b?c=d"),
        ("rtsp://h/a", "rtsp://user:pass@h/b", "rtsp://h/b"),
        ("rtsp://h/a", "*", "rtsp://h/a"),
        ("rtsp://h/a", "", "rtsp://h/a"),
    ],
)
def test_control_addresses(base: str, control: str, whole: str) -> None:
    assert resolve_control(base, control) == whole


def test_a_control_address_can_not_smuggle_a_header() -> None:
    with pytest.raises(CameraProtocol):
        resolve_control(BASE, "a\r\nX: 1")
    with pytest.raises(CameraProtocol):
        resolve_control(BASE, "a b")


def test_the_session_s_own_control_is_for_play() -> None:
    text = "v=0\na=control:rtsp://h/all\nm=video 0 RTP/AVP 97\na=rtpmap:97 H265/90000\na=control:one\n"
    found = parse_sdp(text.encode(), BASE)
    assert (found.control, found.video.control) == ("rtsp://h/all", "rtsp://h/all/one")


@pytest.mark.parametrize(
    ("rtpmap", "words"),
    [("96 MP4V-ES/90000", "MPEG-4"), ("96 VP8/90000", "VP8"), ("96 \x1b[31mEVIL/90000", "31MEVIL")],
)
def test_other_codecs_are_named(rtpmap: str, words: str) -> None:
    with pytest.raises(UnsupportedCodec, match=words) as caught:
        parse_sdp(f"m=video 0 RTP/AVP 96\r\na=rtpmap:{rtpmap}\r\n".encode(), BASE)
    assert caught.value.message.isprintable()


def test_a_second_format_or_section_that_is_kept_is_taken() -> None:
    text = "m=video 0 RTP/AVP 26 96\na=rtpmap:96 H264/90000\n"
    assert parse_sdp(text.encode(), BASE).video.payload_type == 96
    text = "m=video 0 RTP/AVP 26\nm=video 0 RTP/AVP 98\na=rtpmap:98 H265/90000\n"
    assert parse_sdp(text.encode(), BASE).video.codec is Codec.H265


@pytest.mark.parametrize("fmtp", ["packetization-mode=2", "packetization-mode=2; profile-level-id=420029"])
def test_interleaved_packets_are_refused(fmtp: str) -> None:
    with pytest.raises(UnsupportedCodec, match="interleaves"):
        parse_sdp(f"m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 {fmtp}\n".encode(), BASE)
    with pytest.raises(UnsupportedCodec, match="interleaves"):
        parse_sdp(b"m=video 0 RTP/AVP 96\na=rtpmap:96 H265/90000\na=fmtp:96 sprop-max-don-diff=2\n", BASE)


def test_no_video_is_said() -> None:
    with pytest.raises(CameraProtocol, match="no video"):
        parse_sdp(b"v=0\r\nm=audio 0 RTP/AVP 0\r\n", BASE)


def test_unreadable_parameter_sets_are_left_out() -> None:
    text = "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 sprop-parameter-sets=%%%,Z0I,aM4\n"
    assert parse_sdp(text.encode(), BASE).video.parameter_sets == (b"\x67\x42", b"\x68\xce")


PIECES = [
    "m=video 0 RTP/AVP 96",
    "a=rtpmap:96 H264/90000",
    "a=fmtp:96 x=1;;=",
    "a=control:",
    "m=",
    "a=rtpmap:",
    "a=framerate:1e9",
]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=30)), max_size=12))
def test_any_description_is_read_or_refused(lines: list[str]) -> None:
    try:
        found = parse_sdp("\r\n".join(lines).encode("utf-8", "replace"), BASE)
    except (CameraProtocol, UnsupportedCodec):
        return
    assert found.video.control.isascii() and " " not in found.video.control
