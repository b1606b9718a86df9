"""Seconds of a segment: counted as its fragments are written, folded when it closes, kept as one small blob.

A second is one of media time since the segment's start, so that nothing changes when the segment's wall time is still being
settled. Frames count for the second in which their decode time lies.
"""

import zlib
from collections.abc import Sequence
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from belvedere.media.activity import SliceQp, frame_table
from belvedere.media.stream import TICKS_PER_SECOND, Fragment, StreamConfig
from belvedere.site.storage.fragments import Record

FROM_FRAMES = 1  # each frame was measured as it passed
FROM_INDEX = 2  # worked out later from the index, where only whole fragments are known
MOST_SECONDS = 1024  # a segment holds 900 at most
QP_STEPS = 4  # the mean QP of a second is kept in quarters

SECOND = np.dtype(
    [
        ("inter_bytes", "<u4"),  # of frames that are not keyframes
        ("key_bytes", "<u4"),
        ("inter_frames", "<u2"),
        ("key_frames", "u1"),
        ("qp", "u1"),  # 1 + 4 x mean QP of the slices looked at; 0: not known
    ]
)
Seconds = NDArray[np.void]
_FORMAT = 1
_NOTE = Struct("<HHIIHBB")  # fragment, second, inter bytes, key bytes, inter frames, key frames, 1 + QP
_NOTES = np.dtype(
    [("fragment", "<u2"), ("second", "<u2"), ("inter_bytes", "<u4"), ("key_bytes", "<u4"), ("inter_frames", "<u2"),
     ("key_frames", "u1"), ("qp", "u1")]
)  # fmt: skip


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
        notes = np.frombuffer(bytes(self._notes), _NOTES)
        notes = notes[notes["fragment"] < fragments]
        return _fold(notes)


def _frames_before(durations: Sequence[int], left_90k: int) -> int:
    """How many frames begin within `left_90k` of the first."""
    at_90k = 0
    for number, duration in enumerate(durations):
        if at_90k >= left_90k:
            return number
        at_90k += duration
    return len(durations)


def _fold(notes: NDArray[np.void]) -> Seconds:
    if not len(notes):
        return np.zeros(0, SECOND)
    at = notes["second"].astype(np.int64)
    count = int(at.max()) + 1
    seconds = np.zeros(count, SECOND)
    for name in ("inter_bytes", "key_bytes", "inter_frames", "key_frames"):
        summed = np.zeros(count, np.int64)
        np.add.at(summed, at, notes[name])
        seconds[name] = np.minimum(summed, np.iinfo(SECOND[name]).max)
    known = notes["qp"] > 0
    samples = np.bincount(at[known], minlength=count)
    total = np.bincount(at[known], weights=notes["qp"][known].astype(np.float64) - 1, minlength=count)
    mean = np.divide(total, samples, out=np.zeros(count), where=samples > 0)
    seconds["qp"] = np.where(samples > 0, 1 + np.rint(mean * QP_STEPS), 0)
    return seconds


def seconds_of_records(records: list[Record], start_90k: int) -> Seconds:
    """Seconds worked out from fragment records alone, sizes of keyframes estimated.

    A fragment that begins with a keyframe holds other frames too; each of those counts as the median one of the segment's
    fragments without a keyframe, and the rest is the keyframe.
    """
    means = [record.length / record.frames for record in records if not record.keyframe and record.frames]
    usual = float(np.median(means)) if means else 0.0
    rows = []
    for number, record in enumerate(records):
        second = min(max(0, record.start_90k - start_90k) // TICKS_PER_SECOND, MOST_SECONDS - 1)
        inter_frames = max(0, record.frames - record.keyframe)
        inter = min(record.length, round(usual * inter_frames)) if record.keyframe else record.length
        rows.append((min(number, 0xFFFF), second, inter, record.length - inter, inter_frames, int(record.keyframe), 0))
    return _fold(np.array(rows, _NOTES))


def pack(seconds: Seconds) -> bytes:
    """The blob of some seconds: column by column, byte by byte, deflated."""
    raw = np.ascontiguousarray(seconds).view(np.uint8).reshape(-1, SECOND.itemsize)
    return bytes((_FORMAT,)) + zlib.compress(raw.T.tobytes(), 6)


def unpack(blob: bytes) -> Seconds:
    """The seconds of a blob. Raises ValueError for bytes that are none."""
    if blob[:1] != bytes((_FORMAT,)):
        raise ValueError("not a blob of seconds")
    try:
        raw = zlib.decompress(blob[1:], bufsize=MOST_SECONDS * SECOND.itemsize)
    except zlib.error as error:
        raise ValueError("not a blob of seconds") from error
    if len(raw) % SECOND.itemsize:
        raise ValueError("not a whole number of seconds")
    columns = np.frombuffer(raw, np.uint8).reshape(SECOND.itemsize, -1)
    return np.ascontiguousarray(columns.T).view(SECOND).reshape(-1)


def tally_reader(config: StreamConfig) -> SliceQp:
    """What reads the slices of a run."""
    return SliceQp(config.codec, config.parameter_sets)
