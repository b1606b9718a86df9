"""Approvals over HTTP: asking, deciding, who is on call. Nothing here shows a picture."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal, cast

from fastapi import FastAPI, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from belvedere.foundation.errors import NotFound, NotSignedIn
from belvedere.hub.access.doors import CurrentSession, CurrentUser, roles, signed_in
from belvedere.hub.access.users import User, team_of
from belvedere.hub.approvals import glass_routes
from belvedere.hub.approvals.answers import approver_out, list_out
from belvedere.hub.approvals.ask import AccessRequest, Wanted
from belvedere.hub.approvals.desk import ApprovalDesk
from belvedere.hub.approvals.glass_desk import GlassDesk
from belvedere.hub.approvals.people import sentence
from belvedere.hub.approvals.roster import Turn
from belvedere.hub.approvals.shapes import (
    ApproveIn,
    ApproverList,
    ChangesOut,
    OnCallIn,
    OnCallOut,
    PersonOut,
    RefuseIn,
    RequestIn,
    RequestList,
    RequestOut,
    TurnOut,
)
from belvedere.hub.approvals.store import PAGE
from belvedere.hub.context import HubContext
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.policy.table import Role

# Who may decide on some request; on which one, the request says. They, the DPO and the auditor see all of them.
DECIDERS = (Role.SUPERVISOR, Role.CASE_APPROVER, Role.MANAGER, Role.DPO)
READERS = (*DECIDERS, Role.AUDITOR)
ROSTER = (Role.MANAGER,)
LONGEST_WAIT_S = 25
_NARROWING = ("cameras", "from_us", "to_us", "actions", "lasts_us")


@asynccontextmanager
async def _desk_open(app: FastAPI) -> AsyncIterator[None]:
    """Opens the desk once the hub's context stands."""
    hub = cast(HubContext, app.state.hub)
    desk = ApprovalDesk(hub)
    glass = GlassDesk(hub, desk.giver)
    app.state.approvals, app.state.glass = desk, glass
    await desk.start()
    glass.start()
    try:
        yield
    finally:
        await glass.stop()
        await desk.stop()


router = Room("approvals", lifespan=_desk_open)
router.add(glass_routes.router)


def desk_of(connection: HTTPConnection) -> ApprovalDesk:
    """The approval desk of the running application."""
    return cast(ApprovalDesk, connection.app.state.approvals)


def _sees_all(user: User) -> bool:
    return bool(user.roles & {str(role) for role in READERS})


async def _out(request: Request, user: User, found: AccessRequest) -> RequestOut:
    hub, desk = hub_of(request), desk_of(request)
    now_us = hub.clock.now_us()
    return (
        await run_in_threadpool(lambda: list_out([found], user, desk.people, hub.engine, now_us, hub.watch.conflicts))
    )[0]


@router.get("/api/requests")
@signed_in
async def requests(
    request: Request,
    user: CurrentUser,
    which: Literal["mine", "waiting", "decided"] = "mine",
    before: Annotated[str, Query(max_length=64, description="`next` of the page before.")] = "",
) -> RequestList:
    """Requests: one's own, those that wait (oldest first), or those decided. Who decides on none sees one's own only."""
    hub, desk = hub_of(request), desk_of(request)
    now_us, seq = hub.clock.now_us(), desk.changes.seq

    def load() -> list[AccessRequest]:
        whose = None if _sees_all(user) else user.id
        if which == "waiting":
            return desk.store.waiting(whose)
        return desk.store.of(user.id, before) if which == "mine" else desk.store.decided(whose, before)

    found = await run_in_threadpool(load)
    shown = await run_in_threadpool(lambda: list_out(found, user, desk.people, hub.engine, now_us, hub.watch.conflicts))
    more = found[-1].id if which != "waiting" and len(found) == PAGE else ""
    return RequestList(now_us=now_us, seq=seq, requests=shown, next=more)


@router.post("/api/requests", status_code=201)
@signed_in
async def ask(request: Request, session: CurrentSession, body: RequestIn) -> RequestOut:
    """Ask for access that needs a second person. 403 with the reason when the policy says no, 409 when nobody has to be asked."""
    wanted = Wanted(
        purpose=body.purpose,
        case=body.case,
        cameras=tuple(sorted(set(body.cameras))),
        from_us=body.from_us,
        to_us=body.to_us,
        actions=tuple(sorted(set(body.actions))),
        lasts_us=body.lasts_us,
        reason=body.reason,
        recipient=" ".join(body.recipient.split()),
        renews=body.renews,
    )
    place = None if body.place is None else (body.place.lon, body.place.lat)
    return await _out(request, session.user, await desk_of(request).ask(session, wanted, place))


@router.get("/api/requests/changes")
@signed_in
async def changes(
    request: Request,
    session: CurrentSession,
    since: Annotated[int, Query(ge=0, description="`seq` of the list or of the last answer.")],
    wait_s: Annotated[int, Query(ge=0, le=LONGEST_WAIT_S)] = LONGEST_WAIT_S,
) -> ChangesOut:
    """Answers as soon as requests change that one may see, at the latest after `wait_s`. Send `X-Belvedere-Away: 1` with it."""
    user, desk = session.user, desk_of(request)
    changed, names = await desk.changes.wait(since, user.id, sees_all=_sees_all(user), wait_s=wait_s)
    seq = desk.changes.seq  # now: what is told during the next step is for the next question
    if not await run_in_threadpool(hub_of(request).sessions.alive, session.key):
        raise NotSignedIn("Your session has ended.", advice="Sign in.")
    return ChangesOut(seq=seq, changed=changed, requests=names)


@router.get("/api/requests/{request_id}")
@signed_in
async def one(request_id: str, request: Request, user: CurrentUser) -> RequestOut:
    """One request."""
    found = await run_in_threadpool(desk_of(request).store.get, request_id)
    if found.account_id != user.id and not _sees_all(user):
        raise NotFound("There is no such request.", advice="Look at the list of your requests.")
    return await _out(request, user, found)


@router.post("/api/requests/{request_id}/withdraw")
@signed_in
async def withdraw(request_id: str, request: Request, user: CurrentUser) -> RequestOut:
    """Take one's own request back."""
    return await _out(request, user, await desk_of(request).withdraw(user, request_id))


@router.post("/api/requests/{request_id}/take")
@signed_in
async def take(request_id: str, request: Request, session: CurrentSession) -> RequestOut:
    """The grant of one's approved request, where it could not be given at once."""
    return await _out(request, session.user, await desk_of(request).take(session, request_id))


@router.post("/api/requests/{request_id}/approve")
@roles(*DECIDERS)
async def approve(request_id: str, request: Request, session: CurrentSession, body: ApproveIn) -> RequestOut:
    """Approve, as asked or narrowed. 403 `step_up_needed` first, with the act that a passkey has to confirm."""
    given: dict[str, Any] = {name: getattr(body, name) for name in _NARROWING if getattr(body, name) is not None}
    for name in ("cameras", "actions"):
        if name in given:
            given[name] = tuple(sorted(set(given[name])))
    found = await desk_of(request).approve(session, request_id, body.ask_sha256, given, body.reason)
    return await _out(request, session.user, found)


@router.post("/api/requests/{request_id}/refuse")
@roles(*DECIDERS)
async def refuse(request_id: str, request: Request, session: CurrentSession, body: RefuseIn) -> RequestOut:
    """Say no, with a reason."""
    found = await desk_of(request).refuse(session, request_id, body.ask_sha256, body.reason)
    return await _out(request, session.user, found)


@router.get("/api/approvers")
@signed_in
async def approvers(request: Request, user: CurrentUser) -> ApproverList:
    """Who could decide on a request of one's own now, before one asks."""
    desk = desk_of(request)
    found = await run_in_threadpool(desk.people.of, user.id, team_of(user), desk.giver.approving_roles())
    return ApproverList(approvers=[approver_out(each) for each in found], text=sentence(found))


@router.get("/api/on-call")
@roles(*READERS, Role.OPERATOR)
async def on_call(request: Request) -> OnCallOut:
    """Who is on call when, from now on."""
    desk = desk_of(request)

    def load() -> OnCallOut:
        names = desk.roster.names()
        people = desk.people.holding(desk.giver.approving_roles())
        return OnCallOut(
            turns=[
                TurnOut(
                    account=each.account_id, name=names.get(each.account_id, ""), from_us=each.from_us, to_us=each.to_us
                )
                for each in desk.roster.turns()
            ],
            people=[PersonOut(id=each.id, name=each.display) for each in people],
        )

    return await run_in_threadpool(load)


@router.put("/api/on-call")
@roles(*ROSTER)
async def put_on_call(request: Request, user: CurrentUser, body: OnCallIn) -> OnCallOut:
    """A new roster in the place of all turns that are not over."""
    await desk_of(request).set_turns(user, [Turn(each.account, each.from_us, each.to_us) for each in body.turns])
    return await on_call(request)
