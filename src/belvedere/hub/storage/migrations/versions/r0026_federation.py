"""Federation with hubs of other controllers: partners, their keys, letters, questions, requests, packages."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "federation_partner",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("controller", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("address", sa.String(255), nullable=False),
        sa.Column("authority", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.String(48), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("added_us", sa.BigInteger(), nullable=False),
        sa.Column("added_by", sa.String(64), nullable=False),
        sa.Column("confirmed_by", sa.String(64), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("our_key", sa.String(64), nullable=False),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked_by", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("heard_us", sa.BigInteger(), nullable=True),
        sa.Column("fault", sa.Text(), nullable=False),
    )
    op.create_table(
        "federation_partner_key",
        sa.Column("partner_id", sa.String(32), primary_key=True),
        sa.Column("key_id", sa.String(64), primary_key=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "federation_letter",
        sa.Column("partner_id", sa.String(32), primary_key=True),
        sa.Column("outgoing", sa.Boolean(), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_us", sa.BigInteger(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("done_us", sa.BigInteger(), nullable=True),
        sa.Column("receipt", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_federation_letter_made_us", "federation_letter", ["made_us"])
    op.create_index("ix_federation_letter_state_next_us", "federation_letter", ["state", "next_us"])
    op.create_table(
        "federation_nonce",
        sa.Column("partner_id", sa.String(32), primary_key=True),
        sa.Column("nonce", sa.String(64), primary_key=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_federation_nonce_at_us", "federation_nonce", ["at_us"])
    op.create_table(
        "federation_question",
        sa.Column("partner_id", sa.String(32), primary_key=True),
        sa.Column("outgoing", sa.Boolean(), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("asker", sa.Text(), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("answered_us", sa.BigInteger(), nullable=True),
        sa.Column("hold", sa.String(64), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=True),
        sa.Column("cameras", sa.JSON(), nullable=False),
        sa.Column("away", sa.JSON(), nullable=False),
    )
    op.create_index("ix_federation_question_asked_us", "federation_question", ["asked_us"])
    op.create_table(
        "federation_request",
        sa.Column("partner_id", sa.String(32), primary_key=True),
        sa.Column("outgoing", sa.Boolean(), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("question_id", sa.String(64), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("asker", sa.Text(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(64), nullable=False),
    )
    op.create_index("ix_federation_request_made_us", "federation_request", ["made_us"])
    op.create_table(
        "federation_package",
        sa.Column("partner_id", sa.String(32), primary_key=True),
        sa.Column("outgoing", sa.Boolean(), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("manifest_sha256", sa.String(64), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("have", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_us", sa.BigInteger(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("done_us", sa.BigInteger(), nullable=True),
    )
