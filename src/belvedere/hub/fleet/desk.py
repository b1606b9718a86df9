"""Letting sites in and out: one person makes a token, the site asks, a second person compares fingerprints and confirms.

Everything is in the log before it takes effect. A certificate counts while it is in the allow-list here, in memory and in the
database; revoking takes it out, and `on_revoked` ends what the site has open.
"""

import asyncio
import os
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from belvedere.foundation.clock import MINUTE_US, SECOND_US, Clock
from belvedere.foundation.errors import BadInput, Conflict, NotFound, Refused
from belvedere.foundation.ids import is_slug, new_id
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.step_up import Act, StepUps
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.fleet.authority import Authority, digest_of
from belvedere.hub.fleet.book import IN, REFUSED, Certificate, Enrolment, FleetBook
from belvedere.link.enrolment import TOKEN_BYTES, Ask, Asked, Papers, SiteToken, fingerprint, read_request

TOKEN_US = 15 * MINUTE_US
MOST_OPEN = 200  # enrolments that wait
_LONGEST_WORDS = 2_000
_LONGEST_NAME = 80
TOKEN_MADE, ASKED, LET_IN, KEPT_OUT = "site.token_made", "site.asked", "site.let_in", "site.kept_out"
RENEWED, REVOKED = "site.renewed", "site.revoked"


class FleetDesk:
    """For the hub's event loop."""

    def __init__(
        self,
        book: FleetBook,
        authority: Authority,
        audit: AuditLog,
        step_up: StepUps,
        clock: Clock,
        *,
        own: str,
        hub: str,
        hub_key: bytes,
    ) -> None:
        """`own`: the site on this machine, which needs no papers. `hub`: what the hub calls itself. Call `load` once."""
        self.book = book
        self.authority = authority
        self._audit = audit
        self._step_up = step_up
        self._clock = clock
        self._own = own
        self._hub = hub
        self._hub_key = hub_key
        self._one_at_a_time = asyncio.Lock()
        # Invariant: digest -> site of exactly the certificates that are issued and not revoked; expiry is checked when used.
        self._peers: dict[str, tuple[str, int]] = {}
        self.on_let_in: Callable[[str], None] | None = None
        self.on_revoked: Callable[[str], None] | None = None

    async def load(self) -> None:
        """Read the allow-list. Again, where another process of the hub lets sites in too."""
        async with self._one_at_a_time:  # a revocation takes effect here before it stands in the database
            found = await asyncio.to_thread(self.book.certificates)
            self._peers = {each.digest: (each.site_id, each.expires_us) for each in found if each.revoked_us is None}

    def site_of(self, digest: str) -> str:
        """Whose certificate this is. Raises Refused when it is nobody's, revoked or past its time."""
        site, expires_us = self._peers.get(digest, ("", 0))
        if not site:
            raise Refused("This certificate opens nothing here.", advice="Enrol the site again.")
        if self._clock.now_us() >= expires_us:
            raise Refused("This site's certificate has expired.", advice="Enrol the site again with a new token.")
        return site

    def sites(self) -> frozenset[str]:
        """Sites with a certificate that is not revoked."""
        return frozenset(site for site, _ in self._peers.values())

    async def make_token(self, session: SignedIn, site_id: str, name: str) -> tuple[Enrolment, SiteToken]:
        """A token for one site, for 15 minutes. Raises BadInput, Conflict, StepUpNeeded."""
        name = " ".join(name.split())
        if not is_slug(site_id):
            raise BadInput(
                f"{site_id[:64]!r} can't name a site.",
                advice="Use small letters, digits and hyphens, 48 at most, such as rowan-court.",
            )
        if not name or len(name) > _LONGEST_NAME:
            raise BadInput("The site needs a name of 1 to 80 letters.", advice="Write what people call it.")
        if site_id == self._own:
            raise Conflict(f"{site_id} is the site on the hub's own machine.", advice="Choose another id.")
        async with self._one_at_a_time:
            now_us = self._clock.now_us()
            known = await asyncio.to_thread(self.book.enrolments)
            if sum(each.state(now_us) in ("open", "waiting") for each in known) >= MOST_OPEN:
                raise Conflict(f"{MOST_OPEN} enrolments wait already.", advice="Decide on them first.")
            act = {"do": TOKEN_MADE, "site": site_id, "name": name}
            proof = self._step_up.require(session, act)
            token = SiteToken(site_id, os.urandom(TOKEN_BYTES), self.authority.digest)
            made = Enrolment(
                id=new_id("enrol", self._clock),
                site_id=site_id,
                site_name=name,
                made_by=session.user.id,
                made_us=now_us,
                expires_us=now_us + TOKEN_US,
                asked_us=None,
                request=b"",
                fingerprint="",
                address="",
                machine="",
                software="",
                decision="",
                decided_by="",
                decided_us=None,
                reason="",
                certificate="",
            )
            facts = {**act, "enrolment": made.id, "expires_us": made.expires_us, "step_up": proof.id}
            await self._audit.append(TOKEN_MADE, session.user.id, facts)
            await asyncio.to_thread(self.book.add_enrolment, made, token.hashed)
        return made, token

    async def ask(self, ask: Ask, address: str) -> Asked:
        """A site asks with its token. Said again by the same key it gets the same answer. Raises Refused, BadInput."""
        refused = Refused(
            "This token opens nothing: it was used, ran out, or is for another site.",
            advice="Make a new token at the hub, and use it within 15 minutes.",
        )
        site, key = read_request(ask.request)
        async with self._one_at_a_time:
            try:
                hashed = SiteToken("", ask.secret, b"").hashed
                found = await asyncio.to_thread(self.book.by_token, hashed)
            except NotFound:
                raise refused from None
            print_ = fingerprint(key)
            if found.asked_us is not None and found.fingerprint == print_ and site == found.site_id:
                return Asked(found.id, print_)
            if found.state(self._clock.now_us()) != "open" or site != found.site_id:
                raise refused
            values = {
                "request": ask.request,
                "fingerprint": print_,
                "address": address[:64],
                "machine": ask.machine[:_LONGEST_NAME],
                "software": ask.version[:64],
            }
            facts = {"site": site, "enrolment": found.id, "fingerprint": print_, "address": values["address"]}
            await self._audit.append(ASKED, f"site:{site}", facts)
            if not await asyncio.to_thread(self.book.asked, found.id, **values):
                raise refused
        return Asked(found.id, print_)

    async def papers(self, enrolment_id: str) -> Papers:
        """How an enrolment went. Raises NotFound."""
        found = await asyncio.to_thread(self.book.enrolment, enrolment_id)
        if found.decision == REFUSED:
            return Papers(REFUSED, reason=found.reason)
        if found.decision != IN:
            return Papers("waiting")
        certificate = await asyncio.to_thread(self.book.certificate, found.certificate)
        return Papers(IN, "", certificate.der, self.authority.der, self._hub_key, self._hub)

    async def decide(self, session: SignedIn, enrolment_id: str, *, let_in: bool, seen: str, reason: str) -> Enrolment:
        """Let a site in, or not. `seen`: the fingerprint that the person read at the site.

        Raises NotFound, Conflict, BadInput, Refused for the person who made the token, StepUpNeeded.
        """
        reason = " ".join(reason.split())[:_LONGEST_WORDS]
        async with self._one_at_a_time:
            found = await asyncio.to_thread(self.book.enrolment, enrolment_id)
            if found.state(self._clock.now_us()) != "waiting":
                raise Conflict("There is nothing to decide here.", advice="Look at the list again.")
            kind = LET_IN if let_in else KEPT_OUT
            if let_in and session.user.id == found.made_by:
                raise Refused(
                    "Who made the token can't confirm the site.", advice="Ask another administrator to confirm it."
                )
            if let_in and "".join(seen.split()).lower() != "".join(found.fingerprint.split()):
                raise BadInput(
                    "That is not the fingerprint of the key that asked.",
                    advice="Compare it again with what the site shows. If it differs, refuse: someone else may have asked.",
                )
            if not let_in and not reason:
                raise BadInput("Say why the site is not let in.", advice="A few words are enough.")
            act = {"do": kind, "enrolment": found.id, "site": found.site_id, "fingerprint": found.fingerprint}
            proof = self._step_up.require(session, act)
            facts = {**act, "reason": reason, "step_up": proof.id}
            if not let_in:
                await self._audit.append(kind, session.user.id, facts)
                await asyncio.to_thread(self.book.refuse, found.id, session.user.id, reason)
            else:
                _, key = read_request(found.request)
                made = self._certify(found.site_id, key)
                await self._audit.append(kind, session.user.id, {**facts, "certificate": made.digest})
                if not await asyncio.to_thread(self.book.let_in, found, session.user.id, reason, made):
                    raise Conflict("Somebody else decided just now.", advice="Look at the list again.")
                self._admit(made)
            return await asyncio.to_thread(self.book.enrolment, found.id)

    async def renew(self, site: str, digest: str, request: bytes) -> Papers:
        """The next certificate of a site that shows one still good. Raises Refused, BadInput."""
        named, key = read_request(request)
        if named != site or self.site_of(digest) != site:
            raise Refused("A site can renew its own certificate only.")
        async with self._one_at_a_time:
            self.site_of(digest)  # it may have been revoked while this waited
            made = self._certify(site, key)
            facts = {"site": site, "certificate": made.digest, "before": digest, "fingerprint": made.fingerprint}
            await self._audit.append(RENEWED, f"site:{site}", facts)
            await asyncio.to_thread(self.book.add_certificate, made)
            self._admit(made)
        return Papers(IN, "", made.der, self.authority.der, self._hub_key, self._hub)

    def revocation(self, site: str) -> Act:
        """The act that a person confirms to revoke a site."""
        return {"do": REVOKED, "site": site}

    async def revoke(self, session: SignedIn, site: str, reason: str) -> int:
        """Shut a site out at once; how many certificates that took. Its recordings go on. Raises BadInput, StepUpNeeded."""
        reason = " ".join(reason.split())[:_LONGEST_WORDS]
        if len(reason) < 3:
            raise BadInput("Say why the site is shut out.", advice="A few words are enough.")
        async with self._one_at_a_time:
            if site not in self.sites():
                raise NotFound(f"No site {site[:48]!r} is let in.", advice="Look at the list of sites.")
            act = self.revocation(site)
            proof = self._step_up.require(session, act)
            await self._audit.append(REVOKED, session.user.id, {**act, "reason": reason, "step_up": proof.id})
            self._peers = {digest: each for digest, each in self._peers.items() if each[0] != site}
            if self.on_revoked is not None:
                self.on_revoked(site)
            return await asyncio.to_thread(self.book.revoke, site, session.user.id, reason)

    def _certify(self, site: str, key: ec.EllipticCurvePublicKey) -> Certificate:
        certificate = self.authority.certify(site, key)
        der = certificate.public_bytes(serialization.Encoding.DER)
        return Certificate(
            digest=digest_of(der),
            site_id=site,
            der=der,
            fingerprint=fingerprint(key),
            issued_us=self._clock.now_us(),
            expires_us=_until_us(certificate),
            revoked_us=None,
            revoked_by="",
            reason="",
        )

    def _admit(self, certificate: Certificate) -> None:
        self._peers[certificate.digest] = certificate.site_id, certificate.expires_us
        if self.on_let_in is not None:
            self.on_let_in(certificate.site_id)


def _until_us(certificate: x509.Certificate) -> int:
    return int(certificate.not_valid_after_utc.timestamp()) * SECOND_US
