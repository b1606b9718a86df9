"""Analysis over HTTP: how it stands at each site, switching it on and off, jobs for cases. Nothing here shows a picture."""

import asyncio
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field

from belvedere.foundation.errors import BelvedereError, NotFound
from belvedere.hub.access.doors import CurrentSession, CurrentUser, roles
from belvedere.hub.analysis import honesty
from belvedere.hub.analysis.book import Job
from belvedere.hub.analysis.cards import Card, cards
from belvedere.hub.analysis.jobs import Standing
from belvedere.hub.analysis.orders import KeptGrant, KeptOrder
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.link.seeing import GetSeeing, Seeing
from belvedere.policy.row import Role

ANALYSTS = (Role.INVESTIGATOR, Role.SUPERVISOR)
SWITCHERS = (Role.DPO,)
READERS = (*ANALYSTS, Role.OPERATOR, Role.MANAGER, Role.DPO, Role.AUDITOR, Role.ADMINISTRATOR, Role.INSTALLER)
_WITHIN_S = 4.0

router = Room("analysis")


class SeenCameraOut(BaseModel):
    """`newest_us`: footage up to here is looked at; `waiting_s` seconds of recordings wait."""

    camera: str
    state: str
    newest_us: int
    waiting_s: int


class OrderOut(BaseModel):
    """The data protection officer's order. `lapsed`: its review is overdue."""

    dpia: str
    reason: str
    made_by: str
    made_us: int
    review_us: int
    from_us: int
    ended_us: int | None
    ended_by: str
    ended_words: str
    lapsed: bool


class GrantOut(BaseModel):
    """The site's grant of these hours. `told_us`: when the site had it."""

    id: str
    cameras: int
    issued_us: int
    expires_us: int
    told_us: int | None


class SiteOut(BaseModel):
    """`state`: off, no_model, starting, running, failed, or away (the site does not answer); `text` says what to do."""

    id: str
    name: str
    state: str
    text: str
    model: str
    provider: str
    ms_a_picture: float
    waiting_s: int
    cameras: list[SeenCameraOut]
    order: OrderOut | None
    grant: GrantOut | None


class CardOut(BaseModel):
    """What a model is, what it was measured to find, and what it is known to get wrong."""

    model_config = ConfigDict(from_attributes=True)
    name: str
    text: str
    source: str
    licence: str
    sha256: str
    data: str
    measured: str
    failures: tuple[str, ...]
    not_measured: tuple[str, ...]
    bands: tuple[dict[str, Any], ...]


class AnalysisOut(BaseModel):
    now_us: int
    may_switch: bool
    may_ask: bool
    missed: str
    sites: list[SiteOut]
    cards: list[CardOut]


class SwitchOn(BaseModel):
    """`review_us`: when the order is looked at again, within a year. `reach_days`: so far back recordings are looked at."""

    model_config = ConfigDict(extra="forbid")
    dpia: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Annotated[str, Field(min_length=8, max_length=1000)]
    review_us: Annotated[int, Field(ge=0)]
    reach_days: Annotated[int, Field(ge=0, le=3660)] = 31


class WhyIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: Annotated[str, Field(min_length=1, max_length=1000)]


class PartOut(BaseModel):
    """One site's share, in seconds of footage. `left_s`: seconds of work, -1 unknown."""

    site: str
    cameras: int
    state: str
    wanted_s: int
    done_s: int
    left_s: int
    found: int
    text: str
    heard_us: int | None


class JobOut(BaseModel):
    """`state`: running, paused, ended, done or failed. `found`: events so far, which a search finds already."""

    id: str
    name: str
    case: str
    made_by: str
    made_us: int
    cameras: list[str]
    from_us: int
    to_us: int
    state: str
    over_us: int | None
    mine: bool
    wanted_s: int
    done_s: int
    left_s: int
    found: int
    parts: list[PartOut]


class JobsOut(BaseModel):
    now_us: int
    jobs: list[JobOut]


class JobIn(BaseModel):
    """`grant`: one's own, to analyse or to play back all of these over all of the span."""

    model_config = ConfigDict(extra="forbid")
    grant: Annotated[str, Field(min_length=1, max_length=64)]
    name: Annotated[str, Field(max_length=120)] = ""
    cameras: Annotated[list[str], Field(min_length=1, max_length=1200)]
    from_us: Annotated[int, Field(ge=0)]
    to_us: Annotated[int, Field(ge=0)]


class ResumeIn(BaseModel):
    """`grant`: another one, where the first is over."""

    model_config = ConfigDict(extra="forbid")
    grant: Annotated[str, Field(max_length=64)] = ""


@router.get("/api/analysis")
@roles(*READERS)
async def analysis(request: Request, user: CurrentUser) -> AnalysisOut:
    """How analysis stands at each site, and what is known of its models."""
    hub = hub_of(request)
    orders, grants, names = await asyncio.to_thread(
        lambda: (hub.analysis.orders.orders(), hub.analysis.orders.grants(), _sites(request))
    )
    told = await asyncio.gather(*(_seeing(request, site) for site in names))
    now_us = hub.clock.now_us()
    return AnalysisOut(
        now_us=now_us,
        may_switch=bool(user.roles & set(SWITCHERS)),
        may_ask=bool(user.roles & set(ANALYSTS)),
        missed=honesty.missed(),
        sites=[
            _site(site, name, seen, orders.get(site), grants.get(site), now_us)
            for (site, name), seen in zip(names.items(), told, strict=True)
        ],
        cards=[_card(each) for each in cards()],
    )


@router.put("/api/analysis/sites/{site}")
@roles(*SWITCHERS)
async def switch_on(request: Request, session: CurrentSession, site: str, body: SwitchOn) -> OrderOut:
    """Have a site analyse its recordings by itself until the review, confirmed with a passkey."""
    hub = hub_of(request)
    await _known(request, site)
    kept = await hub.analysis.orders.switch_on(
        session, site, dpia=body.dpia, reason=body.reason, review_us=body.review_us, reach_days=body.reach_days
    )
    return _order(kept, hub.clock.now_us())


@router.post("/api/analysis/sites/{site}/off")
@roles(*SWITCHERS)
async def switch_off(request: Request, session: CurrentSession, site: str, body: WhyIn) -> OrderOut:
    """End it now; the site's grant ends too."""
    hub = hub_of(request)
    await _known(request, site)
    await hub.analysis.orders.switch_off(session, site, body.reason)
    kept = (await asyncio.to_thread(hub.analysis.orders.orders))[site]
    return _order(kept, hub.clock.now_us())


@router.get("/api/analysis/jobs")
@roles(*READERS)
async def jobs(request: Request, user: CurrentUser, case: Annotated[str, Query(max_length=64)] = "") -> JobsOut:
    """Analyses for cases, newest first. Investigators and operators see their own."""
    hub = hub_of(request)
    standing = await hub.analysis.jobs.standing(case)
    sees_all = bool(user.roles & {Role.SUPERVISOR, Role.MANAGER, Role.DPO, Role.AUDITOR})
    shown = [each for each in standing if sees_all or each.job.account_id == user.id]
    return JobsOut(now_us=hub.clock.now_us(), jobs=[_job(each, user.id) for each in shown])


@router.post("/api/analysis/jobs", status_code=201)
@roles(*ANALYSTS)
async def begin(request: Request, user: CurrentUser, body: JobIn) -> JobOut:
    """Have footage looked at for a case, in the background; what is found can be searched at once."""
    span = (body.from_us, body.to_us)
    job = await hub_of(request).analysis.jobs.begin(user, body.grant, body.name, frozenset(body.cameras), span)
    return await _shown(request, job, user.id)


@router.post("/api/analysis/jobs/{job}/pause")
@roles(*ANALYSTS)
async def pause(request: Request, user: CurrentUser, job: str) -> JobOut:
    """Keep its place; work on nothing of it."""
    return await _shown(request, await hub_of(request).analysis.jobs.pause(user, job), user.id)


@router.post("/api/analysis/jobs/{job}/resume")
@roles(*ANALYSTS)
async def resume(request: Request, user: CurrentUser, job: str, body: ResumeIn) -> JobOut:
    """Go on where it was."""
    return await _shown(request, await hub_of(request).analysis.jobs.resume(user, job, body.grant), user.id)


@router.post("/api/analysis/jobs/{job}/end")
@roles(*ANALYSTS)
async def end(request: Request, user: CurrentUser, job: str) -> JobOut:
    """Stop it for good; what it found stays."""
    return await _shown(request, await hub_of(request).analysis.jobs.end(user, job), user.id)


def _sites(request: Request) -> dict[str, str]:
    return {site.id: site.name for site in hub_of(request).register.sites()}


async def _known(request: Request, site: str) -> None:
    if site not in await asyncio.to_thread(_sites, request):
        raise NotFound(f"There is no site {site[:48]}.", advice="Look at the page Sites.")


async def _seeing(request: Request, site: str) -> Seeing | None:
    """What a site says of itself, None where it does not answer."""
    try:
        async with asyncio.timeout(_WITHIN_S):
            return await hub_of(request).link.of(site).ask(GetSeeing(), Seeing)
    except (BelvedereError, TimeoutError):  # away, shut out, or too slow for a page
        return None


async def _shown(request: Request, job: Job, user_id: str) -> JobOut:
    found = await asyncio.to_thread(hub_of(request).analysis.jobs.book.parts, [job.id])
    return _job(Standing(job, tuple(found[job.id])), user_id)


def _site(
    site: str, name: str, seen: Seeing | None, kept: KeptOrder | None, held: KeptGrant | None, now_us: int
) -> SiteOut:
    grant = held if held is not None and held.ended_us is None and held.expires_us > now_us else None
    cameras = seen.cameras if seen is not None else ()
    return SiteOut(
        id=site,
        name=name,
        state=seen.state if seen is not None else "away",
        text=seen.text if seen is not None else "The site does not answer, or has no analysis yet.",
        model=seen.model if seen is not None else "",
        provider=seen.provider if seen is not None else "",
        ms_a_picture=seen.ms_a_picture if seen is not None else 0.0,
        waiting_s=sum(each.waiting_s for each in cameras),
        cameras=[
            SeenCameraOut(camera=each.camera, state=each.state, newest_us=each.newest_us, waiting_s=each.waiting_s)
            for each in cameras
        ],
        order=None if kept is None else _order(kept, now_us),
        grant=None
        if grant is None
        else GrantOut(
            id=grant.id,
            cameras=len(grant.cameras),
            issued_us=grant.issued_us,
            expires_us=grant.expires_us,
            told_us=grant.told_us,
        ),
    )


def _order(kept: KeptOrder, now_us: int) -> OrderOut:
    order = kept.order
    return OrderOut(
        dpia=order.dpia,
        reason=order.reason,
        made_by=kept.made_by,
        made_us=order.made_us,
        review_us=order.review_us,
        from_us=order.from_us,
        ended_us=kept.ended_us,
        ended_by=kept.ended_by,
        ended_words=kept.ended_words,
        lapsed=now_us >= order.review_us,
    )


def _card(card: Card) -> CardOut:
    return CardOut.model_validate(card)


def _job(standing: Standing, user_id: str) -> JobOut:
    job, parts = standing.job, standing.parts
    working = [part.left_s for part in parts if part.state not in ("done", "failed")]
    left_s = -1 if any(each < 0 for each in working) else max(working, default=0)
    return JobOut(
        id=job.id,
        name=job.name,
        case=job.case,
        made_by=job.made_by,
        made_us=job.made_us,
        cameras=list(job.cameras),
        from_us=job.from_us,
        to_us=job.to_us,
        state=job.state,
        over_us=job.over_us,
        mine=job.account_id == user_id,
        wanted_s=sum(part.wanted_s for part in parts),
        done_s=sum(part.done_s for part in parts),
        left_s=left_s,
        found=sum(part.found for part in parts),
        parts=[
            PartOut(
                site=part.site,
                cameras=len(part.cameras),
                state=part.state or "waiting",
                wanted_s=part.wanted_s,
                done_s=part.done_s,
                left_s=part.left_s,
                found=part.found,
                text=part.words,
                heard_us=part.heard_us,
            )
            for part in parts
        ],
    )
