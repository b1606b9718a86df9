"""Asking partners, and what partners asked, over HTTP; formal requests and their decision. Nothing here shows a picture."""

from typing import Any

import msgspec
from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from belvedere.foundation.errors import BadInput
from belvedere.hub.access.doors import CurrentUser, roles
from belvedere.hub.access.users import User
from belvedere.hub.federation.dossier import PackageRow, QuestionRow, RequestRow
from belvedere.hub.federation.letter_book import WAITING
from belvedere.hub.federation.reach import federation_of
from belvedere.hub.federation.shapes import (
    AskedOut,
    DecisionIn,
    NameOut,
    QuestionIn,
    RequestIn,
    question_out,
    request_out,
)
from belvedere.hub.federation.words import Basis, FormalRequest, Question, Why
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.policy.table import Role

ASKERS = (Role.INVESTIGATOR, Role.SUPERVISOR)
DECIDERS = (Role.CASE_APPROVER,)
READERS = (*ASKERS, *DECIDERS, Role.DPO, Role.AUDITOR)
# These see what others asked, and what partners asked here.
_SEE_ALL = frozenset({str(Role.DPO), str(Role.AUDITOR)})
_SEE_HEARD = _SEE_ALL | {str(each) for each in DECIDERS}

router = Room("partners")


async def _asked(request: Request, user: User) -> AskedOut:
    hub, desk = hub_of(request), federation_of(request)

    def sees(row: QuestionRow | RequestRow) -> bool:
        if row.outgoing:
            return row.account_id == user.id or bool(user.roles & _SEE_ALL)
        return bool(user.roles & _SEE_HEARD)

    def delivery(row: QuestionRow) -> str:
        letter = desk.letters.find(row.partner_id, True, row.id) if row.outgoing and row.state == "waiting" else None
        if letter is None or letter.state != WAITING:
            return ""
        return letter.fault or "On its way."

    def make() -> AskedOut:
        partners = desk.partners.all()
        names = {each.id: each.controller for each in partners}
        packages = {(each.partner_id, each.request_id): each for each in reversed(desk.dossier.rows(PackageRow))}
        questions = [row for row in desk.dossier.rows(QuestionRow) if sees(row)]
        requests = [row for row in desk.dossier.rows(RequestRow) if sees(row)]
        return AskedOut(
            now_us=hub.clock.now_us(),
            on=desk.on,
            partners=[NameOut(id=each.id, controller=each.controller) for each in partners if each.revoked_us is None],
            reasons=[str(each) for each in Why],
            bases=[str(each) for each in Basis],
            questions=[question_out(row, names.get(row.partner_id, ""), delivery(row)) for row in questions],
            requests=[
                request_out(row, names.get(row.partner_id, ""), packages.get((row.partner_id, row.id)))
                for row in requests
            ],
        )

    return await run_in_threadpool(make)


def _words(value: dict[str, Any], kind: type[Any]) -> Any:
    """Raises BadInput where the protocol would not take it."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BadInput(f"This can't be asked: {error}.", advice="Look at the fields again.") from error


@router.get("/api/partner-questions")
@roles(*READERS)
async def asked(request: Request, user: CurrentUser) -> AskedOut:
    """What one asked of partners; for DPO, auditor and case approver also what partners asked here."""
    return await _asked(request, user)


@router.post("/api/partner-questions", status_code=201)
@roles(*ASKERS)
async def ask(request: Request, user: CurrentUser, body: QuestionIn) -> AskedOut:
    """Ask a partner whether footage of a place and time is held. Nothing is seen; a yes holds it there for a while."""
    words = body.model_dump(exclude={"partner"}, mode="json") | {"what": "question"}
    await federation_of(request).ask(user, body.partner, _words(words, Question))
    return await _asked(request, user)


@router.post("/api/partner-requests", status_code=201)
@roles(*ASKERS)
async def make_request(request: Request, user: CurrentUser, body: RequestIn) -> AskedOut:
    """Make a formal request for footage that a partner said it holds."""
    desk = federation_of(request)
    desk.require_on()
    words = body.model_dump(exclude={"partner"}) | {"what": "request"}
    await desk.requests.make(user, await desk.standing(body.partner), _words(words, FormalRequest))
    return await _asked(request, user)


@router.post("/api/partner-requests/{partner_id}/{request_id}/decision")
@roles(*DECIDERS)
async def decide(partner_id: str, request_id: str, request: Request, user: CurrentUser, body: DecisionIn) -> AskedOut:
    """Say yes or no to a partner's formal request. A yes discloses nothing by itself: a package is made for it."""
    desk = federation_of(request)
    desk.require_on()
    await desk.requests.decide(user, partner_id, request_id, approve=body.approve, words=body.reason)
    return await _asked(request, user)
