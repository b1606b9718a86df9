"""Passkeys; sessions bound to a browser; several roles a person, with attributes."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "passkey",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("credential_id", sa.String(1400), nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("synced", sa.Boolean, nullable=False),
        sa.Column("added_us", sa.BigInteger, nullable=False),
        sa.Column("used_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_passkey"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_passkey_account_id", ondelete="CASCADE"),
        sa.UniqueConstraint("credential_id", name="uq_passkey_credential_id"),
    )
    op.create_index("ix_passkey_account_id", "passkey", ["account_id"])
    for name, length in (("device_hash", 64), ("agent", 64), ("passkey_id", 64)):
        op.add_column("session", sa.Column(name, sa.String(length), nullable=False, server_default=""))
    for name in ("more_roles", "sites", "shifts"):
        op.add_column("account", sa.Column(name, sa.JSON, nullable=False, server_default="[]"))
    for name in ("trained_us", "spss_expires_us"):
        op.add_column("account", sa.Column(name, sa.BigInteger, nullable=True))
    op.add_column("account", sa.Column("spss_number", sa.String(64), nullable=False, server_default=""))
