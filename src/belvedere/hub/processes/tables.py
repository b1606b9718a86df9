"""Who the hub's processes are, which of them has the chair, and which holds a site's line. PostgreSQL only has rows here."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from belvedere.hub.storage.metadata import METADATA

# A process that runs, or was killed a moment ago. Times are the database's clock.
hub_process = Table(
    "hub_process",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("address", String(80), nullable=False),  # where the others reach it: host:port
    Column("pid", Integer, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("heard_us", BigInteger, nullable=False),
)

# What one process at a time may do. Invariant: `number` rises with each change of holder.
hub_lease = Table(
    "hub_lease",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("holder", String(32), nullable=False),  # "" while nobody has it
    Column("number", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),  # the database's clock
)

# What the chair tells all processes, as JSON.
hub_word = Table(
    "hub_word",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("body", Text, nullable=False),
)

# Which process holds a site's line, and what the site said there, as JSON. Invariant: one row a site.
site_line = Table(
    "site_line",
    METADATA,
    Column("site_id", String(48), primary_key=True),
    Column("process_id", String(32), nullable=False),
    Column("body", Text, nullable=False),
)
