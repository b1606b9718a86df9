"""Records of sites go with their time at the hub: what a hold or a card needs stays, and nothing that went is taken for lost."""

import asyncio
from collections.abc import Iterator
from typing import cast

import pytest
from sqlalchemy import Engine, select

from aging_stage import EPOCH, Noted, fill, here, place_hold, told
from belvedere.foundation.clock import DAY_US, HOUR_US, SimulatedClock
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.fleet import aging as aging_module
from belvedere.hub.fleet.aging import DROPPED, RecordAging
from belvedere.hub.fleet.records import RecordBook
from belvedere.hub.fleet.tables import site_record
from belvedere.hub.storage import reading, writing
from belvedere.hub.storage.metadata import hold
from belvedere.link.records import ALERTS, METADATA, Batch, Record
from outbox_stage import hub_engine


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = hub_engine()
    hold.create(made)
    yield made
    made.dispose()


def test_what_is_too_old_goes_in_portions_and_is_said(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aging_module, "_PORTION", 3)
    monkeypatch.setattr(aging_module, "_REST_S", 0.0)
    clock, log = SimulatedClock(), Noted()
    book = RecordBook(engine, clock)
    fill(book, clock, 10)
    keeper = RecordAging(engine, clock, cast(AuditLog, log), days=4)
    gone = asyncio.run(keeper.look())
    young = here(engine)
    assert young == list(range(young[0], 41)) and 16 <= len(young) <= 20
    assert gone.records == {"rowan": 40 - len(young) + 10 - len(here(engine, ALERTS))}
    ((kind, facts),) = log.facts
    assert kind == DROPPED and facts["sites"] == gone.records and facts["days"] == 4 and facts["held"] == 0
    # Numbers that went are not taken for lost, and the site goes on where it was.
    assert keeper.missing() == [] and book.gaps() == []
    assert book.take("rowan", Batch(EPOCH, METADATA, 41, 0, (told("gate", clock.now_us()),))) == 42
    assert keeper.missing() == []
    assert asyncio.run(keeper.look()).records == {} and len(log.facts) == 1


def test_what_a_hold_or_a_card_needs_stays_until_it_ends(engine: Engine) -> None:
    clock, log = SimulatedClock(), Noted()
    book, begun_us = RecordBook(engine, clock), clock.now_us()
    book.take("elm", Batch(EPOCH, METADATA, 1, 0, (Record("site_card", begun_us, '{"camera":"none"}'),)))
    fill(book, clock, 3)
    place_hold(engine, "gate", begun_us, begun_us + HOUR_US)
    clock.advance(20 * DAY_US)
    keeper = RecordAging(engine, clock, cast(AuditLog, log), days=4)
    gone = asyncio.run(keeper.look())
    with reading(engine) as connection:
        kept = connection.execute(select(site_record.c.site_id, site_record.c.body, site_record.c.seq)).all()
    assert {(row.site_id, row.seq) for row in kept} == {("elm", 1), ("rowan", 1), ("rowan", 3)}
    assert sum(gone.records.values()) == 12 + 3 - 3 and gone.held == 4 and keeper.missing() == []
    with writing(engine) as connection:
        connection.execute(hold.update().values(ended_us=clock.now_us()))
    assert asyncio.run(keeper.look()).records == {"rowan": 3}
    assert here(engine) == [1] and here(engine, ALERTS) == [] and keeper.missing() == []


def test_a_number_that_was_lost_is_found(engine: Engine) -> None:
    clock = SimulatedClock()
    book = RecordBook(engine, clock)
    fill(book, clock, 2)
    keeper = RecordAging(engine, clock, cast(AuditLog, Noted()), days=400)
    assert keeper.missing() == []
    with writing(engine) as connection:
        connection.execute(site_record.delete().where(site_record.c.lane == METADATA, site_record.c.seq == 3))
    assert keeper.missing() == [("rowan", METADATA, 1)]
    # A gap that a site told of is accounted for.
    book.take("elm", Batch(EPOCH, METADATA, 7, 0, (told("gate", 1),)))
    assert keeper.missing() == [("rowan", METADATA, 1)]
