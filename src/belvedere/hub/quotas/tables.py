"""Counters of what was opened, so that a restart of the hub opens no new hour."""

from sqlalchemy import BigInteger, Column, Integer, String, Table

from belvedere.hub.storage.metadata import METADATA

quota_count = Table(
    "quota_count",
    METADATA,
    Column("what", String(16), primary_key=True),  # footage, exports
    Column("scope", String(16), primary_key=True),  # person, access, camera
    Column("id", String(64), primary_key=True),
    Column("window_us", BigInteger, primary_key=True, autoincrement=False),  # start of the window
    Column("amount", Integer, nullable=False),
)
