"""Notes, checkpoints, tile names and proof files: the C2SP formats, read strictly."""

import base64
import os

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from belvedere.tlog.checkpoint import (
    Checkpoint,
    decimal,
    hash_of,
    log_key,
    log_origin,
    open_checkpoint,
    sign_checkpoint,
)
from belvedere.tlog.merkle import Frontier, full_root, inclusion_proof, leaf_hash
from belvedere.tlog.note import MAX_NOTE_BYTES, MAX_SIGNATURES, BadNote, NoteKey, open_note, sign_note
from belvedere.tlog.proof import BadProof, LogProof, entry_of, read_proof
from belvedere.tlog.tiles import TileName, parse_tile, tile_width

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))


def test_published_key_id() -> None:
    """The verifier key that golang.org/x/mod/sumdb/note documents: PeterNeumann+c74f20a3+ARpc2QcU..."""
    blob = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    assert blob[0] == 1
    assert NoteKey("PeterNeumann", blob[1:]).id.hex() == "c74f20a3"


def test_published_note_opens() -> None:
    """The example note of the same documentation, signed by that key."""
    blob = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    note = f"{text}\n— PeterNeumann {signature}\n".encode()
    assert open_note(note, NoteKey("PeterNeumann", blob[1:])) == text


def test_a_note_opens_with_its_key_only() -> None:
    note = sign_note("hello\nworld\n", "example.com/log", KEY)
    assert open_note(note, NoteKey("example.com/log", PUBLIC)) == "hello\nworld\n"
    for key in (
        NoteKey("example.com/other", PUBLIC),
        NoteKey("example.com/log", OTHER.public_key().public_bytes_raw()),
    ):
        with pytest.raises(BadNote, match="not signed"):
            open_note(note, key)


def test_signatures_of_strangers_are_ignored_and_a_broken_known_one_is_not() -> None:
    note = sign_note("hello\n", "example.com/log", KEY)
    stranger = sign_note("hello\n", "example.com/witness", OTHER).split(b"\n\n")[1]
    key = NoteKey("example.com/log", PUBLIC)
    assert open_note(note + stranger, key) == "hello\n"
    forged = key.id + bytes(64)
    broken = note + f"— example.com/log {base64.b64encode(forged).decode()}\n".encode()
    with pytest.raises(BadNote, match="does not hold"):
        open_note(broken, key)


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"hello\n",
        b"hello\n\n",
        b"hello\n\n\xff",
        b"hel\tlo\n\n\xe2\x80\x94 a AAAAAAAA\n",
        "hello\n\n— a AAAAAAAA".encode(),
        b"hello\n\n- a AAAAAAAA\n",
        "hello\n\n— AAAAAAAA\n".encode(),
        "hello\n\n— a !!\n".encode(),
        "hello\n\n— a AAAA\n".encode(),
        ("hello\n\n" + "— a AAAAAAAA\n" * (MAX_SIGNATURES + 1)).encode(),
        bytes(MAX_NOTE_BYTES + 1),
    ],
)
def test_malformed_notes_are_refused(note: bytes) -> None:
    with pytest.raises(BadNote):
        open_note(note, NoteKey("a", PUBLIC))


def test_notes_that_could_mislead_are_not_signed() -> None:
    with pytest.raises(ValueError, match="newline"):
        sign_note("hello", "a", KEY)
    with pytest.raises(BadNote):
        sign_note("hel\rlo\n", "a", KEY)
    for name in ("", "a b", "a+b"):
        with pytest.raises(ValueError, match="name a key"):
            NoteKey(name, PUBLIC)
    with pytest.raises(ValueError, match="32 bytes"):
        NoteKey("a", PUBLIC[:31])


@given(note=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_noise_is_never_a_note(note: bytes) -> None:
    with pytest.raises(BadNote):
        open_note(note, NoteKey("a", PUBLIC))


def test_checkpoint_round_trip() -> None:
    root = leaf_hash(b"x")
    note = sign_checkpoint(7, root, KEY)
    assert open_checkpoint(note, PUBLIC) == Checkpoint(log_origin(PUBLIC), 7, root)
    assert note.startswith(log_origin(PUBLIC).encode() + b"\n7\n")


@pytest.mark.parametrize(
    "text",
    [
        "{origin}\n7\n",
        "{origin}\n7\n{root}\n\nmore\n",
        "belvedere/log/other\n7\n{root}\n",
        "{origin}\n07\n{root}\n",
        "{origin}\n-7\n{root}\n",
        "{origin}\n99999999999999999999\n{root}\n",
        "{origin}\n9999999999999999999\n{root}\n",
        "{origin}\n٧\n{root}\n",
        "{origin}\n7\nAAAA\n",
        "{origin}\n7\n!{root}\n",
    ],
)
def test_signed_but_malformed_checkpoints_are_refused(text: str) -> None:
    origin = log_origin(PUBLIC)
    filled = text.format(origin=origin, root=base64.b64encode(bytes(32)).decode())
    with pytest.raises(BadNote):
        open_checkpoint(sign_note(filled, origin, KEY), PUBLIC)


def test_extension_lines_and_witnesses_do_not_disturb() -> None:
    origin = log_origin(PUBLIC)
    root = base64.b64encode(bytes(32)).decode()
    assert open_checkpoint(sign_note(f"{origin}\n0\n{root}\nextension\n", origin, KEY), PUBLIC).size == 0
    assert log_key(PUBLIC).name == origin


def test_numbers_and_hashes_have_one_spelling() -> None:
    assert decimal("0") == 0
    assert hash_of(base64.b64encode(bytes(32)).decode()) == bytes(32)
    spelled = base64.b64encode(b"\xff" * 32).decode()
    assert spelled[-2] == "8"
    with pytest.raises(BadNote):
        hash_of(spelled[:-2] + "9=")


def proof_for(record: bytes, before: int = 5, after: int = 3) -> LogProof:
    """A log with `record` in it, and the proof of it, made by hand with a plain list of leaves."""
    salt = os.urandom(32)
    leaves = [leaf_hash(bytes([number])) for number in range(before)]
    leaves.append(leaf_hash(entry_of(salt, record)))
    leaves += [leaf_hash(bytes([100 + number])) for number in range(after)]
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    path = inclusion_proof(before, len(leaves), lambda level, at: full_root(leaves[at << level : (at + 1) << level]))
    return LogProof(before, salt, record, path, sign_checkpoint(len(leaves), frontier.root(), KEY))


def test_proof_file_round_trip() -> None:
    proof = proof_for(b'{"a":1}')
    again = read_proof(proof.text().encode(), proof.record)
    assert again == proof
    assert again.verify(PUBLIC).size == 9
    alone = proof_for(b"x", 0, 0)
    assert read_proof(alone.text().encode(), b"x").verify(PUBLIC).size == 1


def test_a_proof_of_something_else_is_refused() -> None:
    proof = proof_for(b'{"a":1}')
    for changed in (
        LogProof(proof.index, proof.salt, b'{"a":2}', proof.path, proof.checkpoint),
        LogProof(proof.index, bytes(32), proof.record, proof.path, proof.checkpoint),
        LogProof(proof.index, proof.salt + b"x", proof.record, proof.path, proof.checkpoint),
        LogProof(proof.index + 1, proof.salt, proof.record, proof.path, proof.checkpoint),
        LogProof(proof.index, proof.salt, proof.record, proof.path[:-1], proof.checkpoint),
        LogProof(proof.index, proof.salt, proof.record, proof.path * 40, proof.checkpoint),
    ):
        with pytest.raises(BadProof):
            changed.verify(PUBLIC)
    # Moving a byte between salt and record would hash to the same entry.
    moved = LogProof(proof.index, proof.salt[:31], proof.salt[31:] + proof.record, proof.path, proof.checkpoint)
    with pytest.raises(BadProof, match="salt"):
        moved.verify(PUBLIC)
    with pytest.raises(BadNote):
        proof.verify(OTHER.public_key().public_bytes_raw())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\n\n",
        b"c2sp.org/tlog-proof@v1\nindex 0\n\nx",
        b"c2sp.org/tlog-proof@v2\nextra AAAA\nindex 0\n\nx",
        b"c2sp.org/tlog-proof@v1\nindex 0\nextra AAAA\n\nx",
        b"c2sp.org/tlog-proof@v1\nextra !\nindex 0\n\nx",
        b"c2sp.org/tlog-proof@v1\nextra AAAA\nindex 00\n\nx",
        b"c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\nAAAA\n\nx",
        b"c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n" + b"A\n" * 70 + b"\nx",
        bytes(MAX_NOTE_BYTES + 1),
    ],
)
def test_malformed_proof_files_are_refused(text: bytes) -> None:
    with pytest.raises(BadNote):
        read_proof(text, b"record")


def test_tile_names_of_the_specification() -> None:
    assert TileName(0, 1234067, 256).path == "0/x001/x234/067"
    assert TileName(1, 0, 17).path == "1/000.p/17"
    assert TileName(None, 5, 256).path == "entries/005"
    # A tree of 70,000 entries: 273 full tiles and one of 112; one full and one of 17; one of 1.
    assert [tile_width(0, index, 70_000) for index in (0, 272, 273, 274)] == [256, 256, 112, 0]
    assert [tile_width(1, index, 70_000) for index in (0, 1, 2)] == [256, 17, 0]
    assert [tile_width(2, index, 70_000) for index in (0, 1)] == [1, 0]


@given(level=st.none() | st.integers(0, 7), index=st.integers(0, 10**12), width=st.integers(1, 256))
def test_tile_names_round_trip(level: int | None, index: int, width: int) -> None:
    name = TileName(level, index, width)
    assert parse_tile(name.path) == name


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0",
        "0/",
        "00/000",
        "8/000",
        "64/000",
        "0/0",
        "0/x000/000",
        "0/000/000",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/07",
        "0/../000",
        "entries/000.p/",
        "0/x000000",
        "0/٠٠٠",
    ],
)
def test_other_names_are_no_tiles(path: str) -> None:
    assert parse_tile(path) is None


@given(path=st.text(max_size=40))
def test_a_name_that_parses_is_spelled_one_way(path: str) -> None:
    name = parse_tile(path)
    assert name is None or name.path == path
