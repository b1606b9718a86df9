"""Paging over HTTP: who is called, a test, what was sent, and the link with which somebody answers. Nothing shows a picture."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, cast

from fastapi import FastAPI, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import HTTPConnection

from belvedere.foundation.errors import Conflict
from belvedere.hub.access.doors import CurrentUser, public, roles, signed_in
from belvedere.hub.context import HubContext
from belvedere.hub.health.words import title_of
from belvedere.hub.paging.book import CALL
from belvedere.hub.paging.desk import PagingDesk
from belvedere.hub.paging.ladder import Page, State
from belvedere.hub.paging.link_page import link_page
from belvedere.hub.paging.plan import KINDS, Plan, local_time
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.policy.table import Role

_SET = (Role.MANAGER, Role.ADMINISTRATOR)
_ANSWER = (Role.OPERATOR, Role.SUPERVISOR, Role.MANAGER, Role.INSTALLER, Role.ADMINISTRATOR)


@asynccontextmanager
async def _desk_open(app: FastAPI) -> AsyncIterator[None]:
    """Opens the desk once the hub's context stands."""
    desk = PagingDesk(cast(HubContext, app.state.hub))
    app.state.paging = desk
    await desk.start()
    try:
        yield
    finally:
        await desk.stop()


router = Room("paging", lifespan=_desk_open)


def paging_of(connection: HTTPConnection) -> PagingDesk:
    """The paging desk of the running application."""
    return cast(PagingDesk, connection.app.state.paging)


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class KindOut(BaseModel):
    kind: str
    title: str


class PlanOut(BaseModel):
    """`channels`: the ways that the settings name; a contact on another can't be called. `silent`: the office is there now."""

    version: int
    plan: Plan
    set_by: str
    set_us: int
    channels: list[str]
    time_zone: str
    kinds: list[KindOut]
    silent: bool
    on_now: list[str]


class PlanIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=0)]
    plan: Plan


class MessageOut(_Out):
    """Without the address: that stands in the plan, for those who set it."""

    what: str
    name: str
    channel: str
    state: str
    round: int
    step: int
    tries: int
    made_us: int
    done_us: int | None
    fault: str


class PageOut(_Out):
    id: str
    site_id: str
    site: str = ""
    test: bool
    state: str
    round: int
    step: int
    asked_by: str
    opened_us: int
    answered_us: int | None
    answered_by: str
    answered_how: str
    over_us: int | None
    faults: list[str] = []
    messages: list[MessageOut] = []


class PageList(BaseModel):
    now_us: int
    on: bool
    pages: list[PageOut]


class Asked(BaseModel):
    id: str


@router.get("/api/paging")
@roles(*_SET)
async def plan(request: Request) -> PlanOut:
    """Who is called when, with addresses."""
    hub, desk = hub_of(request), paging_of(request)
    found = await run_in_threadpool(desk.book.plan)
    zone = hub.settings.paging.time_zone
    now = local_time(hub.clock.now_us(), zone)
    return PlanOut(
        version=found.version,
        plan=found.plan,
        set_by=found.setter,
        set_us=found.set_us,
        channels=list(desk.channels.ready),
        time_zone=zone,
        kinds=[KindOut(kind=kind, title=title_of(kind)) for kind in KINDS],
        silent=found.plan.silent(now),
        on_now=[each.name for _, each in found.plan.on_call(0, now)],
    )


@router.put("/api/paging")
@roles(*_SET)
async def set_plan(body: PlanIn, request: Request, user: CurrentUser) -> PlanOut:
    """Put a plan in force in the place of version `version`. 409 when another is in force by now."""
    await paging_of(request).put_plan(user, body.plan, body.version)
    return await plan(request)


@router.post("/api/paging/test", status_code=202)
@roles(*_SET)
async def test(request: Request, user: CurrentUser) -> Asked:
    """Send everybody in the plan a test, whatever their hours."""
    desk = paging_of(request)
    found = await run_in_threadpool(desk.book.plan)
    if not found.plan.steps:
        raise Conflict("Nobody is named yet who could be called.", advice="Name somebody first.")
    return Asked(id=await desk.test(user))


@router.get("/api/pages")
@signed_in
async def pages(request: Request, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> PageList:
    """The newest calls for help, who was called, and who answered. Without addresses."""
    hub, desk = hub_of(request), paging_of(request)

    def read() -> PageList:
        sites = {site.id: site.name for site in hub.register.sites()}
        found = [_page_out(desk, page, sites) for page in desk.book.newest(limit)]
        return PageList(now_us=hub.clock.now_us(), on=desk.book.plan().plan.on, pages=found)

    return await run_in_threadpool(read)


def _page_out(desk: PagingDesk, page: Page, sites: dict[str, str]) -> PageOut:
    out = PageOut.model_validate(page)
    out.site = sites.get(page.site_id, page.site_id) if page.site_id else ("" if page.test else "Several sites")
    out.faults = list(dict.fromkeys(title_of(each.kind) for each in desk.book.tickets_of(page.id)))
    out.messages = [MessageOut.model_validate(each) for each in desk.book.messages(page.id)]
    return out


@router.post("/api/pages/{page_id}/answer")
@roles(*_ANSWER)
async def answer(page_id: str, request: Request, user: CurrentUser) -> PageOut:
    """Say that one looks after it: nobody else is called. 409 when somebody has said so."""
    hub, desk = hub_of(request), paging_of(request)
    if not await desk.answer(user, page_id):
        raise Conflict("Somebody has answered this page already, or it is over.", advice="Reload the list.")

    def read() -> PageOut:
        sites = {site.id: site.name for site in hub.register.sites()}
        return _page_out(desk, desk.book.page(page_id), sites)

    return await run_in_threadpool(read)


@router.get("/page/{token}", response_class=HTMLResponse)
@public
async def link(token: str, request: Request) -> HTMLResponse:
    """What somebody was called about, and the button with which they answer. Opening it changes nothing."""
    hub, desk = hub_of(request), paging_of(request)
    page, message = await desk.called_by(token)
    if page.state not in (State.CALLING, State.UNANSWERED) or message.what != CALL:
        return _settled(page)
    tickets = await run_in_threadpool(desk.book.tickets_of, page.id)
    names = {camera.id: camera.name for camera in await run_in_threadpool(hub.register.list_cameras)}
    faults = [
        f"{title_of(each.kind)}{f': {names.get(each.subject_id, each.subject_id)}' if each.subject == 'camera' else ''}"
        for each in tickets
        if each.closed_us is None
    ]
    if page.test:
        return link_page("Test", ["This is a test. Nothing is wrong."], button="I have got this")
    words = [f"You are asked as {message.name}. Nobody else is called once you say that you look after it."]
    return link_page("Recording fault", words, faults[:20], button="I look after it")


@router.post("/page/{token}", response_class=HTMLResponse)
@public
async def answer_link(token: str, request: Request) -> HTMLResponse:
    """The button was pressed."""
    page, done = await paging_of(request).answer_link(token)
    if not done:
        return _settled(page)
    return link_page("Thank you", ["You look after it now. Nobody else is called about this."])


def _settled(page: Page) -> HTMLResponse:
    if page.state is State.OVER:
        return link_page("Over", ["What you were called about is over. Nothing is left to do."])
    return link_page("Answered", [f"{page.answered_by} looks after it."])
