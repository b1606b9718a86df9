"""Which account at the council's provider belongs to which account here; sessions opened by one."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "council_account",
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("bound_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "account_id", name="pk_council_account"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_council_account_account_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("issuer", "subject", name="uq_council_account_issuer_subject"),
    )
    op.add_column("session", sa.Column("by_council", sa.Boolean, nullable=False, server_default=sa.false()))
