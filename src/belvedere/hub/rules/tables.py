"""Tables of live rules. Every version of a rule stays; alarms keep what a person said of them."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, PrimaryKeyConstraint, String, Table, Text

from belvedere.hub.storage.metadata import METADATA

live_rule = Table(
    "live_rule",
    METADATA,
    Column("id", String(64), nullable=False),
    Column("version", Integer, nullable=False),  # from 1; the highest holds
    Column("camera_id", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("switched_on", Boolean(), nullable=False),
    Column("words", Text, nullable=False),  # JSON of link.rules.LiveRule
    Column("reason", Text, nullable=False),
    Column("account_id", String(64), nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),  # later than that of every row before
    Column("since_us", BigInteger, nullable=False),  # it minds the same things since then; its figures count from here
    PrimaryKeyConstraint("id", "version", name="pk_live_rule"),
)

rule_alarm = Table(
    "rule_alarm",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("site_id", String(64), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("rule_id", String(64), nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("camera_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("object", Integer, nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("confidence", Float(53), nullable=False),
    Column("box", Text, nullable=False),  # JSON: left, top, right, bottom
    Column("words", Text, nullable=False),
    Column("heard_us", BigInteger, nullable=False),
    Column("verdict", String(16), nullable=False),  # "" until somebody judged: true, false, unclear
    Column("judged_by", Text, nullable=False),
    Column("judged_us", BigInteger, nullable=True),
    Column("note", Text, nullable=False),
)
Index("ix_rule_alarm_time_us", rule_alarm.c.time_us)
Index("ix_rule_alarm_rule_id_time_us", rule_alarm.c.rule_id, rule_alarm.c.time_us)

# What a rule's site counted, by day (days since 1970, UTC).
rule_count = Table(
    "rule_count",
    METADATA,
    Column("site_id", String(64), nullable=False),
    Column("rule_id", String(64), nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("day", Integer, nullable=False),
    Column("raised", Integer, nullable=False),
    Column("shadow", Integer, nullable=False),
    Column("muted", Integer, nullable=False),
    PrimaryKeyConstraint("site_id", "rule_id", "rule_version", "day", name="pk_rule_count"),
)

# What a site said last. `version`: made_us of the newest row of live_rule that it has.
rule_site = Table(
    "rule_site",
    METADATA,
    Column("site_id", String(64), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("heard_us", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),  # of the newest alarm that was taken in
    Column("cameras", Text, nullable=False),  # JSON: camera, newest picture, pictures a second
)
