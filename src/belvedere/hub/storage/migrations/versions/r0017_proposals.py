"""Changes that wait for a second person, and since when there has been one."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "proposal",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("act", sa.String(32), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("change", sa.JSON, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("before_sha256", sa.String(64), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("lines", sa.JSON, nullable=False),
        sa.Column("concerned", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("approvers", sa.JSON, nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("audit_index", sa.BigInteger, nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.Column("lapses_us", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decided_us", sa.BigInteger, nullable=True),
        sa.Column("decided_by", sa.String(64), nullable=False),
        sa.Column("decider", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("step_up", sa.String(64), nullable=False),
        sa.Column("done_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_proposal"),
    )
    op.create_index("ix_proposal_state_lapses_us", "proposal", ["state", "lapses_us"])
    op.create_index("ix_proposal_account_id_made_us", "proposal", ["account_id", "made_us"])
    op.create_table(
        "second_person",
        sa.Column("act", sa.String(32), nullable=False),
        sa.Column("first_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("act", name="pk_second_person"),
    )
