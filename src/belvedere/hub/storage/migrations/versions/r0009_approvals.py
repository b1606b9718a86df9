"""Requests for access and what became of them; who is on call; break-glass and its reviews; teams."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("team", sa.String(64), nullable=False, server_default=""))
    op.create_table(
        "access_request",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("purpose_text", sa.Text, nullable=False),
        sa.Column("case_ref", sa.Text, nullable=False),
        sa.Column("cameras", sa.JSON, nullable=False),
        sa.Column("from_us", sa.BigInteger, nullable=False),
        sa.Column("to_us", sa.BigInteger, nullable=False),
        sa.Column("actions", sa.JSON, nullable=False),
        sa.Column("lasts_us", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("renews", sa.String(64), nullable=False),
        sa.Column("lon", sa.Float(53), nullable=True),
        sa.Column("lat", sa.Float(53), nullable=True),
        sa.Column("ask_sha256", sa.String(64), nullable=False),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("approvers", sa.JSON, nullable=False),
        sa.Column("audit_index", sa.BigInteger, nullable=False),
        sa.Column("asked_us", sa.BigInteger, nullable=False),
        sa.Column("lapses_us", sa.BigInteger, nullable=False),
        sa.Column("weighing", sa.JSON, nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decided_us", sa.BigInteger, nullable=True),
        sa.Column("decided_by", sa.String(64), nullable=False),
        sa.Column("decider", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("given", sa.JSON, nullable=True),
        sa.Column("given_sha256", sa.String(64), nullable=False),
        sa.Column("step_up", sa.String(64), nullable=False),
        sa.Column("grant_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_request"),
    )
    op.create_index("ix_access_request_state_lapses_us", "access_request", ["state", "lapses_us"])
    op.create_index("ix_access_request_account_id_asked_us", "access_request", ["account_id", "asked_us"])
    op.create_table(
        "on_call",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("from_us", sa.BigInteger, nullable=False),
        sa.Column("to_us", sa.BigInteger, nullable=False),
        sa.Column("set_by", sa.String(64), nullable=False),
        sa.Column("set_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_on_call"),
    )
    op.create_index("ix_on_call_to_us", "on_call", ["to_us"])
    op.create_table(
        "break_glass",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("again", sa.Text, nullable=False),
        sa.Column("cameras", sa.JSON, nullable=False),
        sa.Column("from_us", sa.BigInteger, nullable=False),
        sa.Column("to_us", sa.BigInteger, nullable=False),
        sa.Column("grant_id", sa.String(64), nullable=False),
        sa.Column("step_up", sa.String(64), nullable=False),
        sa.Column("broken_us", sa.BigInteger, nullable=False),
        sa.Column("ends_us", sa.BigInteger, nullable=False),
        sa.Column("due_us", sa.BigInteger, nullable=False),
        sa.Column("escalated_us", sa.BigInteger, nullable=True),
        sa.Column("reviewed_us", sa.BigInteger, nullable=True),
        sa.Column("reviewed_by", sa.String(64), nullable=False),
        sa.Column("reviewer", sa.Text, nullable=False),
        sa.Column("justified", sa.Boolean, nullable=True),
        sa.Column("review", sa.Text, nullable=False),
        sa.Column("lifted_us", sa.BigInteger, nullable=True),
        sa.Column("lifted", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_break_glass"),
    )
    op.create_index("ix_break_glass_account_id", "break_glass", ["account_id"])
    op.create_index("ix_break_glass_broken_us", "break_glass", ["broken_us"])
