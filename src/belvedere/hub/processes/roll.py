"""The roll of the hub's processes: who lives, who has the chair. Once a second from a thread of its own, by the database's clock.

A thread, because an event loop that is busy for some seconds is no reason to take the chair from its process.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine, delete, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import StorageFault
from belvedere.hub.processes.tables import hub_lease, hub_process, hub_word, site_line
from belvedere.hub.storage.engine import reading, writing

LEASE_US = 6 * SECOND_US
EVERY_S = 1.0
HANGS_US = 20 * SECOND_US  # an event loop that says nothing for so long hangs, and its process is on the roll no more
STANDS_BACK_US = 10 * SECOND_US
CHAIR = "chair"
_TAKE, _HEARD, _LIVING = (
    text(Path(__file__).with_name(name).read_text("utf-8")) for name in ("lease.sql", "heard.sql", "living.sql")
)
_LOG = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Known:
    """The processes as the database has them. `number`: of the lease, when this process has the chair, else 0."""

    living: dict[str, str] = field(default_factory=dict)  # id: address
    chair: str = ""
    number: int = 0
    lines: dict[str, tuple[str, str]] = field(default_factory=dict)  # site: process, what it said as JSON
    words: dict[str, str] = field(default_factory=dict)  # name: what the chair tells, as JSON


class Roll:
    """One for each process. `tell` is called in the roll's thread after each look."""

    def __init__(
        self, engine: Engine, clock: Clock, own: str, address: str, pid: int, tell: Callable[[Known], None]
    ) -> None:
        self._engine = engine
        self._clock = clock
        self.own = own
        self._row = {"id": own, "address": address, "pid": pid}
        self._tell = tell
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        # Invariant: past this moment (monotonic) another process may have the chair.
        self._until_us = 0
        self._alive_us = clock.monotonic_us()
        self._stands_back_us = 0  # until then (monotonic) the chair is left to others
        self.known = Known()

    def start(self) -> None:
        """Begin; the first look is made here. Raises SQLAlchemyError."""
        self._look()
        self._thread = threading.Thread(target=self._run, name="roll", daemon=True)
        self._thread.start()

    def look_soon(self) -> None:
        """Something changed."""
        self._wake.set()

    def stop(self) -> None:
        """Give the chair back and leave the roll. Blocks."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        try:
            with writing(self._engine) as connection:
                mine = hub_lease.c.holder == self.own
                connection.execute(update(hub_lease).where(mine).values(holder="", until_us=0))
                connection.execute(delete(hub_process).where(hub_process.c.id == self.own))
                connection.execute(delete(site_line).where(site_line.c.process_id == self.own))
        except SQLAlchemyError as error:  # the database is away: the lease runs out by itself
            _LOG.warning("roll_not_left", reason=str(error))

    def alive(self) -> None:
        """The process's event loop turns."""
        self._alive_us = self._clock.monotonic_us()

    def has_chair(self) -> bool:
        """Whether no other process can have the chair now."""
        return self.known.number > 0 and self._clock.monotonic_us() < self._until_us

    def pass_on(self) -> None:
        """This process can't do the chair's work: leave it to others for a while. Blocks."""
        self._stands_back_us = self._clock.monotonic_us() + STANDS_BACK_US
        self._until_us = 0
        self.known = replace(self.known, number=0)
        try:
            with writing(self._engine) as connection:
                mine = hub_lease.c.holder == self.own
                connection.execute(update(hub_lease).where(mine).values(holder="", until_us=0))
        except SQLAlchemyError as error:  # the database is away: the lease runs out by itself
            _LOG.warning("chair_not_passed_on", reason=str(error))

    def address(self, process: str) -> str:
        """Where a living process is reached, "" for one that is gone."""
        return self.known.living.get(process, "")

    def gone(self, process: str) -> bool:
        """Whether a process of the hub has ended."""
        return process not in self.known.living

    def fence(self, number: int) -> Callable[[Connection], None]:
        """What refuses a write once another process has taken the chair that was held under `number`."""
        query = select(hub_lease.c.number).where(
            hub_lease.c.name == CHAIR, hub_lease.c.holder == self.own, hub_lease.c.number == number
        )

        def check(connection: Connection) -> None:
            if connection.execute(query.with_for_update(read=True)).first() is None:
                raise StorageFault(
                    "Another process of the hub has taken over.", advice="Try again: the other one answers."
                )

        return check

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(EVERY_S)
            self._wake.clear()
            if self._stop.is_set():
                return
            try:
                self._look()
            except SQLAlchemyError as error:  # away: everybody goes on by what was known, until the lease is over
                _LOG.warning("roll_not_read", reason=str(error))
                self._tell(self.known)

    def _look(self) -> None:
        began_us = self._clock.monotonic_us()
        number = 0
        if began_us - self._alive_us < HANGS_US:
            with writing(self._engine) as connection:
                connection.execute(_HEARD, self._row)
                if began_us >= self._stands_back_us:
                    number = connection.scalar(_TAKE, {"name": CHAIR, "holder": self.own, "length_us": LEASE_US}) or 0
        if number:
            self._until_us = began_us + LEASE_US
        with reading(self._engine) as connection:
            living = {row.id: row.address for row in connection.execute(_LIVING, {"length_us": LEASE_US})}
            chair = connection.scalar(select(hub_lease.c.holder).where(hub_lease.c.name == CHAIR)) or ""
            lines = {row.site_id: (row.process_id, row.body) for row in connection.execute(select(site_line))}
            words = {row.name: row.body for row in connection.execute(select(hub_word))}
        self.known = Known(living, chair, number, lines, words)
        self._tell(self.known)
