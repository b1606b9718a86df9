"""Fetches the files of a release from the hub, piece by piece within the line's budget; what is there is not fetched again."""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from belvedere.foundation.errors import DiskFull, LinkFault, Refused, StorageFault
from belvedere.link.release import Manifest, ReleaseFile
from belvedere.link.releases import PIECE_BYTES, WantPiece
from belvedere.site.outbox.sender import Post
from belvedere.site.uplink.budget import LineBudget, Use

_TIMES_SIZE = 5  # of the wheels: they, what is unpacked of them, and some air
_READ = 1 << 20


class Fetcher:
    """For the event loop. Invariant: a file without `.part` in its name has the size and SHA-256 that the manifest says."""

    def __init__(self, post: Post, budget: LineBudget, free: Callable[[Path], int] | None = None) -> None:
        self._post = post
        self.budget = budget  # of the line, once there is one
        self._free = free or (lambda folder: shutil.disk_usage(folder).free)

    def have(self, manifest: Manifest, folder: Path) -> int:
        """Bytes that are there already."""
        return sum(_size(folder / each.name) or _size(_part(folder, each)) for each in manifest.files)

    def require_room(self, manifest: Manifest, folder: Path, keep_free: int) -> None:
        """Raise DiskFull when the release would take room that footage needs."""
        need = _TIMES_SIZE * manifest.size - self.have(manifest, folder)
        if self._free(folder) < need + keep_free:
            raise DiskFull(
                f"Its disk has no room for {need >> 20} MiB beside what is kept free.", advice="Make room on it."
            )

    async def fetch(self, manifest: Manifest, folder: Path, may: Callable[[], bool], tell: Callable[[], None]) -> bool:
        """Fetch what is missing; False as soon as `may` says no. `tell` is called after each piece.

        Raises LinkFault while the hub is away, Refused when it gives none, StorageFault for a file that is not the signed one.
        """
        for number, file in enumerate(manifest.files):
            if (folder / file.name).exists():
                continue
            part = _part(folder, file)
            while (start := _size(part)) < file.bytes:
                if not may():
                    return False
                await self.budget.turn(Use.RELEASE, min(PIECE_BYTES, file.bytes - start))
                said = await self._post(msgspec.msgpack.encode(WantPiece(manifest.version, number, start)))
                if not 0 < len(said) <= min(PIECE_BYTES, file.bytes - start):
                    raise LinkFault(
                        "The hub's piece of a release has the wrong size.", advice="Take the release in again."
                    )
                _append(part, said)
                tell()
            _take(part, folder, file)
        return True


def _part(folder: Path, file: ReleaseFile) -> Path:
    return folder / f"{file.name}.part"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _append(part: Path, piece: bytes) -> None:
    try:
        with part.open("ab") as file:
            file.write(piece)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull("Its disk is full.", advice="Make room on it.") from error
        raise StorageFault(f"{part.name} can't be written: {error}.", advice="Check the disk.") from error


def _take(part: Path, folder: Path, file: ReleaseFile) -> None:
    """A file that is complete counts once its hash is the signed one; another one is thrown away."""
    with part.open("rb") as read:
        digest = hashlib.file_digest(read, "sha256").hexdigest()
        os.fsync(read.fileno())
    if part.stat().st_size != file.bytes or digest != file.sha256:
        part.unlink()
        raise Refused(
            f"What came as {file.name} is not what was signed.", advice="Take the release in again at the hub."
        )
    part.replace(folder / file.name)
