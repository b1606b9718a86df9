"""The log for those who read it for everybody: the data protection officer and the auditor. Reading it is logged as well.

A query is logged once, before anything is shown: turning its pages, or its picture over time, says nothing new.
"""

import csv
import io
from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from belvedere.foundation.clock import MINUTE_US, iso
from belvedere.foundation.errors import NotFound
from belvedere.hub.access.doors import CurrentUser, roles, signed_in
from belvedere.hub.access.users import User
from belvedere.hub.audit.proofs import entry_proof
from belvedere.hub.audit.rows import Entry
from belvedere.hub.audit.search import LogFilter
from belvedere.hub.audit.words import summary
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.policy.table import Role

router = Room("audit")

LOG_READ = "log.read"
_READERS = (Role.DPO, Role.AUDITOR)
_PAGE = 100
MOST_ROWS = 100_000  # of a CSV
_KNOWN_US = 15 * MINUTE_US  # one query is one entry for so long
_MOST_KNOWN = 1000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = ("entry", "time", "who", "account", "kind", "what", "facts")


class FullLine(BaseModel):
    """One entry with who did it. `erased`: only its hash is left."""

    index: int
    time_us: int
    kind: str
    account: str
    who: str
    summary: str
    facts: dict[str, Any]
    erased: bool


class FullPage(BaseModel):
    """Entries, newest first. `next` is the `before` of the next page, None on the last."""

    entries: list[FullLine]
    next: int | None
    size: int


class BucketOut(BaseModel):
    start_us: int
    count: int
    refused: int


class HistogramOut(BaseModel):
    width_us: int
    buckets: list[BucketOut]
    total: int


class PersonName(BaseModel):
    id: str
    name: str
    display: str


class Choices(BaseModel):
    """What one may filter by."""

    kinds: list[str]
    people: list[PersonName]


class EntryProofOut(BaseModel):
    """A record with everything that proves it: the file that the verifiers take. `record` and `salt` are empty once erased."""

    format: int
    index: int
    record: str
    salt: str
    entry: str
    path: list[str]
    checkpoint: str
    key: str
    witnesses: str
    witnessed: bool


class AlarmOut(BaseModel):
    what: str
    name: str
    text: str
    since_us: int


class AlarmsOut(BaseModel):
    """What was found altered and is so still; and how far the background check has come."""

    alarms: list[AlarmOut]
    looked_us: int | None
    checked: int
    size: int


_Text = Annotated[str, Query(max_length=128)]
_Time = Annotated[int | None, Query(ge=0, lt=1 << 62)]


def _filter(
    person: _Text = "",
    kind: _Text = "",
    camera: _Text = "",
    case: _Text = "",
    grant: _Text = "",
    about: _Text = "",
    from_us: _Time = None,
    to_us: _Time = None,
    refused: bool = False,
) -> LogFilter:
    return LogFilter(person, kind, camera, case, grant, about, from_us, to_us, refused)


Wanted = Annotated[LogFilter, Depends(_filter)]


class Reads:
    """Which queries of which person stand in the log already. Bounded; forgotten with a restart, which logs once more."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, object], int] = OrderedDict()

    def fresh(self, user: User, query: object, now_us: int) -> bool:
        """Whether this query of this person is to be logged now."""
        key = (user.id, query)
        logged_us = self._known.pop(key, None)
        fresh = logged_us is None or not 0 <= now_us - logged_us < _KNOWN_US
        self._known[key] = now_us if fresh or logged_us is None else logged_us
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return fresh


async def _logged(request: Request, user: User, wanted: LogFilter, form: str) -> dict[str, str]:
    """Enter the query in the log; returns display names by account id."""
    hub = hub_of(request)
    accounts = await run_in_threadpool(hub.users.all)
    names = {each.id: each.display for each in accounts}
    if hub.reads.fresh(user, (wanted, form == "csv"), hub.clock.monotonic_us()):
        await hub.audit.append(LOG_READ, user.id, {"filters": wanted.words(names), "form": form})
    return names


def _line(entry: Entry, names: dict[str, str]) -> FullLine:
    return FullLine(
        index=entry.index,
        time_us=entry.time_us,
        kind=entry.kind,
        account=entry.actor,
        who=names.get(entry.actor, entry.actor),
        summary=summary(entry.kind, entry.facts) if entry.record else "Erased: its time was up, only its hash is kept",
        facts=entry.facts,
        erased=not entry.record,
    )


@router.get("/api/audit/entries")
@roles(*_READERS)
async def entries(
    request: Request,
    user: CurrentUser,
    wanted: Wanted,
    before: Annotated[int | None, Query(ge=0)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = _PAGE,
) -> FullPage:
    """What the log holds of everybody, newest first, narrowed by person, kind, camera, case, access, time, refusals."""
    hub = hub_of(request)
    names = await _logged(request, user, wanted, "table")
    found = await run_in_threadpool(hub.log_search.find, wanted, before, limit + 1)
    page = found[:limit]
    more = len(found) > limit
    return FullPage(
        entries=[_line(entry, names) for entry in page],
        next=page[-1].index if more else None,
        size=hub.audit.checkpoint().size,
    )


@router.get("/api/audit/histogram")
@roles(*_READERS)
async def histogram(request: Request, user: CurrentUser, wanted: Wanted) -> HistogramOut:
    """How many entries are wanted, over time; refusals apart."""
    await _logged(request, user, wanted, "table")
    found = await run_in_threadpool(hub_of(request).log_search.histogram, wanted)
    buckets = [BucketOut(start_us=one.start_us, count=one.count, refused=one.refused) for one in found.buckets]
    return HistogramOut(width_us=found.width_us, buckets=buckets, total=found.total)


@router.get("/api/audit/choices")
@roles(*_READERS)
def choices(request: Request) -> Choices:
    """The kinds of entries and the people that one may filter by."""
    hub = hub_of(request)
    accounts = {each.id: each for each in hub.users.all()}
    people = []
    for one in sorted({*accounts, *hub.log_search.people()}):
        known = accounts.get(one)
        people.append(PersonName(id=one, name=known.name if known else one, display=known.display if known else one))
    return Choices(kinds=hub.log_search.kinds(), people=people)


@router.get("/api/audit/entries.csv")
@roles(*_READERS)
async def entries_csv(request: Request, user: CurrentUser, wanted: Wanted) -> Response:
    """What is wanted as a CSV file, MOST_ROWS at most; the last line says when there are more."""
    hub = hub_of(request)
    names = await _logged(request, user, wanted, "csv")
    head = {"Content-Disposition": 'attachment; filename="log.csv"'}
    lines = _csv(hub.log_search.all(wanted, MOST_ROWS + 1), names)
    first = await run_in_threadpool(next, lines)  # here, where a database that refuses to look can still be told of
    return StreamingResponse(chain((first,), lines), media_type="text/csv; charset=utf-8", headers=head)


def _csv(found: Iterator[Entry], names: dict[str, str]) -> Iterator[str]:
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(_COLUMNS)
    for number, entry in enumerate(found):
        if number == MOST_ROWS:
            writer.writerow((f"There are more than {MOST_ROWS} entries. Narrow the filters.",))
            break
        line = _line(entry, names)
        facts = msgspec.json.encode(entry.facts).decode()
        row = (line.index, iso(line.time_us), line.who, line.account, line.kind, line.summary, facts)
        writer.writerow([_cell(value) for value in row])
        if target.tell() > 1 << 16:
            yield target.getvalue()
            target.seek(0)
            target.truncate()
    yield target.getvalue()


def _cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


@router.get("/api/audit/entries/{index}/proof")
@signed_in
async def proof(index: Annotated[int, Field(ge=0, lt=1 << 62)], request: Request, user: CurrentUser) -> EntryProofOut:
    """One record with its proof, as the verifiers take it: one's own for everybody, all for who reads the log."""
    hub = hub_of(request)
    entry = await run_in_threadpool(hub.audit.entry, index)
    if entry.actor != user.id:
        if not user.roles & {str(role) for role in _READERS}:
            raise NotFound(f"You have no entry {index} in the log.", advice="Look at your own entries.")
        if hub.reads.fresh(user, index, hub.clock.monotonic_us()):
            await hub.audit.append(LOG_READ, user.id, {"filters": f"entry {index} with its proof", "form": "proof"})
    words = await run_in_threadpool(entry_proof, hub.audit, hub.witnesses, hub.key, index)
    return EntryProofOut(**words)


@router.get("/api/audit/alarms")
@signed_in
def alarms(request: Request) -> AlarmsOut:
    """Whether the log, its rows or accesses were altered; found by the check in the background."""
    hub = hub_of(request)
    found = [AlarmOut(what=a.what, name=a.name, text=a.text, since_us=a.since_us) for a in hub.log_watch.alarms()]
    return AlarmsOut(
        alarms=found,
        looked_us=hub.log_watch.looked_us,
        checked=hub.log_watch.checked,
        size=hub.audit.checkpoint().size,
    )
