"""The tables of approvals. They are made by a migration like all others, and hang on the same metadata."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, String, Table, Text

from belvedere.hub.storage.metadata import METADATA

# What somebody asks for. No foreign keys to accounts: a request outlives the account, like the log entries that name it.
access_request = Table(
    "access_request",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), nullable=False),
    Column("user_name", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("roles", JSON, nullable=False),  # list of names, as they were when it was asked
    Column("purpose", String(32), nullable=False),
    Column("purpose_text", Text, nullable=False),
    Column("case_ref", Text, nullable=False),
    # Invariant: what is asked never changes; ask_sha256 is that of the canonical words, and so is the log entry's.
    Column("cameras", JSON, nullable=False),  # list of ids, sorted
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("actions", JSON, nullable=False),  # list of names, sorted
    Column("lasts_us", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("renews", String(64), nullable=False),  # id of the grant that it asks more time for, "" for a new one
    Column("lon", Float(53), nullable=True),  # where it happened, if known
    Column("lat", Float(53), nullable=True),
    Column("ask_sha256", String(64), nullable=False),
    Column("rule", String(64), nullable=False),  # of the policy, that asks for a second person
    Column("approvers", JSON, nullable=False),  # names of the roles that may approve it
    Column("audit_index", BigInteger, nullable=False),  # the entry access.asked; once approved, access.approved
    Column("asked_us", BigInteger, nullable=False),
    Column("lapses_us", BigInteger, nullable=False),
    Column("weighing", JSON, nullable=True),  # estimate and suggestions, null until they are worked out
    # Invariant: leaves `waiting` once and never returns: approved, narrowed, refused, withdrawn, lapsed.
    Column("state", String(16), nullable=False),
    Column("decided_us", BigInteger, nullable=True),
    Column("decided_by", String(64), nullable=False),
    Column("decider", Text, nullable=False),
    Column("words", Text, nullable=False),  # the decider's reason
    Column("given", JSON, nullable=True),  # the canonical ask as approved
    Column("given_sha256", String(64), nullable=False),
    Column("step_up", String(64), nullable=False),
    Column("grant_id", String(64), nullable=False),
    Index("ix_access_request_state_lapses_us", "state", "lapses_us"),
    Index("ix_access_request_account_id_asked_us", "account_id", "asked_us"),
)

on_call = Table(
    "on_call",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), nullable=False),
    # Invariant: from_us < to_us.
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False, index=True),
    Column("set_by", String(64), nullable=False),
    Column("set_us", BigInteger, nullable=False),
)

break_glass = Table(
    "break_glass",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), nullable=False, index=True),
    Column("user_name", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("code", String(32), nullable=False),
    Column("words", Text, nullable=False),
    Column("again", Text, nullable=False),  # why again, although an earlier one is not reviewed
    Column("cameras", JSON, nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("grant_id", String(64), nullable=False),
    Column("step_up", String(64), nullable=False),
    Column("broken_us", BigInteger, nullable=False, index=True),
    Column("ends_us", BigInteger, nullable=False),
    Column("due_us", BigInteger, nullable=False),  # reviewed by then
    Column("escalated_us", BigInteger, nullable=True),
    # Invariant: reviewed once, never by the person who broke the glass.
    Column("reviewed_us", BigInteger, nullable=True),
    Column("reviewed_by", String(64), nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("justified", Boolean, nullable=True),
    Column("review", Text, nullable=False),
    Column("lifted_us", BigInteger, nullable=True),  # the data protection officer lets the person break it again
    Column("lifted", Text, nullable=False),
)
