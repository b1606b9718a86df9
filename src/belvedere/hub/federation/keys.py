"""This hub's federation keys: files `0001.key`, `0002.key`, ... of 32 bytes beside its other keys, never in the database.

The first one names the hub to its partners for good; the newest that a partner has acknowledged signs what goes to that partner.
"""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.errors import NotFound, StorageFault
from belvedere.hub.federation.signing import key_id


class FederationKeys:
    """Reads small files. Makes the first key at first use. Raises StorageFault when it can't be kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Ed25519PrivateKey] = {}

    @property
    def _keys(self) -> dict[str, Ed25519PrivateKey]:
        """By id, oldest first."""
        if not self._known:
            try:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                if not (self._folder / "0001.key").exists():
                    self._write(1)
                self._read()
            except (OSError, ValueError) as error:
                raise StorageFault(
                    f"The federation keys in {self._folder} can't be read or made: {error}.",
                    advice="Check the folder's owner, or restore it from a backup: `belvedere restore`.",
                ) from error
        return self._known

    def _read(self) -> None:
        found = {}
        for path in sorted(self._folder.glob("[0-9][0-9][0-9][0-9].key")):
            key = Ed25519PrivateKey.from_private_bytes(path.read_bytes())
            found[key_id(key.public_key().public_bytes_raw())] = key
        self._known = found

    def _write(self, number: int) -> None:
        """Whole or not at all, for its owner only."""
        path = self._folder / f"{number:04}.key"
        near = path.with_name(f"{path.name}.{os.getpid()}.new")
        descriptor = os.open(near, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, Ed25519PrivateKey.generate().private_bytes_raw())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        near.replace(path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @property
    def hub(self) -> str:
        """How partners know this hub."""
        return next(iter(self._keys))[:32]

    @property
    def newest(self) -> str:
        """Id of the newest key."""
        return list(self._keys)[-1]

    def key(self, wanted: str) -> Ed25519PrivateKey:
        """One key. Raises NotFound for one that was never here, as after restoring an old backup."""
        found = self._keys.get(wanted)
        if found is None:
            raise NotFound(
                "The federation key that this partner knows is not here.",
                advice="Restore hub/keys/federation, or have both hubs add each other again.",
            )
        return found

    def public(self, wanted: str) -> bytes:
        """Its public half."""
        return self.key(wanted).public_key().public_bytes_raw()

    def make_next(self) -> str:
        """Make another key; its id. Raises StorageFault."""
        try:
            self._write(len(self._keys) + 1)
            self._read()
        except OSError as error:
            raise StorageFault(f"The new key can't be kept: {error}.", advice="Check the disk.") from error
        return self.newest
