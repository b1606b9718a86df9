"""Health of cameras over the last day and by the month; tickets; planned outages. Nothing here shows a picture."""

import csv
import io
from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from belvedere.foundation.clock import DAY_US, iso
from belvedere.foundation.errors import BadInput, Conflict, NotFound
from belvedere.hub.access.doors import CurrentUser, roles, signed_in
from belvedere.hub.health.standing import STANDING
from belvedere.hub.health.tickets import Note, Ticket, TicketFilter
from belvedere.hub.health.words import CLOSED_WORDS, PAGING_FAULTS, SITE_AWAY, advice_of, is_hint, title_of
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.link.health import CloseFault, EndOutage, GetHours, Hours, OutageDeclared, PutOutage
from belvedere.link.messages import Answer
from belvedere.policy.table import Role

router = Room("health")

MOST_ROWS = 10_000  # of a CSV
_DECIDE = (Role.OPERATOR, Role.SUPERVISOR, Role.MANAGER, Role.INSTALLER)
_PLAN = (Role.SUPERVISOR, Role.MANAGER, Role.INSTALLER)
_COLUMNS = (
    *("site", "subject", "name", "fault", "detail", "first seen", "last seen", "times", "age (hours)"),
    *("state", "closed", "closed by", "reason", "owner", "visit"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GapOut(_Out):
    start_us: int
    end_us: int
    reason: str


class StreamDay(_Out):
    stream: str
    gaps_today: int
    missing_today_us: int
    gaps_day: int
    missing_day_us: int
    gaps: list[GapOut]
    reasons: dict[str, int]
    reconnects_day: int
    lost_day: int
    clock_error_us: int | None
    drift_ppm: float | None


class HintOut(_Out):
    kind: str
    since_us: int
    rests_on: str
    title: str = ""


class CameraDay(BaseModel):
    id: str
    streams: list[StreamDay]
    hints: list[HintOut]
    outage: str


class OutageOut(_Out):
    id: str
    camera: str
    start_us: int
    end_us: int
    reason: str
    declared_by: str
    declared_us: int


class DiskDay(_Out):
    name: str
    days_left: float | None
    kept_days: float | None
    pending_bytes: int


class DayHealth(BaseModel):
    """`answered` is false while the site is away: then the lists are empty, which says nothing of the cameras."""

    answered: bool
    cameras: list[CameraDay]
    disks: list[DiskDay]
    outages: list[OutageOut]


class MonthOut(_Out):
    month: str
    expected_us: int
    recorded_us: int
    planned_us: int
    missing_us: int
    reasons: dict[str, int]
    percent: float | None = None  # recorded of what was expected and not planned otherwise


class CameraMonths(BaseModel):
    id: str
    stream: str
    months: list[MonthOut]


class UptimeOut(BaseModel):
    now_us: int
    cameras: list[CameraMonths]


class NoteOut(_Out):
    id: str
    time_us: int
    by: str
    text: str


class TicketOut(_Out):
    id: str
    site_id: str
    subject: str
    subject_id: str
    kind: str
    detail: str
    first_us: int
    last_us: int
    times: int
    closed_us: int | None
    closed_why: str
    closed_by: str
    reason: str
    owner: str
    visit_us: int | None
    name: str = ""
    title: str = ""
    advice: str = ""
    hint: bool = False


class TicketDetail(TicketOut):
    notes: list[NoteOut] = []


class TicketList(BaseModel):
    now_us: int
    tickets: list[TicketOut]
    next: str | None
    open_by_kind: dict[str, int]


class TicketChange(_In):
    owner: Annotated[str, Field(max_length=100)] = ""
    visit_us: Annotated[int | None, Field(ge=0)] = None


class NoteIn(_In):
    text: Annotated[str, Field(min_length=1, max_length=1000)]


class CloseIn(_In):
    reason: Annotated[str, Field(min_length=3, max_length=300)]


class OutageIn(_In):
    camera: Annotated[str, Field(max_length=48, description="Empty: the whole site.")] = ""
    start_us: Annotated[int, Field(ge=0)]
    end_us: Annotated[int, Field(ge=0)]
    reason: Annotated[str, Field(min_length=3, max_length=300)]


@router.get("/api/health/day")
@signed_in
async def day(request: Request) -> DayHealth:
    """The last 24 hours of every camera, hints about pictures, room on disks, planned outages."""
    report = await hub_of(request).health.report()
    if report is None:
        return DayHealth(answered=False, cameras=[], disks=[], outages=[])
    cameras = []
    for each in report.cameras:
        hints = [
            HintOut(kind=hint.kind, since_us=hint.since_us, rests_on=hint.rests_on, title=title_of(hint.kind))
            for hint in each.hints
        ]
        streams = [StreamDay.model_validate(stream) for stream in each.streams]
        cameras.append(CameraDay(id=each.camera, streams=streams, hints=hints, outage=each.outage))
    return DayHealth(
        answered=True,
        cameras=cameras,
        disks=[DiskDay.model_validate(disk) for disk in report.disks],
        outages=[OutageOut.model_validate(outage) for outage in report.outages],
    )


@router.get("/api/health/uptime")
@signed_in
async def uptime(request: Request, months: Annotated[int, Query(ge=1, le=13)] = 3) -> UptimeOut:
    """How much of each month was recorded, by camera, from the runs that exist; planned outages apart. 502: the site is away."""
    found = await hub_of(request).health.uptime(months)
    cameras = []
    for each in found.cameras:
        shown = []
        for month in each.months:
            due_us = month.expected_us - month.planned_us
            out = MonthOut.model_validate(month)
            out.percent = round(100 * month.recorded_us / due_us, 3) if due_us > 0 else None
            shown.append(out)
        cameras.append(CameraMonths(id=each.camera, stream=each.stream, months=shown))
    return UptimeOut(now_us=found.now_us, cameras=cameras)


@router.get("/api/health/hours")
@signed_in
async def hours(
    request: Request, camera: Annotated[str, Query(max_length=48)], stream: str, from_us: int, to_us: int
) -> dict[str, Any]:
    """One stream hour by hour, and its changes of state; 40 days at most."""
    if stream not in ("main", "sub"):
        raise BadInput(f"There is no stream called {stream!r}.", advice="Ask for main or sub.")
    found = await hub_of(request).link.ask(GetHours(camera, stream, from_us, to_us), Hours)
    fields = ("start_us", "expected_us", "recorded_us", "gaps", "fps", "bits_per_second", "gop_seconds")
    more = ("reconnects", "lost_packets", "clock_error_us")
    return {
        "hours": [{name: getattr(hour, name) for name in (*fields, *more)} for hour in found.hours],
        "changes": [{"at_us": at.at_us, "state": at.state, "message": at.message} for at in found.changes],
    }


def _names(request: Request) -> dict[str, str]:
    return {camera.id: camera.name for camera in hub_of(request).register.list_cameras()}


def _ticket_out(ticket: Ticket, names: dict[str, str]) -> TicketOut:
    out = TicketOut.model_validate(ticket)
    out.name = names.get(ticket.subject_id, ticket.subject_id) if ticket.subject == "camera" else ticket.subject_id
    out.title, out.advice, out.hint = title_of(ticket.kind), advice_of(ticket.kind), is_hint(ticket.kind)
    return out


def _wanted(state: str, kind: str, camera: str, owner: str | None) -> TicketFilter:
    return TicketFilter(state="" if state == "all" else state, kind=kind, subject_id=camera, owner=owner)


State = Literal["open", "closed", "all"]
Word = Annotated[str, Query(max_length=200)]


@router.get("/api/tickets")
@signed_in
async def tickets(
    request: Request,
    state: State = "open",
    kind: Word = "",
    camera: Word = "",
    owner: Annotated[str | None, Query(max_length=100)] = None,
    after: Word = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> TicketList:
    """Tickets, those that began last first. `owner` empty asks for those that nobody has taken; `after` goes on from a page."""
    hub = hub_of(request)
    await hub.health.refresh()

    def read() -> TicketList:
        found = hub.health.tickets.find(_wanted(state, kind, camera, owner), limit + 1, after)
        names = _names(request)
        page = [_ticket_out(ticket, names) for ticket in found[:limit]]
        return TicketList(
            now_us=hub.clock.now_us(),
            tickets=page,
            next=page[-1].id if len(found) > limit else None,
            open_by_kind=hub.health.tickets.count_open(),
        )

    return await run_in_threadpool(read)


@router.get("/api/tickets.csv")
@signed_in
async def tickets_csv(
    request: Request,
    state: State = "all",
    kind: Word = "",
    camera: Word = "",
    owner: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """The same as a table for a spreadsheet, 10,000 rows at most."""
    hub = hub_of(request)
    await hub.health.refresh()

    def make() -> str:
        target = io.StringIO()
        writer = csv.writer(target)
        writer.writerow(_COLUMNS)
        names = _names(request)
        now_us = hub.clock.now_us()
        for each in hub.health.tickets.find(_wanted(state, kind, camera, owner), MOST_ROWS):
            out = _ticket_out(each, names)
            age_us = (each.closed_us or now_us) - each.first_us
            row = (each.site_id, each.subject, out.name, out.title, each.detail, iso(each.first_us), iso(each.last_us))
            rest = (each.times, f"{age_us / 3.6e9:.1f}", CLOSED_WORDS.get(each.closed_why, each.closed_why))
            last = (_iso(each.closed_us), each.closed_by, each.reason, each.owner, _iso(each.visit_us))
            writer.writerow([_cell(value) for value in (*row, *rest, *last)])
        return target.getvalue()

    head = {"Content-Disposition": 'attachment; filename="tickets.csv"'}
    return Response(await run_in_threadpool(make), media_type="text/csv; charset=utf-8", headers=head)


def _iso(us: int | None) -> str:
    return "" if us is None else iso(us)


def _cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


@router.get("/api/tickets/{ticket_id}")
@signed_in
def ticket(ticket_id: str, request: Request) -> TicketDetail:
    """One ticket with its notes."""
    book = hub_of(request).health.tickets
    return _detail(request, book.ticket(ticket_id), book.notes(ticket_id))


def _detail(request: Request, found: Ticket, notes: list[Note]) -> TicketDetail:
    out = _ticket_out(found, _names(request))
    return TicketDetail(**out.model_dump(), notes=[NoteOut.model_validate(note) for note in notes])


async def _answer(request: Request, ticket_id: str) -> TicketDetail:
    return await run_in_threadpool(ticket, ticket_id, request)


@router.put("/api/tickets/{ticket_id}")
@roles(*_DECIDE)
async def change_ticket(ticket_id: str, body: TicketChange, request: Request, user: CurrentUser) -> TicketDetail:
    """Say who looks after it, and when somebody goes there."""
    hub = hub_of(request)
    found = await run_in_threadpool(hub.health.tickets.ticket, ticket_id)
    facts = {**_facts(found), "owner": body.owner, "visit_us": body.visit_us}
    await hub.audit.append("ticket.assigned", user.id, facts)
    await run_in_threadpool(hub.health.tickets.assign, ticket_id, body.owner.strip(), body.visit_us)
    return await _answer(request, ticket_id)


@router.post("/api/tickets/{ticket_id}/notes", status_code=201)
@roles(*_DECIDE)
async def write_note(ticket_id: str, body: NoteIn, request: Request, user: CurrentUser) -> TicketDetail:
    """Write what was seen or done."""
    hub = hub_of(request)
    found = await run_in_threadpool(hub.health.tickets.ticket, ticket_id)
    await hub.audit.append("ticket.noted", user.id, {**_facts(found), "message": body.text})
    await run_in_threadpool(hub.health.tickets.note, ticket_id, user.id, user.display, body.text.strip())
    return await _answer(request, ticket_id)


@router.post("/api/tickets/{ticket_id}/close")
@roles(*_DECIDE)
async def close_ticket(ticket_id: str, body: CloseIn, request: Request, user: CurrentUser) -> TicketDetail:
    """Close it by hand, with a reason. It opens anew if the fault comes back, or lasts a day longer. 502 while the site is away."""
    hub = hub_of(request)
    found = await run_in_threadpool(hub.health.tickets.ticket, ticket_id)
    if found.closed_us is not None:
        raise Conflict("This ticket is closed already.", advice="Reload the list.")
    if found.kind == SITE_AWAY:
        raise Conflict("This ticket closes by itself once the site answers.", advice="Write a note in it meanwhile.")
    if found.kind in (*STANDING, *PAGING_FAULTS):
        raise Conflict(
            "This ticket closes by itself once what it says is mended.", advice="Write a note in it meanwhile."
        )
    await hub.audit.append("ticket.closed", user.id, {**_facts(found), "reason": body.reason})
    try:
        await hub.link.of(found.site_id).ask(CloseFault(ticket_id), Answer)
    except NotFound:
        pass  # the site has closed it, or has lost it with its index: the ticket is closed here all the same
    await run_in_threadpool(hub.health.tickets.close, ticket_id, user.display, body.reason.strip())
    return await _answer(request, ticket_id)


def _facts(found: Ticket) -> dict[str, Any]:
    about = {"camera": found.subject_id} if found.subject == "camera" else {found.subject: found.subject_id}
    return {"ticket": found.id, "fault": found.kind, **about}


@router.post("/api/outages", status_code=201)
@roles(*_PLAN)
async def declare_outage(body: OutageIn, request: Request, user: CurrentUser) -> OutageOut:
    """Declare planned work, so that what is missing then is shown apart. At most a day after it began, 31 days at most."""
    hub = hub_of(request)
    if body.end_us - body.start_us > 31 * DAY_US:
        raise BadInput("An outage lasts 31 days at most.", advice="Switch the camera off instead.")
    asked = PutOutage(body.camera, body.start_us, body.end_us, body.reason, user.display)
    facts = {"camera": body.camera or "all", "start_us": body.start_us, "end_us": body.end_us, "reason": body.reason}
    await hub.audit.append("outage.declared", user.id, facts)
    if body.camera:
        return OutageOut.model_validate((await hub.link.ask(asked, OutageDeclared)).outage)
    return OutageOut.model_validate((await hub.fleet.everywhere(asked, OutageDeclared))[0].outage)


@router.delete("/api/outages/{outage_id}", status_code=204)
@roles(*_PLAN)
async def end_outage(outage_id: str, request: Request, user: CurrentUser) -> None:
    """End planned work now, or take it back before it begins."""
    hub = hub_of(request)
    await hub.audit.append("outage.ended", user.id, {"outage": outage_id})
    ended = 0
    for site in hub.fleet.asked():  # each site that was told has one under an id of its own
        try:
            await hub.link.of(site).ask(EndOutage(outage_id), Answer)
            ended += 1
        except NotFound:
            continue
    if not ended:
        raise NotFound("There is no such planned work.", advice="Reload the page: it may have ended.")
