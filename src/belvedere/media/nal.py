"""NAL units of H.264 (ITU-T H.264 section 7.3.1) and H.265 (ITU-T H.265 section 7.3.1): kinds, framings, parameter set ids.

A NAL unit is handled raw: header first, no start code, emulation prevention bytes still in it.
"""

from collections.abc import Iterable
from enum import IntEnum

from belvedere.foundation.errors import BadMedia
from belvedere.media.bits import BitReader, unescape
from belvedere.media.sps import parse_h265_sps_id
from belvedere.media.stream import Codec

START_CODE = b"\0\0\0\1"


class H264Nal(IntEnum):
    """nal_unit_type values that Belvedere looks at (H.264 table 7-1)."""

    SLICE = 1
    PARTITION_A = 2
    IDR = 5
    SEI = 6
    SPS = 7
    PPS = 8
    AUD = 9
    END_OF_SEQUENCE = 10
    END_OF_STREAM = 11
    FILLER = 12
    STAP_A = 24  # RFC 6184: several NAL units in one packet
    FU_A = 28  # RFC 6184: a part of a NAL unit


class H265Nal(IntEnum):
    """nal_unit_type values that Belvedere looks at (H.265 table 7-1)."""

    TRAIL_N = 0
    RADL_N = 6
    RASL_N = 8
    RASL_R = 9
    BLA_W_LP = 16
    IDR_W_RADL = 19
    IDR_N_LP = 20
    CRA = 21
    VPS = 32
    SPS = 33
    PPS = 34
    AUD = 35
    PREFIX_SEI = 39
    SUFFIX_SEI = 40
    AGGREGATION = 48  # RFC 7798: several NAL units in one packet
    FRAGMENTATION = 49  # RFC 7798: a part of a NAL unit


H264_PARAMETER_SETS = frozenset({H264Nal.SPS, H264Nal.PPS})
H265_PARAMETER_SETS = frozenset({H265Nal.VPS, H265Nal.SPS, H265Nal.PPS})


def nal_type(codec: Codec, nal: bytes) -> int:
    """nal_unit_type of a NAL unit, or -1 when it is too short to have a header."""
    if codec is Codec.H264:
        return nal[0] & 31 if nal else -1
    return (nal[0] >> 1) & 63 if len(nal) >= 2 else -1


def is_parameter_set(codec: Codec, kind: int) -> bool:
    """Whether NAL units of type `kind` are VPS, SPS or PPS."""
    return kind in (H264_PARAMETER_SETS if codec is Codec.H264 else H265_PARAMETER_SETS)


def is_picture(codec: Codec, kind: int) -> bool:
    """Whether NAL units of type `kind` carry picture data (VCL)."""
    return 1 <= kind <= 5 if codec is Codec.H264 else 0 <= kind <= 31


def is_random_access(codec: Codec, kind: int) -> bool:
    """Whether a picture of NAL type `kind` lets a decoder start: IDR in H.264, any IRAP in H.265."""
    return kind == H264Nal.IDR if codec is Codec.H264 else 16 <= kind <= 23


def starts_picture(codec: Codec, nal: bytes) -> bool:
    """Whether a VCL NAL unit is the first slice of its picture (first_mb_in_slice 0, first_slice_segment_in_pic_flag)."""
    at = 1 if codec is Codec.H264 else 2
    return len(nal) > at and nal[at] & 0x80 != 0


def is_recovery_point(nal: bytes) -> bool:
    """Whether an H.264 SEI holds a recovery point (D.1.8): an open GOP starts here, or, with a recovery_frame_cnt above 0, a
    wave of intra refresh. After that many pictures all is right; players show none before, or show them torn."""
    pos, end = 1, min(len(nal), 512)
    while pos + 2 <= end:
        kind = size = 0
        while pos < end and nal[pos] == 0xFF:
            kind, pos = kind + 255, pos + 1
        if pos >= end:
            return False
        kind, pos = kind + nal[pos], pos + 1
        while pos < end and nal[pos] == 0xFF:
            size, pos = size + 255, pos + 1
        if pos >= end:
            return False
        size, pos = size + nal[pos], pos + 1
        if kind == 6:
            return pos < end and size > 0
        pos += size
    return False


def parameter_key(codec: Codec, nal: bytes) -> tuple[int, int]:
    """(type, id) of a parameter set; a later set with the same key replaces the earlier. id -1: unreadable."""
    kind = nal_type(codec, nal)
    try:
        if codec is Codec.H264:
            reader = BitReader(unescape(nal[1:64]))
            if kind == H264Nal.SPS:
                reader.skip(24)
            return kind, reader.ue()
        if kind == H265Nal.SPS:
            return kind, parse_h265_sps_id(nal)
        reader = BitReader(unescape(nal[2:64]))
        return kind, reader.bits(4) if kind == H265Nal.VPS else reader.ue()
    except BadMedia:
        return kind, -1


def split_annex_b(data: bytes) -> list[bytes]:
    """NAL units of a byte stream with start codes (H.264 annex B). Bytes before the first start code are left out."""
    nals = []
    start = data.find(b"\0\0\1")
    while start >= 0:
        start += 3
        following = data.find(b"\0\0\1", start)
        nal = (data[start:following] if following >= 0 else data[start:]).rstrip(b"\0")
        if nal:
            nals.append(nal)
        start = following
    return nals


def split_lengths(data: bytes, length_size: int = 4) -> list[bytes]:
    """NAL units of a sample, each behind its big-endian length. Raises BadMedia when lengths do not add up."""
    nals = []
    pos, end = 0, len(data)
    while pos < end:
        start = pos + length_size
        following = start + int.from_bytes(data[pos:start], "big")
        if start > end or following > end:
            raise BadMedia("A video sample is cut short.", advice="Check the file or the camera's connection.")
        nals.append(data[start:following])
        pos = following
    return nals


def join_lengths(nals: Iterable[bytes]) -> bytes:
    """A sample: each NAL unit behind its length in 4 bytes, big-endian."""
    parts = []
    for nal in nals:
        parts.append(len(nal).to_bytes(4, "big"))
        parts.append(nal)
    return b"".join(parts)


def join_annex_b(nals: Iterable[bytes]) -> bytes:
    """A byte stream: each NAL unit behind a 4-byte start code."""
    return b"".join(START_CODE + nal for nal in nals)


def annex_b_to_lengths(data: bytes) -> bytes:
    """Byte stream to sample."""
    return join_lengths(split_annex_b(data))


def lengths_to_annex_b(data: bytes) -> bytes:
    """Sample to byte stream. Raises BadMedia when lengths do not add up."""
    return join_annex_b(split_lengths(data))
