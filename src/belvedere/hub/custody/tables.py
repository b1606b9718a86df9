"""The tables of custody. They are made by a migration like all others, and hang on the same metadata."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from belvedere.hub.storage.metadata import METADATA

# Keys that camera-day keys are sealed for. Private halves are never in the database: hub/keys/wrapping/ID.key, or the officers'.
wrapping_key = Table(
    "wrapping_key",
    METADATA,
    Column("id", String(16), primary_key=True),  # media.keybox.recipient_name
    Column("role", String(16), nullable=False),  # hub, break_glass
    Column("title", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    # Invariant: at most one key of a role is not retired.
    Column("retired_us", BigInteger, nullable=True),
    Column("destroyed_us", BigInteger, nullable=True),  # when the private half went
)

# A recorder as a thing: a replacement under the same site is another box.
site_box = Table(
    "site_box",
    METADATA,
    Column("id", String(36), primary_key=True),  # UUID that the box gave itself
    Column("site_id", String(48), nullable=False, index=True),
    Column("public_key", LargeBinary, nullable=False),  # Ed25519, signs its certificate of disposal
    Column("first_us", BigInteger, nullable=False),
    Column("seen_us", BigInteger, nullable=False),
    Column("local_days", Integer, nullable=False),
    Column("other_copies", Integer, nullable=False),
    Column("held_keys", Integer, nullable=False),
    Column("lost_us", BigInteger, nullable=True),
    Column("disposed_us", BigInteger, nullable=True),
    Column("document", LargeBinary, nullable=True),  # sealed for the hub's wrapping key
    Column("document_sha256", LargeBinary, nullable=True),
    Column("document_us", BigInteger, nullable=True),
)

# A camera-day that a box has told of. `forgotten_us`: the box has no copy of the key any more that it could open itself.
camera_day = Table(
    "camera_day",
    METADATA,
    Column("box", String(36), primary_key=True),
    Column("camera", String(48), primary_key=True),
    Column("day", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("key_check", LargeBinary, nullable=False),
    Column("told_us", BigInteger, nullable=False),
    Column("forgotten_us", BigInteger, nullable=True),
    Column("destroyed_us", BigInteger, nullable=True),
)

camera_day_copy = Table(
    "camera_day_copy",
    METADATA,
    Column("box", String(36), primary_key=True),
    Column("camera", String(48), primary_key=True),
    Column("day", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("recipient", String(16), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("kept_us", BigInteger, nullable=False),
    Index("ix_camera_day_copy_recipient", "recipient"),
)

camera_day_root = Table(
    "camera_day_root",
    METADATA,
    Column("box", String(36), primary_key=True),
    Column("camera", String(48), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("leaves", Integer, nullable=False),
    Column("deleted", Integer, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("audit_index", BigInteger, nullable=False),  # the log entry that names it
)
