"""Engine, tables and migrations."""

from belvedere.hub.storage.engine import open_engine, reading, writing
from belvedere.hub.storage.migrate import NEWEST, revision_of, upgrade

__all__ = ["NEWEST", "open_engine", "reading", "revision_of", "upgrade", "writing"]
