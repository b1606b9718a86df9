"""Break-glass over HTTP: breaking it, reviewing it. Nothing here shows a picture."""

from typing import cast

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from belvedere.hub.access.doors import CurrentSession, CurrentUser, roles, signed_in
from belvedere.hub.access.users import User
from belvedere.hub.approvals.glass import (
    CODES,
    REVIEWERS,
    SITE_CARD_WORDS,
    Glass,
    GlassState,
    obstacle,
    unreviewed,
    why_no_review,
)
from belvedere.hub.approvals.glass_desk import LASTS_US, MOST_CAMERAS, Cry, GlassDesk
from belvedere.hub.approvals.shapes import CodeOut, GlassIn, GlassList, GlassOut, ReviewIn, WordsIn
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.policy.table import Role

BREAKERS = (Role.OPERATOR, Role.SUPERVISOR)
_READERS = frozenset(str(role) for role in (*REVIEWERS, Role.AUDITOR))

router = Room("approvals")


def glass_of(connection: HTTPConnection) -> GlassDesk:
    """The break-glass desk of the running application."""
    return cast(GlassDesk, connection.app.state.glass)


def _out(glass: Glass, user: User, now_us: int) -> GlassOut:
    state, reason = glass.state(now_us), why_no_review(user, glass)
    return GlassOut(
        id=glass.id,
        account=glass.account_id,
        user_name=glass.user_name,
        team=glass.team,
        code=glass.code,
        code_text=(CODES | SITE_CARD_WORDS).get(glass.code, glass.code),
        words=glass.words,
        again=glass.again,
        cameras=list(glass.cameras),
        from_us=glass.from_us,
        to_us=glass.to_us,
        grant=glass.grant_id,
        broken_us=glass.broken_us,
        ends_us=glass.ends_us,
        due_us=glass.due_us,
        overdue=glass.reviewed_us is None and glass.due_us <= now_us,
        state=state,
        reviewer=glass.reviewer,
        reviewed_us=glass.reviewed_us,
        review=glass.review,
        lifted=glass.lifted,
        mine=glass.account_id == user.id,
        may_review=not reason,
        why_not=reason,
        may_lift=state is GlassState.UNJUSTIFIED and Role.DPO in user.roles and glass.account_id != user.id,
    )


@router.get("/api/break-glass")
@signed_in
async def glasses(request: Request, user: CurrentUser) -> GlassList:
    """Whether one can break the glass, with which codes; one's own, or everybody's for those who review them."""
    hub, desk = hub_of(request), glass_of(request)

    def load() -> GlassList:
        now_us, mine = hub.clock.now_us(), desk.store.of(user.id)
        reason = obstacle(mine)
        if not user.roles & {str(role) for role in BREAKERS}:
            reason = "Your role can't break the glass."
        elif not user.has_passkey:
            reason = "It is confirmed with a passkey, and you have none."
        elif not desk.offered:
            reason = "There is no purpose for break-glass."
        found = desk.store.all() if user.roles & _READERS else mine
        return GlassList(
            now_us=now_us,
            codes=[CodeOut(code=code, text=text) for code, text in CODES.items()],
            may_break=not reason,
            why_not=reason,
            needs_again=unreviewed(mine) > 0,
            most_cameras=MOST_CAMERAS,
            most_back_us=desk.most_back_us,
            lasts_us=LASTS_US,
            cases=[_out(each, user, now_us) for each in found],
        )

    return await run_in_threadpool(load)


@router.post("/api/break-glass", status_code=201)
@roles(*BREAKERS)
async def break_glass(request: Request, session: CurrentSession, body: GlassIn) -> GlassOut:
    """Access at once, for an hour. 403 `step_up_needed` first, with the act that a passkey has to confirm."""
    desk = glass_of(request)
    cry = Cry(body.code, body.words, body.again, tuple(sorted(set(body.cameras))), body.at_us, body.back_us)
    glass = await desk.break_it(session, cry)
    return _out(glass, session.user, hub_of(request).clock.now_us())


@router.get("/api/break-glass/{glass_id}")
@signed_in
async def one_glass(glass_id: str, request: Request, user: CurrentUser) -> GlassOut:
    """One of them."""
    found = await glass_of(request).seen(user, glass_id, sees_all=bool(user.roles & _READERS))
    return _out(found, user, hub_of(request).clock.now_us())


@router.post("/api/break-glass/{glass_id}/review")
@roles(*REVIEWERS)
async def review(glass_id: str, request: Request, user: CurrentUser, body: ReviewIn) -> GlassOut:
    """Justified or not, with words. Not by the person or their team; once overdue, by the data protection officer."""
    found = await glass_of(request).review(user, glass_id, body.justified, body.words)
    return _out(found, user, hub_of(request).clock.now_us())


@router.post("/api/break-glass/{glass_id}/lift")
@roles(Role.DPO)
async def lift(glass_id: str, request: Request, user: CurrentUser, body: WordsIn) -> GlassOut:
    """Let a person break the glass again although one was found not justified."""
    found = await glass_of(request).lift(user, glass_id, body.words)
    return _out(found, user, hub_of(request).clock.now_us())
