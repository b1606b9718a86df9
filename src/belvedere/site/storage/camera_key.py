"""The key of the cameras' connection details: opened at the start, and changed while the site runs.

A change is safe against a crash at any point. The fresh key is made durable as `camera.key.next`; then, in one transaction,
everything is sealed again and the key's fingerprint is stored; then the file takes the place of `camera.key`. A start that
finds `camera.key.next` finishes the change when the index names that key, and drops the file otherwise.
"""

import hashlib
import os
from pathlib import Path

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import StorageFault
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import ConnectionSafe, load_key

_LABEL = b"belvedere camera.key 1\0"
# Every column that holds something sealed by the ConnectionSafe: table, key column, sealed column, and the slug it is bound to.
SEALED = (
    ("camera", "id", "connection", "SELECT slug FROM camera WHERE id = t.id"),
    ("device", "camera_id", "connection", "SELECT slug || ' device' FROM camera WHERE id = t.camera_id"),
    ("camera_before", "camera_id", "connection", "SELECT slug FROM camera WHERE id = t.camera_id"),
)


def fingerprint(key: bytes) -> bytes:
    """Which key this is; tells nothing of the key itself."""
    return hashlib.sha256(_LABEL + key).digest()[:16]


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _next_file(key_file: Path) -> Path:
    return key_file.with_name(key_file.name + ".next")


def _named_key(index: Index) -> bytes | None:
    row = index.read().execute("SELECT fingerprint FROM camera_key").fetchone()
    return None if row is None else bytes(row[0])


def _take_place(key_file: Path) -> None:
    _next_file(key_file).rename(key_file)
    _sync_folder(key_file.parent)


def open_connection_safe(index: Index, key_file: Path, *, make: bool) -> ConnectionSafe:
    """The safe of this index; a change of its key that was cut short is finished or undone. Raises StorageFault."""
    named = _named_key(index)
    waiting = _next_file(key_file)
    try:
        waiting.with_name(waiting.name + ".new").unlink(missing_ok=True)
        if waiting.exists():
            if named is not None and fingerprint(waiting.read_bytes()) == named:
                _take_place(key_file)
            else:
                waiting.unlink()
                _sync_folder(key_file.parent)
    except OSError as error:
        raise StorageFault(
            f"{waiting} can't be put in place: {error.strerror}.", advice="Check the disk and the folder's owner."
        ) from error
    key = load_key(key_file, make=make)
    if named is not None and fingerprint(key) != named:
        raise StorageFault(
            f"{key_file} is not the key of this index: the cameras' passwords can't be opened with it.",
            advice="Restore key and index from the same backup.",
        )
    return ConnectionSafe(key)


def rotate_camera_key(index: Index, safe: ConnectionSafe, key_file: Path, clock: Clock) -> int:
    """Seal everything under a fresh key and forget the old one. Returns how many secrets there are. Raises StorageFault.

    When it raises, the key in force is the one that the index names, in memory and after a restart alike.
    """
    waiting = _next_file(key_file)
    old = load_key(key_file, make=False)
    try:
        waiting.unlink(missing_ok=True)
    except OSError as error:
        raise StorageFault(f"{waiting} can't be removed: {error.strerror}.", advice="Check the disk.") from error
    fresh = load_key(waiting, make=True)
    count = 0
    try:
        with index.write() as db:
            opened = [
                (table, column, key, row_id, slug, safe.open(slug, sealed))
                for table, key, column, slug_sql in SEALED
                if db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
                for row_id, slug, sealed in db.execute(
                    f"SELECT t.{key}, ({slug_sql}), t.{column} FROM {table} t WHERE t.{column} IS NOT NULL"
                ).fetchall()
            ]
            safe.change_key(fresh)
            for table, column, key, row_id, slug, plain in opened:
                db.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (safe.shut(slug, plain), row_id))
                count += 1
            db.execute(
                "INSERT OR REPLACE INTO camera_key (id, fingerprint, since_us) VALUES (1, ?, ?)",
                (fingerprint(fresh), clock.now_us()),
            )
    except BaseException:
        if _named_key(index) != fingerprint(fresh):
            safe.change_key(old)
            waiting.unlink(missing_ok=True)
            raise
        # The transaction is in the index although its end was not told: go on as if it had been.
    index.forget()
    try:
        _take_place(key_file)
    except OSError as error:
        raise StorageFault(
            f"The new camera key could not be put in place: {error.strerror}.",
            advice="Check the disk, then restart Belvedere: it finishes the change by itself.",
        ) from error
    return count
