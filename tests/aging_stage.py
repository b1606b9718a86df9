"""Records of sites at a hub, some days old, and holds on some."""

from typing import Any

from sqlalchemy import Engine, insert, select

from belvedere.foundation.clock import DAY_US, SimulatedClock
from belvedere.hub.fleet.records import RecordBook
from belvedere.hub.fleet.tables import site_record
from belvedere.hub.storage import reading, writing
from belvedere.hub.storage.metadata import hold
from belvedere.link.records import ALERTS, METADATA, Batch, Record

EPOCH = bytes(range(16))


class Noted:
    """The log, as far as it is told of here."""

    def __init__(self) -> None:
        self.facts: list[tuple[str, dict[str, Any]]] = []

    async def append(self, kind: str, _by: str, facts: dict[str, Any]) -> None:
        self.facts.append((kind, facts))


def told(camera: str, at_us: int) -> Record:
    return Record("device_event", at_us, f'{{"camera":"{camera}","kind":"motion"}}')


def fill(book: RecordBook, clock: SimulatedClock, days: int) -> None:
    """Four records a day in one lane, two cameras in turn, and one alert a day."""
    for day in range(days):
        now_us = clock.now_us()
        four = tuple(told(("gate", "yard")[at % 2], now_us + at) for at in range(4))
        book.take("rowan", Batch(EPOCH, METADATA, 1 + 4 * day, now_us, four))
        book.take(
            "rowan", Batch(EPOCH, ALERTS, 1 + day, now_us, (Record("fault", now_us, '{"subject":"camera:gate"}'),))
        )
        clock.advance(DAY_US)


def here(engine: Engine, lane: int = METADATA) -> list[int]:
    with reading(engine) as connection:
        query = select(site_record.c.seq).where(site_record.c.lane == lane).order_by(site_record.c.seq)
        return list(connection.scalars(query))


def place_hold(engine: Engine, camera: str, from_us: int, to_us: int) -> None:
    words = {name: "" for name in ("owner_id", "owner", "reason", "reference", "ended_why")}
    with writing(engine) as connection:
        connection.execute(
            insert(hold).values(
                id="hold_1", cameras=[camera], from_us=from_us, to_us=to_us, placed_us=1, expires_us=1 << 60, **words
            )
        )
