"""Tickets in the hub's database: faults as the site tells them, with what people decided. Blocking; call it in a thread."""

from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine, RowMapping, Select, delete, func, insert, or_, select, update

from belvedere.foundation.clock import DAY_US, MINUTE_US, Clock
from belvedere.foundation.errors import BadInput, Conflict, NotFound
from belvedere.foundation.ids import new_id
from belvedere.hub.health.standing import Standing
from belvedere.hub.health.words import SITE_AWAY
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import ticket as ticket_table
from belvedere.hub.storage.metadata import ticket_note as note_table
from belvedere.link.health import Fault

log = structlog.get_logger()

KEPT_US = 396 * DAY_US  # 13 months after closing
MOST_NOTES = 200
_AT_ONCE = 400
_SEEN_AGAIN_US = 5 * MINUTE_US  # how far "last seen" of the hub's own may lag behind


@dataclass(frozen=True, slots=True)
class Ticket:
    """A fault of a camera, disk or site. `closed_why` as in `site.health.faults`; "" while open."""

    id: str
    site_id: str
    subject: str
    subject_id: str
    kind: str
    detail: str
    first_us: int
    last_us: int
    times: int
    closed_us: int | None
    closed_why: str
    closed_by: str
    reason: str
    owner: str
    visit_us: int | None


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote in a ticket."""

    id: str
    time_us: int
    by: str
    text: str


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """Which tickets are wanted; "" and None mean any. `state`: open, closed or ""."""

    state: str = "open"
    kind: str = ""
    subject_id: str = ""
    owner: str | None = None  # "" asks for those that nobody has taken


class TicketBook:
    """Keeps what sites reported, so that it can be read while a site is away."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    # What sites say.

    def take_in(self, site_id: str, faults: Iterable[Fault]) -> None:
        """Store faults of a site, new and changed. What people wrote stays."""
        rows = {fault.id: fault for fault in faults}
        if not rows:
            return  # sixty sites that have nothing to say, each minute: no commit for that
        with writing(self._engine) as connection:
            for start in range(0, len(rows), _AT_ONCE):
                ids = list(rows)[start : start + _AT_ONCE]
                query = select(ticket_table).where(ticket_table.c.id.in_(ids))
                known = {row["id"]: row for row in connection.execute(query).mappings()}
                for fault_id in ids:
                    values = _values(rows[fault_id])
                    before = known.get(fault_id)
                    if before is None:
                        blank = {"closed_by": "", "reason": "", "owner": "", "visit_us": None}
                        connection.execute(insert(ticket_table).values(id=fault_id, site_id=site_id, **values, **blank))
                    elif (
                        before["site_id"] != site_id
                    ):  # a box that was tampered with must not close another site's ticket
                        log.error("ticket_of_another_site", ticket=fault_id, site=site_id)
                    elif any(before[name] != value for name, value in values.items()):
                        connection.execute(update(ticket_table).where(ticket_table.c.id == fault_id).values(**values))

    def site_away(self, site_id: str, since_us: int, why: str = "The site has not answered the hub.") -> None:
        """The site has not answered for too long, or only that it can't serve: one open ticket, however often this is said."""
        now_us = self._clock.now_us()
        with writing(self._engine) as connection:
            found = connection.execute(_open_away(site_id)).mappings().first()
            if found is not None:
                change = update(ticket_table).where(ticket_table.c.id == found["id"]).values(last_us=now_us, detail=why)
                connection.execute(change)
                return
            away = Standing("site", site_id, SITE_AWAY, why)
            connection.execute(insert(ticket_table).values(self._new(site_id, away, since_us, now_us)))

    def site_back(self, site_id: str) -> None:
        """The site answers."""
        with reading(self._engine) as connection:
            if connection.execute(_open_away(site_id)).first() is None:
                return
        with writing(self._engine) as connection:
            away = (ticket_table.c.site_id == site_id) & (ticket_table.c.kind == SITE_AWAY)
            still = away & ticket_table.c.closed_us.is_(None)
            connection.execute(
                update(ticket_table).where(still).values(closed_us=self._clock.now_us(), closed_why="healthy")
            )

    def take_standing(self, site_id: str, faults: Iterable[Standing], known: frozenset[str]) -> None:
        """Faults that the hub sees itself: one open ticket for each, closed when it is no longer there. `known`: the kinds
        that could be told of; tickets of others stay as they are."""
        now_us = self._clock.now_us()
        present = {(fault.subject, fault.subject_id, fault.kind): fault for fault in faults}
        mine = (ticket_table.c.kind.in_(known)) & ticket_table.c.closed_us.is_(None)
        with reading(self._engine) as connection:
            rows = connection.execute(select(ticket_table).where(ticket_table.c.site_id == site_id, mine)).mappings()
            before = {(row["subject"], row["subject_id"], row["kind"]): _ticket(row) for row in rows}
        gone = [ticket.id for key, ticket in before.items() if key not in present]
        changed = {ticket.id: present[key].detail for key, ticket in before.items() if key in present}
        fresh = [fault for key, fault in present.items() if key not in before]
        stale = [ticket.id for ticket in before.values() if now_us - ticket.last_us > _SEEN_AGAIN_US]
        if not (gone or fresh or stale):
            return
        with writing(self._engine) as connection:
            closing = update(ticket_table).where(ticket_table.c.id.in_(gone))
            connection.execute(closing.values(closed_us=now_us, closed_why="healthy"))
            for ticket_id, detail in changed.items():
                seen = update(ticket_table).where(ticket_table.c.id == ticket_id)
                connection.execute(seen.values(last_us=now_us, detail=detail))
            for fault in fresh:
                connection.execute(insert(ticket_table).values(self._new(site_id, fault, now_us, now_us)))

    def _new(self, site_id: str, fault: Standing, first_us: int, now_us: int) -> dict[str, object]:
        """A ticket of the hub's own, as a row."""
        return {
            "id": new_id("fault", self._clock),
            "site_id": site_id,
            "subject": fault.subject,
            "subject_id": fault.subject_id,
            "kind": fault.kind,
            "detail": fault.detail,
            "first_us": first_us,
            "last_us": now_us,
            "times": 1,
            "closed_us": None,
            **{name: "" for name in ("closed_why", "closed_by", "reason", "owner")},
            "visit_us": None,
        }

    def forget(self) -> int:
        """Drop tickets closed more than 13 months ago. Returns how many."""
        old = ticket_table.c.closed_us < self._clock.now_us() - KEPT_US
        with reading(self._engine) as connection:
            if connection.execute(select(ticket_table.c.id).where(old).limit(1)).first() is None:
                return 0
        with writing(self._engine) as connection:
            connection.execute(
                delete(note_table).where(note_table.c.ticket_id.in_(select(ticket_table.c.id).where(old)))
            )
            return connection.execute(delete(ticket_table).where(old)).rowcount

    # What people ask.

    def find(self, wanted: TicketFilter, limit: int, after: str = "") -> list[Ticket]:
        """Tickets, the one that began last first; `after` is the last id of the page before. Raises NotFound for a wrong one."""
        query: Select[tuple[object, ...]] = select(ticket_table)
        if wanted.state:
            closed = ticket_table.c.closed_us
            query = query.where(closed.is_(None) if wanted.state == "open" else closed.is_not(None))
        if wanted.kind:
            query = query.where(ticket_table.c.kind == wanted.kind)
        if wanted.subject_id:
            query = query.where(ticket_table.c.subject_id == wanted.subject_id)
        if wanted.owner is not None:
            query = query.where(ticket_table.c.owner == wanted.owner)
        if after:
            last = self.ticket(after)
            same = (ticket_table.c.first_us == last.first_us) & (ticket_table.c.id < last.id)
            query = query.where(or_(ticket_table.c.first_us < last.first_us, same))
        query = query.order_by(ticket_table.c.first_us.desc(), ticket_table.c.id.desc()).limit(limit)
        with reading(self._engine) as connection:
            return [_ticket(row) for row in connection.execute(query).mappings()]

    def count_open(self) -> dict[str, int]:
        """Open tickets by kind."""
        query = (
            select(ticket_table.c.kind, func.count())
            .where(ticket_table.c.closed_us.is_(None))
            .group_by(ticket_table.c.kind)
        )
        with reading(self._engine) as connection:
            return {str(kind): int(count) for kind, count in connection.execute(query)}

    def ticket(self, ticket_id: str) -> Ticket:
        """One ticket. Raises NotFound."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(select(ticket_table).where(ticket_table.c.id == ticket_id)).mappings().one_or_none()
            )
        if row is None:
            raise NotFound("There is no such ticket.", advice="It may be older than 13 months: reload the list.")
        return _ticket(row)

    def notes(self, ticket_id: str) -> list[Note]:
        """What people wrote, oldest first."""
        query = select(note_table).where(note_table.c.ticket_id == ticket_id).order_by(note_table.c.id)
        with reading(self._engine) as connection:
            return [Note(row.id, row.time_us, row.by, row.text) for row in connection.execute(query)]

    # What people decide.

    def assign(self, ticket_id: str, owner: str, visit_us: int | None) -> Ticket:
        """Set who looks after a ticket and when somebody goes there. Raises NotFound."""
        self.ticket(ticket_id)
        with writing(self._engine) as connection:
            mine = ticket_table.c.id == ticket_id
            connection.execute(update(ticket_table).where(mine).values(owner=owner, visit_us=visit_us))
        return self.ticket(ticket_id)

    def note(self, ticket_id: str, account_id: str, by: str, text: str) -> None:
        """Write a note. Raises NotFound, BadInput when the ticket is full of them."""
        self.ticket(ticket_id)
        if len(self.notes(ticket_id)) >= MOST_NOTES:
            raise BadInput(f"A ticket holds {MOST_NOTES} notes.", advice="Close it and let a new one open.")
        row = {"id": new_id("note", self._clock), "ticket_id": ticket_id, "time_us": self._clock.now_us()}
        with writing(self._engine) as connection:
            connection.execute(insert(note_table).values(**row, account_id=account_id, by=by, text=text))

    def close(self, ticket_id: str, by: str, reason: str) -> Ticket:
        """Close a ticket by hand. Raises NotFound, Conflict when it is closed.

        One that the site has just closed on a person's word, and that bears no name yet, is taken for this one.
        """
        found = self.ticket(ticket_id)
        with writing(self._engine) as connection:
            nameless = (ticket_table.c.closed_why == "by_hand") & (ticket_table.c.closed_by == "")
            mine = (ticket_table.c.id == ticket_id) & or_(ticket_table.c.closed_us.is_(None), nameless)
            values = {"closed_us": self._clock.now_us(), "closed_why": "by_hand", "closed_by": by, "reason": reason}
            if connection.execute(update(ticket_table).where(mine).values(**values)).rowcount == 0:
                raise Conflict("This ticket is closed already.", advice=f"It was {found.closed_why or 'closed'}.")
        return self.ticket(ticket_id)


def _open_away(site_id: str) -> Select[tuple[object, ...]]:
    return select(ticket_table).where(
        ticket_table.c.site_id == site_id, ticket_table.c.kind == SITE_AWAY, ticket_table.c.closed_us.is_(None)
    )


def _values(fault: Fault) -> dict[str, object]:
    subject, _, subject_id = fault.subject.partition(":")
    return {
        "subject": subject,
        "subject_id": subject_id,
        "kind": fault.kind,
        "detail": fault.detail,
        "first_us": fault.first_us,
        "last_us": fault.last_us,
        "times": fault.times,
        "closed_us": fault.closed_us,
        "closed_why": fault.closed_why,
    }


def _ticket(row: RowMapping) -> Ticket:
    return Ticket(**row)
