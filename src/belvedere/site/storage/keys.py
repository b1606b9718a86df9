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

from belvedere.foundation.clock import DAY_US, HOUR_US, Clock
from belvedere.foundation.errors import KeyAway, NotFound, StorageFault
from belvedere.media.seal import SegmentKey
from belvedere.site.custody.needed import NeededDays
from belvedere.site.custody.recipients import seal_copies
from belvedere.site.custody.released import ReleasedKeys
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
        self._forget_again = False  # a reader kept the log from being emptied
        self.released = ReleasedKeys(clock)
        self.needed = NeededDays()

    def make(self, camera_id: int, day: int) -> bytes:
        """The key of a camera and day (days since 1970 UTC), made and stored durably when it is the first use.

        It is sealed for the hub's recipients in the same transaction. Raises KeyAway when it was forgotten here.
        """
        with self._lock:
            return self._make(camera_id, day)

    def make_for(self, camera_id: int, day: int) -> tuple[int, bytes]:
        """The key that seals footage of `day`, and the day of that key: later than `day` where its own was forgotten."""
        with self._lock:
            today = self._clock.now_us() // DAY_US
            while self._away(camera_id, day):
                day = max(day + 1, today)
            return day, self._make(camera_id, day)

    def _make(self, camera_id: int, day: int) -> bytes:
        found = self._find(camera_id, day)
        self._used_us[camera_id, day] = self._clock.monotonic_us()
        if found is not None:
            return found
        key = os.urandom(_KEY_BYTES)
        now_us = self._clock.now_us()
        with self._index.write() as db:
            db.execute(
                "INSERT INTO day_key (camera_id, day, wrapped, created_us) VALUES (?, ?, ?, ?)",
                (camera_id, day, aes_key_wrap(self._wrapping, key), now_us),
            )
            seal_copies(db, camera_id, day, key, now_us)
        return self._keep(camera_id, day, key)

    def _away(self, camera_id: int, day: int) -> bool:
        row = (
            self._index.read()
            .execute("SELECT 1 FROM day_key WHERE camera_id = ? AND day = ? AND wrapped = x''", (camera_id, day))
            .fetchone()
        )
        return row is not None

    def get(self, camera_id: int, day: int, grant: str = "") -> bytes:
        """The key of a camera and day. Raises NotFound when it was destroyed: that footage is gone for good; KeyAway when
        this site has forgotten it and the hub has not released it under the grant with the id `grant`.

        Below zero `day` names a held segment (minus its id), which has a key of its own. KeyAway then means that the site's
        own wrapping key does not open it any more, and the hub's copy does.
        """
        lent = self.released.get(grant, camera_id, day)
        if lent is not None:
            return SegmentKey(lent) if day < 0 else lent
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
        if not row[0]:
            raise KeyAway(
                "The key of this footage is kept by the hub, which has not released it.",
                advice="Open it in the control room, under a grant. If the hub is away, wait for it, or see the key ceremony.",
            )
        try:
            return self._keep(camera_id, day, aes_key_unwrap(self._wrapping, row[0]))
        except InvalidUnwrap as error:
            raise StorageFault(
                "A footage key can't be opened: the wrapping key is not the one that closed it.",
                advice="Restore the key file that belongs to this index.",
            ) from error

    def hold(self, db: sqlite3.Connection, camera_id: int, segment_id: int, key: SegmentKey) -> None:
        """Store the key of a held segment, inside a transaction; `segment.day` is then minus the segment's id.

        It is sealed for the hub's recipients as a camera-day key is, under that day below zero.
        """
        now_us = self._clock.now_us()
        row = (segment_id, aes_key_wrap(self._wrapping, key), now_us)
        db.execute("INSERT OR REPLACE INTO held_key (segment_id, wrapped, created_us) VALUES (?, ?, ?)", row)
        seal_copies(db, camera_id, -segment_id, key, now_us)

    def _held(self, segment_id: int) -> SegmentKey:
        row = self._index.read().execute("SELECT wrapped FROM held_key WHERE segment_id = ?", (segment_id,)).fetchone()
        if row is None:
            raise NotFound("The key of this footage was destroyed.", advice="The footage was deleted for good.")
        try:
            return SegmentKey(aes_key_unwrap(self._wrapping, row[0]))
        except InvalidUnwrap as error:
            copies = self._index.read().execute("SELECT 1 FROM day_key_copy WHERE day = ? LIMIT 1", (-segment_id,))
            if copies.fetchone() is not None:
                raise KeyAway(
                    "This site can't open its own copy of the key of held footage; the hub has another.",
                    advice="Open it in the control room, under a grant, and restore the site's key file.",
                ) from error
            raise StorageFault(
                "The key of held footage can't be opened: the wrapping key is not the one that closed it.",
                advice="Restore the key file that belongs to this index.",
            ) from error

    def _keep(self, camera_id: int, day: int, key: bytes) -> bytes:
        self._open[(camera_id, day)] = key
        if len(self._open) > _CACHED:
            self._open.popitem(last=False)
        return key

    def seal_missing(self, pairs: list[tuple[int, int]]) -> int:
        """Seal the keys of these (camera, day) pairs for recipients that lack them; returns how many copies were made.

        Keys that are not at hand are left out. A day below zero is that of a held segment.
        """
        made = 0
        for camera_id, day in pairs:
            with self._lock:
                try:
                    key = self._held(-day) if day < 0 else self._find(camera_id, day)
                except (KeyAway, NotFound):
                    continue
                if key is not None:
                    with self._index.write() as db:
                        made += seal_copies(db, camera_id, day, key, self._clock.now_us())
        return made

    def forget(self, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Forget the site's own copies of these keys: in memory, in the pages and in the write-ahead log.

        The caller has seen that the hub holds them. Returns those forgotten: keys used for sealing within the hour stay.
        """
        with self._lock:
            pairs = self._idle(pairs)
            if not pairs and not self._forget_again:
                return []
            now_us = self._clock.now_us()
            with self._index.write() as db:
                db.executemany("UPDATE day_key SET wrapped = x'' WHERE camera_id = ? AND day = ?", pairs)
                db.executemany(
                    "INSERT OR REPLACE INTO key_note (camera_id, day, what, at_us) VALUES (?, ?, 'forgotten', ?)",
                    [(*pair, now_us) for pair in pairs],
                )
            for pair in pairs:
                self._open.pop(pair, None)
            self._forget_again = not self._index.forget()
            return pairs

    def _idle(self, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Those that were not handed out for sealing within the last hour: footage of the others may not be indexed yet."""
        recent_us = self._clock.monotonic_us() - HOUR_US
        self._used_us = {pair: used for pair, used in self._used_us.items() if used > recent_us}
        return [pair for pair in pairs if pair not in self._used_us]

    def destroy(self, pairs: list[tuple[int, int]]) -> bool:
        """Destroy the keys of these (camera, day) pairs: in memory, in the pages and in the write-ahead log.

        Sealed copies go too, and the hub is told to destroy its own. A key handed out for sealing within the last hour stays:
        its footage may not be indexed yet. False: what was deleted may still be read from the log, because a reader was in
        the way; destroy again, also without any pairs.
        """
        with self._lock:
            pairs = self._idle(pairs)
            now_us = self._clock.now_us()
            with self._index.write() as db:
                db.executemany("DELETE FROM day_key WHERE camera_id = ? AND day = ?", pairs)
                for pair in pairs:
                    copies = db.execute("DELETE FROM day_key_copy WHERE camera_id = ? AND day = ?", pair).rowcount
                    db.execute("DELETE FROM key_note WHERE camera_id = ? AND day = ?", pair)
                    if copies:
                        db.execute(
                            "INSERT INTO key_note (camera_id, day, what, at_us) VALUES (?, ?, 'destroyed', ?)",
                            (*pair, now_us),
                        )
            for pair in pairs:
                self._open.pop(pair, None)
                self.released.drop(*pair)
            return self._index.forget()
