"""A footage disk: the few file operations the recorder makes, behind a protocol so that tests can break each of them."""

import contextlib
import os
import uuid
from pathlib import Path
from typing import Protocol

import msgspec

from belvedere.foundation.errors import StorageFault, WrongDisk

_META = "meta"
_META_FORMAT = 1
_EMPTIED = ".emptied"
_MOUNT = (
    "Mount the right disk there; recording on it starts again by itself. Is it gone for good? belvedere site disk-gone."
)


class Files(Protocol):
    """File operations on paths inside one footage folder. Each raises OSError as the system does."""

    def create(self, path: str) -> int:
        """A new file opened for appending; its folder is made too. Never opens a file that exists."""
        ...

    def write(self, fd: int, data: bytes | bytearray | memoryview) -> int:
        """Append; returns how many bytes were taken, which may be fewer."""
        ...

    def start_sync(self, fd: int, offset: int, size: int) -> None:
        """A hint that these bytes will be synced next. Raises nothing."""
        ...

    def sync(self, fd: int) -> None: ...

    def sync_folder(self, path: str) -> None:
        """Make the names in the folder of `path` durable, and the folder's own name."""
        ...

    def truncate(self, fd: int, size: int) -> None: ...

    def close(self, fd: int) -> None: ...

    def reopen(self, path: str) -> int:
        """An existing file for appending and truncating."""
        ...

    def open(self, path: str) -> int:
        """An existing file for reading, with `os.pread`."""
        ...

    def unlink(self, path: str) -> None: ...

    def size(self, path: str) -> int: ...

    def set_empty(self, path: str) -> None:
        """Free a file's bytes; a name with `.emptied` behind stays. Needs no space, and can be cut short at any point."""
        ...

    def emptied(self) -> list[str]:
        """Paths of the files that were emptied, as they were before."""
        ...

    def forget_emptied(self, path: str) -> None: ...

    def names(self) -> list[str]:
        """Paths of all footage files."""
        ...

    def space(self) -> tuple[int, int]:
        """Bytes in all and bytes free to this process."""
        ...

    def device(self) -> int:
        """Number of the file system that the folder lies on."""
        ...

    def read_meta(self) -> bytes: ...

    def write_meta(self, data: bytes) -> None:
        """Replace the meta file, durably and all at once."""
        ...


class SystemFiles:
    """The real thing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self, path: str) -> int:
        full = self.folder / path
        try:
            return os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except FileNotFoundError:
            full.parent.mkdir(mode=0o700)  # not parents: a footage folder that vanished must not be made anew
            return os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)

    def write(self, fd: int, data: bytes | bytearray | memoryview) -> int:
        return os.write(fd, data)

    def start_sync(self, fd: int, offset: int, size: int) -> None:
        # On Linux this begins to write dirty pages out and keeps them in memory until that is done.
        if hasattr(os, "posix_fadvise"):
            with contextlib.suppress(OSError):
                os.posix_fadvise(fd, offset, size, os.POSIX_FADV_DONTNEED)

    def sync(self, fd: int) -> None:
        os.fdatasync(fd) if hasattr(os, "fdatasync") else os.fsync(fd)

    def sync_folder(self, path: str) -> None:
        parent = (self.folder / path).parent
        for folder in (parent, self.folder) if parent != self.folder else (parent,):
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def close(self, fd: int) -> None:
        os.close(fd)

    def reopen(self, path: str) -> int:
        return os.open(self.folder / path, os.O_RDWR | os.O_APPEND)

    def open(self, path: str) -> int:
        return os.open(self.folder / path, os.O_RDONLY)

    def unlink(self, path: str) -> None:
        (self.folder / path).unlink()

    def size(self, path: str) -> int:
        return (self.folder / path).stat().st_size

    def set_empty(self, path: str) -> None:
        full = self.folder / path
        left = full.with_name(full.name + _EMPTIED)
        full.rename(left)
        self.sync_folder(path)
        os.truncate(left, 0)

    def emptied(self) -> list[str]:
        return [name.removesuffix(_EMPTIED) for name in self._ending(".blvs" + _EMPTIED)]

    def forget_emptied(self, path: str) -> None:
        (self.folder / (path + _EMPTIED)).unlink()

    def names(self) -> list[str]:
        return self._ending(".blvs")

    def _ending(self, end: str) -> list[str]:
        return [
            f"{folder.name}/{entry.name}"
            for folder in os.scandir(self.folder)
            if folder.is_dir()
            for entry in os.scandir(folder)
            if entry.name.endswith(end)
        ]

    def space(self) -> tuple[int, int]:
        stat = os.statvfs(self.folder)
        return stat.f_blocks * stat.f_frsize, stat.f_bavail * stat.f_frsize

    def device(self) -> int:
        return self.folder.stat().st_dev

    def read_meta(self) -> bytes:
        return (self.folder / _META).read_bytes()

    def write_meta(self, data: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self.folder / (_META + ".new")
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        fresh.rename(self.folder / _META)
        self.sync_folder(_META)


class Meta(msgspec.Struct, frozen=True):
    """What a footage folder says of itself."""

    format: int
    disk: str
    site: str


class Disk:
    """One footage folder that is, or is not, the disk the index expects."""

    def __init__(self, files: Files, disk_id: int, disk_uuid: str, site_uuid: str, name: str) -> None:
        self.files = files
        self.id = disk_id
        self.uuid = disk_uuid
        self.site = site_uuid
        self.name = name

    def claim(self) -> None:
        """Write the meta file of a new disk. Raises WrongDisk when the folder has one already, StorageFault on errors."""
        try:
            self.files.read_meta()
        except FileNotFoundError:
            pass
        except OSError as error:
            raise StorageFault(f"{self.name} can't be read: {error.strerror}.", advice="Check the disk.") from error
        else:
            raise WrongDisk(
                f"{self.name} holds footage that this site's index does not know.",
                advice="Restore the index that belongs to it, or use an empty folder.",
            )
        try:
            self.files.write_meta(msgspec.json.encode(Meta(_META_FORMAT, self.uuid, self.site)))
        except OSError as error:
            raise StorageFault(
                f"{self.name} can't be written: {error.strerror}.", advice="Check the disk and its permissions."
            ) from error

    def verify(self) -> None:
        """Return if the folder is this disk. Raises WrongDisk (unmounted, swapped) otherwise."""
        meta = self.meta()
        if meta is None:
            raise WrongDisk(
                f"{self.name} is not the disk that the index expects: it has no readable meta file.",
                advice=_MOUNT,
            )
        if (meta.disk, meta.site) != (self.uuid, self.site):
            raise WrongDisk(
                f"{self.name} is another disk than the index expects.",
                advice=_MOUNT,
            )

    def meta(self) -> Meta | None:
        """What the folder says of itself; None when it says nothing."""
        try:
            return msgspec.json.decode(self.files.read_meta(), type=Meta)
        except (OSError, msgspec.MsgspecError):
            return None


def new_uuid() -> str:
    """A random UUID."""
    return str(uuid.uuid4())
