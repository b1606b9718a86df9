"""The hashes of one tile with the inner nodes above them, each computed once: a proof needs up to eight of them from every tile."""

from collections.abc import Iterable
from itertools import pairwise

from belvedere.tlog.merkle import node_hash


class Pyramid:
    """Up to 256 hashes and the roots of the full, aligned subtrees over them. Not thread-safe."""

    def __init__(self, hashes: Iterable[bytes] = ()) -> None:
        # Invariant: each row but the first holds the node of every whole pair below it; higher rows are made when asked for.
        self._rows: list[list[bytes]] = [list(hashes)]

    @property
    def hashes(self) -> list[bytes]:
        """The hashes of the tile, in order. Not to be changed."""
        return self._rows[0]

    def node(self, height: int, index: int) -> bytes:
        """Root of the full subtree over the hashes from `index << height` on. Raises IndexError when it is not full."""
        while len(self._rows) <= height:
            row = self._rows[-1]
            self._rows.append([node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)])
        return self._rows[height][index]

    def append(self, value: bytes) -> None:
        """Add one hash."""
        self._rows[0].append(value)
        for lower, upper in pairwise(self._rows):
            if len(lower) % 2:
                return
            upper.append(node_hash(lower[-2], lower[-1]))
