"""The desk that pages: looks at open tickets, opens pages, climbs the ladder, sends, and says what could not be sent."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import HOUR_US, MINUTE_US, SECOND_US
from belvedere.foundation.errors import BelvedereError, Conflict
from belvedere.foundation.ids import new_id
from belvedere.hub.access.users import User
from belvedere.hub.health.standing import Standing
from belvedere.hub.health.tickets import Ticket
from belvedere.hub.health.words import PAGE_FAILED, PAGE_UNANSWERED, PAGING_FAULTS
from belvedere.hub.paging.answers import answer_key, message_of, token_of
from belvedere.hub.paging.book import CALL, DROPPED, FAILED, SENT, WAITING, Message, PageBook
from belvedere.hub.paging.channels import Channels, Undelivered
from belvedere.hub.paging.ladder import Call, GiveUp, Page, State, next_move, nobody_on, passed
from belvedere.hub.paging.plan import Plan, local_time
from belvedere.hub.paging.words import Letter, letter

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext

EVERY_S = 5.0
MOST_APART = 3  # sites with a page of their own at a time; more at once are one page
BACK_OFF_S = (15, 45, 120)  # between tries of one message; after the last it failed
TEST_LASTS_US = HOUR_US
_SENDING = 8
OPENED, CALLED, SENT_KIND, FAILED_KIND = "page.opened", "page.called", "page.sent", "page.failed"
ANSWERED, OVER, GIVEN_UP, TESTED, PLANNED = (
    "page.answered",
    "page.over",
    "page.unanswered",
    "page.tested",
    "page.planned",
)
_EXPECTED = (BelvedereError, SQLAlchemyError)
_LOG = structlog.get_logger(__name__)


class PagingDesk:
    """One for the hub. `turn` is everything that is due now; everything that it knows stands in the database."""

    def __init__(self, hub: "HubContext") -> None:
        self._hub = hub
        self.book = PageBook(hub.engine, hub.clock)
        self.channels = Channels(hub.settings.paging, hub.clock)
        self._zone = hub.settings.paging.time_zone
        self._key = b""
        self._lock = asyncio.Lock()
        self._planning = asyncio.Lock()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look. Raises StorageFault."""
        self._key = await asyncio.to_thread(answer_key, self._hub.settings.hub_folder / "keys" / "paging.key")
        self._task = asyncio.create_task(self._run(), name="paging")

    async def stop(self) -> None:
        """End that."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """Look at once."""
        self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                await self.turn()
            except Exception as error:  # noqa: BLE001 - disk full, database busy; whatever it is, a desk that ends calls nobody
                _LOG.error("paging_waits", reason=str(error), exc_info=not isinstance(error, _EXPECTED))
            try:
                async with asyncio.timeout(EVERY_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def turn(self) -> None:
        """Do all that is due."""
        async with self._lock:
            in_force = await asyncio.to_thread(self.book.plan)
            if in_force.version == 0:  # nobody was ever named
                return
            plan = in_force.plan
            await self._take_tests(plan)
            await self._collect(plan)
            await self._climb(plan)
            await self._deliver(plan)
            await self._climb(plan)  # what could not be sent goes to the next step at once
            await asyncio.to_thread(self._say_faults, plan)

    # What there is to page about.

    async def _take_tests(self, plan: Plan) -> None:
        for page in await asyncio.to_thread(self.book.asked):
            contacts = list(enumerate(each for step in plan.steps for each in step.contacts))
            await asyncio.to_thread(self.book.call, page, 0, 0, contacts)

    async def _collect(self, plan: Plan) -> None:
        now_us = self._hub.clock.now_us()
        tickets = await asyncio.to_thread(self.book.open_tickets, plan.kinds)
        there = {each.id for each in tickets}
        pages = await asyncio.to_thread(self.book.live)
        joined = await asyncio.to_thread(self.book.joined, [page.id for page in pages])
        live: list[Page] = []
        for page in pages:
            stale = now_us - page.opened_us >= TEST_LASTS_US if page.test else not there & set(joined[page.id])
            if stale or (page.test and page.state is State.ANSWERED):
                await self._end(page)
            elif not page.test:
                live.append(page)
        if not plan.on:
            return
        paged = {ticket for page in live for ticket in joined[page.id]}
        ripe = [t for t in tickets if t.id not in paged and passed(t.first_us, plan.stands_minutes * MINUTE_US, now_us)]
        silent = plan.silent(local_time(now_us, self._zone))
        await self._gather(plan, ripe, live, joined, silent=silent)

    async def _gather(
        self,
        plan: Plan,
        ripe: Sequence[Ticket],
        live: Sequence[Page],
        joined: Mapping[str, Mapping[str, int]],
        *,
        silent: bool,
    ) -> None:
        """Tickets join the page of their site, or make one; more after an answer calls again, when enough time went by."""
        now_us = self._hub.clock.now_us()
        by_site: dict[str, list[Ticket]] = {}
        for ticket in ripe:
            by_site.setdefault(ticket.site_id, []).append(ticket)
        several = next((page for page in live if not page.site_id and page.state is State.CALLING), None)
        for page in [*live]:
            mine = by_site.pop(page.site_id, []) if page.site_id else []
            if mine:
                await asyncio.to_thread(self.book.join, page.id, [each.id for each in mine])
            settled_us = page.answered_us if page.state is State.ANSWERED else page.step_us
            later = mine or any(us > (settled_us or 0) for us in joined[page.id].values())
            settled = page.state in (State.ANSWERED, State.UNANSWERED)
            rested = passed(settled_us or 0, plan.again_minutes * MINUTE_US, now_us)
            if settled and later and rested and not silent:
                await asyncio.to_thread(self.book.call_again, page, plan.rounds)
        if several is not None:
            for tickets in by_site.values():
                await asyncio.to_thread(self.book.join, several.id, [each.id for each in tickets])
            return
        if silent:
            return
        due = {}
        for site, tickets in by_site.items():
            last_us = await asyncio.to_thread(self.book.last_opened, site)
            if last_us is None or passed(last_us, plan.again_minutes * MINUTE_US, now_us):
                due[site] = tickets
        if len(due) > MOST_APART:
            await self._open(plan, "", [each for tickets in due.values() for each in tickets])
        else:
            for site, tickets in due.items():
                await self._open(plan, site, tickets)

    async def _open(self, plan: Plan, site: str, tickets: Sequence[Ticket]) -> None:
        page_id = new_id("page", self._hub.clock)
        kinds = sorted({each.kind for each in tickets})
        sites = sorted({each.site_id for each in tickets})
        facts = {"page": page_id, "sites": sites, "tickets": len(tickets), "faults": kinds}
        await self._hub.audit.append(OPENED, "hub", facts)
        await asyncio.to_thread(self.book.open_page, page_id, site, [each.id for each in tickets], plan.rounds)

    async def _end(self, page: Page) -> None:
        await self._hub.audit.append(OVER, "hub", {"page": page.id, "test": page.test})
        await asyncio.to_thread(self.book.end, page.id)

    # The ladder.

    async def _climb(self, plan: Plan) -> None:
        if not plan.on:
            return
        now_us = self._hub.clock.now_us()
        now = local_time(now_us, self._zone)
        for page in await asyncio.to_thread(self.book.live):
            move = next_move(page, plan, now, now_us, failed=await asyncio.to_thread(self._all_failed, page))
            if isinstance(move, GiveUp):
                await self._hub.audit.append(GIVEN_UP, "hub", {"page": page.id, "rounds": page.last_round + 1})
                await asyncio.to_thread(self.book.give_up, page)
            elif isinstance(move, Call):
                contacts = plan.on_call(move.step, now)
                names = [contact.name for _, contact in contacts]
                facts = {"page": page.id, "round": move.round + 1, "step": move.step + 1, "names": names}
                await self._hub.audit.append(CALLED, "hub", facts)
                await asyncio.to_thread(self.book.call, page, move.round, move.step, contacts)

    def _all_failed(self, page: Page) -> bool:
        of_step = [
            each
            for each in self.book.messages(page.id)
            if each.what == CALL and (each.round, each.step) == (page.round, page.step)
        ]
        return bool(of_step) and all(each.state in (FAILED, DROPPED) for each in of_step)

    # Sending.

    async def _deliver(self, plan: Plan) -> None:
        due = await asyncio.to_thread(self.book.due)
        if not due:
            return
        names = await asyncio.to_thread(self._names)
        limit = asyncio.Semaphore(_SENDING)

        async def one(message: Message) -> None:
            async with limit:
                await self._send(plan, message, *names)

        done = await asyncio.gather(*(one(message) for message in due), return_exceptions=True)
        failed = [each for each in done if isinstance(each, BaseException)]
        if failed:
            raise failed[0]

    def _names(self) -> tuple[dict[str, str], dict[str, str]]:
        sites = {site.id: site.name for site in self._hub.register.sites()}
        return sites, {camera.id: camera.name for camera in self._hub.register.list_cameras()}

    async def _send(self, plan: Plan, message: Message, sites: Mapping[str, str], cameras: Mapping[str, str]) -> None:
        wait_s = BACK_OFF_S[min(message.tries, len(BACK_OFF_S) - 1)]
        if not await asyncio.to_thread(self.book.claim, message, self._hub.clock.now_us() + wait_s * SECOND_US):
            return
        page = await asyncio.to_thread(self.book.page, message.page_id)
        words = await asyncio.to_thread(self._letter, plan, page, message, sites, cameras)
        facts = {"page": page.id, "what": message.what, "way": message.channel, "name": message.name}
        try:
            await self.channels.send(page, message, words)
        except Undelivered as error:
            last = error.lasting or message.tries >= len(BACK_OFF_S)
            if last:
                await self._hub.audit.append(FAILED_KIND, "hub", {**facts, "reason": str(error)})
            await asyncio.to_thread(self.book.settle, message.id, FAILED if last else WAITING, str(error))
            return
        await asyncio.to_thread(self.book.settle, message.id, SENT)
        await self._hub.audit.append(SENT_KIND, "hub", facts)

    def _letter(
        self, plan: Plan, page: Page, message: Message, sites: Mapping[str, str], cameras: Mapping[str, str]
    ) -> Letter:
        tickets = [each for each in self.book.tickets_of(page.id) if each.closed_us is None or message.what != CALL]
        origin = self._hub.settings.hub.origin
        link = f"{origin}/page/{token_of(self._key, message.id)}" if origin else ""
        wait = plan.steps[message.step].wait_minutes if message.step < len(plan.steps) else 0
        return letter(page, message, tickets, sites, cameras, zone=self._zone, link=link, wait_minutes=wait)

    def _say_faults(self, plan: Plan) -> None:
        """What went wrong with paging itself is a ticket, and closes by itself."""
        found: list[Standing] = []
        broken = [each for each in self.book.last_done().values() if each.state == FAILED]
        if broken:
            said = "; ".join(f"{_WAYS[each.channel]}: {each.fault}" for each in broken)
            found.append(Standing("hub", "hub", PAGE_FAILED, said))
        now = local_time(self._hub.clock.now_us(), self._zone)
        live = self.book.live()
        if any(page.state is State.UNANSWERED for page in live):
            found.append(Standing("hub", "hub", PAGE_UNANSWERED, "Everybody on the rota was called; nobody answered."))
        elif plan.on and any(nobody_on(page, plan, now) for page in live):
            found.append(Standing("hub", "hub", PAGE_UNANSWERED, "Nobody is on the rota at this time."))
        self._hub.health.tickets.take_standing(self._hub.settings.site.id, found, frozenset(PAGING_FAULTS))

    # What people do.

    async def answer(self, user: User, page_id: str) -> bool:
        """Somebody says in the control room that they look after it. False: it was answered. Raises NotFound."""
        page = await asyncio.to_thread(self.book.page, page_id)
        return await self._answer(page, user.id, user.display, "control_room", "")

    async def called_by(self, token: str) -> tuple[Page, Message]:
        """The page and message whose link this is. Raises NotFound."""

        def look() -> tuple[Page, Message]:
            message = self.book.message(message_of(self._key, token))
            return self.book.page(message.page_id), message

        return await asyncio.to_thread(look)

    async def answer_link(self, token: str) -> tuple[Page, bool]:
        """Somebody pressed the button behind their link. False: it was answered before, or is over. Raises NotFound."""
        page, message = await self.called_by(token)
        done = await self._answer(page, "hub", message.name, "link", message.id)
        return await asyncio.to_thread(self.book.page, page.id), done

    async def _answer(self, page: Page, actor: str, name: str, how: str, message_id: str) -> bool:
        async with self._lock:
            page = await asyncio.to_thread(self.book.page, page.id)
            if page.state not in (State.CALLING, State.UNANSWERED):
                return False
            await self._hub.audit.append(ANSWERED, actor, {"page": page.id, "name": name, "how": how})
            done = await asyncio.to_thread(self.book.answer, page.id, name, how, message_id)
        self.wake()
        return done

    async def test(self, user: User) -> str:
        """Call everybody in the plan, to try it; returns the page's id."""
        page_id = await asyncio.to_thread(self.book.ask_test, user.display)
        await self._hub.audit.append(TESTED, user.id, {"page": page_id})
        self.wake()
        return page_id

    async def put_plan(self, user: User, plan: Plan, version: int) -> None:
        """Put a plan in force. Raises Conflict."""
        steps = [[f"{each.name} ({each.channel})" for each in step.contacts] for step in plan.steps]
        facts = {"on": plan.on, "steps": steps, "faults": list(plan.kinds), "stands_minutes": plan.stands_minutes}
        async with self._planning:  # what is in the log came into force
            if (await asyncio.to_thread(self.book.plan)).version != version:
                raise Conflict("Somebody else changed who is called.", advice="Reload the page and try again.")
            await self._hub.audit.append(PLANNED, user.id, {**facts, "version": version + 1})
            await asyncio.to_thread(self.book.put_plan, plan, version, user.id, user.display)
        self.wake()


_WAYS = {"email": "E-mail", "webhook": "Webhook", "sms": "SMS"}
