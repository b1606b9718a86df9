"""The inner nodes of a tile: those of the definition, before and after the tile has grown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.tlog.merkle import full_root, leaf_hash
from belvedere.tlog.pyramid import Pyramid

LEAVES = [leaf_hash(number.to_bytes(2, "big")) for number in range(256)]


def nodes(count: int) -> list[tuple[int, int]]:
    return [(height, index) for height in range(9) for index in range(count >> height)]


@given(first=st.integers(0, 256), asked=st.integers(0, 8), more=st.integers(0, 256))
def test_nodes_are_those_of_the_definition_however_a_tile_grew(first: int, asked: int, more: int) -> None:
    tile = Pyramid(LEAVES[:first])
    if first >> asked:
        tile.node(asked, 0)
    end = min(first + more, 256)
    for leaf in LEAVES[first:end]:
        tile.append(leaf)
    assert tile.hashes == LEAVES[:end]
    places = nodes(end)
    for height, index in places[:: max(1, len(places) // 40)]:
        assert tile.node(height, index) == full_root(LEAVES[index << height : (index + 1) << height])


def test_a_node_that_is_not_full_yet_is_not_made_up() -> None:
    tile = Pyramid(LEAVES[:7])
    assert tile.node(2, 0) == full_root(LEAVES[:4])
    for height, index in ((0, 7), (1, 3), (2, 1), (3, 0)):
        with pytest.raises(IndexError):
            tile.node(height, index)
