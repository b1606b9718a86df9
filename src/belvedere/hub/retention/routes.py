"""Retention over HTTP: classes, holds, tonight's plan, headroom, certificates. Nothing here shows a picture."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from belvedere.foundation.errors import BadInput
from belvedere.hub.access.doors import CurrentSession, CurrentUser, roles
from belvedere.hub.access.users import User
from belvedere.hub.context import HubContext
from belvedere.hub.proposals.reach import proposals_of, waits
from belvedere.hub.proposals.shapes import WaitsOut
from belvedere.hub.reach import hub_of
from belvedere.hub.retention.desk import Person, RetentionDesk
from belvedere.hub.retention.places import Standing
from belvedere.hub.retention.rules import check_reason
from belvedere.hub.retention.shapes import (
    CertificateList,
    CertificateOut,
    ClassesIn,
    ClassOut,
    DecisionIn,
    ExtendIn,
    HoldIn,
    LostIn,
    RetentionOut,
    WhyIn,
    certificate_out,
    held_at,
    hold_out,
    lost_out,
    site_out,
)
from belvedere.hub.room import Room
from belvedere.link.retention import ClassOrder
from belvedere.policy.table import Role

READERS = (Role.SUPERVISOR, Role.MANAGER, Role.DPO, Role.AUDITOR, Role.INVESTIGATOR)
HOLDERS = (Role.SUPERVISOR, Role.MANAGER, Role.DPO, Role.INVESTIGATOR)
ENDERS = (Role.SUPERVISOR, Role.DPO)
DECIDERS = (Role.SUPERVISOR, Role.DPO)
RESTORERS = (Role.DPO,)
_PROPOSED: dict[int | str, dict[str, Any]] = {202: {"model": WaitsOut}}


@asynccontextmanager
async def _desk_open(app: FastAPI) -> AsyncIterator[None]:
    """Opens the desk once the hub's context stands."""
    hub = cast(HubContext, app.state.hub)
    settings = hub.settings
    desk = RetentionDesk(hub.engine, hub.clock, hub.key, hub.audit, hub.fleet, settings.hub.retention_ceiling_days)
    hub.fleet.switchboard.on_up.append(desk.look_soon)
    await desk.start()
    app.state.retention = desk
    try:
        yield
    finally:
        hub.fleet.switchboard.on_up.remove(desk.look_soon)
        await desk.stop()


def desk_of(connection: HTTPConnection) -> RetentionDesk:
    """The retention desk of the running application."""
    return cast(RetentionDesk, connection.app.state.retention)


router = Room("retention", lifespan=_desk_open)


def _person(user: User) -> Person:
    return Person(user.id, user.display or user.name)


async def _whole(request: Request, standings: list[Standing]) -> RetentionOut:
    desk, hub = desk_of(request), hub_of(request)
    now_us, lost = hub.clock.now_us(), await desk.lost()

    def make() -> RetentionOut:
        classes, cameras = desk.store.classes()
        names = hub.fleet.desk.book.site_names()
        return RetentionOut(
            now_us=now_us,
            ceiling_days=desk.ceiling_days,
            classes=[ClassOut.model_validate(one) for one in classes],
            cameras=cameras,
            holds=[
                hold_out(row, held_at(row, standings, hub.link.site_of), now_us) for row in desk.store.holds(live=True)
            ],
            ended=[hold_out(row, [], now_us) for row in desk.store.holds(live=False)],
            lost=[lost_out(each, names) for each in lost],
            sites=[
                site_out(each, names.get(each.site, each.site), own=each.site == hub.fleet.own_id) for each in standings
            ],
        )

    return await run_in_threadpool(make)


@router.get("/api/retention")
@roles(*READERS)
async def retention(request: Request) -> RetentionOut:
    """How retention stands: classes, holds, tonight's plan, quarantine, headroom."""
    return await _whole(request, await desk_of(request).look())


@router.put("/api/retention/classes", response_model=RetentionOut, responses=_PROPOSED)
@roles(*DECIDERS)
async def put_classes(request: Request, session: CurrentSession, body: ClassesIn) -> RetentionOut | Response:
    """Put these classes in the place of all there are. It is in the audit log before the site hears of it."""
    desk = desk_of(request)
    known = await run_in_threadpool(hub_of(request).register.camera_ids)
    foreign = sorted(set(body.cameras) - known)
    if foreign:
        raise BadInput(f"There is no camera {foreign[0]}.", advice="Choose cameras of the register.")
    classes = [ClassOrder(one.name, one.days, one.reference.strip()) for one in body.classes]
    words = [{"name": one.name, "days": one.days, "reference": one.reference} for one in classes]
    change = {"classes": words, "cameras": body.cameras}
    check_reason(body.reason)
    way = await proposals_of(request).way(session, "classes", change, body.reason)
    if way.proposal is not None:
        return await waits(request, session, way.proposal)
    await desk.put_classes(_person(session.user), classes, body.cameras, body.reason)
    return await _whole(request, await desk.look())


@router.post("/api/holds", status_code=201)
@roles(*HOLDERS)
async def place_hold(request: Request, user: CurrentUser, body: HoldIn) -> RetentionOut:
    """Hold footage: cameras and a span, exact to the second, until its review."""
    desk = desk_of(request)
    known = await run_in_threadpool(hub_of(request).register.camera_ids)
    foreign = sorted(set(body.cameras) - known)
    if foreign:
        raise BadInput(f"There is no camera {foreign[0]}.", advice="Choose cameras of the register.")
    await desk.place(
        _person(user), body.cameras, body.from_us, body.to_us, body.expires_us, body.reason, body.reference
    )
    return await _whole(request, await desk.look())


@router.post("/api/holds/{hold_id}/extend")
@roles(*HOLDERS)
async def extend_hold(hold_id: str, request: Request, user: CurrentUser, body: ExtendIn) -> RetentionOut:
    """Reviewed, and still needed."""
    desk = desk_of(request)
    await desk.extend(_person(user), hold_id, body.expires_us, body.reason)
    return await _whole(request, await desk.look())


@router.post("/api/holds/{hold_id}/end", response_model=RetentionOut, responses=_PROPOSED)
@roles(*ENDERS)
async def end_hold(hold_id: str, request: Request, session: CurrentSession, body: WhyIn) -> RetentionOut | Response:
    """End a hold. What is older than its class then goes, through quarantine."""
    desk = desk_of(request)
    check_reason(body.reason)
    way = await proposals_of(request).way(session, "hold", {"hold": hold_id}, body.reason)
    if way.proposal is not None:
        return await waits(request, session, way.proposal)
    await desk.end(_person(session.user), hold_id, body.reason)
    return await _whole(request, await desk.look())


@router.post("/api/holds/{hold_id}/found", response_model=RetentionOut, responses=_PROPOSED)
@roles(*ENDERS)
async def settle_hold(hold_id: str, request: Request, session: CurrentSession, body: LostIn) -> RetentionOut | Response:
    """End or adopt a hold that sites go by and this hub, restored from a backup, knows nothing of."""
    desk = desk_of(request)
    check_reason(body.reason)
    await desk.lost_hold(hold_id)
    change = {"hold": hold_id, "answer": body.answer}
    way = await proposals_of(request).way(session, "hold.found", change, body.reason)
    if way.proposal is not None:
        return await waits(request, session, way.proposal)
    await desk.settle(_person(session.user), hold_id, body.answer, body.reason)
    return await _whole(request, await desk.look())


@router.post("/api/holds/{hold_id}/restore")
@roles(*RESTORERS)
async def restore_hold(hold_id: str, request: Request, user: CurrentUser, body: WhyIn) -> RetentionOut:
    """Take what a hold covers out of quarantine: it is footage again."""
    desk = desk_of(request)
    await desk.decide(_person(user), "restore", body.reason, hold_id=hold_id)
    return await _whole(request, await desk.look())


@router.post("/api/retention/decision", response_model=RetentionOut, responses=_PROPOSED)
@roles(*DECIDERS)
async def decide(request: Request, session: CurrentSession, body: DecisionIn) -> RetentionOut | Response:
    """Answer a night that stopped itself. To delete nothing takes nobody else."""
    desk = desk_of(request)
    check_reason(body.reason)
    if body.answer == "go":
        night = {"site": desk.known_site(body.site), "night": body.night, "bytes": body.bytes}
        way = await proposals_of(request).way(session, "night", night, body.reason)
        if way.proposal is not None:
            return await waits(request, session, way.proposal)
    await desk.decide(
        _person(session.user), body.answer, body.reason, night=body.night, size=body.bytes, site=body.site
    )
    return await _whole(request, await desk.look())


@router.get("/api/certificates")
@roles(*READERS)
async def certificates(request: Request, before: int | None = None) -> CertificateList:
    """Certificates of deletion, newest first."""
    hub, store = hub_of(request), desk_of(request).store

    def make() -> list[CertificateOut]:
        names = hub.fleet.desk.book.site_names()
        rows = store.certificates(before)
        return [certificate_out(row, names.get(row.site, row.site)) for row in rows]

    return CertificateList(certificates=await run_in_threadpool(make))


@router.get("/api/certificates/{certificate_id}")
@roles(*READERS)
async def certificate(certificate_id: str, request: Request) -> Response:
    """One certificate, as the file that `belvedere verify` checks."""
    row = await run_in_threadpool(desk_of(request).store.certificate, certificate_id)
    name = f"deletion-{row.id[-8:]}.json"
    return Response(
        row.body,
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
