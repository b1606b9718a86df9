"""Timelines and playback over HTTP. Live pictures: see `live.py`."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import Path, Query, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from starlette.requests import HTTPConnection

from belvedere.foundation.clock import HOUR_US
from belvedere.foundation.errors import BadInput, NotFound
from belvedere.hub.access.doors import CurrentUser, granted
from belvedere.hub.access.grants import UsableGrant
from belvedere.hub.access.users import User
from belvedere.hub.fleet.away import away_out
from belvedere.hub.reach import hub_of
from belvedere.hub.review.activity import router as activity_router
from belvedere.hub.review.byterange import read_range
from belvedere.hub.review.live import router as live_router
from belvedere.hub.review.masked import find_pieces, masked_router, needs_masking
from belvedere.hub.review.openings import Opener, Openings
from belvedere.hub.review.playlist import MEDIA_TYPE, Stretch, pieces_to_play, stretches, write_playlist
from belvedere.hub.review.remote import remote_mark, require_here
from belvedere.hub.review.timeline import LOOK_BACK_US, TimelineOut, draw
from belvedere.hub.room import Room
from belvedere.link.messages import GetTimeline, Timeline
from belvedere.media.stream import StreamKind
from belvedere.policy.grant import Action

VIEW_PLAYBACK = "view.playback"
MAX_SPAN_US = 26 * HOUR_US  # a day with an hour to spare for the change to winter time
_FRESH = {"Cache-Control": "no-store"}
_Name = Annotated[str, Query(max_length=64)]
_Moment = Annotated[int, Query(ge=0, lt=1 << 53, description="Microseconds, UTC.")]
_Segment = Annotated[int, Path(ge=0, lt=1 << 53)]

router = Room("review")
router.add(live_router)
router.add(activity_router)


@router.get("/api/timeline")
@granted(Action.PLAYBACK)
async def timeline(
    request: Request,
    user: CurrentUser,
    grant: _Name,
    cameras: Annotated[str, Query(max_length=50_000, description="Camera ids, separated by commas.")],
    from_us: _Moment,
    to_us: _Moment,
    stream: StreamKind = StreamKind.MAIN,
) -> TimelineOut:
    """What was recorded of some cameras, and what is missing and why. The span is cut to what the grant covers."""
    hub = hub_of(request)
    names = list(dict.fromkeys(name for name in cameras.split(",") if name))
    if not names:
        raise BadInput("No camera is named.", advice="Give `cameras=ID,ID`.")
    _check_span(from_us, to_us, longest_us=400 * 24 * HOUR_US)
    covered = await _grant_span(request, user, grant)
    if covered is not None and covered[0] < to_us and from_us < covered[1]:
        from_us, to_us = max(from_us, covered[0]), min(to_us, covered[1])
    await hub.grants.use(user, grant, Action.PLAYBACK, names, start_us=from_us, end_us=to_us)
    question = GetTimeline(tuple(names), stream, max(0, from_us - LOOK_BACK_US), to_us)
    found = await hub.link.ask_those_here(question, Timeline)
    now_us = hub.clock.now_us()
    return TimelineOut(
        from_us=from_us,
        to_us=to_us,
        cameras=[draw(each, from_us, to_us, now_us) for each in found.reply.cameras],
        away=await away_out(hub, found.away),
    )


@router.get("/api/play/{camera}/{stream}.m3u8", response_class=PlainTextResponse)
@granted(Action.PLAYBACK)
async def playlist(
    request: Request, user: CurrentUser, camera: str, stream: StreamKind, grant: _Name, from_us: _Moment, to_us: _Moment
) -> Response:
    """An HLS playlist of [from_us, to_us), starting at the keyframe before it. Logged once for each opening."""
    hub = hub_of(request)
    _check_span(from_us, to_us, longest_us=MAX_SPAN_US)
    covered = await _grant_span(request, user, grant)
    if covered is not None and hub.clock.now_us() <= covered[1] < to_us:
        to_us = max(from_us + 1, covered[1])  # the rest lies in the future, and the grant ends before it
    usable = await hub.grants.use(user, grant, Action.PLAYBACK, [camera], start_us=from_us, end_us=to_us)
    masked = needs_masking(hub, usable, camera) or bool(remote_mark(hub, request, user, grant))
    if masked:
        stream, found = await find_pieces(hub, usable, camera, from_us, to_us)
    else:
        found = await hub.link.playlist(usable.wire, camera, stream, from_us, to_us)
    pieces = pieces_to_play(found, to_us)
    if not pieces:
        raise NotFound("Nothing is recorded for this time.", advice="Look at the timeline for what there is.")
    openings, opener = openings_of(request), Opener(user.id, grant, camera, stream)
    entry: int | None = None
    if not openings.is_open(opener, from_us, to_us):
        facts = {"grant": grant, "camera": camera, "stream": stream, "start_us": from_us, "end_us": to_us}
        entry = (await hub.audit.append(VIEW_PLAYBACK, user.id, facts)).index
    openings.add(opener, stretches(pieces), (from_us, to_us), entry=entry, pieces=pieces)
    hub.quotas.remember(camera, stream, pieces)
    return PlainTextResponse(write_playlist(found, grant, to_us, masked=masked), media_type=MEDIA_TYPE, headers=_FRESH)


@router.get("/api/play/{camera}/{stream}/init/{config_id}.mp4", response_class=Response)
@granted(Action.PLAYBACK)
async def init(
    request: Request, user: CurrentUser, camera: str, stream: StreamKind, config_id: str, grant: _Name
) -> Response:
    """The fMP4 initialisation segment of a configuration. Holds no picture."""
    usable = await _use_within_span(request, user, grant, camera)
    found = await hub_of(request).link.init(usable.wire, camera, config_id)
    return Response(found.data, media_type="video/mp4", headers=_FRESH)


@router.get("/api/play/{camera}/{stream}/{segment}.m4s", response_class=StreamingResponse, status_code=206)
@granted(Action.PLAYBACK)
async def footage(
    request: Request, user: CurrentUser, camera: str, stream: StreamKind, segment: _Segment, grant: _Name
) -> StreamingResponse:
    """Decrypted bytes of a segment; needs `Range` with both ends. Bytes beside every opened playlist are logged by themselves."""
    hub = hub_of(request)
    start, end = read_range(request.headers.get("range"))
    require_here(hub, request, user, grant)
    usable = await _use_within_span(request, user, grant, camera)
    await hub.quotas.footage(user.id, grant, camera, stream, segment)
    openings, opener = openings_of(request), Opener(user.id, grant, camera, stream)
    stretch = Stretch(segment, start, end)
    parts = hub.link.read_footage(usable.wire, Action.PLAYBACK, camera, stream, segment, start, end)
    try:
        first = await anext(parts, b"")  # what can't be read is told before the answer begins
        if not openings.allows(opener, stretch):
            facts = {"grant": grant, "camera": camera, "stream": stream, "segment": segment, "bytes": [start, end]}
            entry = await hub.audit.append(VIEW_PLAYBACK, user.id, facts)
            openings.add(opener, [stretch], entry=entry.index)
    except BaseException:
        await parts.aclose()
        raise
    return StreamingResponse(
        _stream(first, parts),
        status_code=206,
        media_type="video/mp4",
        headers={
            **_FRESH,
            "Accept-Ranges": "bytes",
            "Content-Range": f"bytes {start}-{end - 1}/*",
            "Content-Length": str(end - start),
        },
    )


async def _stream(first: bytes, parts: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(parts):
        yield first
        async for part in parts:
            yield part


def openings_of(connection: HTTPConnection) -> Openings:
    """The openings of the hub that serves this request."""
    return hub_of(connection).views.openings


def _check_span(from_us: int, to_us: int, *, longest_us: int) -> None:
    if not 0 <= from_us < to_us:
        raise BadInput("The span of time is empty.", advice="Give `from_us` before `to_us`.")
    if to_us - from_us > longest_us:
        raise BadInput("The span of time is too long.", advice=f"Ask for {longest_us // HOUR_US} hours or less.")


async def _grant_span(request: Request, user: User, grant_id: str) -> tuple[int, int] | None:
    """The footage that a grant of this user covers; None when they hold no such grant."""
    openings = openings_of(request)
    known = openings.grant_span(user.id, grant_id)
    if known is None:
        found = next((each for each in await hub_of(request).grants.live(user) if each.id == grant_id), None)
        if found is None:
            return None
        known = (found.from_us, found.to_us)
        openings.remember_grant(user.id, grant_id, *known)
    return known


async def _use_within_span(request: Request, user: User, grant_id: str, camera: str) -> UsableGrant:
    """The grant, if it still lives and covers `camera`. Which footage a segment holds the site knows, and checks."""
    span = await _grant_span(request, user, grant_id)
    start_us, end_us = span if span is not None else (None, None)
    return await hub_of(request).grants.use(user, grant_id, Action.PLAYBACK, [camera], start_us=start_us, end_us=end_us)


router.add(masked_router(_use_within_span, openings_of))
