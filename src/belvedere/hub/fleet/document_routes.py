"""What a site is over HTTP: its cameras without any secret, which order it has taken, and ordering another."""

from typing import Annotated

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from belvedere.foundation.errors import BadInput, LinkFault
from belvedere.hub.access.doors import CurrentSession, roles
from belvedere.hub.fleet.document import SiteDocuments
from belvedere.hub.proposals.reach import proposals_of, waits
from belvedere.hub.proposals.shapes import WaitsOut
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.link.document import read_document, sha256_of
from belvedere.policy.table import Role

_ORDER = (Role.ADMINISTRATOR, Role.MANAGER)
_LOOK = (*_ORDER, Role.INSTALLER, Role.DPO, Role.SUPERVISOR)
_Name = Annotated[str, Field(min_length=1, max_length=200)]

router = Room("sites")


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DocumentCamera(BaseModel):
    camera: str
    name: str
    enabled: bool


class DocumentOut(BaseModel):
    """A site's document without any secret. The last three are null while the site is away."""

    sha256: str = Field(description="Of the document that the hub keeps sealed; names it in an order.")
    kept_us: int
    cameras: list[DocumentCamera]
    version: int | None = Field(description="Of the order that the site took last; 0: none.")
    taken_us: int | None
    as_ordered: bool | None = Field(description="Whether the site is now what was ordered last.")


class CameraChange(_In):
    """Null: as it is."""

    camera: Annotated[str, Field(max_length=48)]
    name: _Name | None = None
    enabled: bool | None = None


class DocumentIn(_In):
    sha256: Annotated[str, Field(min_length=64, max_length=64, description="The document that is changed.")]
    cameras: Annotated[list[CameraChange], Field(max_length=500)] = []
    remove: Annotated[list[str], Field(max_length=500, description="Cameras that go; their footage stays.")] = []
    reason: Annotated[str, Field(max_length=2_000)]


class DocumentChange(BaseModel):
    what: str
    before: str
    after: str


class OrderedOut(BaseModel):
    """What the site took. `left`: what is different all the same, because it is the box's own."""

    version: int
    changes: list[DocumentChange]
    left: list[DocumentChange]


@router.get("/api/sites/{site}/document")
@roles(*_LOOK)
async def document(site: str, request: Request) -> DocumentOut:
    """What a site is: its cameras, and which order it goes by. No address and no password is in it."""
    documents = SiteDocuments(hub_of(request))
    plain, kept_us = await documents.kept(site)
    found = read_document(plain)
    try:
        state = await documents.state(site)
    except LinkFault:
        state = None
    return DocumentOut(
        sha256=sha256_of(plain),
        kept_us=kept_us,
        cameras=[DocumentCamera(camera=each.camera, name=each.name, enabled=each.enabled) for each in found.cameras],
        version=state.version if state else None,
        taken_us=state.taken_us if state else None,
        as_ordered=state.now == state.sha256 if state else None,
    )


@router.put("/api/sites/{site}/document", response_model=OrderedOut, responses={202: {"model": WaitsOut}})
@roles(*_ORDER)
async def order(site: str, body: DocumentIn, request: Request, session: CurrentSession) -> OrderedOut | Response:
    """Order what a site is: its document with these changes, signed; a second person confirms, by the action table."""
    reason = " ".join(body.reason.split())
    if len(reason) < 3:
        raise BadInput("Say why it is changed.", advice="A few words are enough.")
    cameras = [each.model_dump(exclude_none=True) for each in body.cameras]
    change = {"site": site, "sha256": body.sha256, "cameras": cameras, "remove": sorted(set(body.remove))}
    way = await proposals_of(request).way(session, "site.document", change, reason)
    if way.proposal is not None:
        return await waits(request, session, way.proposal)
    state = await SiteDocuments(hub_of(request)).order(session.user.id, change, reason, {})

    def out(lines: tuple[tuple[str, str, str], ...]) -> list[DocumentChange]:
        return [DocumentChange(what=what, before=before, after=after) for what, before, after in lines]

    return OrderedOut(version=state.version, changes=out(state.changes), left=out(state.left))
