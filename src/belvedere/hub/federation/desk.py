"""Federation of this hub: who its partners are, what is said to them, and what happens with what they say."""

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import SystemClock
from belvedere.foundation.errors import (
    BadInput,
    BadSettings,
    BelvedereError,
    Conflict,
    NotFound,
    Refused,
    StorageFault,
)
from belvedere.foundation.ids import new_id
from belvedere.hub.access.users import User
from belvedere.hub.federation.client import FederationClient
from belvedere.hub.federation.door import FederationDoor, FederationServer
from belvedere.hub.federation.dossier import Dossier, QuestionRow, insert_row
from belvedere.hub.federation.holdings import FAILED, Holdings
from belvedere.hub.federation.keys import FederationKeys
from belvedere.hub.federation.letter_book import DONE, KeptLetter, LetterBook
from belvedere.hub.federation.packages import Packages
from belvedere.hub.federation.partner_book import Partner, PartnerBook
from belvedere.hub.federation.policy import PartnerPolicy, check_policy
from belvedere.hub.federation.post import Post
from belvedere.hub.federation.reception import Reception
from belvedere.hub.federation.requests import Requests
from belvedere.hub.federation.signing import (
    DOCUMENT_FORMAT,
    NEW_KEY,
    key_id,
    make_document,
    raw_signature,
    read_document,
    same_fingerprint,
    verify,
)
from belvedere.hub.federation.words import (
    Basis,
    FormalRequest,
    HoldingsAnswer,
    KeyChange,
    PackageOffer,
    PackageReceipt,
    PartnerDocument,
    Question,
    Receipt,
    RequestState,
    RequestTold,
    Why,
)
from belvedere.hub.fleet.authority import Authority
from belvedere.hub.retention.desk import RetentionDesk

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext

ADDED, POLICY, REVOKED, REKEYED = "partner.added", "partner.policy", "partner.revoked", "partner.rekeyed"
ASKED, KEY_MADE = "federation.asked", "federation.key_made"
_LOOK_S = 60.0
_AGAIN_S = 5.0

log = structlog.get_logger()


class FederationDesk:
    """For the hub's event loop. `start` before the first call, `stop` at the end."""

    def __init__(self, hub: "HubContext", retention: RetentionDesk) -> None:
        self._hub = hub
        settings = hub.settings
        self.keys = FederationKeys(settings.hub_folder / "keys" / "federation")
        self.partners, self.letters = PartnerBook(hub.engine), LetterBook(hub.engine)
        self.dossier = Dossier(hub.engine)
        self._client = FederationClient()
        self.post = Post(self.partners, self.letters, self.keys, self._client, hub.audit, hub.clock)
        self.post.refused = self._refused
        self.holdings = Holdings(hub, retention, self.dossier, self.post)
        self.requests = Requests(hub, self.partners, self.dossier, self.post, self.holdings)
        more = self.requests, self.keys, self._client
        self.packages = Packages(hub, self.partners, self.dossier, self.post, *more)
        self._work_due, self._fetch_due = asyncio.Event(), asyncio.Event()
        self.reception = Reception(
            self.partners, self.letters, self.keys, hub.audit, hub.clock, taken=self._work_due.set
        )
        self.door = FederationDoor(self.reception, self.packages, hub.clock)
        self._tasks: list[asyncio.Task[None]] = []
        self._server: FederationServer | None = None
        self._listener: socket.socket | None = None
        self._authority = b""
        self.address = ""  # where partners reach this hub; "" where it does not listen

    @property
    def on(self) -> bool:
        """Whether this hub federates at all (`[hub] federation`)."""
        return bool(self._hub.settings.hub.federation)

    async def start(self) -> None:
        """Listen, and begin to work. Raises BadSettings where the address or the certificate can't be used."""
        if not self.on:
            return
        await self._listen()
        self.post.start()
        self._tasks.append(asyncio.create_task(self._work(), name="federation"))
        self._tasks.append(asyncio.create_task(self._fetch(), name="federation packages"))
        self._hub.fleet.switchboard.on_up.append(self._site_back)

    async def stop(self) -> None:
        if not self.on:
            return
        self._hub.fleet.switchboard.on_up.remove(self._site_back)
        if self._server is not None:
            self._server.should_exit = True
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.post.stop()
        await self._client.close()
        if self._listener is not None:
            self._listener.close()

    async def _listen(self) -> None:
        settings = self._hub.settings.hub
        host, _, port = settings.federation.rpartition(":")
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._listener = socket.create_server((host.strip("[]"), int(port)), family=family, backlog=64)
            tls = await asyncio.to_thread(self._tls)
        except (OSError, ValueError) as error:
            if self._listener is not None:
                self._listener.close()
            log.error("federation_not_listening", address=settings.federation, reason=str(error))
            raise BadSettings(
                f"Partners can't be let in at {settings.federation}: {error}.",
                advice="Check federation, federation_certificate and federation_key in [hub].",
            ) from error
        here = self._listener.getsockname()
        self.address = settings.federation_address or f"{host}:{here[1]}"
        self._server = self.door.server(tls)
        serving = self._server.serve(sockets=[self._listener])
        self._tasks.append(asyncio.create_task(serving, name="federation listener"))

    def _tls(self) -> ssl.SSLContext:
        settings = self._hub.settings.hub
        if settings.federation_certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.load_cert_chain(settings.federation_certificate, settings.federation_key or None)
            return context
        # By the system's own clock: TLS libraries ask it, not us.
        authority = Authority(self._hub.settings.hub_folder / "keys" / "federation" / "tls", SystemClock())
        self._authority = authority.der
        return authority.server_context()

    def document(self) -> bytes:
        """What this hub says of itself, signed: the file for partners. Raises Conflict where federation is off."""
        self.require_on()
        settings, newest = self._hub.settings.hub, self.keys.newest
        document = PartnerDocument(
            DOCUMENT_FORMAT,
            self.keys.hub,
            settings.controller or settings.name,
            settings.federation_contact or "not told",
            self.address,
            self.keys.public(newest),
            self._authority,
        )
        return make_document(self.keys.key(newest), document)

    def require_on(self) -> None:
        """Raises Conflict."""
        if not self.on:
            raise Conflict(
                "This hub has no partners: federation is switched off.",
                advice="Set federation in [hub], such as 0.0.0.0:8712, and start it again.",
            )

    # Partners.

    def check_document(self, data: bytes, typed: str) -> tuple[PartnerDocument, str]:
        """A partner's document whose fingerprint somebody heard from them. Raises BadInput, Conflict."""
        self.require_on()
        document, right = read_document(data)
        if document.hub == self.keys.hub:
            raise BadInput("This is this hub's own document.", advice="Take the file that the partner sent.")
        if not same_fingerprint(typed, right):
            raise BadInput(
                "The fingerprint is not that of this document.",
                advice="Have the partner read it to you over a telephone number that you know. If it differs, don't go on.",
            )
        return document, right

    async def add(self, data: bytes, typed: str, by: str, confirmed_by: str, facts: dict[str, str]) -> Partner:
        """Add a partner that two people agreed on; the log first."""
        document, right = self.check_document(data, typed)
        told: dict[str, object] = {"partner": document.hub, "controller": document.controller}
        told |= {"address": document.address, "fingerprint": right, **facts}
        await self._hub.audit.append(ADDED, by, told)
        known = await asyncio.to_thread(self.partners.find, document.hub)
        alive = known is not None and known.revoked_us is None
        our_key = known.our_key if known is not None and alive else self.keys.newest
        now_us = self._hub.clock.now_us()
        made = self.partners.put
        partner = await asyncio.to_thread(made, document, data, right, by, confirmed_by, our_key, now_us)
        await self.post.hurry(partner.id)
        return partner

    async def set_policy(
        self, partner_id: str, policy: PartnerPolicy, by: str, reason: str, facts: dict[str, str]
    ) -> None:
        """Switch what a partner may ask; the log first. Raises BadInput, NotFound, Refused."""
        check_policy(policy)
        partner = await self.standing(partner_id)
        told: dict[str, object] = {"partner": partner.id, "controller": partner.controller, "reason": reason}
        told |= {"answers": policy.answers, "reasons": list(policy.reasons), "bases": list(policy.bases)}
        told |= {"cameras": "all" if policy.cameras is None else list(policy.cameras), "hold_days": policy.hold_days}
        told |= {"minutes": policy.longest_minutes, "metres": policy.widest_m, "a_day": policy.questions_a_day}
        await self._hub.audit.append(POLICY, by, told | {"tells_count": policy.tells_count, **facts})
        await asyncio.to_thread(lambda: self.partners.change(partner.id, policy=policy))

    async def revoke(self, partner_id: str, by: User, reason: str) -> None:
        """From now on nothing of theirs is read and nothing is sent; alone, at once. Raises BadInput, NotFound, Refused."""
        reason = " ".join(reason.split())[:2_000]
        if len(reason) < 3:
            raise BadInput("Say why.", advice="A few words are enough.")
        partner = await self.standing(partner_id)
        facts = {"partner": partner.id, "controller": partner.controller, "reason": reason}
        await self._hub.audit.append(REVOKED, by.id, facts)
        now_us = self._hub.clock.now_us()
        values = {"revoked_us": now_us, "revoked_by": by.id, "reason": reason}
        await asyncio.to_thread(lambda: self.partners.change(partner.id, **values))
        await asyncio.to_thread(self.letters.drop, partner.id)

    async def standing(self, partner_id: str) -> Partner:
        """A partner that was not revoked. Raises NotFound, Refused."""
        partner = await asyncio.to_thread(self.partners.get, partner_id)
        if partner.revoked_us is not None:
            raise Refused(f"{partner.controller} is no longer a partner.", advice="Have it added again first.")
        return partner

    async def rotate(self, by: User, facts: dict[str, str]) -> str:
        """Make the next key and tell all partners, signed with the present one. Its id. Raises StorageFault, Conflict."""
        self.require_on()
        made = await asyncio.to_thread(self.keys.make_next)
        await self._hub.audit.append(KEY_MADE, by.id, {"key": made, **facts})
        public, key = self.keys.public(made), self.keys.key(made)
        said = KeyChange(public, raw_signature(key, NEW_KEY, self.keys.hub.encode() + public))
        for partner in await asyncio.to_thread(self.partners.all):
            if partner.revoked_us is None:
                await self.post.say(partner, said, "hub", letter_id=f"key-{made[:56]}")
        return made

    # Asking.

    async def ask(self, by: User, partner_id: str, question: Question) -> QuestionRow:
        """Ask a partner. The answer comes when it comes. Raises BadInput, NotFound, Refused, Conflict."""
        self.require_on()
        if question.reason not in set(Why) or question.basis not in set(Basis):
            raise BadInput("Choose a reason and a legal basis.", advice="Both are in the list.")
        if not question.from_us < question.to_us <= self._hub.clock.now_us():
            raise BadInput("Ask about a time that has passed, start before end.")
        partner = await self.standing(partner_id)
        now_us, made_id = self._hub.clock.now_us(), new_id("question", self._hub.clock)
        row = QuestionRow(partner.id, True, made_id, msgspec.to_builtins(question), by.id, by.display, now_us)
        facts = {"partner": partner.id, "controller": partner.controller, "question": made_id}
        facts |= {"reference": question.reference, "code": question.reason, "basis": question.basis}
        await self._hub.audit.append(ASKED, by.id, facts)
        await self.post.say(partner, question, by.id, lambda connection: insert_row(connection, row), letter_id=made_id)
        return row

    # What partners say.

    def _site_back(self, _site: str) -> None:
        self._work_due.set()

    async def _work(self) -> None:
        while True:
            self._work_due.clear()
            wait_s = _LOOK_S
            try:
                for letter in await asyncio.to_thread(self.letters.taken):
                    await self._handle(letter)
                await self._look_again()
            except (BelvedereError, SQLAlchemyError) as error:
                log.warning("federation_waits", reason=str(error))
                wait_s = _AGAIN_S
            try:
                async with asyncio.timeout(wait_s):
                    await self._work_due.wait()
            except TimeoutError:
                continue

    async def _handle(self, kept: KeptLetter) -> None:
        """Act on a letter. What can't be done for good is noted with it; raises what may go away by itself."""
        fault = ""
        partner = await asyncio.to_thread(self.partners.find, kept.partner_id)
        if partner is not None and partner.revoked_us is None:
            try:
                await self._act(partner, kept)
            except StorageFault:
                raise
            except BelvedereError as error:  # it names what is not here, or comes out of turn
                fault = str(error)
                log.warning("federation_letter_not_acted_on", letter=kept.id, reason=fault)
                await self._refuse_question(partner, kept)
        now_us = self._hub.clock.now_us()
        await asyncio.to_thread(lambda: self.letters.change(kept, state=DONE, fault=fault, done_us=now_us))

    async def _act(self, partner: Partner, kept: KeptLetter) -> None:
        match kept.letter.said:
            case Question() as said:
                await self.holdings.hear(partner, kept.id, said)
            case HoldingsAnswer() as said:
                await self._answered(partner, said)
            case FormalRequest() as said:
                await self.requests.hear(partner, kept.id, said)
            case RequestTold() as said:
                await self.requests.told(partner, said)
            case PackageOffer() as said:
                await self.packages.hear(partner, said)
                self._fetch_due.set()
            case PackageReceipt() as said:
                await self.packages.receipted(partner, said)
            case KeyChange() as said:
                await self._rekey(partner, said)

    async def _refuse_question(self, partner: Partner, kept: KeptLetter) -> None:
        try:
            row = await asyncio.to_thread(self.dossier.find, QuestionRow, partner.id, False, kept.id)
        except NotFound:
            return
        if row.state == "waiting":
            await self.holdings.refuse(partner, row, FAILED)

    async def _answered(self, partner: Partner, said: HoldingsAnswer) -> None:
        row = await asyncio.to_thread(self.dossier.find, QuestionRow, partner.id, True, said.question)
        values = {"state": said.answer, "code": said.code, "told": said.words, "hold": said.hold}
        more = {"until_us": said.until_us, "count": said.cameras, "answered_us": self._hub.clock.now_us()}
        await asyncio.to_thread(lambda: self.dossier.change(row, "waiting", "unknown", **values, **more))

    async def _rekey(self, partner: Partner, said: KeyChange) -> None:
        verify(said.public_key, NEW_KEY, partner.id.encode() + said.public_key, said.proof)
        facts = {"partner": partner.id, "controller": partner.controller, "key": key_id(said.public_key)}
        await self._hub.audit.append(REKEYED, f"partner:{partner.id}", facts)
        now_us = self._hub.clock.now_us()
        await asyncio.to_thread(self.partners.add_key, partner.id, said.public_key, now_us)

    async def _look_again(self) -> None:
        for row in await asyncio.to_thread(lambda: self.dossier.rows(QuestionRow, outgoing=False, state="unknown")):
            partner = await asyncio.to_thread(self.partners.get, row.partner_id)
            if partner.revoked_us is None:
                await self.holdings.look_again(partner, row)

    async def _refused(self, kept: KeptLetter, receipt: Receipt) -> None:
        """A partner refused a letter of ours for good: what it was about shows that."""
        values = {"state": "refused", "told": receipt.words}
        try:
            if kept.kind == "question":
                row = await asyncio.to_thread(self.dossier.find, QuestionRow, kept.partner_id, True, kept.id)
                now_us = self._hub.clock.now_us()
                more = {"code": receipt.code, "answered_us": now_us}
                await asyncio.to_thread(lambda: self.dossier.change(row, "waiting", **values, **more))
            elif kept.kind == "request":
                await self.requests.told(
                    await self.standing(kept.partner_id), RequestTold(kept.id, "", RequestState.REFUSED, receipt.words)
                )
        except (NotFound, Conflict):
            return

    async def _fetch(self) -> None:
        while True:
            self._fetch_due.clear()
            wait_s: float | None = _AGAIN_S
            try:
                wait_s = await self.packages.fetch_due()
            except (BelvedereError, SQLAlchemyError) as error:
                log.warning("federation_fetch_waits", reason=str(error))
            try:
                async with asyncio.timeout(wait_s):
                    await self._fetch_due.wait()
            except TimeoutError:
                continue
