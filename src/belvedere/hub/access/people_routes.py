"""People and their roles, for those who give access. They see no pictures themselves.

Nobody changes their own account here. Each change is planned (nothing written) and goes through `_agreed`: where the action
table's row `role_change` asks for a second person it becomes a proposal (202); else it is confirmed with a passkey over exactly
that change, logged, and then carried out.
"""

import hashlib
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from belvedere.foundation.errors import Conflict, Refused
from belvedere.hub.access.doors import CurrentSession, CurrentUser, roles, signed_in
from belvedere.hub.access.people import ROLE_TEXTS, Presence, may_do, presences, row_words, sees_pictures, warnings
from belvedere.hub.access.people_acts import change_people
from belvedere.hub.access.session_routes import Body
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.staff import Change, Staff, StaffDesk, Turn
from belvedere.hub.access.staff_sheet import read_sheet
from belvedere.hub.proposals.people import people_change
from belvedere.hub.proposals.reach import proposals_of, waits
from belvedere.hub.proposals.shapes import WaitsOut
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.policy.table import Role

router = Room("access")

_SESSIONS_ENDED = "session.revoked"
_MOST_TOLD = 50  # changes of a list that the confirmed act names one by one
_Word = Annotated[str, Field(max_length=64)]
_Time = Annotated[int, Field(ge=0, lt=1 << 53)]
_Why = Annotated[str, Field(max_length=2_000, description="Why, for the second person; not read where there is none.")]
_PROPOSED: dict[int | str, dict[str, Any]] = {202: {"model": WaitsOut}}


class PersonOut(BaseModel):
    id: str
    name: str
    display: str
    roles: list[str]
    team: str
    sites: list[str]
    shifts: list[tuple[int, int]]
    trained_us: int | None
    spss_number: str
    spss_expires_us: int | None
    has_passkey: bool
    disabled: bool
    passkeys: int
    sessions: int
    seen_us: int | None
    warnings: list[str]


class PeopleOut(BaseModel):
    people: list[PersonOut]


class NewRoles(Body):
    roles: Annotated[list[Annotated[str, Field(max_length=32)]], Field(min_length=1, max_length=12)]
    reason: _Why = ""


class LeaveIn(Body):
    reason: _Why = ""


class Attributes(Body):
    display: Annotated[str, Field(min_length=1, max_length=100)]
    team: _Word = ""
    sites: Annotated[list[_Word], Field(default_factory=list, max_length=500)]
    shifts: Annotated[list[tuple[_Time, _Time]], Field(default_factory=list, max_length=200)]
    trained_us: _Time | None = None
    spss_number: _Word = ""
    spss_expires_us: _Time | None = None
    reason: _Why = ""


class ChangedPerson(Attributes):
    roles: Annotated[
        list[Annotated[str, Field(max_length=32)]] | None,
        Field(min_length=1, max_length=12, description="Other roles as well; null leaves them."),
    ] = None


class NewPerson(Attributes):
    name: Annotated[str, Field(min_length=1, max_length=64)]
    roles: Annotated[list[Annotated[str, Field(max_length=32)]], Field(min_length=1, max_length=12)]


class CodeOut(BaseModel):
    """A one-time code, shown once."""

    name: str
    code: str


class ListIn(Body):
    csv: Annotated[str, Field(min_length=1, max_length=4_000_000)]
    reason: _Why = ""


class ChangeOut(BaseModel):
    """What a list does with one person."""

    turn: str
    name: str
    display: str
    what: list[str]


class PlanOut(BaseModel):
    changes: list[ChangeOut]


class ListOut(BaseModel):
    changes: list[ChangeOut]
    codes: list[CodeOut]


class RowOut(BaseModel):
    """One act of the action table that a role may do. `needs`: what else it takes."""

    act: str
    text: str
    kinds: list[str]
    actions: list[str]
    needs: list[str]
    longest_us: int | None
    notes: str


class RoleOut(BaseModel):
    role: str
    name: str
    text: str
    sees_pictures: bool
    may: list[RowOut]
    people: int


class RolesOut(BaseModel):
    version: str
    roles: list[RoleOut]


@router.get("/api/people")
@roles(Role.ADMINISTRATOR, Role.DPO, Role.AUDITOR, Role.MANAGER)
async def people(request: Request) -> PeopleOut:
    """Every account with its roles and attributes, by name."""
    hub = hub_of(request)
    found = await run_in_threadpool(hub.users.all)
    here = await run_in_threadpool(presences, hub.engine, hub.clock)
    now_us, life_us = hub.clock.now_us(), hub.grants.table.training_life_us
    out = []
    for each in found:
        presence = here.get(each.id, Presence())
        out.append(
            PersonOut(
                id=each.id,
                name=each.name,
                display=each.display,
                roles=[each.role, *sorted(each.roles - {each.role})],
                team=each.team,
                sites=list(each.sites),
                shifts=list(each.shifts),
                trained_us=each.trained_us,
                spss_number=each.spss_number,
                spss_expires_us=each.spss_expires_us,
                has_passkey=each.has_passkey,
                disabled=each.disabled,
                passkeys=presence.passkeys,
                sessions=presence.sessions,
                seen_us=presence.seen_us,
                warnings=warnings(each, each.roles, now_us, life_us),
            )
        )
    return PeopleOut(people=out)


@router.get("/api/roles")
@signed_in
async def all_roles(request: Request) -> RolesOut:
    """What each role may do, from the action table that the hub works by."""
    hub = hub_of(request)
    table = hub.grants.table
    found = await run_in_threadpool(hub.users.all)
    out = []
    for role in Role:
        may = [
            RowOut(
                act=row.act,
                text=row.text,
                kinds=sorted(row.kinds),
                actions=sorted(row.actions),
                needs=row_words(row),
                longest_us=row.longest_us,
                notes=row.notes,
            )
            for row in may_do(table, role)
        ]
        name, text = ROLE_TEXTS[role]
        count = sum(str(role) in each.roles and not each.disabled for each in found)
        pictures = sees_pictures(table, role)
        out.append(RoleOut(role=role, name=name, text=text, sees_pictures=pictures, may=may, people=count))
    return RolesOut(version=table.version, roles=out)


@router.post("/api/people", status_code=201, response_model=CodeOut, responses=_PROPOSED)
@roles(Role.ADMINISTRATOR)
async def add_person(body: NewPerson, request: Request, session: CurrentSession) -> CodeOut | Response:
    """Add somebody, after `{do: "people.add", ...}` was confirmed; answers with their one-time code, shown once."""
    words = body.model_dump(exclude={"reason"})
    name = body.name.strip().lower()
    person = _staff(name, tuple(body.roles), body)
    change = (await run_in_threadpool(_desk(request).plan, [person]))[0]
    if change.turn is not Turn.JOINS:
        raise Conflict(f"There is an account {name} already.", advice="Choose another name.")
    act = {"do": "people.add", **_plain(words), "name": name}
    done = await _agreed(request, session, act, [change], body.reason)
    return done if isinstance(done, Response) else CodeOut(name=name, code=done[name])


@router.put("/api/people/{name}", status_code=204, response_model=None, responses=_PROPOSED)
@roles(Role.ADMINISTRATOR)
async def change_person(name: str, body: ChangedPerson, request: Request, session: CurrentSession) -> Response | None:
    """Change somebody's team, sites, shifts, training and licence, after `{do: "people.change", ...}` was confirmed."""
    desk = _desk(request)
    before = await run_in_threadpool(desk.of, name)
    change = (await run_in_threadpool(desk.plan, [_staff(name, tuple(body.roles or before.roles), body)]))[0]
    if change.turn is Turn.STAYS:
        return None
    words = body.model_dump(exclude={"reason"} if body.roles else {"reason", "roles"})
    act = {"do": "people.change", "account": name, "changed": list(change.what), **_plain(words)}
    return _only_waiting(await _agreed(request, session, act, [change], body.reason))


@router.put("/api/people/{name}/roles", status_code=204, response_model=None, responses=_PROPOSED)
@roles(Role.ADMINISTRATOR)
async def change_roles(name: str, body: NewRoles, request: Request, session: CurrentSession) -> Response | None:
    """Give somebody else other roles, after `{do: "roles.change", account, roles}` was confirmed. Their grants end at once."""
    change = await run_in_threadpool(lambda: _desk(request).other_roles(name, tuple(body.roles), by=session.user.name))
    act = {"do": "roles.change", "account": name, "roles": body.roles}
    return _only_waiting(await _agreed(request, session, act, [change], body.reason))


@router.post("/api/people/{name}/leave", status_code=204, response_model=None, responses=_PROPOSED)
@roles(Role.ADMINISTRATOR)
async def leave(name: str, request: Request, session: CurrentSession, body: LeaveIn | None = None) -> Response | None:
    """Close an account, after `{do: "people.leave", account}` was confirmed. Sessions, grants and ways in end at once."""
    desk = _desk(request)
    person = await run_in_threadpool(desk.of, name)
    change = (await run_in_threadpool(desk.plan, [person], frozenset({name})))[0]
    if change.turn is not Turn.LEAVES:
        return None
    act, reason = {"do": "people.leave", "account": name}, "" if body is None else body.reason
    return _only_waiting(await _agreed(request, session, act, [change], reason))


@router.post("/api/people/{name}/sessions/end", status_code=204)
@roles(Role.ADMINISTRATOR, Role.DPO)
async def end_sessions(name: str, request: Request, user: CurrentUser) -> None:
    """End every open session of somebody: a lost laptop, a session that should not be there."""
    hub = hub_of(request)
    whom = await run_in_threadpool(hub.users.by_name, name)
    await hub.audit.append(_SESSIONS_ENDED, user.id, {"account": whom.id, "name": whom.name, "sessions": "all"})
    await run_in_threadpool(hub.sessions.close_others, whom.id, "")


@router.post("/api/people/list/try")
@roles(Role.ADMINISTRATOR)
async def try_list(body: ListIn, request: Request) -> PlanOut:
    """What a list of joiners, movers and leavers would do. Nothing is changed."""
    return PlanOut(changes=_out(await _planned(request, body.csv)))


@router.post("/api/people/list", response_model=ListOut, responses=_PROPOSED)
@roles(Role.ADMINISTRATOR)
async def carry_out_list(body: ListIn, request: Request, session: CurrentSession) -> ListOut | Response:
    """Do what the list says, all of it or nothing, after `{do: "people.list", sha256, changes}` was confirmed."""
    changes = [each for each in await _planned(request, body.csv) if each.turn is not Turn.STAYS]
    if not changes:
        return ListOut(changes=[], codes=[])
    told = [f"{each.turn} {each.staff.name}: {', '.join(each.staff.roles)}" for each in changes]
    act = {
        "do": "people.list",
        "sha256": hashlib.sha256(body.csv.encode()).hexdigest(),
        "count": len(told),
        "changes": told[:_MOST_TOLD],
    }
    done = await _agreed(request, session, act, changes, body.reason)
    if isinstance(done, Response):
        return done
    return ListOut(changes=_out(changes), codes=[CodeOut(name=name, code=code) for name, code in done.items()])


async def _planned(request: Request, text: str) -> list[Change]:
    def plan() -> list[Change]:
        sheet = read_sheet(text)
        return _desk(request).plan(sheet.people, sheet.leavers, sheet.fields)

    return await run_in_threadpool(plan)


async def _agreed(
    request: Request, session: SignedIn, act: dict[str, Any], changes: list[Change], reason: str
) -> dict[str, str] | JSONResponse:
    """Propose the changes, or have `act` confirmed, log each and carry all out; then one-time codes by name.

    Raises Refused, Conflict, BadInput, StepUpNeeded.
    """
    if any(each.staff.name == session.user.name and each.turn is not Turn.STAYS for each in changes):
        raise Refused("Nobody changes their own account.", advice="Ask another administrator.")
    hub, desk = hub_of(request), proposals_of(request)
    leavers = [each.staff.name for each in changes if each.turn is Turn.LEAVES]
    way = await desk.way(session, "people", people_change([each.staff for each in changes], leavers), reason)
    if way.proposal is not None:
        return await waits(request, session, way.proposal)
    proof = hub.step_up.require(session, act)
    if way.alone:
        await desk.done_alone(session.user, "people", ", ".join(f"{each.turn} {each.staff.name}" for each in changes))
    return await change_people(hub, session.user.id, changes, {"step_up": proof.id, **way.facts})


def _only_waiting(done: dict[str, str] | JSONResponse) -> JSONResponse | None:
    """The answer where it waits; None, which is 204, where it was done."""
    return done if isinstance(done, JSONResponse) else None


def _desk(request: Request) -> StaffDesk:
    hub = hub_of(request)
    return StaffDesk(hub.engine, hub.clock)


def _staff(name: str, its_roles: tuple[str, ...], body: Attributes) -> Staff:
    person = Staff(name=name, display=body.display.strip() or name, roles=its_roles)
    return replace(
        person,
        team=body.team.strip(),
        sites=tuple(body.sites),
        shifts=tuple(sorted(body.shifts)),
        trained_us=body.trained_us,
        spss_number=body.spss_number.strip(),
        spss_expires_us=body.spss_expires_us,
    )


def _plain(words: dict[str, Any]) -> dict[str, Any]:
    """Words of an act: lists for tuples, and no times that a script's numbers could not hold."""
    return {
        name: [list(each) if isinstance(each, tuple) else each for each in value] if isinstance(value, list) else value
        for name, value in words.items()
    }


def _out(changes: list[Change]) -> list[ChangeOut]:
    return [
        ChangeOut(turn=each.turn, name=each.staff.name, display=each.staff.display, what=list(each.what))
        for each in changes
    ]
