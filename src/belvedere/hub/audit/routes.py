"""The log over HTTP: tiles and checkpoint for everybody, one's own entries for the person they are about."""

import asyncio
import base64
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from belvedere.foundation.errors import BadInput, NotFound
from belvedere.hub.access.doors import CurrentUser, public, signed_in
from belvedere.hub.audit import explorer, whole
from belvedere.hub.audit.page import VERIFY_PAGE, page_policy
from belvedere.hub.audit.words import summary
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.tlog.checkpoint import log_key
from belvedere.tlog.cosign import note_key_text
from belvedere.tlog.note import MAX_NOTE_BYTES
from belvedere.tlog.tiles import parse_tile

_PAGE = 50


class AuditLine(BaseModel):
    """One entry of the log."""

    index: int
    time_us: int
    kind: str
    summary: str
    facts: dict[str, Any]


class CheckpointLine(BaseModel):
    """The log's size and root (base64), and when the hub signed them."""

    size: int
    root: str
    signed_us: int


class AuditPage(BaseModel):
    """Entries, newest first. `next` is the `before` of the next page, None on the last."""

    entries: list[AuditLine]
    next: int | None
    checkpoint: CheckpointLine


router = Room()
router.add(explorer.router)
router.add(whole.router)


def _text(data: bytes) -> Response:
    return Response(data, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"})


@router.get("/log/checkpoint", include_in_schema=False)
@public
def checkpoint(request: Request) -> Response:
    """C2SP tlog-checkpoint: the newest, with every cosignature that is known for it."""
    return _text(hub_of(request).witnesses.head())


@router.get("/log/witnessed", include_in_schema=False)
@public
def witnessed(request: Request) -> Response:
    """The newest checkpoint that a witness signed; it may be a minute behind the newest of all."""
    note = hub_of(request).witnesses.witnessed()
    if note is None:
        raise NotFound("No witness has signed the log yet.", advice="Read /log/checkpoint.")
    return _text(note)


@router.get("/log/witnesses", include_in_schema=False)
@public
def witnesses(request: Request) -> Response:
    """The keys of the witnesses that this hub knows, one a line. Whoever doubts the hub takes them from the witnesses."""
    return _text(hub_of(request).witnesses.list.text().encode())


@router.post("/log/cosignature", include_in_schema=False)
@public
async def cosignature(request: Request) -> Response:
    """A checkpoint with the cosignature of a witness that this hub knows: kept, and served from now on."""
    note = bytearray()
    async for part in request.stream():
        note += part
        if len(note) > MAX_NOTE_BYTES:
            raise BadInput(f"A checkpoint has at most {MAX_NOTE_BYTES} bytes.", advice="Send the signed checkpoint.")
    taken = await asyncio.to_thread(hub_of(request).witnesses.take, bytes(note))
    return _text("".join(f"{one.key.name} {one.checkpoint.size} {one.time_s}\n" for one in taken).encode())


@router.get("/log/key", include_in_schema=False)
@public
def key(request: Request) -> Response:
    """The hub's public key in one line, as verifiers take it. Whoever doubts the hub takes it from somebody else."""
    line = note_key_text(log_key(hub_of(request).key.public_key().public_bytes_raw()))
    return _text(f"{line}\n".encode())


@router.get("/log/verify.html", include_in_schema=False)
@public
def verify_page() -> Response:
    """The page that checks the log: one file, which works from a disk as well."""
    return FileResponse(
        VERIFY_PAGE,
        media_type="text/html",
        headers={"Cache-Control": "no-cache", "Content-Security-Policy": page_policy()},
    )


@router.get("/log/timestamps/{name}", include_in_schema=False)
@public
def timestamp(name: str, request: Request) -> Response:
    """A day's stamped checkpoint (`2026-11-22.checkpoint`) or the authority's answer (`.tsr`)."""
    return Response(hub_of(request).stamps.read(name), media_type="application/octet-stream")


@router.get("/log/tile/{path:path}", include_in_schema=False)
@public
def tile(path: str, request: Request) -> Response:
    """C2SP tlog-tiles: hashes, and bundles of entries under `entries/`. A tile once there never changes."""
    name = parse_tile(path)
    data = None if name is None else hub_of(request).audit.tile(name)
    if data is None:
        raise NotFound("The log has no such tile.", advice="Read /log/checkpoint for its size.")
    return Response(
        data,
        media_type="application/octet-stream",
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )


@router.get("/api/audit/mine")
@signed_in
def mine(
    request: Request,
    user: CurrentUser,
    before: Annotated[int | None, Query(ge=0)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = _PAGE,
) -> AuditPage:
    """What the log holds about what one did oneself, newest first."""
    log = hub_of(request).audit
    found = log.entries(actor=user.id, before=before, limit=limit + 1)
    more = len(found) > limit
    page = found[:limit]
    head = log.checkpoint()
    return AuditPage(
        entries=[
            AuditLine(
                index=entry.index,
                time_us=entry.time_us,
                kind=entry.kind,
                summary=summary(entry.kind, entry.facts),
                facts=entry.facts,
            )
            for entry in page
        ],
        next=page[-1].index if more else None,
        checkpoint=CheckpointLine(size=head.size, root=base64.b64encode(head.root).decode(), signed_us=head.signed_us),
    )
