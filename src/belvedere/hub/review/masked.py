"""Playback where only masked pictures may leave the site: each piece of the playlist is masked there, on its way out."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Path, Query, Request
from fastapi.responses import Response

from belvedere.foundation.errors import KeyAway, NotFound
from belvedere.hub.access.doors import CurrentUser, granted
from belvedere.hub.access.grants import UsableGrant
from belvedere.hub.access.users import User
from belvedere.hub.context import HubContext
from belvedere.hub.reach import hub_of
from belvedere.hub.review.openings import Opener, Openings
from belvedere.hub.review.playlist import Stretch
from belvedere.hub.review.remote import remote_mark
from belvedere.hub.room import Room
from belvedere.link.masked import MaskedPiece, ReadMasked
from belvedere.link.messages import Playlist
from belvedere.media.stream import StreamKind
from belvedere.policy.grant import Action

VIEW_PLAYBACK = "view.playback"
_Name = Annotated[str, Query(max_length=64)]
_Number = Annotated[int, Path(ge=0, lt=1 << 53)]
_FRESH = {"Cache-Control": "no-store"}
Use = Callable[[Request, User, str, str], Awaitable[UsableGrant]]


def needs_masking(hub: HubContext, usable: UsableGrant, camera: str) -> bool:
    """Whether this grant sees this camera masked or painted only. The site asks itself the same."""
    return usable.grant.masked or bool(hub.masks.of(camera))


async def find_pieces(
    hub: HubContext, usable: UsableGrant, camera: str, from_us: int, to_us: int
) -> tuple[StreamKind, Playlist]:
    """The stream that is masked, and its pieces: the small one where it was recorded."""
    try:
        small = await hub.link.playlist(usable.wire, camera, StreamKind.SUB, from_us, to_us)
        if small.pieces:
            return StreamKind.SUB, small
    except NotFound:
        pass  # the camera has none
    return StreamKind.MAIN, await hub.link.playlist(usable.wire, camera, StreamKind.MAIN, from_us, to_us)


def masked_router(use: Use, openings_of: Callable[[Request], Openings]) -> Room:
    """Routes of masked pieces. `use` checks a grant of this user for a camera."""
    router = Room("review")

    async def piece(
        request: Request, user: User, grant: str, camera: str, stream: StreamKind, segment: int, start: int, end: int
    ) -> MaskedPiece:
        hub = hub_of(request)
        usable = await use(request, user, grant, camera)
        await hub.quotas.footage(user.id, grant, camera, stream, segment)
        mark = remote_mark(hub, request, user, grant, seen=True)
        ask = ReadMasked(usable.wire, camera, stream, segment, start, end, mark)
        try:
            made = await hub.link.ask(ask, MaskedPiece)
        except KeyAway:
            await hub.fleet.release(usable.wire, Action.PLAYBACK, camera, stream, segment)
            made = await hub.link.ask(ask, MaskedPiece)
        openings, opener = openings_of(request), Opener(user.id, grant, camera, stream)
        stretch = Stretch(segment, start, end)
        if not openings.allows(opener, stretch):
            facts = {"grant": grant, "camera": camera, "stream": stream, "segment": segment, "bytes": [start, end]}
            entry = await hub.audit.append(VIEW_PLAYBACK, user.id, facts)
            openings.add(opener, [stretch], entry=entry.index)
        return made

    @router.get("/api/play/{camera}/masked/{stream}/{segment}/{start}-{end}/init.mp4", response_class=Response)
    @granted(Action.PLAYBACK)
    async def masked_init(
        request: Request,
        user: CurrentUser,
        camera: str,
        stream: StreamKind,
        segment: _Number,
        start: _Number,
        end: _Number,
        grant: _Name,
    ) -> Response:
        """The initialisation segment of masked pieces like this one."""
        made = await piece(request, user, grant, camera, stream, segment, start, end)
        return Response(made.init, media_type="video/mp4", headers=_FRESH)

    @router.get("/api/play/{camera}/masked/{stream}/{segment}/{start}-{end}.m4s", response_class=Response)
    @granted(Action.PLAYBACK)
    async def masked_piece(
        request: Request,
        user: CurrentUser,
        camera: str,
        stream: StreamKind,
        segment: _Number,
        start: _Number,
        end: _Number,
        grant: _Name,
    ) -> Response:
        """A piece of a playlist, with everybody hidden (or permanent masks painted); no `Range`, the whole of it."""
        made = await piece(request, user, grant, camera, stream, segment, start, end)
        return Response(made.data, media_type="video/mp4", headers=_FRESH)

    return router
