"""The objects of a hub: a list in the database of what was put where, and the stores themselves. Blocking."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, delete, insert, select, update

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import Conflict, NotFound
from belvedere.hub.objects.store import Done, Store, nobody
from belvedere.hub.objects.tables import stored_object
from belvedere.hub.storage.engine import reading, writing


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of the list. `store` is the address of the store that has it, "" the data folder."""

    key: str
    bytes: int
    sha256: str
    store: str
    made_us: int


@dataclass(frozen=True, slots=True)
class Readable:
    """An object that can be read. `path` is its file, where it is one on this machine."""

    key: str
    size: int
    path: Path | None
    store: Store

    def read(self, start: int, end: int) -> Iterator[bytes | memoryview]:
        """Bytes [start, end) in pieces. Blocking. Raises NotFound, ObjectsAway, StorageFault."""
        return self.store.read(self.key, start, end)


class ObjectShelf:
    """Puts new objects into `target` and finds each where it was put, so that a setting that changes moves nothing by itself."""

    def __init__(self, engine: Engine, clock: Clock, target: str, open_store: Callable[[str], Store]) -> None:
        self._engine = engine
        self._clock = clock
        self._open_store = open_store
        self._stores: dict[str, Store] = {}
        self._lock = threading.Lock()
        self.target = target

    def store(self, address: str) -> Store:
        """The store of an address. Raises BadSettings."""
        with self._lock:
            if address not in self._stores:
                self._stores[address] = self._open_store(address)
            return self._stores[address]

    def put(self, key: str, source: Path, size: int, sha256: str, done: Done = nobody) -> StoredObject:
        """Store the durable file `source`, check it, list it. The same again is no fault.

        Raises ObjectsAway, StorageFault, DiskFull, and Conflict when something else has that key.
        """
        listed = self.find(key)
        if listed is not None:
            if (listed.bytes, listed.sha256) != (size, sha256):
                raise Conflict(f"Something else is stored as {key} already.", advice="Run `belvedere objects check`.")
            done(size)
            return listed
        self.store(self.target).put(key, source, size, sha256, done)
        made = StoredObject(key, size, sha256, self.target, self._clock.now_us())
        with writing(self._engine) as connection:
            connection.execute(insert(stored_object).values(_values(made)))
        return made

    def find(self, key: str) -> StoredObject | None:
        """What the list says of `key`."""
        with reading(self._engine) as connection:
            row = connection.execute(select(stored_object).where(stored_object.c.key == key)).one_or_none()
        return None if row is None else StoredObject(*row)

    def all(self) -> list[StoredObject]:
        """The whole list, by key."""
        with reading(self._engine) as connection:
            return [
                StoredObject(*row) for row in connection.execute(select(stored_object).order_by(stored_object.c.key))
            ]

    def open(self, key: str) -> Readable:
        """An object to read. Raises NotFound, ObjectsAway, StorageFault."""
        listed = self.find(key)
        store = self.store("" if listed is None else listed.store)
        size = store.size(key)
        if size is None:
            raise NotFound(f"{key} is not in the store.", advice="Run `belvedere objects check`.")
        return Readable(key, size, store.path(key), store)

    def destroy(self, key: str) -> StoredObject | None:
        """Remove an object, and what an interrupted try left. Gone when this returns; else it raises and stays listed."""
        listed = self.find(key)
        for address in {"" if listed is None else listed.store, self.target}:
            self.store(address).destroy(key)
        with writing(self._engine) as connection:
            connection.execute(delete(stored_object).where(stored_object.c.key == key))
        return listed

    def moved(self, key: str, was: str, now: str) -> bool:
        """Note that an object lies in the store `now`; False when it is no longer listed in `was`."""
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(stored_object).where(stored_object.c.key == key, stored_object.c.store == was).values(store=now)
            )
        return changed.rowcount == 1


def _values(made: StoredObject) -> dict[str, object]:
    return {name: getattr(made, name) for name in StoredObject.__slots__}
