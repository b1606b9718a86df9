"""Writing a pack: a ZIP, stored not compressed, made under a temporary name and renamed when it is whole and durable."""

import hashlib
import os
import zipfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.clock import SECOND_US
from belvedere.hub.evidence.manifest import MANIFEST, SIGNATURE, File, Manifest, manifest_bytes
from belvedere.tlog.folder import sync_folder
from belvedere.tlog.proof import LogProof

_HASH_PART = 1 << 20


class PackWriter:
    """One pack being written. Blocking: call it in a thread. `finish` or `abandon` ends it."""

    def __init__(self, path: Path, made_us: int) -> None:
        """Begin the pack that will lie at `path`. Raises OSError."""
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Entries carry the time of the export, not the clock of whoever writes the file.
        moment = datetime.fromtimestamp(max(made_us // SECOND_US, 315_532_800), UTC)
        self._moment = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
        self._file = os.fdopen(os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)
        self.files: list[File] = []
        self._open: PackFile | None = None  # the newest; one at a time

    def open(self, name: str) -> "PackFile":
        """Begin a file of unknown length; it is listed in `files` once closed."""
        info = zipfile.ZipInfo(name, self._moment)
        info.external_attr = 0o100644 << 16
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
        # Closing writes the ends of a ZIP that nobody wants: a full disk, or a thread still writing, may make it fail.
        if self._open is not None:
            with suppress(OSError, ValueError):
                self._open.drop()
        with suppress(OSError, ValueError):
            self._zip.close()
        with suppress(OSError):
            self._file.close()


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
