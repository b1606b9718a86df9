"""Requests as the person who looks sees them."""

from collections.abc import Iterable

from sqlalchemy import Engine

from belvedere.hub.access.users import User
from belvedere.hub.approvals.ask import AccessRequest, State, Wanted
from belvedere.hub.approvals.of_case import cameras_of_case
from belvedere.hub.approvals.people import Approver, Approvers, conflict_reason, sentence, why_not
from belvedere.hub.approvals.shapes import ApproverOut, AskOut, PlaceIn, RequestOut, WeighingOut
from belvedere.hub.watchers.conflicts import Conflicts


def request_out(
    request: AccessRequest,
    looking: User,
    approvers: list[Approver],
    in_case: set[str],
    now_us: int,
    conflicts: Conflicts,
) -> RequestOut:
    """One request."""
    reason = why_not(looking, request, now_us) or conflict_reason(conflicts, looking, request)
    return RequestOut(
        id=request.id,
        account=request.account_id,
        user_name=request.user_name,
        team=request.team,
        roles=list(request.roles),
        purpose_text=request.purpose_text,
        ask=ask_out(request.wanted),
        place=None if request.place is None else PlaceIn(lon=request.place[0], lat=request.place[1]),
        in_case=[camera for camera in request.wanted.cameras if camera in in_case],
        ask_sha256=request.ask_sha256,
        state=request.state,
        rule=request.rule,
        asked_us=request.asked_us,
        lapses_us=request.lapses_us,
        camera_hours=round(request.wanted.camera_hours, 2),
        weighing=None if request.weighing is None else WeighingOut.model_validate(request.weighing),
        approvers=[approver_out(each) for each in approvers],
        approvers_text=sentence(approvers) if request.state is State.WAITING else "",
        mine=request.account_id == looking.id,
        may_decide=not reason,
        why_not=reason,
        decided_us=request.decided_us,
        decider=request.decider,
        words=request.words,
        given=None if request.given is None else ask_out(request.given),
        grant=request.grant_id,
    )


def ask_out(wanted: Wanted) -> AskOut:
    return AskOut.model_validate(wanted.words())


def approver_out(approver: Approver) -> ApproverOut:
    user = approver.user
    return ApproverOut(
        id=user.id, name=user.display, team=user.team or user.role, on_call=approver.on_call, here=approver.here
    )


def list_out(
    requests: Iterable[AccessRequest],
    looking: User,
    people: Approvers,
    engine: Engine,
    now_us: int,
    conflicts: Conflicts,
) -> list[RequestOut]:
    """Several requests. Blocking. People are looked up once, and each case."""
    present = people.look()
    cases: dict[str, set[str]] = {}
    out = []
    for request in requests:
        case = request.wanted.case
        if case not in cases:
            cases[case] = cameras_of_case(engine, case)
        waits = request.state is State.WAITING
        approvers = present.of(request.account_id, request.team, request.approvers) if waits else []
        out.append(request_out(request, looking, approvers, cases[case], now_us, conflicts))
    return out
