"""Retention over HTTP: classes, holds, tonight's plan, headroom, certificates. Nothing here shows a picture."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, cast

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import HTTPConnection

from belvedere.foundation.errors import BadInput
from belvedere.hub.access.doors import CurrentSession, CurrentUser, roles
from belvedere.hub.access.users import User
from belvedere.hub.context import HubContext
from belvedere.hub.proposals.reach import proposals_of, waits
from belvedere.hub.proposals.shapes import WaitsOut
from belvedere.hub.reach import hub_of
from belvedere.hub.retention.desk import REVIEW_US, Person, RetentionDesk
from belvedere.hub.retention.rules import MOST_CAMERAS, MOST_CLASSES, check_reason
from belvedere.hub.retention.store import HoldRow
from belvedere.hub.room import Room
from belvedere.link.retention import ClassOrder, HeldState, NightPlan, RetentionState
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
    desk = RetentionDesk(
        hub.engine, hub.clock, hub.key, hub.audit, hub.link, settings.site.id, settings.hub.retention_ceiling_days
    )
    await desk.start()
    app.state.retention = desk
    try:
        yield
    finally:
        await desk.stop()


def desk_of(connection: HTTPConnection) -> RetentionDesk:
    """The retention desk of the running application."""
    return cast(RetentionDesk, connection.app.state.retention)


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ClassOut(_Out):
    name: str
    days: int
    reference: str


class PlanLineOut(_Out):
    camera: str
    class_name: str
    days: int
    segments: int
    bytes: int
    oldest_us: int
    newest_us: int
    held_segments: int
    held_bytes: int


class PlanOut(_Out):
    night: int
    at_us: int
    lines: list[PlanLineOut]
    segments: int
    bytes: int
    held_segments: int
    held_bytes: int
    forecast_bytes: int
    exceeds: bool
    state: str


class QuarantineOut(_Out):
    night: int
    segments: int
    bytes: int
    left_us: int
    decided: str


class DiskOut(_Out):
    name: str
    bytes_total: int
    bytes_free: int
    bytes_a_day: int
    days: float | None
    known: bool
    alarm: bool


class HoldOut(BaseModel):
    id: str
    cameras: list[str]
    from_us: int
    to_us: int
    owner: str
    reason: str
    reference: str
    placed_us: int
    expires_us: int
    ended_us: int | None
    ended_why: str
    review_due: bool
    segments: int | None = Field(description="What the site has of it; null while the site is away.")
    bytes: int | None
    quarantined: int | None = Field(description="Segments that were on their way out when it came.")


class RetentionOut(BaseModel):
    now_us: int
    ceiling_days: int
    default_days: int
    classes: list[ClassOut]
    cameras: dict[str, str]
    holds: list[HoldOut]
    ended: list[HoldOut]
    site_state: str = Field(description="ok, behind (it has not heard the newest orders) or away")
    clock_trusted: bool
    alarms: list[str]
    tonight: PlanOut | None
    stopped: PlanOut | None
    quarantine: list[QuarantineOut]
    disks: list[DiskOut]


class CertificateOut(_Out):
    id: str
    site: str
    made_us: int
    cameras: int
    segments: int
    bytes: int
    from_us: int
    to_us: int
    whys: str


class CertificateList(BaseModel):
    certificates: list[CertificateOut]


class ClassIn(_In):
    name: str = Field(max_length=48)
    days: int
    reference: str = Field("", max_length=2_000)


class ClassesIn(_In):
    classes: list[ClassIn] = Field(max_length=MOST_CLASSES)
    cameras: dict[str, str]
    reason: str = Field(max_length=2_000)


class HoldIn(_In):
    cameras: list[str] = Field(min_length=1, max_length=MOST_CAMERAS)
    from_us: int
    to_us: int
    expires_us: int
    reason: str = Field(max_length=2_000)
    reference: str = Field("", max_length=200)


class ExtendIn(_In):
    expires_us: int
    reason: str = Field(max_length=2_000)


class WhyIn(_In):
    reason: str = Field(max_length=2_000)


class DecisionIn(_In):
    night: int
    bytes: int = Field(description="The amount that was shown to the person who decides.")
    answer: Literal["go", "no"]
    reason: str = Field(max_length=2_000)


router = Room("retention", lifespan=_desk_open)


def _person(user: User) -> Person:
    return Person(user.id, user.display or user.name)


def _hold_out(row: HoldRow, states: Mapping[str, HeldState], now_us: int) -> HoldOut:
    state = states.get(row.id)
    return HoldOut(
        id=row.id,
        cameras=list(row.cameras),
        from_us=row.from_us,
        to_us=row.to_us,
        owner=row.owner,
        reason=row.reason,
        reference=row.reference,
        placed_us=row.placed_us,
        expires_us=row.expires_us,
        ended_us=row.ended_us,
        ended_why=row.ended_why,
        review_due=row.ended_us is None and row.expires_us - now_us < REVIEW_US,
        segments=None if state is None else state.segments,
        bytes=None if state is None else state.bytes,
        quarantined=None if state is None else state.quarantined,
    )


def _plan_out(plan: NightPlan | None) -> PlanOut | None:
    return None if plan is None else PlanOut.model_validate(plan)


async def _whole(request: Request, state: RetentionState | None) -> RetentionOut:
    desk, hub = desk_of(request), hub_of(request)
    now_us = hub.clock.now_us()
    states = {} if state is None else {one.hold: one for one in state.holds}

    def make() -> RetentionOut:
        classes, cameras = desk.store.classes()
        behind = state is not None and state.revision < desk.store.revision()
        return RetentionOut(
            now_us=now_us,
            ceiling_days=desk.ceiling_days,
            default_days=hub.settings.site.retention_days if state is None else state.default_days,
            classes=[ClassOut.model_validate(one) for one in classes],
            cameras=cameras,
            holds=[_hold_out(row, states, now_us) for row in desk.store.holds(live=True)],
            ended=[_hold_out(row, {}, now_us) for row in desk.store.holds(live=False)],
            site_state="away" if state is None else "behind" if behind else "ok",
            clock_trusted=state is None or state.clock_trusted,
            alarms=[] if state is None else list(state.alarms),
            tonight=_plan_out(None if state is None else state.tonight),
            stopped=_plan_out(None if state is None else state.stopped),
            quarantine=[] if state is None else [QuarantineOut.model_validate(one) for one in state.quarantine],
            disks=[] if state is None else [DiskOut.model_validate(one) for one in state.disks],
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
        way = await proposals_of(request).way(session, "night", {"night": body.night, "bytes": body.bytes}, body.reason)
        if way.proposal is not None:
            return await waits(request, session, way.proposal)
    await desk.decide(_person(session.user), body.answer, body.reason, night=body.night, size=body.bytes)
    return await _whole(request, await desk.look())


@router.get("/api/certificates")
@roles(*READERS)
async def certificates(request: Request, before: int | None = None) -> CertificateList:
    """Certificates of deletion, newest first."""
    rows = await run_in_threadpool(desk_of(request).store.certificates, before)
    return CertificateList(certificates=[CertificateOut.model_validate(row) for row in rows])


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
