"""What a fragment tells without being decoded: sizes of its frames, and the quantiser of a slice (H.264 7.3.2, 7.3.3).

Nothing here raises: a camera may send anything, and what can't be read is simply not known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct, unpack_from

from belvedere.foundation.errors import BadMedia
from belvedere.media.bits import BitReader, unescape
from belvedere.media.fmp4 import read_fragment
from belvedere.media.nal import H264Nal
from belvedere.media.stream import Codec

# Our own fragments have trun at a fixed place: size, name, flags, count, data offset (fmp4.py writes them).
_TRUN = Struct(">I4sIII")
_TRUN_AT = 72
_ENTRIES_AT = _TRUN_AT + _TRUN.size
_USUAL_FLAGS = 0x301
_MOST_FRAMES = 1 << 16
_MOST_FRAME_BYTES = 16 << 20
_SLICE_BYTES = 32  # a slice header's beginning; a longer one has lists that no camera sends
_MOST_STEPS = 64  # in any list of a slice header
_HIGHEST_QP = 51
_SLICES = (int(H264Nal.SLICE), int(H264Nal.IDR))  # plain numbers: this is asked for every fragment
_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


@dataclass(frozen=True, slots=True)
class FrameTable:
    """Frames of one fragment in decode order: sizes in bytes, durations in 90 kHz ticks, which are keyframes.

    `offset` is where the first frame's bytes lie in the fragment; the others follow without a gap.
    Invariant: the three sequences are of one length, and the sizes fit the fragment.
    """

    offset: int
    sizes: Sequence[int]
    durations_90k: Sequence[int]
    keyframes: Sequence[bool]
    key_first: bool  # no frame but the first may be a keyframe


def frame_table(data: bytes | memoryview) -> FrameTable | None:
    """The frames of moof + mdat `data`; None when it is nothing that can be read."""
    if len(data) >= _ENTRIES_AT and data[4:8] == b"moof" and data[76:80] == b"trun":
        size, _, flags, count, offset = _TRUN.unpack_from(data, _TRUN_AT)
        first_key = flags & 4
        at = _ENTRIES_AT + first_key
        flags &= 0xFFFFFF & ~4
        fits = size == 20 + first_key + 8 * count and at + 8 * count <= len(data)
        if flags == _USUAL_FLAGS and 0 < count < _MOST_FRAMES and fits:
            entries = unpack_from(f">{2 * count}I", data, at)
            sizes = entries[1::2]
            if offset + sum(sizes) <= len(data):
                return FrameTable(offset, sizes, entries[0::2], (first_key != 0, *(False,) * (count - 1)), True)
    try:
        samples = read_fragment(bytes(data))
    except BadMedia:
        return None
    if not samples:
        return None
    return FrameTable(
        samples[0].offset,
        [sample.size for sample in samples],
        [sample.duration_90k for sample in samples],
        [sample.keyframe for sample in samples],
        not any(sample.keyframe for sample in samples[1:]),
    )


def first_frame(data: bytes | memoryview) -> tuple[int, int] | None:
    """Where the first frame of a fragment lies (offset, bytes), from the fragment's beginning alone; None when it can't be told."""
    if len(data) < _ENTRIES_AT + 16 or data[4:8] != b"moof" or data[76:80] != b"trun":
        return None
    _, _, flags, count, offset = _TRUN.unpack_from(data, _TRUN_AT)
    if not count or flags & 0x301 != _USUAL_FLAGS:
        return None
    size = int.from_bytes(data[_ENTRIES_AT + (flags & 4) + 4 :][:4], "big")
    return (offset, size) if 0 < offset < len(data) and 0 < size < _MOST_FRAME_BYTES else None


@dataclass(frozen=True, slots=True)
class _Sequence:
    """What a slice header needs of an SPS."""

    chroma: int  # ChromaArrayType; 0: no chroma in the weight table
    planes: bool
    frame_num_bits: int
    order: int  # pic_order_cnt_type
    order_bits: int
    order_always_zero: bool
    frames_only: bool


@dataclass(frozen=True, slots=True)
class _Picture:
    """What a slice header needs of a PPS."""

    sequence: _Sequence
    cabac: bool
    bottom_order: bool
    references: tuple[int, int]
    weighted: bool
    weighted_b: int
    qp: int
    redundant: bool


class _HeaderReader:
    """A BitReader for the few first bytes of a slice, quick at Exp-Golomb codes. Raises BadMedia past the end."""

    __slots__ = ("_left", "_value")

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def skip(self, count: int) -> None:
        if count > self._left:
            raise _unknown()
        self._left -= count

    def flag(self) -> bool:
        if not self._left:
            raise _unknown()
        self._left -= 1
        return self._value >> self._left & 1 == 1

    def ue(self) -> int:
        left = self._left
        rest = self._value & ((1 << left) - 1)
        zeros = left - rest.bit_length()
        left -= 2 * zeros + 1
        if left < 0 or zeros > 32:
            raise _unknown()
        self._left = left
        return (rest >> left) - 1

    def se(self) -> int:
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


class SliceQp:
    """Reads the quantiser of H.264 slices. For another codec, or sets that can't be read, every answer is None."""

    def __init__(self, codec: Codec, parameter_sets: Sequence[bytes]) -> None:
        self._pictures: dict[int, _Picture] = {}
        if codec is not Codec.H264:
            return
        sequences: dict[int, _Sequence] = {}
        for nal in parameter_sets:
            try:
                if nal[:1] and nal[0] & 31 == H264Nal.SPS:
                    number, sequence = _read_sps(nal)
                    sequences[number] = sequence
            except BadMedia:
                continue
        for nal in parameter_sets:
            try:
                if nal[:1] and nal[0] & 31 == H264Nal.PPS:
                    number, picture = _read_pps(nal, sequences)
                    self._pictures[number] = picture
            except BadMedia:
                continue

    @property
    def able(self) -> bool:
        """Whether there is a parameter set to read slices with."""
        return bool(self._pictures)

    def of_frame(self, data: bytes | memoryview, start: int, size: int) -> int | None:
        """QP (0 to 51) of the first slice of the frame data[start:start + size], NAL units behind 4-byte lengths; or None."""
        end = min(start + size, len(data))
        for _ in range(_MOST_STEPS):
            if start + 5 > end:
                return None
            kind = data[start + 4] & 31
            if kind in _SLICES:
                return self.of_slice(bytes(data[start + 4 : min(end, start + 4 + _SLICE_BYTES)]))
            start += 4 + int.from_bytes(data[start : start + 4], "big")
        return None

    def of_slice(self, nal: bytes) -> int | None:
        """QP of the slice NAL unit `nal`, whose first bytes suffice; None when it can't be told."""
        if not self._pictures or not nal:
            return None
        try:
            qp = self._slice_qp(nal)
        except BadMedia:
            return None
        return qp if 0 <= qp <= _HIGHEST_QP else None

    def _slice_qp(self, nal: bytes) -> int:
        reader = _HeaderReader(unescape(nal[1:_SLICE_BYTES]))
        idr = nal[0] & 31 == _SLICES[1]
        reader.ue()
        kind = reader.ue() % 5  # 0 P, 1 B, 2 I, 3 SP, 4 SI
        picture = self._pictures.get(reader.ue())
        if picture is None:
            raise _unknown()
        sequence = picture.sequence
        if sequence.planes:
            reader.skip(2)
        reader.skip(sequence.frame_num_bits)
        field = False
        if not sequence.frames_only:
            field = reader.flag()
            if field:
                reader.skip(1)
        if idr:
            reader.ue()
        if sequence.order == 0:
            reader.skip(sequence.order_bits)
            if picture.bottom_order and not field:
                reader.se()
        elif sequence.order == 1 and not sequence.order_always_zero:
            reader.se()
            if picture.bottom_order and not field:
                reader.se()
        if picture.redundant:
            reader.ue()
        if kind == 1:
            reader.skip(1)
        if kind in (0, 1, 3):
            _skip_references(reader, picture, kind)
        if nal[0] & 0x60:
            _skip_marking(reader, idr)
        if picture.cabac and kind in (0, 1, 3):
            reader.ue()
        return picture.qp + reader.se()


def _skip_references(reader: _HeaderReader, picture: _Picture, kind: int) -> None:
    """num_ref_idx_active_override, ref_pic_list_modification, pred_weight_table."""
    counts = list(picture.references)
    if reader.flag():
        counts[0] = reader.ue() + 1
        if kind == 1:
            counts[1] = reader.ue() + 1
    lists = 2 if kind == 1 else 1
    for _ in range(lists):
        if reader.flag():
            for _ in range(_MOST_STEPS):
                if reader.ue() == 3:
                    break
                reader.ue()
            else:
                raise _unknown()
    if not (picture.weighted if kind != 1 else picture.weighted_b == 1):
        return
    chroma = picture.sequence.chroma != 0
    reader.ue()
    if chroma:
        reader.ue()
    for count in counts[:lists]:
        if count > _MOST_STEPS:
            raise _unknown()
        for _ in range(count):
            for values in (2, 4) if chroma else (2,):
                if reader.flag():
                    for _ in range(values):
                        reader.se()


def _skip_marking(reader: _HeaderReader, idr: bool) -> None:
    """dec_ref_pic_marking."""
    if idr:
        reader.skip(2)
        return
    if not reader.flag():
        return
    for _ in range(_MOST_STEPS):
        operation = reader.ue()
        if operation == 0:
            return
        reader.ue()
        if operation == 3:
            reader.ue()
    raise _unknown()


def _read_sps(nal: bytes) -> tuple[int, _Sequence]:
    """Number and content of an SPS (7.3.2.1.1). Raises BadMedia."""
    reader = BitReader(unescape(nal[1:]))
    profile = reader.bits(8)
    reader.skip(16)
    number = reader.ue()
    chroma, planes = 1, False
    if profile in _WITH_CHROMA:
        chroma = reader.ue()
        planes = chroma == 3 and reader.flag()
        reader.ue()
        reader.ue()
        reader.skip(1)
        if reader.flag():
            for index in range(12 if chroma == 3 else 8):
                if reader.flag():
                    _skip_scaling_list(reader, 16 if index < 6 else 64)
    frame_num_bits = reader.ue() + 4
    order = reader.ue()
    order_bits, always_zero = 0, False
    if order == 0:
        order_bits = reader.ue() + 4
    elif order == 1:
        always_zero = reader.flag()
        reader.se()
        reader.se()
        cycle = reader.ue()
        if cycle > 255:
            raise _unknown()
        for _ in range(cycle):
            reader.se()
    reader.ue()
    reader.skip(1)
    reader.ue()
    reader.ue()
    frames_only = reader.flag()
    if frame_num_bits > 16 or order_bits > 16 or order > 2:
        raise _unknown()
    return number, _Sequence(
        0 if planes else chroma, planes, frame_num_bits, order, order_bits, always_zero, frames_only
    )


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + reader.se()) % 256
        last = following or last


def _read_pps(nal: bytes, sequences: dict[int, _Sequence]) -> tuple[int, _Picture]:
    """Number and content of a PPS (7.3.2.2). Raises BadMedia; slice groups, which no camera uses, count as unreadable."""
    reader = BitReader(unescape(nal[1:]))
    number = reader.ue()
    sequence = sequences.get(reader.ue())
    if sequence is None:
        raise _unknown()
    cabac, bottom_order = reader.flag(), reader.flag()
    if reader.ue():
        raise _unknown()
    references = (reader.ue() + 1, reader.ue() + 1)
    weighted, weighted_b = reader.flag(), reader.bits(2)
    qp = 26 + reader.se()
    reader.se()
    reader.se()
    reader.skip(2)
    redundant = reader.flag()
    return number, _Picture(sequence, cabac, bottom_order, references, weighted, weighted_b, qp, redundant)


def _unknown() -> BadMedia:
    return BadMedia("A slice header can't be read.", advice="Nothing is lost: only its quantiser is not known.")
