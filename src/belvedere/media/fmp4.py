"""Fragmented MP4: initialisation segments, fragments, and reading them back (ISO/IEC 14496-12, 14496-15).

One track, id 1, timescale 90 000. Samples hold NAL units behind 4-byte lengths, everything the camera sent included.
`tfdt` and `trun` are version 1: 64-bit decode times, signed composition offsets. Offsets are relative to the moof.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct, pack, unpack_from
from typing import Protocol

from belvedere.foundation.errors import BadMedia
from belvedere.media import nal as nals
from belvedere.media.sps import SpsInfo, parse_sps
from belvedere.media.stream import TICKS_PER_SECOND, Codec, Frame, StreamConfig

# sample_flags (14496-12 8.8.3.1): a sync sample depends on no other; the rest depend on others and are not sync.
SYNC_SAMPLE = 0x0200_0000
NON_SYNC_SAMPLE = 0x0101_0000

_MATRIX = pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000)
# moof, mfhd, traf, tfhd (default-base-is-moof, default sample flags), tfdt: what comes before trun's entries.
_HEAD = Struct(">I4sI4sIII4sI4sIIII4sIQI4sIIi")
_HEAD_BYTES = _HEAD.size
# The same for one sample of trun, and the header of mdat.
_SINGLE = Struct(">I4sI4sIII4sI4sIIII4sIQI4sIIiIIiI4s")
_SINGLE_BYTES = _SINGLE.size
# Sizes are 32 bits in an mdat; anything near that is not a fragment of ours.
_MOST_SAMPLES = 1 << 20


def write_box(kind: bytes, *parts: bytes) -> bytes:
    """A box: its header, and `parts` joined."""
    body = b"".join(parts)
    return pack(">I4s", 8 + len(body), kind) + body


def write_full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with version and flags."""
    return write_box(kind, pack(">I", version << 24 | flags), *parts)


def _avcc(sets: Sequence[bytes], sps: SpsInfo) -> bytes:
    """AVCDecoderConfigurationRecord (14496-15 5.3.3.1)."""
    sequence = [unit for unit in sets if unit[0] & 31 == nals.H264Nal.SPS]
    picture = [unit for unit in sets if unit[0] & 31 == nals.H264Nal.PPS]
    parts = [b"\1", sequence[0][1:4], b"\xff", bytes((0xE0 | len(sequence),))]
    parts += [pack(">H", len(unit)) + unit for unit in sequence]
    parts.append(bytes((len(picture),)))
    parts += [pack(">H", len(unit)) + unit for unit in picture]
    if sequence[0][1] in (100, 110, 122, 144):
        parts.append(bytes((0xFC | sps.chroma_format, 0xF8 | sps.luma_bits - 8, 0xF8 | sps.chroma_bits - 8, 0)))
    return write_box(b"avcC", *parts)


def _hvcc(sets: Sequence[bytes], sps: SpsInfo) -> bytes:
    """HEVCDecoderConfigurationRecord (14496-15 8.3.3.1). Arrays are called complete, as `hvc1` asks."""
    kinds = (nals.H265Nal.VPS, nals.H265Nal.SPS, nals.H265Nal.PPS)
    grouped = [(kind, [unit for unit in sets if (unit[0] >> 1) & 63 == kind]) for kind in kinds]
    layering = sps.temporal_layers << 3 | (4 if sps.temporal_nesting else 0) | 3
    parts = [
        b"\1",
        sps.general,
        b"\xf0\0\xfc",
        bytes((0xFC | sps.chroma_format, 0xF8 | sps.luma_bits - 8, 0xF8 | sps.chroma_bits - 8, 0, 0, layering)),
        bytes((sum(1 for _, units in grouped if units),)),
    ]
    for kind, units in grouped:
        if units:
            parts.append(pack(">BH", 0x80 | kind, len(units)))
            parts += [pack(">H", len(unit)) + unit for unit in units]
    return write_box(b"hvcC", *parts)


def _check_sets(codec: Codec, sets: Sequence[bytes]) -> SpsInfo:
    """The first SPS, once the sets are complete and small enough for their 16-bit lengths. Raises BadMedia."""
    kinds = [nals.nal_type(codec, unit) for unit in sets]
    needed = (
        (nals.H264Nal.SPS, nals.H264Nal.PPS)
        if codec is Codec.H264
        else (nals.H265Nal.VPS, nals.H265Nal.SPS, nals.H265Nal.PPS)
    )
    if any(kind not in kinds for kind in needed) or any(kind not in needed for kind in kinds):
        raise BadMedia("The parameter sets are not complete.", advice="Check the camera's video settings.")
    if len(sets) > 31 or any(len(unit) > 0xFFFF for unit in sets):
        raise BadMedia("There are too many parameter sets.", advice="Check the camera's video settings.")
    return parse_sps(codec, sets[kinds.index(needed[-2])])


def init_segment(codec: Codec, parameter_sets: Sequence[bytes], width: int, height: int) -> bytes:
    """ftyp + moov for one video track. `width` and `height` are pixels. Raises BadMedia when the sets can't be used."""
    sps = _check_sets(codec, parameter_sets)
    if not (0 < width <= 0xFFFF and 0 < height <= 0xFFFF):
        raise BadMedia(f"A picture of {width}x{height} does not fit an MP4.")
    if codec is Codec.H264:
        entry, configuration = b"avc1", _avcc(parameter_sets, sps)
    else:
        entry, configuration = b"hvc1", _hvcc(parameter_sets, sps)
    across, down = sps.sample_aspect
    aspect = write_box(b"pasp", pack(">II", across, down)) if across != down else b""
    sample_entry = write_box(
        entry,
        pack(">6xH16xHHIIIH32xHh", 1, width, height, 0x48_0000, 0x48_0000, 0, 1, 24, -1),
        configuration,
        aspect,
    )
    shown = width * across // down if across != down else width
    return initialisation(b"vide", sample_entry, shown, height)


def initialisation(handler: bytes, sample_entry: bytes, width: int = 0, height: int = 0) -> bytes:
    """ftyp + moov for one track of pictures (`vide`, its size as shown in pixels) or sound (`soun`)."""
    tables = write_box(
        b"stbl",
        write_full_box(b"stsd", 0, 0, pack(">I", 1), sample_entry),
        write_full_box(b"stts", 0, 0, bytes(4)),
        write_full_box(b"stsc", 0, 0, bytes(4)),
        write_full_box(b"stsz", 0, 0, bytes(8)),
        write_full_box(b"stco", 0, 0, bytes(4)),
    )
    references = write_box(b"dinf", write_full_box(b"dref", 0, 0, pack(">I", 1), write_full_box(b"url ", 0, 1)))
    pictures = handler == b"vide"
    header = write_full_box(b"vmhd", 0, 1, bytes(8)) if pictures else write_full_box(b"smhd", 0, 0, bytes(4))
    media = write_box(
        b"mdia",
        write_full_box(b"mdhd", 0, 0, pack(">IIIIHH", 0, 0, TICKS_PER_SECOND, 0, 0x55C4, 0)),
        write_full_box(b"hdlr", 0, 0, bytes(4), handler, bytes(12), b"Video\0" if pictures else b"Sound\0"),
        write_box(b"minf", header, references, tables),
    )
    track_header = write_full_box(
        b"tkhd",
        0,
        3,
        pack(">IIIII8xHHHH", 0, 0, 1, 0, 0, 0, 0, 0 if pictures else 0x100, 0),
        _MATRIX,
        pack(">II", width << 16 & 0xFFFF_FFFF, height << 16),
    )
    movie_header = write_full_box(
        b"mvhd", 0, 0, pack(">IIIIIH10x", 0, 0, TICKS_PER_SECOND, 0, 0x10000, 0x100), _MATRIX, bytes(24), pack(">I", 2)
    )
    extends = write_box(b"mvex", write_full_box(b"trex", 0, 0, pack(">IIIII", 1, 1, 0, 0, 0)))
    return write_box(b"ftyp", b"iso6\0\0\2\0iso6mp41") + write_box(
        b"moov", movie_header, write_box(b"trak", track_header, media), extends
    )


def make_config(codec: Codec, parameter_sets: Sequence[bytes]) -> StreamConfig:
    """All that a decoder must know, from the parameter sets alone. Raises BadMedia when they can't be used."""
    sps = _check_sets(codec, parameter_sets)
    init = init_segment(codec, parameter_sets, sps.width, sps.height)
    return StreamConfig(
        codec=codec,
        parameter_sets=tuple(parameter_sets),
        width=sps.width,
        height=sps.height,
        codec_string=sps.codec_string,
        init=init,
        config_id=hashlib.sha256(init).hexdigest()[:16],
    )


class Timed(Protocol):
    """What the head of a fragment tells of a frame, beside its size. As in `Frame`."""

    @property
    def dts_90k(self) -> int: ...
    @property
    def cts_90k(self) -> int: ...
    @property
    def keyframe(self) -> bool: ...


def fragment_head(frames: Sequence[Timed], sizes: Sequence[int], next_dts: int, sequence: int) -> bytes:
    """moof and the header of mdat for `frames` of `sizes` bytes; their data, joined, follows. See `write_fragment`."""
    count = len(frames)
    total = sum(sizes)
    shifted = mixed = False
    first = frames[0]
    entries: list[int] = []
    last_dts = first.dts_90k
    previous_size = -1
    for frame, size in zip(frames, sizes, strict=True):
        dts = frame.dts_90k
        if previous_size >= 0:
            entries.append(dts - last_dts)
            entries.append(previous_size)
            if frame.keyframe:
                mixed = True
        if frame.cts_90k:
            shifted = True
        previous_size = size
        last_dts = dts
    entries.append(max(0, next_dts - last_dts))
    entries.append(previous_size)
    flags, first_flags = 0x301, b""  # data offset, sample duration, sample size
    if mixed:
        flags |= 0x400
    elif first.keyframe:
        flags |= 0x004
        first_flags = pack(">I", SYNC_SAMPLE)
    if shifted:
        flags |= 0x800
    if mixed or shifted:
        shape = ">" + ("II" + ("I" if mixed else "") + ("i" if shifted else "")) * count
        values: list[int] = []
        for index, frame in enumerate(frames):
            values += entries[2 * index : 2 * index + 2]
            if mixed:
                values.append(SYNC_SAMPLE if frame.keyframe else NON_SYNC_SAMPLE)
            if shifted:
                values.append(frame.cts_90k)
        table = pack(shape, *values)
    else:
        table = pack(f">{2 * count}I", *entries)
    tail = len(first_flags) + len(table)
    moof = _HEAD_BYTES + tail
    head = _HEAD.pack(
        moof, b"moof", 16, b"mfhd", 0, sequence & 0xFFFF_FFFF,
        moof - 24, b"traf", 20, b"tfhd", 0x02_0020, 1, NON_SYNC_SAMPLE,
        20, b"tfdt", 0x0100_0000, first.dts_90k,
        20 + tail, b"trun", 0x0100_0000 | flags, count, moof + 8,
    )  # fmt: skip
    return b"".join((head, first_flags, table, pack(">I4s", 8 + total, b"mdat")))


def write_fragment(frames: Sequence[Frame], next_dts: int, sequence: int) -> bytes:
    """moof + mdat of `frames` (at least one, decode order). `next_dts` ends the last sample; `sequence` numbers fragments."""
    head = fragment_head(frames, [len(frame.data) for frame in frames], next_dts, sequence)
    return b"".join((head, *(frame.data for frame in frames)))


def write_frame(frame: Frame, duration_90k: int, sequence: int) -> bytes:
    """moof + mdat of one frame, for live viewing: the same as `write_fragment`, sooner."""
    size = len(frame.data)
    return (
        _SINGLE.pack(
            _SINGLE_BYTES - 8, b"moof", 16, b"mfhd", 0, sequence & 0xFFFF_FFFF,
            _SINGLE_BYTES - 32, b"traf", 20, b"tfhd", 0x02_0020, 1, SYNC_SAMPLE if frame.keyframe else NON_SYNC_SAMPLE,
            20, b"tfdt", 0x0100_0000, frame.dts_90k,
            32, b"trun", 0x0100_0B01, 1, _SINGLE_BYTES, duration_90k, size, frame.cts_90k,
            8 + size, b"mdat",
        )
        + frame.data
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Box:
    """A box inside some bytes: `start` is its first byte, `body` the first after its header, `end` the first behind it."""

    kind: bytes
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample of a fragment. `offset` counts from the first byte of the fragment's moof."""

    offset: int
    size: int
    dts_90k: int
    cts_90k: int
    duration_90k: int
    keyframe: bool


def read_boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Boxes of data[start:end], one level. Raises BadMedia when a box does not fit."""
    end = len(data) if end is None else min(end, len(data))
    pos = start
    while pos < end:
        if end - pos < 8:
            raise _cut()
        size, kind = unpack_from(">I4s", data, pos)
        body = pos + 8
        if size == 1:
            if end - pos < 16:
                raise _cut()
            size, body = unpack_from(">Q", data, pos + 8)[0], pos + 16
        elif size == 0:
            size = end - pos
        if size < body - pos or size > end - pos:
            raise _cut()
        yield Box(kind, pos, body, pos + size)
        pos += size


def find_box(data: bytes, path: Sequence[bytes], start: int = 0, end: int | None = None) -> Box:
    """The first box at `path` (such as moof, traf, tfdt). Raises BadMedia when there is none."""
    found: Box | None = None
    for kind in path:
        found = next((box for box in read_boxes(data, start, end) if box.kind == kind), None)
        if found is None:
            raise BadMedia(f"The video has no {kind.decode('latin-1')} box.", advice="The file or segment is damaged.")
        start, end = found.body, found.end
    if found is None:
        raise ValueError("an empty path names no box")
    return found


def tfdt_offset(data: bytes, start: int = 0) -> int:
    """Where the 64-bit decode time of the fragment that begins at `start` lies, for splicing. Raises BadMedia."""
    box = find_box(data, (b"moof", b"traf", b"tfdt"), start)
    if box.end - box.body != 12 or data[box.body] != 1:
        raise BadMedia("A fragment's decode time is not 64 bits wide.", advice="The segment was not written here.")
    return box.body + 4


def read_fragment(data: bytes, start: int = 0) -> list[Sample]:
    """Samples of the moof+mdat that begins at `start`. Raises BadMedia when they do not lie in `data`."""
    moof = find_box(data, (b"moof",), start)
    traf = find_box(data, (b"traf",), moof.body, moof.end)
    defaults, dts, runs = (0, 0, 0), 0, []
    for box in read_boxes(data, traf.body, traf.end):
        if box.kind == b"tfhd":
            defaults = _read_tfhd(data, box)
        elif box.kind == b"tfdt":
            wide = data[box.body : box.body + 1] == b"\1"
            dts = _number(data, box, 4, 8 if wide else 4)
        elif box.kind == b"trun":
            runs.append(box)
    samples: list[Sample] = []
    offset = 0
    for box in runs:
        dts, offset = _read_trun(data, moof, box, defaults, dts, offset, samples)
    return samples


def _number(data: bytes, box: Box, at: int, size: int) -> int:
    if box.body + at + size > box.end:
        raise _cut()
    return int.from_bytes(data[box.body + at : box.body + at + size], "big")


def _read_tfhd(data: bytes, box: Box) -> tuple[int, int, int]:
    """Default sample duration, size and flags."""
    flags = _number(data, box, 1, 3)
    at = 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
    values = []
    for bit in (0x08, 0x10, 0x20):
        values.append(_number(data, box, at, 4) if flags & bit else 0)
        at += 4 if flags & bit else 0
    return values[0], values[1], values[2]


def _read_trun(
    data: bytes, moof: Box, box: Box, defaults: tuple[int, int, int], dts: int, offset: int, samples: list[Sample]
) -> tuple[int, int]:
    """Appends the samples of one trun; returns the decode time and offset behind them."""
    flags, count = _number(data, box, 1, 3), _number(data, box, 4, 4)
    at = 8
    if flags & 1:
        offset = _number(data, box, at, 4)
        at += 4
    first_flags = _number(data, box, at, 4) if flags & 4 else None
    at += 4 if flags & 4 else 0
    wide = 4 * sum(1 for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit)
    if count > _MOST_SAMPLES or box.body + at + count * wide > box.end or (not wide and count > 1):
        raise _cut()
    pos = box.body + at
    for index in range(count):
        duration, size, sample_flags, shift = *defaults, 0
        if flags & 0x100:
            duration, pos = unpack_from(">I", data, pos)[0], pos + 4
        if flags & 0x200:
            size, pos = unpack_from(">I", data, pos)[0], pos + 4
        if flags & 0x400:
            sample_flags, pos = unpack_from(">I", data, pos)[0], pos + 4
        elif index == 0 and first_flags is not None:
            sample_flags = first_flags
        if flags & 0x800:
            shift, pos = unpack_from(">i", data, pos)[0], pos + 4
        if moof.start + offset + size > len(data):
            raise _cut()
        samples.append(Sample(offset, size, dts, shift, duration, not sample_flags & 0x10000))
        dts, offset = dts + duration, offset + size
    return dts, offset


def _cut() -> BadMedia:
    return BadMedia("The video is cut short or damaged.", advice="Check the file, or run `belvedere site check`.")
