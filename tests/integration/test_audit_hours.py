"""Counts by the hour say what the entries say, for every filter and span, and forget people and cameras with the entries."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, delete, insert, select, update

from belvedere.foundation.clock import HOUR_US, MINUTE_US
from belvedere.hub.audit.hours import take_off
from belvedere.hub.audit.search import MOST_BUCKETS, LogFilter, LogSearch
from belvedere.hub.audit.tables import audit_about, audit_hour
from belvedere.hub.storage import open_engine, upgrade
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import audit_entry

START_US = 1_780_000_000_000_000 // HOUR_US * HOUR_US + 17 * MINUTE_US
HOURS, COUNT = 200, 900
KINDS = ("view.live", "view.live", "grant.issued", "grant.refused")


class Head:
    """A log of `size` entries, as far as searching it is concerned."""

    def __init__(self, size: int) -> None:
        self.size = size

    def checkpoint(self) -> "Head":
        return self


def rows() -> list[dict[str, Any]]:
    chance = random.Random(5)
    found = []
    for index in range(COUNT):
        kind, person = chance.choice(KINDS), f"user_{chance.randrange(3)}"
        facts: dict[str, Any] = {"camera": f"cam-{chance.randrange(3)}"}
        if kind == "grant.issued":
            facts = {"cameras": ["cam-1", "cam-2"], "case": "CR/1"}
        time_us = (
            START_US + index * HOURS * HOUR_US // COUNT - (HOUR_US if index % 50 == 0 else 0)
        )  # set back now and then
        body = msgspec.json.encode({"facts": facts}).decode()
        words = {"index": index, "time_us": time_us, "kind": kind, "account_id": person}
        found.append({**words, "salt": b"s", "body": body, "entry_hash": b"h"})
    return found


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path / 'hub.db'}")
    upgrade(made)
    with writing(made) as connection:
        connection.execute(insert(audit_entry), rows())
    yield made
    made.dispose()


def search_of(engine: Engine, size: int = COUNT) -> LogSearch:
    return LogSearch(engine, Head(size))  # type: ignore[arg-type]


SPANS: tuple[dict[str, int | None], ...] = (
    {},
    {"from_us": START_US + 5 * HOUR_US},
    {"to_us": START_US + 190 * HOUR_US + 1},
    {"from_us": START_US + 7 * MINUTE_US, "to_us": START_US + 150 * HOUR_US + 9},
    {"from_us": START_US - START_US % HOUR_US, "to_us": START_US - START_US % HOUR_US + 130 * HOUR_US},
    {"from_us": START_US + 7 * MINUTE_US, "to_us": START_US + 9 * MINUTE_US},
    {"from_us": START_US + 400 * HOUR_US},
)
FILTERS = (
    LogFilter(),
    LogFilter(kind="view.live"),
    LogFilter(person="user_1"),
    LogFilter(camera="cam-2"),
    LogFilter(person="user_1", kind="grant.issued"),
    LogFilter(person="user_1", camera="cam-1"),
    LogFilter(case="CR/1"),
    LogFilter(kind="no.such"),
)


def matches(row: dict[str, Any], wanted: LogFilter) -> bool:
    facts = msgspec.json.decode(row["body"])["facts"]
    cameras = facts.get("cameras", [facts.get("camera")])
    return (
        wanted.kind in ("", row["kind"])
        and wanted.person in ("", row["account_id"])
        and (not wanted.camera or wanted.camera in cameras)
        and wanted.case in ("", facts.get("case", ""))
        and (not wanted.refused or row["kind"].endswith(".refused"))
        and (wanted.from_us or 0) <= row["time_us"]
        and (wanted.to_us is None or row["time_us"] < wanted.to_us)
    )


def test_a_picture_over_time_is_that_of_the_entries(engine: Engine) -> None:
    search_of(engine, COUNT // 2).catch_up()  # in two turns, so that an hour is counted in both
    search = search_of(engine)
    for wanted in (replace(each, **span, refused=no) for each in FILTERS for span in SPANS for no in (False, True)):  # type: ignore[arg-type]
        there = [row for row in rows() if matches(row, wanted)]
        found = search.histogram(wanted)
        assert found.total == len(there) == sum(one.count for one in found.buckets), wanted
        assert len(found.buckets) <= MOST_BUCKETS
        for one in found.buckets:
            inside = [row for row in there if one.start_us <= row["time_us"] < one.start_us + found.width_us]
            assert one.count == len(inside), wanted
            assert one.refused == sum(row["kind"].endswith(".refused") for row in inside), wanted
        page = [entry.index for entry in search.find(wanted, limit=COUNT)]
        assert page == sorted((row["index"] for row in there), reverse=True), wanted


def test_what_is_erased_counts_for_no_person_and_no_camera(engine: Engine) -> None:
    search_of(engine).catch_up()
    with writing(engine) as connection:
        take_off(connection, 0, 299)
        connection.execute(
            update(audit_entry).where(audit_entry.c.index < 300).values(body=None, salt=None, account_id="")
        )
        connection.execute(delete(audit_about).where(audit_about.c.index < 300))
        take_off(connection, 0, 299)  # once more, after a crash: nothing is taken off twice
    search = search_of(engine)
    left = rows()[300:]
    assert search.histogram(LogFilter()).total == COUNT
    for wanted in FILTERS[2:5]:
        assert search.histogram(wanted).total == sum(matches(row, wanted) for row in left)
    with reading(engine) as connection:
        first = connection.execute(
            select(audit_hour.c.hour_us).where(audit_hour.c.subject == "person").order_by(audit_hour.c.hour_us)
        )
        assert first.scalars().first() >= left[0]["time_us"] - 2 * HOUR_US
