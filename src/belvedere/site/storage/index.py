"""The site index: one SQLite file, one writing process, many reading threads."""

import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import StorageFault
from belvedere.site.storage.reserve import Reserve

# Version of schema.sql. Every table since came with a file of its own in migrations/, and `migration` names those applied.
VERSION = 2
MAX_SEGMENT_US = 900_000_000  # also a CHECK in schema.sql, and the width of the range in queries.sql

_PRAGMAS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA secure_delete = ON;
PRAGMA foreign_keys = ON;
PRAGMA busy_timeout = 5000;
"""


def _text(name: str) -> str:
    return (files("belvedere.site.storage") / name).read_text("utf-8")


@cache
def statements() -> Mapping[str, str]:
    """The named statements of queries.sql."""
    parts = re.split(r"^-- name: (\w+)\n", _text("queries.sql"), flags=re.MULTILINE)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


def _migrations() -> list[str]:
    """Names of the migrations, in the order in which they are applied."""
    folder = files("belvedere.site.storage") / "migrations"
    return sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))


def newest_migration() -> int:
    """The number of the newest migration that this software knows."""
    return int(_migrations()[-1][:4])


def readers(text: str) -> int:
    """The oldest software that works with the index after a migration, as its first line says (`-- readers: 0017`); 0: none."""
    found = re.match(r"-- readers: (\d{4})\n", text)
    return int(found[1]) if found else 0


class Index:
    """Transactions on the site index. Thread-safe: writers take turns, each thread reads on its own connection.

    Invariant: `synchronous=FULL`, so that a committed row survives a power cut, and `secure_delete=ON`, so that a dropped
    key is gone from the file's pages (and from the log after `forget`).
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        """Open, and make or migrate, the index at `path`. Raises StorageFault when it can't be used."""
        self.path = path
        self.reserve: Reserve | None = None  # given up when a write fails on a full disk; who serves a site sets it
        self._clock = clock
        self._lock = threading.RLock()
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect()
            # Numbers made in SQL and in Python are never the same.
            self._writer.create_function("next_id", 1, self.next_id)
            self._upgrade()
            self._next = {
                table: int(seq) + 1
                for table, seq in self._writer.execute("SELECT name, seq FROM sqlite_sequence").fetchall()
            }
        except (sqlite3.Error, OSError) as error:
            raise StorageFault(
                f"The site index {path} can't be used: {error}.",
                advice="Check the disk it is on; restore it from a backup if it is damaged.",
            ) from error

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        connection.executescript(_PRAGMAS)
        return connection

    def _upgrade(self) -> None:
        version = int(self._writer.execute("PRAGMA user_version").fetchone()[0])
        if version > VERSION:
            raise StorageFault(
                f"The site index is of version {version}; this software knows versions up to {VERSION}.",
                advice="Start the newer version of Belvedere that wrote it.",
            )
        if version == 0:
            self._script(f"{_text('schema.sql')}; PRAGMA user_version = {VERSION}")
        names = _migrations()
        self._writer.execute("CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID")
        done = {row[0] for row in self._writer.execute("SELECT name FROM migration")}
        if unknown := self._unreadable(done - set(names), newest_migration()):
            raise StorageFault(
                f"The site index was changed by newer software ({', '.join(sorted(unknown))}).",
                advice="Start the newer version of Belvedere that wrote it.",
            )
        for name in names:
            number = int(name[:4])
            if number <= VERSION:
                if 0 < version < number:
                    self._script(f"{_text(f'migrations/{name}')}; PRAGMA user_version = {number}")
            elif name not in done:
                text = _text(f"migrations/{name}")
                reader = f"INSERT INTO migration_reader VALUES ('{name}', {since})" if (since := readers(text)) else ""
                self._script(f"{text}; INSERT INTO migration VALUES ('{name}'); {reader}")

    def _unreadable(self, unknown: set[str], newest: int) -> set[str]:
        """Of migrations that this software does not know, those that did not say that it may work with the index."""
        if not unknown:
            return unknown
        known = self._writer.execute("SELECT name FROM sqlite_master WHERE name = 'migration_reader'").fetchone()
        said = dict(self._writer.execute("SELECT name, since FROM migration_reader").fetchall()) if known else {}
        return {name for name in unknown if said.get(name, newest + 1) > newest}

    def _script(self, script: str) -> None:
        """Run a schema script in one transaction."""
        try:
            self._writer.executescript(f"BEGIN IMMEDIATE; {script}; COMMIT;")
        except sqlite3.Error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def next_id(self, table: str) -> int:
        """A number never used before as the key of `table`, also not by a row that is gone."""
        with self._lock:
            number = self._next.get(table, 1)
            self._next[table] = number + 1
            return number

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, durable on return. Rolled back when the body raises. Raises StorageFault when SQLite does.

        Inside another one of the same thread it is part of that: durable with it, or undone with it.
        """
        with self._lock:
            nested: bool = self._writer.in_transaction
            if nested:
                yield self._writer
                return
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    yield self._writer
                except BaseException:
                    self._writer.execute("ROLLBACK")
                    raise
                self._writer.execute("COMMIT")
            except sqlite3.Error as error:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                if self.reserve is not None:
                    self.reserve.ease()
                raise StorageFault(
                    f"The site index could not be written: {error}.", advice="Check the disk that it is on."
                ) from error

    def read(self) -> sqlite3.Connection:
        """This thread's reading connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            with self._lock:
                if self._closed:
                    raise StorageFault("The site index is closed.", advice="The site is stopping; ask again later.")
                connection = self._local.connection = self._connect()
                connection.execute("PRAGMA query_only = ON")
                self._readers.append(connection)
        return connection

    def forget(self) -> bool:
        """Empty the write-ahead log, so that nothing deleted can be read from it. False: a reader is in the way, ask again."""
        with self._lock:
            return not self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]

    def rebuild(self) -> None:
        """Write the whole file anew, so that no page of before is left in it. For a box that is disposed of."""
        with self._lock:
            try:
                self._writer.execute("VACUUM")
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:
                raise StorageFault(
                    f"The site index could not be rebuilt: {error}.", advice="Check the disk that it is on."
                ) from error

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for connection in [*self._readers, self._writer]:
                connection.close()
