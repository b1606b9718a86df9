"""The tables by which the log is searched. They hold nothing that the log does not, and can be made anew from it."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from belvedere.hub.storage.metadata import METADATA

# What an entry is about, one row for each thing it names. Rows of erased entries go with what the entry said.
audit_about = Table(
    "audit_about",
    METADATA,
    Column("subject", String(16), primary_key=True),  # camera, case, grant, account, refused
    Column("name", String(128), primary_key=True),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Index("ix_audit_about_index", "index"),
)

# How many entries an hour has: all of them (subject and name ""), of a kind, by a person, of a kind by a person,
# about a camera.
audit_hour = Table(
    "audit_hour",
    METADATA,
    Column("subject", String(16), primary_key=True),  # "", kind, person, did, camera
    Column("name", String(128), primary_key=True),
    Column("hour_us", BigInteger, primary_key=True, autoincrement=False),  # its beginning, microseconds UTC
    Column("entries", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),  # of these
    Column("first_index", BigInteger, nullable=False),
    Column("last_index", BigInteger, nullable=False),
)

# One row. Invariant: every entry below `next_index` has its rows in `audit_about` and is counted in `audit_hour`; all three move
# in one transaction.
audit_about_position = Table(
    "audit_about_position",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("next_index", BigInteger, nullable=False),
)
