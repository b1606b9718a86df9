"""What is fuzzed: our own parsers of what cameras send, each as one call of bytes that may raise what it says and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass

from belvedere.foundation.errors import BadInput, BadMedia, CameraFault, UnsupportedCodec
from belvedere.media.access_unit import ACCESS_UNIT_BYTES
from belvedere.media.fmp4 import read_fragment
from belvedere.media.nal import is_recovery_point, parameter_key, split_annex_b, split_lengths
from belvedere.media.rtcp import parse_rtcp
from belvedere.media.rtp import GARBAGE_BYTES, Depacketizer
from belvedere.media.rtsp import message_end, parse_challenge, parse_message
from belvedere.media.rtsp_session import RtspSession, SessionState
from belvedere.media.sdp import parse_sdp
from belvedere.media.sps import parse_sps
from belvedere.media.stream import Codec
from belvedere.site.ingest.reader_pipe import PipeWords
from belvedere.site.ingest.reader_rtp import DEPTH, Sequencer
from belvedere.site.time_service.packet import parse_answer, parse_question

MOST_HELD = ACCESS_UNIT_BYTES + GARBAGE_BYTES + (2 << 20)
ANSWERS = (
    b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: OPTIONS, GET_PARAMETER\r\n\r\n",
    b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: 74\r\n\r\n"
    b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\nx=1\r\n",
    b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 7;timeout=60\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n",
    b"RTSP/1.0 200 OK\r\nCSeq: 4\r\nSession: 7\r\n\r\n",
)


@dataclass(frozen=True, slots=True)
class Target:
    """`allowed`: what the call may raise. Anything else, or holding more than MOST_HELD bytes, is a finding."""

    name: str
    call: Callable[[bytes], None]
    allowed: tuple[type[Exception], ...]


def _chunks(data: bytes) -> list[bytes]:
    """The first byte tells how the rest is cut, so that reads of every size are tried."""
    if not data:
        return []
    step = max((data[0] & 63) * (data[0] & 63) + 1, len(data) // 8)
    return [data[at : at + step] for at in range(1, len(data), step)]


def _rtp(data: bytes) -> None:
    for codec in (Codec.H264, Codec.H265):
        track = Depacketizer(codec, 96)
        for chunk in _chunks(data):
            for unit in track.feed(chunk):
                assert unit.size == len(unit.data)
            track.messages.clear()
            track.reports.clear()
        held = sum(len(part) for part in track._parts) + len(track._tail)
        assert held <= MOST_HELD, "unbounded memory"


def _session(data: bytes) -> None:
    """Bytes after `n` good answers, n from the first byte."""
    session = RtspSession("rtsp://10.0.0.5/stream", "user", "password")
    session.begin()
    for answer in ANSWERS[: data[0] % 5 if data else 0]:
        session.receive(answer, 0)
    for chunk in _chunks(data):
        session.receive(chunk, 1)
        session.reports.clear()
        assert len(session.outgoing) < 1 << 22, "unbounded memory"
        session.outgoing.clear()
        if session.state is SessionState.CLOSED:
            return


def _sdp(data: bytes) -> None:
    parse_sdp(data, "rtsp://10.0.0.5/stream")


def _message(data: bytes) -> None:
    end = message_end(data, 0)
    if end > 0:
        parse_message(data[:end])
    parse_challenge(data.decode("latin-1"))


def _nal(data: bytes) -> None:
    for nal in split_annex_b(data):
        is_recovery_point(nal)
    for size in (1, 2, 4):
        try:
            split_lengths(data, size)
        except BadMedia:
            pass
    for codec in (Codec.H264, Codec.H265):
        try:
            parameter_key(codec, data)
        except BadMedia:
            pass
        try:
            parse_sps(codec, data)
        except BadMedia:
            pass


def _fragment(data: bytes) -> None:
    for sample in read_fragment(data):
        assert 0 <= sample.offset <= sample.offset + sample.size <= len(data)


def _rtcp(data: bytes) -> None:
    parse_rtcp(data)


def _pipe(data: bytes) -> None:
    words = PipeWords()
    for chunk in _chunks(data):
        words.feed(chunk)


def _sequence(data: bytes) -> None:
    order, out = Sequencer(), 0
    packets = [b"\x80\x60" + data[at : at + 2] + bytes(8) for at in range(0, len(data) - 1, 2)]
    for packet in packets:
        out += len(order.put(packet))
        assert len(order._held) < DEPTH, "unbounded memory"
    assert out + len(order._held) + order.late <= len(packets)


def _ntp(data: bytes) -> None:
    parse_question(data)
    parse_answer(data, 1_780_000_000_000_000)


TARGETS = (
    Target("rtp", _rtp, (CameraFault,)),
    Target("session", _session, (CameraFault, UnsupportedCodec)),
    Target("sdp", _sdp, (CameraFault, UnsupportedCodec)),
    Target("rtsp", _message, (CameraFault, BadInput)),
    Target("nal", _nal, ()),
    Target("fmp4", _fragment, (BadMedia,)),
    Target("rtcp", _rtcp, (CameraFault,)),
    Target("pipe", _pipe, (CameraFault,)),
    Target("sequence", _sequence, ()),
    Target("ntp", _ntp, ()),
)
