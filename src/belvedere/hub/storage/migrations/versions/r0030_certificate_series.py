"""Certificates of destruction say which count of their site they go on: a replaced box begins another one."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("certificate", sa.Column("series", sa.String(16), nullable=False, server_default=""))
