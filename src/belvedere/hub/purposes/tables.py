"""The tables of purposes. They are made by a migration like all others, and hang on the same metadata."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from belvedere.hub.storage.metadata import METADATA

# Why footage may be opened. Rows are never deleted: grants and the log name them for years.
purpose = Table(
    "purpose",
    METADATA,
    Column("code", String(32), primary_key=True),
    Column("text", Text, nullable=False),  # as shown on the grant chip
    Column("wording", Text, nullable=False),  # what it is for, as a resident may read it
    Column("kind", String(16), nullable=False),  # policy.PurposeKind: which rows of the action table it goes by
    Column("regime", String(16), nullable=False),  # uk_gdpr, part_3
    Column("basis", Text, nullable=False),  # lawful basis
    Column("condition", Text, nullable=False),  # the law or condition that the basis rests on
    Column("actions", JSON, nullable=False),  # list of policy.Action
    Column("roles", JSON, nullable=False),  # list of policy.Role
    Column("longest_us", BigInteger, nullable=False),
    Column("usual_reach_us", BigInteger, nullable=False),
    Column("longest_reach_us", BigInteger, nullable=True),  # null: the case decides
    Column("longest_span_us", BigInteger, nullable=True),  # of recorded footage in one grant; null: any
    Column("most_cameras", Integer, nullable=True),  # in one grant; null: any
    Column("needs_case", Boolean, nullable=False),
    Column("ends_with_shift", Boolean, nullable=False),
    Column("masked", Boolean, nullable=False),
    Column("for_new_cameras", Boolean, nullable=False),  # on the list of cameras that nobody has decided about
    # Invariant: in force from in_force_us until withdrawn_us; a draft has no in_force_us.
    Column("in_force_us", BigInteger, nullable=True),
    Column("withdrawn_us", BigInteger, nullable=True),
    # Invariant: rises by one with each change, and each has its row in purpose_change.
    Column("version", Integer, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
)

# What a camera accepts, where somebody decided it. A camera without a row has the purposes that are `for_new_cameras`.
camera_purpose = Table(
    "camera_purpose",
    METADATA,
    Column("camera", String(48), primary_key=True),  # no foreign key: a list may be older than the camera's next entry
    Column("purposes", JSON, nullable=False),  # list of codes, sorted
    Column("changed_us", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

purpose_change = Table(
    "purpose_change",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("subject", String(64), nullable=False),  # purpose:CODE, or camera:ID
    Column("version", Integer, nullable=False),  # of the purpose; 0 for a camera's list
    Column("at_us", BigInteger, nullable=False),
    Column("account_id", String(64), nullable=False),  # no foreign key: a change outlives the account
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("changes", JSON, nullable=False),  # field: [before, after]
    Column("audit_index", BigInteger, nullable=False),
    Index("ix_purpose_change_subject_audit_index", "subject", "audit_index"),
)
