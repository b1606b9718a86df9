"""The inbox: who knocks is known by a partner's signature, each delivery is fresh and its number unused, each letter is taken once.

A letter that is taken is in the log and in the database before the receipt is signed; what it asks for is done after that.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from belvedere.foundation.clock import HOUR_US, MINUTE_US, SECOND_US, Clock, iso
from belvedere.foundation.errors import BadInput, BelvedereError, Refused
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.federation.keys import FederationKeys
from belvedere.hub.federation.letter_book import TAKEN, KeptLetter, LetterBook, digest_of
from belvedere.hub.federation.partner_book import Partner, PartnerBook
from belvedere.hub.federation.signing import DELIVERY, LETTER, RECEIPT, sign, verify
from belvedere.hub.federation.words import (
    KINDS,
    LONGEST_LETTER,
    VERSION,
    Delivery,
    Letter,
    PartAsk,
    Receipt,
    Signed,
    decode,
    encode,
)

HEARD, TURNED_AWAY = "federation.heard", "federation.turned_away"
WINDOW_US = 10 * MINUTE_US  # how far the clocks of two hubs may differ
_A_MINUTE = 60  # deliveries of one partner; parts of packages are not counted
STRANGER = Refused(
    "This hub takes nothing from you.",
    advice="Both hubs have to have added each other as partners, and neither revoked it.",
)


class _Later(BelvedereError):
    """The partner is known; this delivery is not taken now. `code` goes into the receipt."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.why = why


class _Never(_Later):
    """The letter is not taken, whenever it comes."""


@dataclass
class Reception:
    """For the hub's event loop. `taken` is called once there is a letter to act on."""

    partners: PartnerBook
    letters: LetterBook
    keys: FederationKeys
    audit: AuditLog
    clock: Clock
    taken: Callable[[], None]
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)  # of one letter sent twice at once, one counts
    _recent: dict[str, list[int]] = field(default_factory=dict)
    _noted: dict[tuple[str, str], int] = field(default_factory=dict)
    # As it was at `_keys_us` of the monotonic clock: telling partners from strangers asks the database once a second at most.
    _keys: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)
    _keys_us: int | None = None

    async def take(self, data: bytes) -> bytes:
        """A delivery; the receipt, signed. Raises BadInput, or Refused for strangers, who get no signature."""
        partner, words = await self.known(data, DELIVERY)
        delivery = decode(words, Delivery)
        digest = digest_of(delivery.letter.words)
        try:
            await self.fresh(partner, delivery, often=True)
            async with self._one:
                await self._take(partner, delivery, digest)
            return self._receipt(partner, delivery, "taken", digest)
        except _Later as no:
            await self.note(partner, no.why, no.message)
            outcome = "refused" if isinstance(no, _Never) else "later"
            return self._receipt(partner, delivery, outcome, digest, no.why, no.message)

    async def caller(self, data: bytes, kind: str) -> str:
        """Whose signature this bears, by the keys of a second ago; "" for strangers. It opens nothing: see `known`."""
        now_us = self.clock.monotonic_us()
        if self._keys_us is None or now_us - self._keys_us >= SECOND_US:
            self._keys_us = now_us
            self._keys = await asyncio.to_thread(self.partners.keys_of_partners, self.clock.now_us())
        try:
            signed = decode(data, Signed)
        except BadInput:
            return ""
        for partner, public in self._keys.get(signed.key, ()):
            try:
                verify(public, kind, signed.words, signed.signature)
            except Refused:
                continue
            return partner
        return ""

    async def known(self, data: bytes, kind: str) -> tuple[Partner, bytes]:
        """Which partner signed this, and the words. Raises BadInput, Refused."""
        signed = decode(data, Signed)
        found = await asyncio.to_thread(self.partners.owner_of, signed.key, self.clock.now_us())
        if found is None:
            raise STRANGER
        partner, public = found
        verify(public, kind, signed.words, signed.signature)
        if partner.revoked_us is not None:
            await self.note(partner, "revoked", "It was revoked and knocked again.")
            raise STRANGER
        return partner, signed.words

    async def fresh(self, partner: Partner, delivery: Delivery | PartAsk, *, often: bool = False) -> None:
        """Return if it is meant for this hub, made now, and not used before. Raises _Later."""
        now_us = self.clock.now_us()
        if delivery.version != VERSION:
            raise _Later("version", f"This hub speaks version {VERSION}, not {delivery.version}.")
        if delivery.sender != partner.id or delivery.recipient != self.keys.hub:
            raise _Never("address", "This is for another hub, or of another.")
        if often:
            self._not_too_often(partner)
        off_us = delivery.at_us - now_us
        if abs(off_us) > WINDOW_US:
            apart = _length(abs(off_us))
            side = "ahead of" if off_us > 0 else "behind"
            raise _Later(
                "clock", f"Your clock is {apart} {side} ours, which says {iso(now_us)}. Set it right on either side."
            )
        if not await asyncio.to_thread(
            self.partners.use_nonce, partner.id, delivery.nonce, now_us, 2 * WINDOW_US + MINUTE_US
        ):
            raise _Later("replay", "This very delivery was here before.")

    def _not_too_often(self, partner: Partner) -> None:
        now_us = self.clock.monotonic_us()
        recent = [each for each in self._recent.get(partner.id, ()) if now_us - each < MINUTE_US]
        if len(recent) >= _A_MINUTE:
            raise _Later("slow_down", f"More than {_A_MINUTE} letters in a minute. They are taken later.")
        self._recent[partner.id] = [*recent, now_us]

    async def _take(self, partner: Partner, delivery: Delivery, digest: str) -> None:
        inner = delivery.letter
        if len(inner.words) > LONGEST_LETTER:
            raise _Never("too_long", "This letter is too long.")
        key = await asyncio.to_thread(self.partners.public_key, partner.id, inner.key, self.clock.now_us())
        try:
            if key is None:
                raise Refused("no such key")
            verify(key, LETTER, inner.words, inner.signature)
            letter = decode(inner.words, Letter)
        except Refused as error:
            raise _Never("signature", "The letter is not signed with a key of yours that we know.") from error
        except BadInput as error:
            raise _Never("letter", f"This letter makes no sense here: {error.message}"[:500]) from error
        if letter.sender != partner.id or letter.recipient != self.keys.hub:
            raise _Never("address", "This letter is for another hub, or of another.")
        known = await asyncio.to_thread(self.letters.find, partner.id, False, letter.id)
        if known is not None:
            if known.sha256 != digest:
                raise _Never("conflict", "Another letter with this id was taken before.")
            return  # its receipt was lost: the same again
        now_us, what = self.clock.now_us(), KINDS[type(letter.said)]
        facts = {"partner": partner.id, "controller": partner.controller, "letter": letter.id}
        facts |= {"what": what, "sha256": digest}
        await self.audit.append(HEARD, f"partner:{partner.id}", facts)
        receipt = self._receipt(partner, delivery, "taken", digest)
        kept = KeptLetter(
            partner.id, False, letter.id, what, digest, encode(inner), now_us, TAKEN, 0, 0, "", now_us, receipt
        )
        await asyncio.to_thread(self.letters.add, kept)
        await asyncio.to_thread(lambda: self.partners.change(partner.id, heard_us=now_us))
        self.taken()

    def _receipt(
        self, partner: Partner, delivery: Delivery, outcome: str, digest: str, code: str = "", words: str = ""
    ) -> bytes:
        receipt = Receipt(VERSION, delivery.nonce, outcome, digest, self.clock.now_us(), code, words)
        return encode(sign(self.keys.key(partner.our_key), RECEIPT, encode(receipt)))

    async def note(self, partner: Partner, code: str, words: str) -> None:
        """Into the log, once an hour for each reason: a partner can't fill it."""
        now_us = self.clock.monotonic_us()
        last_us = self._noted.get((partner.id, code))
        if last_us is not None and now_us - last_us < HOUR_US:
            return
        self._noted[partner.id, code] = now_us
        facts = {"partner": partner.id, "controller": partner.controller, "code": code, "reason": words}
        await self.audit.append(TURNED_AWAY, f"partner:{partner.id}", facts)


def refusal(error: BelvedereError) -> bytes:
    """What an unsigned no looks like."""
    return msgspec.json.encode({"code": error.code, "message": error.message, "advice": error.advice})


def _length(us: int) -> str:
    for unit, name in ((24 * HOUR_US, "day"), (HOUR_US, "hour"), (MINUTE_US, "minute"), (SECOND_US, "second")):
        count = us // unit
        if count:
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a second"
