"""Sequence parameter sets: picture size, profile, level, reordering, frame rate (H.264 7.3.2.1.1, H.265 7.3.2.2)."""

from dataclasses import dataclass
from fractions import Fraction

from belvedere.foundation.errors import BadMedia
from belvedere.media.bits import BitReader, unescape
from belvedere.media.stream import Codec

_LARGEST_SIDE = 16384
_CHROMA_SUBSAMPLING = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}
# H.264 table E-1 and H.265 table E-1: aspect_ratio_idc -> width:height of a sample
_ASPECTS = (
    (1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11),
    (80, 33), (18, 11), (15, 11), (64, 33), (160, 99), (4, 3), (3, 2), (2, 1),
)  # fmt: skip
_H264_PROFILES = {
    66: "Baseline",
    77: "Main",
    88: "Extended",
    100: "High",
    110: "High 10",
    122: "High 4:2:2",
    244: "High 4:4:4",
}
_H265_PROFILES = {1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Range Extensions", 9: "Screen Content"}
_H264_HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


@dataclass(frozen=True, slots=True)
class SpsInfo:
    """What an SPS says. `reorder_frames` is None when it does not say; `fps` likewise. `level` is level_idc as sent."""

    width: int
    height: int
    profile: str
    level: int
    codec_string: str
    chroma_format: int
    luma_bits: int
    chroma_bits: int
    sample_aspect: tuple[int, int]
    reorder_frames: int | None
    fps: Fraction | None
    interlaced: bool = False  # H.264: pictures may be fields
    # H.265 only: the 12 bytes of general_profile..general_level, and the temporal layering, for hvcC.
    general: bytes = b""
    temporal_layers: int = 1
    temporal_nesting: bool = True


@dataclass(frozen=True, slots=True)
class _Vui:
    sample_aspect: tuple[int, int] = (1, 1)
    reorder_frames: int | None = None
    fps: Fraction | None = None


def parse_sps(codec: Codec, nal: bytes) -> SpsInfo:
    """What the SPS `nal` says. Raises BadMedia when it can't be read or describes an impossible picture."""
    return parse_h264_sps(nal) if codec is Codec.H264 else parse_h265_sps(nal)


def parse_h264_sps(nal: bytes) -> SpsInfo:
    """An H.264 SPS. Raises BadMedia."""
    if len(nal) < 4 or nal[0] & 31 != 7:
        raise _unreadable()
    reader = BitReader(unescape(nal[1:]))
    profile, constraints, level = reader.bits(8), reader.bits(8), reader.bits(8)
    reader.ue()
    chroma, luma_bits, chroma_bits, separate = 1, 8, 8, False
    if profile in _H264_HIGH:
        chroma = reader.ue()
        if chroma > 3:
            raise _unreadable()
        separate = chroma == 3 and reader.flag()
        luma_bits, chroma_bits = 8 + reader.ue(), 8 + reader.ue()
        if luma_bits > 16 or chroma_bits > 16:
            raise _unreadable()
        reader.skip(1)
        if reader.flag():
            for index in range(12 if chroma == 3 else 8):
                if reader.flag():
                    _skip_h264_scaling_list(reader, 16 if index < 6 else 64)
    reader.ue()  # log2_max_frame_num_minus4
    order = reader.ue()
    if order == 0:
        reader.ue()
    elif order == 1:
        reader.skip(1)
        reader.se()
        reader.se()
        cycle = reader.ue()
        if cycle > 255:
            raise _unreadable()
        for _ in range(cycle):
            reader.se()
    elif order != 2:
        raise _unreadable()
    reader.ue()  # max_num_ref_frames
    reader.skip(1)
    macroblocks_wide, map_units_high = reader.ue() + 1, reader.ue() + 1
    frames_only = reader.flag()
    if not frames_only:
        reader.skip(1)
    reader.skip(1)
    left = right = top = bottom = 0
    if reader.flag():
        left, right, top, bottom = reader.ue(), reader.ue(), reader.ue(), reader.ue()
    across, down = _CHROMA_SUBSAMPLING[0 if separate else chroma]
    down *= 1 if frames_only else 2
    width = 16 * macroblocks_wide - across * (left + right)
    height = 16 * map_units_high * (1 if frames_only else 2) - down * (top + bottom)
    _check_size(width, height)
    vui = _Vui()
    if reader.left and reader.flag():
        vui = _h264_vui(reader)
    reorder = vui.reorder_frames
    # Picture order count type 2 means output order is decode order (8.2.1.3); Baseline and intra profiles have no B.
    if order == 2 or profile == 66 or (constraints & 0x10 and profile in (44, 100, 110, 122, 244)):
        reorder = 0
    return SpsInfo(
        width=width,
        height=height,
        profile=_H264_PROFILES.get(profile, f"profile {profile}"),
        level=level,
        codec_string=f"avc1.{profile:02x}{constraints:02x}{level:02x}",
        chroma_format=chroma,
        luma_bits=luma_bits,
        chroma_bits=chroma_bits,
        sample_aspect=vui.sample_aspect,
        reorder_frames=reorder,
        fps=vui.fps,
        interlaced=not frames_only,
    )


def _skip_h264_scaling_list(reader: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + reader.se()) % 256
        last = following or last


def _aspect(reader: BitReader) -> tuple[int, int]:
    """aspect_ratio_info: shared by both codecs' VUI."""
    if not reader.flag():
        return 1, 1
    index = reader.bits(8)
    if index == 255:
        across, down = reader.bits(16), reader.bits(16)
        return (across, down) if across and down else (1, 1)
    return _ASPECTS[index - 1] if 1 <= index <= len(_ASPECTS) else (1, 1)


def _signal_and_chroma(reader: BitReader) -> None:
    """Overscan, video signal type and chroma location: shared by both codecs' VUI."""
    if reader.flag():
        reader.skip(1)
    if reader.flag():
        reader.skip(4)
        if reader.flag():
            reader.skip(24)
    if reader.flag():
        reader.ue()
        reader.ue()


def _rate(ticks: int, scale: int) -> Fraction | None:
    """Frames per second, or None when the numbers are not believable."""
    if not ticks or not scale:
        return None
    rate = Fraction(scale, ticks)
    return rate if Fraction(1, 60) <= rate <= 480 else None


def _h264_vui(reader: BitReader) -> _Vui:
    """H.264 annex E.1.1. Cameras often cut it short: what was read up to there counts."""
    aspect: tuple[int, int] = (1, 1)
    fps: Fraction | None = None
    reorder: int | None = None
    try:
        aspect = _aspect(reader)
        _signal_and_chroma(reader)
        if reader.flag():
            ticks, scale = reader.bits(32), reader.bits(32)
            reader.skip(1)
            fps = _rate(2 * ticks, scale)
        buffered = False
        for _ in range(2):
            if reader.flag():
                buffered = True
                _skip_h264_hrd(reader)
        reader.skip(2 if buffered else 1)
        if reader.flag():
            reader.skip(1)
            for _ in range(4):
                reader.ue()
            count = reader.ue()
            reorder = count if count <= 16 else None
    except BadMedia:
        pass
    return _Vui(aspect, reorder, fps)


def _skip_h264_hrd(reader: BitReader) -> None:
    count = reader.ue() + 1
    if count > 32:
        raise _unreadable()
    reader.skip(8)
    for _ in range(count):
        reader.ue()
        reader.ue()
        reader.skip(1)
    reader.skip(20)


def _h265_head(nal: bytes) -> tuple[BitReader, bytes, int, bool, int]:
    """Reader behind sps_seq_parameter_set_id; general profile bytes; temporal layers; nesting; the id."""
    if len(nal) < 16 or (nal[0] >> 1) & 63 != 33:
        raise _unreadable()
    rbsp = unescape(nal[2:])
    reader = BitReader(rbsp)
    reader.skip(4)
    layers = reader.bits(3) + 1
    if layers > 7:
        raise _unreadable()
    nesting = reader.flag()
    general = rbsp[1:13]
    reader.skip(96)
    present = [(reader.flag(), reader.flag()) for _ in range(layers - 1)]
    if layers > 1:
        reader.skip(2 * (9 - layers))
    for profile_present, level_present in present:
        reader.skip((88 if profile_present else 0) + (8 if level_present else 0))
    return reader, general, layers, nesting, reader.ue()


def parse_h265_sps_id(nal: bytes) -> int:
    """sps_seq_parameter_set_id. Raises BadMedia."""
    return _h265_head(nal)[4]


def parse_h265_sps(nal: bytes) -> SpsInfo:
    """An H.265 SPS. Raises BadMedia."""
    reader, general, layers, nesting, _ = _h265_head(nal)
    chroma = reader.ue()
    if chroma > 3:
        raise _unreadable()
    separate = chroma == 3 and reader.flag()
    width, height = reader.ue(), reader.ue()
    if reader.flag():
        left, right, top, bottom = reader.ue(), reader.ue(), reader.ue(), reader.ue()
        across, down = _CHROMA_SUBSAMPLING[0 if separate else chroma]
        width -= across * (left + right)
        height -= down * (top + bottom)
    _check_size(width, height)
    luma_bits, chroma_bits = 8 + reader.ue(), 8 + reader.ue()
    if luma_bits > 16 or chroma_bits > 16:
        raise _unreadable()
    order_bits = reader.ue() + 4
    if order_bits > 16:
        raise _unreadable()
    reorder = 0
    for _ in range(layers if reader.flag() else 1):
        reader.ue()
        reorder = max(reorder, reader.ue())
        reader.ue()
    vui = _Vui()
    try:
        vui = _h265_tail(reader, order_bits, layers)
    except BadMedia:
        pass  # size and reordering are known; the rest only tells frame rate and aspect
    return SpsInfo(
        width=width,
        height=height,
        profile=_H265_PROFILES.get(general[0] & 31, f"profile {general[0] & 31}"),
        level=general[11],
        codec_string=_h265_codec_string(general),
        chroma_format=chroma,
        luma_bits=luma_bits,
        chroma_bits=chroma_bits,
        sample_aspect=vui.sample_aspect,
        reorder_frames=reorder if reorder <= 16 else None,
        fps=vui.fps,
        general=general,
        temporal_layers=layers,
        temporal_nesting=nesting,
    )


def _h265_codec_string(general: bytes) -> str:
    """ISO/IEC 14496-15 annex E.3: hvc1.PROFILE.COMPATIBILITY.TIERLEVEL.CONSTRAINTS."""
    space = ("", "A", "B", "C")[general[0] >> 6]
    compatibility = int(f"{int.from_bytes(general[1:5], 'big'):032b}"[::-1], 2)
    tier = "H" if general[0] & 0x20 else "L"
    constraints = "".join(f".{byte:X}" for byte in general[5:11].rstrip(b"\0"))
    return f"hvc1.{space}{general[0] & 31}.{compatibility:X}.{tier}{general[11]}{constraints}"


def _h265_tail(reader: BitReader, order_bits: int, layers: int) -> _Vui:
    """From log2_min_luma_coding_block_size to the VUI's timing."""
    for _ in range(6):
        reader.ue()
    if reader.flag() and reader.flag():
        _skip_h265_scaling_lists(reader)
    reader.skip(2)
    if reader.flag():
        reader.skip(8)
        reader.ue()
        reader.ue()
        reader.skip(1)
    sets = reader.ue()
    if sets > 64:
        raise _unreadable()
    pictures: list[int] = []
    for index in range(sets):
        pictures.append(_h265_reference_set(reader, index, pictures))
    if reader.flag():
        count = reader.ue()
        if count > 32:
            raise _unreadable()
        reader.skip(count * (order_bits + 1))
    reader.skip(2)
    if not reader.flag():
        return _Vui()
    aspect = _aspect(reader)
    try:
        _signal_and_chroma(reader)
        reader.skip(3)
        if reader.flag():
            for _ in range(4):
                reader.ue()
        if reader.flag():
            ticks, scale = reader.bits(32), reader.bits(32)
            return _Vui(aspect, None, _rate(ticks, scale))
    except BadMedia:
        pass
    return _Vui(aspect)


def _skip_h265_scaling_lists(reader: BitReader) -> None:
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if not reader.flag():
                reader.ue()
                continue
            if size > 1:
                reader.se()
            for _ in range(min(64, 16 << (2 * size))):
                reader.se()


def _h265_reference_set(reader: BitReader, index: int, pictures: list[int]) -> int:
    """Walks st_ref_pic_set(index) (7.3.7); returns its number of pictures."""
    if index and reader.flag():
        reader.skip(1)
        reader.ue()
        count = 0
        for _ in range(pictures[index - 1] + 1):
            used = reader.flag()
            if used or reader.flag():
                count += 1
        return count
    negative, positive = reader.ue(), reader.ue()
    if negative > 16 or positive > 16:
        raise _unreadable()
    for _ in range(negative + positive):
        reader.ue()
        reader.skip(1)
    return negative + positive


def _check_size(width: int, height: int) -> None:
    if not (0 < width <= _LARGEST_SIDE and 0 < height <= _LARGEST_SIDE):
        raise BadMedia(f"The picture would be {width}x{height}.", advice="Check the camera's video settings.")


def _unreadable() -> BadMedia:
    return BadMedia("A sequence parameter set can't be read.", advice="Check the camera's video settings or firmware.")
