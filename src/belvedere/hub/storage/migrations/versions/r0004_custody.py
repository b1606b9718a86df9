"""Custody: wrapping keys, boxes, what they told of their camera-days' keys and roots."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _camera_day() -> list[sa.Column[object]]:
    return [
        sa.Column("box", sa.String(36), nullable=False),
        sa.Column("camera", sa.String(48), nullable=False),
        sa.Column("day", sa.Integer, nullable=False, autoincrement=False),
    ]


def upgrade() -> None:
    op.create_table(
        "wrapping_key",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.Column("retired_us", sa.BigInteger, nullable=True),
        sa.Column("destroyed_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_wrapping_key"),
    )
    op.create_table(
        "site_box",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("site_id", sa.String(48), nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("first_us", sa.BigInteger, nullable=False),
        sa.Column("seen_us", sa.BigInteger, nullable=False),
        sa.Column("local_days", sa.Integer, nullable=False),
        sa.Column("other_copies", sa.Integer, nullable=False),
        sa.Column("held_keys", sa.Integer, nullable=False),
        sa.Column("lost_us", sa.BigInteger, nullable=True),
        sa.Column("disposed_us", sa.BigInteger, nullable=True),
        sa.Column("document", sa.LargeBinary, nullable=True),
        sa.Column("document_sha256", sa.LargeBinary, nullable=True),
        sa.Column("document_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_site_box"),
    )
    op.create_index("ix_site_box_site_id", "site_box", ["site_id"])
    op.create_table(
        "camera_day",
        *_camera_day(),
        sa.Column("key_check", sa.LargeBinary, nullable=False),
        sa.Column("told_us", sa.BigInteger, nullable=False),
        sa.Column("forgotten_us", sa.BigInteger, nullable=True),
        sa.Column("destroyed_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("box", "camera", "day", name="pk_camera_day"),
    )
    op.create_table(
        "camera_day_copy",
        *_camera_day(),
        sa.Column("recipient", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("kept_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("box", "camera", "day", "recipient", name="pk_camera_day_copy"),
    )
    op.create_index("ix_camera_day_copy_recipient", "camera_day_copy", ["recipient"])
    op.create_table(
        "camera_day_root",
        *_camera_day(),
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("leaves", sa.Integer, nullable=False),
        sa.Column("deleted", sa.Integer, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.Column("audit_index", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("box", "camera", "day", "version", name="pk_camera_day_root"),
    )
