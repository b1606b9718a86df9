"""Analysis of cameras over a span for a case: taken in, shared among sites, followed until it is over. For one event loop.

Each site works on its own footage and keeps its own place; what the hub keeps is who asked what, and what each site said last.
So a restart of either changes nothing, and results are found while the rest is worked on.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import DAY_US, SECOND_US, Clock
from belvedere.foundation.errors import (
    BadInput,
    BelvedereError,
    Conflict,
    LinkFault,
    NotFound,
    Refused,
    StorageFault,
    Unavailable,
)
from belvedere.foundation.ids import new_id
from belvedere.hub.access.grants import GrantDesk
from belvedere.hub.access.users import User
from belvedere.hub.analysis.book import Job, JobBook, JobPart
from belvedere.hub.analysis.keys import release_day
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.fleet.routing import FleetLink
from belvedere.link.client import SiteLink
from belvedere.link.messages import Answer
from belvedere.link.seeing import AnalyseSpan, Analysis, EndAnalysis, GetAnalysis
from belvedere.policy.grant import Action
from belvedere.policy.signed import open_signed

log = structlog.get_logger(__name__)

BEGUN, CHANGED = "analysis.begun", "analysis.changed"
MOST_CAMERAS = 1_200
LONGEST_US = 366 * DAY_US
MOST_OPEN = 100  # jobs that are not over
LOOK_S = 2.0
IDLE_S = 30.0
_OVER = ("done", "failed")
_AT_WORK = ("running", "waiting")
_TOLD_WITHIN_US = 7 * DAY_US  # so long a site that was away is told that a job was ended


@dataclass(frozen=True, slots=True)
class Standing:
    """A job with its parts."""

    job: Job
    parts: tuple[JobPart, ...]


class AnalysisJobs:
    """One a hub. `run` belongs to the process with the duties; the rest to any."""

    def __init__(
        self,
        book: JobBook,
        grants: GrantDesk,
        audit: AuditLog,
        clock: Clock,
        link: FleetLink,
        places: Callable[[], dict[str, str]],
        public_key: bytes,
    ) -> None:
        """`places`: the site of each camera; blocks. `public_key`: the hub's own, by which grants are read."""
        self.book = book
        self._grants = grants
        self._audit = audit
        self._clock = clock
        self._link = link
        self._places = places
        self._public_key = public_key
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()  # one round at a time: a site is asked for a span once
        self._released: set[tuple[str, str, int]] = set()

    # People.

    async def begin(self, user: User, grant_id: str, name: str, cameras: frozenset[str], span: tuple[int, int]) -> Job:
        """A new job under one's own grant to analyse or to play back. Raises BadInput, Conflict, NotFound, Refused."""
        from_us, to_us = span
        if not 0 < len(cameras) <= MOST_CAMERAS:
            raise BadInput(f"Choose 1 to {MOST_CAMERAS} cameras.", advice="Do it in parts.")
        if not 0 <= from_us < to_us or to_us - from_us > LONGEST_US:
            raise BadInput("The span is empty or too long.", advice="Give a start before the end, within a year.")
        now_us = self._clock.now_us()
        grant = await self._usable(user, grant_id, cameras, from_us, min(to_us, max(now_us, from_us + SECOND_US)))
        places = await asyncio.to_thread(self._places)
        unknown = sorted(cameras - places.keys())
        if unknown:
            raise NotFound(f"There is no camera {unknown[0]}.", advice="Look at the list of cameras.")
        if len(await asyncio.to_thread(self.book.running)) >= MOST_OPEN:
            raise Conflict(f"{MOST_OPEN} analyses are running.", advice="Wait for one, or end one.")
        shares: dict[str, tuple[str, ...]] = {}
        for camera in sorted(cameras):
            shares[places[camera]] = (*shares.get(places[camera], ()), camera)
        job = Job(
            id=new_id("analysis", self._clock),
            name=" ".join(name.split())[:120],
            case=grant[1],
            account_id=user.id,
            made_by=user.display,
            made_us=now_us,
            grant_id=grant_id,
            cameras=tuple(sorted(cameras)),
            from_us=from_us,
            to_us=to_us,
            state="running",
            over_us=None,
        )
        facts = {
            "analysis": job.id,
            "case": job.case,
            "grant": grant_id,
            "cameras": list(job.cameras[:500]),
            "camera_count": len(job.cameras),
            "from_us": from_us,
            "to_us": to_us,
        }
        await self._audit.append(BEGUN, user.id, facts)
        await asyncio.to_thread(self.book.put, job, shares)
        self._changed.set()
        return job

    async def pause(self, user: User, job_id: str) -> Job:
        """Keep its place, work on nothing of it. Raises Conflict, NotFound."""
        job = await self._mine(user, job_id)
        if job.state != "running":
            raise Conflict("This analysis does not run.", advice="Reload the page.")
        return await self._change(user, job, "paused")

    async def resume(self, user: User, job_id: str, grant_id: str = "") -> Job:
        """Go on, under another grant of one's own where the first is over. Raises Conflict, NotFound, Refused."""
        job = await self._mine(user, job_id)
        if job.state not in ("paused", "failed"):
            raise Conflict("This analysis is not paused.", advice="Reload the page.")
        cameras = frozenset(job.cameras)
        to_us = min(job.to_us, max(self._clock.now_us(), job.from_us + SECOND_US))
        await self._usable(user, grant_id or job.grant_id, cameras, job.from_us, to_us)
        facts = {"analysis": job.id, "case": job.case, "state": "running", "grant": grant_id or job.grant_id}
        await self._audit.append(CHANGED, user.id, facts)
        await asyncio.to_thread(self.book.set, job.id, "running", grant_id=grant_id, again=True)
        self._changed.set()
        return await asyncio.to_thread(self.book.job, job.id)

    async def end(self, user: User, job_id: str) -> Job:
        """Stop it for good; what it found stays. Raises Conflict, NotFound."""
        job = await self._mine(user, job_id)
        if job.state not in ("running", "paused"):
            raise Conflict("This analysis is over.", advice="Reload the page.")
        return await self._change(user, job, "ended")

    async def standing(self, case: str = "") -> list[Standing]:
        """Jobs, newest first, with what their sites said last."""

        def read() -> list[Standing]:
            jobs = self.book.jobs(case)
            parts = self.book.parts([job.id for job in jobs])
            return [Standing(job, tuple(parts[job.id])) for job in jobs]

        return await asyncio.to_thread(read)

    async def _usable(
        self, user: User, grant_id: str, cameras: frozenset[str], from_us: int, to_us: int
    ) -> tuple[bytes, str]:
        """Words and case of a grant of theirs that lets these be looked at. Raises Refused, in the log before."""
        held = next((each for each in await self._grants.live(user) if each.id == grant_id), None)
        action = _reading(frozenset() if held is None else held.actions)
        found = await self._grants.use(user, grant_id, action, cameras, from_us, to_us)
        return found.wire, found.grant.case

    async def _mine(self, user: User, job_id: str) -> Job:
        """Whoever began it, or supervises. Raises NotFound."""
        job = await asyncio.to_thread(self.book.job, job_id)
        if job.account_id != user.id and "supervisor" not in user.roles:
            raise NotFound("There is no such analysis of yours.", advice="Ask who began it, or a supervisor.")
        return job

    async def _change(self, user: User, job: Job, state: str) -> Job:
        await self._audit.append(CHANGED, user.id, {"analysis": job.id, "case": job.case, "state": state})
        await asyncio.to_thread(self.book.set, job.id, state)
        parts = (await asyncio.to_thread(self.book.parts, [job.id]))[job.id]
        for part in parts:
            try:
                await self._link.of(part.site).ask(EndAnalysis(job.id, pause=state == "paused"), Answer, reuse=False)
            except (LinkFault, NotFound, Refused) as error:  # `follow` tells it again
                log.info("analysis not stopped yet", site=part.site, reason=error.message)
        self._changed.set()
        return await asyncio.to_thread(self.book.job, job.id)

    # Sites.

    async def run(self) -> None:
        """Follow all jobs until cancelled."""
        while True:
            self._changed.clear()
            busy = False
            try:
                busy = await self.follow()
            except (BelvedereError, SQLAlchemyError) as error:  # the database is away: tried again
                log.warning("analyses not followed", error=str(error))
            try:
                await asyncio.wait_for(self._changed.wait(), LOOK_S if busy else IDLE_S)
            except TimeoutError:
                continue

    async def follow(self) -> bool:
        """Ask every site once for every job that is not over; False when there is none."""
        async with self._turn:
            return await self._follow()

    async def _follow(self) -> bool:
        def read() -> list[Standing]:
            late_us = self._clock.now_us() - _TOLD_WITHIN_US
            jobs = self.book.open_since(late_us)
            parts = self.book.parts([job.id for job in jobs])
            return [Standing(job, tuple(parts[job.id])) for job in jobs]

        standing = await asyncio.to_thread(read)
        sites = {part.site for each in standing for part in each.parts}
        await asyncio.gather(*(self._follow_site(site, standing) for site in sorted(sites)))
        for each in standing:
            if each.job.state == "running":
                await asyncio.to_thread(self._close, each.job.id)
        return any(each.job.state == "running" for each in standing)

    async def _follow_site(self, site: str, standing: list[Standing]) -> None:
        """One site, one job after the other. A site that is away is asked again."""
        try:
            link = self._link.of(site)
            for each in standing:
                for part in each.parts:
                    if part.site == site and part.state not in _OVER:
                        await self._follow_part(link, each.job, part)
        except (LinkFault, StorageFault, Unavailable) as error:
            log.debug("site not asked for its analysis", site=site, reason=error.message)

    async def _follow_part(self, link: SiteLink, job: Job, part: JobPart) -> None:
        if job.state == "paused":
            told = await self._told(link, job)
            if told is not None and told.state in _AT_WORK:  # it was away when that was said
                await link.ask(EndAnalysis(job.id, pause=True), Answer, reuse=False)
            return
        if job.state == "ended":
            told = await self._told(link, job)
            if told is not None and told.state not in _OVER:
                await link.ask(EndAnalysis(job.id), Answer, reuse=False)
                told = await self._told(link, job)
            over = told or Analysis(job.id, "done", part.wanted_s, part.done_s, 0, part.found, "")
            await asyncio.to_thread(self.book.heard, job.id, part.site, over)
            return
        if part.asked < len(part.cameras) and not await self._ask(link, job, part):
            return
        told = await self._told(link, job)
        if told is None:  # its index was made anew: ask for everything again
            await asyncio.to_thread(self.book.asked, job.id, part.site, 0, "")
        else:
            await asyncio.to_thread(self.book.heard, job.id, part.site, told)

    async def _ask(self, link: SiteLink, job: Job, part: JobPart) -> bool:
        """Bring the site what it is to look at, and the keys of days that it forgot. False when it can't do it."""
        wire = await asyncio.to_thread(self.book.wire, job.grant_id)
        if wire is None:
            words = "The access that this analysis was asked under is over: resume it under another."
            await asyncio.to_thread(self.book.failed, job.id, part.site, words)
            return False
        for place, camera in enumerate(part.cameras):
            if place < part.asked:
                continue
            try:
                trouble = await self._release(link, wire, job, camera)
                await link.ask(AnalyseSpan(wire, job.id, camera, job.from_us, job.to_us), Answer, reuse=False)
            except (Refused, NotFound, BadInput) as error:
                await asyncio.to_thread(self.book.failed, job.id, part.site, f"{camera}: {error.message}")
                return False
            await asyncio.to_thread(self.book.asked, job.id, part.site, place + 1, trouble)
        return True

    async def _release(self, link: SiteLink, wire: bytes, job: Job, camera: str) -> str:
        """Have the keys of a camera's days released to the site, each once; what went wrong, in words."""
        action = _reading(open_signed(wire, self._public_key, self._clock).actions)
        words = ""
        to_us = min(job.to_us, self._clock.now_us())
        for day in range(job.from_us // DAY_US, -(-to_us // DAY_US)):
            name = (job.grant_id, camera, day)
            if name not in self._released:
                there, trouble = await release_day(link, wire, action, camera, day, (job.from_us, to_us))
                words = trouble or words
                if there:
                    self._released.add(name)
        return words

    async def _told(self, link: SiteLink, job: Job) -> Analysis | None:
        try:
            return await link.ask(GetAnalysis(job.id), Analysis)
        except NotFound:
            return None

    def _close(self, job_id: str) -> None:
        """A job whose every part is over is over."""
        parts = self.book.parts([job_id])[job_id]
        states = {part.state for part in parts}
        if self.book.job(job_id).state == "running" and states <= set(_OVER):
            self.book.set(job_id, "failed" if "failed" in states else "done")


def _reading(actions: frozenset[Action]) -> Action:
    """What a grant reads footage for analysis with."""
    return Action.PLAYBACK if Action.PLAYBACK in actions else Action.ANALYSE
