"""The files of releases at the hub: taken in whole with their signature checked, given out in pieces."""

import hashlib
import os
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from belvedere.foundation.errors import BadInput, NotFound, StorageFault
from belvedere.link.release import (
    LONGEST_MANIFEST,
    Manifest,
    SignedManifest,
    open_manifest,
)
from belvedere.link.releases import PIECE_BYTES, WantPiece

HEAD = "release.json"  # first in the archive: manifest, signature, key
_READ = 1 << 20


def write_release(out: Path, signed: SignedManifest, manifest: Manifest, wheels: Path) -> None:
    """One archive (tar) with the signed manifest first. Raises StorageFault."""
    near = out.with_name(f".{out.name}.part")
    try:
        with tarfile.open(near, "w") as archive:
            head = near.with_name(f".{out.name}.head")
            head.write_bytes(msgspec.json.encode(signed))
            archive.add(head, HEAD)
            head.unlink()
            for each in manifest.files:
                archive.add(wheels / each.name, each.name)
        near.replace(out)
    except OSError as error:
        near.unlink(missing_ok=True)
        raise StorageFault(f"{out} can't be written: {error}.", advice="Check the place.") from error


class ReleaseStore:
    """A folder with a folder for each version. Blocks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take_in(self, archive: Path, trusted: Sequence[bytes]) -> tuple[SignedManifest, Manifest]:
        """Check a release and keep its files. Raises Refused, BadInput, StorageFault; then nothing is kept."""
        try:
            with tarfile.open(archive, "r:") as opened:
                signed = _head(opened)
                manifest = open_manifest(signed, trusted)
                near = self._folder / f"{manifest.version}.part"
                shutil.rmtree(near, ignore_errors=True)
                near.mkdir(parents=True)
                try:
                    for each in manifest.files:
                        _copy(opened, each.name, near / each.name, each.bytes, each.sha256)
                    os.sync()
                    place = self._folder / manifest.version
                    shutil.rmtree(place, ignore_errors=True)
                    near.replace(place)
                except BaseException:
                    shutil.rmtree(near, ignore_errors=True)
                    raise
        except tarfile.TarError as error:
            raise BadInput(f"{archive} is no release: {error}.", advice="Fetch it again.") from error
        except OSError as error:
            raise StorageFault(f"{archive} can't be taken in: {error}.", advice="Check file and disk.") from error
        return signed, manifest

    def piece(self, manifest: Manifest, want: WantPiece) -> bytes:
        """Bytes of one file. Raises NotFound for what there is none of."""
        if not 0 <= want.file < len(manifest.files) or not 0 <= want.start < manifest.files[want.file].bytes:
            raise NotFound("There is no such piece.", advice="Ask for pieces of the release's own files.")
        path = self._folder / manifest.version / manifest.files[want.file].name
        try:
            with path.open("rb") as file:
                file.seek(want.start)
                return file.read(PIECE_BYTES)
        except OSError as error:
            raise StorageFault(f"{path.name} is gone at the hub.", advice="Take the release in again.") from error


def _head(archive: tarfile.TarFile) -> SignedManifest:
    first = archive.next()
    if first is None or first.name != HEAD or not first.isreg() or first.size > 2 * LONGEST_MANIFEST:
        raise BadInput("This is no release.", advice="Make one with `belvedere release sign`.")
    read = archive.extractfile(first)
    assert read is not None  # a regular file has bytes
    try:
        return msgspec.json.decode(read.read(), type=SignedManifest)
    except msgspec.MsgspecError as error:
        raise BadInput(f"This is no release: {error}.", advice="Fetch it again.") from error


def _copy(archive: tarfile.TarFile, name: str, to: Path, size: int, sha256: str) -> None:
    """One file out of the archive, under a name that the manifest gave, if it is what was signed."""
    try:
        member = archive.getmember(name)
    except KeyError as error:
        raise BadInput(f"{name} is missing in this release.", advice="Fetch it again.") from error
    read = archive.extractfile(member) if member.isreg() and member.size == size else None
    if read is None:
        raise BadInput(f"{name} is not what was signed.", advice="Fetch it again.")
    digest = hashlib.sha256()
    with to.open("wb") as file:
        while data := read.read(_READ):
            digest.update(data)
            file.write(data)
    if digest.hexdigest() != sha256:
        raise BadInput(f"{name} is not what was signed.", advice="Fetch it again.")
