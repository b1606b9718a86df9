"""Answering the dwell guard, and the register of long looks, over HTTP."""

import asyncio
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from belvedere.foundation.errors import Refused
from belvedere.hub.access.doors import CurrentUser, granted, roles, signed_in
from belvedere.hub.dwell.register import PAGE, Answer, Note, sheet
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.hub.watchers.routes import log_opening
from belvedere.policy.grant import Action
from belvedere.policy.table import Role

router = Room("dwell")

_READERS = (Role.DPO, Role.AUDITOR)
_MOST_LINES = 20_000  # of one CSV


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AskedOut(BaseModel):
    """`until_us`: the picture stops then. `held_us`: how long the look has lasted."""

    camera: str
    cameras: list[str]
    held_us: int
    until_us: int


class AskedList(BaseModel):
    """What one was asked and has not answered, and the cameras whose live picture stopped for one."""

    asked: list[AskedOut]
    stopped: list[str]
    minutes: int
    note_minutes: int


class AnswerIn(_In):
    """`kind`: immediate (a note of what one responds to) or ripa (number and `until_us` of an authorisation)."""

    grant: Annotated[str, Field(max_length=64)]
    camera: Annotated[str, Field(max_length=64)]
    kind: Annotated[str, Field(max_length=16)]
    text: Annotated[str, Field(max_length=4_000)] = ""
    number: Annotated[str, Field(max_length=64)] = ""
    until_us: Annotated[int | None, Field(ge=0, lt=1 << 53)] = None


class NoteOut(BaseModel):
    """A line of the register. `person` is a pseudonym."""

    id: str
    kind: str
    person: str
    cameras: list[str]
    number: str
    text: str
    held_us: int
    made_us: int
    until_us: int
    ended_us: int | None


class NoteList(BaseModel):
    now_us: int
    notes: list[NoteOut]
    total: int
    next: str | None


class EndIn(_In):
    reason: Annotated[str, Field(min_length=5, max_length=500)]


def _note_out(request: Request, note: Note) -> NoteOut:
    fields = {name: getattr(note, name) for name in NoteOut.model_fields if name not in ("person", "cameras")}
    person = hub_of(request).watch.blinder.pseudonym(note.account_id)
    return NoteOut(person=person, cameras=list(note.cameras), **fields)


@router.get("/api/dwell")
@signed_in
async def asked(request: Request, user: CurrentUser) -> AskedList:
    """What the dwell guard asks of oneself."""
    hub = hub_of(request)
    verdict = hub.dwell.open_questions(user.id)
    return AskedList(
        asked=[
            AskedOut(camera=each.camera, cameras=list(each.cameras), held_us=each.held_us, until_us=each.until_us)
            for each in verdict.asked
        ],
        stopped=sorted(verdict.stopped),
        minutes=hub.settings.hub.dwell_minutes,
        note_minutes=hub.settings.hub.dwell_note_minutes,
    )


@router.post("/api/dwell/notes", status_code=201)
@granted(Action.LIVE)
async def answer(request: Request, user: CurrentUser, body: AnswerIn) -> NoteOut:
    """Say why one goes on looking: what one responds to, or the number of an authorisation."""
    hub = hub_of(request)
    usable = await hub.grants.use(user, body.grant, Action.LIVE, [body.camera])
    said = Answer(body.kind, body.text, body.number, body.until_us)
    return _note_out(request, await hub.dwell.answer(user.id, usable.grant, body.camera, said))


@router.get("/api/dwell/notes")
@roles(*_READERS)
async def notes(
    request: Request,
    user: CurrentUser,
    kind: Annotated[str, Query(max_length=16)] = "",
    before: Annotated[str, Query(max_length=64)] = "",
) -> NoteList:
    """The register of long looks, newest first."""
    hub = hub_of(request)
    await log_opening(request, user, "long looks")
    found = await asyncio.to_thread(lambda: hub.dwell.book.lines(kind=kind, before=before))
    return NoteList(
        now_us=hub.clock.now_us(),
        notes=[_note_out(request, note) for note in found],
        total=await asyncio.to_thread(hub.dwell.book.count),
        next=found[-1].id if len(found) == PAGE else None,
    )


@router.get("/api/dwell/notes.csv", response_class=Response)
@roles(*_READERS)
async def notes_sheet(request: Request, user: CurrentUser) -> Response:
    """The whole register as CSV."""
    hub = hub_of(request)
    await log_opening(request, user, "long looks, CSV")
    found = await asyncio.to_thread(lambda: hub.dwell.book.lines(limit=_MOST_LINES))
    text = sheet([(hub.watch.blinder.pseudonym(note.account_id), note) for note in found])
    headers = {"Content-Disposition": 'attachment; filename="long-looks.csv"', "Cache-Control": "no-store"}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/api/dwell/notes/{note_id}/end", status_code=204)
@roles(Role.DPO)
async def end(note_id: str, request: Request, user: CurrentUser, body: EndIn) -> None:
    """End a note or authorisation that does not hold. Who looks under it is asked again."""
    if not body.reason.strip():
        raise Refused("Say why.", advice="A few words are enough.")
    await hub_of(request).dwell.end(user.id, note_id, body.reason)
