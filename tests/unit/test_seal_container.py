"""The sealed segment: what goes in comes out, and nothing altered comes out."""

import hashlib
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.foundation.errors import SealBroken
from belvedere.media import seal

DAY_KEY = bytes(range(32))
BOUND = seal.identity("cam-01", "main")
NOTE = b"0123456789abcdef"


def reader(blob: bytes, key: bytes = DAY_KEY, bound: bytes = BOUND) -> seal.SegmentReader:
    return seal.SegmentReader(lambda offset, size: blob[offset : offset + size], key, bound)


def written(parts: list[bytes], *, closed: bool = True) -> tuple[bytes, list[seal.Mark], seal.SegmentWriter]:
    writer = seal.SegmentWriter(DAY_KEY, seal.new_segment_id(), BOUND)
    blob, marks = bytearray(writer.header), [writer.end]
    for part in parts:
        blob += writer.append(part, NOTE)
        marks.append(writer.end)
    if closed:
        blob += writer.close()
    return bytes(blob), marks, writer


SIZES = st.lists(st.sampled_from([0, 1, 100, 65_535, 65_536, 65_537, 131_072, 150_000]), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(sizes=SIZES, data=st.data())
def test_any_range_reads_back(sizes: list[int], data: st.DataObject) -> None:
    parts = [os.urandom(size) for size in sizes]
    blob, marks, writer = written(parts)
    whole = b"".join(parts)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    assert b"".join(reader(blob).read(marks, len(NOTE), start, end)) == whole[start:end]
    assert writer.sha256() == hashlib.sha256(blob).digest() == seal.file_sha256(lambda o, n: blob[o : o + n], len(blob))
    found = reader(blob).check()
    assert [a.mark for a in found.appends] == marks[:-1]
    assert [a.length for a in found.appends] == sizes
    assert {a.note for a in found.appends} == {NOTE}
    assert found.end == marks[-1]
    assert found.sealed_bytes == len(blob)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_refused(data: st.DataObject) -> None:
    blob, marks, _ = written([b"a" * 90, b"b" * 70_000, b"c" * 5])
    at = data.draw(st.one_of(st.integers(0, len(blob) - 1), st.integers(0, 300)))
    bad = bytearray(blob)
    bad[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealBroken):
        reader(bytes(bad)).check()
    # A range read either refuses or returns what was sealed: never anything else.
    whole = b"a" * 90 + b"b" * 70_000 + b"c" * 5
    try:
        got = b"".join(reader(bytes(bad)).read(marks, len(NOTE), 0, len(whole)))
    except SealBroken:
        pass
    else:
        assert got == whole


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_cut_file_recovers_to_the_last_whole_append(data: st.DataObject) -> None:
    blob, marks, _ = written([b"a" * 90, b"b" * 70_000, b"c" * 5], closed=False)
    cut = data.draw(st.integers(seal.HEADER_BYTES, len(blob)))
    found = reader(blob[:cut]).scan()
    assert not found.sealed
    assert found.end == max((m for m in marks if m.sealed <= cut), key=lambda m: m.sealed)
    assert found.sealed_bytes == found.end.sealed
    tail = reader(blob[:cut]).scan(marks[1]) if cut >= marks[1].sealed else None
    assert tail is None or tail.end == found.end


def test_cut_at_a_boundary_of_a_sealed_segment_is_refused() -> None:
    blob, marks, _ = written([b"a" * 90, b"b" * 70])
    for end in (marks[1].sealed, marks[2].sealed, seal.HEADER_BYTES):
        with pytest.raises(SealBroken):
            reader(blob[:end]).check()
    with pytest.raises(SealBroken, match="shorter"):
        reader(blob[:20])
    with pytest.raises(SealBroken):
        reader(blob + b"x").check()


def test_swapped_appends_are_refused() -> None:
    blob, marks, _ = written([b"a" * 90, b"b" * 90])
    first, second = blob[marks[0].sealed : marks[1].sealed], blob[marks[1].sealed : marks[2].sealed]
    swapped = blob[: marks[0].sealed] + second + first + blob[marks[2].sealed :]
    with pytest.raises(SealBroken):
        reader(swapped).check()
    with pytest.raises(SealBroken):
        list(reader(swapped).read(marks, len(NOTE), 0, 10))


def test_another_camera_key_or_version_is_refused() -> None:
    blob, marks, _ = written([b"a" * 90])
    with pytest.raises(SealBroken, match="another camera"):
        reader(blob, bound=seal.identity("cam-02", "main"))
    with pytest.raises(SealBroken, match="key is wrong"):
        list(reader(blob, key=bytes(32)).read(marks, len(NOTE), 0, 5))
    with pytest.raises(SealBroken, match="version 9"):
        reader(blob[:4] + b"\x09" + blob[5:])
    # A frame moved under the header of another camera does not open either: the header is authenticated.
    forged = blob[:24] + seal.identity("cam-02", "main") + blob[56:]
    with pytest.raises(SealBroken, match="altered"):
        list(reader(forged, bound=seal.identity("cam-02", "main")).read(marks, len(NOTE), 0, 5))


def test_an_index_that_does_not_fit_is_refused() -> None:
    blob, marks, _ = written([b"a" * 90, b"b" * 80])
    lying = [marks[0], seal.Mark(marks[1].plain, marks[1].sealed + 1, marks[1].frame), marks[2]]
    with pytest.raises(SealBroken, match="index"):
        list(reader(blob).read(lying, len(NOTE), 0, 100))
    short = [marks[0], seal.next_mark(marks[0], 60, len(NOTE))]
    with pytest.raises(SealBroken, match="another length"):
        list(reader(blob).read(short, len(NOTE), 0, 60))
    with pytest.raises(ValueError, match="no bytes"):
        list(reader(blob).read(marks, len(NOTE), 0, 171))


def test_undo_closes_behind_the_last_whole_append() -> None:
    writer = seal.SegmentWriter(DAY_KEY, seal.new_segment_id(), BOUND)
    blob = bytearray(writer.header) + writer.append(b"kept", NOTE)
    writer.append(b"never reached the disk", NOTE)
    writer.undo()
    with pytest.raises(ValueError, match="closed"):
        writer.append(b"more")
    blob += writer.close()
    assert [a.length for a in reader(bytes(blob)).check().appends] == [4]
    assert writer.sha256() == hashlib.sha256(blob).digest()


def test_limits() -> None:
    writer = seal.SegmentWriter(DAY_KEY, seal.new_segment_id(), BOUND)
    with pytest.raises(ValueError, match="note"):
        writer.append(b"", bytes(seal.NOTE_LIMIT + 1))
    writer.end = seal.Mark(0, seal.HEADER_BYTES, (1 << 32) - 2)
    with pytest.raises(ValueError, match="counter"):
        writer.append(b"x")
