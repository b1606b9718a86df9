"""The tables of cases. They are made by a migration like all others, and hang on the same metadata."""

from sqlalchemy import JSON, BigInteger, Column, Float, ForeignKey, Index, String, Table, Text

from belvedere.hub.storage.metadata import METADATA

case_file = Table(
    "case_file",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("reference", String(64), nullable=False),  # as people write it
    Column("reference_key", String(64), nullable=False, unique=True),  # in small letters: one case however it is typed
    Column("kind", String(32), nullable=False),
    Column("regime", String(16), nullable=False),  # uk_gdpr, part_3
    Column("title", Text, nullable=False),  # without names of people
    Column("owner_id", String(64), ForeignKey("account.id"), nullable=False),
    Column("owner", Text, nullable=False),
    Column("state", String(16), nullable=False),  # open, closed
    Column("opened_us", BigInteger, nullable=False),
    Column("opened_by", String(64), nullable=False),  # account id
    # Invariant: the three are set while, and only while, the case is closed.
    Column("closed_us", BigInteger, nullable=True),
    Column("closed_by", Text, nullable=False),
    Column("closed_why", Text, nullable=False),
    Column("review_us", BigInteger, nullable=False),
    Column("place", Text, nullable=False),
    # Invariant: lat and lon are both given or both null.
    Column("lat", Float(53), nullable=True),
    Column("lon", Float(53), nullable=True),
    # Invariant: both given or both null, and from before to.
    Column("incident_from_us", BigInteger, nullable=True),
    Column("incident_to_us", BigInteger, nullable=True),
    Index("ix_case_file_state_id", "state", "id"),
    Index("ix_case_file_opened_us", "opened_us"),
)

# Invariant: a person is in a case at most once with left_us null.
case_person = Table(
    "case_person",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("case_id", String(64), ForeignKey("case_file.id", ondelete="CASCADE"), nullable=False),
    Column("account_id", String(64), ForeignKey("account.id"), nullable=False),
    Column("part", String(16), nullable=False),  # lead, works, advises
    Column("joined_us", BigInteger, nullable=False),
    Column("left_us", BigInteger, nullable=True),
    Index("ix_case_person_case_id", "case_id"),
    Index("ix_case_person_account_id", "account_id"),
)

case_footage = Table(
    "case_footage",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("case_id", String(64), ForeignKey("case_file.id", ondelete="CASCADE"), nullable=False),
    Column("camera", String(48), nullable=False),  # no foreign key: a case outlives the camera
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("added_us", BigInteger, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("removed_us", BigInteger, nullable=True),
    Index("ix_case_footage_case_id", "case_id"),
)

case_act = Table(
    "case_act",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("case_id", String(64), ForeignKey("case_file.id", ondelete="CASCADE"), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("account_id", String(64), nullable=False),  # no foreign key: an act outlives the account
    Column("by", Text, nullable=False),
    Column("kind", String(48), nullable=False),  # of the log's entry
    Column("facts", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    Column("audit_index", BigInteger, nullable=False),
    Index("ix_case_act_case_id_audit_index", "case_id", "audit_index"),
)
