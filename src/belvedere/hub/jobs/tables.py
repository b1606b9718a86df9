"""The table of durable jobs. A migration makes it like all others."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text, false

from belvedere.hub.storage.metadata import METADATA

job = Table(
    "job",
    METADATA,
    Column("id", String(64), primary_key=True),  # chosen by who enqueues: the same id again is the same job
    Column("kind", String(32), nullable=False),
    Column("format", Integer, nullable=False),  # of `words`; a process takes the formats that it knows
    Column("words", JSON, nullable=False),  # what to do
    Column("notes", JSON, nullable=False),  # steps that are done, so that they are not done again
    # Invariant: only waiting and running jobs move; the other three states are final.
    Column("state", String(16), nullable=False),  # waiting, running, done, failed, cancelled
    Column("progress", Float(53), nullable=False),
    Column("message", Text, nullable=False),
    Column("attempts", Integer, nullable=False),  # how often it was taken; the fence of every write of its owner
    Column("cancel", Boolean, nullable=False, server_default=false()),  # somebody asked to give it up
    Column("owner", String(64), nullable=False),  # the process that has it, "" when none
    Column("lease_until_us", BigInteger, nullable=False),
    Column("not_before_us", BigInteger, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("begun_us", BigInteger, nullable=True),
    Column("ended_us", BigInteger, nullable=True),
    Index("ix_job_state_not_before_us", "state", "not_before_us"),
)
