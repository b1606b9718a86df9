"""The data protection officer's queue, declared conflicts, dwellings, the register of long looks, quota counters."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _watching()
    _looks()


def _watching() -> None:
    op.create_table(
        "dpo_item",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("rule", sa.String(48), nullable=False),
        sa.Column("matter", sa.String(200), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("entries", sa.JSON, nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.Column("due_us", sa.BigInteger, nullable=True),
        sa.Column("reviewed_us", sa.BigInteger, nullable=True),
        sa.Column("reviewed_by", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(24), nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dpo_item"),
        sa.UniqueConstraint("matter", name="uq_dpo_item_matter"),
    )
    op.create_index("ix_dpo_item_made_us", "dpo_item", ["made_us"])
    op.create_index("ix_dpo_item_reviewed_us", "dpo_item", ["reviewed_us"])
    op.create_index("ix_dpo_item_kind_made_us", "dpo_item", ["kind", "made_us"])
    op.create_table(
        "watch_position",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("next_index", sa.BigInteger, nullable=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_watch_position"),
    )
    op.create_table(
        "conflict",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("blind", sa.String(64), nullable=False),
        sa.Column("declared_us", sa.BigInteger, nullable=False),
        sa.Column("withdrawn_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_conflict"),
    )
    op.create_index("ix_conflict_account_id", "conflict", ["account_id"])
    op.create_index("ix_conflict_blind", "conflict", ["blind"])
    op.create_table(
        "dwelling_view",
        sa.Column("camera", sa.String(48), nullable=False),
        sa.Column("preset", sa.String(64), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("set_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("camera", "preset", name="pk_dwelling_view"),
    )


def _looks() -> None:
    op.create_table(
        "dwell_note",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("grant_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("cameras", sa.JSON, nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("held_us", sa.BigInteger, nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.Column("until_us", sa.BigInteger, nullable=False),
        sa.Column("ended_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_dwell_note"),
    )
    op.create_index("ix_dwell_note_account_id", "dwell_note", ["account_id"])
    op.create_index("ix_dwell_note_made_us", "dwell_note", ["made_us"])
    op.create_table(
        "quota_count",
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("window_us", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("amount", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("what", "scope", "id", "window_us", name="pk_quota_count"),
    )
