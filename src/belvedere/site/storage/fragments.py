"""The record of one fragment: in the index (a blob a segment) and as the note inside the sealed file.

The same 28 bytes in both places, so that a file can be indexed again from itself.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from belvedere.media import seal
from belvedere.media.stream import Fragment

RECORD_BYTES = 28
_RECORD = struct.Struct(">IQIHHQ")  # length, start, duration, frames and key bit, lost packets, arrival
_KEY = 1 << 15


@dataclass(frozen=True, slots=True)
class Record:
    """What the index knows of one fragment. `length`: bytes of its moof and mdat."""

    length: int
    start_90k: int
    duration_90k: int
    frames: int
    keyframe: bool
    lost_packets: int
    arrival_us: int

    @property
    def end_90k(self) -> int:
        return self.start_90k + self.duration_90k


def record_of(fragment: Fragment) -> Record:
    """The record of a fragment."""
    return Record(
        len(fragment.data),
        fragment.start_90k,
        fragment.duration_90k,
        fragment.frames,
        fragment.keyframe,
        fragment.lost_packets,
        fragment.arrival_us,
    )


def pack(record: Record) -> bytes:
    """The bytes of a record. Counts that do not fit are kept at their highest value."""
    frames = min(record.frames, _KEY - 1) | (_KEY if record.keyframe else 0)
    return _RECORD.pack(
        record.length,
        record.start_90k,
        record.duration_90k,
        frames,
        min(record.lost_packets, 0xFFFF),
        record.arrival_us,
    )


def unpack(blob: bytes) -> list[Record]:
    """The records of a blob, in order. A tail shorter than a record is a ValueError."""
    if len(blob) % RECORD_BYTES:
        raise ValueError("not a whole number of fragment records")
    return [
        Record(length, start, duration, frames & ~_KEY, bool(frames & _KEY), lost, arrival)
        for length, start, duration, frames, lost, arrival in _RECORD.iter_unpack(blob)
    ]


@dataclass(frozen=True, slots=True)
class Group:
    """Fragments up to the next keyframe: plaintext [start, end), media [start_90k, end_90k)."""

    start: int
    end: int
    start_90k: int
    end_90k: int
    keyframe: bool


def groups(blob: bytes) -> list[Group]:
    """Groups of pictures of a blob of records; only the first may begin without a keyframe. Quick: a day has 170,000 records."""
    found: list[Group] = []
    start = offset = start_90k = end_90k = 0
    key = False
    for length, at_90k, duration_90k, frames, _, _ in _RECORD.iter_unpack(blob):
        if frames & _KEY or not offset:
            if offset:
                found.append(Group(start, offset, start_90k, end_90k, key))
            start, start_90k, key = offset, at_90k, bool(frames & _KEY)
        offset += length
        end_90k = at_90k + duration_90k
    if offset:
        found.append(Group(start, offset, start_90k, end_90k, key))
    return found


def marks(records: Iterable[Record]) -> list[seal.Mark]:
    """Where each fragment begins in the sealed file, and behind them the mark of the end."""
    found = [seal.START]
    for record in records:
        found.append(seal.next_mark(found[-1], record.length, RECORD_BYTES))
    return found
