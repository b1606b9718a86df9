"""What a store of finished files can do. Blocking: call it in a thread."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

ROOMS = ("exports",)
"""First parts of all keys, such as exports/ID.zip."""

Done = Callable[[int], None]
"""Told bytes as they arrive in the store."""


def nobody(_bytes: int) -> None:
    """Nobody waits for the progress."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something that lies in a store. `whole`: false for parts that no finished object names."""

    key: str
    bytes: int
    whole: bool


class Store(Protocol):
    """Objects by key, each written once. Nothing can be read of one that is not whole.

    All methods raise ObjectsAway when the store can't be reached or refuses the hub, StorageFault when bytes are not as they were.
    """

    address: str

    def put(self, key: str, source: Path, size: int, sha256: str, done: Done = nobody) -> None:
        """Put the file `source`, which is durable, and check what arrived. The same bytes again are no fault, and what an
        interrupted try brought is not sent again. Raises Conflict when other bytes lie there, DiskFull.
        """
        ...

    def size(self, key: str) -> int | None:
        """Bytes of an object, None when it is not there."""
        ...

    def read(self, key: str, start: int, end: int) -> Iterator[bytes | memoryview]:
        """Bytes [start, end) in pieces. Raises NotFound."""
        ...

    def path(self, key: str) -> Path | None:
        """The file that it is, where a store keeps files on this machine."""
        ...

    def destroy(self, key: str) -> None:
        """Remove an object, or what an interrupted try left of it. It is gone when this returns, also when it never was."""
        ...

    def found(self) -> Iterator[Found]:
        """Everything that lies there."""
        ...
