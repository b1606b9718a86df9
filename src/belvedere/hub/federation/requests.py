"""Formal requests between controllers: received with a number, decided by a person, ready when a package lies there.

What a request opens is decided by people at the disclosure desk; this is the way there and back.
"""

import asyncio
import hashlib
from typing import TYPE_CHECKING

import msgspec

from belvedere.foundation.clock import iso
from belvedere.foundation.errors import BadInput, BelvedereError, Conflict, NotFound
from belvedere.foundation.ids import new_id
from belvedere.hub.access.users import User
from belvedere.hub.federation.dossier import Dossier, QuestionRow, RequestRow, insert_row
from belvedere.hub.federation.holdings import Holdings
from belvedere.hub.federation.partner_book import Partner, PartnerBook
from belvedere.hub.federation.post import Post
from belvedere.hub.federation.words import Basis, FormalRequest, RequestState, RequestTold, Why

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext

DECIDED = "federation.decided"
_LEAST_WORDS = 10
# Invariant: a state is told once and never taken back.
_AFTER = {
    RequestState.RECEIVED: (RequestState.SENT,),
    RequestState.DECIDED: (RequestState.SENT, RequestState.RECEIVED),
    RequestState.REFUSED: (RequestState.SENT, RequestState.RECEIVED, RequestState.DECIDED),
    RequestState.READY: (RequestState.SENT, RequestState.RECEIVED, RequestState.DECIDED),
}


class Requests:
    """For the hub's event loop."""

    def __init__(
        self, hub: "HubContext", partners: PartnerBook, dossier: Dossier, post: Post, holdings: Holdings
    ) -> None:
        self._hub = hub
        self._partners = partners
        self._dossier = dossier
        self._post = post
        self._holdings = holdings
        self._deciding = asyncio.Lock()

    async def make(self, by: User, partner: Partner, request: FormalRequest) -> RequestRow:
        """Request footage of a partner that said yes. Raises BadInput, NotFound, Conflict, Refused."""
        for words in (request.wanted, request.necessity):
            if len(words.strip()) < _LEAST_WORDS:
                raise BadInput("Say what is wanted, and why it is needed.", advice="A sentence each, or more.")
        if request.reason not in set(Why) or request.basis not in set(Basis):
            raise BadInput("Choose a reason and a legal basis.", advice="Both are in the list.")
        asked = await asyncio.to_thread(self._dossier.find, QuestionRow, partner.id, True, request.question)
        if asked.state != "yes":
            raise Conflict("This partner has not said yes.", advice="A request is about footage that is held.")
        now_us = self._hub.clock.now_us()
        row = RequestRow(
            partner.id,
            True,
            new_id("request", self._hub.clock),
            asked.id,
            "",
            msgspec.to_builtins(request),
            by.id,
            by.display,
            now_us,
            RequestState.SENT,
            "",
            now_us,
        )
        await self._post.say(partner, request, by.id, lambda connection: insert_row(connection, row), letter_id=row.id)
        return row

    async def hear(self, partner: Partner, letter_id: str, request: FormalRequest) -> None:
        """A partner's request: it gets a number, and what it is about stays held; or a no, where nothing was answered yes."""
        now_us = self._hub.clock.now_us()
        state, told = RequestState.RECEIVED, "Received. A person decides."
        try:
            asked = await asyncio.to_thread(self._dossier.find, QuestionRow, partner.id, False, request.question)
            if asked.state != "yes":
                raise NotFound("not answered yes")
            until_us = await self._holdings.renew(partner, asked)
            if until_us is not None:
                told = f"Received. A person decides; what it is about is held until {iso(until_us)[:10]}."
        except NotFound:
            state, told = RequestState.REFUSED, "This hub has answered no such question with yes."
        except BelvedereError:  # the hold ended meanwhile, or was ended by a person: the request counts all the same
            told = "Received. A person decides; the hold has ended, so the footage may be gone."
        row = RequestRow(
            partner.id,
            False,
            letter_id,
            request.question,
            _number(partner.id, letter_id, now_us),
            msgspec.to_builtins(request),
            "",
            partner.controller,
            now_us,
            state,
            told,
            now_us,
        )
        if not await asyncio.to_thread(self._dossier.add, row):
            row = await asyncio.to_thread(self._dossier.find, RequestRow, partner.id, False, letter_id)
        await self.tell(partner, row)

    async def told(self, partner: Partner, said: RequestTold) -> None:
        """A partner says how far our request is."""
        row = await asyncio.to_thread(self._dossier.find, RequestRow, partner.id, True, said.request)
        values = {"state": said.state, "number": said.number, "told": said.words}
        values_us = {"changed_us": self._hub.clock.now_us()}
        before = tuple(str(each) for each in _AFTER[RequestState(said.state)])
        await asyncio.to_thread(lambda: self._dossier.change(row, *before, **values, **values_us))

    async def decide(self, by: User, partner_id: str, request_id: str, *, approve: bool, words: str) -> RequestRow:
        """A case approver says yes or no to a partner's request. Raises NotFound, Conflict, BadInput, Refused."""
        words = " ".join(words.split())[:2_000]
        if len(words) < _LEAST_WORDS:
            raise BadInput("Say why, in words.", advice="The partner reads it, and whoever reads the log.")
        async with self._deciding:
            partner = await asyncio.to_thread(self._partners.get, partner_id)
            row = await asyncio.to_thread(self._dossier.find, RequestRow, partner_id, False, request_id)
            if row.state != RequestState.RECEIVED:
                raise Conflict("This request no longer waits.", advice="Look at what became of it.")
            state = RequestState.DECIDED if approve else RequestState.REFUSED
            facts = {"partner": partner.id, "controller": partner.controller, "request": row.id, "number": row.number}
            await self._hub.audit.append(DECIDED, by.id, facts | {"decision": str(state), "reason": words})
            return await self.move(partner, row, state, words, by.id)

    async def move(self, partner: Partner, row: RequestRow, state: RequestState, words: str, by: str) -> RequestRow:
        """Put a partner's request on, and tell them."""
        now_us = self._hub.clock.now_us()
        values = {"state": str(state), "told": words, "changed_us": now_us, "decided_by": row.decided_by or by}
        if not await asyncio.to_thread(lambda: self._dossier.change(row, row.state, **values)):
            raise Conflict("This request was moved on meanwhile.", advice="Reload the page.")
        row = await asyncio.to_thread(self._dossier.find, RequestRow, partner.id, False, row.id)
        await self.tell(partner, row)
        return row

    async def tell(self, partner: Partner, row: RequestRow) -> None:
        """Say how far a partner's request is; each state once."""
        if row.state in set(RequestState) - {RequestState.SENT, RequestState.DELIVERED}:
            said = RequestTold(row.id, row.number, row.state, row.told)
            await self._post.say(partner, said, row.decided_by or "hub", letter_id=f"{row.state[:4]}-{row.id[:59]}")


def _number(partner_id: str, request_id: str, now_us: int) -> str:
    """The same for the same request, however often it is read."""
    digits = hashlib.sha256(f"{partner_id} {request_id}".encode()).hexdigest()[:6].upper()
    return f"FR-{iso(now_us)[:4]}-{digits}"
