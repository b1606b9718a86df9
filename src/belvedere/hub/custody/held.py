"""Which keys the hub releases for holds: those of camera-days that a live hold of its own really touches."""

from dataclasses import dataclass

import structlog
from sqlalchemy import Engine, select

from belvedere.foundation.clock import DAY_US
from belvedere.foundation.errors import BelvedereError
from belvedere.hub.custody.ledger import Ledger
from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import hold
from belvedere.link.held import HeldDay, HeldDays

log = structlog.get_logger()

_NEAR_US = 900_000_000


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A camera-day key, and the holds that it is released for."""

    camera: str
    day: int
    key: bytes
    holds: tuple[str, ...]


def keys_for_holds(engine: Engine, ledger: Ledger, asked: HeldDays) -> list[HeldKey]:
    """The keys that `asked` names and that may leave. A day that no live hold touches, or whose key can't be opened here, is
    left out: it stays shut, and its footage stays whole. Blocking."""
    if not asked.days:
        return []
    with reading(engine) as connection:
        query = select(hold.c.id, hold.c.cameras, hold.c.from_us, hold.c.to_us).where(hold.c.ended_us.is_(None))
        live = connection.execute(query).all()
    found = []
    for day in asked.days:
        holds = tuple(
            sorted(row.id for row in live if day.camera in row.cameras and _touches(day, row.from_us, row.to_us))
        )
        if not holds:
            log.error("key_not_released", camera=day.camera, day=day.day, reason="no hold of this hub touches it")
            continue
        try:
            key = ledger.key_of(asked.box, day.camera, day.day, day.copies)
        except BelvedereError as error:  # waits for `belvedere keys recover`
            log.warning("key_not_released", camera=day.camera, day=day.day, reason=error.message)
            continue
        found.append(HeldKey(day.camera, day.day, key, holds))
    return found


def _touches(day: HeldDay, from_us: int, to_us: int) -> bool:
    """Footage is sealed under the key of its own day or, imported, of a later one: no earlier day's key is given for it.

    What is copied may lie beside the hold's own span: whole groups of pictures, and the segments before that they need.
    """
    return day.from_us // DAY_US <= day.day and day.from_us < to_us + _NEAR_US and day.to_us > from_us - _NEAR_US
