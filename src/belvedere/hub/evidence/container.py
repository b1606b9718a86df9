"""A pack as it lies on disk: a ZIP, or the folder it was unpacked to. Bounded against hostile ZIPs. Standard library only."""

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from struct import Struct, unpack
from typing import BinaryIO, Protocol

from belvedere.foundation.errors import BadPack

MAX_FILES = 10_000
_MAX_NAME = 200
_PART = 1 << 20
_LOCAL = Struct("<4s5H3I2H")  # a local file header (APPNOTE.TXT 4.3.7)
_STREAMED = 0x08  # flag: sizes and CRC follow the data instead of standing in the local header
_ENCRYPTED = 0x01
_IN_EXTRA = 0xFFFF_FFFF
_MAX_RATIO = 20  # footage does not compress; a ZIP that unpacks to more than this is a bomb
_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})  # what file browsers leave in folders
_ADVICE = "Ask for the pack again."


class Container(Protocol):
    """Files by name. `problems` were found on opening, `litter` was passed over."""

    names: tuple[str, ...]
    problems: tuple[str, ...]
    litter: tuple[str, ...]

    def read(self, name: str, limit: int) -> bytes:
        """A whole small file. Raises BadPack when it is longer than `limit` or can't be read."""
        ...

    def digest(self, name: str, limit: int) -> tuple[int, str]:
        """Bytes and SHA-256 of a file, read up to one byte beyond `limit`. Raises BadPack when it can't be read."""
        ...


@contextmanager
def open_container(path: Path) -> Iterator[Container]:
    """The pack at `path`. Raises BadPack when it is neither a ZIP nor a folder, or is hostile."""
    if path.is_dir():
        yield _Folder(path)
        return
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
            yield _Zip(archive, raw)
    except FileNotFoundError:
        raise BadPack(f"There is no {path}.", advice="Check the name.") from None
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise BadPack(f"{path.name} can't be read as a ZIP: {error}.", advice=_ADVICE) from error
    except OSError as error:
        raise BadPack(f"{path.name} can't be read: {error.strerror}.", advice="Check the disk.") from error


def safe_name(name: str) -> bool:
    """Whether `name` is a plain relative path that stays where it is put, on every system."""
    parts = name.split("/")
    return (
        0 < len(name) <= _MAX_NAME
        and all(part not in ("", ".", "..") for part in parts)
        and not any(letter in '\\:*?"<>|' or ord(letter) < 32 or ord(letter) == 127 for letter in name)
    )


def _digest(file: BinaryIO, limit: int) -> tuple[int, str]:
    digest = hashlib.sha256()
    size = 0
    while size <= limit and (part := file.read(min(_PART, limit + 1 - size))):
        digest.update(part)
        size += len(part)
    return size, digest.hexdigest()


class _Zip:
    """A ZIP. Nothing is ever unpacked to disk."""

    litter: tuple[str, ...] = ()

    def __init__(self, archive: zipfile.ZipFile, raw: BinaryIO) -> None:
        self._archive = archive
        entries = [entry for entry in archive.infolist() if not (entry.is_dir() and entry.file_size == 0)]
        if len(entries) > MAX_FILES:
            raise BadPack(f"This ZIP has more than {MAX_FILES} files.", advice=_ADVICE)
        names = [entry.orig_filename for entry in entries]
        hostile = [name for name in names if not safe_name(name)]
        if hostile:
            raise BadPack(f"This ZIP has a file with a hostile name: {hostile[0][:80]!r}.", advice=_ADVICE)
        if len({name.lower() for name in names}) < len(names):
            raise BadPack("This ZIP has two files of one name.", advice=_ADVICE)
        if any(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise BadPack("This ZIP is encrypted.", advice="Decrypt it first.")
        if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries):
            raise BadPack("This ZIP is compressed in an unusual way.", advice=_ADVICE)
        raw.seek(0, 2)
        size = raw.tell()
        if sum(entry.file_size for entry in entries) > _MAX_RATIO * size:
            raise BadPack("This ZIP would unpack to many times its size.", advice=_ADVICE)
        self.names = tuple(names)
        self.problems = tuple(_layout_problems(archive, raw))

    def read(self, name: str, limit: int) -> bytes:
        try:
            with self._archive.open(name) as file:
                data = file.read(limit + 1)
        except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error, OSError) as error:
            raise BadPack(f"{name} can't be read: {error}.", advice=_ADVICE) from error
        return _bounded(name, data, limit)

    def digest(self, name: str, limit: int) -> tuple[int, str]:
        try:
            with self._archive.open(name) as file:
                return _digest(file, limit)  # type: ignore[arg-type]
        except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error, OSError) as error:
            raise BadPack(f"{name} can't be read: {error}.", advice=_ADVICE) from error


def _layout_problems(archive: zipfile.ZipFile, raw: BinaryIO) -> Iterator[str]:
    """What does not belong: bytes between the files, and local headers that say something else than the directory."""
    at = 0
    for entry in sorted(archive.infolist(), key=lambda one: one.header_offset):
        raw.seek(entry.header_offset)
        head = raw.read(_LOCAL.size)
        if entry.header_offset != at:
            yield f"{entry.filename}: there are other bytes in front of it, or it overlaps another file"
        if len(head) < _LOCAL.size or head[:4] != b"PK\x03\x04":
            yield f"{entry.filename}: its header in the ZIP is damaged"
            continue
        _, version, flags, method, clock, date, crc, packed, size, name_bytes, extra_bytes = _LOCAL.unpack(head)
        name = raw.read(name_bytes)
        extra = raw.read(extra_bytes)
        when = entry.date_time
        packed_time = when[3] << 11 | when[4] << 5 | when[5] // 2
        packed_date = (when[0] - 1980) << 9 | when[1] << 5 | when[2]
        expected = (entry.extract_version | entry.reserved << 8, entry.flag_bits, entry.compress_type)
        wrong = (version, flags, method) != expected or (clock, date) != (packed_time, packed_date)
        wrong = wrong or name != entry.orig_filename.encode()
        if not flags & _STREAMED:
            if extra[:4] == b"\x01\x00\x10\x00" and len(extra) >= 20:  # ZIP64: sizes of all ones stand here instead
                long_size, long_packed = unpack("<QQ", extra[4:20])
                size = long_size if size == _IN_EXTRA else size
                packed = long_packed if packed == _IN_EXTRA else packed
            wrong = wrong or (crc, packed, size) != (entry.CRC, entry.compress_size, entry.file_size)
        if wrong:
            yield f"{entry.filename}: its header in the ZIP was changed"
        at = entry.header_offset + _LOCAL.size + name_bytes + extra_bytes + entry.compress_size
        if flags & _STREAMED:
            at = _after_descriptor(raw, at)
    if at != archive.start_dir:
        yield "There are bytes in the ZIP that belong to no file"
    if archive.comment:
        yield "There is a comment in the ZIP that belongs to no file"


def _after_descriptor(raw: BinaryIO, at: int) -> int:
    """Where the data descriptor that begins at `at` ends: 12 or 20 bytes, behind a signature that may be missing."""
    for signature in (4, 0):
        for length in (12, 20):
            raw.seek(at + signature + length)
            if raw.read(4) in (b"PK\x03\x04", b"PK\x01\x02"):
                return at + signature + length
    return at


class _Folder:
    """An unpacked pack. Links are never followed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        names: list[str] = []
        problems: list[str] = []
        litter: list[str] = []
        waiting = [folder]
        found = 0
        while waiting:
            for path in sorted(waiting.pop().iterdir()):
                name = PurePosixPath(path.relative_to(folder)).as_posix()
                mode = path.lstat().st_mode
                found += 1
                if found > MAX_FILES:
                    raise BadPack(f"This folder has more than {MAX_FILES} files.", advice="Point at the pack itself.")
                if stat.S_ISDIR(mode):
                    waiting.append(path)
                elif path.name in _LITTER:
                    litter.append(name)
                elif not stat.S_ISREG(mode):
                    problems.append(f"{name}: it is a link or a device, not a file")
                elif not safe_name(name):
                    problems.append(f"{name[:80]!r}: no pack has a file of such a name")
                else:
                    names.append(name)
        self.names, self.problems, self.litter = tuple(names), tuple(problems), tuple(litter)

    def read(self, name: str, limit: int) -> bytes:
        try:
            with (self._folder / name).open("rb") as file:
                data = file.read(limit + 1)
        except OSError as error:
            raise BadPack(f"{name} can't be read: {error.strerror}.", advice="Check the disk.") from error
        return _bounded(name, data, limit)

    def digest(self, name: str, limit: int) -> tuple[int, str]:
        try:
            with (self._folder / name).open("rb") as file:
                return _digest(file, limit)
        except OSError as error:
            raise BadPack(f"{name} can't be read: {error.strerror}.", advice="Check the disk.") from error


def _bounded(name: str, data: bytes, limit: int) -> bytes:
    if len(data) > limit:
        raise BadPack(f"{name} is longer than {limit} bytes.", advice=_ADVICE)
    return data
