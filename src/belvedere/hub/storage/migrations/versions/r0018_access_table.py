"""Which action table counted since when, so that a change of it is told and not merely felt."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_table",
        sa.Column("since_us", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("before", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("since_us", name="pk_access_table"),
    )
