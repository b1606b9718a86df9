"""The hub's tables, one schema for SQLite and PostgreSQL. Migrations make them; this file describes the newest version.

Times are microseconds UTC (`*_us`). Names that SQL reserves are avoided (`account`, not user; `access_grant`, not grant).
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

site = Table(
    "site",
    METADATA,
    Column("id", String(48), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)

camera = Table(
    "camera",
    METADATA,
    Column("id", String(48), primary_key=True),
    Column("site_id", String(48), ForeignKey("site.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("place", Text, nullable=False),
    # Invariant: lat and lon are both given or both null; so are bearing_deg, fov_deg and range_m.
    Column("lat", Float(53), nullable=True),
    Column("lon", Float(53), nullable=True),
    Column("bearing_deg", Float(53), nullable=True),
    Column("fov_deg", Float(53), nullable=True),
    Column("range_m", Float(53), nullable=True),
    Column("height_m", Float(53), nullable=True),
    Column("created_us", BigInteger, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
)

account = Table(
    "account",
    METADATA,
    Column("id", String(64), primary_key=True),
    # Invariant: lower case, so that a name is one person however it is typed.
    Column("name", String(64), nullable=False, unique=True),
    Column("display", Text, nullable=False),
    Column("role", String(32), nullable=False),
    Column("password_hash", Text, nullable=False),  # argon2id, "" until the person sets one
    # Invariant: a code works once; using it empties code_hash in the same transaction.
    Column("code_hash", String(64), nullable=False),  # SHA-256 hex, "" when none is open
    Column("code_expires_us", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("disabled", Boolean, nullable=False),
    # Invariant: never holds `role` itself, nor a role that sees pictures beside administrator (see access.roles).
    Column("more_roles", JSON, nullable=False, server_default="[]"),  # list of names
    Column("sites", JSON, nullable=False, server_default="[]"),  # list of ids; empty: all
    Column("shifts", JSON, nullable=False, server_default="[]"),  # list of [from_us, until_us), in order
    Column("trained_us", BigInteger, nullable=True),
    Column("spss_expires_us", BigInteger, nullable=True),
    Column("spss_number", String(64), nullable=False, server_default=""),  # licence for public space surveillance
    Column("team", String(64), nullable=False, server_default=""),  # "": counts as a team of the main role
)

passkey = Table(
    "passkey",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("credential_id", String(1400), nullable=False, unique=True),  # base64url; 1,023 bytes at most (WebAuthn)
    Column("public_key", LargeBinary, nullable=False),  # COSE
    # Invariant: rises with each use, or stays 0 where the authenticator does not count.
    Column("sign_count", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("synced", Boolean, nullable=False),  # backed up by the maker's cloud, as the authenticator says
    Column("added_us", BigInteger, nullable=False),
    Column("used_us", BigInteger, nullable=False),
)

session = Table(
    "session",
    METADATA,
    Column("id_hash", String(64), primary_key=True),  # SHA-256 hex of the 256-bit id in the cookie
    Column("account_id", String(64), ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_us", BigInteger, nullable=False),
    Column("used_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False, index=True),  # absolute end; the idle end is used_us + 15 minutes
    Column("by_code", Boolean, nullable=False),  # opened with a one-time code: the password is still to be set
    Column("address", String(64), nullable=False, server_default=""),
    Column("device_hash", String(64), nullable=False, server_default=""),  # SHA-256 hex of the browser's id; "" unbound
    Column(
        "agent", String(64), nullable=False, server_default=""
    ),  # family of browser and system, such as Firefox on Windows
    Column("passkey_id", String(64), nullable=False, server_default=""),  # the passkey that opened it, "" for others
    Column("by_council", Boolean, nullable=False, server_default=false()),  # opened with the council's account
)

# Who a person is at the council's provider. Names and addresses there are given to others one day, subjects never.
council_account = Table(
    "council_account",
    METADATA,
    Column("issuer", String(255), primary_key=True),
    Column("account_id", String(64), ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("subject", String(255), nullable=False),
    Column("bound_us", BigInteger, nullable=False),
    UniqueConstraint("issuer", "subject", name="uq_council_account_issuer_subject"),
)

access_grant = Table(
    "access_grant",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("account.id"), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("case_ref", Text, nullable=False),
    Column("issued_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    # Invariant: once set it never returns to null; an ended grant stays ended.
    Column("ended_us", BigInteger, nullable=True),
    Column("wire", LargeBinary, nullable=False),  # the hub's signed words, as the site reads them
    Column("audit_index", BigInteger, nullable=False),  # the entry that made it usable
    Column("session_key", String(64), nullable=False),  # id_hash of the session it ends with, "" when it outlives it
    Index("ix_access_grant_account_id_expires_us", "account_id", "expires_us"),
    Index("ix_access_grant_expires_us", "expires_us"),
)

audit_entry = Table(
    "audit_entry",
    METADATA,
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("time_us", BigInteger, nullable=False),
    Column("kind", String(48), nullable=False),
    Column("account_id", String(64), nullable=False),  # no foreign key: an entry outlives the account
    Column("salt", LargeBinary, nullable=True),  # null once erased
    Column("body", Text, nullable=True),  # canonical JSON; null once erased
    Column("entry_hash", LargeBinary, nullable=False),
    Index("ix_audit_entry_account_id_index", "account_id", "index"),
    Index("ix_audit_entry_kind_index", "kind", "index"),
    Index("ix_audit_entry_time_us_kind_index", "time_us", "kind", "index"),
)

# Acts of the command line, which has no log of its own; the hub enters them in the audit log when it next runs.
local_act = Table(
    "local_act",
    METADATA,
    Column("order", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),  # given by the database
    Column("id", String(64), nullable=False, unique=True),
    Column("time_us", BigInteger, nullable=False),
    Column("kind", String(48), nullable=False),
    Column("facts", JSON, nullable=False),
)

export = Table(
    "export",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("grant_id", String(64), nullable=False),
    Column("account_id", String(64), nullable=False),
    Column("made_by", Text, nullable=False),
    Column("cameras", JSON, nullable=False),  # list of ids
    Column("start_us", BigInteger, nullable=False),
    Column("end_us", BigInteger, nullable=False),
    Column("made_us", BigInteger, nullable=False, index=True),
    Column("state", String(16), nullable=False),  # working, ready, failed
    Column("progress", Float(53), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("kind", String(16), nullable=False, server_default="evidence"),  # evidence, working_copy
)

# Faults that sites found, with what people decided about them. `id` is the fault's id at its site.
ticket = Table(
    "ticket",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("site_id", String(48), nullable=False),
    Column("subject", String(16), nullable=False),  # camera, disk, site
    Column("subject_id", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Column("first_us", BigInteger, nullable=False),
    Column("last_us", BigInteger, nullable=False),
    Column("times", Integer, nullable=False),
    Column("closed_us", BigInteger, nullable=True),
    Column("closed_why", String(16), nullable=False),  # healthy, gone, by_hand; "" while open
    Column("closed_by", Text, nullable=False),
    Column("reason", Text, nullable=False),  # given by who closed it by hand
    Column("owner", Text, nullable=False),
    Column("visit_us", BigInteger, nullable=True),
    Index("ix_ticket_closed_us_first_us", "closed_us", "first_us"),
)

ticket_note = Table(
    "ticket_note",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("ticket_id", String(64), ForeignKey("ticket.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("time_us", BigInteger, nullable=False),
    Column("account_id", String(64), nullable=False),  # no foreign key: a note outlives the account
    Column("by", Text, nullable=False),
    Column("text", Text, nullable=False),
)

# How long cameras of one class keep their footage.
retention_class = Table(
    "retention_class",
    METADATA,
    Column("name", String(48), primary_key=True),
    Column("days", Integer, nullable=False),
    Column("reference", Text, nullable=False),  # the written decision, where `days` exceeds the ceiling
)

camera_class = Table(
    "camera_class",
    METADATA,
    Column("camera", String(48), primary_key=True),  # no foreign key: footage may outlast the camera
    Column("class_name", String(48), ForeignKey("retention_class.name"), nullable=False),
)

hold = Table(
    "hold",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("cameras", JSON, nullable=False),  # list of ids
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("owner_id", String(64), nullable=False),
    Column("owner", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("placed_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    # Invariant: once set it never returns to null; the footage it let go may be gone.
    Column("ended_us", BigInteger, nullable=True, index=True),
    Column("ended_why", Text, nullable=False),
)

# What people decided about deletion; a site carries each out once.
retention_decision = Table(
    "retention_decision",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),  # go, no, restore
    Column("account_id", String(64), nullable=False),
    Column("made_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False, index=True),
    Column("night", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("hold_id", String(64), nullable=False),
    Column("site_id", String(48), nullable=False, server_default=""),  # "": all; for a night: the hub's own machine
)

# How retention stood at each site when it was heard last, for while it is away.
retention_told = Table(
    "retention_told",
    METADATA,
    Column("site_id", String(48), primary_key=True),
    Column("heard_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),  # `link.retention.RetentionState` as the link carries it
)

# One row. Invariant: the number rises with every change that a site has to hear of.
retention_revision = Table(
    "retention_revision",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
)

certificate = Table(
    "certificate",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("site", String(48), nullable=False),
    Column("made_us", BigInteger, nullable=False, index=True),
    Column("last_line", BigInteger, nullable=False),  # of the site's destructions
    Column(
        "series", String(16), nullable=False, server_default=""
    ),  # which count of them; "": from before counts had names
    Column("cameras", Integer, nullable=False),
    Column("segments", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("whys", Text, nullable=False),  # comma-separated
    Column("body", LargeBinary, nullable=False),  # the file as it is given out
)
