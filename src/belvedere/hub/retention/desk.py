"""The retention desk: log first, then the database, then the sites; and certificates of what the sites have destroyed.

Each minute, after each change, and when a site comes back: holds whose time is up end, each site hears what it has not heard,
and what it has destroyed since is certified. A site that is away goes on by what it knows.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import DAY_US, Clock
from belvedere.foundation.errors import BelvedereError, NotFound
from belvedere.foundation.ids import new_id
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.retention.lost import LostHold, lost_holds
from belvedere.hub.retention.places import RetentionPlace, Standing
from belvedere.hub.retention.rules import LONGEST_HOLD_US, check_classes, check_hold, check_reason
from belvedere.hub.retention.store import DecisionRow, HoldRow, RetentionStore
from belvedere.link.client import SiteLink
from belvedere.link.retention import ClassOrder

log = structlog.get_logger()

_EVERY_S = 60.0
WAIT_S = 2.0  # so long a page waits for sites over a line; those that take longer are shown as they were heard last
NOBODY: Mapping[str, str] = {}
REVIEW_US = 7 * DAY_US  # a hold that ends within this is shown as due for review


@dataclass(frozen=True, slots=True)
class Person:
    """Who decides."""

    id: str
    name: str


class Sites(Protocol):
    """Which sites there are, changed while the hub runs: `hub.fleet.Fleet`."""

    own_id: str

    def asked(self) -> list[str]:
        """Sites that belong to this hub, its own first."""
        ...

    def to(self, site: str) -> SiteLink:
        """The link to one. Raises SiteAway when it was shut out."""
        ...


class RetentionDesk:
    """For the hub's event loop. `start` before the first call, `stop` at the end."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        key: Ed25519PrivateKey,
        audit: AuditLog,
        sites: Sites,
        ceiling_days: int,
    ) -> None:
        self.store = RetentionStore(engine)
        self.ceiling_days = ceiling_days
        self._clock = clock
        self._key = key
        self._audit = audit
        self._sites = sites
        self._busy = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._again = asyncio.Event()
        # Invariant: a site stays here once it was met, so that what it said last is known while it is shut out and let in again.
        self._places: dict[str, RetentionPlace] = {}

    async def start(self) -> None:
        told = await asyncio.to_thread(self.store.told)
        for site, (heard_us, state) in told.items():
            self._place(site).remember(heard_us, state)
        self._task = asyncio.create_task(self._keep(), name="retention")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for place in self._places.values():
            await place.stop()

    def look_soon(self, site: str) -> None:
        """A site came back."""
        log.info("retention_site_back", site=site)
        self._again.set()

    async def _keep(self) -> None:
        while True:
            self._again.clear()
            await self.look()
            try:
                async with asyncio.timeout(_EVERY_S):
                    await self._again.wait()
            except TimeoutError:
                continue

    async def look(self) -> list[Standing]:
        """Do what is due, at all sites at the same time, and say how each stands. Waits WAIT_S for a line, not longer."""
        try:
            await self._end_expired()
        except (BelvedereError, SQLAlchemyError) as error:
            log.error("retention_waits", error=str(error))
        looks = {site: self._place(site).look() for site in self._sites.asked()}
        if self._sites.own_id in looks:
            await asyncio.wait([looks[self._sites.own_id]])
        if looks:
            await asyncio.wait(looks.values(), timeout=WAIT_S)
        return await self.standings()

    async def look_at(self, site: str) -> Standing:
        """Do what is due at one site, however long that takes."""
        await asyncio.wait([self._place(site).look()])
        return self._place(site).standing(await asyncio.to_thread(self.store.revision))

    async def standings(self) -> list[Standing]:
        """How each site stands as far as is known, the hub's own first."""
        revision = await asyncio.to_thread(self.store.revision)
        return [self._place(site).standing(revision) for site in self._sites.asked()]

    def _place(self, site: str) -> RetentionPlace:
        place = self._places.get(site)
        if place is None:
            own = site == self._sites.own_id
            link = partial(self._sites.to, site)  # anew each time: a site may be shut out and let in again
            place = RetentionPlace(site, link, self.store, self._key, self._audit, self._clock, own=own)
            self._places[site] = place
        return place

    async def _end_expired(self) -> None:
        async with self._busy:
            now_us = self._clock.now_us()
            for row in await asyncio.to_thread(self.store.holds, live=True):
                if row.expires_us <= now_us:
                    await self._audit.append("hold.expired", "hub", _hold_facts(row))
                    await asyncio.to_thread(self.store.change_hold, row.id, ended_us=now_us, ended_why="expired")

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

    async def lost(self) -> list[LostHold]:
        """Holds that sites go by and this hub knows nothing of, as the sites said last."""
        standings = await self.standings()

        def find() -> list[LostHold]:
            told = {one.id for each in standings if each.state is not None for one in each.state.in_force}
            known = self.store.known_holds(told) if told else set()
            if told <= known:
                return []
            return lost_holds(standings, known, {each.site: self.store.elsewhere(each.site) for each in standings})

        return await asyncio.to_thread(find)

    async def lost_hold(self, hold_id: str) -> LostHold:
        """One of them. Raises NotFound."""
        for each in await self.lost():
            if each.row.id == hold_id:
                return each
        raise NotFound("No site goes by this hold without this hub.", advice="Reload the page.")

    async def settle(
        self, by: Person, hold_id: str, answer: str, reason: str, *, agreed: Mapping[str, str] = NOBODY
    ) -> None:
        """End or adopt a hold that sites go by and this hub knew nothing of. Raises NotFound."""
        check_reason(reason)
        async with self._busy:
            found, now_us = await self.lost_hold(hold_id), self._clock.now_us()
            row, facts = found.row, {"sites": list(found.sites), "lost": True, "reason": reason, **agreed}
            if answer == "end":
                await self._audit.append("hold.ended", by.id, _hold_facts(row) | facts)
                row = replace(row, ended_us=now_us, ended_why=f"{by.name}: {reason}")
            else:
                row = replace(row, owner_id=by.id, expires_us=self._review(row.expires_us, now_us))
                await self._audit.append("hold.adopted", by.id, _hold_facts(row) | facts)
            await asyncio.to_thread(self.store.add_hold, row)

    @staticmethod
    def _review(expires_us: int, now_us: int) -> int:
        """When an adopted hold comes up for review: as it was, or in a week where that is over or too far away."""
        return expires_us if now_us < expires_us <= now_us + LONGEST_HOLD_US else now_us + REVIEW_US

    async def decide(
        self,
        by: Person,
        kind: str,
        reason: str,
        *,
        night: int = 0,
        size: int = 0,
        hold_id: str = "",
        site: str = "",
        agreed: Mapping[str, str] = NOBODY,
    ) -> None:
        """Answer a site's stopped night (go, no), or restore what a hold covers out of quarantine, wherever it is."""
        check_reason(reason)
        if hold_id:
            await asyncio.to_thread(self.store.hold, hold_id)
        else:
            site = self.known_site(site)
        facts = {"decision": kind, "night": night, "bytes": size, "hold": hold_id, "reason": reason, **agreed}
        if site:
            facts["site"] = site
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
            site_id=site,
        )
        await asyncio.to_thread(self.store.decide, row)

    def known_site(self, site: str) -> str:
        """The site that is meant: "" is the hub's own. Raises NotFound for one that does not belong to this hub."""
        meant = site or self._sites.own_id
        if meant not in self._sites.asked():
            raise NotFound(f"No site {meant[:48]!r} belongs to this hub.", advice="Look at the page Sites.")
        return meant


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
