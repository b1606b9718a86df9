"""The Merkle tree of RFC 6962: hashes, the frontier that grows it, proofs and their verification (RFC 9162, section 2.1).

A hash is 32 bytes of SHA-256. A *node* is the hash of a full, aligned subtree: `(level, index)` covers the leaves from
`index << level` up to `(index + 1) << level`. Proofs are computed from any source of nodes and checked from nothing but
the numbers in them.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256().digest()

Node = Callable[[int, int], bytes]
"""Gives the hash of the full subtree at `(level, index)`."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash of a leaf: SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def full_root(hashes: Sequence[bytes]) -> bytes:
    """Root of a full subtree over `hashes`, whose number is a power of two."""
    level = list(hashes)
    if not level or len(level) & (len(level) - 1):
        raise ValueError(f"a full subtree has a power of two of hashes, not {len(level)}")
    while len(level) > 1:
        level = [node_hash(level[i], level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


class Frontier:
    """The right edge of a growing tree: enough to append leaves and give the root, in memory of O(log size)."""

    def __init__(self, size: int = 0, node: Node | None = None) -> None:
        """An empty frontier, or that of an existing tree of `size` leaves whose nodes `node` gives."""
        if size and node is None:
            raise ValueError("the frontier of an existing tree needs its nodes")
        self.size = size
        # Invariant: the roots of the full subtrees that `size` decomposes into, largest first.
        self._peaks: list[bytes] = [node(level, index) for level, index in peaks(size)] if node else []

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        self.size += 1
        count = self.size
        while count % 2 == 0:
            leaf = node_hash(self._peaks.pop(), leaf)
            count //= 2
        self._peaks.append(leaf)

    def root(self) -> bytes:
        """Root of the tree as it stands."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def peaks(size: int) -> list[tuple[int, int]]:
    """The full subtrees that a tree of `size` leaves decomposes into, as `(level, index)`, largest first."""
    found = []
    start = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            found.append((level, start >> level))
            start += 1 << level
    return found


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Root of a tree over leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def _split(count: int) -> int:
    """Largest power of two below `count` (which is at least 2)."""
    return 1 << ((count - 1).bit_length() - 1)


def _range_root(start: int, end: int, node: Node) -> bytes:
    """Root over the leaves [start, end), where `start` is aligned as RFC 6962's recursion leaves it."""
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(count)
    return node_hash(_range_root(start, middle, node), _range_root(middle, end, node))


def inclusion_proof(index: int, size: int, node: Node) -> tuple[bytes, ...]:
    """Audit path of leaf `index` in the tree of the first `size` leaves, from the leaf's sibling to the root's child."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(middle, end, node))
            end = middle
        else:
            path.append(_range_root(start, middle, node))
            start = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, node: Node) -> tuple[bytes, ...]:
    """Proof that the first `old` leaves of the tree of `new` leaves are what they were; empty when they are equal."""
    if not 0 < old <= new:
        raise ValueError(f"no consistency proof leads from {old} to {new} leaves")
    path: list[bytes] = []
    start, end, known = 0, new, True  # known: the verifier holds the old root, so it need not be told
    while old != end - start:
        middle = _split(end - start)
        if old <= middle:
            path.append(_range_root(start + middle, end, node))
            end = start + middle
        else:
            path.append(_range_root(start, start + middle, node))
            start += middle
            old -= middle
            known = False
    if not known:
        path.append(_range_root(start, end, node))
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `path` shows leaf hash `leaf` at `index` in the tree of `size` leaves with `root` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or any(len(part) != HASH_BYTES for part in (leaf, root, *path)):
        return False
    at, last, value = index, size - 1, leaf
    for part in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            value = node_hash(part, value)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            value = node_hash(value, part)
        at >>= 1
        last >>= 1
    return last == 0 and value == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether `path` shows that the tree of `new` leaves begins with that of `old` leaves (RFC 9162, 2.1.4.2).

    An empty tree is the beginning of every tree, and needs an empty path.
    """
    if not 0 <= old <= new or any(len(part) != HASH_BYTES for part in (old_root, new_root, *path)):
        return False
    if old == 0:
        return not path and old_root == EMPTY_ROOT
    if old == new:
        return not path and old_root == new_root
    parts = list(path)
    if old & (old - 1) == 0:
        parts.insert(0, old_root)
    if not parts:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at >>= 1
        last >>= 1
    old_value = new_value = parts[0]
    for part in parts[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old_value = node_hash(part, old_value)
            new_value = node_hash(part, new_value)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            new_value = node_hash(new_value, part)
        at >>= 1
        last >>= 1
    return last == 0 and old_value == old_root and new_value == new_root
