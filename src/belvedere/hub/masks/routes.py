"""Permanent masks over HTTP: what holds, who drew it and why, a new version; and what masking costs now.

Nothing here shows a picture: masks are drawn over what the person's own access shows.
"""

import asyncio
from typing import Annotated

from fastapi import Request
from pydantic import BaseModel, Field

from belvedere.foundation.errors import NotFound, Refused
from belvedere.hub.access.doors import CurrentUser, roles
from belvedere.hub.masks.desk import MaskVersion
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.link.masked import MOST_MASKS
from belvedere.policy.row import Role

READERS = (
    Role.OPERATOR,
    Role.INVESTIGATOR,
    Role.SUPERVISOR,
    Role.MANAGER,
    Role.DPO,
    Role.AUDITOR,
    Role.REGISTER_EDITOR,
    Role.INSTALLER,
    Role.ADMINISTRATOR,
)
DRAWERS = (Role.DPO, Role.MANAGER, Role.SUPERVISOR, Role.REGISTER_EDITOR)

router = Room("masks")

_Share = Annotated[float, Field(ge=0.0, le=1.0)]
_Corner = tuple[_Share, _Share]
_Polygon = Annotated[tuple[_Corner, ...], Field(min_length=3, max_length=64)]


class MaskVersionOut(BaseModel):
    """One version. `polygons`: corners as shares of the picture's width and height."""

    version: int
    polygons: tuple[_Polygon, ...]
    made_by: str
    reason: str
    made_us: int


class MasksOut(BaseModel):
    """A camera's masks. `version` is 0 where there never were any. `needs_dpo`: originals leave with the DPO's consent only."""

    camera: str
    version: int
    polygons: tuple[_Polygon, ...]
    needs_dpo: bool
    may_draw: bool
    may_take_away: bool
    in_camera: bool = Field(description="The camera itself paints these masks, and was seen to.")
    why: str = Field(description="Why it does not, in words; empty while that is open, or the site is away.")
    history: list[MaskVersionOut]


class MasksIn(BaseModel):
    """All masks of a camera, drawn on top of `base`."""

    base: int = Field(ge=0)
    polygons: Annotated[tuple[_Polygon, ...], Field(max_length=MOST_MASKS)]
    reason: str = Field(max_length=500)


class RenditionOut(BaseModel):
    """One masked picture that is made now. `cpu_ms_per_s`: processor milliseconds for a second of it.

    `sees`: the model that looks for people in it, "" where none does; `look_ms_per_s`: its part of the cost.
    """

    camera: str
    kind: str
    viewers: int
    cpu_ms_per_s: float
    share: float
    whole: bool
    restarts: int
    sees: str
    look_ms_per_s: float


class MaskingOut(BaseModel):
    """What the site masks. `most`: as many at a time. `pieces`: recorded pieces masked since its start.

    `finds`: how people are found, in words; "" from a site of an older version.
    """

    most: int
    refused: int
    renditions: list[RenditionOut]
    pieces: int
    pieces_cpu_ms_per_s: float
    finds: str


@router.get("/api/masks/{camera}")
@roles(*READERS)
async def masks(request: Request, user: CurrentUser, camera: str) -> MasksOut:
    """The permanent masks of a camera, and every version there was."""
    hub = hub_of(request)
    await _known(request, camera)
    history = await asyncio.to_thread(hub.masks.history, camera)
    return _out(request, user.roles, camera, history, await hub.masks.in_camera(camera))


@router.put("/api/masks/{camera}")
@roles(*DRAWERS)
async def put_masks(request: Request, user: CurrentUser, camera: str, body: MasksIn) -> MasksOut:
    """A new version. What stands may be changed or taken away by the data protection officer only; others add."""
    hub = hub_of(request)
    await _known(request, camera)
    missing = [each for each in hub.masks.of(camera) if each not in body.polygons]
    if missing and Role.DPO not in user.roles:
        raise Refused(
            "Masks that stand are changed or taken away by the data protection officer only.",
            advice="Add masks beside them, or ask the data protection officer.",
        )
    await hub.masks.put(user, camera, body.base, body.polygons, body.reason)
    history = await asyncio.to_thread(hub.masks.history, camera)
    return _out(request, user.roles, camera, history, await hub.masks.in_camera(camera))


@router.get("/api/masking")
@roles(*READERS)
async def masking(request: Request) -> MaskingOut:
    """What is masked now, for how many, and what it costs."""
    found = await hub_of(request).masks.masking()
    return MaskingOut(
        most=found.most,
        refused=found.refused,
        renditions=[
            RenditionOut(
                camera=one.camera,
                kind=one.kind,
                viewers=one.viewers,
                cpu_ms_per_s=one.cpu_ms_per_s,
                share=one.share,
                whole=one.whole,
                restarts=one.restarts,
                sees=one.sees,
                look_ms_per_s=one.look_ms_per_s,
            )
            for one in found.renditions
        ],
        pieces=found.pieces,
        pieces_cpu_ms_per_s=found.pieces_cpu_ms_per_s,
        finds=found.finds,
    )


async def _known(request: Request, camera: str) -> None:
    known = await asyncio.to_thread(hub_of(request).register.camera_ids)
    if camera not in known:
        raise NotFound(f"There is no camera {camera}.", advice="Look at the list of cameras.")


def _out(
    request: Request, held: frozenset[str], camera: str, history: list[MaskVersion], there: tuple[bool, str]
) -> MasksOut:
    hub = hub_of(request)
    newest = history[0] if history else None
    return MasksOut(
        camera=camera,
        version=newest.version if newest is not None else 0,
        polygons=newest.polygons if newest is not None else (),
        needs_dpo=hub.masks.master_needs_dpo(camera),
        may_draw=bool(held & set(DRAWERS)),
        may_take_away=Role.DPO in held,
        in_camera=there[0],
        why=there[1],
        history=[
            MaskVersionOut(
                version=each.version,
                polygons=each.polygons,
                made_by=each.made_by,
                reason=each.reason,
                made_us=each.made_us,
            )
            for each in history
        ],
    )
