"""Retention and configuration of many sites: whom a decision is for, what each site said last, signed configuration documents."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("retention_decision", sa.Column("site_id", sa.String(48), nullable=False, server_default=""))
    op.create_table(
        "retention_told",
        sa.Column("site_id", sa.String(48), primary_key=True),
        sa.Column("heard_us", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "site_configuration",
        sa.Column("site_id", sa.String(48), primary_key=True),
        sa.Column(
            "version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False
        ),
        sa.Column("issued_us", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("taken_us", sa.BigInteger(), nullable=True),
    )
