"""Rows of any table as plain values, in streams of bounded memory: for moving a hub's database, exporting and snapshotting it.

A value is what both engines keep alike: int, float, bool, str, bytes or None. JSON columns are their text, letter by letter.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import JSON, Column, Connection, Table, Text, cast, func, inspect, select, text

from belvedere.foundation.errors import StorageFault
from belvedere.hub.storage.days import is_part
from belvedere.hub.storage.metadata import METADATA

Row = Sequence[Any]
_AT_ONCE = 2000  # rows in memory
_IN_ONE = 50  # rows of one statement on SQLite
_ALL = (1 << 256) - 1
_BOOKKEEPING = {"alembic_version", "sqlite_sequence"}


def every_table() -> list[Table]:
    """The hub's tables, each after those that it refers to. All rooms must have been loaded (`belvedere.hub.app`)."""
    return METADATA.sorted_tables


def strangers(connection: Connection) -> list[str]:
    """Tables that are in the database and not the hub's."""
    known = {table.name for table in every_table()} | _BOOKKEEPING
    return sorted(name for name in inspect(connection).get_table_names() if name not in known and not is_part(name))


def read_rows(connection: Connection, table: Table, *, in_order: bool = False) -> Iterator[list[Row]]:
    """All rows in portions, columns as in `table.columns`; `in_order`: by primary key, as the engine sorts."""
    query = select(*(_plain(column) for column in table.columns))
    if in_order:
        query = query.order_by(*table.primary_key.columns)
    options = {"stream_results": True, "yield_per": _AT_ONCE}
    with connection.execute(query, execution_options=options) as found:
        for portion in found.partitions():
            yield [tuple(row) for row in portion]


def _plain(column: "Column[Any]") -> Any:
    return cast(column, Text).label(column.name) if isinstance(column.type, JSON) else column


def count_rows(connection: Connection, table: Table) -> int:
    """How many rows a table has."""
    return int(connection.scalar(select(func.count()).select_from(table)) or 0)


@dataclass(slots=True)
class Content:
    """What a table holds, whatever the order of its rows: their number and the sum of their SHA-256 hashes modulo 2^256.

    It finds mistakes, not forgers: who may write the database can also write this.
    """

    rows: int = 0
    total: int = 0

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows in."""
        for row in rows:
            self.rows += 1
            digest = hashlib.sha256(msgspec.json.encode(row)).digest()
            self.total = (self.total + int.from_bytes(digest, "big")) & _ALL

    @property
    def sha256(self) -> str:
        return f"{self.total:064x}"


def content_of(connection: Connection, table: Table) -> Content:
    """The content of a table, read anew."""
    found = Content()
    for rows in read_rows(connection, table):
        found.add(rows)
    return found


def put_rows(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Add many rows within a transaction: COPY on PostgreSQL, statements of fifty rows on SQLite.

    Python's driver lets other threads run at each statement: row by row, a busy process would wait for its turn each time.

    Columns as in `table.columns`. Raises StorageFault when the database does not take one.
    """
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    if connection.dialect.name != "postgresql":
        many = rows if isinstance(rows, list) else list(rows)
        words, marks = f'INSERT INTO "{table.name}" ({names}) VALUES ', f"({', '.join('?' for _ in table.columns)})"
        whole = len(many) // _IN_ONE * _IN_ONE
        for at in range(0, whole, _IN_ONE):
            values = tuple(chain.from_iterable(many[at : at + _IN_ONE]))
            connection.exec_driver_sql(words + ", ".join([marks] * _IN_ONE), values)
        if many[whole:]:
            connection.exec_driver_sql(words + marks, many[whole:])
        return
    import psycopg

    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    copying = f'COPY "{table.name}" ({names}) FROM STDIN'.encode()
    try:
        with driver.cursor() as cursor, cursor.copy(copying) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        raise StorageFault(
            f"The table {table.name} does not take a row: {str(error).splitlines()[0]}.",
            advice="Nothing was changed. Correct that row, or tell who looks after this software.",
        ) from error


def settle_numbers(connection: Connection, table: Table) -> None:
    """Have the database go on after the highest number it gave, once rows came with theirs. Within a transaction."""
    column = table.autoincrement_column
    if connection.dialect.name != "postgresql" or column is None:
        return
    place = connection.scalar(
        text("SELECT pg_get_serial_sequence(:name, :column)"), {"name": f'"{table.name}"', "column": column.name}
    )
    highest = connection.scalar(select(func.max(column)))
    if place is not None and highest is not None:
        connection.execute(
            text("SELECT setval(CAST(:place AS regclass), :highest)"), {"place": place, "highest": highest}
        )
