"""Rows of the log's table: an entry as a row, a row as an entry, and whether a row is still what the tree holds."""

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import RowMapping

from belvedere.tlog.merkle import leaf_hash
from belvedere.tlog.proof import entry_of

ERASED = "log.erased"  # kind of the entry that says up to which entry contents were erased


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `record` is the canonical JSON that the log holds; it and `salt` are empty once erased."""

    index: int
    time_us: int
    kind: str
    actor: str
    facts: dict[str, Any]
    salt: bytes
    record: bytes
    hash: bytes


class _Record(msgspec.Struct, frozen=True):
    facts: dict[str, Any]


def row_of(entry: Entry) -> dict[str, Any]:
    """The columns of an entry."""
    return {
        "index": entry.index,
        "time_us": entry.time_us,
        "kind": entry.kind,
        "account_id": entry.actor,
        "salt": entry.salt,
        "body": entry.record.decode(),
        "entry_hash": entry.hash,
    }


def entry_of_row(row: RowMapping) -> Entry:
    """The entry of a row, as it stands there."""
    record = (row["body"] or "").encode()
    try:
        facts = msgspec.json.decode(record, type=_Record).facts if record else {}
    except msgspec.DecodeError:  # somebody altered the row; `row_problem` says so
        facts = {}
    return Entry(
        row["index"],
        row["time_us"],
        row["kind"],
        row["account_id"],
        facts,
        row["salt"] or b"",
        record,
        row["entry_hash"],
    )


def row_problem(row: RowMapping, leaf: bytes, erased_end: int) -> str:
    """What is wrong with a row whose leaf in the tree is `leaf`, in all its columns; empty when nothing is.

    `erased_end`: entries below it were erased by the hub, which says so in the log. An empty row beyond it was emptied by
    somebody else.
    """
    if leaf_hash(row["entry_hash"]) != leaf:
        return f"Entry {row['index']} of the audit log was altered: it is not the one that the tree holds."
    if row["body"] is None and row["salt"] is None:
        if row["index"] < erased_end:
            return ""
        return f"Entry {row['index']} of the audit log was altered: it was emptied, and the log does not say so."
    record = (row["body"] or "").encode()
    right = row["body"] is not None and row["salt"] is not None and entry_of(row["salt"], record) == row["entry_hash"]
    if right:
        words = msgspec.json.decode(record)
        columns = (row["index"], row["time_us"], row["kind"], row["account_id"])
        right = columns == tuple(words.get(name) for name in ("index", "time_us", "kind", "actor"))
    return "" if right else f"Entry {row['index']} of the audit log was altered: it does not say what the tree holds."
