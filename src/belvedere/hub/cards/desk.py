"""The desk of break-glass cards: two people make one, the site gets it, and what was done with it comes into the log."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import DAY_US, HOUR_US
from belvedere.foundation.errors import BelvedereError, Conflict, LinkFault, NotFound, Refused
from belvedere.foundation.ids import new_id
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.cards.book import REVOKED, USED, CardBook, SiteCard
from belvedere.hub.cards.intake import MOST_ENTRIES, CardIntake
from belvedere.link.card import Card, CardList, CardLog, CardState, GetCardLog, PutCards
from belvedere.link.custody import SignedWords, signed_bytes
from belvedere.media.card import grant_info, half_key, new_half, seal_card
from belvedere.media.keybox import new_private_key, public_key_of, shut
from belvedere.policy.card import card_grant
from belvedere.policy.signed import GRANT_ISSUED, grant_facts, sign_grant

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext

EVERY_S = 15.0
LASTS_US = 180 * DAY_US
WAITS_US = HOUR_US  # for the second person
BACK_US = 31 * DAY_US  # how far before its making a card reaches
MOST_IN_FORCE = 3
BEGUN, MADE, ENDED = "card.begun", "card.made", "card.ended"
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Half:
    """One half of a card, shown once to the one who gets it."""

    card: SiteCard
    letter: str
    half: bytes


class CardsDesk:
    """One for the hub; for the event loop."""

    def __init__(self, hub: "HubContext") -> None:
        self._hub = hub
        self.book = CardBook(hub.engine, hub.clock)
        self._intake = CardIntake(hub, self.book)
        # Invariant: sites without any card that were told so by this process. A hub that was set back may have forgotten some.
        self._without: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._making = asyncio.Lock()  # what is looked at stays so until it is written

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name="site cards")

    async def stop(self) -> None:
        """End that."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self.turn()
            except (
                BelvedereError,
                SQLAlchemyError,
            ) as error:  # the database is busy or full: the next turn finds it all
                _LOG.error("cards_wait", reason=str(error))
            await asyncio.sleep(EVERY_S)

    # Making one.

    async def begin(self, session: SignedIn, site: str) -> Half:
        """The first person's half. Raises NotFound, Conflict, StepUpNeeded."""
        async with self._making:
            await self._require(site)
            act = {"do": BEGUN, "site": site, "days": LASTS_US // DAY_US}
            proof = self._hub.step_up.require(session, act)
            half, now_us = new_half(), self._hub.clock.now_us()
            card = SiteCard(
                id=new_id("card", self._hub.clock),
                site_id=site,
                first_key=half_key(half),
                public_key=b"",
                sealed_private=b"",
                sealed_grant=b"",
                grant_id="",
                made_by=session.user.id,
                maker=session.user.display,
                made_us=now_us,
                confirmed_by="",
                confirmer="",
                confirmed_us=None,
                expires_us=now_us + WAITS_US,
                ended_us=None,
                ended_why="",
            )
            facts = {"card": card.id, "site": site, "step_up": proof.id}
            await self._hub.audit.append(BEGUN, session.user.id, facts)
            await asyncio.to_thread(self.book.add, card)
        return Half(card, "A", half)

    async def confirm(self, session: SignedIn, card_id: str) -> Half:
        """The second person's half; from now on the card is in force. Raises NotFound, Refused, Conflict, StepUpNeeded."""
        async with self._making:
            return await self._confirm(session, card_id)

    async def _confirm(self, session: SignedIn, card_id: str) -> Half:
        card, user = await asyncio.to_thread(self.book.card, card_id), session.user
        if user.id == card.made_by:
            raise Refused("A second person finishes a card: nobody has both halves.", advice="Ask a colleague.")
        now_us = self._hub.clock.now_us()
        if card.state(now_us) != "waiting":
            raise Conflict("This card does not wait for anybody.", advice="Begin another one.")
        await self._require(card.site_id)
        cameras = await asyncio.to_thread(self._hub.register.camera_ids, (card.site_id,))
        if not cameras:
            raise Conflict("This site has no cameras yet.", advice="Add them, then make its card.")
        act = {"do": MADE, "card": card.id, "site": card.site_id, "first": card.made_by, "cameras": sorted(cameras)}
        proof = self._hub.step_up.require(session, act)
        half, private = new_half(), new_private_key()
        public = public_key_of(private)
        grant = card_grant(
            new_id("grant", self._hub.clock),
            card=card.id,
            title=f"Break-glass card of {card.site_id}",
            cameras=cameras,
            from_us=now_us - BACK_US,
            issued_us=now_us,
            expires_us=now_us + LASTS_US,
            approver=user.id,
        )
        facts = {"card": card.id, "site": card.site_id, "first": card.made_by, "expires_us": grant.expires_us}
        facts |= {"cameras": sorted(cameras), "grant": grant.id, "step_up": proof.id}
        await self._hub.audit.append(MADE, user.id, facts)
        entry = await self._hub.audit.append(GRANT_ISSUED, user.id, grant_facts(grant))
        wire = sign_grant(grant, self._hub.key, self._hub.audit.proof(entry.index))
        values = {
            "public_key": public,
            "sealed_private": seal_card(card.id, private, card.first_key, half_key(half)),
            "sealed_grant": shut(wire, public, grant_info(card.id)),
            "grant_id": grant.id,
            "confirmed_by": user.id,
            "confirmer": user.display,
            "confirmed_us": now_us,
            "expires_us": grant.expires_us,
        }
        await asyncio.to_thread(lambda: self.book.confirm(card.id, **values))
        return Half(await asyncio.to_thread(self.book.card, card.id), "B", half)

    async def end(self, session: SignedIn, card_id: str) -> SiteCard:
        """Take a card out of force; the site hears of it when it is there. Raises NotFound, Conflict, StepUpNeeded."""
        async with self._making:
            card = await asyncio.to_thread(self.book.card, card_id)
            if card.state(self._hub.clock.now_us()) not in ("waiting", "in_force"):
                raise Conflict("This card has ended.", advice="Look at the list.")
            act = {"do": ENDED, "card": card.id, "site": card.site_id}
            proof = self._hub.step_up.require(session, act)
            facts = {"card": card.id, "site": card.site_id, "reason": REVOKED, "step_up": proof.id}
            await self._hub.audit.append(ENDED, session.user.id, facts)
            await asyncio.to_thread(self.book.end, card.id, REVOKED)
            return await asyncio.to_thread(self.book.card, card.id)

    async def _require(self, site: str) -> None:
        if site not in self._hub.fleet.asked():
            raise NotFound(f"There is no site {site[:48]!r} here.", advice="Look at the page Sites.")
        now_us = self._hub.clock.now_us()
        states = [card.state(now_us) for card in await asyncio.to_thread(self.book.all, site)]
        if states.count("in_force") >= MOST_IN_FORCE:
            raise Conflict(f"{MOST_IN_FORCE} cards of this site are in force.", advice="Revoke one first.")
        if states.count("waiting") > MOST_IN_FORCE:
            raise Conflict("Several cards of this site wait for a second person.", advice="Finish or revoke those.")

    # With the sites.

    async def turn(self) -> None:
        """Bring each site its cards, and take in what sites wrote. What goes wrong with one site is no other's matter."""
        async with self._turn:
            for site in await asyncio.to_thread(self.book.telling):  # from their outboxes, whether they are here or not
                await self._alone(site, self._intake.told(site))
            for site in self._hub.fleet.asked():
                await self._alone(site, self._exchange(site))

    async def _alone(self, site: str, work: Awaitable[None]) -> None:
        try:
            await work
        except LinkFault:
            pass  # away: it has its cards, and keeps what it has to tell
        except (BelvedereError, SQLAlchemyError, msgspec.MsgspecError, ValueError) as error:
            # Busy, full, or a site that refuses or answers what makes no sense: the next turn finds everything again.
            _LOG.error("cards_wait", site=site, reason=str(error))

    async def _exchange(self, site: str) -> None:
        cards = await asyncio.to_thread(self.book.in_force, site)
        known = bool(await asyncio.to_thread(self.book.all, site) or await asyncio.to_thread(self.book.entries, site))
        if not known and site in self._without:
            return
        told = tuple(
            Card(each.id, each.public_key, each.sealed_private, each.sealed_grant, each.made_us, each.expires_us)
            for each in cards
        )
        words = msgspec.msgpack.encode(CardList(site, self._hub.clock.now_us(), told))
        signed = SignedWords(words, self._hub.key.sign(signed_bytes(words)))
        link = self._hub.fleet.to(site)
        state = await link.ask(PutCards(signed), CardState, reuse=False)
        if not known:
            self._without.add(site)
        here = {card.id for card in cards}
        for card, why in (*((each, USED) for each in state.used), *((each, REVOKED) for each in state.gone)):
            if card in here:
                here.remove(card)
                await self._hub.audit.append(ENDED, f"site:{site}", {"card": card, "site": site, "reason": why})
                await asyncio.to_thread(self.book.end, card, why)
        # All of it, each time: a log that was set back shows in what it says of numbers that are here already.
        first = 0
        while first < MOST_ENTRIES:
            log = await link.ask(GetCardLog(first), CardLog)
            if not log.entries:
                return
            await self._intake.take(site, log.box, log.entries)
            first += len(log.entries)
