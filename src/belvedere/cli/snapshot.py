"""One moment of a hub's PostgreSQL database as a SQLite file of the same schema, compared table by table.

A backup of such a hub then looks like any other and is restored by any Belvedere, whatever the PostgreSQL servers' versions are
(a pg_dump refuses a server that is newer than itself, and its files want a matching pg_restore).
"""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

import belvedere.hub.app  # noqa: F401 (all rooms' tables hang on the metadata now)
from belvedere.foundation.errors import Conflict, StorageFault
from belvedere.hub.storage.engine import open_engine, writing
from belvedere.hub.storage.migrate import NEWEST, revision_of, upgrade
from belvedere.hub.storage.rows import Content, content_of, every_table, put_rows, read_rows


def snapshot(url: str, path: Path) -> int:
    """Write the new SQLite file `path` from the database at `url`, which goes on serving; how many rows.

    Raises Conflict when the database is of another version, StorageFault when it can't be read or the copy differs.
    """
    source, target = open_engine(url), open_engine(f"sqlite:///{path}")
    rows = 0
    try:
        if (found := revision_of(source)) != NEWEST:
            raise Conflict(
                f"The database is of revision {found or 'none'}, this version writes {NEWEST}.",
                advice="Start this version of Belvedere once, or back up with the one that runs.",
            )
        upgrade(target)
        with source.connect().execution_options(isolation_level="REPEATABLE READ") as here, writing(target) as there:
            here.execute(text("SET TRANSACTION READ ONLY"))  # one moment for all tables; holds nobody up
            there.execute(text("DELETE FROM purpose"))  # the migrations wrote some
            for table in every_table():
                content = Content()
                for portion in read_rows(here, table):
                    content.add(portion)
                    put_rows(there, table, portion)
                copied = content_of(there, table)
                if (copied.rows, copied.total) != (content.rows, content.total):
                    raise StorageFault(f"The table {table.name} is another after the copy.", advice="Run it again.")
                rows += content.rows
        with target.connect() as connection:  # no side files: this one is copied whole
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
                "PRAGMA wal_checkpoint(TRUNCATE)"
            )
    except SQLAlchemyError as error:
        raise StorageFault(
            f"The hub's database can't be read: {str(error.__cause__ or error).splitlines()[0]}.",
            advice="Check that the PostgreSQL server answers; then run it again.",
        ) from error
    finally:
        source.dispose()
        target.dispose()
    return rows
