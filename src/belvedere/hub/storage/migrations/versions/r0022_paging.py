"""Who is called about recording faults outside office hours: the plan, the pages, and what was sent to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "page_plan",
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("set_by", sa.String(64), nullable=False),
        sa.Column("setter", sa.Text(), nullable=False),
        sa.Column("set_us", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "page",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("site_id", sa.String(48), nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("last_round", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("step_us", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("opened_us", sa.BigInteger(), nullable=False),
        sa.Column("answered_us", sa.BigInteger(), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.Column("answered_how", sa.String(16), nullable=False),
        sa.Column("over_us", sa.BigInteger(), nullable=True),
    )
    op.create_index("ix_page_state_site_id", "page", ["state", "site_id"])
    op.create_index("ix_page_opened_us", "page", ["opened_us"])
    op.create_table(
        "page_ticket",
        sa.Column("page_id", sa.String(64), primary_key=True),
        sa.Column("ticket_id", sa.String(64), primary_key=True),
        sa.Column("joined_us", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_page_ticket_ticket_id", "page_ticket", ["ticket_id"])
    op.create_table(
        "page_message",
        sa.Column("id", sa.String(120), primary_key=True),
        sa.Column("page_id", sa.String(64), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_us", sa.BigInteger(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("done_us", sa.BigInteger(), nullable=True),
        sa.Column("fault", sa.Text(), nullable=False),
    )
    op.create_index("ix_page_message_state_next_us", "page_message", ["state", "next_us"])
    op.create_index("ix_page_message_page_id", "page_message", ["page_id"])
