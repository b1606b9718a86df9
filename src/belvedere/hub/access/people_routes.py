"""People and their roles, for those who give access. They see no pictures themselves."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from belvedere.hub.access.doors import CurrentSession, roles
from belvedere.hub.access.session_routes import Body
from belvedere.hub.access.staff import StaffDesk
from belvedere.hub.reach import hub_of
from belvedere.policy.table import Role

router = APIRouter(tags=["access"])

ROLES_CHANGED = "account.changed"


class PersonOut(BaseModel):
    id: str
    name: str
    display: str
    roles: list[str]
    sites: list[str]
    shifts: list[tuple[int, int]]
    trained_us: int | None
    spss_number: str
    spss_expires_us: int | None
    has_passkey: bool
    disabled: bool


class PeopleOut(BaseModel):
    people: list[PersonOut]


class NewRoles(Body):
    roles: Annotated[list[Annotated[str, Field(max_length=32)]], Field(min_length=1, max_length=12)]


@router.get("/api/people")
@roles(Role.ADMINISTRATOR, Role.DPO, Role.AUDITOR, Role.MANAGER)
async def people(request: Request) -> PeopleOut:
    """Every account with its roles and attributes, by name."""
    found = await run_in_threadpool(hub_of(request).users.all)
    return PeopleOut(
        people=[
            PersonOut(
                id=each.id,
                name=each.name,
                display=each.display,
                roles=[each.role, *sorted(each.roles - {each.role})],
                sites=list(each.sites),
                shifts=list(each.shifts),
                trained_us=each.trained_us,
                spss_number=each.spss_number,
                spss_expires_us=each.spss_expires_us,
                has_passkey=each.has_passkey,
                disabled=each.disabled,
            )
            for each in found
        ]
    )


@router.put("/api/people/{name}/roles", status_code=204)
@roles(Role.ADMINISTRATOR)
async def change_roles(name: str, body: NewRoles, request: Request, session: CurrentSession) -> None:
    """Give somebody else other roles, after `{do: "roles.change", account, roles}` was confirmed. Their grants end at once."""
    hub = hub_of(request)
    desk = StaffDesk(hub.engine, hub.clock)
    change = await run_in_threadpool(lambda: desk.other_roles(name, tuple(body.roles), by=session.user.name))
    proof = hub.step_up.require(session, {"do": "roles.change", "account": name, "roles": body.roles})
    facts = {"name": name, "roles": body.roles, "changed": list(change.what), "step_up": proof.id}
    await hub.audit.append(ROLES_CHANGED, session.user.id, facts)
    await run_in_threadpool(desk.carry_out, [change])
