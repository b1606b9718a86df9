"""Retention: classes of cameras, holds, decisions, certificates of deletion."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retention_class",
        sa.Column("name", sa.String(48), nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_retention_class"),
    )
    op.create_table(
        "camera_class",
        sa.Column("camera", sa.String(48), nullable=False),
        sa.Column("class_name", sa.String(48), nullable=False),
        sa.PrimaryKeyConstraint("camera", name="pk_camera_class"),
        sa.ForeignKeyConstraint(
            ["class_name"], ["retention_class.name"], name="fk_camera_class_class_name_retention_class"
        ),
    )
    op.create_table(
        "hold",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("cameras", sa.JSON, nullable=False),
        sa.Column("from_us", sa.BigInteger, nullable=False),
        sa.Column("to_us", sa.BigInteger, nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("placed_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.Column("ended_us", sa.BigInteger, nullable=True),
        sa.Column("ended_why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hold"),
    )
    op.create_index("ix_hold_ended_us", "hold", ["ended_us"])
    op.create_table(
        "retention_decision",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("night", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("hold_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_retention_decision"),
    )
    op.create_index("ix_retention_decision_at_us", "retention_decision", ["at_us"])
    op.create_table(
        "retention_revision",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_retention_revision"),
    )
    op.create_table(
        "certificate",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("site", sa.String(48), nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.Column("last_line", sa.BigInteger, nullable=False),
        sa.Column("cameras", sa.Integer, nullable=False),
        sa.Column("segments", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("from_us", sa.BigInteger, nullable=False),
        sa.Column("to_us", sa.BigInteger, nullable=False),
        sa.Column("whys", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_certificate"),
    )
    op.create_index("ix_certificate_made_us", "certificate", ["made_us"])
