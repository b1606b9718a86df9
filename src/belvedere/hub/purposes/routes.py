"""Purposes over HTTP: the list, what it says, what each camera accepts. Nothing here shows a picture."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from belvedere.foundation.errors import BadInput
from belvedere.hub.access.doors import CurrentSession, CurrentUser, roles, signed_in
from belvedere.hub.access.users import User
from belvedere.hub.proposals.purposes import terms_change
from belvedere.hub.proposals.reach import proposals_of, waits
from belvedere.hub.proposals.shapes import WaitsOut
from belvedere.hub.purposes.book import PurposeChange, Written
from belvedere.hub.purposes.desk import MOST_CAMERAS
from belvedere.hub.purposes.rules import ACTIONS, KINDS, REGIMES, Terms, plain
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.policy.table import Role

router = Room("purposes")

_DECIDE = (Role.DPO,)
_HISTORY = (Role.DPO, Role.AUDITOR, Role.SUPERVISOR, Role.MANAGER)
Words = Annotated[str, Field(max_length=2_000)]
Code = Annotated[str, Field(max_length=48)]
_PROPOSED: dict[int | str, dict[str, Any]] = {202: {"model": WaitsOut}}
Reason = Annotated[str, Field(min_length=3, max_length=2_000)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TermsIn(_In):
    """Lengths are microseconds. `longest_reach_us` null: the case decides; `longest_span_us`, `most_cameras` null: any."""

    text: Annotated[str, Field(max_length=80)]
    wording: Words
    kind: Annotated[str, Field(max_length=16)]
    regime: Annotated[str, Field(max_length=16)]
    basis: Words
    condition: Words
    actions: Annotated[list[Code], Field(max_length=20)]
    roles: Annotated[list[Code], Field(max_length=20)]
    longest_us: Annotated[int, Field(ge=0, le=2**53)]
    usual_reach_us: Annotated[int, Field(ge=0, le=2**53)]
    longest_reach_us: Annotated[int | None, Field(ge=0, le=2**53)]
    longest_span_us: Annotated[int | None, Field(ge=0, le=2**53)] = None
    most_cameras: Annotated[int | None, Field(ge=0, le=1_000_000)] = None
    needs_case: bool
    ends_with_shift: bool
    masked: bool
    for_new_cameras: bool

    def terms(self) -> Terms:
        """As the desk takes them."""
        words = {name: getattr(self, name).strip() for name in ("text", "wording", "basis", "condition")}
        lists = {"actions": tuple(self.actions), "roles": tuple(self.roles)}
        return Terms(**self.model_dump() | words | lists)


class PurposeOut(TermsIn):
    code: str
    state: Literal["draft", "in_force", "withdrawn"]
    in_force_us: int | None
    withdrawn_us: int | None
    version: int
    changed_us: int
    mine: bool = Field(description="One of your roles may use it, and it is in force.")


class PurposeList(BaseModel):
    purposes: list[PurposeOut]
    kinds: list[str]
    regimes: dict[str, str]
    actions: list[str]
    asked: bool = Field(description="False where the hub works by a table with purposes of its own (`[hub] access`).")


class WithdrawnOut(PurposeOut):
    grants_ended: int


class ChangeOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    version: int
    at_us: int
    by: str
    reason: str
    changes: dict[str, Any] = Field(description="Field: [before, after].")
    audit_index: int


class History(BaseModel):
    changes: list[ChangeOut]
    next: int | None


class NewPurpose(_In):
    code: Annotated[str, Field(max_length=32)]
    terms: TermsIn
    reason: Reason


class TermsChange(_In):
    version: int
    terms: TermsIn
    reason: Reason


class WhyIn(_In):
    version: int
    reason: Reason


class CameraListOut(BaseModel):
    camera: str
    purposes: list[str]
    changed_us: int
    changed_by: str
    reason: str


class CameraLists(BaseModel):
    others: list[str] = Field(description="What cameras accept that nobody has decided about, new ones among them.")
    cameras: list[CameraListOut]


class CamerasIn(_In):
    cameras: Annotated[list[Code], Field(min_length=1, max_length=MOST_CAMERAS)]
    purposes: Annotated[
        list[Code] | None, Field(max_length=100, description="null: the list of new cameras applies again")
    ]
    reason: Reason


class CamerasSet(CameraLists):
    grants_ended: int


@router.get("/api/purposes")
@signed_in
async def purposes(request: Request, user: CurrentUser) -> PurposeList:
    """Every purpose, drafts and withdrawn ones too, by code: what footage is opened for, on which lawful basis."""
    hub = hub_of(request)
    return PurposeList(
        purposes=[_out(request, user, each) for each in hub.purposes.book.all()],
        kinds=list(KINDS),
        regimes=REGIMES,
        actions=list(ACTIONS),
        asked=hub.grants.table.purposes_kept,
    )


@router.get("/api/purposes/{code}")
@signed_in
async def purpose(code: str, request: Request, user: CurrentUser) -> PurposeOut:
    """One purpose."""
    return _out(request, user, hub_of(request).purposes.book.of(code))


@router.get("/api/purposes/{code}/history")
@roles(*_HISTORY)
async def history(
    code: str,
    request: Request,
    before: Annotated[int | None, Query(ge=0)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> History:
    """Who changed what, when and why, newest first. The wording it was delivered with has no row."""
    book = hub_of(request).purposes.book
    book.of(code)
    return await _history(request, f"purpose:{code}", before, limit)


@router.post("/api/purposes", status_code=201)
@roles(*_DECIDE)
async def add_purpose(body: NewPurpose, request: Request, session: CurrentSession) -> PurposeOut:
    """Write a new purpose down, as a draft, after `{do: "purpose.added", ...}` was confirmed."""
    new = await hub_of(request).purposes.add(session, body.code, body.terms.terms(), body.reason)
    return _out(request, session.user, new)


@router.put("/api/purposes/{code}", response_model=PurposeOut, responses=_PROPOSED)
@roles(*_DECIDE)
async def change_purpose(
    code: str, body: TermsChange, request: Request, session: CurrentSession
) -> PurposeOut | Response:
    """Other terms, after `{do: "purpose.changed", changes, ...}` was confirmed. `version` is the one that was read."""
    words = terms_change(code, body.version, body.terms.terms())
    way = await proposals_of(request).way(session, "purpose.terms", words, body.reason)
    if way.proposal is not None:
        return await waits(request, session, way.proposal)
    changed = await hub_of(request).purposes.change(session, code, body.version, body.terms.terms(), body.reason)
    return _out(request, session.user, changed)


@router.post("/api/purposes/{code}/in-force", response_model=PurposeOut, responses=_PROPOSED)
@roles(*_DECIDE)
async def put_in_force(code: str, body: WhyIn, request: Request, session: CurrentSession) -> PurposeOut | Response:
    """Put a draft or withdrawn purpose in force, after `{do: "purpose.in_force", ...}` was confirmed."""
    words = {"code": code, "version": body.version}
    way = await proposals_of(request).way(session, "purpose.in_force", words, body.reason)
    if way.proposal is not None:
        return await waits(request, session, way.proposal)
    changed = await hub_of(request).purposes.put_in_force(session, code, body.version, body.reason)
    return _out(request, session.user, changed)


@router.post("/api/purposes/{code}/withdraw")
@roles(*_DECIDE)
async def withdraw(code: str, body: WhyIn, request: Request, session: CurrentSession) -> WithdrawnOut:
    """Withdraw a purpose, after `{do: "purpose.withdrawn", ...}` was confirmed. Grants under it end at once."""
    changed, ended = await hub_of(request).purposes.withdraw(session, code, body.version, body.reason)
    return WithdrawnOut(**_out(request, session.user, changed).model_dump(), grants_ended=len(ended))


@router.get("/api/camera-purposes")
@signed_in
async def camera_purposes(request: Request) -> CameraLists:
    """What each camera accepts, where that was decided for it, and what all others accept."""
    return CameraLists(**_lists(request))


@router.put("/api/camera-purposes", response_model=CamerasSet, responses=_PROPOSED)
@roles(*_DECIDE)
async def set_camera_purposes(body: CamerasIn, request: Request, session: CurrentSession) -> CamerasSet | Response:
    """What these cameras accept, after `{do: "purpose.cameras", ...}` was confirmed. Grants that rest on what goes end."""
    hub = hub_of(request)
    unknown = sorted(set(body.cameras) - await run_in_threadpool(hub.register.camera_ids))
    if unknown:
        raise BadInput(f"There is no camera {unknown[0]}.", advice="Choose cameras of the register.")
    chosen = None if body.purposes is None else frozenset(body.purposes)
    words = {
        "cameras": sorted(set(body.cameras)),
        "purposes": None if chosen is None else sorted(chosen),
    }
    way = await proposals_of(request).way(session, "purpose.cameras", words, body.reason)
    if way.proposal is not None:
        return await waits(request, session, way.proposal)
    ended = await hub.purposes.set_cameras(session, body.cameras, chosen, body.reason)
    return CamerasSet(**_lists(request), grants_ended=len(ended))


@router.get("/api/camera-purposes/{camera_id}/history")
@roles(*_HISTORY)
async def camera_history(
    camera_id: Annotated[str, Field(max_length=48)],
    request: Request,
    before: Annotated[int | None, Query(ge=0)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> History:
    """Who changed what this camera accepts, newest first."""
    return await _history(request, f"camera:{camera_id}", before, limit)


async def _history(request: Request, subject: str, before: int | None, limit: int) -> History:
    book = hub_of(request).purposes.book
    found: list[PurposeChange] = await run_in_threadpool(book.history, subject, limit + 1, before)
    page = [ChangeOut.model_validate(each) for each in found[:limit]]
    return History(changes=page, next=page[-1].audit_index if len(found) > limit else None)


def _lists(request: Request) -> Mapping[str, Any]:
    book = hub_of(request).purposes.book
    cameras = [
        CameraListOut(
            camera=each.camera,
            purposes=sorted(each.purposes),
            changed_us=each.changed_us,
            changed_by=each.changed_by,
            reason=each.reason,
        )
        for each in book.lists()
    ]
    return {"others": sorted(book.camera_purposes().others), "cameras": cameras}


def _out(request: Request, user: User, written: Written) -> PurposeOut:
    state = written.state(hub_of(request).clock.now_us())
    return PurposeOut.model_validate(
        plain(written.terms)
        | {
            "code": written.code,
            "state": state,
            "in_force_us": written.in_force_us,
            "withdrawn_us": written.withdrawn_us,
            "version": written.version,
            "changed_us": written.changed_us,
            "mine": state == "in_force" and bool(set(written.terms.roles) & user.roles),
        }
    )
