"""The desk of break-glass cards: two people make one, the site gets it, and what was done with it comes into the log."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import DAY_US, HOUR_US
from belvedere.foundation.errors import BelvedereError, Conflict, LinkFault, NotFound, Refused
from belvedere.foundation.ids import new_id
from belvedere.hub.access.users import User
from belvedere.hub.approvals.glass import Glass
from belvedere.hub.approvals.glass_desk import OPENED_NOTICE
from belvedere.hub.approvals.glass_store import GlassStore
from belvedere.hub.cards.book import USED, CardBook, SiteCard
from belvedere.hub.storage.engine import writing
from belvedere.hub.watchers.notices import NOTICE, put_item
from belvedere.link.card import OPENED, Card, CardEntry, CardList, CardLog, CardState, GetCardLog, PutCards, read_record
from belvedere.link.custody import SignedWords, signed_bytes
from belvedere.media.card import grant_info, half_key, new_half, seal_card
from belvedere.media.keybox import new_private_key, public_key_of, shut
from belvedere.policy.card import CARD_PURPOSE, card_grant
from belvedere.policy.signed import GRANT_ISSUED, grant_facts, sign_grant
from belvedere.tlog.checkpoint import open_checkpoint
from belvedere.tlog.merkle import leaf_hash, root_of
from belvedere.tlog.note import BadNote
from belvedere.tlog.proof import entry_of

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext

EVERY_S = 15.0
LASTS_US = 180 * DAY_US
WAITS_US = HOUR_US  # for the second person
BACK_US = 31 * DAY_US  # how far before its making a card reaches
MOST_IN_FORCE = 3
REVIEW_US = DAY_US
BEGUN, MADE, ENDED = "card.begun", "card.made", "card.ended"
CARD_OPENED, CARD_TOLD, CARD_BROKEN = "card.opened", "card.told", "card.log_broken"
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
        self._glass = GlassStore(hub.engine)
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

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
            except (BelvedereError, SQLAlchemyError, msgspec.MsgspecError, ValueError) as error:
                # Busy, full, or a site that tells what makes no sense: the next turn finds everything again.
                _LOG.error("cards_wait", reason=str(error))
            await asyncio.sleep(EVERY_S)

    # Making one.

    async def begin(self, user: User, site: str) -> Half:
        """The first person's half. Raises NotFound, Conflict."""
        await self._require(site)
        half, now_us = new_half(), self._hub.clock.now_us()
        card = SiteCard(
            id=new_id("card", self._hub.clock),
            site_id=site,
            first_key=half_key(half),
            public_key=b"",
            sealed_private=b"",
            sealed_grant=b"",
            grant_id="",
            made_by=user.id,
            maker=user.display,
            made_us=now_us,
            confirmed_by="",
            confirmer="",
            confirmed_us=None,
            expires_us=now_us + WAITS_US,
            ended_us=None,
            ended_why="",
        )
        await self._hub.audit.append(BEGUN, user.id, {"card": card.id, "site": site})
        await asyncio.to_thread(self.book.add, card)
        return Half(card, "A", half)

    async def confirm(self, user: User, card_id: str) -> Half:
        """The second person's half; from now on the card is in force. Raises NotFound, Refused, Conflict."""
        card = await asyncio.to_thread(self.book.card, card_id)
        if user.id == card.made_by:
            raise Refused("A second person finishes a card: nobody has both halves.", advice="Ask a colleague.")
        now_us = self._hub.clock.now_us()
        if card.state(now_us) != "waiting":
            raise Conflict("This card does not wait for anybody.", advice="Begin another one.")
        await self._require(card.site_id)
        cameras = await asyncio.to_thread(self._hub.register.camera_ids, (card.site_id,))
        if not cameras:
            raise Conflict("This site has no cameras yet.", advice="Add them, then make its card.")
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
        await self._hub.audit.append(MADE, user.id, {**facts, "cameras": sorted(cameras), "grant": grant.id})
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

    async def end(self, user: User, card_id: str, why: str) -> SiteCard:
        """Take a card out of force; the site hears of it when it is there. Raises NotFound, Conflict."""
        card = await asyncio.to_thread(self.book.card, card_id)
        if card.ended_us is not None:
            raise Conflict("This card has ended.", advice="Look at the list.")
        await self._hub.audit.append(ENDED, user.id, {"card": card.id, "site": card.site_id, "reason": why})
        await asyncio.to_thread(self.book.end, card.id, why)
        return await asyncio.to_thread(self.book.card, card.id)

    async def _require(self, site: str) -> None:
        if site not in self._hub.fleet.asked():
            raise NotFound(f"There is no site {site} here.", advice="Look at the page Sites.")
        if len(await asyncio.to_thread(self.book.in_force, site)) >= MOST_IN_FORCE:
            raise Conflict(f"{MOST_IN_FORCE} cards of this site are in force.", advice="Revoke one first.")

    # With the sites.

    async def turn(self) -> None:
        """Bring each site its cards, and take in what sites wrote."""
        async with self._turn:
            for site in await asyncio.to_thread(self.book.telling):  # from their outboxes, whether they are here or not
                await self._take(
                    site, "", [read_record(body) for body in await asyncio.to_thread(self.book.told, site)]
                )
            for site in self._hub.fleet.asked():
                try:
                    await self._exchange(site)
                except LinkFault:
                    continue  # away: it has its cards, and keeps what it has to tell

    async def _exchange(self, site: str) -> None:
        cards = await asyncio.to_thread(self.book.in_force, site)
        known = await asyncio.to_thread(self.book.all, site)
        if not known:  # a site that never had a card has nothing to take away
            return
        told = tuple(
            Card(each.id, each.public_key, each.sealed_private, each.sealed_grant, each.made_us, each.expires_us)
            for each in cards
        )
        words = msgspec.msgpack.encode(CardList(site, self._hub.clock.now_us(), told))
        signed = SignedWords(words, self._hub.key.sign(signed_bytes(words)))
        link = self._hub.fleet.to(site)
        state = await link.ask(PutCards(signed), CardState, reuse=False)
        here = {card.id for card in cards}
        for used in state.used:
            if used in here:
                await self._hub.audit.append(ENDED, f"site:{site}", {"card": used, "site": site, "reason": USED})
                await asyncio.to_thread(self.book.end, used, USED)
        first = len(await asyncio.to_thread(self.book.entries, site))
        log = await link.ask(GetCardLog(first), CardLog)
        if log.entries:
            await self._take(site, log.box, log.entries)

    async def _take(self, site: str, box: str, told: "list[CardEntry] | tuple[CardEntry, ...]") -> None:
        """Take in entries that are not here yet, each into the log before it is kept."""
        known = await asyncio.to_thread(self.book.entries, site)
        for entry in sorted(told, key=lambda each: each.number):
            if entry.number != len(known):
                continue
            facts = _read(entry.record)
            box = str(facts.get("facts", {}).get("box", "")) or box
            fault = await asyncio.to_thread(self._fault, site, box, [*known, entry])
            await self._enter(site, box, entry, facts, fault)
            known.append(entry)

    def _fault(self, site: str, box: str, entries: list[CardEntry]) -> str:
        """Why the site's log is not to be trusted from here on; "" where all agrees."""
        boxes = [box] if box else []
        boxes += [str(_read(each.record).get("facts", {}).get("box", "")) for each in entries]
        key = next((found for each in boxes if each and (found := self.book.box_key(each, site)) is not None), None)
        if key is None:
            return "It comes from a box that was never met."
        try:
            checkpoint = open_checkpoint(entries[-1].checkpoint, key)
        except BadNote as error:
            return error.message
        leaves = [leaf_hash(entry_of(each.salt, each.record)) for each in entries]
        if (checkpoint.size, checkpoint.root) != (len(leaves), root_of(leaves)):
            return "Its entries are not those that the site's box signed."
        return ""

    async def _enter(self, site: str, box: str, entry: CardEntry, said: dict[str, Any], fault: str) -> None:
        told: dict[str, Any] = said.get("facts", {}) if isinstance(said.get("facts"), dict) else {}
        opened = said.get("kind") == OPENED and told.get("purpose") == CARD_PURPOSE
        leaf = leaf_hash(entry_of(entry.salt, entry.record)).hex()
        facts = {"site": site, "box": box, "number": entry.number, "leaf": leaf, "acted_us": entry.time_us}
        names = ("card", "export", "cameras", "start_us", "end_us", "names", "reason", "sha256", "bytes")
        facts |= {name: told[name] for name in names if name in told}
        known = await asyncio.to_thread(self.book.box_key, box, site)
        facts["box_key"] = "" if known is None else known.hex()
        kind = CARD_BROKEN if fault else CARD_OPENED if opened else CARD_TOLD
        logged = await self._hub.audit.append(kind, f"site:{site}", facts | ({"fault": fault} if fault else {}))

        def keep() -> None:
            with writing(self._hub.engine) as connection:
                self.book.keep(connection, site, box, entry, fault, logged.index)
                if fault:
                    text = f"The site {site} tells of a break-glass card in a way that does not hold: {fault}"
                    put_item(
                        connection, self._hub.clock, NOTICE, CARD_BROKEN, "", text, facts,
                        matter=f"{CARD_BROKEN}:{site}:{entry.number}", entries=[logged.index],
                    )  # fmt: skip
                elif opened:
                    self._put_glass(connection, site, entry, told, logged.index)

        await asyncio.to_thread(keep)

    def _put_glass(self, connection: Any, site: str, entry: CardEntry, told: dict[str, Any], index: int) -> None:
        """It is reviewed like a break-glass at the desk: within a day of its coming here, by somebody who was not there."""
        now_us = self._hub.clock.now_us()
        cameras = tuple(str(each) for each in told.get("cameras", []))
        glass = Glass(
            id=f"glass_{str(told.get('export', '')).rpartition('_')[2]}",
            account_id=str(told.get("card", "")),
            user_name=" and ".join(str(each) for each in told.get("names", [])),
            team="",
            code="site_card",
            words=str(told.get("reason", "")),
            again="",
            cameras=cameras,
            from_us=int(told.get("start_us", 0)),
            to_us=int(told.get("end_us", 0)),
            grant_id="",
            step_up="",
            broken_us=entry.time_us,
            ends_us=entry.time_us + HOUR_US,
            due_us=now_us + REVIEW_US,
        )
        self._glass.add(connection, glass)
        text = f"The break-glass card of the site {site} was opened while the hub was away: {len(cameras)} cameras exported."
        put_item(
            connection, self._hub.clock, NOTICE, OPENED_NOTICE, glass.account_id, text,
            {"glass": glass.id, "code": glass.code, "cameras": list(cameras), "site": site},
            matter=f"{OPENED_NOTICE}:{glass.id}", entries=[index], due_us=glass.due_us,
        )  # fmt: skip


def _read(record: bytes) -> dict[str, Any]:
    """What an entry says; {} when it says nothing that can be read."""
    try:
        found = msgspec.json.decode(record)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}
