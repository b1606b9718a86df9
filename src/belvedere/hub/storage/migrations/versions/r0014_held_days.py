"""The day of a key is minus a segment's number where the key is a held one: more than 32 bits hold, after some years."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":  # its integers have 64 bits whatever they are called
        return
    for table in ("camera_day", "camera_day_copy"):
        op.alter_column(table, "day", type_=sa.BigInteger(), existing_type=sa.Integer(), existing_nullable=False)
