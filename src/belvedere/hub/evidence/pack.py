"""Writing a pack: a ZIP, stored not compressed, made under a temporary name and renamed when it is whole and durable.

A pack that was left in the middle is continued behind the last file that was kept.
"""

import hashlib
import os
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from struct import Struct
from typing import BinaryIO

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.clock import SECOND_US
from belvedere.hub.evidence.manifest import MANIFEST, SIGNATURE, File, Manifest, manifest_bytes
from belvedere.tlog.folder import sync_folder
from belvedere.tlog.proof import LogProof

_HASH_PART = 1 << 20
_HEADER = Struct("<4s22xHH")  # a local file header (APPNOTE.TXT 4.3.7): its signature, lengths of name and extra field


@dataclass(frozen=True, slots=True)
class Kept:
    """A whole, durable file of a pack that is being made: its header begins at `offset`, its bytes end at `end`."""

    name: str
    bytes: int
    sha256: str
    crc: int
    offset: int
    end: int


class PackWriter:
    """One pack being written. Blocking: call it in a thread. `finish` or `abandon` ends it."""

    def __init__(self, path: Path, made_us: int, kept: Iterable[Kept] = ()) -> None:
        """Begin the pack that will lie at `path`, or go on behind those of `kept` that are still as they were. Raises OSError."""
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Entries carry the time of the export, not the clock of whoever writes the file.
        moment = datetime.fromtimestamp(max(made_us // SECOND_US, 315_532_800), UTC)
        self._moment = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
        self._file = os.fdopen(os.open(self._part, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        # Invariant: each of `kept` is a file of `files`, in order; `kept` may end earlier.
        self.kept: list[Kept] = []
        for one in kept:
            if not _is_whole(self._file, one):
                break
            self.kept.append(one)
        end = self.kept[-1].end if self.kept else 0
        self._file.truncate(end)
        self._file.seek(end)
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)
        self.files: list[File] = []
        for one in self.kept:
            self._list_again(one)
        self._open: PackFile | None = None  # the newest; one at a time

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, self._moment)
        info.external_attr = 0o100644 << 16
        return info

    def _list_again(self, one: Kept) -> None:
        info = self._info(one.name)
        info.CRC, info.header_offset, info.file_size, info.compress_size = one.crc, one.offset, one.bytes, one.bytes
        info.FileHeader(zip64=True)  # for the versions that it notes
        self._zip.filelist.append(info)
        self._zip.NameToInfo[info.filename] = info
        self.files.append(File(one.name, one.bytes, one.sha256))

    def keep(self) -> Kept:
        """Make everything up to the end of the newest file durable, so that making can go on behind it."""
        info, file = self._zip.filelist[-1], self.files[-1]
        self._file.flush()
        os.fsync(self._file.fileno())
        self.kept.append(Kept(file.path, file.bytes, file.sha256, info.CRC, info.header_offset, self._zip.start_dir))
        return self.kept[-1]

    def open(self, name: str) -> "PackFile":
        """Begin a file of unknown length; it is listed in `files` once closed."""
        info = self._info(name)
        self._open = PackFile(self, name, self._zip.open(info, "w", force_zip64=True))
        return self._open

    def add(self, name: str, data: bytes) -> None:
        """Add a whole file and list it."""
        file = self.open(name)
        file.write(data)
        file.close()

    def finish(self, manifest: Manifest, key: Ed25519PrivateKey) -> tuple[int, str, str]:
        """Add the manifest and its signature, make the pack durable under its name; its bytes, its SHA-256 and its manifest's."""
        words = manifest_bytes(manifest)
        self.add(MANIFEST, words)
        self.add(SIGNATURE, key.sign(words))
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.seek(0)
        digest = hashlib.sha256()
        size = 0
        while part := self._file.read(_HASH_PART):
            digest.update(part)
            size += len(part)
        self._file.close()
        self._part.replace(self._path)
        sync_folder(self._path.parent)
        return size, digest.hexdigest(), hashlib.sha256(words).hexdigest()

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._part.unlink(missing_ok=True)
        self.leave()

    def leave(self) -> None:
        """Close it as it is, to go on another time behind what is kept."""
        # Closing writes the ends of a ZIP that nobody reads: a full disk, or a thread still writing, may make it fail.
        if self._open is not None:
            with suppress(OSError, ValueError):
                self._open.drop()
        with suppress(OSError, ValueError):
            self._zip.close()
        with suppress(OSError):
            self._file.close()


def _is_whole(file: BinaryIO, one: Kept) -> bool:
    file.seek(one.offset)
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return False
    signature, name, extra = _HEADER.unpack(header)
    if signature != b"PK\x03\x04" or one.offset + _HEADER.size + name + extra + one.bytes != one.end:
        return False
    if file.read(name).decode("utf-8", "replace") != one.name:
        return False
    file.seek(extra, os.SEEK_CUR)
    digest, left = hashlib.sha256(), one.bytes
    while left and (part := file.read(min(_HASH_PART, left))):
        digest.update(part)
        left -= len(part)
    return not left and digest.hexdigest() == one.sha256


class PackFile:
    """One file of a pack being written."""

    def __init__(self, pack: PackWriter, name: str, stream: "zipfile._ZipWriteFile") -> None:  # type: ignore[name-defined]
        self._pack = pack
        self._name = name
        self._stream = stream
        self._digest = hashlib.sha256()
        self._bytes = 0

    def write(self, data: bytes | memoryview) -> None:
        self._stream.write(data)
        self._digest.update(data)
        self._bytes += len(data)

    def close(self) -> None:
        self._stream.close()
        self._pack.files.append(File(self._name, self._bytes, self._digest.hexdigest()))

    def drop(self) -> None:
        """Close without listing."""
        self._stream.close()


def drop_parts(folder: Path) -> int:
    """Remove what an interrupted export left in `folder`; how many files."""
    parts = list(folder.glob(".*.part"))
    for part in parts:
        part.unlink(missing_ok=True)
    return len(parts)


def proof_file(proof: LogProof) -> bytes:
    """`log/proof.json`: everything but the record, which is `log/entry.json`."""
    words = {
        "index": proof.index,
        "salt": proof.salt.hex(),
        "path": [part.hex() for part in proof.path],
        "checkpoint": proof.checkpoint.decode(),
    }
    return msgspec.json.format(msgspec.json.encode(words), indent=2) + b"\n"
