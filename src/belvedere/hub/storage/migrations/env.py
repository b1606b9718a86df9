"""Run by Alembic: brings the connection that `migrate.upgrade` hands over to the revision asked for."""

from alembic import context

from belvedere.hub.storage.metadata import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
