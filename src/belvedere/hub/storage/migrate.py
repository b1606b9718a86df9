"""Bringing a database to the newest schema. Alembic does the work; the revisions lie in this package."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from belvedere.foundation.errors import Conflict
from belvedere.hub.storage.engine import reading, writing

_FOLDER = Path(__file__).parent / "migrations"
_POSTGRES_LOCK = 0x62656C76  # any constant: two hubs starting at once wait for each other here


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def newest_revision() -> str:
    """The revision that this version of the software writes."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def revision_of(engine: Engine) -> str:
    """The revision of a database, "" when it is empty."""
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database to `revision`, all or nothing. Raises Conflict when a newer Belvedere wrote it."""
    config = _config()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
        current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in known:
            raise Conflict(
                f"The database is of revision {current}, which this version does not know.",
                advice="Start the newer Belvedere that wrote it, or restore a backup made by this version.",
            )
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
