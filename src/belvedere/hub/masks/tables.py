"""The table of permanent masks: every version, who drew it and why. Nothing is changed or deleted."""

from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, String, Table, Text

from belvedere.hub.storage.metadata import METADATA

camera_mask = Table(
    "camera_mask",
    METADATA,
    Column("camera_id", String(64), nullable=False),
    Column("version", Integer, nullable=False),  # from 1; the highest holds
    Column("polygons", Text, nullable=False),  # JSON: corners as shares of width and height
    Column("account_id", String(64), nullable=False),
    Column("made_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("camera_id", "version", name="pk_camera_mask"),
)
