"""The log can be searched: by kind, by time, and by what its entries are about."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_audit_entry_kind_index", "audit_entry", ["kind", "index"])
    op.create_index("ix_audit_entry_time_us_kind_index", "audit_entry", ["time_us", "kind", "index"])
    op.create_table(
        "audit_about",
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("index", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("subject", "name", "index", name="pk_audit_about"),
    )
    op.create_index("ix_audit_about_index", "audit_about", ["index"])
    op.create_table(
        "audit_about_position",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("next_index", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_about_position"),
    )
