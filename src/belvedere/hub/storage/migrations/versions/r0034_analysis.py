"""Orders to analyse recordings, the sites' standing grants, and jobs for cases."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "analysis_order",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("site_id", sa.String(64), nullable=False),
        sa.Column("dpia", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("review_us", sa.BigInteger(), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("ended_words", sa.Text(), nullable=False),
    )
    op.create_index("ix_analysis_order_site_id", "analysis_order", ["site_id"])
    op.create_table(
        "analysis_grant",
        sa.Column("site_id", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("wire", sa.Text(), nullable=False),
        sa.Column("cameras", sa.Text(), nullable=False),
        sa.Column("issued_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("told_us", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "analysis_job",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("case_ref", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("grant_id", sa.String(64), nullable=False),
        sa.Column("cameras", sa.Text(), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("over_us", sa.BigInteger(), nullable=True),
    )
    op.create_index("ix_analysis_job_case_ref", "analysis_job", ["case_ref"])
    op.create_index("ix_analysis_job_state", "analysis_job", ["state"])
    op.create_table(
        "analysis_part",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("site_id", sa.String(64), nullable=False),
        sa.Column("cameras", sa.Text(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("wanted_s", sa.BigInteger(), nullable=False),
        sa.Column("done_s", sa.BigInteger(), nullable=False),
        sa.Column("left_s", sa.BigInteger(), nullable=False),
        sa.Column("found", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("heard_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("job_id", "site_id", name="pk_analysis_part"),
    )
