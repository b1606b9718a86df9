"""How other rooms put a change through: at once, or as a proposal that is answered with 202."""

from typing import cast

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse

from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.users import User
from belvedere.hub.proposals.desk import ProposalDesk
from belvedere.hub.proposals.proposal import Proposal
from belvedere.hub.proposals.shapes import ProposalOut, WaitsOut, proposal_out
from belvedere.hub.reach import hub_of


def proposals_of(connection: HTTPConnection) -> ProposalDesk:
    """The desk of proposals of the running application."""
    return cast(ProposalDesk, connection.app.state.proposals)


async def shown(request: Request, user: User, proposal: Proposal) -> ProposalOut:
    """One proposal, with who may confirm it now."""
    hub, desk = hub_of(request), proposals_of(request)
    approvers = await run_in_threadpool(desk.approvers, proposal)
    conflicted = await run_in_threadpool(desk.conflicted, user, proposal)
    return proposal_out(proposal, user, approvers, hub.grants.table, hub.clock.now_us(), conflicted)


async def waits(request: Request, session: SignedIn, proposal: Proposal) -> JSONResponse:
    """The answer in the place of what was asked: it waits for a second person."""
    out = WaitsOut(proposal=await shown(request, session.user, proposal))
    return JSONResponse(out.model_dump(mode="json"), status_code=202)
