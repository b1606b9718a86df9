"""The hub's signing key: Ed25519 (RFC 8032), made at first start, readable by its owner only."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.errors import StorageFault
from belvedere.foundation.settings import Settings

_RAW_BYTES = 32


def signing_key_file(settings: Settings) -> Path:
    """Where the private half lies: 32 raw bytes."""
    return settings.hub_folder / "keys" / "hub.key"


def signing_key(settings: Settings) -> Ed25519PrivateKey:
    """The hub's key, made when there is none; the public half is written where the site reads it. Raises StorageFault."""
    path = signing_key_file(settings)
    try:
        if not path.exists():
            _write(path, Ed25519PrivateKey.generate().private_bytes_raw(), mode=0o600)
        raw = path.read_bytes()
    except OSError as error:
        raise StorageFault(
            f"The hub's key {path} can't be read or made: {error}.", advice="Check the folder's owner."
        ) from error
    if len(raw) != _RAW_BYTES:
        raise StorageFault(f"The hub's key {path} is damaged.", advice="Restore it from a backup: `belvedere restore`.")
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    key = Ed25519PrivateKey.from_private_bytes(raw)
    public = key.public_key().public_bytes_raw()
    place = settings.hub_public_key_file
    if not place.exists() or place.read_bytes() != public:
        _write(place, public, mode=0o644)
    return key


def _write(path: Path, data: bytes, *, mode: int) -> None:
    """Write a small file whole or not at all: temporary name, sync, rename, sync of the folder."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    near = path.with_name(path.name + f".{os.getpid()}.new")
    descriptor = os.open(near, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    near.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
