"""What waits for the log's writer, and how it becomes an entry."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from belvedere.foundation.errors import BadInput
from belvedere.hub.audit.rows import Entry
from belvedere.tlog.proof import SALT_BYTES, entry_of

MAX_RECORD_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class Waiting:
    """What somebody wants to have in the log."""

    kind: str
    actor: str
    facts: Mapping[str, Any]
    done: "asyncio.Future[Entry]"

    def fail(self, error: Exception) -> None:
        """Tell whoever waits that it could not be written."""
        if not self.done.done():
            self.done.set_exception(error)

    def written(self, made: Entry | Exception) -> None:
        """Tell whoever waits what became of it."""
        if isinstance(made, Exception):
            self.fail(made)
        elif not self.done.done():
            self.done.set_result(made)


def make_entry(index: int, now_us: int, one: Waiting) -> Entry:
    """The entry. Raises BadInput when it is too long, TypeError or ValueError when JSON can't hold it."""
    words = {"index": index, "time_us": now_us, "kind": one.kind, "actor": one.actor, "facts": one.facts}
    record = msgspec.json.encode(words, order="sorted")
    if len(record) > MAX_RECORD_BYTES:
        raise BadInput(f"An entry of the log is no longer than {MAX_RECORD_BYTES} bytes.", advice="Log less text.")
    salt = os.urandom(SALT_BYTES)
    facts = msgspec.json.decode(record)["facts"]
    return Entry(index, now_us, one.kind, one.actor, facts, salt, record, entry_of(salt, record))


def make_entries(first: int, now_us: int, batch: list[Waiting]) -> list[Entry | Exception]:
    """An entry for each that can be one, numbered from `first`, and for the others what is wrong with it."""
    made: list[Entry | Exception] = []
    index = first
    for one in batch:
        try:
            made.append(make_entry(index, now_us, one))
            index += 1
        except (TypeError, ValueError, BadInput) as error:
            made.append(error)
    return made
