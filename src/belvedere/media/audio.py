"""Sound beside the pictures of a camera: what its description offers, and its RTP packets taken apart.

AAC (RFC 3640 mpeg4-generic AAC-hbr, RFC 6416 MP4A-LATM) and G.711 (RFC 3551 PCMA, PCMU) are kept as they come; nothing
is decoded. Whatever is wrong with sound is counted here and never raised: pictures come first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from struct import Struct

from belvedere.foundation.errors import BadMedia, UnsupportedCodec
from belvedere.media.aac import (
    MOST_UNIT_BYTES,
    AacConfig,
    HeaderShape,
    parse_config,
    parse_mux_config,
    split_units,
    unwrap_latm,
)
from belvedere.media.stream import Codec

_RTP = Struct(">BBHII")  # V/P/X/CC, M/PT, sequence, timestamp, SSRC
_DUPLICATES = 64
_G711_RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000)
_PLAIN_NAMES = {"MPEG4-GENERIC": "AAC", "G726-32": "G.726", "G722": "G.722", "L16": "uncompressed", "OPUS": "Opus"}


class Framing(StrEnum):
    """How units of sound lie in packets."""

    HBR = "hbr"  # RFC 3640, mode AAC-hbr
    LATM = "latm"  # RFC 6416, configuration in the description
    PLAIN = "plain"  # samples and nothing else


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """The sound that may be set up.

    `control` is its complete SETUP address. `clock_rate` is RTP ticks a second; `rate` samples a second and channel.
    `aac` and `shape` are None for G.711.
    """

    codec: Codec
    payload_type: int
    clock_rate: int
    rate: int
    channels: int
    control: str
    framing: Framing
    aac: AacConfig | None = None
    shape: HeaderShape | None = None

    @property
    def unit_ticks(self) -> int:
        """RTP ticks of one access unit of AAC."""
        return self.aac.samples * self.clock_rate // self.aac.rate if self.aac else 0

    @property
    def words(self) -> str:
        """The sound in words, such as `AAC, 48 kHz, stereo`."""
        names = {Codec.PCMA: "G.711 A-law", Codec.PCMU: "G.711 µ-law"}
        channels = {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels} channels")
        return f"{names.get(self.codec, 'AAC')}, {self.rate / 1000:g} kHz, {channels}"


def described_audio(
    name: str, payload_type: int, clock_rate: int, channels: int, parameters: Mapping[str, str], control: str
) -> AudioTrack:
    """One format of a description's audio section; `name` as in rtpmap, upper case, `parameters` those of fmtp.

    Raises UnsupportedCodec, BadMedia.
    """
    if name in ("PCMA", "PCMU"):
        if clock_rate not in _G711_RATES or not 1 <= channels <= 2:
            raise UnsupportedCodec("The camera's G.711 has an unusual rate.", advice="Set it to 8 kHz, mono.")
        codec = Codec.PCMA if name == "PCMA" else Codec.PCMU
        return AudioTrack(codec, payload_type, clock_rate, clock_rate, channels, control, Framing.PLAIN)
    shape: HeaderShape | None = None
    if name == "MPEG4-GENERIC":
        if parameters.get("mode", "").lower() != "aac-hbr":
            raise UnsupportedCodec("The camera's AAC is not in the usual mode (AAC-hbr).", advice="Set it to AAC-LC.")
        numbers = [_number(parameters, key, usual) for key, usual in
                   (("sizelength", 13), ("indexlength", 3), ("indexdeltalength", 3))]  # fmt: skip
        others = ("ctsdeltalength", "dtsdeltalength", "randomaccessindication", "streamstateindication")
        if any(parameters.get(key, "0") != "0" for key in (*others, "auxiliarydatasizelength")) or numbers[0] > 16:
            raise UnsupportedCodec("The camera's AAC packets have unusual headers.", advice="Set it to AAC-LC.")
        shape = HeaderShape(*numbers)
        aac, framing = parse_config(_hex(parameters)), Framing.HBR
    elif name == "MP4A-LATM":
        if parameters.get("cpresent", "1") != "0":
            raise UnsupportedCodec("The camera's AAC brings its set-up in the stream.", advice="Set it to G.711.")
        aac, framing = parse_mux_config(_hex(parameters)), Framing.LATM
    else:
        raise UnsupportedCodec(
            f"The camera's sound is {_PLAIN_NAMES.get(name, name[:24]) or 'of an unnamed kind'}; AAC and G.711 are kept.",
            advice="Set it to AAC or G.711.",
        )
    if clock_rate not in (aac.rate, 2 * aac.rate, 90_000):
        raise BadMedia("The camera names two rates for its sound.", advice="Update its firmware.")
    return AudioTrack(Codec.AAC, payload_type, clock_rate, aac.rate, aac.channels, control, framing, aac, shape)


def _number(parameters: Mapping[str, str], key: str, usual: int) -> int:
    text = parameters.get(key, str(usual))
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and int(text) <= 32):
        raise BadMedia("The camera's AAC is described wrongly.", advice="Update its firmware.")
    return int(text)


def _hex(parameters: Mapping[str, str]) -> bytes:
    try:
        return bytes.fromhex(parameters.get("config", "")[:256])
    except ValueError as error:
        raise BadMedia("The camera's AAC is described wrongly.", advice="Update its firmware.") from error


@dataclass(frozen=True, slots=True)
class AudioUnit:
    """An access unit of AAC, or the samples of one packet of G.711. `timestamp` is RTP's; `ticks` how long it lasts."""

    data: bytes
    timestamp: int
    ticks: int
    lost_packets: int = 0  # the track's count when the unit was complete


class AudioDepacketizer:
    """RTP packets of one track of sound, units out. Never raises.

    `bad_packets` could not be read; `ignored_packets` were somebody else's, or came twice.
    """

    def __init__(self, track: AudioTrack) -> None:
        self.packets = 0
        self.lost_packets = 0
        self.bad_packets = 0
        self.ignored_packets = 0
        self._track = track
        self._want = -1
        self._ssrc = -1
        # The unit under way, of which parts have come: the parts, its time, and how large it will be (0: not known).
        self._parts: list[bytes] = []
        self._part_time = -1
        self._part_size = 0

    def take(self, packets: list[bytes]) -> list[AudioUnit]:
        """Units that `packets` completed."""
        units: list[AudioUnit] = []
        for packet in packets:
            try:
                self._packet(packet, units)
            except (BadMedia, UnsupportedCodec):
                self.bad_packets += 1
                self._parts = []
        return units

    def _packet(self, packet: bytes, units: list[AudioUnit]) -> None:
        end = len(packet)
        if end < 13 or packet[0] >> 6 != 2:
            self.bad_packets += 1
            return
        first, kind, sequence, timestamp, source = _RTP.unpack_from(packet)
        start = 12 + 4 * (first & 15)
        if first & 0x10:
            if start + 4 > end:
                self.bad_packets += 1
                return
            start += 4 + 4 * (packet[start + 2] << 8 | packet[start + 3])
        if first & 0x20:
            end -= packet[end - 1]
        if kind & 0x7F != self._track.payload_type:
            self.ignored_packets += 1
            return
        if source != self._ssrc:
            self._ssrc, self._want, self._parts = source, sequence, []
        missing = (sequence - self._want) & 0xFFFF
        if missing >= 0x1_0000 - _DUPLICATES:
            self.ignored_packets += 1
            return
        if missing:
            self.lost_packets += missing if missing < 0x8000 else 1
            self._parts = []
        self._want = (sequence + 1) & 0xFFFF
        self.packets += 1
        if start < end:
            self._payload(packet[start:end], timestamp, kind & 0x80 != 0, units)

    def _payload(self, payload: bytes, timestamp: int, marker: bool, units: list[AudioUnit]) -> None:
        track = self._track
        if track.shape is not None:
            self._hbr(payload, timestamp, track.shape, units)
        elif track.framing is Framing.LATM:
            self._latm(payload, timestamp, marker, units)
        elif len(payload) > track.clock_rate * track.channels:
            self.bad_packets += 1  # more than a second in one packet
        else:
            ticks = len(payload) // track.channels
            units.append(AudioUnit(payload, timestamp, ticks, self.lost_packets))

    def _hbr(self, payload: bytes, timestamp: int, shape: HeaderShape, units: list[AudioUnit]) -> None:
        found, whole = split_units(payload, shape)
        if whole:
            if timestamp != self._part_time or whole != self._part_size:
                self._parts = []
            self._parts.append(found[0])
            self._part_time, self._part_size = timestamp, whole
            size = sum(map(len, self._parts))
            if size < whole:
                return
            found, self._parts = [b"".join(self._parts)], []
            if size > whole:
                self.bad_packets += 1
                return
        ticks = self._track.unit_ticks
        for index, unit in enumerate(found):
            units.append(AudioUnit(unit, (timestamp + index * ticks) & 0xFFFF_FFFF, ticks, self.lost_packets))

    def _latm(self, payload: bytes, timestamp: int, marker: bool, units: list[AudioUnit]) -> None:
        if timestamp != self._part_time:
            self._parts = []
        self._part_time = timestamp
        self._parts.append(payload)
        if sum(map(len, self._parts)) > 2 * MOST_UNIT_BYTES:
            self._parts = []
            self.bad_packets += 1
        elif marker:
            element, self._parts = b"".join(self._parts), []
            units.append(AudioUnit(unwrap_latm(element), timestamp, self._track.unit_ticks, self.lost_packets))
