"""Checkpoints (C2SP tlog-checkpoint): the size and root of a log, as a note that the log signs."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.tlog.merkle import HASH_BYTES
from belvedere.tlog.note import BadNote, NoteKey, open_note, sign_note

MAX_SIZE = 2**63
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's size in entries and the root over them."""

    origin: str
    size: int
    root: bytes


def log_origin(public_key: bytes) -> str:
    """Name of the log that a hub's key signs, so that a verifier needs to be given the key only."""
    return f"belvedere/log/{hashlib.sha256(public_key).hexdigest()[:16]}"


def log_key(public_key: bytes) -> NoteKey:
    """The key that verifies the checkpoints of the hub with `public_key` (32 raw bytes)."""
    return NoteKey(log_origin(public_key), public_key)


def decimal(text: str) -> int:
    """A number as the C2SP formats write it: ASCII digits, no leading zeroes, below 2^63. Raises BadNote."""
    if not _NUMBER.fullmatch(text) or int(text) >= MAX_SIZE:
        raise BadNote(f"{text[:40]!r} is not a number of the log.", advice="Fetch the proof again.")
    return int(text)


def hash_of(text: str) -> bytes:
    """A hash in base64, as the C2SP formats write it. Raises BadNote."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != HASH_BYTES or base64.b64encode(value).decode() != text:
        raise BadNote(f"{text[:60]!r} is not a hash of the log.", advice="Fetch the proof again.")
    return value


def sign_checkpoint(size: int, root: bytes, key: Ed25519PrivateKey) -> bytes:
    """A checkpoint over `size` entries with `root`, signed by the hub's key."""
    origin = log_origin(key.public_key().public_bytes_raw())
    return sign_note(f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n", origin, key)


def open_checkpoint(note: bytes, public_key: bytes) -> Checkpoint:
    """The checkpoint in `note`, once the hub with `public_key` is found to have signed it. Raises BadNote."""
    key = log_key(public_key)
    lines = open_note(note, key).split("\n")[:-1]
    if len(lines) < 3 or not all(lines):
        raise BadNote("A checkpoint has an origin, a size and a root.", advice="Fetch the checkpoint again.")
    if lines[0] != key.name:
        raise BadNote(f"This checkpoint is of another log, {lines[0]}.", advice="Check which hub it came from.")
    return Checkpoint(lines[0], decimal(lines[1]), hash_of(lines[2]))
