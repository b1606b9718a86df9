"""The tree: known vectors, agreement with an independent implementation, and forged proofs refused."""

import hashlib

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from belvedere.tlog.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    full_root,
    inclusion_proof,
    leaf_hash,
    node_hash,
    peaks,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# The leaves and roots that the certificate-transparency project publishes for RFC 6962.
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
MOST = 300


class Tree:
    """All leaves in memory; nodes by the plain definition."""

    def __init__(self, entries: list[bytes]) -> None:
        self.leaves = [leaf_hash(entry) for entry in entries]

    def node(self, level: int, index: int) -> bytes:
        part = self.leaves[index << level : (index + 1) << level]
        assert len(part) == 1 << level
        return full_root(part)

    def root(self, size: int) -> bytes:
        return root_of(self.leaves[:size])


ALL = Tree([str(number).encode() for number in range(MOST)])
PEER = InmemoryTree(algorithm="sha256")
for number in range(MOST):
    PEER.append_entry(str(number).encode())


def definition(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(definition(leaves[:split]), definition(leaves[split:]))


def test_published_roots() -> None:
    assert root_of([]) == EMPTY_ROOT
    for size, root in enumerate(ROOTS, 1):
        assert root_of(leaf_hash(entry) for entry in ENTRIES[:size]).hex() == root


@given(size=st.integers(0, MOST))
def test_root_agrees_with_the_definition_and_the_peer(size: int) -> None:
    root = ALL.root(size)
    assert root == definition(ALL.leaves[:size])
    assert size == 0 or root == PEER.get_root(size)


@given(size=st.integers(0, MOST), more=st.integers(0, 40))
def test_a_frontier_reopened_grows_the_same_tree(size: int, more: int) -> None:
    assume(size + more <= MOST)
    frontier = Frontier(size, ALL.node)
    assert frontier.root() == ALL.root(size)
    for leaf in ALL.leaves[size : size + more]:
        frontier.append(leaf)
    assert (frontier.size, frontier.root()) == (size + more, ALL.root(size + more))
    assert sum(1 << level for level, _ in peaks(size)) == size


def test_misuse_is_refused() -> None:
    with pytest.raises(ValueError, match="power of two"):
        full_root(ALL.leaves[:3])
    with pytest.raises(ValueError, match="nodes"):
        Frontier(3)
    with pytest.raises(ValueError, match="not in a tree"):
        inclusion_proof(5, 5, ALL.node)
    with pytest.raises(ValueError, match="no consistency proof"):
        consistency_proof(0, 5, ALL.node)


@given(data=st.data(), size=st.integers(1, MOST))
def test_inclusion_proofs_agree_with_the_peer_and_verify(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_proof(index, size, ALL.node)
    assert verify_inclusion(ALL.leaves[index], index, size, path, ALL.root(size))
    theirs = PEER.prove_inclusion(index + 1, size)
    assert list(path) == list(theirs.path[1:])


def subproof(old: int, leaves: list[bytes], known: bool) -> list[bytes]:
    """RFC 6962, section 2.1.2, word by word."""
    if old == len(leaves):
        return [] if known else [definition(leaves)]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if old <= split:
        return [*subproof(old, leaves[:split], known), definition(leaves[split:])]
    return [*subproof(old - split, leaves[split:], False), definition(leaves[:split])]


@given(data=st.data(), new=st.integers(1, MOST))
def test_consistency_proofs_verify(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new))
    path = consistency_proof(old, new, ALL.node)
    assert list(path) == subproof(old, ALL.leaves[:new], True)
    assert verify_consistency(old, new, ALL.root(old), ALL.root(new), path)
    assert verify_consistency(0, new, EMPTY_ROOT, ALL.root(new), ())


@st.composite
def forgeries(draw: st.DrawFn, path: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """A path that differs from the true one."""
    parts = list(path)
    kind = draw(st.sampled_from(["flip", "drop", "add", "swap", "short"]))
    if kind == "add" or not parts:
        parts.insert(draw(st.integers(0, len(parts))), draw(st.binary(min_size=32, max_size=32)))
    elif kind == "drop":
        del parts[draw(st.integers(0, len(parts) - 1))]
    elif kind == "swap":
        parts.reverse()
    else:
        at = draw(st.integers(0, len(parts) - 1))
        part = bytearray(parts[at])
        part[draw(st.integers(0, 31))] ^= 1 << draw(st.integers(0, 7))
        parts[at] = bytes(part if kind == "flip" else part[:31])
    return tuple(parts)


@settings(max_examples=300)
@given(data=st.data(), size=st.integers(1, MOST))
def test_forged_inclusion_is_refused(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_proof(index, size, ALL.node)
    root, leaf = ALL.root(size), ALL.leaves[index]
    forged = data.draw(forgeries(path))
    assume(forged != path)
    assert not verify_inclusion(leaf, index, size, forged, root)
    elsewhere = data.draw(st.integers(-1, size + 2))
    assert elsewhere == index or not verify_inclusion(leaf, elsewhere, size, path, root)
    assert not verify_inclusion(leaf_hash(b"other"), index, size, path, root)
    assert not verify_inclusion(leaf, index, size, path, leaf_hash(b"other"))
    assert not verify_inclusion(leaf[:31], index, size, path, root)
    # An inner node can't pass for a leaf: the path of its children's parent leads to the root all the same.
    if size >= 2 and index < size - size % 2:
        inner = node_hash(*ALL.leaves[index - index % 2 : index - index % 2 + 2])
        assert not verify_inclusion(inner, index // 2, size, path[1:], root)


@settings(max_examples=300)
@given(data=st.data(), new=st.integers(2, MOST))
def test_forged_consistency_is_refused(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new - 1))
    path = consistency_proof(old, new, ALL.node)
    first, second = ALL.root(old), ALL.root(new)
    forged = data.draw(forgeries(path))
    assume(forged != path)
    assert not verify_consistency(old, new, first, second, forged)
    assert not verify_consistency(old, new, leaf_hash(b"other"), second, path)
    assert not verify_consistency(old, new, first, leaf_hash(b"other"), path)
    assert not verify_consistency(old, new, first, second, ())
    assert not verify_consistency(new, old, second, first, path)
    assert not verify_consistency(new, new, second, first, ())
    assert not verify_consistency(0, new, first, second, ())
    assert not verify_consistency(-1, new, first, second, path)
    for wrong in (old - 1, old + 1):
        assert not verify_consistency(wrong, new, first, second, path)


def test_two_histories_never_verify() -> None:
    other = Tree([str(number).encode() if number != 3 else b"changed" for number in range(20)])
    for old in range(1, 20):
        path = consistency_proof(old, 20, other.node)
        assert verify_consistency(old, 20, ALL.root(old), other.root(20), path) == (old <= 3)
