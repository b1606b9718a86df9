"""Search over HTTP: a question read, events found, counts by time, thumbnails. All but the reading needs a grant, like footage."""

import asyncio
from collections import OrderedDict
from dataclasses import asdict
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Path, Query, Request
from fastapi.responses import Response
from starlette.requests import HTTPConnection

from belvedere.foundation.clock import MINUTE_US, SECOND_US
from belvedere.foundation.errors import BadInput, KeyAway, Refused
from belvedere.hub.access.doors import CurrentUser, granted, signed_in
from belvedere.hub.access.grants import UsableGrant
from belvedere.hub.access.users import User
from belvedere.hub.context import HubContext
from belvedere.hub.fleet.away import away_out
from belvedere.hub.reach import hub_of
from belvedere.hub.review.remote import require_here
from belvedere.hub.room import Room
from belvedere.hub.search import asking
from belvedere.hub.search.clothing import SEARCH_MADE, digest_of, require_approved, switched_off
from belvedere.hub.search.merging import read_places, write_places
from belvedere.hub.search.shapes import (
    CameraCounts,
    ChipOut,
    CountsIn,
    CountsOut,
    CoveredOut,
    EventOut,
    FacetsIn,
    SearchIn,
    SearchOut,
    SiteSeeing,
    UnderstoodOut,
    UnreadOut,
)
from belvedere.hub.search.town import gazetteer
from belvedere.hub.search.words import Understood, understand
from belvedere.link.seeing import Event, GetThumbnail, Thumbnail
from belvedere.media.objects import KIND_TEXT, VEHICLES, ObjectColour, ObjectKind
from belvedere.media.stream import StreamKind
from belvedere.policy.grant import Action

SEARCH_SHOWN = "search.shown"
VIEW_THUMBNAIL = "view.thumbnail"
MOST_WORDS = 300
_REMEMBERED = 50_000
_AGAIN_US = 10 * MINUTE_US  # the same search asked again within it is the same search
_FRESH = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_Name = Annotated[str, Query(max_length=64)]

router = Room("search")


class _Told:
    """Searches that were logged, and events that a logged search told. Bounded: the oldest is forgotten, and so logged again."""

    def __init__(self) -> None:
        self.searches: OrderedDict[tuple[str, str], int] = OrderedDict()
        self.events: OrderedDict[tuple[str, str, int], None] = OrderedDict()
        self.turn = asyncio.Lock()  # one approval is one search, also when two are asked at once

    def tell(self, grant: str, events: list[Event]) -> list[Event]:
        """Events that were not told under this grant yet; they are from now on."""
        fresh = [each for each in events if (grant, each.camera, each.id) not in self.events]
        for each in events:
            self.events[grant, each.camera, each.id] = None
            self.events.move_to_end((grant, each.camera, each.id))
        while len(self.events) > _REMEMBERED:
            self.events.popitem(last=False)
        return fresh

    def forget(self, grant: str, events: list[Event]) -> None:
        """The entry could not be written."""
        for each in events:
            self.events.pop((grant, each.camera, each.id), None)


def _told(connection: HTTPConnection) -> _Told:
    state = connection.app.state
    found = getattr(state, "search_told", None)
    if not isinstance(found, _Told):
        found = state.search_told = _Told()
    return found


async def _read(hub: HubContext, words: str) -> Understood:
    zone = ZoneInfo(hub.settings.search.time_zone)
    names = await gazetteer(hub)
    return await asyncio.to_thread(understand, words, names, hub.clock.now_us(), zone)


@router.get("/api/search/understood")
@signed_in
async def understood(
    request: Request, words: Annotated[str, Query(max_length=MOST_WORDS, description="The question as typed.")]
) -> UnderstoodOut:
    """What a question means here. Nothing is searched, so nothing of footage is told."""
    hub = hub_of(request)
    found = await _read(hub, words)
    what, when = found.what, found.when
    return UnderstoodOut(
        words=words,
        facets=FacetsIn(
            kinds=list(what.kinds)[:16],
            colours=list(what.colours)[:16],
            clothing=list(what.clothing)[:16],
            together=list(what.together)[:16],
            at_least=what.at_least,
            least_height=what.least_height,
            most_height=what.most_height,
            least_duration_us=what.least_duration_us,
            headings=list(what.headings)[:8],
            cameras=list(found.cameras)[:64],
            from_us=when.from_us,
            to_us=when.to_us,
            from_minute=when.from_minute,
            to_minute=when.to_minute,
        ),
        chips=[ChipOut.model_validate(asdict(each)) for each in found.chips],
        unread=[UnreadOut(text=each.text, start=each.start, end=each.end) for each in found.unread],
        notes=list(found.notes),
        refusal=found.refusal.text if found.refusal else "",
        refused_words=found.refusal.words if found.refusal else "",
        clothing=switched_off(hub) if what.clothing else "",
    )


@router.post("/api/search")
@granted(Action.PLAYBACK)
async def search(request: Request, user: CurrentUser, body: SearchIn) -> SearchOut:
    """Events of all sites under one grant, newest, oldest or best first. Each search is logged with its words."""
    hub = hub_of(request)
    places = read_places(body.next)
    usable, question = await _opened(request, user, body.grant, body.words, body.facets)
    found = await asking.find(
        hub,
        usable.wire,
        question,
        body.facets,
        order=body.order,
        limit=body.limit,
        places=places,
        look=body.look,
    )
    sites = {} if body.next else await asking.seeing(hub, question.cameras)
    told = _told(request)
    fresh = told.tell(body.grant, found.events)
    if fresh:
        facts = {
            "grant": body.grant,
            "cameras": sorted({each.camera for each in fresh}),
            "events": [f"{each.camera}:{each.id}" for each in fresh],
            "start_us": min(each.start_us for each in fresh),
            "end_us": max(each.end_us for each in fresh),
        }
        try:
            await hub.audit.append(SEARCH_SHOWN, user.id, facts)
        except BaseException:
            told.forget(body.grant, fresh)
            raise
    names = await asyncio.to_thread(hub.fleet.desk.book.site_names)
    return SearchOut(
        from_us=question.from_us,
        to_us=question.to_us,
        cameras=[each.camera for each in question.cameras],
        cut=list(question.cut),
        events=[_event(each) for each in found.events],
        covered=[
            CoveredOut(
                camera=each.camera,
                recorded_s=each.recorded_s,
                looked_s=each.looked_s,
                quiet_s=each.quiet_s,
                waiting_s=each.waiting_s,
            )
            for each in found.covered
        ],
        away=await away_out(hub, found.away),
        next=write_places(found.places),
        text=" ".join(dict.fromkeys(found.texts)),
        sites=[
            SiteSeeing(
                site=site,
                name=names.get(site, site),
                state=each.state if each is not None else "unknown",
                text=each.text if each is not None else "This site does not say how its analysis stands.",
            )
            for site, each in sites.items()
        ],
    )


@router.post("/api/search/counts")
@granted(Action.PLAYBACK)
async def counts(request: Request, user: CurrentUser, body: CountsIn) -> CountsOut:
    """How many events begin in each part of the span, by camera. Part of the search with the same words and facets."""
    hub = hub_of(request)
    usable, question = await _opened(request, user, body.grant, body.words, body.facets)
    steps = max(1, min(body.steps, 9000 // len(question.cameras)))
    step_us = max(SECOND_US, -(-(question.to_us - question.from_us) // steps))
    found, away = await asking.count(hub, usable.wire, question, body.facets, step_us)
    return CountsOut(
        from_us=question.from_us,
        to_us=question.to_us,
        step_us=step_us,
        cameras=[CameraCounts(camera=camera, counts=each) for camera, each in found.items()],
        away=await away_out(hub, away),
    )


@router.get("/api/search/thumbnail/{camera}/{event}", response_class=Response)
@granted(Action.PLAYBACK)
async def thumbnail(
    request: Request,
    user: CurrentUser,
    camera: Annotated[str, Path(max_length=64)],
    event: Annotated[int, Path(ge=0, lt=1 << 53)],
    grant: _Name,
    at_us: Annotated[int, Query(ge=0, lt=1 << 53, description="The event's `best_us`.")],
    stream: StreamKind = StreamKind.SUB,
    width: Annotated[int, Query(ge=64, le=640)] = 320,
) -> Response:
    """An event's picture, masked at the site. Beside what a logged search told, each is logged by itself."""
    hub = hub_of(request)
    usable = await hub.grants.use(user, grant, Action.PLAYBACK, [camera], start_us=at_us, end_us=at_us)
    require_here(hub, request, user, grant)
    told = _told(request)
    if (grant, camera, event) not in told.events:
        facts = {"grant": grant, "camera": camera, "event": event, "start_us": at_us, "end_us": at_us}
        await hub.audit.append(VIEW_THUMBNAIL, user.id, facts)
    ask = GetThumbnail(usable.wire, camera, event, width)
    try:
        made = await hub.link.ask(ask, Thumbnail)
    except KeyAway:
        await _release(hub, usable, camera, stream, at_us)
        made = await hub.link.ask(ask, Thumbnail)
    return Response(made.jpeg, media_type="image/jpeg", headers={**_FRESH, "X-Belvedere-Taken": str(made.taken_us)})


async def _release(hub: HubContext, usable: UsableGrant, camera: str, stream: StreamKind, at_us: int) -> None:
    """Have the site get the key of the day that holds a moment. Raises as `Fleet.release`."""
    grant = usable.grant
    from_us, to_us = max(grant.from_us, at_us - SECOND_US), min(grant.to_us, at_us + SECOND_US)
    pieces = (await hub.link.playlist(usable.wire, camera, stream, from_us, to_us)).pieces
    for segment in dict.fromkeys(each.segment for each in pieces):
        await hub.fleet.release(usable.wire, Action.PLAYBACK, camera, stream, segment)


async def _opened(
    request: Request, user: User, grant_id: str, words: str, facets: FacetsIn
) -> tuple[UsableGrant, asking.Question]:
    """The grant and the question cut to it; the search is in the log. Raises Refused, BadInput."""
    hub = hub_of(request)
    if (refused := (await _read(hub, words)).refusal) is not None:
        raise Refused(refused.text, advice=f"Search without “{refused.words}”.")
    held = next((each for each in await hub.grants.live(user) if each.id == grant_id), None)
    if held is None:  # refused, and logged, as everywhere
        await hub.grants.use(user, grant_id, Action.PLAYBACK, [])
        raise BadInput("This access just ended.", advice="Ask for access.")
    names = await asyncio.to_thread(lambda: {each.id: each.name for each in hub.register.list_cameras()})
    question = asking.cut_to(held, facets, names, hub.clock.now_us())
    cameras = [each.camera for each in question.cameras]
    span = {"start_us": question.from_us, "end_us": question.to_us}
    usable = await hub.grants.use(user, grant_id, Action.PLAYBACK, cameras, **span)
    told, digest = _told(request), digest_of(words, facets)
    async with told.turn:
        if facets.clothing:
            usable = await hub.grants.use(user, grant_id, Action.SEARCH, cameras, **span)
            await require_approved(hub, usable, words, facets)
        logged_us = told.searches.get((grant_id, digest))
        if logged_us is None or hub.clock.now_us() - logged_us > _AGAIN_US:
            entry: dict[str, Any] = {
                "grant": grant_id,
                "case": usable.grant.case,
                "words": words or _said(facets),
                "digest": digest,
                "cameras": cameras,
                **span,
                "facets": facets.model_dump(mode="json", exclude_defaults=True),
            }
            if facets.clothing:
                entry |= {
                    "clothing": True,
                    "dpia": hub.settings.search.clothing_dpia,
                    "approver": usable.grant.approver,
                }
            await hub.audit.append(SEARCH_MADE, user.id, entry)
            told.searches[grant_id, digest] = hub.clock.now_us()
            while len(told.searches) > _REMEMBERED:
                told.searches.popitem(last=False)
    return usable, question


def _said(facets: FacetsIn) -> str:
    """A search by facets alone, in words for the log."""
    colours = [ObjectColour(each).name.lower() for each in (*facets.colours, *facets.clothing)]
    kinds = [KIND_TEXT[ObjectKind(each)] for each in facets.kinds] or ["anything"]
    return " ".join([*colours, " or ".join(kinds)])


def _event(event: Event) -> EventOut:
    known = event.kind in set(ObjectKind)
    colour = event.upper if event.kind in VEHICLES and event.upper in set(ObjectColour) else 0
    return EventOut(
        camera=event.camera,
        id=event.id,
        stream=event.stream,
        kind=event.kind,
        kind_text=KIND_TEXT[ObjectKind(event.kind)] if known else "object",
        colour=ObjectColour(colour).name.lower() if colour else "",
        start_us=event.start_us,
        end_us=event.end_us,
        best_us=event.best_us,
        confidence=round(event.confidence, 3),
        sure=_sure(event.confidence),
        box=event.box,
        heading=event.heading,
        detail=event.detail,
        model=event.model,
        why=event.why,
    )


def _sure(confidence: float) -> str:
    """Confidence in words. The detector's own number is not a probability, so words are coarse."""
    return "clear" if confidence >= 0.7 else "likely" if confidence >= 0.5 else "uncertain"
