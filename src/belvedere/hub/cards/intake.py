"""What sites wrote of their cards, into the log: every entry once, whatever a site says and however it says it.

A box counts its entries from 0. A site whose box was replaced has several such logs; a box that was set back writes numbers again.
What does not hold together is entered as such, with what it says, so that nothing that was opened goes by in silence.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import structlog
from msgspec import Meta
from sqlalchemy import Connection

from belvedere.foundation.clock import DAY_US, HOUR_US
from belvedere.hub.approvals.glass import Glass
from belvedere.hub.approvals.glass_desk import OPENED_NOTICE
from belvedere.hub.approvals.glass_store import GlassStore
from belvedere.hub.cards.book import CardBook, KeptEntry
from belvedere.hub.storage.engine import writing
from belvedere.hub.watchers.notices import NOTICE, put_item
from belvedere.link.card import LONGEST_REASON, OPENED, CardEntry, read_record
from belvedere.policy.card import CARD_PURPOSE
from belvedere.tlog.checkpoint import open_checkpoint
from belvedere.tlog.merkle import leaf_hash, root_of
from belvedere.tlog.note import BadNote
from belvedere.tlog.proof import entry_of

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext

REVIEW_US = DAY_US
MOST_ENTRIES = 1000  # of one site; three cards in half a year write six
CARD_OPENED, CARD_TOLD, CARD_BROKEN = "card.opened", "card.told", "card.log_broken"
_UNREADABLE = -1  # the number of what is no entry at all
_MOST_BYTES = 32 << 10  # of an entry; a true one has about one
_LOG = structlog.get_logger(__name__)

_Word = Annotated[str, Meta(max_length=64)]
_Name = Annotated[str, Meta(max_length=120)]
_Moment = Annotated[int, Meta(ge=0, le=1 << 53)]


class _Facts(msgspec.Struct, omit_defaults=True):
    """What an entry may say. Bounded: it goes into the log as it is."""

    export: _Word = ""
    card: _Word = ""
    box: _Word = ""
    purpose: _Word = ""
    cameras: Annotated[list[_Word], Meta(max_length=64)] = []
    start_us: _Moment = 0
    end_us: _Moment = 0
    names: Annotated[list[_Name], Meta(max_length=2)] = []
    reason: Annotated[str, Meta(max_length=LONGEST_REASON)] = ""
    sha256: _Word = ""
    bytes: _Moment = 0


class _Said(msgspec.Struct):
    kind: _Word = ""
    facts: _Facts = msgspec.field(default_factory=_Facts)


_decoder = msgspec.json.Decoder(_Said)


@dataclass(frozen=True, slots=True)
class _Found:
    """An entry that is not here yet. `fault`: why it is not to be trusted, "" where it is."""

    box: str
    entry: CardEntry
    said: _Said
    fault: str


class CardIntake:
    """One for the hub; for the event loop."""

    def __init__(self, hub: "HubContext", book: CardBook) -> None:
        self._hub = hub
        self._book = book
        self._glass = GlassStore(hub.engine)

    async def told(self, site: str) -> None:
        """What a site's outbox brought."""
        bodies = await asyncio.to_thread(self._book.told, site)
        await self.take(site, "", [_entry(body) for body in bodies])

    async def take(self, site: str, box: str, told: Sequence[CardEntry]) -> None:
        """Take in entries that are not here yet, in the order told, each into the log before it is kept.

        `box`: who told them; "" where only the entries themselves name it.
        """
        known = await asyncio.to_thread(self._book.entries, site)
        here = {_same(each.entry): each.box for each in known}
        for each in told:
            entry = _bounded(each)
            if _same(entry) in here:
                box = here[_same(entry)] or box
                continue
            if len(known) >= MOST_ENTRIES:
                _LOG.error("cards_too_many_entries", site=site)
                return
            said = _read(entry.record)
            box = said.facts.box or box if said is not None else box
            chain = [each.entry for each in known if each.box == box and not each.fault]
            fault = (
                "It can't be read." if said is None else await asyncio.to_thread(self._fault, site, box, chain, entry)
            )
            await self._enter(site, len(known), _Found(box, entry, said or _Said(), fault))
            known.append(KeptEntry(box, entry, fault))
            here[_same(entry)] = box

    def _fault(self, site: str, box: str, chain: list[CardEntry], entry: CardEntry) -> str:
        """Why an entry does not go on from the ones before it. `chain`: those of its box."""
        key = self._book.box_key(box, site)
        if key is None:
            return "It comes from a box that was never met."
        try:
            checkpoint = open_checkpoint(entry.checkpoint, key)
        except BadNote as error:
            return error.message
        if entry.number < len(chain):
            return "The box has written other words under this number before: its log was set back or changed."
        leaves = [leaf_hash(entry_of(each.salt, each.record)) for each in (*chain, entry)]
        if entry.number != len(chain) or (checkpoint.size, checkpoint.root) != (len(leaves), root_of(leaves)):
            return "Its entries are not those that the site's box signed."
        return ""

    async def _enter(self, site: str, place: int, found: _Found) -> None:
        entry, told = found.entry, found.said.facts
        opened = found.said.kind == OPENED and told.purpose == CARD_PURPOSE
        leaf = leaf_hash(entry_of(entry.salt, entry.record)).hex()
        facts: dict[str, Any] = {"site": site, "number": entry.number, "leaf": leaf, "acted_us": entry.time_us}
        facts |= {name: value for name, value in msgspec.to_builtins(told).items() if name != "purpose"}
        key = await asyncio.to_thread(self._book.box_key, found.box, site)
        facts |= {"box": found.box, "box_key": "" if key is None else key.hex()}
        if found.fault:
            facts["fault"] = found.fault
        kind = CARD_BROKEN if found.fault else CARD_OPENED if opened else CARD_TOLD
        logged = await self._hub.audit.append(kind, f"site:{site}", facts)

        def keep() -> None:
            with writing(self._hub.engine) as connection:
                self._book.keep(connection, site, place, KeptEntry(found.box, entry, found.fault), logged.index)
                if found.fault:
                    text = f"The site {site} tells of a break-glass card in a way that does not hold: {found.fault}"
                    put_item(
                        connection, self._hub.clock, NOTICE, CARD_BROKEN, "", text, facts,
                        matter=f"{CARD_BROKEN}:{site}:{leaf[:32]}", entries=[logged.index],
                    )  # fmt: skip
                elif opened:
                    self._put_glass(connection, site, entry, told, logged.index)

        await asyncio.to_thread(keep)

    def _put_glass(self, connection: Connection, site: str, entry: CardEntry, told: _Facts, index: int) -> None:
        """It is reviewed like a break-glass at the desk: within a day of its coming here, by somebody who was not there."""
        now_us = self._hub.clock.now_us()
        glass = Glass(
            id=f"glass_{leaf_hash(entry_of(entry.salt, entry.record)).hex()[:26]}",
            account_id=told.card,
            user_name=" and ".join(told.names),
            team="",
            code="site_card",
            words=told.reason,
            again="",
            cameras=tuple(told.cameras),
            from_us=told.start_us,
            to_us=told.end_us,
            grant_id="",
            step_up="",
            broken_us=entry.time_us,
            ends_us=entry.time_us + HOUR_US,
            due_us=now_us + REVIEW_US,
        )
        self._glass.add(connection, glass)
        count = len(told.cameras)
        text = f"The break-glass card of the site {site} was opened at the site: {count} camera{'' if count == 1 else 's'}."
        put_item(
            connection, self._hub.clock, NOTICE, OPENED_NOTICE, glass.account_id, text,
            {"glass": glass.id, "code": glass.code, "cameras": list(told.cameras), "site": site},
            matter=f"{OPENED_NOTICE}:{glass.id}", entries=[index], due_us=glass.due_us,
        )  # fmt: skip


def _same(entry: CardEntry) -> tuple[bytes, bytes]:
    """What two entries share that are one: the salt is random."""
    return entry.salt, entry.record


def _read(record: bytes) -> _Said | None:
    """What an entry says; None when it says nothing that makes sense."""
    try:
        return _decoder.decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _entry(body: str) -> CardEntry:
    """An entry as the outbox brought it; what can't be read as one is one that says nothing."""
    try:
        return read_record(body)
    except (msgspec.MsgspecError, ValueError):
        return CardEntry(_UNREADABLE, 0, b"", body.encode(errors="replace")[:_MOST_BYTES], b"")


def _bounded(entry: CardEntry) -> CardEntry:
    """An entry that the database can hold; of another, its beginning as one that says nothing."""
    size = len(entry.salt) + len(entry.record) + len(entry.checkpoint)
    if 0 <= entry.number < MOST_ENTRIES and 0 <= entry.time_us < 1 << 53 and size <= _MOST_BYTES:
        return entry
    return CardEntry(_UNREADABLE, 0, b"", entry.record[:_MOST_BYTES], b"")
