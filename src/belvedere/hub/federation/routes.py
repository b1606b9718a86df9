"""Partners over HTTP: which there are, letting one in, what it may ask, shutting it out. Nothing here shows a picture."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from belvedere.foundation.errors import BadInput
from belvedere.hub.access.doors import CurrentSession, CurrentUser, roles
from belvedere.hub.context import HubContext
from belvedere.hub.federation import ask_routes
from belvedere.hub.federation.desk import FederationDesk
from belvedere.hub.federation.doings import policy_of, policy_words
from belvedere.hub.federation.policy import opens_more
from belvedere.hub.federation.reach import federation_of
from belvedere.hub.federation.shapes import (
    LetterList,
    OwnOut,
    PartnerIn,
    PartnerList,
    PolicyIn,
    WhyIn,
    letter_out,
    partner_out,
)
from belvedere.hub.federation.signing import read_document
from belvedere.hub.federation.words import Basis, Why
from belvedere.hub.proposals.reach import proposals_of, waits
from belvedere.hub.proposals.shapes import WaitsOut
from belvedere.hub.reach import hub_of
from belvedere.hub.retention.desk import RetentionDesk
from belvedere.hub.room import Room
from belvedere.policy.table import Role

ADDERS = (Role.DPO, Role.ADMINISTRATOR)
SWITCHERS = (Role.DPO,)
REVOKERS = (Role.DPO, Role.ADMINISTRATOR, Role.MANAGER)
READERS = (*REVOKERS, Role.AUDITOR, Role.SUPERVISOR)
_PROPOSED: dict[int | str, dict[str, Any]] = {202: {"model": WaitsOut}}
_LEAST_REASON = 3


@asynccontextmanager
async def _desk_open(app: FastAPI) -> AsyncIterator[None]:
    """Opens the desk once the hub's context and retention stand."""
    desk = FederationDesk(cast(HubContext, app.state.hub), cast(RetentionDesk, app.state.retention))
    app.state.federation = desk
    await desk.start()
    try:
        yield
    finally:
        await desk.stop()


router = Room("partners", lifespan=_desk_open)
router.add(ask_routes.router)


async def _list(request: Request) -> PartnerList:
    hub, desk = hub_of(request), federation_of(request)

    def make() -> PartnerList:
        names = {user.id: user.display for user in hub.users.all()}
        waiting: dict[str, int] = {}
        for letter in desk.letters.waiting():
            waiting[letter.partner_id] = waiting.get(letter.partner_id, 0) + 1
        own = None
        if desk.on:
            data = desk.document()
            document, right = read_document(data)
            own = OwnOut(
                hub=document.hub,
                controller=document.controller,
                contact=document.contact,
                address=document.address,
                fingerprint=right,
                document=data.decode(),
            )
        return PartnerList(
            now_us=hub.clock.now_us(),
            on=desk.on,
            own=own,
            partners=[partner_out(each, names, waiting.get(each.id, 0)) for each in desk.partners.all()],
            reasons=[str(each) for each in Why],
            bases=[str(each) for each in Basis],
            cameras=sorted(hub.register.camera_ids()),
        )

    return await run_in_threadpool(make)


def _why(reason: str) -> str:
    reason = " ".join(reason.split())
    if len(reason) < _LEAST_REASON:
        raise BadInput("Say why, in words.", advice="Whoever reads the log should understand the decision.")
    return reason


@router.get("/api/partners")
@roles(*READERS)
async def partners(request: Request) -> PartnerList:
    """All partners, and what this hub says of itself."""
    return await _list(request)


@router.post("/api/partners", response_model=PartnerList, responses=_PROPOSED)
@roles(*ADDERS)
async def add(request: Request, session: CurrentSession, body: PartnerIn) -> PartnerList | Response:
    """Add a partner, or take a new document of one: its file, and the fingerprint as it was read out. Takes a second person."""
    reason, desk = _why(body.reason), federation_of(request)
    change = {"document": body.document, "fingerprint": " ".join(body.fingerprint.split()).lower()}
    document, right = desk.check_document(body.document.encode(), body.fingerprint)
    way = await proposals_of(request).way(session, "partner.add", change, reason)
    if way.proposal is not None:
        return await waits(request, session, way.proposal)
    act = {"do": "partner.add", "controller": document.controller, "address": document.address, "fingerprint": right}
    proof = hub_of(request).step_up.require(session, act)
    await desk.add(body.document.encode(), right, session.user.id, "", {"reason": reason, "step_up": proof.id})
    return await _list(request)


@router.put("/api/partners/{partner_id}/policy", response_model=PartnerList, responses=_PROPOSED)
@roles(*SWITCHERS)
async def set_policy(
    partner_id: str, request: Request, session: CurrentSession, body: PolicyIn
) -> PartnerList | Response:
    """Switch what a partner may ask. What opens more takes a second person; what opens less counts at once."""
    reason, desk = _why(body.reason), federation_of(request)
    policy, partner = policy_of(body.policy.model_dump()), await desk.standing(partner_id)
    unknown = set(policy.cameras or ()) - await run_in_threadpool(hub_of(request).register.camera_ids)
    if unknown:
        raise BadInput(f"There is no camera {sorted(unknown)[0]}.", advice="Choose cameras of the register.")
    change = {"partner": partner_id, "policy": body.policy.model_dump()}
    way = await proposals_of(request).way(session, "partner.policy", change, reason)
    if way.proposal is not None:
        return await waits(request, session, way.proposal)
    facts = {}
    if opens_more(partner.policy, policy):
        lines = [[name, value] for name, value in policy_words(policy).items()]
        act = {"do": "partner.policy", "partner": partner.id, "controller": partner.controller, "policy": lines}
        facts = {"step_up": hub_of(request).step_up.require(session, act).id}
    await desk.set_policy(partner_id, policy, session.user.id, reason, facts)
    return await _list(request)


@router.post("/api/partners/{partner_id}/revoke")
@roles(*REVOKERS)
async def revoke(partner_id: str, request: Request, user: CurrentUser, body: WhyIn) -> PartnerList:
    """End a partnership, alone and at once: nothing of theirs is read any more, nothing is sent."""
    await federation_of(request).revoke(partner_id, user, body.reason)
    return await _list(request)


@router.post("/api/partners/{partner_id}/try", status_code=204)
@roles(*READERS)
async def try_now(partner_id: str, request: Request) -> None:
    """Try now to deliver what waits for a partner."""
    desk = federation_of(request)
    desk.require_on()
    await desk.post.hurry((await desk.standing(partner_id)).id)


@router.post("/api/partners/key")
@roles(Role.ADMINISTRATOR)
async def next_key(request: Request, session: CurrentSession, body: WhyIn) -> PartnerList:
    """Make this hub's next federation key; partners are told, and take both for seven days."""
    reason, desk = _why(body.reason), federation_of(request)
    desk.require_on()
    proof = hub_of(request).step_up.require(session, {"do": "federation.key", "reason": reason})
    await desk.rotate(session.user, {"reason": reason, "step_up": proof.id})
    return await _list(request)


@router.get("/api/partners/{partner_id}/letters")
@roles(Role.DPO, Role.AUDITOR)
async def letters(partner_id: str, request: Request) -> LetterList:
    """The newest letters to and from a partner, with the hashes that both logs hold."""
    desk = federation_of(request)

    def load() -> LetterList:
        return LetterList(letters=[letter_out(each) for each in desk.letters.of(desk.partners.get(partner_id).id)])

    return await run_in_threadpool(load)
