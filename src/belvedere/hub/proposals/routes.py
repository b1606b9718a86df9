"""Proposals over HTTP: what waits for a second person, confirming and refusing it. Nothing here shows a picture."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal, cast

from fastapi import FastAPI, Query, Request
from fastapi.concurrency import run_in_threadpool

from belvedere.foundation.errors import NotFound
from belvedere.hub.access.doors import CurrentSession, CurrentUser, roles, signed_in
from belvedere.hub.access.users import User
from belvedere.hub.approvals.desk import ApprovalDesk
from belvedere.hub.context import HubContext
from belvedere.hub.federation.desk import FederationDesk
from belvedere.hub.federation.doings import PartnerDoing, PolicyDoing
from belvedere.hub.fleet.document import DocumentDoing
from belvedere.hub.proposals import sound_routes
from belvedere.hub.proposals.desk import ProposalDesk
from belvedere.hub.proposals.doing import Doing
from belvedere.hub.proposals.people import PeopleDoing
from belvedere.hub.proposals.proposal import Proposal
from belvedere.hub.proposals.purposes import CamerasDoing, InForceDoing, TermsDoing
from belvedere.hub.proposals.reach import proposals_of, shown
from belvedere.hub.proposals.retention import ClassesDoing, FoundDoing, HoldDoing, NightDoing
from belvedere.hub.proposals.shapes import (
    ConfirmedOut,
    ConfirmIn,
    ProposalCodeOut,
    ProposalList,
    ProposalOut,
    RefuseProposalIn,
)
from belvedere.hub.proposals.sound import SoundDoing
from belvedere.hub.proposals.store import PAGE
from belvedere.hub.reach import hub_of
from belvedere.hub.retention.desk import RetentionDesk
from belvedere.hub.rollouts.doing import RolloutDoing
from belvedere.hub.room import Room
from belvedere.policy.table import Role

# Who may confirm some proposal; which one, the proposal says. The DPO and the auditor see all of them.
DECIDERS = (Role.SUPERVISOR, Role.CASE_APPROVER, Role.MANAGER, Role.DPO)
_SEE_ALL = frozenset({str(Role.DPO), str(Role.AUDITOR)})


@asynccontextmanager
async def _desk_open(app: FastAPI) -> AsyncIterator[None]:
    """Opens the desk once the rooms stand whose changes it carries out."""
    hub = cast(HubContext, app.state.hub)
    retention = cast(RetentionDesk, app.state.retention)
    doings: dict[str, Doing] = {
        "people": PeopleDoing(hub),
        "classes": ClassesDoing(retention),
        "night": NightDoing(retention),
        "hold": HoldDoing(retention),
        "hold.found": FoundDoing(retention),
        "purpose.terms": TermsDoing(hub.purposes),
        "purpose.in_force": InForceDoing(hub.purposes),
        "purpose.cameras": CamerasDoing(hub.purposes),
        "sound": SoundDoing(hub),
        "rollout": RolloutDoing(hub),
        "site.document": DocumentDoing(hub),
        "partner.add": PartnerDoing(cast(FederationDesk, app.state.federation)),
        "partner.policy": PolicyDoing(cast(FederationDesk, app.state.federation)),
    }
    desk = ProposalDesk(hub, doings, cast(ApprovalDesk, app.state.approvals).changes.tell)
    app.state.proposals = desk
    await desk.start()
    try:
        yield
    finally:
        await desk.stop()


router = Room("proposals", lifespan=_desk_open)
router.add(sound_routes.router)


def _sees(user: User, proposal: Proposal) -> bool:
    may_confirm = bool(user.roles & set(proposal.approvers))
    return proposal.account_id == user.id or may_confirm or bool(user.roles & _SEE_ALL)


@router.get("/api/proposals")
@signed_in
async def proposals(
    request: Request,
    user: CurrentUser,
    which: Literal["mine", "waiting", "decided"] = "mine",
    before_us: Annotated[int | None, Query(ge=0, le=2**53, description="`next_us` of the page before.")] = None,
) -> ProposalList:
    """Proposals: one's own, those that wait (oldest first), or those decided; of others' only what one might confirm."""
    desk = proposals_of(request)

    def load() -> list[Proposal]:
        if which == "mine":
            return desk.store.of(user.id)
        return desk.store.waiting() if which == "waiting" else desk.store.decided(before_us)

    found = await run_in_threadpool(load)
    out = [await shown(request, user, each) for each in found if _sees(user, each)]
    more = found[-1].made_us if which == "decided" and len(found) == PAGE else None
    return ProposalList(now_us=hub_of(request).clock.now_us(), proposals=out, next_us=more)


@router.get("/api/proposals/{proposal_id}")
@signed_in
async def one(proposal_id: str, request: Request, user: CurrentUser) -> ProposalOut:
    """One proposal, with each thing that it changes."""
    return await shown(request, user, await _found(request, user, proposal_id))


@router.post("/api/proposals/{proposal_id}/confirm")
@roles(*DECIDERS)
async def confirm(proposal_id: str, request: Request, session: CurrentSession, body: ConfirmIn) -> ConfirmedOut:
    """Confirm exactly this; it takes effect. 403 `step_up_needed` first, with the act that a passkey has to confirm."""
    await _found(request, session.user, proposal_id)
    done, codes = await proposals_of(request).confirm(session, proposal_id, body.sha256)
    listed = [ProposalCodeOut(name=name, code=code) for name, code in codes.items()]
    return ConfirmedOut(proposal=await shown(request, session.user, done), codes=listed)


@router.post("/api/proposals/{proposal_id}/refuse")
@roles(*DECIDERS)
async def refuse(proposal_id: str, request: Request, session: CurrentSession, body: RefuseProposalIn) -> ProposalOut:
    """Say no, with a reason."""
    await _found(request, session.user, proposal_id)
    refused = await proposals_of(request).refuse(session, proposal_id, body.sha256, body.reason)
    return await shown(request, session.user, refused)


@router.post("/api/proposals/{proposal_id}/withdraw")
@signed_in
async def withdraw(proposal_id: str, request: Request, user: CurrentUser) -> ProposalOut:
    """Take one's own proposal back."""
    return await shown(request, user, await proposals_of(request).withdraw(user, proposal_id))


async def _found(request: Request, user: User, proposal_id: str) -> Proposal:
    found = await run_in_threadpool(proposals_of(request).store.get, proposal_id)
    if not _sees(user, found):
        raise NotFound("There is no such proposal.", advice="Look at the list of your proposals.")
    return found
