"""What sites tell by themselves: records, how far each lane is, and what was lost on the way."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def _lane() -> list[sa.Column[object]]:
    return [
        sa.Column("site_id", sa.String(48), primary_key=True),
        sa.Column("epoch", sa.String(32), primary_key=True),
        sa.Column("lane", sa.Integer(), primary_key=True, autoincrement=False),
    ]


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "site_record",
        *_lane(),
        sa.Column("seq", big, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_index("ix_site_record_time_us", "site_record", ["time_us"])
    op.create_table(
        "site_mark",
        *_lane(),
        sa.Column("next_seq", sa.BigInteger(), nullable=False),
        sa.Column("heard_us", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "site_gap",
        *_lane(),
        sa.Column("first_seq", big, primary_key=True, autoincrement=False),
        sa.Column("end_seq", sa.BigInteger(), nullable=False),
        sa.Column("found_us", sa.BigInteger(), nullable=False),
    )
