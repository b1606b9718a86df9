"""The outbox: what this hub says to partners is logged, kept, and delivered in order; again and again while a partner is away."""

import asyncio
import hashlib
import os
import random
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import HOUR_US, SECOND_US, Clock
from belvedere.foundation.errors import BelvedereError, LinkFault, Refused
from belvedere.foundation.ids import new_id
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.federation.client import LETTERS, FederationClient
from belvedere.hub.federation.keys import FederationKeys
from belvedere.hub.federation.letter_book import DELIVERED, REFUSED, WAITING, KeptLetter, LetterBook, digest_of
from belvedere.hub.federation.partner_book import Partner, PartnerBook
from belvedere.hub.federation.signing import DELIVERY, LETTER, RECEIPT, key_id, sign, verify
from belvedere.hub.federation.words import (
    KINDS,
    LONGEST_LETTER,
    VERSION,
    AnySaid,
    Delivery,
    KeyChange,
    Letter,
    Receipt,
    Signed,
    decode,
    encode,
)

SAID, DELIVERED_KIND, NOT_TAKEN = "federation.said", "federation.delivered", "federation.not_taken"
_FIRST_WAIT_US = 5 * SECOND_US
_LONGEST_WAIT_US = HOUR_US
_LOOK_S = 60.0
_LONGEST_RECEIPT = 32 << 10

log = structlog.get_logger()


class Post:
    """For the hub's event loop. `refused` hears of letters that a partner refused for good."""

    def __init__(
        self,
        partners: PartnerBook,
        letters: LetterBook,
        keys: FederationKeys,
        client: FederationClient,
        audit: AuditLog,
        clock: Clock,
    ) -> None:
        self._partners = partners
        self._letters = letters
        self._keys = keys
        self._client = client
        self._audit = audit
        self._clock = clock
        self._dice = random.SystemRandom()
        self._due = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None
        self.refused: Callable[[KeptLetter, Receipt], Awaitable[None]] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="federation post")

    async def stop(self) -> None:
        tasks = [*self._busy.values(), *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def say(
        self, partner: Partner, said: AnySaid, actor: str, *also: Callable[[Connection], object], letter_id: str = ""
    ) -> KeptLetter:
        """Log it, keep it with `also` in one transaction, and have it delivered. A letter with this id that is there already stays
        as it is. Raises Refused for a partner that was revoked, BadInput for one that is too long."""
        if partner.revoked_us is not None:
            raise Refused(f"{partner.controller} is no longer a partner.", advice="Have it added again first.")
        made_id = letter_id or new_id("letter", self._clock)
        known = await asyncio.to_thread(self._letters.find, partner.id, True, made_id)
        if known is not None:
            return known
        now_us = self._clock.now_us()
        words = encode(Letter(VERSION, made_id, self._keys.hub, partner.id, now_us, said))
        if len(words) > LONGEST_LETTER:
            raise Refused("This is too long for one letter.", advice="Say it shorter.")
        digest, what = digest_of(words), KINDS[type(said)]
        signed = encode(sign(self._keys.key(partner.our_key), LETTER, words))
        kept = KeptLetter(partner.id, True, made_id, what, digest, signed, now_us, WAITING, 0, 0, "", None, b"")
        facts = {
            "partner": partner.id,
            "controller": partner.controller,
            "letter": made_id,
            "what": what,
            "sha256": digest,
        }
        await self._audit.append(SAID, actor, facts)
        await asyncio.to_thread(self._letters.add, kept, *also)
        self._due.set()
        return kept

    async def hurry(self, partner_id: str = "") -> None:
        """Try now what waits."""
        await asyncio.to_thread(self._letters.hurry, partner_id)
        self._due.set()

    async def _run(self) -> None:
        while True:
            self._due.clear()
            wait_s = _LOOK_S
            try:
                wait_s = await self._begin()
            except (BelvedereError, SQLAlchemyError) as error:
                log.warning("federation_post_waits", reason=str(error))
            try:
                async with asyncio.timeout(wait_s):
                    await self._due.wait()
            except TimeoutError:
                continue

    async def _begin(self) -> float:
        """Begin to deliver to each partner whose oldest letter is due; in how many seconds the next is."""
        now_us, wait_us = self._clock.now_us(), int(_LOOK_S * SECOND_US)
        seen: set[str] = set()
        for letter in await asyncio.to_thread(self._letters.waiting):
            if letter.partner_id in seen or letter.partner_id in self._busy:
                continue
            seen.add(letter.partner_id)  # order holds: what was said later waits behind it
            # A time further ahead than any wait was written under another clock.
            if letter.next_us <= now_us or letter.next_us > now_us + 2 * _LONGEST_WAIT_US:
                task = asyncio.create_task(self._deliver_all(letter.partner_id), name="federation delivery")
                self._busy[letter.partner_id] = task
            else:
                wait_us = min(wait_us, letter.next_us - now_us)
        return max(wait_us / SECOND_US, 0.05)

    async def _deliver_all(self, partner_id: str) -> None:
        """Deliver what waits for one partner, in order, until one stays."""
        try:
            while True:
                waiting = await asyncio.to_thread(self._letters.waiting)
                letter = next((each for each in waiting if each.partner_id == partner_id), None)
                partner = await asyncio.to_thread(self._partners.find, partner_id)
                if letter is None:
                    break
                if partner is None or partner.revoked_us is not None:  # said while it was being revoked
                    await asyncio.to_thread(self._letters.drop, partner_id)
                    break
                try:
                    receipt, signed = await self._deliver(partner, letter)
                except (BelvedereError, SQLAlchemyError) as error:
                    await self._wait(partner, letter, getattr(error, "message", "The database is busy."))
                    break
                if receipt.outcome == "later":
                    await self._wait(partner, letter, f"{partner.controller} says: {receipt.words}")
                    break
                await self._done(partner, letter, receipt, signed)
            self._due.set()  # something may have been said meanwhile, or waits for its time
        except (BelvedereError, SQLAlchemyError) as error:
            log.warning("federation_delivery_waits", partner=partner_id, reason=str(error))  # the next look tries again
        finally:
            self._busy.pop(partner_id, None)

    async def _deliver(self, partner: Partner, letter: KeptLetter) -> tuple[Receipt, bytes]:
        """One try. Raises LinkFault."""
        nonce = os.urandom(16).hex()
        inner = decode(letter.signed, Signed)
        delivery = Delivery(VERSION, self._keys.hub, partner.id, self._clock.now_us(), nonce, inner)
        data = encode(sign(self._keys.key(partner.our_key), DELIVERY, encode(delivery)))
        answer = await self._client.post(partner, LETTERS, data, _LONGEST_RECEIPT)
        receipt = await self.vouched(partner, answer, RECEIPT)
        found = decode(receipt, Receipt)
        if found.nonce != nonce or (found.outcome == "taken" and found.sha256 != letter.sha256):
            raise LinkFault(f"The receipt of {partner.controller} is for something else.")
        return found, answer

    async def vouched(self, partner: Partner, data: bytes, kind: str) -> bytes:
        """The words in what a partner signed. Raises LinkFault."""
        fault = f"What answers at {partner.address} did not sign as {partner.controller} does."
        try:
            signed = decode(data, Signed)
            key = await asyncio.to_thread(self._partners.public_key, partner.id, signed.key, self._clock.now_us())
            if key is None:
                raise LinkFault(fault, advice="If their keys were made anew, add the partner again.")
            verify(key, kind, signed.words, signed.signature)
        except LinkFault:
            raise
        except BelvedereError as error:
            raise LinkFault(fault) from error
        return signed.words

    async def _wait(self, partner: Partner, letter: KeptLetter, fault: str) -> None:
        wait_us = min(_FIRST_WAIT_US << min(letter.tries, 12), _LONGEST_WAIT_US)
        next_us = self._clock.now_us() + int(wait_us * self._dice.uniform(0.5, 1.0))
        values = {"tries": letter.tries + 1, "next_us": next_us, "fault": fault}
        await asyncio.to_thread(lambda: self._letters.change(letter, **values))
        await asyncio.to_thread(lambda: self._partners.change(partner.id, fault=fault))
        log.info("federation_partner_away", partner=partner.id, reason=fault)

    async def _done(self, partner: Partner, letter: KeptLetter, receipt: Receipt, signed: bytes) -> None:
        taken, now_us = receipt.outcome == "taken", self._clock.now_us()
        facts: dict[str, object] = {"partner": partner.id, "controller": partner.controller, "letter": letter.id}
        facts |= {"what": letter.kind, "sha256": letter.sha256, "receipt_sha256": hashlib.sha256(signed).hexdigest()}
        if not taken:
            facts["reason"] = receipt.words
        await self._audit.append(DELIVERED_KIND if taken else NOT_TAKEN, f"partner:{partner.id}", facts)
        values = {
            "state": DELIVERED if taken else REFUSED,
            "receipt": signed,
            "done_us": now_us,
            "fault": receipt.words,
        }
        said = letter.letter.said
        if taken and isinstance(said, KeyChange):
            await asyncio.to_thread(lambda: self._partners.change(partner.id, our_key=key_id(said.public_key)))
        await asyncio.to_thread(lambda: self._letters.change(letter, **values))
        await asyncio.to_thread(lambda: self._partners.change(partner.id, heard_us=now_us, fault=""))
        if not taken and self.refused is not None:
            await self.refused(letter, receipt)
