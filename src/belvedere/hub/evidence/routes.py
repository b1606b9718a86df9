"""Exports over HTTP. The desk opens and closes with the application that includes `router`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, cast

from fastapi import FastAPI
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, Response

from belvedere.foundation.errors import BelvedereError
from belvedere.hub.access.doors import CurrentUser, granted, signed_in
from belvedere.hub.context import HubContext
from belvedere.hub.evidence.export import ExportDesk
from belvedere.hub.evidence.making import PackMaker
from belvedere.hub.evidence.order import EVIDENCE, LONGEST_US, MOST_CAMERAS, WORKING_COPY, Order, pack_name
from belvedere.hub.evidence.store import ExportRow, ExportStore
from belvedere.hub.masks.master import require_master
from belvedere.hub.objects.answer import object_answer
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.policy.grant import Action


@asynccontextmanager
async def _desk_open(app: FastAPI) -> AsyncIterator[None]:
    """Opens the desk once the hub's context stands."""
    hub = cast(HubContext, app.state.hub)
    maker = PackMaker(
        hub.settings.hub_folder / "making",
        hub.engine,
        hub.clock,
        hub.key,
        hub.audit,
        hub.link,
        hub.objects,
        hub.fleet.release,
    )
    desk = ExportDesk(
        hub.settings.exports_folder, ExportStore(hub.engine), hub.clock, hub.audit, hub.jobs, hub.objects, maker
    )
    await desk.start()
    app.state.exports = desk
    try:
        yield
    finally:
        await desk.stop()


def _desk(connection: HTTPConnection) -> ExportDesk:
    return cast(ExportDesk, connection.app.state.exports)


class ExportOrder(BaseModel):
    """What to export. The marks are exact; clips start at the keyframe before."""

    grant: str
    name: str = Field(max_length=200)
    cameras: list[str] = Field(min_length=1, max_length=MOST_CAMERAS)
    start_us: int
    end_us: int = Field(description=f"At most {LONGEST_US} after start_us.")
    note: str = Field("", max_length=5_000)
    kind: Literal["evidence", "working_copy"] | None = Field(
        None, description="Left out: evidence, or a masked working copy where the access shows masked pictures only."
    )


class ExportLine(BaseModel):
    """One export. `message`: why it failed, or what it waits for. `progress` runs from 0 to 1; `bytes` and `sha256` are those
    of the finished pack.
    """

    id: str
    name: str
    kind: str = Field(description="evidence or working_copy")
    state: str = Field(description="working, ready, failed or cancelled")
    progress: float
    cameras: list[str]
    start_us: int
    end_us: int
    made_us: int
    made_by: str
    bytes: int
    sha256: str
    message: str
    step: str = Field("", description="Of one that is working: waiting or making.")
    resumed: bool = Field(False, description="An earlier attempt was cut off; this goes on from what it brought.")


class ExportList(BaseModel):
    """One's own exports, newest first."""

    exports: list[ExportLine]


def _line(row: ExportRow) -> ExportLine:
    return ExportLine(
        id=row.id,
        name=row.name,
        kind=row.kind,
        state=row.state,
        progress=row.progress,
        cameras=list(row.cameras),
        start_us=row.start_us,
        end_us=row.end_us,
        made_us=row.made_us,
        made_by=row.made_by,
        bytes=row.bytes,
        sha256=row.sha256,
        message=row.message,
        step=row.step,
        resumed=row.resumed,
    )


router = Room(lifespan=_desk_open)


@router.post("/api/exports", status_code=201)
@granted(Action.EXPORT)
async def order(request: Request, user: CurrentUser, body: ExportOrder) -> ExportLine:
    """Begin an export. It is in the audit log before any footage is read."""
    usable = await hub_of(request).grants.use(user, body.grant, Action.EXPORT, body.cameras, body.start_us, body.end_us)
    kind = body.kind or (WORKING_COPY if usable.grant.masked else EVIDENCE)
    if kind == EVIDENCE:
        require_master(hub_of(request), usable.grant, body.cameras)
    quotas = hub_of(request).quotas
    await quotas.export(user.id, body.grant)
    try:
        row = await _desk(request).order(
            Order(
                usable.wire, usable.grant, body.name, tuple(body.cameras), body.start_us, body.end_us, body.note, kind
            )
        )
    except BelvedereError:
        quotas.export_failed(user.id)
        raise
    return _line(row)


@router.get("/api/exports")
@signed_in
async def exports(request: Request, user: CurrentUser) -> ExportList:
    """One's own exports."""
    return ExportList(exports=[_line(row) for row in await _desk(request).of(user.id)])


@router.get("/api/exports/{export_id}")
@signed_in
async def export(export_id: str, request: Request, user: CurrentUser) -> ExportLine:
    """One's own export, to follow its progress."""
    return _line(await _desk(request).get(export_id, user.id))


@router.delete("/api/exports/{export_id}")
@signed_in
async def cancel(export_id: str, request: Request, user: CurrentUser) -> ExportLine:
    """Give up one's own export while it is being made; nothing of it is kept."""
    return _line(await _desk(request).cancel(export_id, user.id))


@router.get("/api/exports/{export_id}/pack", response_class=FileResponse)
@granted(Action.EXPORT)
async def pack(export_id: str, request: Request, user: CurrentUser, grant: str = "") -> Response:
    """The finished pack. `grant` covers what was exported; left out, it is the one that the export was made under."""
    desk = _desk(request)
    row = await desk.get(export_id, user.id)
    usable = await hub_of(request).grants.use(
        user, grant or row.grant_id, Action.EXPORT, row.cameras, row.start_us, row.end_us
    )
    return object_answer(request, await desk.release(row, usable.grant), pack_name(row), "application/zip")
