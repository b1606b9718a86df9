"""Switching analysis of a site on and off, and the grant that its site gets for it each day. For one event loop."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import DAY_US, HOUR_US, SECOND_US, Clock
from belvedere.foundation.errors import BadInput, BelvedereError, NotFound
from belvedere.foundation.ids import new_id
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.step_up import StepUps
from belvedere.hub.analysis.keys import release_day
from belvedere.hub.analysis.tables import analysis_grant, analysis_order
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.storage.engine import reading, writing
from belvedere.link.client import SiteLink
from belvedere.link.grants import EndGrants
from belvedere.link.messages import Answer
from belvedere.link.seeing import GetSeeing, PutAnalysisGrant, Seeing
from belvedere.policy.ended import sign_ending
from belvedere.policy.grant import Action
from belvedere.policy.row import DecisionTable
from belvedere.policy.signed import GRANT_ISSUED, grant_facts, open_signed, sign_grant
from belvedere.policy.standing import AnalysisOrder, decide_standing

log = structlog.get_logger(__name__)

SWITCHED_ON, SWITCHED_OFF, LAPSED = "analysis.switched_on", "analysis.switched_off", "analysis.lapsed"
HUB = ""  # no person: the hub itself renews
RENEW_BEFORE_US = 12 * HOUR_US
MOST_REACH_DAYS = 3660
ASK_S = 5.0
KEYS_US = 30 * SECOND_US  # between two looks which keys a site's analysis waits for
MOST_KEYS = 64  # of camera-days at a time, the newest first


@dataclass(frozen=True, slots=True)
class KeptOrder:
    """An order, and what became of it. `ended_us` None while it stands."""

    id: str
    order: AnalysisOrder
    made_by: str
    ended_us: int | None
    ended_by: str
    ended_words: str


@dataclass(frozen=True, slots=True)
class KeptGrant:
    """A site's newest standing grant. `told_us` None: the site has not heard of it, or of its end."""

    id: str
    site: str
    order_id: str
    wire: bytes
    cameras: frozenset[str]
    issued_us: int
    expires_us: int
    ended_us: int | None
    told_us: int | None


class AnalysisOrders:
    """One a hub. Every act and every grant is in the log before it holds.

    Invariant: a site whose order was ended or has lapsed gets no grant any more, and the one that it has is ended at once.
    """

    def __init__(
        self,
        engine: Engine,
        key: Ed25519PrivateKey,
        audit: AuditLog,
        clock: Clock,
        step_up: StepUps,
        cameras: Callable[[tuple[str, ...]], frozenset[str]],
        table: Callable[[], DecisionTable],
    ) -> None:
        """`cameras` gives the cameras of sites, and blocks; `table` the action table that counts now."""
        self._engine = engine
        self._key = key
        self._audit = audit
        self._clock = clock
        self._step_up = step_up
        self._cameras = cameras
        self._table = table
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()

    # People.

    async def switch_on(
        self, session: SignedIn, site: str, *, dpia: str, reason: str, review_us: int, reach_days: int
    ) -> KeptOrder:
        """Order that a site analyses its recordings of the last `reach_days` and from now on. Ends the order before.

        Raises BadInput, StepUpNeeded.
        """
        dpia, reason = " ".join(dpia.split())[:200], " ".join(reason.split())[:1000]
        if not 0 <= reach_days <= MOST_REACH_DAYS:
            raise BadInput("This reaches too far back.", advice=f"Give 0 to {MOST_REACH_DAYS} days.")
        user, now_us = session.user, self._clock.now_us()
        order = AnalysisOrder(
            site, dpia, reason, user.id, frozenset(user.roles), now_us, review_us, max(0, now_us - reach_days * DAY_US)
        )
        mine = await asyncio.to_thread(self._cameras, (site,))
        decision = decide_standing(order, mine or frozenset({"-"}), "grant_none", self._table(), now_us)
        if decision.grant is None:
            raise BadInput(decision.reason, advice=decision.advice)
        act = {
            "do": SWITCHED_ON,
            "site": site,
            "dpia": dpia,
            "reason": reason,
            "review_us": review_us,
            "reach_days": reach_days,
        }
        async with self._turn:
            proof = self._step_up.require(session, act)
            kept = KeptOrder(new_id("order", self._clock), order, user.display, None, "", "")
            facts = {name: value for name, value in act.items() if name != "do"}
            await self._audit.append(SWITCHED_ON, user.id, {**facts, "order": kept.id, "step_up": proof.id})
            await asyncio.to_thread(self._put, kept)
        self._changed.set()
        return kept

    async def switch_off(self, session: SignedIn, site: str, reason: str) -> KeptOrder:
        """End a site's order and its grant. Raises BadInput without a reason, NotFound where none stands."""
        reason = " ".join(reason.split())[:1000]
        if not reason:
            raise BadInput("Say why.", advice="A few words.")
        async with self._turn:
            found = (await asyncio.to_thread(self.orders)).get(site)
            if found is None or found.ended_us is not None:
                raise NotFound("Analysis is not switched on for this site.", advice="Reload the page.")
            facts = {"site": site, "order": found.id, "words": reason}
            await self._audit.append(SWITCHED_OFF, session.user.id, facts)
            await asyncio.to_thread(self._end, found.id, site, session.user.display, reason)
        self._changed.set()
        return found

    # Reading. Blocks.

    def orders(self) -> dict[str, KeptOrder]:
        """The newest order of each site."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(analysis_order).order_by(analysis_order.c.made_us)).all()
        return {row.site_id: _order(row) for row in rows}

    def grants(self) -> dict[str, KeptGrant]:
        """The newest grant of each site."""
        with reading(self._engine) as connection:
            return {row.site_id: _grant(row) for row in connection.execute(select(analysis_grant)).all()}

    # Sites.

    async def run(self, site: str, link: SiteLink) -> None:
        """Keep a site's grant as its order says, until cancelled."""
        looked_us = 0
        while True:
            self._changed.clear()
            try:
                await self.meet(site, link)
                if self._clock.monotonic_us() >= looked_us:
                    looked_us = self._clock.monotonic_us() + KEYS_US
                    await self.release(site, link)
            except (BelvedereError, SQLAlchemyError) as error:  # away, or the database is: tried again
                log.debug("analysis grant not brought", site=site, error=str(error))
            try:
                await asyncio.wait_for(self._changed.wait(), ASK_S)
            except TimeoutError:
                continue

    async def meet(self, site: str, link: SiteLink) -> None:
        """Once: renew what stands, end what does not, tell the site. Raises what the link and the database raise."""
        async with self._turn:
            kept, held = await asyncio.to_thread(lambda: (self.orders().get(site), self.grants().get(site)))
            if kept is None:
                return
            now_us = self._clock.now_us()
            if kept.ended_us is None and now_us >= kept.order.review_us:
                await self._audit.append(LAPSED, HUB, {"site": site, "order": kept.id, "dpia": kept.order.dpia})
                await asyncio.to_thread(self._end, kept.id, site, "", "The review was overdue.")
                return self._changed.set()
            if kept.ended_us is None:
                mine = await asyncio.to_thread(self._cameras, (site,))
                if mine and not _stands(held, kept, mine, now_us):
                    held = await self._renew(kept, mine, held)
        if held is None or held.told_us is not None or held.expires_us <= now_us:
            return None
        if held.ended_us is None:
            await link.ask(PutAnalysisGrant(held.wire), Answer, reuse=False)
        else:
            await link.ask(EndGrants((sign_ending(held.id, held.expires_us, self._key),)), Answer, reuse=False)
            await link.ask(PutAnalysisGrant(b""), Answer, reuse=False)
        return await asyncio.to_thread(self._told, held)

    async def release(self, site: str, link: SiteLink) -> int:
        """Release the keys of the days that the site's standing grant opens and that wait for theirs; returns how many."""
        held = (await asyncio.to_thread(self.grants)).get(site)
        if held is None or held.ended_us is not None or held.told_us is None or held.expires_us <= self._clock.now_us():
            return 0
        grant = open_signed(held.wire, self._key.public_key().public_bytes_raw(), self._clock)
        seen = await link.ask(GetSeeing(), Seeing)
        wanted = [(each.camera, day) for each in seen.cameras if each.camera in grant.cameras for day in each.away]
        done = 0
        for camera, day in sorted(wanted, key=lambda each: -each[1])[:MOST_KEYS]:
            there, _ = await release_day(link, held.wire, Action.ANALYSE, camera, day, (grant.from_us, grant.to_us))
            done += there
        return done

    async def _renew(self, kept: KeptOrder, cameras: frozenset[str], before: KeptGrant | None) -> KeptGrant:
        now_us = self._clock.now_us()
        name = new_id("grant", self._clock)
        grant = decide_standing(kept.order, cameras, name, self._table(), now_us).granted()
        facts = {
            **grant_facts(grant),
            "site": kept.order.site,
            "order": kept.id,
            "dpia": kept.order.dpia,
            "renews": before.id if before is not None and before.order_id == kept.id else "",
        }
        entry = await self._audit.append(GRANT_ISSUED, HUB, facts)
        wire = sign_grant(grant, self._key, self._audit.proof(entry.index))
        made = KeptGrant(name, kept.order.site, kept.id, wire, cameras, now_us, grant.expires_us, None, None)
        await asyncio.to_thread(self._keep, made)
        return made

    # Rows.

    def _put(self, kept: KeptOrder) -> None:
        with writing(self._engine) as connection:
            put_order(connection, kept)

    def _end(self, order_id: str, site: str, by: str, words: str) -> None:
        now_us = self._clock.now_us()
        with writing(self._engine) as connection:
            ended = {"ended_us": now_us, "ended_by": by, "ended_words": words}
            connection.execute(update(analysis_order).where(analysis_order.c.id == order_id).values(**ended))
            grant = analysis_grant.c.site_id == site, analysis_grant.c.ended_us.is_(None)
            connection.execute(update(analysis_grant).where(*grant).values(ended_us=now_us, told_us=None))

    def _keep(self, made: KeptGrant) -> None:
        with writing(self._engine) as connection:
            connection.execute(delete(analysis_grant).where(analysis_grant.c.site_id == made.site))
            connection.execute(
                insert(analysis_grant).values(
                    site_id=made.site,
                    id=made.id,
                    order_id=made.order_id,
                    wire=made.wire.decode(),
                    cameras=msgspec.json.encode(sorted(made.cameras)).decode(),
                    issued_us=made.issued_us,
                    expires_us=made.expires_us,
                    ended_us=None,
                    told_us=None,
                )
            )

    def _told(self, held: KeptGrant) -> None:
        """Note it, unless the grant ended or was renewed meanwhile."""
        same = analysis_grant.c.id == held.id, analysis_grant.c.ended_us.is_not_distinct_from(held.ended_us)
        with writing(self._engine) as connection:
            connection.execute(update(analysis_grant).where(*same).values(told_us=self._clock.now_us()))


def put_order(connection: Connection, kept: KeptOrder) -> None:
    """Write an order in place of the one that its site had."""
    order = kept.order
    connection.execute(
        update(analysis_order)
        .where(analysis_order.c.site_id == order.site, analysis_order.c.ended_us.is_(None))
        .values(ended_us=order.made_us, ended_by=kept.made_by, ended_words="Another order took its place.")
    )
    connection.execute(
        insert(analysis_order).values(
            id=kept.id,
            site_id=order.site,
            dpia=order.dpia,
            reason=order.reason,
            account_id=order.account_id,
            made_by=kept.made_by,
            made_us=order.made_us,
            review_us=order.review_us,
            from_us=order.from_us,
            ended_us=None,
            ended_by="",
            ended_words="",
        )
    )


def _stands(held: KeptGrant | None, kept: KeptOrder, cameras: frozenset[str], now_us: int) -> bool:
    """Whether the grant of a site is still the right one for a while."""
    if held is None or held.order_id != kept.id or held.ended_us is not None or held.cameras != cameras:
        return False
    return held.expires_us > min(now_us + RENEW_BEFORE_US, kept.order.review_us - 1)


def _order(row: Row[tuple[object, ...]]) -> KeptOrder:
    """The role stands for itself: nobody else's order was ever kept."""
    order = AnalysisOrder(
        row.site_id,
        row.dpia,
        row.reason,
        row.account_id,
        frozenset({"dpo"}),
        row.made_us,
        row.review_us,
        row.from_us,
        row.ended_us is not None,
    )
    return KeptOrder(row.id, order, row.made_by, row.ended_us, row.ended_by, row.ended_words)


def _grant(row: Row[tuple[object, ...]]) -> KeptGrant:
    cameras = frozenset(msgspec.json.decode(row.cameras, type=list[str]))
    return KeptGrant(
        row.id,
        row.site_id,
        row.order_id,
        row.wire.encode(),
        cameras,
        row.issued_us,
        row.expires_us,
        row.ended_us,
        row.told_us,
    )
