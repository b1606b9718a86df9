"""Conflicts of interest that people declare of themselves: an address, a vehicle, a person, a camera. The words are not kept."""

import asyncio
from typing import Annotated

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from belvedere.hub.access.doors import CurrentUser, roles, signed_in
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.policy.table import Role

CONFLICT_DECLARED = "conflict.declared"
CONFLICT_WITHDRAWN = "conflict.withdrawn"

router = Room("watching")


class DeclaredOut(BaseModel):
    """How many conflicts of a kind one person declared; what they are nobody can read."""

    name: str
    kind: str
    count: int
    newest_us: int


class DeclaredList(BaseModel):
    declared: list[DeclaredOut]


class ConflictIn(BaseModel):
    """`kind`: address, vehicle, person or camera (its id). The words are used once and not kept."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[str, Field(max_length=16)]
    words: Annotated[str, Field(min_length=3, max_length=200)]


class ConflictOut(BaseModel):
    id: str
    kind: str
    declared_us: int


class ConflictList(BaseModel):
    conflicts: list[ConflictOut]


@router.get("/api/conflicts")
@signed_in
async def conflicts(request: Request, user: CurrentUser) -> ConflictList:
    """What one declared of oneself: kinds and dates. The words are not kept."""
    found = await asyncio.to_thread(hub_of(request).watch.people.declared, user.id)
    return ConflictList(
        conflicts=[ConflictOut(id=each.id, kind=each.kind, declared_us=each.declared_us) for each in found]
    )


@router.get("/api/dpo/conflicts")
@roles(Role.DPO, Role.AUDITOR)
async def declared_by_all(request: Request) -> DeclaredList:
    """Who declared how many conflicts of which kind, and when last."""
    hub = hub_of(request)
    found = await asyncio.to_thread(hub.watch.conflicts.all)
    names = await asyncio.to_thread(hub.watch.people.names)
    return DeclaredList(
        declared=[
            DeclaredOut(
                name=names.get(each.account_id, each.account_id),
                kind=each.kind,
                count=each.count,
                newest_us=each.newest_us,
            )
            for each in found
        ]
    )


@router.post("/api/conflicts", status_code=201)
@signed_in
async def declare(request: Request, user: CurrentUser, body: ConflictIn) -> ConflictOut:
    """Declare an address, vehicle or person of one's own, so that a search for it is noticed."""
    hub = hub_of(request)
    made = await asyncio.to_thread(hub.watch.people.declare, user.id, body.kind, body.words)
    await hub.audit.append(CONFLICT_DECLARED, user.id, {"conflict": made.id, "kind": made.kind})
    return ConflictOut(id=made.id, kind=made.kind, declared_us=made.declared_us)


@router.delete("/api/conflicts/{conflict_id}", status_code=204)
@signed_in
async def withdraw(conflict_id: str, request: Request, user: CurrentUser) -> None:
    """Withdraw a declaration of one's own."""
    hub = hub_of(request)
    kind = await asyncio.to_thread(hub.watch.people.withdraw, user.id, conflict_id)
    await hub.audit.append(CONFLICT_WITHDRAWN, user.id, {"conflict": conflict_id, "kind": kind})
