"""Tiles on disk: they grow, are read back, and say so when one is missing."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.foundation.errors import StorageFault
from belvedere.tlog.folder import TileFolder, write_durably
from belvedere.tlog.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from belvedere.tlog.tiles import TileName, parse_tile, split_hashes

LEAVES = [leaf_hash(number.to_bytes(4, "big")) for number in range(66_000)]


def tiles_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder / "tile")) for path in (folder / "tile").rglob("*") if path.is_file()}


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.integers(1, 400), max_size=6))
def test_any_growth_gives_the_tree_and_survives_reopening(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    tree = TileFolder(folder)
    size = 0
    for step in steps:
        tree.append(LEAVES[size : size + step])
        size += step
        tree.forget_stale()
        assert tree.root() == root_of(LEAVES[:size])
        tree = TileFolder(folder, size)
        assert tree.root() == root_of(LEAVES[:size])
    if size:
        expected = {TileName(0, index, 256).path for index in range(size // 256)}
        expected |= {TileName(0, size // 256, size % 256).path} if size % 256 else set()
        expected |= {TileName(1, 0, size // 256).path} if size // 256 else set()
        assert tiles_in(folder) == expected
        for index in (0, size // 2, size - 1):
            assert tree.leaf(index) == LEAVES[index]
            path = inclusion_proof(index, size, tree.node)
            assert verify_inclusion(LEAVES[index], index, size, path, tree.root())


def test_three_levels(tmp_path: Path) -> None:
    tree = TileFolder(tmp_path)
    tree.append(LEAVES[:65_537])
    tree.append(LEAVES[65_537:])
    tree.forget_stale()
    assert tree.root() == root_of(LEAVES)
    tree = TileFolder(tmp_path, len(LEAVES))
    assert tree.root() == root_of(LEAVES)
    for index in (0, 255, 256, 65_535, 65_536, 65_999):
        path = inclusion_proof(index, len(LEAVES), tree.node)
        assert verify_inclusion(LEAVES[index], index, len(LEAVES), path, tree.root())
    path = consistency_proof(65_000, len(LEAVES), tree.node)
    assert verify_consistency(65_000, len(LEAVES), root_of(LEAVES[:65_000]), tree.root(), path)
    assert {name for name in tiles_in(tmp_path) if name.startswith(("1", "2"))} == {
        "1/000",
        "1/001.p/1",
        "2/000.p/1",
    }


def test_tiles_are_served_at_every_width_the_log_ever_had(tmp_path: Path) -> None:
    tree = TileFolder(tmp_path)
    tree.append(LEAVES[:300])
    for text, first, count in (("0/000", 0, 256), ("0/000.p/7", 0, 7), ("0/001.p/44", 256, 44), ("0/001.p/1", 256, 1)):
        name = parse_tile(text)
        assert name is not None
        data = tree.tile(name)
        assert data is not None and split_hashes(data) == LEAVES[first : first + count]
    for text in ("0/001", "0/001.p/45", "0/002.p/1", "1/000", "1/000.p/2", "entries/000"):
        name = parse_tile(text)
        assert name is not None and tree.tile(name) is None


def test_longer_tiles_of_an_unfinished_growth_do_not_disturb(tmp_path: Path) -> None:
    tree = TileFolder(tmp_path)
    tree.append(LEAVES[:10])
    tree.append(LEAVES[10:300])  # the process dies here: no checkpoint names these
    again = TileFolder(tmp_path, 10)
    assert again.root() == root_of(LEAVES[:10])
    again.append(LEAVES[10:20])
    assert again.root() == root_of(LEAVES[:20])
    again.forget_stale()
    assert TileFolder(tmp_path, 20).root() == root_of(LEAVES[:20])
    # Where the tile of the checkpoint's own width is gone, a longer one serves.
    (tmp_path / "tile/0/000.p/20").unlink()
    assert TileFolder(tmp_path, 20).root() == root_of(LEAVES[:20])


def test_missing_and_short_tiles_are_named(tmp_path: Path) -> None:
    tree = TileFolder(tmp_path)
    tree.append(LEAVES[:300])
    with pytest.raises(StorageFault, match=r"0/002\.p/88"):
        TileFolder(tmp_path, 600)
    path = tmp_path / "tile/0/001.p/44"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StorageFault, match=r"0/001\.p/44"):
        TileFolder(tmp_path, 300)
    path.write_bytes(b"".join(LEAVES[256:300]))
    (tmp_path / "tile/0/000").unlink()
    opened = TileFolder(tmp_path, 300)
    with pytest.raises(StorageFault, match="0/000"):
        opened.leaf(3)


def test_full_tiles_beyond_the_cache_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.tlog.folder._CACHED", 2)
    tree = TileFolder(tmp_path)
    tree.append(LEAVES[:1500])
    assert [tree.leaf(index) for index in (0, 300, 600, 900, 1200, 0)] == [
        LEAVES[index] for index in (0, 300, 600, 900, 1200, 0)
    ]


def test_tiles_of_leaves_do_not_push_those_above_them_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.tlog.folder._CACHED", 2)
    TileFolder(tmp_path).append(LEAVES)
    tree = TileFolder(tmp_path, len(LEAVES))
    for index in range(0, 65_536, 8_192):
        path = inclusion_proof(index, len(LEAVES), tree.node)
        assert verify_inclusion(LEAVES[index], index, len(LEAVES), path, tree.root())
    (tmp_path / "tile/1/000").unlink()  # it is in memory
    assert len(inclusion_proof(0, len(LEAVES), tree.node)) == 17


def test_a_durable_write_replaces_whole_files(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    write_durably(path, b"one")
    write_durably(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]
