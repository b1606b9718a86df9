"""The retention desk: log first, then the database, then the site; and certificates of what the sites have destroyed.

Each minute, and after each change: holds whose time is up end, the site hears what it has not heard, and what it has
destroyed since is certified. A site that is away hears it when it is back; until then it goes on by what it knows.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import DAY_US, Clock
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
from belvedere.hub.retention.rules import check_classes, check_hold, check_reason
from belvedere.hub.retention.store import CertificateRow, DecisionRow, HoldRow, RetentionStore
from belvedere.link.client import SiteLink
from belvedere.link.retention import (
    ClassOrder,
    Destructions,
    GetDestructions,
    GetRetention,
    RetentionState,
    sign_orders,
)

log = structlog.get_logger()

_EVERY_S = 60.0
_PATIENCE_S = 5.0
NOBODY: Mapping[str, str] = {}
REVIEW_US = 7 * DAY_US  # a hold that ends within this is shown as due for review


@dataclass(frozen=True, slots=True)
class Person:
    """Who decides."""

    id: str
    name: str


class RetentionDesk:
    """For the hub's event loop. `start` before the first call, `stop` at the end."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        key: Ed25519PrivateKey,
        audit: AuditLog,
        link: SiteLink,
        site: str,
        ceiling_days: int,
    ) -> None:
        self.store = RetentionStore(engine)
        self.ceiling_days = ceiling_days
        self._clock = clock
        self._key = key
        self._audit = audit
        self._link = link
        self._site = site
        self._busy = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._keep(), name="retention")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(_EVERY_S)

    async def look(self) -> RetentionState | None:
        """Do what is due. None: the site is away. A fault of disk or database is logged, and the next look tries again."""
        async with self._busy:
            try:
                await self._end_expired()
                state = await self._tell()
                if state is not None:
                    await self._certify(state)
            except (BelvedereError, SQLAlchemyError) as error:
                log.error("retention_waits", error=str(error))
                return None
            return state

    async def _tell(self) -> RetentionState | None:
        """Ask the site how it stands, and give it what it has not heard."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                state = await self._link.ask(GetRetention(), RetentionState)
            known = await asyncio.to_thread(self.store.revision)
            if state.revision >= known:
                return state
            orders = await asyncio.to_thread(self.store.orders, self._site, self._clock.now_us())
            return await self._link.ask(sign_orders(orders, self._key), RetentionState, reuse=False)
        except (LinkFault, TimeoutError):
            return None

    async def _end_expired(self) -> None:
        now_us = self._clock.now_us()
        for row in await asyncio.to_thread(self.store.holds, live=True):
            if row.expires_us <= now_us:
                await self._audit.append("hold.expired", "hub", _hold_facts(row))
                await asyncio.to_thread(self.store.change_hold, row.id, ended_us=now_us, ended_why="expired")

    async def _certify(self, state: RetentionState) -> None:
        """One certificate for what the site has destroyed since the last."""
        after = await asyncio.to_thread(self.store.last_line, self._site)
        while after < state.destructions:
            try:
                found = await self._link.ask(GetDestructions(after), Destructions)
            except LinkFault:
                return
            if not found.lines:
                return
            certificate = Certificate(
                format=FORMAT,
                kind=KIND,
                id=new_id("deletion", self._clock),
                site=self._site,
                made_us=self._clock.now_us(),
                public_key=self._key.public_key().public_bytes_raw().hex(),
                lines=tuple(line_of(line) for line in found.lines),
            )
            facts = facts_of(certificate)
            entry = await self._audit.append(CERTIFIED, f"site:{self._site}", facts)
            body = file_of(certificate, self._key, self._audit.proof(entry.index))
            after = found.lines[-1].id
            row = CertificateRow(
                id=certificate.id,
                site=self._site,
                made_us=certificate.made_us,
                last_line=after,
                cameras=len({line.camera for line in found.lines}),
                segments=sum(line.segments for line in found.lines),
                bytes=sum(line.bytes for line in found.lines),
                from_us=min(line.from_us for line in found.lines),
                to_us=max(line.to_us for line in found.lines),
                whys=",".join(sorted({line.why for line in found.lines})),
                body=body,
            )
            await asyncio.to_thread(self.store.add_certificate, row)

    # What people decide. Each raises BadInput, and StorageFault when the log can't be written: then nothing happens.
    # `agreed`: for the log, who confirmed it, where a second person had to.

    async def put_classes(
        self,
        by: Person,
        classes: Sequence[ClassOrder],
        cameras: dict[str, str],
        reason: str,
        *,
        agreed: Mapping[str, str] = NOBODY,
    ) -> None:
        """Put these classes in the place of all there are."""
        check_reason(reason)
        check_classes(classes, cameras, self.ceiling_days)
        before, _ = await asyncio.to_thread(self.store.classes)
        facts = {
            "classes": [{"name": one.name, "days": one.days, "reference": one.reference} for one in classes],
            "before": [{"name": one.name, "days": one.days} for one in before],
            "assigned": cameras,
            "reason": reason,
            **agreed,
        }
        await self._audit.append("retention.classes", by.id, facts)
        await asyncio.to_thread(self.store.put_classes, classes, cameras)

    async def place(
        self, by: Person, cameras: Sequence[str], from_us: int, to_us: int, expires_us: int, reason: str, reference: str
    ) -> HoldRow:
        """Place a hold."""
        now_us = self._clock.now_us()
        check_reason(reason)
        check_hold(cameras, from_us, to_us, expires_us, now_us)
        row = HoldRow(
            id=new_id("hold", self._clock),
            cameras=tuple(sorted(set(cameras))),
            from_us=from_us,
            to_us=to_us,
            owner_id=by.id,
            owner=by.name,
            reason=reason,
            reference=reference,
            placed_us=now_us,
            expires_us=expires_us,
            ended_us=None,
            ended_why="",
        )
        await self._audit.append("hold.placed", by.id, _hold_facts(row))
        await asyncio.to_thread(self.store.add_hold, row)
        return row

    async def extend(self, by: Person, hold_id: str, expires_us: int, reason: str) -> None:
        """Let a hold live until `expires_us`: the review found that it is needed."""
        check_reason(reason)
        row = await asyncio.to_thread(self.store.hold, hold_id)
        check_hold(row.cameras, row.from_us, row.to_us, expires_us, self._clock.now_us())
        await self._audit.append("hold.extended", by.id, {"hold": hold_id, "expires_us": expires_us, "reason": reason})
        await asyncio.to_thread(self.store.change_hold, hold_id, expires_us=expires_us)

    async def end(self, by: Person, hold_id: str, reason: str, *, agreed: Mapping[str, str] = NOBODY) -> None:
        """End a hold; what is older than its class then goes with the next night, through quarantine."""
        check_reason(reason)
        row = await asyncio.to_thread(self.store.hold, hold_id)
        await self._audit.append("hold.ended", by.id, _hold_facts(row) | {"reason": reason, **agreed})
        words = f"{by.name}: {reason}"
        await asyncio.to_thread(self.store.change_hold, hold_id, ended_us=self._clock.now_us(), ended_why=words)

    async def decide(
        self,
        by: Person,
        kind: str,
        reason: str,
        *,
        night: int = 0,
        size: int = 0,
        hold_id: str = "",
        agreed: Mapping[str, str] = NOBODY,
    ) -> None:
        """Answer a stopped night (go, no), or restore what a hold covers out of quarantine."""
        check_reason(reason)
        if hold_id:
            await asyncio.to_thread(self.store.hold, hold_id)
        facts = {"decision": kind, "night": night, "bytes": size, "hold": hold_id, "reason": reason, **agreed}
        await self._audit.append("retention.restored" if kind == "restore" else "retention.decided", by.id, facts)
        row = DecisionRow(
            id=new_id("decision", self._clock),
            kind=kind,
            account_id=by.id,
            made_by=by.name,
            reason=reason,
            at_us=self._clock.now_us(),
            night=night,
            bytes=size,
            hold_id=hold_id,
        )
        await asyncio.to_thread(self.store.decide, row)


def _hold_facts(row: HoldRow) -> dict[str, object]:
    return {
        "hold": row.id,
        "cameras": list(row.cameras),
        "from_us": row.from_us,
        "to_us": row.to_us,
        "expires_us": row.expires_us,
        "owner": row.owner,
        "reason": row.reason,
        "reference": row.reference,
    }
