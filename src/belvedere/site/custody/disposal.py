"""Disposal of a box: every key is destroyed, and the box says so over its own signature. Footage is then noise.

Order: the certificate is signed and written; then keys go from the database (pages zeroed, log emptied, file rebuilt); then
the key files, the box's own among them. Cut short, it is done again: what is left is destroyed, and a new certificate says so.
"""

import base64
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import Conflict, StorageFault
from belvedere.link.custody import CERTIFICATE_PREFIX
from belvedere.site.storage.folders import site_uuid
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import load_key
from belvedere.tlog.folder import sync_folder, write_durably

KEY_FILES = ("footage.kek", "camera.key", "box.key")
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Disposal:
    """What was destroyed."""

    box: str
    day_keys: int
    copies: int
    held_keys: int
    cameras: int
    segments: int  # left on the disks, and noise


def dispose(site_folder: Path, site: str, certificate: Path, clock: Clock) -> Disposal:
    """Destroy every key of the box in `site_folder`, whose recorder must not be running. Raises Conflict, StorageFault."""
    if certificate.exists():
        raise Conflict(f"{certificate} exists already.", advice="Choose another name.")
    index = Index(site_folder / "index.db", clock)
    try:
        box = site_uuid(index, clock)
        counts = [
            int(index.read().execute(sql).fetchone()[0])
            for sql in (
                "SELECT count(*) FROM day_key WHERE wrapped <> x''",
                "SELECT count(*) FROM day_key_copy",
                "SELECT count(*) FROM held_key",
                "SELECT count(*) FROM camera WHERE connection IS NOT NULL",
                "SELECT count(*) FROM segment",
            )
        ]
        done = Disposal(box, *counts)
        box_key = Ed25519PrivateKey.from_private_bytes(load_key(site_folder / "keys" / "box.key", make=True))
        write_durably(certificate, _certificate(done, site, clock.now_us(), box_key))
        with index.write() as db:
            db.execute("DELETE FROM day_key")
            db.execute("DELETE FROM day_key_copy")
            db.execute("DELETE FROM held_key")
            db.execute("DELETE FROM camera_before")
            db.execute("UPDATE camera SET connection = NULL, enabled = 0, removed = 1")
        index.forget()
        index.rebuild()
    finally:
        index.close()
    for name in KEY_FILES:
        _erase(site_folder / "keys" / name)
    return done


def _certificate(done: Disposal, site: str, now_us: int, key: Ed25519PrivateKey) -> bytes:
    words = msgspec.json.encode(
        {
            "format": 1,
            "site": site,
            "box": done.box,
            "disposed_us": now_us,
            "day_keys": done.day_keys,
            "copies": done.copies,
            "held_keys": done.held_keys,
            "cameras": done.cameras,
            "segments": done.segments,
        },
        order="sorted",
    )
    signature = key.sign(CERTIFICATE_PREFIX + words)
    public = key.public_key().public_bytes_raw().hex()
    outer = {
        "words": words.decode(),
        "signature": base64.b64encode(signature).decode(),
        "public_key": public,
    }
    return msgspec.json.format(msgspec.json.encode(outer, order="sorted"), indent=1) + b"\n"


def _erase(path: Path) -> None:
    """Overwrite, sync and unlink. On flash the old cells may survive: see docs/design/keys.md."""
    try:
        with path.open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            for at in range(0, size, _CHUNK):
                file.write(os.urandom(min(_CHUNK, size - at)))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        sync_folder(path.parent)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise StorageFault(
            f"{path.name} can't be destroyed: {error.strerror}.", advice="Destroy the disk itself, and say so."
        ) from error
