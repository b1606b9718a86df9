"""Bringing a database to the newest schema. Alembic does the work; the revisions lie in this package."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from belvedere.foundation.errors import Conflict
from belvedere.hub.storage.engine import reading, writing

if TYPE_CHECKING:
    from alembic.config import Config

# The revision that this version of the software writes. A test holds it equal to the last file in `versions`.
NEWEST = "0034"
_FOLDER = Path(__file__).parent / "migrations"
_POSTGRES_LOCK = 0x62656C76  # any constant: two hubs starting at once wait for each other here


def alembic_config() -> "Config":
    """Where Alembic finds the revisions."""
    from alembic.config import Config  # here, because it takes longer to load than most starts have use for it

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def revision_of(engine: Engine) -> str:
    """The revision of a database, "" when it is empty."""
    with reading(engine) as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.scalar(text("SELECT version_num FROM alembic_version")) or "")


def upgrade(engine: Engine, revision: str = NEWEST) -> None:
    """Bring the database to `revision`, all or nothing. Raises Conflict when a newer Belvedere wrote it."""
    if revision_of(engine) == revision:
        return
    from alembic import command
    from alembic.script import ScriptDirectory

    config = alembic_config()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
        current = _revision(connection)
        if current and current not in known:
            raise Conflict(
                f"The database is of revision {current}, which this version does not know.",
                advice="Start the newer Belvedere that wrote it, or restore a backup made by this version.",
            )
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
