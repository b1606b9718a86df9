"""A question cut to what a grant opens, and asked of every site at the same time. Sites that are away are told, not waited for."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from belvedere.foundation.clock import MINUTE_US, iso
from belvedere.foundation.errors import BadInput, BelvedereError, LinkFault, Refused
from belvedere.hub.context import HubContext
from belvedere.hub.fleet.routing import Away
from belvedere.hub.search.merging import Place, SitePage, merge
from belvedere.hub.search.shapes import MOST_CAMERAS, FacetsIn
from belvedere.link.seeing import (
    CountEvents,
    Covered,
    Event,
    EventCounts,
    Events,
    FindEvents,
    GetSeeing,
    SearchIn,
    Seeing,
)
from belvedere.policy.grant import Grant

QUICK_S = 12.0  # so long the others wait for the slowest site
LOOK_S = 25.0  # where sites look at what nobody has: some 8 s of work, and the line
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Question:
    """What sites are asked. `cut` says in words what the grant took away.

    Invariant: 0 <= from_us < to_us, and both lie in the grant's span; `cameras` are the grant's.
    """

    cameras: tuple[SearchIn, ...]
    from_us: int
    to_us: int
    cut: tuple[str, ...]


@dataclass(slots=True)
class Found:
    """What the sites that answered said."""

    events: list[Event] = field(default_factory=list)
    covered: list[Covered] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    away: list[Away] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)


def cut_to(grant: Grant, facets: FacetsIn, names: Mapping[str, str], now_us: int) -> Question:
    """The question as far as the grant goes. `names`: of the register's cameras. Raises BadInput, Refused."""
    cut: list[str] = []
    asked = list(dict.fromkeys([*facets.cameras, *facets.zones])) or sorted(grant.cameras & set(names))
    open_ones = [each for each in asked if each in grant.cameras]
    if not open_ones:
        raise Refused(
            "This access opens none of these cameras.",
            advice="Ask for access that names them, or search the cameras that yours opens.",
        )
    if len(open_ones) < len(asked):
        left = [names.get(each, each) for each in asked if each not in grant.cameras]
        cut.append(f"Not searched, as this access does not open them: {', '.join(left[:8])}.")
    if len(open_ones) > MOST_CAMERAS:
        raise BadInput(f"A search has {MOST_CAMERAS} cameras at most.", advice="Name a place or cameras.")
    from_us = grant.from_us if facets.from_us is None else facets.from_us
    to_us = min(grant.to_us, now_us) if facets.to_us is None else facets.to_us
    if from_us >= to_us:
        raise BadInput("The span of time is empty.", advice="Give its start before its end.")
    begin, end = max(from_us, grant.from_us), min(to_us, grant.to_us)
    if begin >= end:
        raise Refused(
            f"This access covers {iso(grant.from_us)} to {iso(grant.to_us)}.", advice="Ask for access to that time."
        )
    if begin - from_us + to_us - end > MINUTE_US:  # the span itself stands in the answer
        cut.append("Not all of the time that was asked for was searched: this access covers no more.")
    return Question(tuple(SearchIn(each, facets.zones.get(each)) for each in open_ones), begin, end, tuple(cut))


async def find(
    hub: HubContext,
    wire: bytes,
    question: Question,
    facets: FacetsIn,
    *,
    order: str,
    limit: int,
    places: Mapping[str, Place],
    look: bool,
) -> Found:
    """One page of events of all sites. Raises LinkFault when no site answers, and what a site refuses."""
    shares = _shares(hub, question.cameras)
    wanted = facets.wanted(hub.settings.search.time_zone)
    going = {site: places.get(site, Place()) for site in shares}

    async def ask(site: str, cameras: tuple[SearchIn, ...]) -> Events:
        request = FindEvents(
            wire, cameras, question.from_us, question.to_us, wanted, order, limit, going[site].before, look
        )
        return await hub.link.of(site).ask(request, Events)

    asked = {site: share for site, share in shares.items() if not going[site].over}
    told, away = await _all(asked, ask, LOOK_S if look else QUICK_S)
    pages = {site: SitePage(going[site], each.events, each.next) for site, each in told.items()}
    events, after = merge(pages, order, limit)
    return Found(
        events,
        [each for answer in told.values() for each in answer.covered],
        [answer.text for answer in told.values() if answer.text],
        away,
        going | after,
    )


async def count(
    hub: HubContext, wire: bytes, question: Question, facets: FacetsIn, step_us: int
) -> tuple[dict[str, list[int]], list[Away]]:
    """Events in each step, by camera. Raises as `find`."""
    wanted = facets.wanted(hub.settings.search.time_zone)

    async def ask(site: str, cameras: tuple[SearchIn, ...]) -> dict[str, list[int]]:
        request = CountEvents(wire, cameras, question.from_us, question.to_us, wanted, step_us)
        found = await hub.link.of(site).ask(request, EventCounts)
        return {each.camera: list(counts) for each, counts in zip(cameras, found.counts, strict=False)}

    told, away = await _all(_shares(hub, question.cameras), ask, QUICK_S)
    counted = {camera: counts for share in told.values() for camera, counts in share.items()}
    return {each.camera: counted[each.camera] for each in question.cameras if each.camera in counted}, away


async def seeing(hub: HubContext, cameras: Sequence[SearchIn]) -> dict[str, Seeing | None]:
    """How analysis stands at the sites of some cameras; None where a site does not say."""

    async def ask(site: str) -> Seeing | None:
        try:
            async with asyncio.timeout(QUICK_S):
                return await hub.link.of(site).ask(GetSeeing(), Seeing)
        except (BelvedereError, TimeoutError):  # away, or a site of before: the page says that it is not known
            return None

    sites = sorted(_shares(hub, cameras))
    return dict(zip(sites, await asyncio.gather(*(ask(site) for site in sites)), strict=True))


def _shares(hub: HubContext, cameras: Sequence[SearchIn]) -> dict[str, tuple[SearchIn, ...]]:
    shares: dict[str, list[SearchIn]] = {}
    for each in cameras:
        shares.setdefault(hub.link.site_of(each.camera), []).append(each)
    return {site: tuple(share) for site, share in shares.items()}


async def _all(
    shares: Mapping[str, tuple[SearchIn, ...]],
    ask: Callable[[str, tuple[SearchIn, ...]], Awaitable[_Answer]],
    most_s: float,
) -> tuple[dict[str, _Answer], list[Away]]:
    """Answers by site, and sites that gave none in time. Raises what a site refuses, and LinkFault when all are away."""
    if not shares:
        return {}, []
    tasks = {site: asyncio.ensure_future(ask(site, share)) for site, share in shares.items()}
    try:
        await asyncio.wait(tasks.values(), timeout=most_s)
        late = {site for site, task in tasks.items() if not task.done()}
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
    told: dict[str, _Answer] = {}
    away: list[Away] = []
    fault = LinkFault("The sites do not answer in time.", advice="Try again; look at the page Sites.")
    for site, task in tasks.items():
        error = None if site in late else task.exception()
        if site in late or isinstance(error, LinkFault):
            fault = error if isinstance(error, LinkFault) else fault
            away.append(Away(site, tuple(each.camera for each in shares[site])))
        elif error is not None:
            raise error
        else:
            told[site] = task.result()
    if not told:
        raise fault
    return told, away
