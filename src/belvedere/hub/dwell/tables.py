"""The register of long looks: immediate-response notes and RIPA authorisations."""

from sqlalchemy import JSON, BigInteger, Column, String, Table, Text

from belvedere.hub.storage.metadata import METADATA

# Why somebody went on looking. Invariant: a row is never changed but for `ended_us`.
dwell_note = Table(
    "dwell_note",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), nullable=False, index=True),
    Column("grant_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),  # immediate, ripa
    Column("cameras", JSON, nullable=False),  # list of ids that the look had reached, or the authorisation names
    Column("number", String(64), nullable=False),  # of the authorisation, "" for a note
    Column("text", Text, nullable=False),
    Column("held_us", BigInteger, nullable=False),  # how long the look had lasted
    Column("made_us", BigInteger, nullable=False, index=True),
    Column("until_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger, nullable=True),
)
