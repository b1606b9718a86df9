"""A folder as a store. One file an object, made under another name and linked when it is whole and durable.

`obstore`'s own local store writes without any sync (measured: no fsync, no fdatasync), so writing is ours.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from belvedere.foundation.errors import Conflict, DiskFull, NotFound, ObjectsAway, StorageFault
from belvedere.hub.objects.store import ROOMS, Done, Found, nobody
from belvedere.tlog.folder import sync_folder

_PIECE = 1 << 20
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)


class FolderStore:
    """Objects below `root`. `must_exist`: a folder that is not there is a disk that is not mounted, and is not made."""

    def __init__(self, root: Path, address: str = "", *, must_exist: bool = False) -> None:
        self.address = address
        self._root = root
        self._must_exist = must_exist

    def put(self, key: str, source: Path, size: int, sha256: str, done: Done = nobody) -> None:
        path = self._reach(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if path.exists():
                self._same(key, path, size, sha256)
            else:
                self._link(path, source, size, sha256)
            sync_folder(path.parent)
        except OSError as error:
            raise _fault(error, "written") from error
        done(size)

    def _link(self, path: Path, source: Path, size: int, sha256: str) -> None:
        if source.stat().st_size != size:
            raise StorageFault(f"{source.name} changed before it was stored.", advice="Look at the hub's disk.")
        try:
            os.link(source, path)  # the very bytes that were hashed
            return
        except FileExistsError:
            return self._same(path.name, path, size, sha256)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
        part = path.with_name(f".{path.name}.part")
        try:
            with (
                source.open("rb") as read,
                os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as write,
            ):
                shutil.copyfileobj(read, write, _PIECE)
                write.flush()
                os.fsync(write.fileno())
            if _hash(part) != sha256:
                raise StorageFault(f"{path.name} did not arrive as it was sent.", advice="Check that disk.")
            if path.exists():
                self._same(path.name, path, size, sha256)
            else:
                part.rename(path)
        finally:
            part.unlink(missing_ok=True)

    def _same(self, key: str, path: Path, size: int, sha256: str) -> None:
        if path.stat().st_size != size or _hash(path) != sha256:
            raise Conflict(f"Something else is stored as {key} already.", advice="Run `belvedere objects check`.")

    def size(self, key: str) -> int | None:
        try:
            return self._reach(key).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _fault(error, "read") from error

    def read(self, key: str, start: int, end: int) -> Iterator[bytes | memoryview]:
        try:
            with self._reach(key).open("rb") as file:
                file.seek(start)
                while start < end and (piece := file.read(min(_PIECE, end - start))):
                    start += len(piece)
                    yield piece
        except FileNotFoundError:
            raise NotFound(f"{key} is not in the store.", advice="Run `belvedere objects check`.") from None
        except OSError as error:
            raise _fault(error, "read") from error
        if start < end:
            raise StorageFault(f"{key} is shorter than it was.", advice="Run `belvedere objects check`.")

    def path(self, key: str) -> Path | None:
        return self._reach(key)

    def destroy(self, key: str) -> None:
        path = self._reach(key)
        try:
            if path.parent.exists():
                path.with_name(f".{path.name}.part").unlink(missing_ok=True)
                path.unlink(missing_ok=True)
                sync_folder(path.parent)
        except OSError as error:
            raise _fault(error, "removed from") from error

    def found(self) -> Iterator[Found]:
        self._reach("exports")
        for room in ROOMS:
            folder = self._root / room
            for path in sorted(folder.iterdir()) if folder.exists() else ():
                if path.is_file():
                    yield Found(f"{room}/{path.name}", path.stat().st_size, not path.name.startswith("."))

    def _reach(self, key: str) -> Path:
        if self._must_exist and not self._root.is_dir():
            raise ObjectsAway(f"The object store {self.address} is not there.", advice="Is that disk mounted?")
        return self._root / key


def _fault(error: OSError, act: str) -> StorageFault:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull("The disk of the object store is full.", advice="Make room on it.")
    return StorageFault(f"The object store can't be {act}: {error.strerror}.", advice="Check that disk.")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
