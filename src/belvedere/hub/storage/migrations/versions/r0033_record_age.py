"""Records of sites end with their time: how far each lane was dropped, so that what is gone by age is not taken for lost."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("site_mark", sa.Column("dropped_seq", sa.BigInteger, nullable=False, server_default="1"))
