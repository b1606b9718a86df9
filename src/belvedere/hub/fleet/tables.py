"""The tables of the fleet. They are made by a migration like all others, and hang on the same metadata."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from belvedere.hub.processes import tables as _processes  # noqa: F401 (they hang on the metadata)
from belvedere.hub.storage.metadata import METADATA

# One try to bring a site in: a token, then perhaps a request, then perhaps a decision.
site_enrolment = Table(
    "site_enrolment",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("site_id", String(48), nullable=False, index=True),  # the site may not be in the register yet
    Column("site_name", Text, nullable=False),
    # SHA-256 hex; the token itself is shown once and kept nowhere.
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("made_by", String(64), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    # Invariant: set once; the token opens nothing for another key from then on.
    Column("asked_us", BigInteger, nullable=True),
    Column("request", LargeBinary, nullable=False),  # PKCS #10, DER; empty before it asks
    Column("fingerprint", String(48), nullable=False),
    Column("address", String(64), nullable=False),  # where it asked from
    Column("machine", Text, nullable=False),
    Column("software", String(64), nullable=False),
    Column("decision", String(16), nullable=False),  # "", in, refused
    # Invariant: never the person in `made_by` when `decision` is in.
    Column("decided_by", String(64), nullable=False),
    Column("decided_us", BigInteger, nullable=True),
    Column("reason", Text, nullable=False),
    Column("certificate", String(64), nullable=False),  # `site_certificate.digest`, "" before
)

# The allow-list: a certificate that is not here, or revoked here, opens nothing, whatever it says of itself.
site_certificate = Table(
    "site_certificate",
    METADATA,
    Column("digest", String(64), primary_key=True),  # SHA-256 hex of the DER
    Column("site_id", String(48), ForeignKey("site.id"), nullable=False, index=True),
    Column("der", LargeBinary, nullable=False),
    Column("fingerprint", String(48), nullable=False),
    Column("issued_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger, nullable=True),
    Column("revoked_by", String(64), nullable=False),
    Column("reason", Text, nullable=False),
)

_BIG = BigInteger().with_variant(Integer, "sqlite")

# What sites told by themselves, in their order. A record is never changed; what is made of it stands in the rooms' own tables.
site_record = Table(
    "site_record",
    METADATA,
    Column("site_id", String(48), primary_key=True),
    Column("epoch", String(32), primary_key=True),  # hex
    Column("lane", Integer, primary_key=True, autoincrement=False),
    Column("seq", _BIG, primary_key=True, autoincrement=False),
    Column("kind", String(32), nullable=False),
    Column("time_us", BigInteger, nullable=False),  # by the site's clock
    Column("received_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),  # JSON
    Index("ix_site_record_time_us", "time_us"),
)

# How far each lane is. Invariant: every number from dropped_seq up to next_seq is in site_record or in site_gap; numbers below
# dropped_seq were there once and went with their time, but for those that a hold keeps.
site_mark = Table(
    "site_mark",
    METADATA,
    Column("site_id", String(48), primary_key=True),
    Column("epoch", String(32), primary_key=True),
    Column("lane", Integer, primary_key=True, autoincrement=False),
    Column("next_seq", BigInteger, nullable=False),
    Column("heard_us", BigInteger, nullable=False),
    Column("dropped_seq", BigInteger, nullable=False, server_default="1"),
)

# Numbers that a site had dropped before they came: [first_seq, end_seq).
site_gap = Table(
    "site_gap",
    METADATA,
    Column("site_id", String(48), primary_key=True),
    Column("epoch", String(32), primary_key=True),
    Column("lane", Integer, primary_key=True, autoincrement=False),
    Column("first_seq", _BIG, primary_key=True, autoincrement=False),
    Column("end_seq", BigInteger, nullable=False),
    Column("found_us", BigInteger, nullable=False),
)

# What the hub orders a site to be set to: signed documents, one a version, never changed.
site_configuration = Table(
    "site_configuration",
    METADATA,
    Column("site_id", String(48), primary_key=True),
    Column("version", _BIG, primary_key=True, autoincrement=False),
    Column("issued_us", BigInteger, nullable=False),
    Column("account_id", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("words", LargeBinary, nullable=False),  # canonical JSON of `link.configuration.Configuration`
    Column("signature", LargeBinary, nullable=False),
    Column("taken_us", BigInteger, nullable=True),  # when the site said that it goes by it
)
