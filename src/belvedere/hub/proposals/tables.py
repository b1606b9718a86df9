"""The tables of proposals. They are made by a migration like all others, and hang on the same metadata."""

from sqlalchemy import JSON, BigInteger, Column, Index, String, Table, Text

from belvedere.hub.storage.metadata import METADATA

# No foreign keys to accounts: a proposal outlives the account, like the log entries that name it.
proposal = Table(
    "proposal",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("act", String(32), nullable=False),  # row of the action table
    Column("what", String(32), nullable=False),  # which change: people, classes, hold.end ...
    # Invariant: what is proposed never changes; sha256 is that of the canonical words, and so is the log entry's.
    Column("change", JSON, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("before_sha256", String(64), nullable=False),  # of what the change was drawn up against
    Column("title", Text, nullable=False),
    Column("lines", JSON, nullable=False),  # [[what, before, after], ...] as people read it
    Column("concerned", JSON, nullable=False),  # ids of the accounts that it changes: they confirm nothing of it
    Column("reason", Text, nullable=False),
    Column("approvers", JSON, nullable=False),  # names of the roles that may confirm it
    Column("account_id", String(64), nullable=False),  # who proposes
    Column("user_name", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("audit_index", BigInteger, nullable=False),  # the entry proposal.made
    Column("made_us", BigInteger, nullable=False),
    Column("lapses_us", BigInteger, nullable=False),
    # Invariant: leaves `waiting` once and never returns: confirmed, refused, withdrawn, lapsed, stale; confirmed may become failed.
    Column("state", String(16), nullable=False),
    Column("decided_us", BigInteger, nullable=True),
    Column("decided_by", String(64), nullable=False),
    Column("decider", Text, nullable=False),
    Column("words", Text, nullable=False),  # why refused, or what went wrong
    Column("step_up", String(64), nullable=False),
    Column("done_us", BigInteger, nullable=True),  # when it had taken effect
    Index("ix_proposal_state_lapses_us", "state", "lapses_us"),
    Index("ix_proposal_account_id_made_us", "account_id", "made_us"),
)

# When somebody could first be the second person for an act. From then on nobody does it alone.
second_person = Table(
    "second_person",
    METADATA,
    Column("act", String(32), primary_key=True),
    Column("first_us", BigInteger, nullable=False),
)
