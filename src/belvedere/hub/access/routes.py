"""One's grants."""

from typing import Annotated

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from belvedere.hub.access import (
    grant_routes,
    oidc_routes,
    passkey_routes,
    people_routes,
    session_routes,
    table_routes,
)
from belvedere.hub.access.doors import CurrentSession, CurrentUser, signed_in
from belvedere.hub.access.grants import GrantAsk
from belvedere.hub.access.shapes import ConsideredOut, GrantList, GrantOut, considered_out, grant_out
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.policy.grant import Action

router = Room("access")
router.add(session_routes.router)
router.add(passkey_routes.router)
router.add(oidc_routes.router)
router.add(people_routes.router)
router.add(grant_routes.router)
router.add(table_routes.router)


class GrantIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    purpose: Annotated[str, Field(max_length=64)]
    cameras: Annotated[list[Annotated[str, Field(max_length=48)]], Field(max_length=5000)] = []
    case: Annotated[str, Field(max_length=128)] = ""
    from_us: int | None = None
    to_us: int | None = None
    actions: list[Action] = []
    reason: Annotated[str, Field(max_length=500)] = ""
    recipient: Annotated[str, Field(max_length=200)] = ""
    lasts_us: int | None = None


def _ask_of(body: GrantIn) -> GrantAsk:
    return GrantAsk(
        purpose=body.purpose,
        cameras=frozenset(body.cameras),
        actions=frozenset(body.actions),
        case=body.case,
        from_us=body.from_us,
        to_us=body.to_us,
        reason=body.reason,
        recipient=body.recipient,
        lasts_us=body.lasts_us,
    )


@router.post("/api/grants")
@signed_in
async def issue_grant(body: GrantIn, request: Request, session: CurrentSession) -> GrantOut:
    """Ask for access to footage. 403 with the reason when the policy says no.

    403 `approval_needed` carries what a second person has to agree to, `step_up_needed` what to confirm with a passkey.
    """
    return grant_out(await hub_of(request).grants.issue(session, _ask_of(body)))


@router.post("/api/grants/consider")
@signed_in
async def consider_grant(body: GrantIn, request: Request, session: CurrentSession) -> ConsideredOut:
    """What asking for this would take: nobody else, a passkey, a second person; or why it is refused. Changes nothing."""
    return considered_out(await hub_of(request).grants.consider(session, _ask_of(body)))


@router.get("/api/grants")
@signed_in
async def grants(request: Request, user: CurrentUser) -> GrantList:
    """One's own live grants, newest first."""
    return GrantList(grants=[grant_out(grant) for grant in await hub_of(request).grants.live(user)])


@router.delete("/api/grants/{grant_id}", status_code=204)
@signed_in
async def end_grant(grant_id: str, request: Request, user: CurrentUser) -> None:
    """End one's own grant at once."""
    await hub_of(request).grants.end(user, grant_id)
