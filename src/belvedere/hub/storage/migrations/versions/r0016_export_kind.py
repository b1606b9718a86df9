"""An export is evidence, or a masked working copy."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("export") as table:
        table.add_column(sa.Column("kind", sa.String(16), nullable=False, server_default="evidence"))
