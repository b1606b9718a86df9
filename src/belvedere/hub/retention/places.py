"""Retention at one site, as the hub works with it: what it said last, the orders that it has to hear, and its certificates.

A site that is away hears what it missed when it is back; until then it goes on by what it knows.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BelvedereError, LinkFault
from belvedere.foundation.ids import new_id
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.retention.certificate import (
    CERTIFIED,
    FORMAT,
    KIND,
    Certificate,
    facts_of,
    file_of,
    line_of,
)
from belvedere.hub.retention.store import CertificateRow, RetentionStore
from belvedere.link.client import SiteLink
from belvedere.link.retention import (
    Destructions,
    GetDestructions,
    GetRetention,
    RetentionState,
    sign_orders,
)

log = structlog.get_logger()

PATIENCE_S = 5.0  # for the first answer; one that takes longer counts as away
_KEEP_EVERY_US = 600_000_000  # what a site says is kept for a restart of the hub at least so often
_MOST_AHEAD = 1_000_000  # by so much a site's orders may be newer than ours, after this database was set back


@dataclass(frozen=True, slots=True)
class Standing:
    """How retention stands at a site. `state`: what it said last, at `heard_us`; None: it has never been heard.

    `here`: it said so just now. `behind`: it has not taken in the newest orders.
    """

    site: str
    here: bool
    heard_us: int | None
    state: RetentionState | None
    behind: bool

    @property
    def word(self) -> str:
        """ok, behind, or away."""
        return "away" if not self.here else "behind" if self.behind else "ok"


class RetentionPlace:
    """One site's part. For the event loop."""

    def __init__(
        self,
        site: str,
        link: Callable[[], SiteLink],
        store: RetentionStore,
        key: Ed25519PrivateKey,
        audit: AuditLog,
        clock: Clock,
        *,
        own: bool,
    ) -> None:
        """`link` raises SiteAway when the site does not belong to this hub any more. `own`: it is on the hub's machine."""
        self.site = site
        self.own = own
        self._link = link
        self._store = store
        self._key = key
        self._audit = audit
        self._clock = clock
        self._busy = asyncio.Lock()
        # Invariant: at most one look is under way and one waits to begin, however many ask.
        self._next: asyncio.Task[None] | None = None
        self._looks: set[asyncio.Task[None]] = set()
        self._here = False
        self._heard_us: int | None = None
        self._kept_us: int | None = None
        self._state: RetentionState | None = None

    def remember(self, heard_us: int, state: RetentionState) -> None:
        """What the site had said before the hub started; it does not count as being here."""
        if self._state is None:
            self._heard_us, self._state, self._kept_us = heard_us, state, heard_us

    def standing(self, revision: int) -> Standing:
        """How it stands as far as is known. `revision`: of the newest orders."""
        behind = self._state is None or self._state.revision < revision
        return Standing(self.site, self._here, self._heard_us, self._state, behind)

    def look(self) -> "asyncio.Task[None]":
        """Begin a look, which does what is due at this site; or join the one that waits to begin.

        A fault of line, disk or database is logged, and the next look tries again.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._look(), name=f"retention {self.site}")
            self._looks.add(self._next)
            self._next.add_done_callback(self._looks.discard)
        return self._next

    async def stop(self) -> None:
        """End what is under way."""
        tasks = list(self._looks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        async with self._busy:
            self._next = None
            try:
                state = await self._tell()
                self._here = state is not None
                if state is not None:
                    await self._note(state)
                    await self._certify(state)
            except LinkFault as error:
                log.info("retention_site_hung_up", site=self.site, reason=error.message)
                self._here = False
            except (BelvedereError, SQLAlchemyError) as error:
                log.error("retention_waits", site=self.site, error=str(error))
                self._here = False

    async def _note(self, state: RetentionState) -> None:
        now_us = self._clock.now_us()
        changed = self._state is None or self._state.revision != state.revision or self._kept_us is None
        if changed or now_us - (self._kept_us or 0) >= _KEEP_EVERY_US:
            await asyncio.to_thread(self._store.tell, self.site, now_us, state)
            self._kept_us = now_us
        self._heard_us, self._state = now_us, state

    async def _tell(self) -> RetentionState | None:
        """Ask the site how it stands, and give it what it has not heard. None: it does not answer."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                state = await self._link().ask(GetRetention(), RetentionState)
        except (LinkFault, TimeoutError):
            return None
        known = await asyncio.to_thread(self._store.revision)
        if state.revision == known:
            return state
        if state.revision > known:
            log.warning("retention_set_back", site=self.site, here=known, there=state.revision)
            if state.revision - known > _MOST_AHEAD:
                return state
            await asyncio.to_thread(self._store.raise_to, state.revision)
        orders = await asyncio.to_thread(self._store.orders, self.site, self._clock.now_us(), own=self.own)
        return await self._link().ask(sign_orders(orders, self._key), RetentionState, reuse=False)

    async def _certify(self, state: RetentionState) -> None:
        """A certificate for each page of what the site has destroyed since the last. Raises LinkFault."""
        after = await asyncio.to_thread(self._store.last_line, self.site, state.series, state.destructions)
        while after < state.destructions:
            found = await self._link().ask(GetDestructions(after), Destructions)
            if not found.lines:
                return
            certificate = Certificate(
                format=FORMAT,
                kind=KIND,
                id=new_id("deletion", self._clock),
                site=self.site,
                made_us=self._clock.now_us(),
                public_key=self._key.public_key().public_bytes_raw().hex(),
                lines=tuple(line_of(line) for line in found.lines),
            )
            entry = await self._audit.append(CERTIFIED, f"site:{self.site}", facts_of(certificate))
            body = file_of(certificate, self._key, self._audit.proof(entry.index))
            after = found.lines[-1].id
            row = CertificateRow(
                id=certificate.id,
                site=self.site,
                made_us=certificate.made_us,
                last_line=after,
                series=state.series[:16],
                cameras=len({line.camera for line in found.lines}),
                segments=sum(line.segments for line in found.lines),
                bytes=sum(line.bytes for line in found.lines),
                from_us=min(line.from_us for line in found.lines),
                to_us=max(line.to_us for line in found.lines),
                whys=",".join(sorted({line.why for line in found.lines})),
                body=body,
            )
            await asyncio.to_thread(self._store.add_certificate, row)
