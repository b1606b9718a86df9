"""Cosignatures and keys as C2SP writes them, and what a witness follows: any growth, and never two histories."""

import base64
import hashlib
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.tlog.check import KnownRecord, LogBroken, _time, tile_nodes
from belvedere.tlog.checkpoint import Checkpoint, log_key, log_origin, open_checkpoint, sign_checkpoint
from belvedere.tlog.cosign import (
    LogWentBack,
    WitnessKey,
    cosign,
    cosignatures,
    follow,
    merged,
    note_key_text,
    only,
    read_key,
    strangers,
    timed_checkpoint,
)
from belvedere.tlog.merkle import consistency_proof, full_root, leaf_hash, root_of
from belvedere.tlog.note import BadNote, NoteKey, sign_note, split_note
from belvedere.tlog.proof import BadProof, read_proof
from forged_logs import KEY, LOG, ORIGIN, PUBLIC, SMALL, TIME_S, WITNESS, WITNESS_KEY, Files, text_of

LEAVES = [leaf_hash(bytes([number])) for number in range(40)]
OTHERS = [leaf_hash(bytes([number, 1])) for number in range(40)]


def test_a_cosignature_is_what_the_specification_says() -> None:
    """Built here byte by byte from c2sp.org/tlog-cosignature: key id with algorithm 4, time as u64, the signed message."""
    text = text_of(SMALL.note())
    key_id = hashlib.sha256(b"witness.example/dpo\n\x04" + WITNESS_KEY.public_key).digest()[:4]
    message = b"cosignature/v1\ntime 1790000000\n" + text.encode()
    blob = key_id + (1_790_000_000).to_bytes(8, "big") + WITNESS.sign(message)
    assert len(blob) == 76
    expected = f"— witness.example/dpo {base64.b64encode(blob).decode()}\n"
    assert cosign(text, WITNESS_KEY.name, WITNESS, TIME_S) == expected  # Ed25519 signatures are deterministic
    with pytest.raises(ValueError, match="seconds"):
        cosign(text, "a", WITNESS, -1)


def test_the_specification_s_example_parses() -> None:
    """The example of c2sp.org/tlog-cosignature: its keys are not published, its shape is."""
    note = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE"
        "+xeMcTOAYQ8=\n"
        "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe"
        "+mbIUBkBIfZ+qnA==\n"
    ).encode()
    signatures = split_note(note)[1]
    assert [len(blob) for _, blob in signatures] == [4 + 64, 4 + 8 + 64]
    assert int.from_bytes(signatures[1][1][4:12], "big") == 1_679_315_147  # March 2023
    assert strangers(note, [WITNESS_KEY]) == ["example.com/behind-the-sofa", "witness.example.com/w1"]


def test_keys_in_one_line() -> None:
    published = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"  # golang.org/x/mod/sumdb/note
    key = read_key(published)
    assert isinstance(key, NoteKey) and note_key_text(key) == published
    assert read_key(f" {WITNESS_KEY.text}\n") == WITNESS_KEY
    assert read_key(note_key_text(log_key(PUBLIC))) == log_key(PUBLIC)
    for wrong in (
        "",
        published.replace("c74f", "c74e"),
        published[:-1] + "=",
        published.replace("ARpc", "BRpc"),
        published.replace("+ARpc", "+=Rpc"),
        published[:-4],
        "a b+c74f20a3+" + "A" * 44,
    ):
        with pytest.raises(BadNote):
            read_key(wrong)


def test_lines_are_taken_apart_and_put_together() -> None:
    note = timed_checkpoint(5, root_of(SMALL.leaves()), KEY, TIME_S)
    assert note.startswith(SMALL.note()) and open_checkpoint(note, PUBLIC).size == 5
    clock = WitnessKey(log_origin(PUBLIC), PUBLIC)
    assert [(one.name, one.time_s) for one in cosignatures(note, [clock])] == [(ORIGIN, TIME_S)]
    mine = note + cosign(text_of(note), WITNESS_KEY.name, WITNESS, TIME_S).encode()
    alone = only(mine, log_key(PUBLIC), WITNESS_KEY)
    assert cosignatures(alone, [clock]) == [] and len(cosignatures(alone, [WITNESS_KEY])) == 1
    assert merged(note, [alone, alone, mine]) == mine


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=8))
def test_a_witness_follows_any_growth_and_never_two_histories(steps: list[tuple[int, bool]]) -> None:
    last: Checkpoint | None = None
    for size, other in steps:
        leaves = (OTHERS if other else LEAVES)[:size]
        note = sign_checkpoint(size, root_of(leaves), KEY)
        path: tuple[bytes, ...] = ()
        if last is not None and 0 < last.size < size:
            path = consistency_proof(last.size, size, partial(_node, leaves))
        try:
            new = follow(note, PUBLIC, last, path)
        except LogWentBack:
            assert last is not None and (size < last.size or root_of(leaves[: last.size]) != last.root)
            continue
        assert last is None or root_of(leaves[: last.size]) == last.root
        last = new


def _node(leaves: list[bytes], level: int, at: int) -> bytes:
    return full_root(leaves[at << level : (at + 1) << level])


class InMemory:
    def __init__(self, files: Files) -> None:
        self.files = files

    def read(self, name: str) -> bytes | None:
        return self.files.get(name)


@pytest.mark.parametrize("old", [1, 255, 256, 257, 511, 599, 600])
def test_a_proof_made_from_tiles_is_the_tree_s(old: int) -> None:
    leaves = LOG.leaves()
    made = consistency_proof(old, 600, tile_nodes(InMemory(LOG.files()), 600))
    assert made == consistency_proof(old, 600, lambda level, at: _node(leaves, level, at))
    assert follow(LOG.note(), PUBLIC, Checkpoint(ORIGIN, old, root_of(leaves[:old])), made).size == 600


def test_what_can_not_be_told_or_read_is_said() -> None:
    assert _time(TIME_S) == "2026-09-21T14:13:20Z"
    assert _time(2**62).endswith("seconds after 1970")
    for record in (
        KnownRecord(0, b"short", b'{"index":0}'),
        KnownRecord(0, bytes(32), b"{"),
        KnownRecord(0, bytes(32), b"[]"),
    ):
        with pytest.raises(LogBroken):
            record.leaf()
    salt = base64.b64encode(b"\xff" * 32).decode()
    spelled = salt[:-2] + chr(ord(salt[-2]) + 1) + "="
    with pytest.raises(BadProof, match="one right way"):
        read_proof(f"c2sp.org/tlog-proof@v1\nextra {spelled}\nindex 0\n\nx".encode(), b"")
    assert sign_note("x\n", "a", Ed25519PrivateKey.generate()).endswith(b"=\n")
