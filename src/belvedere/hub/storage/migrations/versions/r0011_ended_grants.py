"""Which grants still live is found by when they expire."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_access_grant_expires_us", "access_grant", ["expires_us"])
