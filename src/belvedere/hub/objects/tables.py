"""The list of objects. A migration makes it like all others."""

from sqlalchemy import BigInteger, Column, String, Table, Text

from belvedere.hub.storage.metadata import METADATA

# What the hub has put into stores. The bytes lie where `store` says: "" is the data folder, else file:// or s3://.
stored_object = Table(
    "stored_object",
    METADATA,
    Column("key", String(200), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("store", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
)
