"""Checking what the list of objects promises, and moving objects from one store to another. Blocking."""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from belvedere.foundation.errors import BelvedereError, ObjectsAway, StorageFault
from belvedere.hub.objects.shelf import ObjectShelf, StoredObject


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found. `strangers` lie in a store and are not listed; `halves` are what interrupted uploads left."""

    good: int
    bytes: int
    missing: tuple[str, ...]
    wrong: tuple[str, ...]
    strangers: tuple[str, ...]
    halves: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Halves and strangers take room and harm nothing."""
        return not self.missing and not self.wrong


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move did. `before` and `after` hash name and SHA-256 of all objects: as listed, and as read afterwards."""

    objects: int
    bytes: int
    already: int
    before: str
    after: str


def check(shelf: ObjectShelf, *, read: bool = True, seen: Callable[[str], None] = lambda key: None) -> Checked:
    """Look for every listed object, read it whole and hash it (`read`), and list what else is there. Raises ObjectsAway."""
    listed = shelf.all()
    missing, wrong, good, size = [], [], 0, 0
    for one in listed:
        seen(one.key)
        try:
            store = shelf.store(one.store)
            length = store.size(one.key)
            if length is None:
                missing.append(one.key)
                continue
            if length != one.bytes or (read and _hash(shelf, one) != one.sha256):
                wrong.append(one.key)
                continue
        except ObjectsAway:
            raise
        except StorageFault:  # altered parts, an index that can't be read
            wrong.append(one.key)
            continue
        good, size = good + 1, size + one.bytes
    strangers, halves = [], []
    places = {one.store for one in listed} | {"", shelf.target}
    known = {(one.store, one.key) for one in listed}
    for address in sorted(places):
        for found in shelf.store(address).found():
            if not found.whole:
                halves.append(_named(address, found.key))
            elif (address, found.key) not in known:
                strangers.append(_named(address, found.key))
    return Checked(good, size, tuple(missing), tuple(wrong), tuple(strangers), tuple(halves))


def move(shelf: ObjectShelf, scratch: Path, *, seen: Callable[[StoredObject], None] = lambda one: None) -> Moved:
    """Bring every object into the shelf's target: copy, check the hash there, change the list, then remove the old one.

    May be interrupted and begun again at any time. `scratch` is a folder for one object at a time.
    Raises ObjectsAway, StorageFault.
    """
    listed = shelf.all()
    target = shelf.store(shelf.target)
    moved = size = 0
    for one in listed:
        source = shelf.store(one.store)
        if one.store == shelf.target:
            continue
        seen(one)
        path = source.path(one.key)
        part: Path | None = None
        try:
            if path is None:
                path = part = _fetch(shelf, one, scratch)
            target.put(one.key, path, one.bytes, one.sha256)
        finally:
            if part is not None:
                part.unlink(missing_ok=True)
        if _hash_in(target.read(one.key, 0, one.bytes)) != one.sha256:
            raise StorageFault(
                f"{one.key} did not arrive as it was sent.", advice="Nothing was removed. Check the store."
            )
        if shelf.moved(one.key, one.store, shelf.target):
            source.destroy(one.key)
            moved, size = moved + 1, size + one.bytes
    after = [(one.key, _hash(shelf, one)) for one in shelf.all()]
    return Moved(moved, size, len(listed) - moved, _sum([(one.key, one.sha256) for one in listed]), _sum(after))


def fetch(shelf: ObjectShelf, key: str, to: Path) -> int:
    """One object as a file, its hash checked; its bytes. Raises NotFound, StorageFault, OSError when `to` is there."""
    listed = shelf.find(key)
    found = shelf.open(key)
    digest = hashlib.sha256()
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        try:
            for piece in found.read(0, found.size):
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
            if listed is not None and digest.hexdigest() != listed.sha256:
                raise StorageFault(f"{key} is not what was stored.", advice="Run `belvedere objects check`.")
        except (BelvedereError, OSError):
            to.unlink(missing_ok=True)
            raise
    return found.size


def _fetch(shelf: ObjectShelf, one: StoredObject, scratch: Path) -> Path:
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = scratch / f"move.{one.sha256[:16]}.zip"
    path.unlink(missing_ok=True)
    fetch(shelf, one.key, path)
    return path


def _hash(shelf: ObjectShelf, one: StoredObject) -> str:
    return _hash_in(shelf.store(one.store).read(one.key, 0, one.bytes))


def _hash_in(pieces: Iterable[bytes | memoryview]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _sum(pairs: list[tuple[str, str]]) -> str:
    return hashlib.sha256("".join(f"{digest}  {key}\n" for key, digest in sorted(pairs)).encode()).hexdigest()


def _named(address: str, key: str) -> str:
    return f"{address}/{key}" if address else key
