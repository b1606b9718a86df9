"""Backup and restore of everything but footage, as one encrypted archive (see `sealed`).

Inside is a tar: the files, then `manifest.json` with the SHA-256 of each. It is taken while Belvedere runs. The order makes
it whole: first the log's checkpoint, then its tiles, then the databases (each in one read transaction), then the rest. So a
database never knows less than the log beside it, and rows that are newer than the log are entered in it at the next start.
"""

import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, cast

from belvedere import __version__
from belvedere.cli.sealed import SCRYPT_N, SealedReader, SealedWriter
from belvedere.foundation.clock import Clock, SystemClock
from belvedere.foundation.errors import BadInput, Conflict, SealBroken, StorageFault
from belvedere.foundation.settings import Settings

FORMAT = 1
MANIFEST = "manifest.json"
SHORTEST_PASSPHRASE = 12
_SQLITE = b"SQLite format 3\0"
_SIDE_FILES = ("-wal", "-shm", "-journal")
_DISK_MARK = "meta"  # which disk a footage folder is; without it the restored site would wait for the right one
_READ = 1 << 20


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What an archive holds."""

    files: int
    bytes: int
    revision: str  # of the hub's database, "" when there was none


@dataclass(slots=True)
class _Packing:
    """An archive while it is written."""

    tar: tarfile.TarFile
    staging: Path
    root: Path
    listed: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put_bytes(self, name: str, data: bytes) -> None:
        self._put(name, io.BytesIO(data), len(data))

    def put_file(self, path: Path) -> None:
        """Add a file as it is now. Raises FileNotFoundError when it has gone."""
        with path.open("rb") as file:
            self._put(self.name_of(path), file, os.fstat(file.fileno()).st_size)

    def put_server(self, url: str, name: str) -> None:
        """Add one moment of a PostgreSQL database, as the SQLite file `name`."""
        from belvedere.cli.snapshot import snapshot  # here: it loads the whole hub

        copy = self.staging / "server.db"
        snapshot(url, copy)
        with copy.open("rb") as file:
            self._put(name, file, copy.stat().st_size)

    def put_database(self, path: Path) -> None:
        """Add a copy of a SQLite database: one moment of it, checked."""
        copy = self.staging / "copy.db"
        copy.unlink(missing_ok=True)
        try:
            with (
                closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source,
                closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)  # all pages in one step, so under one read lock
                target.execute("PRAGMA journal_mode=DELETE")
                _check_database(target, path)
        except sqlite3.Error as error:
            raise StorageFault(f"{path} can't be copied: {error}.", advice="Run `belvedere doctor`.") from error
        with copy.open("rb") as file:
            self._put(self.name_of(path), file, copy.stat().st_size)

    def name_of(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _put(self, name: str, file: IO[bytes], size: int) -> None:
        entry = tarfile.TarInfo(name)
        entry.size = size
        entry.mode = 0o600
        hashed = _Hashed(file)
        try:
            self.tar.addfile(entry, cast(IO[bytes], hashed))
        except OSError as error:
            raise StorageFault(f"{name} can't be read: {error}.", advice="Run the backup again.") from error
        self.listed[name] = {"bytes": size, "sha256": hashed.sha256.hexdigest()}


class _Hashed:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.sha256.update(data)
        return data


def backup(
    settings: Settings,
    out: Path,
    passphrase: str,
    *,
    exports: bool = False,
    clock: Clock | None = None,
    scrypt_n: int = SCRYPT_N,
) -> BackupReport:
    """Write everything but footage into the new file `out`; finished export packs only with `exports`.

    A hub's PostgreSQL database comes along as a SQLite file of one moment (see `snapshot`). Raises Conflict when `out` exists,
    BadInput for a short passphrase or an empty data folder, StorageFault when something can't be read or written.
    """
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise BadInput("The passphrase is too short.", advice=f"Use {SHORTEST_PASSPHRASE} characters or more.")
    if not settings.hub_folder.is_dir() and not settings.site_folder.is_dir():
        raise BadInput(f"There is nothing to back up in {settings.data}.", advice="Give the data folder with --data.")
    target = out.absolute()
    if target.exists():
        raise Conflict(f"{out} exists already.", advice="Choose another name; a backup is never overwritten.")
    for inside in (settings.hub_folder, settings.site_folder):
        if target.is_relative_to(inside.absolute()):
            raise BadInput(f"{out} lies inside what is backed up.", advice="Write the backup to another disk.")
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFault(f"{target.parent} can't be made: {error}.", advice="Choose another folder.") from error
    try:
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=settings.data) as staging:
            handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                report = _write(settings, file, passphrase, Path(staging), exports, clock or SystemClock(), scrypt_n)
                file.flush()
                os.fsync(file.fileno())
        unfinished.rename(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise StorageFault(
            f"The backup can't be written: {error}.", advice="Check the disk and its free space."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return report


def _write(
    settings: Settings, file: BinaryIO, passphrase: str, staging: Path, exports: bool, clock: Clock, scrypt_n: int
) -> BackupReport:
    with (
        SealedWriter(file, passphrase, scrypt_n=scrypt_n) as sealed,
        tarfile.open(fileobj=cast(IO[bytes], sealed), mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        packing = _Packing(tar, staging, settings.data)
        log = settings.hub_folder / "log"
        _put_log(packing, log)
        others = [path for path in _files(settings, exports) if not path.is_relative_to(log)]
        if on_server := not settings.hub_database_url.startswith("sqlite"):
            packing.put_server(settings.hub_database_url, packing.name_of(settings.hub_folder / "hub.db"))
            others = [path for path in others if path != settings.hub_folder / "hub.db"]  # of before the move
        databases = [path for path in others if _is_database(path)]
        for path in databases:
            packing.put_database(path)
        for path in others:
            if path not in databases:
                try:
                    packing.put_file(path)
                except FileNotFoundError:
                    continue  # a temporary file of the running processes
        revision = _server_revision() if on_server else _revision(settings)
        words = {
            "format": FORMAT,
            "software": __version__,
            "revision": revision,
            "made_us": clock.now_us(),
            "files": packing.listed,
        }
        listed = dict(packing.listed)
        packing.put_bytes(MANIFEST, json.dumps(words, sort_keys=True, indent=1).encode())
    return BackupReport(len(listed), sum(each["bytes"] for each in listed.values()), revision)


def _put_log(packing: _Packing, log: Path) -> None:
    """The checkpoint as it stood first, then tiles: a tile that grew meanwhile still begins with what the checkpoint signs."""
    try:
        checkpoint = (log / "checkpoint").read_bytes()
    except FileNotFoundError:
        return
    packing.put_bytes(packing.name_of(log / "checkpoint"), checkpoint)
    complete = False
    while not complete:  # a partial tile that went was replaced by a longer one, which the next round finds
        complete = True
        for path in sorted((log / "tile").rglob("*")):
            if packing.name_of(path) not in packing.listed and path.is_file() and path.suffix != ".new":
                try:
                    packing.put_file(path)
                except FileNotFoundError:
                    complete = False


def _files(settings: Settings, exports: bool) -> Iterator[Path]:
    """Every regular file to keep, links left out. Footage, wrapping keys, sockets and half-written files are not kept."""
    settings_file = settings.data / "belvedere.toml"
    if settings_file.is_file():
        yield settings_file
    left_out = {folder.absolute() for folder in settings.footage_folders}
    for footage in settings.footage_folders:
        mark = footage / _DISK_MARK
        if footage.absolute().is_relative_to(settings.site_folder.absolute()) and mark.is_file():
            yield mark
    # Private halves of wrapping keys: a backup must not open footage that was deleted since. See docs/design/keys.md.
    left_out.add((settings.hub_folder / "keys" / "wrapping").absolute())
    left_out |= {(settings.hub_folder / name).absolute() for name in ("making", "jobs")}  # exports in the making, locks
    if not exports:
        left_out.add(settings.exports_folder.absolute())
    for top in (settings.hub_folder, settings.site_folder):
        for folder, inner, names in os.walk(top, followlinks=False):
            here = Path(folder)
            inner[:] = sorted(name for name in inner if (here / name).absolute() not in left_out)
            for name in sorted(names):
                path = here / name
                if path.is_symlink() or not path.is_file() or name.endswith((".new", ".unfinished")):
                    continue
                if not any(name.endswith(side) and (here / name.removesuffix(side)).is_file() for side in _SIDE_FILES):
                    yield path


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except FileNotFoundError:
        return False


def _server_revision() -> str:
    from belvedere.hub.storage.migrate import NEWEST

    return NEWEST  # the snapshot refuses any other


def _revision(settings: Settings) -> str:
    path = settings.hub_folder / "hub.db"
    if not path.exists():
        return ""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        try:
            row = database.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:  # an empty database has no such table
            return ""
    return str(row[0]) if row else ""


def _check_database(database: sqlite3.Connection, path: Path) -> None:
    found = database.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise StorageFault(f"{path.name} is damaged: {found}.", advice="Use an older backup, and check the disk.")


def restore(settings: Settings, archive: Path, passphrase: str) -> BackupReport:
    """Unpack an archive into the data folder of `settings`, which must be empty or missing. All or nothing.

    Raises Conflict when the folder holds anything, BadInput for a wrong passphrase or another kind of file, SealBroken when
    the archive was altered, StorageFault when a database in it is damaged or the disk refuses.
    """
    data = settings.data.absolute()
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise Conflict(f"{settings.data} is not empty.", advice="Restore into a new folder; nothing is overwritten.")
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{data.name}-restore-", dir=data.parent))
    except OSError as error:
        raise StorageFault(f"{settings.data} can't be made: {error}.", advice="Check the folder above it.") from error
    try:
        with archive.open("rb") as file:
            report = _unpack(SealedReader(file, passphrase), staging)
        if data.exists():
            data.rmdir()
        staging.rename(data)
        _sync_folder(data.parent)
    except FileNotFoundError as error:
        raise BadInput(f"There is no file {archive}.", advice="Check the path.") from error
    except OSError as error:
        raise StorageFault(
            f"The backup can't be restored: {error}.", advice="Check the disk and its free space."
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return report


def _unpack(sealed: SealedReader, staging: Path) -> BackupReport:
    found: dict[str, dict[str, Any]] = {}
    manifest: dict[str, Any] | None = None
    try:
        with tarfile.open(fileobj=cast(IO[bytes], sealed), mode="r|") as tar:
            for entry in tar:
                content = tar.extractfile(entry) if entry.isreg() else None
                if content is None or not _is_plain(entry.name):
                    raise SealBroken(
                        f"The backup holds {entry.name!r}, which does not belong in one.", advice="Don't use it."
                    )
                if entry.name == MANIFEST:
                    manifest = json.loads(content.read())
                else:
                    found[entry.name] = _extract(content, staging / entry.name)
        while sealed.read(_READ):  # the last chunk must open too
            pass
    except (tarfile.TarError, ValueError) as error:
        raise SealBroken("The backup's contents can't be read.", advice="Use another copy of it.") from error
    if manifest is None or manifest.get("files") != found:
        raise SealBroken("The backup's files are not those of its manifest.", advice="Use another copy of it.")
    if manifest["format"] != FORMAT:
        raise BadInput(f"This backup has format {manifest['format']}.", advice="Restore it with a newer Belvedere.")
    for name in found:
        path = staging / name
        if _is_database(path):
            with closing(sqlite3.connect(path)) as database:
                try:
                    _check_database(database, path)
                except sqlite3.DatabaseError as error:
                    raise StorageFault(f"{name} is damaged: {error}.", advice="Use an older backup.") from error
    return BackupReport(len(found), sum(each["bytes"] for each in found.values()), str(manifest["revision"]))


def _is_plain(name: str) -> bool:
    """Whether a name stays inside the folder it is unpacked in."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _extract(content: IO[bytes], path: Path) -> dict[str, Any]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    sha256, size = hashlib.sha256(), 0
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        while data := content.read(_READ):
            file.write(data)
            sha256.update(data)
            size += len(data)
        file.flush()
        os.fsync(file.fileno())
    return {"bytes": size, "sha256": sha256.hexdigest()}


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
