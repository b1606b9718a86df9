"""Moving a hub's database from SQLite to PostgreSQL: copied, compared, checked against the log, and only then committed.

All of it is one transaction at the target: whatever goes wrong, the target is as empty as before and the command can be run again.
The source is opened read-only.
"""

import fcntl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, Table, create_engine, func, select, text
from sqlalchemy.exc import SQLAlchemyError

import belvedere.hub.app  # noqa: F401 (all rooms' tables hang on the metadata now)
from belvedere.foundation.clock import DAY_US, Clock
from belvedere.foundation.errors import BadInput, Conflict, StorageFault
from belvedere.foundation.settings import Settings
from belvedere.hub.access.keys import signing_key_file
from belvedere.hub.storage.days import DAILY, add_days, keep_ahead
from belvedere.hub.storage.engine import open_engine, reading, writing
from belvedere.hub.storage.metadata import audit_entry
from belvedere.hub.storage.migrate import NEWEST, revision_of, upgrade
from belvedere.hub.storage.rows import (
    Content,
    Row,
    content_of,
    count_rows,
    every_table,
    put_rows,
    read_rows,
    settle_numbers,
    strangers,
)
from belvedere.tlog.check import Known, KnownRecord, LogFolder, LogReport, check_log
from belvedere.tlog.checkpoint import open_checkpoint

# Where SQLite keeps its locks in a database file, https://www.sqlite.org/fileformat2.html#the_lock_byte_page
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510
_PAGE = 1000
_SEEDED = ("purpose",)  # tables in which the migrations themselves write rows

Told = Callable[[str, int], None]  # what is being done, and how many rows of it more are done


@dataclass(frozen=True, slots=True)
class Moved:
    """One table as both sides have it."""

    table: str
    rows: int
    sha256: str  # see `storage.rows.Content`


@dataclass(frozen=True, slots=True)
class MoveReport:
    """What was moved. `log`: what the log's verifier found, read from the new database. `left`: tables that are not the hub's."""

    tables: tuple[Moved, ...]
    log: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def rows(self) -> int:
        return sum(each.rows for each in self.tables)


def source_file(settings: Settings) -> Path:
    """The SQLite database of a data folder. Raises BadInput when it has none."""
    path = settings.hub_folder / "hub.db"
    if not path.is_file():
        raise BadInput(
            f"There is no SQLite database of a hub in {settings.data}.", advice="Give its folder with --from."
        )
    return path


def require_alone(path: Path) -> None:
    """Raises Conflict while any process has the database open: an open connection in WAL mode holds a shared lock on the file."""
    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
        except OSError as error:
            raise Conflict(
                f"Something has {path} open: the hub runs, or a tool does.",
                advice="Stop Belvedere (`systemctl stop belvedere-hub`, or Ctrl-C), then run this again.",
            ) from error


def rows_to_move(settings: Settings) -> int:
    """How many rows there are, for a progress bar."""
    source = _read_only(source_file(settings))
    try:
        with reading(source) as connection:
            return sum(count_rows(connection, table) for table in every_table())
    finally:
        source.dispose()


def _read_only(path: Path) -> Engine:
    """SQLite that reads; its transactions are begun by hand, because the driver begins none for a SELECT."""
    address = f"sqlite:///file:{path.absolute()}?mode=ro&uri=true"
    return create_engine(address, connect_args={"timeout": 10, "isolation_level": None})


def move(settings: Settings, url: str, clock: Clock, told: Told = lambda what, rows: None) -> MoveReport:
    """Copy the hub's SQLite database of `settings` into the empty PostgreSQL database at `url`, and check the copy.

    Raises Conflict when the hub runs, when the source is of another version or changed meanwhile, or when the target holds rows;
    BadInput for no or a wrong address; StorageFault when a row is not taken or the copy differs. No row is left behind then.
    """
    path, target = source_file(settings), open_engine(url)
    if target.dialect.name != "postgresql":
        raise BadInput("That is no PostgreSQL address.", advice="Write --to postgresql://USER@HOST/NAME.")
    require_alone(path)
    source = _read_only(path)
    try:
        if (found := revision_of(source)) != NEWEST:
            raise Conflict(
                f"The SQLite database is of revision {found or 'none'}, this version writes {NEWEST}.",
                advice="Start this version of Belvedere on it once and stop it; then it is of this revision.",
            )
        _prepare(target)
        with source.connect() as here, writing(target) as there:
            here.exec_driver_sql("BEGIN")
            before = here.scalar(text("PRAGMA data_version"))
            report = _copy(settings, here, there, told)
            here.exec_driver_sql("COMMIT")
            if here.scalar(text("PRAGMA data_version")) != before:
                raise Conflict("The hub was started meanwhile.", advice="Stop it and run this again.")
        keep_ahead(target, clock)
        return report
    except SQLAlchemyError as error:
        raise StorageFault(
            f"The database can't be moved: {str(error.__cause__ or error).splitlines()[0]}.",
            advice="Check the address, the account's rights and the disk; then run this again.",
        ) from error
    finally:
        source.dispose()
        target.dispose()


def _prepare(target: Engine) -> None:
    """Make the schema in a target that holds nothing. Raises Conflict when it holds something."""
    with reading(target) as connection:
        others = strangers(connection)
    if others:
        raise Conflict(
            f"The PostgreSQL database has tables of something else: {', '.join(others[:5])}.",
            advice="Make a database for the hub alone: createdb belvedere.",
        )
    upgrade(target)
    with reading(target) as connection:
        full = [table.name for table in every_table() if table.name not in _SEEDED and count_rows(connection, table)]
    if full:
        raise Conflict(
            f"The PostgreSQL database is not empty: {', '.join(full[:5])} hold rows.",
            advice="Move into a new database; nothing is overwritten.",
        )


def _copy(settings: Settings, here: Connection, there: Connection, told: Told) -> MoveReport:
    there.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    moved = []
    for name in _SEEDED:
        there.execute(text(f"DELETE FROM {name}"))
    for table in every_table():
        if table.name in DAILY:
            column = table.c[DAILY[table.name]]
            for day in here.scalars(select(column // DAY_US).distinct()).all():
                add_days(there, table.name, int(day) * DAY_US, int(day) * DAY_US)
        content = Content()
        put_rows(there, table, _passing(here, table, content, told))
        settle_numbers(there, table)
        copied = content_of(there, table)
        if (copied.rows, copied.total) != (content.rows, content.total):
            raise StorageFault(
                f"The table {table.name} is another after the copy: {content.rows} rows there, {copied.rows} here.",
                advice="Nothing was kept. Run this again, and report it when it comes again.",
            )
        moved.append(Moved(table.name, content.rows, content.sha256))
    report = check_rows(settings, there, told)
    if not report.valid:
        raise StorageFault(
            f"The audit log does not hold: {report.problem}",
            advice="Nothing was kept. Run `belvedere audit verify`, and tell the data protection officer.",
        )
    return MoveReport(tuple(moved), tuple(report.facts), tuple(strangers(here)))


def _passing(here: Connection, table: Table, content: Content, told: Told) -> Iterator[Row]:
    for rows in read_rows(here, table):
        content.add(rows)
        yield from rows
        told(table.name, len(rows))


def check_rows(settings: Settings, connection: Connection, told: Told = lambda what, rows: None) -> LogReport:
    """Check the log's files with the product's verifier against what every entry says in the database of `connection`."""
    folder = settings.hub_folder / "log"
    if not (folder / "checkpoint").is_file():
        if not count_rows(connection, audit_entry):
            return LogReport(facts=["The log is empty."])
        return LogReport(problem="There are entries, and no checkpoint in the log's folder.")
    raw = signing_key_file(settings).read_bytes()
    public_key = Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()
    size = open_checkpoint((folder / "checkpoint").read_bytes(), public_key).size
    # Rows beyond the checkpoint are those of a hub that was killed; it enters them in the tree when it starts.
    return check_log(LogFolder(folder), public_key, Known(records=_Records(connection, size)))


class _Records(Mapping[int, KnownRecord]):
    """What entries below `size` said, read in pages as the verifier walks from the first to the last. Erased ones are not in it."""

    def __init__(self, connection: Connection, size: int) -> None:
        self._connection = connection
        self._size = size
        self._first = -1
        self._page: dict[int, KnownRecord] = {}

    def __getitem__(self, index: int) -> KnownRecord:
        first = index - index % _PAGE
        if first != self._first:
            column = audit_entry.c.index
            query = select(column, audit_entry.c.salt, audit_entry.c.body).where(
                column >= first, column < min(first + _PAGE, self._size), audit_entry.c.body.is_not(None)
            )
            self._page = {
                row[0]: KnownRecord(row[0], row[1] or b"", row[2].encode()) for row in self._connection.execute(query)
            }
            self._first = first
        return self._page[index]

    def __iter__(self) -> Iterator[int]:
        query = select(audit_entry.c.index).where(audit_entry.c.index < self._size, audit_entry.c.body.is_not(None))
        return iter(self._connection.scalars(query.order_by(audit_entry.c.index)))

    def __len__(self) -> int:
        query = select(func.count()).where(audit_entry.c.index < self._size, audit_entry.c.body.is_not(None))
        return int(self._connection.scalar(query) or 0)
