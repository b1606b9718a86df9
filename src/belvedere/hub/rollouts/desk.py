"""Drives the roll-out under way: orders sites, hears how they do, gives out the files, ends it. Each step stands in the log."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput, BelvedereError, Conflict, LinkFault, Refused
from belvedere.foundation.ids import new_id
from belvedere.hub.access.users import User
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.fleet.calls import Switchboard
from belvedere.hub.fleet.routing import FleetLink
from belvedere.hub.rollouts.book import Rollout, RolloutBook
from belvedere.hub.rollouts.plan import At, Next, Pace, SiteStep, State, next_of
from belvedere.hub.rollouts.store import ReleaseStore
from belvedere.link.release import version_key
from belvedere.link.releases import (
    FAILED,
    HEALTHY,
    REFUSED,
    ROLLED_BACK,
    ForgetRelease,
    GetReleaseState,
    OrderRelease,
    ReleaseState,
    WantPiece,
)

STARTED, STOPPED, DONE, BROKEN = "rollout.started", "rollout.stopped", "rollout.done", "rollout.failed"
SITE_ORDERED, SITE_WELL, SITE_BROKEN = "rollout.site_ordered", "rollout.site_healthy", "rollout.site_failed"
LOOK_EVERY_S = 5.0
MOST_SITES, MOST_AT_ONCE, MOST_WAIT_MINUTES = 2000, 50, 60 * 24 * 14
_ASK_S = 8.0

log = structlog.get_logger()


class RolloutDesk:
    """One a hub, for its event loop."""

    def __init__(
        self,
        book: RolloutBook,
        store: ReleaseStore,
        audit: AuditLog,
        clock: Clock,
        *,
        link: FleetLink,
        belongs: Callable[[], frozenset[str]],
    ) -> None:
        """`belongs`: the sites that are let in, without the one on this machine. `switchboard` is set before `run`."""
        self.book = book
        self.store = store
        self._audit = audit
        self._clock = clock
        self._link = link
        self._belongs = belongs
        self.switchboard: Switchboard | None = None
        self._turn = asyncio.Lock()
        self._due = asyncio.Event()
        self._driving: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Drive what is under way; in one process of the hub."""
        self._driving = asyncio.create_task(self.run(), name="rollouts")

    async def stop_driving(self) -> None:
        """The hub ends; the roll-out goes on when it is back."""
        if self._driving is not None:
            self._driving.cancel()
            await asyncio.gather(self._driving, return_exceptions=True)

    def drawn_up(self, version: str, first: list[str], without: list[str], pace: Pace) -> tuple[SiteStep, ...]:
        """The sites of a roll-out as it would begin now. Blocks. Raises NotFound, BadInput, Conflict."""
        self.book.release(version)
        if self.book.running() is not None:
            raise Conflict("A roll-out is under way.", advice="Wait until it has ended, or stop it.")
        if not 1 <= pace.at_once <= MOST_AT_ONCE or not 0 <= pace.wait_minutes <= MOST_WAIT_MINUTES:
            raise BadInput(f"1 to {MOST_AT_ONCE} sites at once, and a wait of at most 14 days.")
        all_sites = self._belongs()
        if strangers := sorted({*first, *without} - all_sites):
            raise BadInput(f"No site {strangers[0][:48]!r} belongs to this hub.", advice="Look at the list of sites.")
        behind = sorted(site for site in all_sites - set(without) if newer(version, self._version(site)))
        if not (chosen := set(first) & set(behind)):
            raise BadInput("Choose which sites get it first.", advice="One or two that are quiet, and easy to reach.")
        return tuple(
            SiteStep(site, 0 if site in chosen else 1, At.WAITING, former=self._version(site))
            for site in behind[:MOST_SITES]
        )

    async def start(
        self,
        user: User,
        version: str,
        first: list[str],
        without: list[str],
        pace: Pace,
        *,
        night: bool,
        reason: str,
        agreed: dict[str, str],
    ) -> Rollout:
        """Begin, the log first. Raises as `drawn_up`."""
        async with self._turn:
            sites = await asyncio.to_thread(self.drawn_up, version, first, without, pace)
            held = await asyncio.to_thread(self.book.release, version)
            made = Rollout(
                id=new_id("rollout", self._clock),
                version=version,
                manifest_sha256=held.signed.sha256,
                account_id=user.id,
                confirmed_by=agreed.get("confirmed_by", ""),
                reason=reason,
                pace=pace,
                night=night,
                state=State.RUNNING,
                started_us=self._clock.now_us(),
                ended_us=None,
                why="",
                sites=sites,
            )
            facts = {
                "rollout": made.id,
                "version": version,
                "manifest_sha256": made.manifest_sha256,
                "first": [each.site for each in sites if each.stage == 0],
                "sites": len(sites),
                "wait_minutes": pace.wait_minutes,
                "at_once": pace.at_once,
                "night": night,
                "reason": reason,
                **agreed,
            }
            await self._audit.append(STARTED, user.id, facts)
            await asyncio.to_thread(self.book.add, made)
        self._due.set()
        return made

    async def stop(self, user: User, rollout_id: str, reason: str) -> Rollout:
        """End it: no further site is ordered, and those that have not switched yet forget it. Raises NotFound, Conflict."""
        async with self._turn:
            found = await asyncio.to_thread(self.book.get, rollout_id)
            if found.state is not State.RUNNING:
                raise Conflict("This roll-out has ended.", advice="Look at how it ended.")
            facts = {"rollout": found.id, "version": found.version, "reason": reason}
            await self._audit.append(STOPPED, user.id, facts)
            await asyncio.to_thread(self.book.end, found.id, State.STOPPED, reason)
            await self._forget(found)
            return await asyncio.to_thread(self.book.get, rollout_id)

    async def piece(self, site: str, body: bytes) -> bytes:
        """A piece of the release that was ordered of this site. Raises Refused for any other, BadInput, NotFound."""
        try:
            want = msgspec.msgpack.decode(body, type=WantPiece)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadInput(f"The request makes no sense: {error}.") from error

        def give() -> bytes:
            running = self.book.running()
            mine = None if running is None else next((each for each in running.sites if each.site == site), None)
            if running is None or mine is None or mine.state is not At.ORDERED or running.version != want.version:
                raise Refused("No such release is ordered of this site.", advice="Start a roll-out at the hub.")
            return self.store.piece(self.book.release(want.version).manifest, want)

        return await asyncio.to_thread(give)

    async def run(self) -> None:
        """Go on with what is under way, until cancelled."""
        while True:
            self._due.clear()
            try:
                await self.look()
            except (BelvedereError, SQLAlchemyError) as error:
                log.warning("rollout_waits", reason=str(error))
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._due.wait()
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Hear of the sites under way, then take the next step."""
        async with self._turn:
            running = await asyncio.to_thread(self.book.running)
            if running is None:
                return
            here = self._here()
            asked = (self._hear(running, each) for each in running.sites if each.state in (At.WAITING, At.ORDERED))
            heard = {each.site: each for each in await asyncio.gather(*asked)}
            sites = [heard.get(each.site, each) for each in running.sites]
            step = next_of(sites, running.pace, here, self._clock.now_us())
            if step.end is not None:
                await self._end(running, step)
                return
            by_id = {each.site: each for each in sites}
            await asyncio.gather(*(self._order(running, by_id[site]) for site in step.order))

    def _here(self) -> frozenset[str]:
        board = self.switchboard
        return frozenset(site for site in self._belongs() if board is not None and board.line(site) is not None)

    def _version(self, site: str) -> str:
        line = self.switchboard.line(site) if self.switchboard is not None else None
        return line.hello.software if line is not None else ""

    async def _hear(self, running: Rollout, step: SiteStep) -> SiteStep:
        """How one site does now; as before while it is away."""
        if step.site not in self._belongs():
            return await self._put(running, step, state=At.GONE, why="It was shut out.")
        if step.state is At.WAITING:
            if self._version(step.site) == running.version:  # installed by hand, or an answer that was lost
                return await self._put(running, step, state=At.HEALTHY, why="It had it already.")
            return step
        if step.site not in self._here():
            return step
        try:
            async with asyncio.timeout(_ASK_S):
                told = await self._link.of(step.site).ask(GetReleaseState(), ReleaseState)
        except (BelvedereError, TimeoutError):
            return step
        if told.rollout != running.id:  # it never heard the order, or lost it
            return await self._order(running, step)
        return await self._told(running, step, told)

    async def _told(self, running: Rollout, step: SiteStep, told: ReleaseState) -> SiteStep:
        """What a site said of the order."""
        now_us = self._clock.now_us()
        if told.phase == HEALTHY and told.running == running.version:
            await self._audit.append(SITE_WELL, f"site:{step.site}", self._facts(running, step))
            return await self._put(
                running, step, state=At.HEALTHY, phase=told.phase, why="", told_us=now_us, have_bytes=told.have_bytes
            )
        if told.phase in (REFUSED, FAILED, ROLLED_BACK):
            return await self._failed(running, step, told.phase, told.why)
        return await self._put(
            running, step, phase=told.phase, why=told.why, told_us=now_us, have_bytes=told.have_bytes
        )

    async def _order(self, running: Rollout, step: SiteStep) -> SiteStep:
        held = await asyncio.to_thread(self.book.release, running.version)
        if step.ordered_us is None:
            await self._audit.append(SITE_ORDERED, "hub", self._facts(running, step))
        now_us = self._clock.now_us()
        former = self._version(step.site) or step.former
        # Before it is said, so that its first question for a piece is answered.
        ordered = await self._put(running, step, state=At.ORDERED, ordered_us=step.ordered_us or now_us, former=former)
        try:
            async with asyncio.timeout(_ASK_S):
                order = OrderRelease(running.id, held.signed, running.night)
                told = await self._link.of(step.site).ask(order, ReleaseState, reuse=False)
        except (LinkFault, TimeoutError):
            return ordered  # perhaps it heard it; if not, it does when it is asked how it does
        except BelvedereError as error:
            return await self._failed(running, ordered, REFUSED, error.message)
        return await self._told(running, ordered, told)

    async def _failed(self, running: Rollout, step: SiteStep, phase: str, why: str) -> SiteStep:
        facts = {**self._facts(running, step), "phase": phase, "reason": why}
        await self._audit.append(SITE_BROKEN, f"site:{step.site}", facts)
        self._due.set()
        return await self._put(running, step, state=At.FAILED, phase=phase, why=why, told_us=self._clock.now_us())

    async def _end(self, running: Rollout, step: Next) -> None:
        assert step.end is not None
        facts = {"rollout": running.id, "version": running.version, "reason": step.why}
        await self._audit.append(DONE if step.end is State.DONE else BROKEN, "hub", facts)
        await asyncio.to_thread(self.book.end, running.id, step.end, step.why)
        if step.end is not State.DONE:
            await self._forget(running)

    async def _forget(self, ended: Rollout) -> None:
        """Tell those that were ordered; who is away asks for a piece in vain, and stops then."""

        async def tell(site: str) -> None:
            try:
                async with asyncio.timeout(_ASK_S):
                    await self._link.of(site).ask(ForgetRelease(ended.id), ReleaseState, reuse=False)
            except (BelvedereError, TimeoutError) as error:
                log.info("rollout_end_not_heard", site=site, reason=str(error))

        here = self._here()
        await asyncio.gather(
            *(tell(each.site) for each in ended.sites if each.state is At.ORDERED and each.site in here)
        )

    async def _put(self, running: Rollout, step: SiteStep, **changes: object) -> SiteStep:
        made = replace(step, **changes)  # type: ignore[arg-type]
        if made.state in (At.HEALTHY, At.FAILED, At.GONE) and made.ended_us is None:
            made = replace(made, ended_us=self._clock.now_us())
        if made != step:
            await asyncio.to_thread(self.book.put_site, running.id, made)
        return made

    @staticmethod
    def _facts(running: Rollout, step: SiteStep) -> dict[str, object]:
        return {"rollout": running.id, "site": step.site, "version": running.version, "before": step.former}


def newer(version: str, than: str) -> bool:
    """Whether a site on `than` is behind `version`; one that was not heard is taken to be."""
    try:
        return version_key(version) > version_key(than)
    except BelvedereError:
        return True
