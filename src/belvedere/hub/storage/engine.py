"""Opening the hub's database: SQLite in the data folder, or PostgreSQL when the settings name one."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from belvedere.foundation.errors import BadSettings

_BUSY_MS = 10_000
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # NORMAL loses acknowledged rows on a power cut
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",  # what is deleted can't be read back from the file
    f"PRAGMA busy_timeout={_BUSY_MS}",
    "PRAGMA trusted_schema=OFF",
)
_WRITES = "belvedere_writes"
_TURNS = "belvedere_turns"


class Turns:
    """Who writes to one SQLite file next: the threads of this process, in the order in which they came.

    Left to itself SQLite has each look again after ever longer pauses, so that one may wait behind many that came later.
    """

    def __init__(self, patience_s: float = _BUSY_MS / 1000) -> None:
        self._patience_s = patience_s
        self._lock = threading.Lock()
        # Invariant: while `_taken`, who has the turn gives it to the first in `_queue`, by letting go of what it waits for.
        self._taken = False
        self._queue: deque[threading.Lock] = deque()

    @contextmanager
    def turn(self, *, urgent: bool = False) -> Iterator[None]:
        """Have the turn, or the patience over: SQLite then says itself that the database is busy.

        `urgent`: the next one. Whoever asks so again and again has every second turn, and nobody starves.
        """
        mine = self._take(urgent)
        try:
            yield
        finally:
            if mine:
                self._give()

    def _take(self, urgent: bool) -> bool:
        waits = threading.Lock()
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            waits.acquire()
            if urgent:
                self._queue.appendleft(waits)
            else:
                self._queue.append(waits)
        if waits.acquire(timeout=self._patience_s):
            return True
        with self._lock:
            if waits not in self._queue:
                return True  # it was given just now
            self._queue.remove(waits)
            return False

    def _give(self) -> None:
        with self._lock:
            if self._queue:
                self._queue.popleft().release()
            else:
                self._taken = False


class _Pool(QueuePool):
    """Connections for a file or a server. Once disposed of it keeps none: what a thread gives back later is closed then.

    A hub that ends waits for no thread that is in the middle of a question; its connection would stay open until collected.
    """

    _disposed = False

    def dispose(self) -> None:
        self._disposed = True
        super().dispose()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        if self._disposed:
            super().dispose()


def open_engine(url: str) -> Engine:
    """An engine for `url`, thread-safe. Raises BadSettings when it is not a usable SQLAlchemy address."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BadSettings(
            "The database address can't be understood.",
            advice="Write sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME as hub.database_url.",
        ) from error
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _open_sqlite(url, parsed.database)
    if backend == "postgresql":
        if parsed.drivername == "postgresql":  # as everybody else writes it
            parsed = parsed.set(drivername="postgresql+psycopg")
        try:
            # postgresql:// without a driver's name means the same.
            return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, poolclass=_Pool)
        except ModuleNotFoundError as error:
            raise BadSettings(
                f"The PostgreSQL driver {error.name} is not installed.", advice="Install belvedere[postgres]."
            ) from error
    raise BadSettings(f"Databases of kind {backend} are not supported.", advice="Use SQLite or PostgreSQL.")


def shown_address(url: str) -> str:
    """A database's address with its password hidden, to be shown to people."""
    return make_url(url).render_as_string(hide_password=True)


def _open_sqlite(url: str, database: str | None) -> Engine:
    pool = None  # one in memory has a connection a thread
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        pool = _Pool
    options = {_TURNS: Turns()}
    engine = create_engine(url, connect_args={"timeout": _BUSY_MS / 1000}, execution_options=options, poolclass=pool)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own transactions would start too late; see `begin` below
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later would fail with "database is locked" and no waiting.
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads: one consistent view of the database."""
    with engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine, *, urgent: bool = False) -> Iterator[Connection]:
    """A transaction that may write; durable when the block ends, undone when it raises. Waits for other writers.

    `urgent`: is next on SQLite, see `Turns`.
    """
    turns = engine.get_execution_options().get(_TURNS)
    with (
        turns.turn(urgent=urgent) if turns is not None else nullcontext(),  # before a connection is taken from the pool
        engine.connect().execution_options(**{_WRITES: True}) as connection,
        connection.begin(),
    ):
        yield connection
