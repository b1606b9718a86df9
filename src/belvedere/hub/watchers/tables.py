"""The tables of watching: the data protection officer's queue, how far the log was read, declared conflicts, dwellings."""

from sqlalchemy import JSON, BigInteger, Column, Index, String, Table, Text

from belvedere.hub.storage.metadata import METADATA

# What the data protection officer has to look at. No names: `account_id` only, and `text` says "this person".
dpo_item = Table(
    "dpo_item",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),  # finding, notice, sample
    Column("rule", String(48), nullable=False),  # which detector, or what the notice tells of
    # Invariant: one row for one matter, however often the log is read again.
    Column("matter", String(200), nullable=False, unique=True),
    Column(
        "account_id", String(64), nullable=False
    ),  # whom it is about; "" nobody. No foreign key: it outlives accounts
    Column("text", Text, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("entries", JSON, nullable=False),  # indices of log entries
    Column("made_us", BigInteger, nullable=False, index=True),
    Column("due_us", BigInteger, nullable=True),
    # Invariant: once set it never returns to null.
    Column("reviewed_us", BigInteger, nullable=True, index=True),
    Column("reviewed_by", String(64), nullable=False),
    Column("outcome", String(24), nullable=False),
    Column("words", Text, nullable=False),
)

# How far the detectors have judged the log. Invariant: moves in the transaction that keeps what they found.
watch_position = Table(
    "watch_position",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("next_index", BigInteger, nullable=False),
    Column("time_us", BigInteger, nullable=False),
)

# What staff declared of themselves. Only the HMAC is kept: not even this table says where anybody lives.
conflict = Table(
    "conflict",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), nullable=False, index=True),
    Column("kind", String(16), nullable=False),  # address, vehicle, person, camera
    Column("blind", String(64), nullable=False, index=True),
    Column("declared_us", BigInteger, nullable=False),
    Column("withdrawn_us", BigInteger, nullable=True),
)

# Views that look at where people live: a whole camera, or one of its presets.
dwelling_view = Table(
    "dwelling_view",
    METADATA,
    Column("camera", String(48), primary_key=True),
    Column("preset", String(64), primary_key=True),  # "" for all that the camera sees
    Column("note", Text, nullable=False),
    Column("set_us", BigInteger, nullable=False),
)

Index("ix_dpo_item_kind_made_us", dpo_item.c.kind, dpo_item.c.made_us)
