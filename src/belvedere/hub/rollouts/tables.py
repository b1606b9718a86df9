"""The tables of releases and roll-outs. They are made by a migration like all others, and hang on the same metadata."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, String, Table, Text

from belvedere.hub.storage.metadata import METADATA

# A release that the hub holds. Its file lies beside the database, under its version.
release = Table(
    "release",
    METADATA,
    Column("version", String(32), primary_key=True),
    Column("manifest", LargeBinary, nullable=False),  # as it was signed
    Column("signature", LargeBinary, nullable=False),
    Column("key", LargeBinary, nullable=False),  # the release key that signed it, public
    Column("bytes", BigInteger, nullable=False),
    Column("added_us", BigInteger, nullable=False),
)

# Invariant: at most one is `running` at a time.
rollout = Table(
    "rollout",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("version", String(32), nullable=False),
    Column("manifest_sha256", String(64), nullable=False),
    Column("account_id", String(64), nullable=False),  # who proposed it
    Column("confirmed_by", String(64), nullable=False),  # "" under open_desk, where nobody has to
    Column("reason", Text, nullable=False),
    Column("wait_minutes", Integer, nullable=False),
    Column("at_once", Integer, nullable=False),
    Column("night", Boolean, nullable=False),
    Column("state", String(16), nullable=False),  # running, done, failed, stopped
    Column("started_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger, nullable=True),
    Column("why", Text, nullable=False),
)

# What a roll-out does with one site. `stage`: 0 for the first ones, 1 for the rest.
rollout_site = Table(
    "rollout_site",
    METADATA,
    Column("rollout_id", String(64), ForeignKey("rollout.id"), primary_key=True),
    Column("site_id", String(48), primary_key=True),
    Column("stage", Integer, nullable=False),
    Column("state", String(16), nullable=False),  # waiting, ordered, healthy, failed
    Column("phase", String(16), nullable=False),  # as the site told last
    Column("former", String(32), nullable=False),  # the version that it had before
    Column("have_bytes", BigInteger, nullable=False),
    Column("ordered_us", BigInteger, nullable=True),
    Column("told_us", BigInteger, nullable=True),
    Column("ended_us", BigInteger, nullable=True),
    Column("why", Text, nullable=False),
)
