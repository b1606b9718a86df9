"""What the database holds of paging. Every call blocks. Each change is one transaction, and doing it twice is doing it once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, Select, func, insert, select, update

from belvedere.foundation.clock import MINUTE_US, Clock
from belvedere.foundation.errors import Conflict, NotFound
from belvedere.foundation.ids import new_id
from belvedere.hub.health.tickets import Ticket
from belvedere.hub.paging.ladder import Page, State
from belvedere.hub.paging.plan import Contact, Plan
from belvedere.hub.paging.tables import page as page_table
from belvedere.hub.paging.tables import page_message as message_table
from belvedere.hub.paging.tables import page_plan as plan_table
from belvedere.hub.paging.tables import page_ticket as joined_table
from belvedere.hub.storage.acts import NoteAct, nowhere
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import ticket as ticket_table

CALL, TAKEN, OVER = "call", "taken", "over"
WAITING, SENT, FAILED, DROPPED = "waiting", "sent", "failed", "dropped"
_LIVE = (State.CALLING, State.ANSWERED, State.UNANSWERED)
_AT_ONCE = 200
LONGEST_WAIT_US = 5 * MINUTE_US  # between two tries of a message, and more


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person on one way. Fields: see `tables.page_message`."""

    id: str
    page_id: str
    round: int
    step: int
    what: str
    name: str
    channel: str
    address: str
    state: str
    tries: int
    next_us: int
    made_us: int
    done_us: int | None
    fault: str


@dataclass(frozen=True, slots=True)
class PlanSet:
    """A version of the plan, and who set it."""

    version: int
    plan: Plan
    set_by: str
    setter: str
    set_us: int


_TICKET = tuple(getattr(ticket_table.c, each.name) for each in fields(Ticket))


class PageBook:
    """Reads and writes; decides nothing."""

    def __init__(self, engine: Engine, clock: Clock, note: NoteAct = nowhere) -> None:
        self._engine = engine
        self._clock = clock
        self._note = note

    # The plan.

    def plan(self) -> PlanSet:
        """The plan in force; before the first, an empty one that calls nobody."""
        newest = select(plan_table).order_by(plan_table.c.version.desc()).limit(1)
        with reading(self._engine) as connection:
            row = connection.execute(newest).mappings().first()
        if row is None:
            return PlanSet(0, Plan(), "", "", 0)
        return PlanSet(row["version"], Plan.model_validate(row["plan"]), row["set_by"], row["setter"], row["set_us"])

    def put_plan(self, plan: Plan, version: int, by: str, name: str) -> None:
        """Put a plan in force after `version`. Raises Conflict when another is in force by now."""
        with writing(self._engine) as connection:
            newest = connection.scalar(select(func.max(plan_table.c.version))) or 0
            if newest != version:
                raise Conflict("Somebody else changed who is called.", advice="Reload the page and try again.")
            row = {"version": version + 1, "plan": plan.model_dump(mode="json"), "set_by": by, "setter": name}
            connection.execute(insert(plan_table).values(**row, set_us=self._clock.now_us()))

    # Tickets.

    def open_tickets(self, kinds: Sequence[str]) -> list[Ticket]:
        """Open tickets of these kinds that nobody looks after yet, oldest first."""
        table = ticket_table.c
        mine = table.closed_us.is_(None) & (table.owner == "") & table.kind.in_(kinds)
        with reading(self._engine) as connection:
            rows = connection.execute(select(*_TICKET).where(mine).order_by(table.first_us, table.id)).mappings()
            return [Ticket(**row) for row in rows]

    def tickets_of(self, page_id: str) -> list[Ticket]:
        """Tickets of a page, those still open first, the oldest first."""
        query = (
            select(*_TICKET)
            .join(joined_table, joined_table.c.ticket_id == ticket_table.c.id)
            .where(joined_table.c.page_id == page_id)
            .order_by(ticket_table.c.closed_us.is_not(None), ticket_table.c.first_us, ticket_table.c.id)
        )
        with reading(self._engine) as connection:
            return [Ticket(**row) for row in connection.execute(query).mappings()]

    def joined(self, page_ids: Iterable[str]) -> dict[str, dict[str, int]]:
        """By page, its tickets and when they joined."""
        found: dict[str, dict[str, int]] = {page_id: {} for page_id in page_ids}
        query = select(joined_table).where(joined_table.c.page_id.in_(list(found)))
        with reading(self._engine) as connection:
            for row in connection.execute(query):
                found[row.page_id][row.ticket_id] = row.joined_us
        return found

    # Pages.

    def live(self) -> list[Page]:
        """Pages that are not over, oldest first."""
        return self._pages(select(page_table).where(page_table.c.state.in_(_LIVE)).order_by(page_table.c.opened_us))

    def asked(self) -> list[Page]:
        """Tests that the hub has not taken up."""
        return self._pages(select(page_table).where(page_table.c.state == State.ASKED))

    def newest(self, limit: int) -> list[Page]:
        """The newest pages, newest first."""
        order = (page_table.c.opened_us.desc(), page_table.c.id.desc())
        return self._pages(select(page_table).order_by(*order).limit(limit))

    def page(self, page_id: str) -> Page:
        """One page. Raises NotFound."""
        found = self._pages(select(page_table).where(page_table.c.id == page_id))
        if not found:
            raise NotFound("There is no such page.", advice="Look at the list.")
        return found[0]

    def last_opened(self, site_id: str) -> int | None:
        """When a page about a site was opened last."""
        query = select(func.max(page_table.c.opened_us)).where(page_table.c.site_id == site_id, ~page_table.c.test)
        with reading(self._engine) as connection:
            newest = connection.scalar(query)
        return None if newest is None else int(newest)

    def open_page(self, page_id: str, site_id: str, tickets: Iterable[str], rounds: int) -> None:
        """A page about these tickets."""
        row = self._new(page_id, site_id, State.CALLING, rounds - 1)
        with writing(self._engine) as connection:
            connection.execute(insert(page_table).values(**row))
            self._join(connection, page_id, tickets)

    def ask_test(self, by: str) -> str:
        """Ask the hub for a test page; returns its id."""
        page_id = new_id("page", self._clock)
        row = self._new(page_id, "", State.ASKED, 0) | {"test": True, "asked_by": by}
        with writing(self._engine) as connection:
            connection.execute(insert(page_table).values(**row))
            self._note(connection, "page.tested", {"page": page_id})
        return page_id

    def _new(self, page_id: str, site_id: str, state: State, last_round: int) -> dict[str, object]:
        now_us = self._clock.now_us()
        return {
            "id": page_id,
            "site_id": site_id,
            "test": False,
            "state": state,
            "round": 0,
            "last_round": last_round,
            "step": -1,
            "step_us": now_us,
            "opened_us": now_us,
            "answered_us": None,
            "over_us": None,
            **{name: "" for name in ("asked_by", "answered_by", "answered_how")},
        }

    def join(self, page_id: str, tickets: Iterable[str]) -> None:
        """More tickets of the same site."""
        with writing(self._engine) as connection:
            self._join(connection, page_id, tickets)

    def _join(self, connection: Connection, page_id: str, tickets: Iterable[str]) -> None:
        now_us = self._clock.now_us()
        rows = [{"page_id": page_id, "ticket_id": each, "joined_us": now_us} for each in tickets]
        if rows:
            connection.execute(insert(joined_table), rows)

    def call(self, page: Page, round_: int, step: int, contacts: Iterable[tuple[int, Contact]]) -> bool:
        """Write down a step's messages, and that it is called. False: it is not waiting for that any more."""
        now_us = self._clock.now_us()
        as_it_was = (page_table.c.state == page.state) & (page_table.c.step == page.step)
        mine = (page_table.c.id == page.id) & as_it_was & (page_table.c.round == page.round)
        values = {"state": State.CALLING, "round": round_, "step": step, "step_us": now_us}
        with writing(self._engine) as connection:
            if connection.execute(update(page_table).where(mine).values(**values)).rowcount == 0:
                return False
            for place, contact in contacts:
                row = {"round": round_, "step": step, "what": CALL, "name": contact.name, "channel": contact.channel}
                self._put(
                    connection,
                    f"{page.id}.{round_}.{step}.{place}",
                    {"page_id": page.id, **row, "address": contact.address},
                )
        return True

    def _put(self, connection: Connection, message_id: str, row: dict[str, object]) -> None:
        now_us = self._clock.now_us()
        fresh = {"state": WAITING, "tries": 0, "next_us": now_us, "made_us": now_us, "done_us": None, "fault": ""}
        if connection.scalar(select(message_table.c.id).where(message_table.c.id == message_id)) is None:
            connection.execute(insert(message_table).values(id=message_id, **row, **fresh))

    def give_up(self, page: Page) -> bool:
        """Nobody answered in any round."""
        return self._move(page.id, (State.CALLING,), {"state": State.UNANSWERED})

    def call_again(self, page: Page, rounds: int) -> bool:
        """More went wrong after somebody answered, or after it was given up: the ladder begins anew."""
        values = {"state": State.CALLING, "step": -1, "step_us": self._clock.now_us(), "round": page.last_round + 1}
        return self._move(
            page.id, (State.ANSWERED, State.UNANSWERED), {**values, "last_round": page.last_round + rounds}
        )

    def _move(self, page_id: str, states: Sequence[State], values: dict[str, object]) -> bool:
        mine = (page_table.c.id == page_id) & page_table.c.state.in_(states)
        with writing(self._engine) as connection:
            return connection.execute(update(page_table).where(mine).values(**values)).rowcount == 1

    def answer(self, page_id: str, by: str, how: str, but: str = "") -> bool:
        """Somebody looks after it. The others who were called are told, except at `but` (a message). False: it is answered."""
        waiting = (State.CALLING, State.UNANSWERED)
        values = {"answered_us": self._clock.now_us(), "answered_by": by, "answered_how": how}
        mine = (page_table.c.id == page_id) & page_table.c.state.in_(waiting)
        with writing(self._engine) as connection:
            changed = connection.execute(update(page_table).where(mine).values(state=State.ANSWERED, **values))
            if changed.rowcount == 0:
                return False
            self._drop(connection, page_id, CALL)
            self._tell(connection, page_id, TAKEN, but)
            return True

    def end(self, page_id: str) -> bool:
        """What was wrong is mended. Whoever was called is told once. False: it was over."""
        now_us = self._clock.now_us()
        mine = (page_table.c.id == page_id) & (page_table.c.state != State.OVER)
        with writing(self._engine) as connection:
            ended = connection.execute(update(page_table).where(mine).values(state=State.OVER, over_us=now_us))
            if ended.rowcount == 0:
                return False
            self._drop(connection, page_id, CALL)
            self._drop(connection, page_id, TAKEN)
            if not connection.scalar(select(page_table.c.test).where(page_table.c.id == page_id)):
                self._tell(connection, page_id, OVER)
            return True

    def _drop(self, connection: Connection, page_id: str, what: str) -> None:
        mine = (message_table.c.page_id == page_id) & (message_table.c.what == what)
        still = mine & (message_table.c.state == WAITING)
        connection.execute(update(message_table).where(still).values(state=DROPPED, done_us=self._clock.now_us()))

    def _tell(self, connection: Connection, page_id: str, what: str, but: str = "") -> None:
        """A word to each way that a call went out on."""
        calls = select(message_table).where(
            message_table.c.page_id == page_id, message_table.c.what == CALL, message_table.c.state == SENT
        )
        rows = connection.execute(calls.order_by(message_table.c.id)).mappings().all()
        spared = {(row["channel"], row["address"]) for row in rows if row["id"] == but}
        for row in rows:
            way = (row["channel"], row["address"])
            if way in spared:
                continue
            spared.add(way)
            kept = {name: row[name] for name in ("page_id", "round", "step", "name", "channel", "address")}
            self._put(connection, f"{row['id']}.{what}", {**kept, "what": what})

    # Messages.

    def messages(self, page_id: str) -> list[Message]:
        """All messages of a page, in the order of their making."""
        return self._messages(message_table.c.page_id == page_id)

    def message(self, message_id: str) -> Message:
        """One. Raises NotFound."""
        found = self._messages(message_table.c.id == message_id)
        if not found:
            raise NotFound("There is no such message.", advice="Look at Health in the control room.")
        return found[0]

    def due(self) -> list[Message]:
        """Messages to be sent now, those among them that would be tried later than any are: the clock was set back."""
        now_us, next_us = self._clock.now_us(), message_table.c.next_us
        mine = (next_us <= now_us) | (next_us > now_us + LONGEST_WAIT_US)
        return self._messages((message_table.c.state == WAITING) & mine, _AT_ONCE)

    def claim(self, message: Message, next_us: int) -> bool:
        """Take a message for sending; should this process end meanwhile it is tried again at `next_us`. False: taken."""
        mine = (message_table.c.id == message.id) & (message_table.c.state == WAITING)
        same = mine & (message_table.c.tries == message.tries)
        with writing(self._engine) as connection:
            values = {"tries": message.tries + 1, "next_us": next_us}
            return connection.execute(update(message_table).where(same).values(**values)).rowcount == 1

    def settle(self, message_id: str, state: str, fault: str = "") -> None:
        """How sending went; WAITING: it is tried again."""
        done_us = None if state == WAITING else self._clock.now_us()
        mine = (message_table.c.id == message_id) & (message_table.c.state.in_((WAITING, DROPPED)))
        with writing(self._engine) as connection:
            if state == WAITING:
                mine &= message_table.c.state == WAITING
            connection.execute(update(message_table).where(mine).values(state=state, done_us=done_us, fault=fault))

    def last_done(self) -> dict[str, Message]:
        """By channel, the message that was sent or failed last."""
        found: dict[str, Message] = {}
        query = select(message_table).where(message_table.c.state.in_((SENT, FAILED)))
        order = (message_table.c.done_us.desc(), message_table.c.id.desc())
        with reading(self._engine) as connection:
            for channel in connection.scalars(select(message_table.c.channel).distinct()).all():
                of_it = query.where(message_table.c.channel == channel).order_by(*order).limit(1)
                row = connection.execute(of_it).mappings().first()
                if row is not None:
                    found[channel] = _message(row)
        return found

    def _messages(self, wanted: ColumnElement[bool], limit: int = 1000) -> list[Message]:
        query = select(message_table).where(wanted).order_by(message_table.c.made_us, message_table.c.id).limit(limit)
        with reading(self._engine) as connection:
            return [_message(row) for row in connection.execute(query).mappings()]

    def _pages(self, query: Select[tuple[object, ...]]) -> list[Page]:
        with reading(self._engine) as connection:
            return [_page(row) for row in connection.execute(query).mappings()]


def _page(row: RowMapping) -> Page:
    return Page(**{**row, "state": State(row["state"])})


def _message(row: RowMapping) -> Message:
    return Message(**row)
