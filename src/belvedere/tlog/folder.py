"""A log's tiles in a folder, in the layout of C2SP tlog-tiles, so that any web server could serve it as it lies.

Order on growth: tiles, then the checkpoint over them, each written to a temporary name, synced and renamed. A tile once
named by a checkpoint is never changed; a partial tile is removed when a longer one with the same beginning is durable.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path

from belvedere.foundation.errors import StorageFault
from belvedere.tlog.merkle import HASH_BYTES, Frontier
from belvedere.tlog.pyramid import Pyramid
from belvedere.tlog.tiles import TILE_HEIGHT, TILE_WIDTH, TileName, split_hashes, tile_width

_CACHED = 256  # full tiles kept in memory, of the leaves and of what is above them: 10 MiB each
_ADVICE = "Restore the log folder and the hub's database from the same backup."


def write_durably(path: Path, data: bytes) -> None:
    """Put `data` at `path` so that after a power cut the file is either what it was or whole and new.

    Raises OSError; a failed sync is not retried.
    """
    write_all_durably({path: data})


def write_all_durably(files: Mapping[Path, bytes]) -> None:
    """As `write_durably` for each of several files, in any order; folders are synced once, at the end. Raises OSError."""
    for path, data in files.items():
        part = path.with_name(f".{path.name}.part")
        _make_folder(path.parent)
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    for folder in dict.fromkeys(path.parent for path in files):
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_folder(folder: Path) -> None:
    """Make `folder` and what is missing above it, durably."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


class TileFolder:
    """The tree of a log: reads nodes for proofs, and grows by appended leaf hashes. One thread may grow it while others read."""

    def __init__(self, folder: Path, size: int = 0) -> None:
        """Open the tree of the first `size` leaves in `folder`. Raises StorageFault when a tile is missing or short."""
        self._folder = folder
        self._lock = threading.RLock()  # held for work in memory and reading a tile, never while writing
        # Full tiles used last. Those above the leaves are few, and every proof needs some: the leaves' must not push them out.
        self._full: tuple[OrderedDict[tuple[int, int], Pyramid], ...] = (OrderedDict(), OrderedDict())
        # Invariant: edges[level] is the last tile of each level, with fewer than 256 hashes.
        self._edges: list[Pyramid] = []
        self._stale: list[Path] = []
        self.size = size
        level = 0
        while size >> (TILE_HEIGHT * level):
            index, width = divmod(size >> (TILE_HEIGHT * level), TILE_WIDTH)
            self._edges.append(Pyramid(self._load(level, index, width) if width else ()))
            level += 1

    def root(self) -> bytes:
        """Root over all leaves."""
        with self._lock:
            return Frontier(self.size, self.node).root()

    def node(self, level: int, index: int) -> bytes:
        """Hash of the full subtree at `(level, index)`; see `merkle.Node`."""
        tile_level, inner = divmod(level, TILE_HEIGHT)
        tile, at = divmod(index << inner, TILE_WIDTH)
        with self._lock:
            return self._tile(tile_level, tile).node(inner, at >> inner)

    def leaf(self, index: int) -> bytes:
        """Leaf hash number `index`."""
        return self.node(0, index)

    def tile(self, name: TileName) -> bytes | None:
        """Bytes of a tile of hashes, full or partial, as long as the tree has them; None when it does not."""
        with self._lock:
            if name.level is None or name.width > tile_width(name.level, name.index, self.size):
                return None
            return b"".join(self._tile(name.level, name.index).hashes[: name.width])

    def append(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes, durably. Raises OSError; the tree is then unfit for use and must be opened anew."""
        changed: dict[tuple[int, int], Pyramid] = {}
        with self._lock:
            for leaf in leaves:
                self.size += 1
                self._grow(0, leaf, changed)
            tiles = {TileName(*at, len(tile.hashes)): b"".join(tile.hashes) for at, tile in changed.items()}
        write_all_durably({self._path(name): data for name, data in tiles.items()})
        for name in tiles:
            self._stale += self._others(name)

    def forget_stale(self) -> None:
        """Remove partial tiles that a longer tile replaces. Call it once a checkpoint over the longer ones is durable."""
        for path in self._stale:
            path.unlink(missing_ok=True)
            if path.parent.suffix == ".p" and not any(path.parent.iterdir()):
                path.parent.rmdir()
        self._stale.clear()

    def _grow(self, level: int, value: bytes, changed: dict[tuple[int, int], Pyramid]) -> None:
        if level == len(self._edges):
            self._edges.append(Pyramid())
        edge = self._edges[level]
        edge.append(value)
        index = (self.size >> (TILE_HEIGHT * level)) - 1 >> TILE_HEIGHT
        changed[level, index] = edge
        if len(edge.hashes) == TILE_WIDTH:
            self._edges[level] = Pyramid()
            self._keep(level, index, edge)
            self._grow(level + 1, edge.node(TILE_HEIGHT, 0), changed)

    def _others(self, name: TileName) -> list[Path]:
        folder = self._path(TileName(name.level, name.index, 1)).parent
        if not folder.is_dir():
            return []
        return [path for path in folder.iterdir() if path.name != str(name.width)]

    def _tile(self, level: int, index: int) -> Pyramid:
        if tile_width(level, index, self.size) < TILE_WIDTH:
            return self._edges[level]
        kept = self._full[level > 0]
        tile = kept.get((level, index))
        if tile is None:
            tile = Pyramid(self._load(level, index, TILE_WIDTH))
            self._keep(level, index, tile)
        else:
            kept.move_to_end((level, index))
        return tile

    def _keep(self, level: int, index: int, tile: Pyramid) -> None:
        kept = self._full[level > 0]
        kept[level, index] = tile
        if len(kept) > _CACHED:
            kept.popitem(last=False)

    def _load(self, level: int, index: int, width: int) -> list[bytes]:
        """Hashes of a tile from disk. A longer partial tile, or the full one, begins with the same hashes."""
        folder = self._path(TileName(level, index, 1)).parent
        paths = [self._path(TileName(level, index, TILE_WIDTH))]
        if width < TILE_WIDTH and folder.is_dir():
            longer = [int(path.name) for path in folder.iterdir() if path.name.isdecimal() and int(path.name) >= width]
            paths = [self._path(TileName(level, index, one)) for one in sorted(longer)] + paths
        for path in paths:
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                continue
            if len(data) >= width * HASH_BYTES:
                return split_hashes(data[: width * HASH_BYTES])
        raise StorageFault(f"Tile {TileName(level, index, width).path} of the log is missing or short.", advice=_ADVICE)

    def _path(self, name: TileName) -> Path:
        return self._folder / "tile" / name.path
