"""The tables of federation. They are made by a migration like all others, and hang on the same metadata."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from belvedere.hub.storage.metadata import METADATA

# Another controller's hub. Public halves only: this hub's own keys are files (`federation.keys`).
federation_partner = Table(
    "federation_partner",
    METADATA,
    Column("id", String(32), primary_key=True),  # what that hub calls itself: hex, from its first key
    Column("controller", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("address", String(255), nullable=False),  # host:port
    Column("authority", LargeBinary, nullable=False),  # DER of its private certificate authority; b"" for a public one
    Column("fingerprint", String(48), nullable=False),  # of the document that two people compared
    Column("document", LargeBinary, nullable=False),
    Column("added_us", BigInteger, nullable=False),
    Column("added_by", String(64), nullable=False),
    Column("confirmed_by", String(64), nullable=False),  # "" where the action table asks for nobody
    Column(
        "policy", JSON, nullable=False
    ),  # `federation.policy.PartnerPolicy`; answers nothing until it is switched on
    Column("our_key", String(64), nullable=False),  # the newest of our keys that this partner has acknowledged
    # Invariant: set once; from then on nothing of this partner's is read and nothing is sent.
    Column("revoked_us", BigInteger, nullable=True),
    Column("revoked_by", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("heard_us", BigInteger, nullable=True),  # when it last took or sent something
    Column("fault", Text, nullable=False),  # why the last try to reach it failed, "" where it did not
)

# Keys that a partner signs with. Two hold at once while a new one takes over.
federation_partner_key = Table(
    "federation_partner_key",
    METADATA,
    Column("partner_id", String(32), primary_key=True),
    Column("key_id", String(64), primary_key=True),  # SHA-256 hex of the public key
    Column("public_key", LargeBinary, nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=True),  # null: until it is followed by another
)

# Every letter said and heard, as it was signed. Words never change; both hubs have the same SHA-256 of them.
federation_letter = Table(
    "federation_letter",
    METADATA,
    Column("partner_id", String(32), primary_key=True),
    Column("outgoing", Boolean, primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("signed", LargeBinary, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    # Invariant: outgoing leaves `waiting` once (delivered, refused, dropped); incoming is taken from the start.
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_us", BigInteger, nullable=False),  # not before this is it tried again
    Column("fault", Text, nullable=False),
    Column("done_us", BigInteger, nullable=True),
    Column("receipt", LargeBinary, nullable=False),  # signed by the other side when outgoing, by us when incoming
    Index("ix_federation_letter_state_next_us", "state", "next_us"),
    Index("ix_federation_letter_made_us", "made_us"),
)

# Numbers used once by partners, for as long as a delivery counts as fresh.
federation_nonce = Table(
    "federation_nonce",
    METADATA,
    Column("partner_id", String(32), primary_key=True),
    Column("nonce", String(64), primary_key=True),
    Column("at_us", BigInteger, nullable=False, index=True),
)

# Questions asked (outgoing) and heard, and what was answered.
federation_question = Table(
    "federation_question",
    METADATA,
    Column("partner_id", String(32), primary_key=True),
    Column("outgoing", Boolean, primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("words", JSON, nullable=False),
    Column("account_id", String(64), nullable=False),  # who asked here; "" for a partner's
    Column("asker", Text, nullable=False),
    Column("asked_us", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # waiting, unknown, yes, no, refused
    Column("code", String(32), nullable=False),  # why refused
    Column("told", Text, nullable=False),  # the answer in words
    Column("answered_us", BigInteger, nullable=True),
    Column("hold", String(64), nullable=False),  # the holder's reference; "" where nothing is held
    Column("until_us", BigInteger, nullable=True),
    Column("count", Integer, nullable=True),  # cameras, where the holder's policy tells
    # Of a partner's question only. Never leaves this hub.
    Column("cameras", JSON, nullable=False),
    Column("away", JSON, nullable=False),  # those of sites that have not answered yet
    Index("ix_federation_question_asked_us", "asked_us"),
)

# Formal requests made (outgoing) and heard.
federation_request = Table(
    "federation_request",
    METADATA,
    Column("partner_id", String(32), primary_key=True),
    Column("outgoing", Boolean, primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("question_id", String(64), nullable=False),
    Column("number", String(64), nullable=False),  # that the holder gave it; "" before
    Column("words", JSON, nullable=False),
    Column("account_id", String(64), nullable=False),  # who made it here; "" for a partner's
    Column("asker", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    # Invariant: sent -> received -> decided -> ready -> delivered, or refused; never back.
    Column("state", String(16), nullable=False),
    Column("told", Text, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    Column("decided_by", String(64), nullable=False),
    Index("ix_federation_request_made_us", "made_us"),
)

# Sealed packages offered (outgoing) and fetched. The bytes are files.
federation_package = Table(
    "federation_package",
    METADATA,
    Column("partner_id", String(32), primary_key=True),
    Column("outgoing", Boolean, primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("request_id", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("manifest_sha256", String(64), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    # Invariant: offered -> receipted; coming -> here (or failed). Bytes are `here` only once their SHA-256 is right.
    Column("state", String(16), nullable=False),
    Column("have", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_us", BigInteger, nullable=False),
    Column("fault", Text, nullable=False),
    Column("done_us", BigInteger, nullable=True),
)
