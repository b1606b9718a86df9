"""The data protection officer's desk over HTTP. Nothing here shows a picture.

Reading is for the DPO and the auditor, deciding for the DPO. People are pseudonyms until the DPO asks for a name, which is
in the log before it is shown. Line managers have no door here.
"""

import asyncio
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field

from belvedere.foundation.clock import HOUR_US
from belvedere.hub.access.doors import CurrentUser, roles
from belvedere.hub.access.users import User
from belvedere.hub.audit.words import summary
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.hub.watchers import conflict_routes
from belvedere.hub.watchers.figures import figures
from belvedere.hub.watchers.next_steps import next_step, title
from belvedere.hub.watchers.queue import Item, Outcome
from belvedere.policy.table import Role

router = Room("dpo")
router.add(conflict_routes.router)

DPO_OPENED = "dpo.opened"
DPO_REVIEWED = "dpo.reviewed"
DPO_NAME_SHOWN = "dpo.name_shown"
DWELLINGS_SET = "dwelling.set"
_READERS = (Role.DPO, Role.AUDITOR)
_FEED = 50
_Text = Annotated[str, Field(max_length=4_000)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ItemOut(BaseModel):
    """One item. `kind`: finding, notice, sample. `person` is a pseudonym, "" nobody's. `next`: what to do about it."""

    id: str
    kind: str
    rule: str
    title: str
    text: str
    next: str
    person: str
    facts: dict[str, Any]
    entries: list[int]
    made_us: int
    due_us: int | None
    overdue: bool
    reviewed_us: int | None
    outcome: str
    words: str
    mine: bool = Field(description="It is about you: somebody else reviews it.")


class StandingOut(BaseModel):
    open: dict[str, int]
    overdue: int
    oldest_us: int | None


class QueueOut(BaseModel):
    now_us: int
    may_decide: bool
    standing: StandingOut
    items: list[ItemOut]
    next: str | None


class EntryOut(BaseModel):
    """A log entry in words. No names: who did it is the item's person, or a pseudonym."""

    index: int
    time_us: int
    kind: str
    summary: str
    facts: dict[str, Any]
    person: str


class ItemDetail(BaseModel):
    item: ItemOut
    entries: list[EntryOut]


class ReviewIn(_In):
    outcome: Outcome
    words: _Text


class NameIn(_In):
    reason: Annotated[str, Field(min_length=5, max_length=500)]


class NameOut(BaseModel):
    person: str
    name: str


class PairOut(BaseModel):
    asker: str
    approver: str
    given: int
    asked: int


class FiguresOut(BaseModel):
    """Of the last `days`. `outcomes`: how reviews came out, by rule."""

    days: int
    grants: int
    purposes: dict[str, int]
    refusals: dict[str, int]
    rules: dict[str, int]
    pairs: list[PairOut]
    outcomes: dict[str, dict[str, int]]
    whole: bool


class FeedOut(BaseModel):
    entries: list[EntryOut]


class DwellingIn(_In):
    camera: Annotated[str, Field(max_length=48)]
    preset: Annotated[str, Field(max_length=64)] = ""
    note: Annotated[str, Field(max_length=500)] = ""


class DwellingsIn(_In):
    views: Annotated[list[DwellingIn], Field(max_length=5_000)]


class DwellingOut(BaseModel):
    camera: str
    preset: str
    note: str
    set_us: int


class DwellingList(BaseModel):
    views: list[DwellingOut]


def _item_out(request: Request, item: Item, user: User) -> ItemOut:
    hub = hub_of(request)
    open_late = item.reviewed_us is None and item.due_us is not None and item.due_us < hub.clock.now_us()
    facts = {
        name: hub.watch.blinder.pseudonym(value) if name in ("approver", "account") else value
        for name, value in item.facts.items()
    }
    return ItemOut(
        id=item.id,
        kind=item.kind,
        rule=item.rule,
        title=title(item.kind, item.rule),
        text=item.text,
        next=next_step(item.kind, item.rule),
        person=hub.watch.blinder.pseudonym(item.account_id),
        facts=facts,
        entries=list(item.entries),
        made_us=item.made_us,
        due_us=item.due_us,
        overdue=open_late,
        reviewed_us=item.reviewed_us,
        outcome=item.outcome,
        words=item.words,
        mine=item.account_id == user.id,
    )


async def log_opening(request: Request, user: User, what: str) -> None:
    """Who reads here is in the log once an hour, for each page."""
    hub = hub_of(request)
    seen: dict[tuple[str, str], int] = getattr(request.app.state, "dpo_opened", {})
    request.app.state.dpo_opened = seen
    hour = hub.clock.now_us() // HOUR_US
    if seen.get((user.id, what)) != hour:
        await hub.audit.append(DPO_OPENED, user.id, {"page": what})
        seen[user.id, what] = hour


@router.get("/api/dpo/queue")
@roles(*_READERS)
async def queue(
    request: Request,
    user: CurrentUser,
    reviewed: bool = False,
    kind: Annotated[str, Query(max_length=16)] = "",
    rule: Annotated[str, Query(max_length=48)] = "",
    before: Annotated[str, Query(max_length=64)] = "",
) -> QueueOut:
    """What is to be looked at, the most urgent first; with `reviewed`, what was, newest first."""
    hub = hub_of(request)
    await log_opening(request, user, "queue")
    await hub.watch.refresh()
    desk = hub.watch.queue
    items = await asyncio.to_thread(lambda: desk.items(is_open=not reviewed, kind=kind, rule=rule, before=before))
    standing = await asyncio.to_thread(desk.standing)
    return QueueOut(
        now_us=hub.clock.now_us(),
        may_decide=Role.DPO in user.roles,
        standing=StandingOut(open=standing.open, overdue=standing.overdue, oldest_us=standing.oldest_us),
        items=[_item_out(request, item, user) for item in items],
        next=items[-1].id if reviewed and len(items) >= 100 else None,
    )


@router.get("/api/dpo/items/{item_id}")
@roles(*_READERS)
async def item(item_id: str, request: Request, user: CurrentUser) -> ItemDetail:
    """One item with the log entries that it rests on."""
    hub = hub_of(request)
    found = await asyncio.to_thread(hub.watch.queue.item, item_id)
    entries = await asyncio.to_thread(lambda: [hub.audit.entry(index) for index in found.entries[-50:]])
    return ItemDetail(
        item=_item_out(request, found, user),
        entries=[
            EntryOut(
                index=each.index,
                time_us=each.time_us,
                kind=each.kind,
                summary=summary(each.kind, each.facts),
                facts={name: value for name, value in each.facts.items() if name not in _NAMING},
                person=hub.watch.blinder.pseudonym(each.actor),
            )
            for each in entries
        ],
    )


_NAMING = frozenset({"user_name", "account", "asker", "approver", "name", "person", "grant_sha256"})


@router.post("/api/dpo/items/{item_id}/review")
@roles(Role.DPO)
async def review(item_id: str, request: Request, user: CurrentUser, body: ReviewIn) -> ItemOut:
    """Close an item with an outcome and words; in the log first."""
    hub = hub_of(request)
    desk = hub.watch.queue
    found = await asyncio.to_thread(desk.check_review, item_id, user.id, body.outcome, body.words)
    facts = {"item": found.id, "rule": found.rule, "outcome": body.outcome, "words": body.words.strip()}
    await hub.audit.append(DPO_REVIEWED, user.id, facts)
    return _item_out(request, await asyncio.to_thread(desk.review, item_id, user.id, body.outcome, body.words), user)


@router.post("/api/dpo/items/{item_id}/name")
@roles(Role.DPO)
async def name(item_id: str, request: Request, user: CurrentUser, body: NameIn) -> NameOut:
    """Whom an item is about. That it was asked, and why, is in the log before it is answered."""
    hub = hub_of(request)
    found = await asyncio.to_thread(hub.watch.queue.item, item_id)
    facts = {"item": found.id, "rule": found.rule, "reason": body.reason.strip()}
    await hub.audit.append(DPO_NAME_SHOWN, user.id, facts)
    names = await asyncio.to_thread(hub.watch.people.names)
    return NameOut(
        person=hub.watch.blinder.pseudonym(found.account_id), name=names.get(found.account_id, "") or "Nobody"
    )


@router.get("/api/dpo/figures")
@roles(*_READERS)
async def numbers(request: Request, user: CurrentUser, days: Annotated[int, Query(ge=1, le=366)] = 30) -> FiguresOut:
    """What was given, refused, approved by whom for whom, and how reviews came out."""
    hub = hub_of(request)
    await log_opening(request, user, "figures")
    found = await asyncio.to_thread(figures, hub.engine, hub.watch.blinder, hub.clock.now_us(), days)
    outcomes = await asyncio.to_thread(hub.watch.queue.outcomes, days)
    return FiguresOut(
        days=found.days,
        grants=found.grants,
        purposes=found.purposes,
        refusals=found.refusals,
        rules=found.rules,
        pairs=[PairOut(asker=p.asker, approver=p.approver, given=p.given, asked=p.asked) for p in found.pairs],
        outcomes=outcomes,
        whole=found.whole,
    )


@router.get("/api/dpo/purposes")
@roles(*_READERS)
async def purpose_changes(request: Request, user: CurrentUser) -> FeedOut:
    """The newest changes of purposes and of what cameras are for."""
    hub = hub_of(request)
    await log_opening(request, user, "purposes")
    entries = await asyncio.to_thread(lambda: [hub.audit.entry(at) for at in hub.watch.newest("purpose.", _FEED)])
    return FeedOut(
        entries=[
            EntryOut(
                index=each.index,
                time_us=each.time_us,
                kind=each.kind,
                summary=summary(each.kind, each.facts),
                facts={},
                person=hub.watch.blinder.pseudonym(each.actor),
            )
            for each in entries
        ]
    )


@router.get("/api/dpo/dwellings")
@roles(*_READERS)
async def dwellings(request: Request) -> DwellingList:
    """Which cameras, or presets of them, look at where people live."""
    found = await asyncio.to_thread(hub_of(request).watch.people.dwellings)
    return DwellingList(views=[DwellingOut(**{n: getattr(v, n) for n in DwellingOut.model_fields}) for v in found])


@router.put("/api/dpo/dwellings")
@roles(Role.DPO)
async def set_dwellings(request: Request, user: CurrentUser, body: DwellingsIn) -> DwellingList:
    """Put this list in the place of the one before."""
    hub = hub_of(request)
    views = [(each.camera, each.preset, each.note) for each in body.views]
    await hub.audit.append(
        DWELLINGS_SET, user.id, {"views": [[c, p] for c, p, _ in views][:1_000], "count": len(views)}
    )
    found = await asyncio.to_thread(hub.watch.people.put_dwellings, views)
    hub.dwell.dwellings_changed()
    return DwellingList(views=[DwellingOut(**{n: getattr(v, n) for n in DwellingOut.model_fields}) for v in found])
