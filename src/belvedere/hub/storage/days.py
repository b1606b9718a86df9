"""Day partitions on PostgreSQL: made ahead, so that a day's rows lie in a table of their own with small indexes. SQLite has none.

Why, and for which tables: docs/design/postgres.md.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, inspect, text

from belvedere.foundation.clock import DAY_US, Clock
from belvedere.hub.storage.engine import reading, writing

AHEAD_DAYS = 3
# Table -> the column (microseconds UTC, by the hub's clock) whose day decides.
DAILY = {"site_record": "received_us"}
_REST = (
    "rest"  # the default partition: takes what no day was made for, so that a record is never refused for want of one
)
_NAME = re.compile(r"(?P<table>[a-z_]+)_(d\d{8}|rest)")
_LOCK = 0x62656C78  # any constant: two hub processes don't make the same day at once


def is_part(name: str) -> bool:
    """Whether a table's name is that of a partition."""
    found = _NAME.fullmatch(name)
    return found is not None and found["table"] in DAILY


def rest_of(table: str) -> str:
    """Name of the default partition."""
    return f"{table}_{_REST}"


def day_name(table: str, day: int) -> str:
    """Name of the partition of `day` (days since 1970)."""
    return f"{table}_d{datetime.fromtimestamp(0, UTC) + timedelta(days=day):%Y%m%d}"


def days_before(tables: Iterable[str], table: str, end_us: int) -> list[str]:
    """Of these names, the partitions of days that ended by `end_us`, oldest first."""
    found = []
    for name in tables:
        part = _NAME.fullmatch(name)
        if part is not None and part["table"] == table and not name.endswith(_REST):
            day = datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=UTC)
            if int(day.timestamp()) * 1_000_000 + DAY_US <= end_us:
                found.append(name)
    return sorted(found)


def add_days(connection: Connection, table: str, first_us: int, last_us: int) -> list[str]:
    """Make the partitions of every day from `first_us` to `last_us`, those that are missing; names of what was made.

    A day of which rows lie in the default partition already stays there. Within a transaction.
    """
    there = set(inspect(connection).get_table_names())
    made = []
    for day in range(first_us // DAY_US, last_us // DAY_US + 1):
        name, bounds = day_name(table, day), {"first": day * DAY_US, "end": (day + 1) * DAY_US}
        column = DAILY[table]
        stray = f"SELECT 1 FROM {rest_of(table)} WHERE {column} >= :first AND {column} < :end LIMIT 1"
        if name in there or connection.execute(text(stray), bounds).first() is not None:
            continue
        span = f"FROM ({bounds['first']}) TO ({bounds['end']})"  # a bound is no parameter in PostgreSQL
        connection.execute(text(f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES {span}"))
        made.append(name)
    return made


def keep_ahead(engine: Engine, clock: Clock) -> list[str]:
    """Have today's partitions and those of the next days; names of what was made. Nothing to do on SQLite. Blocks."""
    if engine.dialect.name != "postgresql":
        return []
    now_us = clock.now_us()
    wanted = {
        day_name(table, day)
        for table in DAILY
        for day in range(now_us // DAY_US, (now_us + AHEAD_DAYS * DAY_US) // DAY_US + 1)
    }
    with reading(engine) as connection:
        if wanted <= set(inspect(connection).get_table_names()):
            return []
    with writing(engine) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        made = []
        for table in DAILY:
            made += add_days(connection, table, now_us, now_us + AHEAD_DAYS * DAY_US)
        return made
