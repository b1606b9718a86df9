"""Tiles (C2SP tlog-tiles): the tree's hashes in runs of 256, and the names that they are served under."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from belvedere.tlog.merkle import HASH_BYTES

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
_PATH = re.compile(r"(0|[1-9][0-9]?|entries)/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_MAX_LEVEL = 7  # 256**8 leaves are more than 2^63


@dataclass(frozen=True, slots=True)
class TileName:
    """One tile: `level` counts from 0 at the leaves, None for a bundle of entries; `width` is 256 when it is full."""

    level: int | None
    index: int
    width: int

    @property
    def path(self) -> str:
        """The name below `/tile/`: `0/x001/x234/067`, with `.p/W` behind it while the tile is partial."""
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
        number = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
        level = "entries" if self.level is None else str(self.level)
        return f"{level}/{number}" + (f".p/{self.width}" if self.width < TILE_WIDTH else "")


def parse_tile(path: str) -> TileName | None:
    """The tile that `path` (what follows `/tile/`) names; None when it names none."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    level = None if match[1] == "entries" else int(match[1])
    width = int(match[3]) if match[3] else TILE_WIDTH
    index = int(match[2].replace("/", "").replace("x", ""))
    if (level or 0) > _MAX_LEVEL or (match[3] and width >= TILE_WIDTH):
        return None
    name = TileName(level, index, width)
    return name if name.path == path else None  # one name a tile: no leading groups of zeroes


def tile_width(level: int, index: int, size: int) -> int:
    """Hashes of tile `index` at `level` in a tree of `size` leaves: 0 when it is not there yet, 256 when it is full."""
    return max(0, min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH))


def tiles_of(size: int) -> Iterator[TileName]:
    """All tiles of a tree of `size` leaves, and its bundles of entries."""
    for index in range(-(-size // TILE_WIDTH)):
        yield TileName(None, index, tile_width(0, index, size))
    level = 0
    while hashes := size >> (TILE_HEIGHT * level):
        for index in range(-(-hashes // TILE_WIDTH)):
            yield TileName(level, index, tile_width(level, index, size))
        level += 1


def split_hashes(data: bytes) -> list[bytes]:
    """The hashes of a tile's bytes."""
    return [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]
