"""The site's own log of what was opened with cards: a Merkle tree in the formats of the hub's log, signed by the box."""

import os
import sqlite3
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.link.card import CardEntry
from belvedere.tlog.checkpoint import sign_checkpoint
from belvedere.tlog.merkle import inclusion_proof, leaf_hash, root_of
from belvedere.tlog.proof import SALT_BYTES, entry_of

_COLUMNS = "number, time_us, salt, record, checkpoint"


class CardLedger:
    """Appends and reads, on connections that the caller gives. There are few entries: the tree is made anew each time."""

    def __init__(self, box_key: Ed25519PrivateKey) -> None:
        self._key = box_key

    def append(
        self, db: sqlite3.Connection, kind: str, actor: str, time_us: int, facts: dict[str, Any]
    ) -> tuple[CardEntry, tuple[bytes, ...]]:
        """Write an entry within a transaction; gives it with the path that proves it. Durable once that is committed."""
        before = self.entries(db, 0)
        number = len(before)
        words = {"actor": actor, "facts": facts, "index": number, "kind": kind, "time_us": time_us}
        record = msgspec.json.encode(words, order="sorted")
        salt = os.urandom(SALT_BYTES)
        leaves = [leaf_hash(entry_of(each.salt, each.record)) for each in before]
        leaves.append(leaf_hash(entry_of(salt, record)))
        checkpoint = sign_checkpoint(len(leaves), root_of(leaves), self._key)
        entry = CardEntry(number, time_us, salt, record, checkpoint)
        db.execute(
            f"INSERT INTO card_entry ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)", (number, time_us, salt, record, checkpoint)
        )
        return entry, inclusion_proof(number, len(leaves), lambda level, at: _node(leaves, level, at))

    @staticmethod
    def entries(db: sqlite3.Connection, first: int) -> list[CardEntry]:
        """Entries from `first` on, in order."""
        rows = db.execute(f"SELECT {_COLUMNS} FROM card_entry WHERE number >= ? ORDER BY number", (first,))
        return [CardEntry(*row) for row in rows.fetchall()]


def _node(leaves: list[bytes], level: int, index: int) -> bytes:
    """The root of a full subtree."""
    return root_of(leaves[index << level : (index + 1) << level])
