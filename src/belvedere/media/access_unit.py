"""Access units put together from NAL units, whole or in fragments, as a depacketizer takes them from the wire."""

from struct import Struct

from belvedere.media.nal import H264Nal, H265Nal, is_recovery_point
from belvedere.media.stream import Codec

# A picture larger than this is an attack or a fault; 4K keyframes stay under 2 MiB.
ACCESS_UNIT_BYTES = 8 << 20
# NAL units waiting for a picture to belong to (parameter sets and SEI sent ahead).
_PREFIX_BYTES = 256 << 10
# A piece of what was read; only one that fills most of a read may keep the whole read in memory.
Part = bytes | memoryview

UNIT_LENGTH = Struct(">I")
UNIT_HEAD_264 = Struct(">IB")  # length and header of a NAL unit
UNIT_HEAD_265 = Struct(">IH")

# Plain integers: an enum's member costs a look-up each time, and these are compared some hundred times a second.
_H264_IDR, H264_SEI, H264_AUD = int(H264Nal.IDR), int(H264Nal.SEI), int(H264Nal.AUD)
_H264_SETS = (int(H264Nal.SPS), int(H264Nal.PPS))
H265_VPS, _H265_PPS = int(H265Nal.VPS), int(H265Nal.PPS)


class AccessUnit:
    """One picture in decode order. Who takes it may add its times; do not change the rest.

    `parts`, joined, are NAL units behind 4-byte lengths; `size` is their length together. `timestamp` is RTP's, 32 bits.
    `starts` is false for a further piece of the picture before (same timestamp). `parameter_sets` are those that were not in
    `known_sets`. `lost_packets` is the track's count when the unit was complete. `dts_90k`, `cts_90k` (media time in its run)
    and `arrival_us` are the writer's to set.
    """

    __slots__ = (
        "arrival_us", "cts_90k", "damaged", "dts_90k", "keyframe", "lost_packets", "parameter_sets", "parts", "size",
        "starts", "timestamp",
    )  # fmt: skip
    arrival_us: int
    cts_90k: int
    dts_90k: int

    def __init__(
        self,
        data: bytes | list[Part],
        timestamp: int,
        keyframe: bool,
        starts: bool,
        damaged: bool,
        parameter_sets: tuple[bytes, ...],
        lost_packets: int = 0,
        size: int = -1,
    ) -> None:
        """`size`: that of `data`, for who knows it."""
        self.parts: list[Part] = data if isinstance(data, list) else [data]
        self.size = size if size >= 0 else sum(map(len, self.parts))
        self.timestamp = timestamp
        self.keyframe = keyframe
        self.starts = starts
        self.damaged = damaged
        self.parameter_sets = parameter_sets
        self.lost_packets = lost_packets

    @property
    def data(self) -> bytes:
        """All of it in one piece, which costs a copy."""
        return b"".join(self.parts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AccessUnit):
            return NotImplemented
        return self.data == other.data and self._told() == other._told()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"AccessUnit(size={self.size}, told={self._told()})"

    def _told(self) -> tuple[object, ...]:
        return (
            self.timestamp, self.keyframe, self.starts, self.damaged, self.parameter_sets, self.lost_packets
        )  # fmt: skip


class UnitAssembly:
    """The access unit under way on one track, and what is known of it. `lost_packets` is the depacketizer's to count."""

    def __init__(self, codec: Codec) -> None:
        self.known_sets: frozenset[bytes] = frozenset()
        self.lost_packets = 0
        self._hevc = codec is Codec.H265
        self._timestamp = -1
        self._ended_timestamp = -1
        self._trusts_markers = True
        # The access unit under way. `_parts` alternates lengths and data; `_open` is the index in it where the
        # fragmented NAL unit under way begins (its length and header are put in when it ends), -1 when there is none.
        self._parts: list[Part] = []
        self._size = 0
        self._open = -1
        self._open_size = 0
        self._picture = False
        self._keyframe = False
        self._starts = False
        self._damaged = False
        self._sets: list[bytes] = []

    def _fragment(self, data: bytes, start: int, end: int, header: int, unit_header: int) -> None:
        """A fragmentation unit: bit 7 of `header` begins a NAL unit, bit 6 ends it."""
        parts = self._parts
        if header & 0x80:
            if self._open >= 0:
                self._lose()
            self._open = len(parts)
            self._open_size = self._size
            parts.append(b"")
        elif self._open < 0:
            self._damaged = True
            return
        parts.append(data[start:end])
        self._size += end - start
        if not header & 0x40:
            return
        at, self._open = self._open, -1
        length = self._size - self._open_size
        first = parts[at + 1][0]
        if self._hevc:
            parts[at] = UNIT_HEAD_265.pack(length + 2, unit_header)
            self._size += 6
            kind = unit_header >> 9 & 63
            is_picture = kind < H265_VPS
        else:
            parts[at] = UNIT_HEAD_264.pack(length + 1, unit_header)
            self._size += 5
            kind = unit_header & 31
            is_picture = kind < H264_SEI
        if is_picture:
            self._note_picture(kind, first)
        else:
            self._note_other(b"".join(parts[at:])[4:])

    def _add(self, unit: bytes) -> None:
        """A whole NAL unit."""
        size = len(unit)
        if size < 2 + self._hevc:
            return
        if self._open >= 0:
            self._lose()
        self._parts.append(UNIT_LENGTH.pack(size))
        self._parts.append(unit)
        self._size += 4 + size
        if self._hevc:
            kind = (unit[0] >> 1) & 63
            if kind < H265_VPS:
                self._note_picture(kind, unit[2])
                return
        else:
            kind = unit[0] & 31
            if kind < H264_SEI:
                self._note_picture(kind, unit[1])
                return
        self._note_other(unit)

    def _note_picture(self, kind: int, first: int) -> None:
        """A slice came; bit 7 of its first byte tells whether its picture begins with it."""
        if not self._picture:
            self._picture = True
            self._starts = first & 0x80 != 0
        if 16 <= kind <= 23 if self._hevc else kind == _H264_IDR:
            self._keyframe = True

    def _note_other(self, unit: bytes) -> None:
        """Something beside pictures came: parameter sets are told, and a recovery point makes a keyframe."""
        if self._hevc:
            if H265_VPS <= (unit[0] >> 1) & 63 <= _H265_PPS and unit not in self.known_sets:
                self._sets.append(unit)
            return
        kind = unit[0] & 31
        if kind in _H264_SETS:
            if unit not in self.known_sets:
                self._sets.append(unit)
        elif kind == H264_SEI and unit.find(b"\6", 1) > 0 and is_recovery_point(unit):
            self._keyframe = True

    def _end_unit(self, units: list[AccessUnit]) -> None:
        if self._open >= 0:
            self._lose()
        if not self._picture:
            # Parameter sets and SEI sent ahead wait for their picture, unless it was lost.
            if (self._damaged and self._parts) or self._size > _PREFIX_BYTES or len(self._parts) > 512:
                self._forget()
            return
        timestamp = self._timestamp
        starts = self._starts or timestamp != self._ended_timestamp
        if not starts:
            self._trusts_markers = False  # it marks every slice: from now on pictures end when the timestamp changes
        units.append(
            AccessUnit(
                self._parts,
                timestamp,
                self._keyframe,
                starts,
                self._damaged,
                tuple(self._sets[:64]) if self._sets else (),
                self.lost_packets,
                self._size,
            )
        )
        self._ended_timestamp = timestamp
        self._forget()

    def _forget(self) -> None:
        self._parts = []
        self._sets = []
        self._size = 0
        self._open = -1
        self._picture = self._keyframe = self._starts = self._damaged = False

    def _lose(self) -> None:
        """Bytes are missing here: the NAL unit under way can't be completed."""
        self._damaged = True
        if self._open >= 0:
            del self._parts[self._open :]
            self._size = self._open_size
            self._open = -1
