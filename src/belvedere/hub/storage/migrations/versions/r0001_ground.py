"""Sites, cameras, accounts, sessions, grants and the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "site",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_site"),
    )
    op.create_table(
        "camera",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("site_id", sa.String(48), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("lat", sa.Float(53), nullable=True),
        sa.Column("lon", sa.Float(53), nullable=True),
        sa.Column("bearing_deg", sa.Float(53), nullable=True),
        sa.Column("fov_deg", sa.Float(53), nullable=True),
        sa.Column("range_m", sa.Float(53), nullable=True),
        sa.Column("height_m", sa.Float(53), nullable=True),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("changed_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_camera"),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name="fk_camera_site_id"),
    )
    op.create_index("ix_camera_site_id", "camera", ["site_id"])
    op.create_table(
        "account",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("display", sa.Text, nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("code_expires_us", sa.BigInteger, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("name", name="uq_account_name"),
    )
    op.create_table(
        "session",
        sa.Column("id_hash", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("used_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.Column("by_code", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id_hash", name="pk_session"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_session_account_id", ondelete="CASCADE"),
    )
    op.create_index("ix_session_account_id", "session", ["account_id"])
    op.create_index("ix_session_expires_us", "session", ["expires_us"])
    op.create_table(
        "access_grant",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("case_ref", sa.Text, nullable=False),
        sa.Column("issued_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.Column("ended_us", sa.BigInteger, nullable=True),
        sa.Column("wire", sa.LargeBinary, nullable=False),
        sa.Column("audit_index", sa.BigInteger, nullable=False),
        sa.Column("session_key", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_grant"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_access_grant_account_id"),
    )
    op.create_index("ix_access_grant_account_id_expires_us", "access_grant", ["account_id", "expires_us"])
    op.create_table(
        "audit_entry",
        sa.Column("index", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(48), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("salt", sa.LargeBinary, nullable=True),
        sa.Column("body", sa.Text, nullable=True),
        sa.Column("entry_hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("index", name="pk_audit_entry"),
    )
    op.create_index("ix_audit_entry_account_id_index", "audit_entry", ["account_id", "index"])
