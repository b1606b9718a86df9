"""Seconds of a segment: counted as its fragments are written, folded when it closes, kept as one small blob.

A second is one of media time since the segment's start, so that nothing changes when the segment's wall time is still being
settled. Frames count for the second in which their decode time lies. Plain bytes: the site's process records for months
without numpy, which is 8 MB of it (docs/design/packets.md).
"""

import statistics
import zlib
from collections.abc import Iterable, Sequence
from struct import Struct

from belvedere.media.activity import SliceQp, frame_table
from belvedere.media.stream import TICKS_PER_SECOND, Fragment, StreamConfig
from belvedere.site.storage.fragments import Record

FROM_FRAMES = 1  # each frame was measured as it passed
FROM_INDEX = 2  # worked out later from the index, where only whole fragments are known
MOST_SECONDS = 1024  # a segment holds 900 at most
QP_STEPS = 4  # the mean QP of a second is kept in quarters

SECOND = Struct("<IIHBB")
"""A second: bytes of frames that are not keyframes, bytes of keyframes, how many of each, and 1 + QP_STEPS x the mean QP of
the slices looked at (0: not known)."""
Seconds = bytes
"""SECOND after SECOND."""
_FORMAT = 1
_NOTE = Struct("<HHIIHBB")  # fragment, second, inter bytes, key bytes, inter frames, key frames, 1 + QP
_Note = tuple[int, int, int, int, int, int, int]


class Tally:
    """Counts one open segment. Lives on its disk's thread; `seconds` may be asked from another.

    Invariant: what it counted of a fragment can be told from the rest, so that no more than is durable is ever folded.
    """

    __slots__ = ("_count", "_notes", "_qp", "_start_90k")

    def __init__(self, start_90k: int, qp: SliceQp) -> None:
        """`start_90k`: media time of the segment's start."""
        self._start_90k = start_90k
        self._qp = qp
        self._notes = bytearray()
        self._count = 0

    def add(self, fragment: Fragment) -> None:
        """Count one fragment. Raises nothing: one that can't be read counts by what its message said."""
        data = fragment.data
        number = min(self._count, 0xFFFF)
        self._count += 1
        at_90k = max(0, fragment.start_90k - self._start_90k)
        table = frame_table(data)
        if table is None:
            key = fragment.keyframe
            size = min(len(data), 0xFFFFFFFF)
            self._note(number, at_90k, 0 if key else size, size if key else 0, fragment.frames - key, int(key), 0)
            return
        sizes, durations, keyframes = table.sizes, table.durations_90k, table.keyframes
        total, frames = sum(sizes), len(sizes)
        qp = 0
        if self._qp.able and not keyframes[-1]:
            # One slice a fragment is looked at: its quantiser moves slowly, and each look costs as much as all the rest.
            found = self._qp.of_frame(data, table.offset + total - sizes[-1], sizes[-1])
            qp = 0 if found is None else 1 + found
        if table.key_first:
            left_90k = TICKS_PER_SECOND - at_90k % TICKS_PER_SECOND
            key = keyframes[0]
            key_bytes = sizes[0] if key else 0
            split = frames if sum(durations) - durations[-1] < left_90k else _frames_before(durations, left_90k)
            if split == frames:
                self._note(number, at_90k, total - key_bytes, key_bytes, frames - key, int(key), qp)
                return
            next_90k = at_90k + sum(durations[:split])
            if next_90k // TICKS_PER_SECOND == (next_90k + sum(durations[split:-1])) // TICKS_PER_SECOND:
                before = sum(sizes[:split])
                self._note(number, at_90k, before - key_bytes, key_bytes, split - key, int(key), 0)
                self._note(number, next_90k, total - before, 0, frames - split, 0, qp)
                return
        for size, duration, key in zip(sizes, durations, keyframes, strict=True):
            self._note(number, at_90k, 0 if key else size, size if key else 0, int(not key), int(key), qp)
            at_90k += duration
            qp = 0

    def _note(self, number: int, at_90k: int, inter_bytes: int, key_bytes: int, inter: int, key: int, qp: int) -> None:
        second = min(at_90k // TICKS_PER_SECOND, MOST_SECONDS - 1)
        self._notes += _NOTE.pack(
            number, second, inter_bytes & 0xFFFFFFFF, key_bytes & 0xFFFFFFFF, min(inter, 0xFFFF), min(key, 255), qp
        )

    def seconds(self, fragments: int) -> Seconds:
        """The seconds of the first `fragments` fragments."""
        return _fold(note for note in _NOTE.iter_unpack(bytes(self._notes)) if note[0] < fragments)


def _frames_before(durations: Sequence[int], left_90k: int) -> int:
    """How many frames begin within `left_90k` of the first."""
    at_90k = 0
    for number, duration in enumerate(durations):
        if at_90k >= left_90k:
            return number
        at_90k += duration
    return len(durations)


def _fold(notes: Iterable[_Note]) -> Seconds:
    sums: dict[int, list[int]] = {}
    for _fragment, second, inter_bytes, key_bytes, inter, key, qp in notes:
        one = sums.get(second)
        if one is None:
            one = sums[second] = [0, 0, 0, 0, 0, 0]
        one[0] += inter_bytes
        one[1] += key_bytes
        one[2] += inter
        one[3] += key
        if qp:
            one[4] += qp - 1
            one[5] += 1
    seconds = bytearray(SECOND.size * (max(sums) + 1 if sums else 0))
    for second, (inter_bytes, key_bytes, inter, key, total, looks) in sums.items():
        mean = 1 + round(total / looks * QP_STEPS) if looks else 0
        SECOND.pack_into(
            seconds, second * SECOND.size,
            min(inter_bytes, 0xFFFFFFFF), min(key_bytes, 0xFFFFFFFF), min(inter, 0xFFFF), min(key, 0xFF), min(mean, 0xFF),
        )  # fmt: skip
    return bytes(seconds)


def seconds_of_records(records: list[Record], start_90k: int) -> Seconds:
    """Seconds worked out from fragment records alone, sizes of keyframes estimated.

    A fragment that begins with a keyframe holds other frames too; each of those counts as the median one of the segment's
    fragments without a keyframe, and the rest is the keyframe.
    """
    means = [record.length / record.frames for record in records if not record.keyframe and record.frames]
    usual = statistics.median(means) if means else 0.0
    rows: list[_Note] = []
    for number, record in enumerate(records):
        second = min(max(0, record.start_90k - start_90k) // TICKS_PER_SECOND, MOST_SECONDS - 1)
        inter_frames = max(0, record.frames - record.keyframe)
        inter = min(record.length, round(usual * inter_frames)) if record.keyframe else record.length
        rows.append((min(number, 0xFFFF), second, inter, record.length - inter, inter_frames, int(record.keyframe), 0))
    return _fold(rows)


def pack(seconds: Seconds) -> bytes:
    """The blob of some seconds: column by column, byte by byte, deflated."""
    columns = b"".join(seconds[column :: SECOND.size] for column in range(SECOND.size))
    return bytes((_FORMAT,)) + zlib.compress(columns, 6)


def unpack(blob: bytes) -> Seconds:
    """The seconds of a blob. Raises ValueError for bytes that are none."""
    if blob[:1] != bytes((_FORMAT,)):
        raise ValueError("not a blob of seconds")
    try:
        columns = zlib.decompress(blob[1:], bufsize=MOST_SECONDS * SECOND.size)
    except zlib.error as error:
        raise ValueError("not a blob of seconds") from error
    if len(columns) % SECOND.size:
        raise ValueError("not a whole number of seconds")
    count = len(columns) // SECOND.size
    seconds = bytearray(len(columns))
    for column in range(SECOND.size):
        seconds[column :: SECOND.size] = columns[column * count : (column + 1) * count]
    return bytes(seconds)


def tally_reader(config: StreamConfig) -> SliceQp:
    """What reads the slices of a run."""
    return SliceQp(config.codec, config.parameter_sets)
