"""Cases over HTTP. Nothing here shows a picture; a case opens none by itself, it is what access is asked for."""

from typing import Annotated, Any, Literal

from fastapi import Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from belvedere.hub.access.doors import CurrentUser, roles, signed_in
from belvedere.hub.access.users import User
from belvedere.hub.cases import rules
from belvedere.hub.cases.rules import KINDS, Footage, Incident
from belvedere.hub.cases.store import Case, CaseFilter
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room

router = Room("cases")

Time = Annotated[int, Field(ge=0, le=2**53)]
Reason = Annotated[str, Field(min_length=3, max_length=2_000)]
Word = Annotated[str, Query(max_length=200)]
Name = Annotated[str, Field(max_length=64)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class IncidentIn(_In):
    """Position and time may be unknown; while one is, nothing counts as near the incident."""

    place: Annotated[str, Field(max_length=200)] = ""
    lat: Annotated[float | None, Field(ge=-90, le=90)] = None
    lon: Annotated[float | None, Field(ge=-180, le=180)] = None
    from_us: Time | None = None
    to_us: Time | None = None

    def incident(self) -> Incident:
        """As the desk takes it."""
        return Incident(" ".join(self.place.split()), self.lat, self.lon, self.from_us, self.to_us)


class FootageIn(_In):
    camera: Annotated[str, Field(max_length=48)]
    from_us: Time
    to_us: Time

    def footage(self) -> Footage:
        """As the desk takes it."""
        return Footage(self.camera, self.from_us, self.to_us)


Spans = Annotated[list[FootageIn], Field(max_length=rules.MOST_FOOTAGE)]


class NewCase(_In):
    reference: Annotated[str, Field(max_length=64, description="Empty: the next of the council's scheme.")] = ""
    kind: Annotated[str, Field(max_length=32)]
    regime: Annotated[str, Field(max_length=16)] = "uk_gdpr"
    title: Annotated[str, Field(max_length=200)]
    incident: IncidentIn = IncidentIn()
    footage: Spans = []
    review_us: Time | None = None
    reason: Annotated[str, Field(max_length=2_000)] = ""


class CaseChange(_In):
    kind: Annotated[str, Field(max_length=32)]
    regime: Annotated[str, Field(max_length=16)]
    title: Annotated[str, Field(max_length=200)]
    review_us: Time
    reason: Reason


class IncidentChange(_In):
    incident: IncidentIn
    reason: Reason


class PersonIn(_In):
    name: Name
    part: Literal["works", "advises"] = "works"
    reason: Reason


class OwnerIn(_In):
    name: Name
    reason: Reason


class FootageAdd(_In):
    footage: Annotated[list[FootageIn], Field(min_length=1, max_length=rules.MOST_FOOTAGE)]
    reason: Reason


class WhyIn(_In):
    reason: Reason


class IncidentOut(_Out):
    place: str
    lat: float | None
    lon: float | None
    from_us: int | None
    to_us: int | None


class CaseOut(_Out):
    id: str
    reference: str
    kind: str
    kind_text: str = ""
    regime: str
    title: str
    owner: str
    state: Literal["open", "closed"]
    opened_us: int
    closed_us: int | None
    closed_by: str
    closed_why: str
    review_us: int
    review_due: bool = False
    incident: IncidentOut


class CaseList(BaseModel):
    now_us: int
    cases: list[CaseOut]
    next: str | None
    kinds: dict[str, str] = Field(description="Types of cases, with their words.")
    may_open: bool


class PersonOut(BaseModel):
    name: str
    display: str
    part: str = Field(description="lead, works or advises")
    joined_us: int


class FootageOut(_Out):
    id: str
    camera: str
    from_us: int
    to_us: int
    added_us: int
    added_by: str


class CaseDetail(CaseOut):
    people: list[PersonOut]
    footage: list[FootageOut]
    near: list[str] = Field(description="Cameras at the incident's place; empty while place or time is unknown.")
    may_work: bool = Field(description="You may change what it is about and who is in it.")
    may_close: bool
    may_reopen: bool
    grants_ended: int = Field(0, description="Accesses that this very act ended.")


class CaseGrantOut(BaseModel):
    id: str
    by: str
    purpose: str
    purpose_text: str
    issued_us: int
    expires_us: int
    ended_us: int | None


class CaseGrants(BaseModel):
    grants: list[CaseGrantOut]


class ActOut(_Out):
    id: str
    at_us: int
    by: str
    kind: str
    facts: dict[str, Any]
    reason: str
    audit_index: int


class ActList(BaseModel):
    acts: list[ActOut]
    next: int | None


class Colleague(BaseModel):
    name: str
    display: str
    roles: list[str]


class Colleagues(BaseModel):
    people: list[Colleague]


@router.get("/api/cases")
@signed_in
async def cases(
    request: Request,
    user: CurrentUser,
    state: Literal["open", "closed", "all"] = "open",
    kind: Word = "",
    mine: bool = False,
    find: Word = "",
    after: Word = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> CaseList:
    """Cases that you may see, the one opened last first. `find`: words of reference, title or place; `after`: the next page."""
    hub = hub_of(request)
    person = user.id if mine or not rules.sees_all(user) else ""
    wanted = CaseFilter("" if state == "all" else state, kind, person, find)
    found = await run_in_threadpool(hub.cases.book.find, wanted, limit + 1, after)
    page = [_out(each, hub.clock.now_us()) for each in found[:limit]]
    return CaseList(
        now_us=hub.clock.now_us(),
        cases=page,
        next=page[-1].id if len(found) > limit else None,
        kinds=KINDS,
        may_open=bool(user.roles & set(map(str, rules.OPENERS))),
    )


@router.post("/api/cases", status_code=201)
@roles(*rules.OPENERS)
async def open_case(body: NewCase, request: Request, user: CurrentUser) -> CaseDetail:
    """Open a case; you own it. The title says what happened and where, and names nobody."""
    case = await hub_of(request).cases.open(
        user,
        reference=body.reference,
        kind=body.kind,
        regime=body.regime,
        title=body.title,
        incident=body.incident.incident(),
        footage=[each.footage() for each in body.footage],
        review_us=body.review_us,
        reason=body.reason,
    )
    return await _detail(request, user, case.id)


@router.get("/api/cases/colleagues")
@roles(*rules.OPENERS)
async def colleagues(request: Request) -> Colleagues:
    """Who may be added to a case: name and roles of those who work with footage."""
    found = await run_in_threadpool(hub_of(request).users.all)
    people = [
        Colleague(name=each.name, display=each.display, roles=sorted(each.roles))
        for each in found
        if not each.disabled and each.roles & rules.MEMBERS
    ]
    return Colleagues(people=people)


@router.get("/api/cases/{case_id}")
@signed_in
async def case(case_id: str, request: Request, user: CurrentUser) -> CaseDetail:
    """One case: facts, people, cameras and spans. 404 for who is not in it and oversees none."""
    return await _detail(request, user, case_id)


@router.put("/api/cases/{case_id}")
@signed_in
async def change_case(case_id: str, body: CaseChange, request: Request, user: CurrentUser) -> CaseDetail:
    """Another type, title, regime or date of review; by who works on it, or a supervisor."""
    words = {"kind": body.kind, "regime": body.regime, "title": body.title}
    await hub_of(request).cases.change(user, case_id, **words, review_us=body.review_us, reason=body.reason)
    return await _detail(request, user, case_id)


@router.put("/api/cases/{case_id}/incident")
@signed_in
async def set_incident(case_id: str, body: IncidentChange, request: Request, user: CurrentUser) -> CaseDetail:
    """Where and when it happened. Once known, only a second person changes it: it decides what opens without one."""
    await hub_of(request).cases.set_incident(user, case_id, body.incident.incident(), body.reason)
    return await _detail(request, user, case_id)


@router.put("/api/cases/{case_id}/owner")
@signed_in
async def give_case(case_id: str, body: OwnerIn, request: Request, user: CurrentUser) -> CaseDetail:
    """Give the case to somebody else, who leads it from now on; by its owner, or a supervisor."""
    await hub_of(request).cases.give(user, case_id, body.name, body.reason)
    return await _detail(request, user, case_id)


@router.post("/api/cases/{case_id}/people")
@signed_in
async def put_person(case_id: str, body: PersonIn, request: Request, user: CurrentUser) -> CaseDetail:
    """Let a colleague into the case, or give them another part. Only who works on it may have access under it."""
    await hub_of(request).cases.put_person(user, case_id, body.name, body.part, body.reason)
    return await _detail(request, user, case_id)


@router.post("/api/cases/{case_id}/people/{name}/remove")
@signed_in
async def remove_person(case_id: str, name: str, body: WhyIn, request: Request, user: CurrentUser) -> CaseDetail:
    """Let somebody out, or leave; their access under the case ends at once."""
    ended = await hub_of(request).cases.remove_person(user, case_id, name, body.reason)
    if user.name == name and not rules.sees_all(user):
        return await _detail(request, user, case_id, len(ended), left=True)
    return await _detail(request, user, case_id, len(ended))


@router.post("/api/cases/{case_id}/footage")
@signed_in
async def add_footage(case_id: str, body: FootageAdd, request: Request, user: CurrentUser) -> CaseDetail:
    """Cameras and spans that the case is about too."""
    spans = [each.footage() for each in body.footage]
    await hub_of(request).cases.add_footage(user, case_id, spans, body.reason)
    return await _detail(request, user, case_id)


@router.post("/api/cases/{case_id}/footage/{footage_id}/remove")
@signed_in
async def remove_footage(case_id: str, footage_id: str, body: WhyIn, request: Request, user: CurrentUser) -> CaseDetail:
    """A camera and span that the case is not about; access to that camera under the case ends at once."""
    ended = await hub_of(request).cases.remove_footage(user, case_id, footage_id, body.reason)
    return await _detail(request, user, case_id, len(ended))


@router.post("/api/cases/{case_id}/close")
@signed_in
async def close_case(case_id: str, body: WhyIn, request: Request, user: CurrentUser) -> CaseDetail:
    """Close it, saying how it ended; access under it ends at once. By its owner, or a supervisor."""
    ended = await hub_of(request).cases.close(user, case_id, body.reason)
    return await _detail(request, user, case_id, len(ended))


@router.post("/api/cases/{case_id}/reopen")
@signed_in
async def reopen_case(case_id: str, body: WhyIn, request: Request, user: CurrentUser) -> CaseDetail:
    """Open a closed case again; by a supervisor, manager or case approver. Access is asked for anew."""
    await hub_of(request).cases.reopen(user, case_id, body.reason)
    return await _detail(request, user, case_id)


@router.get("/api/cases/{case_id}/grants")
@signed_in
async def case_grants(case_id: str, request: Request, user: CurrentUser) -> CaseGrants:
    """Access that was given under the case, newest first, 200 at most."""
    hub = hub_of(request)
    found = await hub.cases.seen(user, case_id)
    texts = {each.code: each.terms.text for each in hub.purposes.book.all()}
    rows = await run_in_threadpool(hub.cases.book.grants, found.reference)
    return CaseGrants(
        grants=[
            CaseGrantOut(
                id=each.id,
                by=each.name,
                purpose=each.purpose,
                purpose_text=texts.get(each.purpose, each.purpose),
                issued_us=each.issued_us,
                expires_us=each.expires_us,
                ended_us=each.ended_us,
            )
            for each in rows
        ]
    )


@router.get("/api/cases/{case_id}/history")
@signed_in
async def case_history(
    case_id: str,
    request: Request,
    user: CurrentUser,
    before: Annotated[int | None, Query(ge=0)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ActList:
    """What was done with the case, newest first; every act names its entry in the log."""
    hub = hub_of(request)
    await hub.cases.seen(user, case_id)
    found = await run_in_threadpool(hub.cases.book.acts, case_id, limit + 1, before)
    page = [ActOut.model_validate(each) for each in found[:limit]]
    return ActList(acts=page, next=page[-1].audit_index if len(found) > limit else None)


def _out(found: Case, now_us: int) -> CaseOut:
    out = CaseOut.model_validate(found)
    out.kind_text = KINDS.get(found.kind, found.kind)
    out.review_due = found.state == "open" and found.review_us <= now_us
    return out


async def _detail(
    request: Request, user: User, case_id: str, grants_ended: int = 0, *, left: bool = False
) -> CaseDetail:
    hub = hub_of(request)
    if not left:
        await hub.cases.seen(user, case_id)
    book = hub.cases.book

    def make() -> CaseDetail:
        found, people = book.case(case_id), book.people(case_id)
        facts = book.facts(found.reference)
        names = {each.id: each.name for each in hub.users.all()}
        mine = next((each.part for each in people if each.account_id == user.id), "")
        leads = bool(user.roles & set(map(str, rules.LEADERS)))
        opens = bool(user.roles & set(map(str, rules.OPENERS)))
        approves = bool(user.roles & {"supervisor", "manager", "case_approver"})
        return CaseDetail(
            **_out(found, hub.clock.now_us()).model_dump(),
            people=[
                PersonOut(
                    name=names.get(each.account_id, ""),
                    display=each.name,
                    part=each.part,
                    joined_us=each.joined_us,
                )
                for each in people
            ],
            footage=[FootageOut.model_validate(each) for each in book.footage(case_id)],
            near=sorted(facts.near) if facts is not None else [],
            may_work=found.state == "open" and ((mine in ("lead", "works") and opens) or leads),
            may_close=found.state == "open" and (found.owner_id == user.id or leads),
            may_reopen=found.state == "closed" and approves,
            grants_ended=grants_ended,
        )

    return await run_in_threadpool(make)
