"""Keys of a site: two key files outside the database, and camera-day keys wrapped inside it."""

import contextlib
import os
import sqlite3
import threading
from collections import OrderedDict
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from belvedere.foundation.clock import HOUR_US, Clock
from belvedere.foundation.errors import NotFound, StorageFault
from belvedere.media.seal import SegmentKey
from belvedere.site.storage.index import Index

_KEY_BYTES = 32
_NONCE_BYTES = 12
_CACHED = 512  # open day keys kept in memory


def load_key(path: Path, *, make: bool) -> bytes:
    """The 32 bytes of a key file, mode 600. `make`: create it when missing. Raises StorageFault."""
    try:
        if make and not path.exists():
            _make_key(path)
        key = path.read_bytes()
    except OSError as error:
        raise StorageFault(
            f"The key file {path} can't be read: {error.strerror}.",
            advice="Restore it from its backup: without it the footage or the camera passwords can't be read.",
        ) from error
    if len(key) != _KEY_BYTES:
        raise StorageFault(f"The key file {path} is damaged.", advice="Restore it from its backup.")
    return key


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(path.name + ".new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(fd, os.urandom(_KEY_BYTES))
        os.fsync(fd)
    finally:
        os.close(fd)
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class ConnectionSafe:
    """Seals camera connection details. Nothing it opens is ever logged. Thread-safe.

    `change_key` keeps the key before in memory, for rows that another thread read just before they were sealed again.
    """

    def __init__(self, key: bytes) -> None:
        self._gcm = AESGCM(key)
        self._before: AESGCM | None = None

    def change_key(self, key: bytes) -> None:
        """Seal with `key` from now on."""
        self._gcm, self._before = AESGCM(key), self._gcm

    def shut(self, camera: str, plain: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._gcm.encrypt(nonce, plain, camera.encode())

    def open(self, camera: str, sealed: bytes) -> bytes:
        """The details of `camera`. Raises StorageFault when they were altered, moved to another camera or the key changed."""
        nonce, box = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        if self._before is not None:
            with contextlib.suppress(InvalidTag, ValueError):
                return self._before.decrypt(nonce, box, camera.encode())
        try:
            return self._gcm.decrypt(nonce, box, camera.encode())
        except (InvalidTag, ValueError) as error:
            raise StorageFault(
                f"The connection details of {camera} can't be opened.",
                advice="The key file was changed or the index altered: restore both, or enter the camera again.",
            ) from error


class Keyring:
    """Camera-day keys. Thread-safe."""

    def __init__(self, index: Index, wrapping_key: bytes, clock: Clock) -> None:
        self._index = index
        self._wrapping = wrapping_key
        self._clock = clock
        self._lock = threading.Lock()
        self._open: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._used_us: dict[tuple[int, int], int] = {}  # when a key was last handed out for sealing, monotonic

    def make(self, camera_id: int, day: int) -> bytes:
        """The key of a camera and day (days since 1970 UTC), made and stored durably when it is the first use."""
        with self._lock:
            self._used_us[camera_id, day] = self._clock.monotonic_us()
            found = self._find(camera_id, day)
            if found is not None:
                return found
            key = os.urandom(_KEY_BYTES)
            with self._index.write() as db:
                db.execute(
                    "INSERT INTO day_key (camera_id, day, wrapped, created_us) VALUES (?, ?, ?, ?)",
                    (camera_id, day, aes_key_wrap(self._wrapping, key), self._clock.now_us()),
                )
            return self._keep(camera_id, day, key)

    def get(self, camera_id: int, day: int) -> bytes:
        """The key of a camera and day. Raises NotFound when it was destroyed: that footage is gone for good.

        Below zero `day` names a held segment (minus its id), which has a key of its own.
        """
        if day < 0:
            return self._held(-day)
        with self._lock:
            found = self._find(camera_id, day)
        if found is None:
            raise NotFound("The key of this footage was destroyed.", advice="The footage was deleted for good.")
        return found

    def _find(self, camera_id: int, day: int) -> bytes | None:
        key = self._open.get((camera_id, day))
        if key is not None:
            self._open.move_to_end((camera_id, day))
            return key
        row = (
            self._index.read()
            .execute("SELECT wrapped FROM day_key WHERE camera_id = ? AND day = ?", (camera_id, day))
            .fetchone()
        )
        if row is None:
            return None
        try:
            return self._keep(camera_id, day, aes_key_unwrap(self._wrapping, row[0]))
        except InvalidUnwrap as error:
            raise StorageFault(
                "A footage key can't be opened: the wrapping key is not the one that closed it.",
                advice="Restore the key file that belongs to this index.",
            ) from error

    def hold(self, db: sqlite3.Connection, segment_id: int, key: SegmentKey) -> None:
        """Store the key of a held segment, inside a transaction; `segment.day` is then minus the segment's id."""
        row = (segment_id, aes_key_wrap(self._wrapping, key), self._clock.now_us())
        db.execute("INSERT OR REPLACE INTO held_key (segment_id, wrapped, created_us) VALUES (?, ?, ?)", row)

    def _held(self, segment_id: int) -> SegmentKey:
        row = self._index.read().execute("SELECT wrapped FROM held_key WHERE segment_id = ?", (segment_id,)).fetchone()
        if row is None:
            raise NotFound("The key of this footage was destroyed.", advice="The footage was deleted for good.")
        try:
            return SegmentKey(aes_key_unwrap(self._wrapping, row[0]))
        except InvalidUnwrap as error:
            raise StorageFault(
                "The key of held footage can't be opened: the wrapping key is not the one that closed it.",
                advice="Restore the key file that belongs to this index.",
            ) from error

    def _keep(self, camera_id: int, day: int, key: bytes) -> bytes:
        self._open[(camera_id, day)] = key
        if len(self._open) > _CACHED:
            self._open.popitem(last=False)
        return key

    def destroy(self, pairs: list[tuple[int, int]]) -> bool:
        """Destroy the keys of these (camera, day) pairs: in memory, in the pages and in the write-ahead log.

        A key handed out for sealing within the last hour stays: its footage may not be indexed yet. False: what was deleted
        may still be read from the log, because a reader was in the way; destroy again, also without any pairs.
        """
        with self._lock:
            recent_us = self._clock.monotonic_us() - HOUR_US
            self._used_us = {pair: used for pair, used in self._used_us.items() if used > recent_us}
            pairs = [pair for pair in pairs if pair not in self._used_us]
            with self._index.write() as db:
                db.executemany("DELETE FROM day_key WHERE camera_id = ? AND day = ?", pairs)
            for pair in pairs:
                self._open.pop(pair, None)
            return self._index.forget()
