"""The smaller picture: made anew where something changed, and equal to making it whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.demo.picture import osd
from belvedere.demo.picture.shrink import Shrinker, shrunk

SIZES = [((960, 540), (640, 360)), ((1280, 720), (640, 360)), ((704, 576), (352, 288)), ((96, 70), (44, 32))]


@pytest.mark.parametrize(("size", "small"), SIZES)
@given(data=st.data())
def test_parts_equal_the_whole(size: tuple[int, int], small: tuple[int, int], data: st.DataObject) -> None:
    wide, high = size
    chance = np.random.default_rng(7)
    still, other = (chance.integers(0, 256, (high * 3 // 2, wide), np.uint8) for _ in range(2))
    columns = st.lists(st.integers(0, wide // 2), min_size=2, max_size=2, unique=True).map(sorted)
    rows = st.lists(st.integers(0, high // 2), min_size=2, max_size=2, unique=True).map(sorted)
    picture, boxes = still.copy(), []
    for (a, c), (b, d) in data.draw(st.lists(st.tuples(columns, rows), max_size=3)):
        boxes.append((2 * a, 2 * b, 2 * c, 2 * d))
        picture[2 * b : 2 * d, 2 * a : 2 * c] = other[2 * b : 2 * d, 2 * a : 2 * c]
        for into, out in zip(osd.chroma_planes(picture, wide, high), osd.chroma_planes(other, wide, high), strict=True):
            into[b:d, a:c] = out[b:d, a:c]
    made = Shrinker(lambda _index: still, size, small).of(picture, 0, boxes)
    assert np.array_equal(made, shrunk(picture, size, small))
