"""What the tests of sound share: AAC and G.711 made by FFmpeg, RTP packets of them, and cameras that offer them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from struct import pack
from typing import Any

import av
import numpy as np

from belvedere.media.aac import HeaderShape, parse_config
from belvedere.media.audio import AudioTrack, Framing
from belvedere.media.stream import Codec
from ingest_stage import Film, Line, Packetizer, describe

SHAPE = HeaderShape(13, 3, 3)
PCMA = AudioTrack(Codec.PCMA, 8, 8_000, 8_000, 1, "rtsp://cam/a", Framing.PLAIN)
PCMU = AudioTrack(Codec.PCMU, 0, 8_000, 8_000, 1, "rtsp://cam/a", Framing.PLAIN)
PCMA_LINES = "m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=control:trackID=0\r\n"


@dataclass(frozen=True, slots=True)
class Tune:
    """Sound as a camera would have it: units (AAC frames, or packets of samples) and how many RTP ticks each lasts."""

    units: tuple[bytes, ...]
    ticks: int
    track: AudioTrack


def _samples(rate: int, seconds: float) -> Any:
    at = np.arange(int(rate * seconds)) / rate
    tone = 9_000 * np.sin(2 * np.pi * 440 * at) + 2_000 * np.sin(2 * np.pi * 1_300 * at)
    return np.asarray(tone, dtype=np.int16)[None, :]


@cache
def aac(seconds: float = 2.0, rate: int = 16_000) -> Tune:
    """A tone of 440 Hz as AAC-LC, mono."""
    encoder = av.CodecContext.create("aac", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = rate, "mono", "fltp"
    encoder.time_base = Fraction(1, rate)
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate, frame_size=1024)
    frame = av.AudioFrame.from_ndarray(_samples(rate, seconds), format="s16", layout="mono")
    frame.sample_rate, frame.pts = rate, 0
    packets = [packet for part in resampler.resample(frame) for packet in encoder.encode(part)]
    packets += encoder.encode(None)
    config = parse_config(bytes(encoder.extradata or b"")[:2])
    track = AudioTrack(Codec.AAC, 97, rate, rate, 1, "rtsp://cam/a", Framing.HBR, config, SHAPE)
    return Tune(tuple(bytes(packet) for packet in packets if packet.size), 1024, track)


@cache
def g711(codec: Codec = Codec.PCMA, seconds: float = 2.0) -> Tune:
    """The same tone in packets of 20 ms."""
    encoder = av.CodecContext.create("pcm_alaw" if codec is Codec.PCMA else "pcm_mulaw", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = 8_000, "mono", "s16"
    frame = av.AudioFrame.from_ndarray(_samples(8_000, seconds), format="s16", layout="mono")
    frame.sample_rate = 8_000
    data = b"".join(bytes(packet) for packet in encoder.encode(frame))
    units = tuple(data[at : at + 160] for at in range(0, len(data), 160))
    return Tune(units, 160, PCMA if codec is Codec.PCMA else PCMU)


def hbr(units: Sequence[bytes]) -> bytes:
    """A packet's payload of whole AAC units (RFC 3640 3.3.6)."""
    headers = b"".join(pack(">H", len(unit) << 3) for unit in units)
    return pack(">H", 16 * len(units)) + headers + b"".join(units)


def hbr_parts(unit: bytes, most: int) -> list[bytes]:
    """Payloads of one AAC unit cut into parts."""
    header = pack(">HH", 16, len(unit) << 3)
    return [header + unit[at : at + most] for at in range(0, len(unit), most)]


@dataclass(slots=True)
class SoundPackets:
    """RTP packets of a tune in RTSP's framing on `channel`."""

    payload_type: int
    channel: int = 2
    sequence: int = 65_530  # so that every test wraps
    base: int = 0xFFFF_FF00
    ssrc: int = 0x0BAD_50DA

    def rtp(self, payload: bytes, ticks: int, marker: bool = True) -> bytes:
        """A bare packet."""
        kind = self.payload_type | (0x80 if marker else 0)
        stamp = (self.base + ticks) & 0xFFFF_FFFF
        packet = pack(">BBHII", 0x80, kind, self.sequence & 0xFFFF, stamp, self.ssrc) + payload
        self.sequence += 1
        return packet

    def framed(self, payload: bytes, ticks: int) -> bytes:
        packet = self.rtp(payload, ticks)
        return pack(">BBH", 0x24, self.channel, len(packet)) + packet


def payload_of(tune: Tune, index: int) -> bytes:
    return hbr([tune.units[index]]) if tune.track.codec is Codec.AAC else tune.units[index]


def framed(tune: Tune) -> list[bytes]:
    """All of a tune, one framed packet a unit."""
    packets = SoundPackets(tune.track.payload_type)
    return [packets.framed(payload_of(tune, index), index * tune.ticks) for index in range(len(tune.units))]


def woven(shown: Film, tune: Sequence[bytes]) -> bytes:
    """Pictures and packets of sound as they come over one connection, in turn."""
    packets = Packetizer(shown.codec)
    out: list[bytes] = []
    each = max(1, len(tune) // len(shown.pictures))
    rest = list(tune)
    for picture in shown.pictures:
        out += packets.picture(picture)
        out += rest[:each]
        del rest[:each]
    return b"".join(out + rest)


def sdp(shown: Film, tune: Tune | None) -> str:
    """A description of the film with the tune's sound beside it; None: without."""
    text = describe(shown)
    if tune is None:
        return text.replace(PCMA_LINES, "")
    track = tune.track
    number, rate = track.payload_type, track.clock_rate
    if track.aac is not None:
        fmtp = (
            f"a=fmtp:{number} streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;"
            f"indexdeltalength=3;config={track.aac.data.hex()}\r\n"
        )
        lines = (
            f"m=audio 0 RTP/AVP {number}\r\na=rtpmap:{number} MPEG4-GENERIC/{rate}/1\r\n{fmtp}a=control:trackID=0\r\n"
        )
    else:
        lines = f"m=audio 0 RTP/AVP {number}\r\na=control:trackID=0\r\n"
    return text.replace(PCMA_LINES, lines)


def camera(
    text: str, play: Callable[[Line], None], sound: Callable[[Line, str], None] | None = None
) -> Callable[[Line], None]:
    """A camera that sets sound up on channels 2 and 3. `sound` answers that request in another way."""

    def script(line: Line) -> None:
        while request := line.request():
            method = request.split(" ", 1)[0]
            if method == "DESCRIBE":
                line.reply(request, body=text)
            elif method == "SETUP" and "trackID=0" in request.split("\r\n", 1)[0] and sound is not None:
                sound(line, request)
            elif method == "SETUP":
                channels = "2-3" if "trackID=0" in request.split("\r\n", 1)[0] else "0-1"
                transport = f"Transport: RTP/AVP/TCP;unicast;interleaved={channels}\r\n"
                line.reply(request, headers=f"Session: 7;timeout=60\r\n{transport}")
            elif method == "PLAY":
                line.reply(request, headers="Session: 7\r\n")
                play(line)
            else:
                line.reply(request)

    return script
