"""The arithmetic of holds and segments, against plain sets of moments."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from belvedere.site.retention.spans import Shape, begins_whole, group_spans, held_parts, touches, union
from belvedere.site.storage.fragments import Record, pack

TICKS = 90_000
SPANS = st.lists(st.tuples(st.integers(-5, 40), st.integers(-5, 40)), max_size=8)


def moments(spans: list[tuple[int, int]]) -> set[int]:
    return {moment for start, end in spans for moment in range(start, end)}


@given(SPANS)
def test_a_union_is_the_same_moments_in_order(spans: list[tuple[int, int]]) -> None:
    found = union(spans)
    assert moments(found) == moments(spans)
    assert all(start < end for start, end in found)
    assert all(a[1] < b[0] for a, b in pairwise(found)), "apart from each other, in order"


@given(SPANS, st.integers(-5, 40), st.integers(1, 10))
def test_touching_is_having_a_moment_in_common(spans: list[tuple[int, int]], start: int, length: int) -> None:
    assert touches(union(spans), start, start + length) == bool(moments(spans) & set(range(start, start + length)))


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """A segment of up to 40 fragments of a second or two, with keyframes anywhere and a clock that leans."""
    lengths = draw(st.lists(st.integers(1, 2), min_size=1, max_size=40))
    keys = draw(st.lists(st.booleans(), min_size=len(lengths), max_size=len(lengths)))
    media = draw(st.integers(0, 1000)) * TICKS
    blob, at = b"", media
    for length, key in zip(lengths, keys, strict=True):
        blob += pack(Record(1000 + length, at, length * TICKS, 25, key, 0, 0))
        at += length * TICKS
    return Shape(1_000_000_000, media, draw(st.integers(-500, 500)), blob)


@given(shapes(), st.lists(st.tuples(st.integers(-10, 90), st.integers(1, 30)), max_size=4), st.booleans())
def test_parts_are_whole_groups_and_no_group_too_many(shape: Shape, holds: list[tuple[int, int]], tail: bool) -> None:
    held = union((shape.start_us + at * 1_000_000, shape.start_us + (at + length) * 1_000_000) for at, length in holds)
    groups = group_spans(shape)
    parts = held_parts(shape, held, tail=tail)
    kept = {n for part in parts for n in range(part.first, part.last)}
    wanted = {n for n, (start, end) in enumerate(groups) if touches(held, start, end)}
    assert kept == wanted | ({len(groups) - 1} if tail else set())
    assert all(a.last < b.first for a, b in pairwise(parts)), "joined where they touch"
    for part in parts:
        assert (part.start_us, part.end_us) == (groups[part.first][0], groups[part.last - 1][1])
        assert part.start < part.end and part.start_90k < part.end_90k
    for start, end in held:  # every held moment that was recorded is in a part
        low, high = max(start, groups[0][0]), min(end, groups[-1][1])
        if low < high:
            inside = [(max(low, p.start_us), min(high, p.end_us)) for p in parts]
            assert union(inside) == [(low, high)] or sum(max(0, b - a) for a, b in inside) == high - low


def test_what_begins_without_a_keyframe() -> None:
    whole = pack(Record(10, 0, TICKS, 25, True, 0, 0))
    torn = pack(Record(10, 0, TICKS, 25, False, 0, 0))
    assert begins_whole(Shape(0, 0, 0, whole)) and begins_whole(Shape(0, 0, 0, b""))
    assert not begins_whole(Shape(0, 0, 0, torn))
    assert held_parts(Shape(0, 0, 0, b""), [(0, 1)], tail=True) == []
