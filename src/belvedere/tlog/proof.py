"""Proof that a record stands in a log: what the record said, where it stands, and the checkpoint over it.

The entry of a record is SHA-256(salt || record) and the leaf SHA-256(0x00 || entry), so the hashes can stay public after
salt and record are erased. The text form is C2SP tlog-proof; its `extra` field carries the salt.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from belvedere.tlog.checkpoint import Checkpoint, decimal, hash_of, open_checkpoint
from belvedere.tlog.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from belvedere.tlog.note import MAX_NOTE_BYTES, BadNote

SALT_BYTES = 32
_FIRST = "c2sp.org/tlog-proof@v1"
_MAX_PATH = 63  # a tree below 2^63 leaves is no deeper
_ADVICE = "Ask the hub for the proof again; if it stays wrong, tell the data protection officer."


class BadProof(BadNote):
    """A proof that can't be read, or that does not prove what it should."""

    code = "bad_proof"


def entry_of(salt: bytes, record: bytes) -> bytes:
    """The log's entry for a record: SHA-256(salt || record)."""
    return hashlib.sha256(salt + record).digest()


@dataclass(frozen=True, slots=True)
class LogProof:
    """A record of the log and the proof that it is in it. `record` is canonical JSON; `checkpoint` a signed note."""

    index: int
    salt: bytes
    record: bytes
    path: tuple[bytes, ...]
    checkpoint: bytes
    # Invariant: empty unless salt and record were erased; then it is all that is left of them.
    entry: bytes = b""

    @property
    def erased(self) -> bool:
        """Whether only the entry's hash is left: it shows that something stood there, not what."""
        return bool(self.entry)

    def verify(self, public_key: bytes) -> Checkpoint:
        """The hub's checkpoint that covers this record. Raises BadNote when it does not or is not the hub's."""
        if self.erased:
            if self.salt or self.record or len(self.entry) != HASH_BYTES:
                raise BadProof("An entry is either erased or has its record and salt.", advice=_ADVICE)
        elif len(self.salt) != SALT_BYTES:
            raise BadProof(f"A salt has {SALT_BYTES} bytes.", advice=_ADVICE)
        if len(self.path) > _MAX_PATH:
            raise BadProof("This proof is deeper than any log.", advice=_ADVICE)
        checkpoint = open_checkpoint(self.checkpoint, public_key)
        leaf = leaf_hash(self.entry or entry_of(self.salt, self.record))
        if not verify_inclusion(leaf, self.index, checkpoint.size, self.path, checkpoint.root):
            raise BadProof("This record is not in the log that the checkpoint signs.", advice=_ADVICE)
        return checkpoint

    def text(self) -> str:
        """The proof as a C2SP tlog-proof file. The record itself travels beside it."""
        lines = [_FIRST, f"extra {base64.b64encode(self.salt).decode()}", f"index {self.index}"]
        lines += [base64.b64encode(part).decode() for part in self.path]
        return "\n".join(lines) + "\n\n" + self.checkpoint.decode()


def read_proof(text: bytes, record: bytes) -> LogProof:
    """A tlog-proof file as `LogProof.text` writes it, for `record`. Raises BadNote. Checks form only: see `verify`."""
    if len(text) > MAX_NOTE_BYTES:
        raise BadProof(f"This proof is longer than {MAX_NOTE_BYTES} bytes.", advice=_ADVICE)
    head, blank, checkpoint = text.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise BadProof("This proof is not text.", advice=_ADVICE) from None
    if not blank or len(lines) < 3 or lines[0] != _FIRST:
        raise BadProof("This is not a tlog-proof with its salt and index.", advice=_ADVICE)
    if not lines[1].startswith("extra ") or not lines[2].startswith("index "):
        raise BadProof("This proof lacks its salt or index.", advice=_ADVICE)
    if len(lines) - 3 > _MAX_PATH:
        raise BadProof("This proof is deeper than any log.", advice=_ADVICE)
    try:
        salt = base64.b64decode(lines[1][6:], validate=True)
    except (binascii.Error, ValueError):
        raise BadProof("The salt of this proof is not base64.", advice=_ADVICE) from None
    if base64.b64encode(salt).decode() != lines[1][6:]:
        raise BadProof("The salt of this proof is not spelled the one right way.", advice=_ADVICE)
    return LogProof(
        index=decimal(lines[2][6:]),
        salt=salt,
        record=record,
        path=tuple(hash_of(line) for line in lines[3:]),
        checkpoint=checkpoint,
    )
