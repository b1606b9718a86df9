"""Sites that are let in: enrolments and certificates."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "site_enrolment",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("site_id", sa.String(48), nullable=False),
        sa.Column("site_name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=True),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.String(48), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("software", sa.String(64), nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("decided_by", sa.String(64), nullable=False),
        sa.Column("decided_us", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("certificate", sa.String(64), nullable=False),
    )
    op.create_index("ix_site_enrolment_site_id", "site_enrolment", ["site_id"])
    op.create_table(
        "site_certificate",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("site_id", sa.String(48), sa.ForeignKey("site.id"), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.String(48), nullable=False),
        sa.Column("issued_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked_by", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_index("ix_site_certificate_site_id", "site_certificate", ["site_id"])
