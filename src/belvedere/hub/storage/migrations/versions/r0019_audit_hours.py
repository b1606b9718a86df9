"""Counts of log entries by hour, so that a picture of years reads hours, not entries. The log is indexed anew for them."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_hour",
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("hour_us", sa.BigInteger, nullable=False),
        sa.Column("entries", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.BigInteger, nullable=False),
        sa.Column("first_index", sa.BigInteger, nullable=False),
        sa.Column("last_index", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("subject", "name", "hour_us", name="pk_audit_hour"),
    )
    op.execute("DELETE FROM audit_about")
    op.execute("DELETE FROM audit_about_position")
