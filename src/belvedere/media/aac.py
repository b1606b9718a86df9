"""AAC as cameras send it: its configuration (ISO/IEC 14496-3 1.6.2.1) and its packets (RFC 3640 AAC-hbr, RFC 6416 LATM).

Nothing is decoded. An access unit is kept as it came; of LATM only the frame around it is taken off.
"""

from dataclasses import dataclass

from belvedere.foundation.errors import BadMedia, UnsupportedCodec
from belvedere.media.bits import BitReader

_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
_MAIN, _LC, _LTP, _SBR, _PS = 1, 2, 4, 5, 29
_MOST_CONFIG = 64
# A frame has at most 6144 bits a channel (14496-3 4.5.3); eight channels fit well below.
MOST_UNIT_BYTES = 16 << 10


@dataclass(frozen=True, slots=True)
class AacConfig:
    """What a decoder must know. `rate` is that of the core, in samples a second; `samples` are in a frame, of each channel."""

    data: bytes  # AudioSpecificConfig
    object_type: int
    rate: int
    channels: int
    samples: int


def parse_config(data: bytes) -> AacConfig:
    """An AudioSpecificConfig. Raises BadMedia when it is cut short, UnsupportedCodec when it is of a kind not kept."""
    if not 2 <= len(data) <= _MOST_CONFIG:
        raise BadMedia("The camera's AAC configuration has an impossible length.", advice="Update its firmware.")
    return _read_config(BitReader(data), data)


def _read_config(reader: BitReader, data: bytes) -> AacConfig:
    object_type = kind = _object_type(reader)
    rate = _rate(reader)
    channels = reader.bits(4)
    if kind in (_SBR, _PS):
        _rate(reader)
        kind = _object_type(reader)
    if kind not in (_MAIN, _LC, _LTP) or not 1 <= channels <= 7:
        raise UnsupportedCodec(
            f"The camera's sound is AAC of an unusual kind ({object_type}, {channels} channels).",
            advice="Set it to AAC-LC.",
        )
    short = reader.flag()
    if reader.flag():
        reader.skip(14)  # delay of the core coder
    reader.skip(1)
    return AacConfig(data, object_type, rate, 8 if channels == 7 else channels, 960 if short else 1024)


def _object_type(reader: BitReader) -> int:
    kind = reader.bits(5)
    return 32 + reader.bits(6) if kind == 31 else kind


def _rate(reader: BitReader) -> int:
    index = reader.bits(4)
    rate = reader.bits(24) if index == 15 else _RATES[index] if index < len(_RATES) else 0
    if not 1_000 <= rate <= 192_000:
        raise BadMedia("The camera's AAC configuration names an impossible rate.", advice="Update its firmware.")
    return rate


def parse_mux_config(data: bytes) -> AacConfig:
    """A StreamMuxConfig (14496-3 1.7.3.1) of one program with one layer. Raises BadMedia, UnsupportedCodec."""
    reader = BitReader(data[:_MOST_CONFIG])
    # audioMuxVersion, allStreamsSameTimeFraming, numSubFrames, numProgram, numLayer
    if reader.bits(1) != 0 or reader.bits(1) != 1 or reader.bits(6) or reader.bits(4) or reader.bits(3):
        raise UnsupportedCodec("The camera wraps its AAC in an unusual way (LATM).", advice="Set it to mpeg4-generic.")
    before = reader.left
    found = _read_config(reader, b"")
    used = before - reader.left
    if reader.bits(3) != 0:  # frameLengthType: a length before each frame
        raise UnsupportedCodec("The camera wraps its AAC in an unusual way (LATM).", advice="Set it to mpeg4-generic.")
    again = BitReader(data[:_MOST_CONFIG])
    again.skip(again.left - before)
    bits, padding = again.bits(used), -used % 8
    config = (bits << padding).to_bytes((used + padding) // 8, "big")
    return AacConfig(config, found.object_type, found.rate, found.channels, found.samples)


@dataclass(frozen=True, slots=True)
class HeaderShape:
    """Bits of an access unit's header (RFC 3640 3.2.1): its size, its index in the first, its index in the others."""

    size: int
    index: int
    delta: int


def split_units(payload: bytes, shape: HeaderShape) -> tuple[list[bytes], int]:
    """Access units of one packet, and 0; or the part of one that is there, and how large it is whole.

    Raises BadMedia when the headers do not describe the payload, or tell of interleaving.
    """
    if len(payload) < 2:
        raise _bad_packet()
    header_bits = payload[0] << 8 | payload[1]
    at = 2 + (header_bits + 7) // 8
    first = shape.size + shape.index
    if header_bits < first or at > len(payload) or header_bits > 8 * 1024:
        raise _bad_packet()
    reader = BitReader(payload[2:at])
    sizes: list[int] = []
    while header_bits >= (shape.size + shape.delta if sizes else first):
        width = shape.delta if sizes else shape.index
        sizes.append(reader.bits(shape.size))
        if reader.bits(width):
            raise UnsupportedCodec("The camera interleaves its sound.", advice="Switch interleaving off.")
        header_bits -= shape.size + width
    if len(sizes) == 1 and sizes[0] > len(payload) - at:
        if sizes[0] > MOST_UNIT_BYTES:
            raise _bad_packet()
        return [payload[at:]], sizes[0]
    units = []
    for size in sizes:
        if not size or at + size > len(payload) or size > MOST_UNIT_BYTES:
            raise _bad_packet()
        units.append(payload[at : at + size])
        at += size
    return units, 0


def unwrap_latm(element: bytes) -> bytes:
    """The access unit in an AudioMuxElement without configuration (14496-3 1.7.3.2). Raises BadMedia."""
    size = at = 0
    while at < len(element):
        byte = element[at]
        size, at = size + byte, at + 1
        if byte != 0xFF:
            break
    if not 0 < size <= min(len(element) - at, MOST_UNIT_BYTES):
        raise _bad_packet()
    return element[at : at + size]


def _bad_packet() -> BadMedia:
    return BadMedia("A packet of sound makes no sense.", advice="Update the camera's firmware.")
