"""The tables of break-glass cards. They are made by a migration like all others, and hang on the same metadata."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from belvedere.hub.storage.metadata import METADATA

# No secret stands here: of the two halves only their public keys, and the card's private key sealed for both in turn.
site_card = Table(
    "site_card",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("site_id", String(48), nullable=False),
    Column("first_key", LargeBinary, nullable=False),  # of the half that the first person got
    Column("public_key", LargeBinary, nullable=False),  # b"" until the second person confirmed
    Column("sealed_private", LargeBinary, nullable=False),
    Column("sealed_grant", LargeBinary, nullable=False),
    Column("grant_id", String(64), nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("maker", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("confirmed_by", String(64), nullable=False),  # Invariant: never made_by
    Column("confirmer", Text, nullable=False),
    Column("confirmed_us", BigInteger, nullable=True),
    Column("expires_us", BigInteger, nullable=False),  # before it is confirmed: when it lapses
    Column("ended_us", BigInteger, nullable=True),
    Column("ended_why", String(16), nullable=False),  # used, revoked
    Index("ix_site_card_site_id", "site_id"),
)

# What sites wrote in their own logs, as they said it. `number`: the place in which it came here, from 0, whichever box wrote it.
site_card_entry = Table(
    "site_card_entry",
    METADATA,
    Column("site_id", String(48), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("time_us", BigInteger, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("checkpoint", LargeBinary, nullable=False),
    Column("box", String(64), nullable=False),
    Column("fault", Text, nullable=False),  # "" where the box's signature and all entries before agree with it
    Column("audit_index", BigInteger, nullable=False),
)
