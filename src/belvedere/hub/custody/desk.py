"""The custody desk: in the background, takes in what a site tells of keys and roots, seals anew, releases under grants."""

import asyncio

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import DAY_US, Clock
from belvedere.foundation.errors import BelvedereError, Conflict, LinkFault
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.cards.book import CardBook
from belvedere.hub.custody.held import keys_for_holds
from belvedere.hub.custody.ledger import Ledger, acknowledgement
from belvedere.hub.custody.vault import Vault
from belvedere.link.client import SiteLink
from belvedere.link.custody import (
    HUB,
    PAGE,
    Acknowledge,
    Acknowledgement,
    AskKey,
    Copies,
    Custody,
    CustodyState,
    GetCopies,
    GetCustody,
    GetDocument,
    KeyAsk,
    NewCopies,
    NewCopy,
    PutCopies,
    PutRecipients,
    Recipient,
    RecipientList,
    ReleaseKey,
    SealedCopy,
    SignedWords,
    SiteDocument,
    release_info,
    signed_bytes,
    write_words,
)
from belvedere.link.held import AskHeldDays, HeldDays, HeldRelease, ReleaseForHolds, held_release_info, write_release
from belvedere.link.messages import Answer
from belvedere.media.keybox import shut
from belvedere.policy.signed import open_signed

EVERY_S = 15.0
ROTATE_AFTER_US = 30 * DAY_US
KEY_RELEASED = "key.released"
KEY_RELEASED_FOR_HOLDS = "key.released_for_holds"
KEY_DESTROYED = "key.destroyed"
DAY_ROOTS = "footage.roots"

log = structlog.get_logger()


class CustodyDesk:
    """For the event loop, except `vault` and `ledger`, which block."""

    def __init__(
        self, site: str, engine: Engine, vault: Vault, key: Ed25519PrivateKey, audit: AuditLog, clock: Clock
    ) -> None:
        self.vault = vault
        self.ledger = Ledger(engine, vault, clock)
        self._cards = CardBook(engine, clock)
        self._engine = engine
        self._site = site
        self._key = key
        self._audit = audit
        self._clock = clock
        self._releasing = asyncio.Lock()
        self._exchanging = asyncio.Lock()
        self.last_fault = ""

    async def run(self, link: SiteLink) -> None:
        """Exchange with the site every 15 seconds, for as long as the hub runs."""
        while True:
            try:
                await self.exchange(link)
                self.last_fault = ""
            except LinkFault:
                pass  # the site is away: it keeps its keys until it is back
            except (BelvedereError, SQLAlchemyError) as error:
                if str(error) != self.last_fault:
                    log.error("custody_waits", reason=str(error))
                self.last_fault = str(error)
            await asyncio.sleep(EVERY_S)

    async def exchange(self, link: SiteLink) -> CustodyState:
        """One round: recipients, what waits at the site, sealing anew, keys that are done with. Raises LinkFault, Refused."""
        async with self._exchanging:
            return await self._exchange(link)

    async def _exchange(self, link: SiteLink) -> CustodyState:
        await link.ask(GetCustody(), Custody)  # a hub that never met a site needs no key
        before = await asyncio.to_thread(self.vault.current, HUB)
        recipients = await asyncio.to_thread(self._recipients)
        hub = next(each for each in recipients if each.role == HUB)
        if before is None or before.name != hub.name:
            await self._audit.append("key.wrapping_made", "hub", {"key": hub.name, "title": hub.title})
        signed = self._sign(RecipientList(self._clock.now_us(), recipients))
        state = await link.ask(PutRecipients(signed), CustodyState, reuse=False)
        await asyncio.to_thread(self.ledger.met, self._site, state)
        while True:
            custody = await link.ask(GetCustody(), Custody)
            if not (custody.copies or custody.roots or custody.notes):
                break
            words = await self._take(custody)
            if not (words.copies or words.roots or words.notes):
                log.error("copies_not_sound", box=custody.box, copies=len(custody.copies))
                break
            state = await link.ask(Acknowledge(self._sign(words)), CustodyState, reuse=False)
            if max(len(custody.copies), len(custody.roots), len(custody.notes)) < PAGE and not state.waiting:
                break
        await asyncio.to_thread(self.ledger.drop_retired, recipients)
        await self._seal_anew(link, state.box, recipients)
        if state.other_copies:
            await self._replace_others(link, state.box, recipients)
        state = await link.ask(PutRecipients(signed), CustodyState, reuse=False)
        await asyncio.to_thread(self.ledger.met, self._site, state)
        for name in await asyncio.to_thread(self.vault.retire_done):
            await self._audit.append("key.wrapping_destroyed", "hub", {"key": name})
        await self._document(link, state.box)
        await self._for_holds(link)
        return state

    async def _for_holds(self, link: SiteLink) -> None:
        """Release the keys of forgotten days to the site, for the live holds that need them and nothing else.

        Each release stands in the log, with its holds, before the key leaves.
        """
        asked = await link.ask(AskHeldDays(), HeldDays)
        await asyncio.to_thread(self.ledger.trusted, asked.box)
        keys = await asyncio.to_thread(keys_for_holds, self._engine, self.ledger, asked)
        released = []
        for found in keys:
            facts = {"camera": found.camera, "day": found.day, "holds": list(found.holds), "site": self._site}
            await self._audit.append(KEY_RELEASED_FOR_HOLDS, "hub", facts | {"box": asked.box})
            info = held_release_info(asked.box, found.camera, found.day)
            released.append((found.camera, found.day, shut(found.key, asked.release_key, info)))
        if released:
            text = write_release(HeldRelease(asked.box, tuple(released)))
            signed = SignedWords(text, self._key.sign(signed_bytes(text)))
            await link.ask(ReleaseForHolds(signed), Answer, reuse=False)

    def _recipients(self) -> tuple[Recipient, ...]:
        """In a thread. Renews the hub's key when it is a month old. The site's break-glass cards come last."""
        hub = self.vault.current(HUB)
        if hub is not None and self._clock.now_us() - hub.made_us > ROTATE_AFTER_US:
            self.vault.renew()
        return self.vault.recipients() + self._cards.recipients(self._site)

    async def _take(self, custody: Custody) -> Acknowledgement:
        """Keep what a site told. Roots and destroyed keys stand in the log before they are acknowledged."""
        await asyncio.to_thread(self.ledger.trusted, custody.box)
        copies = await asyncio.to_thread(self.ledger.take_copies, custody)
        roots = await asyncio.to_thread(self.ledger.new_roots, custody.box, custody.roots)
        if roots:
            days = [
                {
                    "camera": root.camera,
                    "day": root.day,
                    "version": root.version,
                    "leaves": root.leaves,
                    "deleted": root.deleted,
                    "root": root.root.hex(),
                }
                for root in roots
            ]
            root_facts = {"site": self._site, "box": custody.box, "days": days}
            entry = await self._audit.append(DAY_ROOTS, f"site:{self._site}", root_facts)
            await asyncio.to_thread(self.ledger.take_roots, custody.box, roots, entry.index)
        await asyncio.to_thread(self.ledger.take_notes, custody.box, custody.notes)
        destroyed = [note for note in custody.notes if note.what == "destroyed"]
        if destroyed:
            facts: dict[str, object] = {"site": self._site, "box": custody.box}
            facts["days"] = [
                {"camera": note.camera, "day": note.day, "destroyed_us": note.at_us}
                for note in destroyed
                if note.day >= 0
            ]
            if held := [note for note in destroyed if note.day < 0]:
                facts["held_segments"] = [
                    {"camera": note.camera, "segment": -note.day, "destroyed_us": note.at_us} for note in held
                ]
            await self._audit.append(KEY_DESTROYED, f"site:{self._site}", facts)
        return acknowledgement(custody, copies, custody.roots)

    async def _seal_anew(self, link: SiteLink, box: str, recipients: tuple[Recipient, ...]) -> int:
        """Seal forgotten keys for new recipients; returns how many camera-days. First the site has them, then the hub drops
        the old ones, so that a crash in between only repeats work."""

        def seal() -> list[NewCopy]:
            made: list[NewCopy] = []
            for owner, camera, day in self.ledger.lacking(recipients, box=box):
                if owner != box:
                    continue
                try:
                    key = self.ledger.key_of(owner, camera, day, ())
                except BelvedereError as error:  # waits for `belvedere keys recover`
                    log.warning("not_sealed_anew", camera=camera, day=day, reason=error.message)
                    continue
                made += self.ledger.seal_anew(owner, camera, day, key, recipients)
            return made

        copies = await asyncio.to_thread(seal)
        if copies:
            await self.put_copies(link, box, copies, recipients)
        return len(copies)

    async def _replace_others(self, link: SiteLink, box: str, recipients: tuple[Recipient, ...]) -> None:
        """Give the site today's copies for those it still keeps for recipients of before. A page of each a round."""
        names = {each.name for each in recipients}
        for old in await asyncio.to_thread(self.vault.keys):
            if old.name in names or old.destroyed_us is not None:
                continue
            page = await link.ask(GetCopies(old.name, "", 0), Copies)

            def seal(copies: tuple[SealedCopy, ...]) -> list[NewCopy]:
                made: list[NewCopy] = []
                for copy in copies:
                    try:
                        key = self.ledger.key_of(box, copy.camera, copy.day, (copy,))
                    except BelvedereError:  # waits for `belvedere keys recover`
                        continue
                    made += self.ledger.seal_anew(box, copy.camera, copy.day, key, recipients)
                return made

            copies = await asyncio.to_thread(seal, page.copies)
            if copies:
                await self.put_copies(link, box, copies, recipients)

    async def put_copies(
        self, link: SiteLink, box: str, copies: list[NewCopy], recipients: tuple[Recipient, ...]
    ) -> None:
        """Hand newly sealed copies to the site, then keep them here."""
        words = NewCopies(box, tuple(copies))
        await link.ask(PutCopies(self._sign(words)), CustodyState, reuse=False)
        await asyncio.to_thread(self.ledger.keep_anew, box, copies, recipients)

    async def _document(self, link: SiteLink, box: str) -> None:
        """Keep the newest configuration document of the site, sealed."""
        document = await link.ask(GetDocument(), SiteDocument)
        if document.box == box:
            await asyncio.to_thread(self.ledger.keep_document, document)

    async def release(self, link: SiteLink, wire: bytes, action: str, camera: str, stream: str, segment: int) -> None:
        """Release the key of a segment's camera-day to the site, under a grant that this hub signed and logged.

        The release stands in the log before the key leaves. Raises Refused, KeyAway, NotFound, SealBroken, LinkFault.
        """
        grant = open_signed(wire, self._key.public_key().public_bytes_raw(), self._clock)
        async with self._releasing:  # many readers of one day ask at once: the first releases, the others find it there
            ask = await link.ask(AskKey(wire, action, camera, stream, segment), KeyAsk)
            if ask.held:
                return
            if ask.camera != camera or camera not in grant.cameras:
                raise Conflict("The site asked for the key of another camera.", advice="Tell the DPO.")
            await asyncio.to_thread(self.ledger.trusted, ask.box)
            key = await asyncio.to_thread(self.ledger.key_of, ask.box, camera, ask.day, ask.copies)
            facts = {"grant": grant.id, "camera": camera, "day": ask.day, "site": self._site, "box": ask.box}
            await self._audit.append(KEY_RELEASED, grant.user_id, facts)
            sealed = shut(key, ask.release_key, release_info(grant.id, camera, ask.day))
            await link.ask(ReleaseKey(wire, camera, ask.day, sealed), Answer, reuse=False)

    def _sign(self, words: RecipientList | Acknowledgement | NewCopies) -> SignedWords:
        text = write_words(words)
        return SignedWords(text, self._key.sign(signed_bytes(text)))
