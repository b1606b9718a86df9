"""Finding events in the index: one narrow range a camera, kind and colour, merged by time, so that a page costs a page.

Index selection decides, not engine speed (perf research B6): each range is already in order, and reading stops with the page.
"""

import heapq
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any

from belvedere.foundation.errors import BadInput
from belvedere.site.seeing.facets import COLUMNS, EventRecord, Facets

MOST_READ = 50_000
"""Events that one question reads at most; who reads more is told to narrow it down."""
_MOST_SHADES = 3  # colours up to which each gets a range of its own
_AROUND_US = 15 * 60 * 1_000_000  # clearest moments of two objects seen together lie no further apart
_PAGE, _LEAST_HELPING, _MOST_HELPING = 64, 3, 1000  # rows read at a time
_KEYS = "best_us, id"  # which every index holds
_BEST, _ID = 8, 0  # places in COLUMNS


@dataclass(frozen=True, slots=True)
class Span:
    """[from_us, to_us), in which an event's clearest moment must lie."""

    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True)
class Page:
    """Events in order. `next`: cursor, "" at the end. `cut`: too much was read; more may be there."""

    events: tuple[EventRecord, ...]
    next: str
    cut: bool = False


def find(
    db: sqlite3.Connection, cameras: Sequence[int], span: Span, facets: Facets, order: str, limit: int, before: str
) -> Page:
    """One page. Raises BadInput for an order or a cursor that is none."""
    if order == "best":
        return _best(db, cameras, span, facets, limit, before)
    if order not in ("newest", "oldest"):
        raise BadInput("Events come newest, oldest or best first.")
    newest = order == "newest"
    place = _place(before)
    if facets.plain:
        return _plain_page(db, cameras, span, facets, newest, limit, place)
    found: list[EventRecord] = []
    for read, row in enumerate(_merged(db, cameras, span, facets, newest, place), 1):
        event = EventRecord._make(row)
        if facets.meets(event) and accompanied(db, event, facets):
            if len(found) == limit:
                return Page(tuple(found), f"{found[-1].best_us}.{found[-1].id}")
            found.append(event)
        if read >= MOST_READ:
            return Page(tuple(found), f"{event.best_us}.{event.id}", cut=True)
    return Page(tuple(found), "")


def _plain_page(
    db: sqlite3.Connection,
    cameras: Sequence[int],
    span: Span,
    facets: Facets,
    newest: bool,
    limit: int,
    place: tuple[int, int] | None,
) -> Page:
    """A page where the index alone decides: whole rows are read for what is shown, and for nothing else."""
    keys = list(islice(_merged(db, cameras, span, facets, newest, place, _KEYS), limit + 1))
    chosen = [number for _, number in keys[:limit]]
    sql = f"SELECT {COLUMNS} FROM seen_event e WHERE id IN ({','.join('?' * len(chosen))})"
    rows = {row[_ID]: EventRecord._make(row) for row in db.execute(sql, chosen)}
    # One may have been deleted between the two.
    events = tuple(rows[number] for number in chosen if number in rows)
    moment, number = keys[limit - 1] if len(keys) > limit else (0, 0)
    return Page(events, f"{moment}.{number}" if len(keys) > limit else "")


def _best(db: sqlite3.Connection, cameras: Sequence[int], span: Span, facets: Facets, limit: int, before: str) -> Page:
    """The most confident first, among the newest MOST_READ."""
    sure, last = _place(before) or (1 << 62, 0)
    held: list[tuple[int, int, EventRecord]] = []
    read = 0
    for row in _merged(db, cameras, span, facets, True, None):
        read += 1
        event = EventRecord._make(row)
        if facets.meets(event) and (event.confidence, event.id) < (sure, last or 1 << 62):
            entry = (event.confidence, event.id, event)
            if len(held) <= limit:
                heapq.heappush(held, entry)
            elif entry[:2] > held[0][:2]:
                heapq.heapreplace(held, entry)
        if read >= MOST_READ:
            break
    ranked = [event for _, _, event in sorted(held, key=itemgetter(0, 1), reverse=True)]
    chosen = tuple(event for event in ranked[:limit] if accompanied(db, event, facets))
    more = f"{ranked[limit - 1].confidence}.{ranked[limit - 1].id}" if len(ranked) > limit else ""
    return Page(chosen, more, cut=read >= MOST_READ)


def count(db: sqlite3.Connection, camera: int, span: Span, step_us: int, facets: Facets) -> list[int]:
    """How many events begin to be clearest in each step of the span, of one camera. Raises BadInput when there are too many."""
    steps = -(-(span.to_us - span.from_us) // step_us)
    counts = [0] * steps
    if facets.plain:
        for kind, shade in _ranges(facets):
            where, values = _where(camera, kind, shade, span)
            sql = f"SELECT (best_us - ?) / ?, count(*) FROM seen_event e {where} GROUP BY 1"
            for step, number in db.execute(sql, (span.from_us, step_us, *values)):
                counts[step] += number
        return counts
    for read, row in enumerate(_merged(db, [camera], span, facets, True, None), 1):
        event = EventRecord._make(row)
        if facets.meets(event) and accompanied(db, event, facets):
            counts[(event.best_us - span.from_us) // step_us] += 1
        if read >= 4 * MOST_READ:
            raise BadInput("This question counts too much.", advice="Ask for a shorter span or fewer cameras.")
    return counts


def accompanied(db: sqlite3.Connection, event: EventRecord, facets: Facets) -> bool:
    """Whether the others that the question asks for were in the picture at the event's clearest moment."""
    wanted = facets.wanted
    if wanted.together and not _others(db, event, wanted.together, 1):
        return False
    return wanted.at_least <= 1 or _others(db, event, facets.kinds, wanted.at_least - 1)


def _others(db: sqlite3.Connection, event: EventRecord, kinds: Sequence[int], least: int) -> bool:
    """Whether at least so many other events of the kinds (none: any) went on at this event's clearest moment."""
    among = f"AND kind IN ({','.join('?' * len(kinds))})" if kinds else ""
    sql = (
        "SELECT count(*) FROM (SELECT 1 FROM seen_event INDEXED BY seen_event_by_time "
        "WHERE camera_id = ? AND best_us BETWEEN ? AND ? AND start_us <= ? AND end_us >= ? AND stream_id = ? AND id <> ? "
        f"{among} LIMIT ?)"
    )
    span = (event.best_us - _AROUND_US, event.best_us + _AROUND_US, event.best_us, event.best_us)
    values = (event.camera_id, *span, event.stream_id, event.id, *kinds, least)
    return int(db.execute(sql, values).fetchone()[0]) >= least


def _ranges(facets: Facets) -> list[tuple[int | None, int | None]]:
    """Kind and shade of each range; None: any."""
    kinds, colours = facets.kinds, sorted(set(facets.wanted.colours))
    if colours and 0 not in colours and (len(colours) <= _MOST_SHADES or facets.plain):
        return [(kind, shade) for kind in kinds for shade in colours]
    return [(kind, None) for kind in kinds] or [(None, None)]


def _where(camera: int, kind: int | None, shade: int | None, span: Span) -> tuple[str, tuple[int, ...]]:
    """The index and the range in it."""
    times = (span.from_us, span.to_us)
    if kind is None:
        return "INDEXED BY seen_event_by_time WHERE camera_id = ? AND best_us >= ? AND best_us < ?", (camera, *times)
    if shade is None:
        sql = "INDEXED BY seen_event_by_kind WHERE kind = ? AND camera_id = ? AND best_us >= ? AND best_us < ?"
        return sql, (kind, camera, *times)
    sql = (
        "INDEXED BY seen_event_by_shade WHERE kind = ? AND shade = ? AND shade > 0 AND camera_id = ? "
        "AND best_us >= ? AND best_us < ?"
    )
    return sql, (kind, shade, camera, *times)


def _merged(
    db: sqlite3.Connection,
    cameras: Sequence[int],
    span: Span,
    facets: Facets,
    newest: bool,
    place: tuple[int, int] | None,
    columns: str = COLUMNS,
) -> Iterator[tuple[Any, ...]]:
    """Rows of all ranges in the order of time, read in small helpings, more of them where more are wanted."""
    if place is not None:
        # What lies beyond the cursor; of its own moment the numbers decide.
        moment = place[0]
        span = (
            Span(span.from_us, min(span.to_us, moment + 1)) if newest else Span(max(span.from_us, moment), span.to_us)
        )
    start = place or ((1 << 62, 0) if newest else (-1, 0))
    ranges = _ranges(facets)
    first = max(_LEAST_HELPING, _PAGE // (len(cameras) * len(ranges)))
    sources = [
        _range(db, camera, kind, shade, span, facets, newest, start, first, columns)
        for camera in cameras
        for kind, shade in ranges
    ]
    if len(sources) == 1:
        yield from sources[0]
    else:
        key = itemgetter(0, 1) if columns == _KEYS else itemgetter(_BEST, _ID)
        yield from heapq.merge(*sources, key=key, reverse=newest)


def _range(
    db: sqlite3.Connection,
    camera: int,
    kind: int | None,
    shade: int | None,
    span: Span,
    facets: Facets,
    newest: bool,
    start: tuple[int, int],
    helping: int,
    columns: str,
) -> Iterator[tuple[Any, ...]]:
    where = _where(camera, kind, shade, span)[0]
    # The range of a shade says the colour already.
    more, given = ("", ()) if columns == _KEYS and shade is not None else facets.where()
    way, beyond = ("DESC", "<") if newest else ("ASC", ">")
    sql = (
        f"SELECT {columns} FROM seen_event e {where}{more} AND (best_us, id) {beyond} (?, ?) "
        f"ORDER BY best_us {way}, id {way} LIMIT ?"
    )
    while True:
        # The index goes to the moment itself, and of that moment the numbers decide.
        rest = (span.from_us, min(span.to_us, start[0] + 1)) if newest else (max(span.from_us, start[0]), span.to_us)
        values = _where(camera, kind, shade, Span(*rest))[1]
        # To the end: a statement that is half read would keep the index's log from being emptied.
        rows = db.execute(sql, (*values, *given, *start, helping)).fetchall()
        yield from rows
        if len(rows) < helping:
            return
        start = rows[-1] if columns == _KEYS else (rows[-1][_BEST], rows[-1][_ID])
        helping = min(_MOST_HELPING, helping * 4)


def _place(before: str) -> tuple[int, int] | None:
    if not before:
        return None
    first, _, second = before.partition(".")
    try:
        return int(first), int(second)
    except ValueError as error:
        raise BadInput("This is no place in a list.", advice="Begin at its start.") from error
