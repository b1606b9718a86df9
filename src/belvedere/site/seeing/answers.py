"""What the site answers about objects. Each answer opens the grant itself and holds it against cameras and span."""

from collections.abc import Callable, Mapping
from typing import Any

from belvedere.foundation.clock import DAY_US, SECOND_US, Clock
from belvedere.foundation.errors import BadInput, NotFound, Unavailable
from belvedere.link.messages import Answer, Reply, Request
from belvedere.link.seeing import (
    MOST_EVENTS,
    AnalyseSpan,
    CountEvents,
    Covered,
    EndAnalysis,
    Event,
    EventCounts,
    Events,
    FindEvents,
    GetAnalysis,
    GetSeeing,
    GetThumbnail,
    SearchIn,
    Seeing,
    Thumbnail,
    Wanted,
)
from belvedere.media.objects import ObjectKind
from belvedere.policy.grant import Action, Grant
from belvedere.site.activity.answers import Opener
from belvedere.site.activity.decoder_pipe import Zones
from belvedere.site.recorder.archive import Archive
from belvedere.site.seeing import search
from belvedere.site.seeing.budget import Budget
from belvedere.site.seeing.coverage import Counted, Coverage
from belvedere.site.seeing.facets import COLUMNS, EventRecord, Facets
from belvedere.site.seeing.jobs import Jobs
from belvedere.site.seeing.pipe import Show
from belvedere.site.seeing.process import NoModel, SeeingProcess
from belvedere.site.seeing.sightings import PARTS
from belvedere.site.seeing.store import SeenStore
from belvedere.site.seeing.stored import StoredSeeing, Work, reading

LONGEST_US = 370 * DAY_US
MOST_STEPS = 10_000
_LOOK_US = 8 * SECOND_US  # of a person's patience, within the link's time for an answer
_NEAR_US = 2 * SECOND_US  # a keyframe this near is the one that was looked at
_ANYTHING = Wanted()


class SeeingAnswers:
    """Called in the uplink's threads."""

    def __init__(
        self,
        store: SeenStore,
        stored: StoredSeeing,
        coverage: Coverage,
        jobs: Jobs,
        process: SeeingProcess,
        budget: Budget,
        archive: Archive,
        opener: Opener,
        clock: Clock,
        state: Callable[[], Seeing],
        masks: Callable[[str], Zones],
    ) -> None:
        """`state` tells how analysis stands; `masks` gives a camera's permanent masks."""
        self._store = store
        self._stored = stored
        self._coverage = coverage
        self._jobs = jobs
        self._process = process
        self._budget = budget
        self._archive = archive
        self._opener = opener
        self._clock = clock
        self._state = state
        self._masks = masks
        self.searches = 0

    def answers(self) -> Mapping[type[Request], Callable[[Any], Reply]]:
        """For `serve_link`."""
        return {
            FindEvents: self.find,
            CountEvents: self.count,
            GetThumbnail: self.thumbnail,
            GetSeeing: lambda _: self._state(),
            AnalyseSpan: self.analyse,
            GetAnalysis: lambda request: self._jobs.analysis(request.job),
            EndAnalysis: self.end,
        }

    # Events.

    def find(self, request: FindEvents) -> Events:
        """One page of events. Raises Refused, NotFound, BadInput."""
        if not 1 <= request.limit <= MOST_EVENTS:
            raise BadInput(f"A page has 1 to {MOST_EVENTS} events.", advice="Ask for fewer.")
        grant, facets, ids = self._opened(
            request.grant, request.cameras, request.from_us, request.to_us, request.wanted
        )
        self.searches += 1
        said = ""
        if request.look and not request.before:
            said = self._look(grant, request, facets, ids)
        names = {number: camera for camera, number in ids.items()}
        span = search.Span(request.from_us, request.to_us)
        db = self._store.index.read()
        page = search.find(db, tuple(names), span, facets, request.order, request.limit, request.before)
        kinds = {number: kind for (_, kind), number in self._store.streams().items()}
        models = self._store.models()
        clothed = Action.SEARCH in grant.actions
        events = tuple(
            _event(each, names[each.camera_id], kinds[each.stream_id], models[each.model_id], facets, clothed, span)
            for each in page.events
        )
        covered = tuple(self._covered(camera, request.from_us, request.to_us) for camera in ids)
        if page.cut:
            said = f"Too much was found to read at once: go on, or narrow the question. {said}".strip()
        return Events(events, covered, page.next, _text(covered, said))

    def count(self, request: CountEvents) -> EventCounts:
        """Events by time. Raises Refused, NotFound, BadInput."""
        steps = -(-(request.to_us - request.from_us) // request.step_us) if request.step_us > 0 else 0
        if not 1 <= steps * len(request.cameras) <= MOST_STEPS:
            raise BadInput(f"Counts have 1 to {MOST_STEPS} numbers.", advice="Take longer steps or fewer cameras.")
        _, facets, ids = self._opened(request.grant, request.cameras, request.from_us, request.to_us, request.wanted)
        db, span = self._store.index.read(), search.Span(request.from_us, request.to_us)
        counts = tuple(
            tuple(search.count(db, ids[each.camera], span, request.step_us, facets)) for each in request.cameras
        )
        return EventCounts(request.from_us, request.step_us, counts)

    def _opened(
        self, wire: bytes, cameras: tuple[SearchIn, ...], from_us: int, to_us: int, wanted: Wanted
    ) -> tuple[Grant, Facets, dict[str, int]]:
        """Grant, facets and the numbers of the cameras. Raises Refused, NotFound, BadInput."""
        if not 0 <= from_us < to_us or to_us - from_us > LONGEST_US:
            raise BadInput(
                "The span of time is empty or too long.", advice="Give a start before the end, within a year."
            )
        grant = self._opener.open(wire)
        for each in cameras:
            self._require(grant, Action.PLAYBACK, each.camera, from_us, to_us)
            if wanted.clothing:
                self._require(grant, Action.SEARCH, each.camera, from_us, to_us)
        known = self._store.cameras()
        missing = next((each.camera for each in cameras if each.camera not in known), None)
        if missing is not None:
            raise NotFound(f"There is no camera {missing}.", advice="`belvedere camera list` names them.")
        ids = {each.camera: known[each.camera] for each in cameras}
        return grant, Facets(cameras, wanted, ids), ids

    def _require(self, grant: Grant, action: Action, camera: str, from_us: int, to_us: int) -> None:
        grant.require(action, camera, now_us=self._clock.now_us(), start_us=from_us, end_us=to_us)

    def _look(self, grant: Grant, request: FindEvents, facets: Facets, ids: dict[str, int]) -> str:
        """Look at what nobody has, the busiest stretches first, until a page is full or time is up. Says what went wrong."""
        until_us = self._clock.monotonic_us() + _LOOK_US
        span = search.Span(request.from_us, request.to_us)

        def go_on(cpu_us: int) -> bool:
            self._budget.spend(cpu_us)
            return self._clock.monotonic_us() < until_us and self._budget.may_overdraw()

        try:
            works = [
                self._stored.look(Work(grant, camera, request.from_us, request.to_us), busiest=True, go_on=go_on)
                for camera in ids
            ]
            while works and go_on(0):
                for work in list(works):
                    if next(work, None) is None:
                        works.remove(work)
                page = search.find(
                    self._store.index.read(), tuple(ids.values()), span, facets, "newest", request.limit, ""
                )
                if page.next:
                    break
        except (Unavailable, NotFound) as error:
            return error.message
        return ""

    def _covered(self, camera: str, from_us: int, to_us: int) -> Covered:
        stream = self._coverage.stream(camera, from_us, to_us)
        counted = Counted() if stream is None else self._coverage.count(stream[1], from_us, to_us)
        return Covered(camera, counted.recorded, counted.looked, counted.quiet, counted.waiting)

    # Pictures.

    def thumbnail(self, request: GetThumbnail) -> Thumbnail:
        """An event's clearest moment, masked. Raises Refused, NotFound, Unavailable."""
        grant = self._opener.open(request.grant)
        row = (
            self._store.index.read()
            .execute(f"SELECT {COLUMNS} FROM seen_event e WHERE e.id = ?", (request.event,))
            .fetchone()
        )
        event = EventRecord._make(row) if row is not None else None
        # Whether an event exists is told only to those who may see the camera then.
        at_us = event.best_us if event is not None else grant.from_us
        self._require(grant, Action.PLAYBACK, request.camera, at_us, at_us)
        if event is None or self._store.cameras().get(request.camera) != event.camera_id:
            raise NotFound("This event is not there any more.", advice="Its footage was deleted; search again.")
        kind = next(kind for (_, kind), number in self._store.streams().items() if number == event.stream_id)
        pieces = self._archive.playlist(
            grant, request.camera, kind, max(grant.from_us, at_us - _NEAR_US), min(grant.to_us, at_us + _NEAR_US)
        ).pieces
        piece = min(pieces, key=lambda each: abs(each.start_us - at_us), default=None)
        if piece is None:
            raise NotFound("The picture of this event is not there any more.", advice="Search again.")
        keyframe = self._stored.keyframe(grant, request.camera, kind, piece)
        box = (event.left / PARTS, event.top / PARTS, event.right / PARTS, event.bottom / PARTS)
        masks = self._masks(request.camera)
        try:
            shown = self._process.show(Show(keyframe, event.kind, box, request.width, masks))
        except NoModel as error:
            raise Unavailable(
                "A picture can't be masked without the model that finds people.",
                advice="Run `belvedere models fetch`.",
            ) from error
        if shown is None:
            raise Unavailable("This picture can't be shown.", advice="Look at another event; the recording is safe.")
        self._budget.spend(shown.cpu_us)
        return Thumbnail(shown.jpeg, shown.width, shown.height, piece.start_us)

    # Jobs.

    def analyse(self, request: AnalyseSpan) -> Answer:
        """Take a span in. Raises Refused, NotFound, BadInput."""
        if not 0 <= request.from_us < request.to_us or request.detail not in (1, 2) or not 0.1 <= request.fps <= 30:
            raise BadInput(
                "This span can't be analysed.", advice="Give a start before the end, detail 1 or 2, and 0.1 to 30 fps."
            )
        grant = self._opener.open(request.grant)
        self._require(grant, reading(grant), request.camera, request.from_us, request.to_us)
        if request.camera not in self._store.cameras():
            raise NotFound(f"There is no camera {request.camera}.", advice="`belvedere camera list` names them.")
        if request.detail == 2:
            raise BadInput("This site looks at keyframes only.", advice="Ask for detail 1.")
        self._jobs.put(request)
        return Answer()

    def end(self, request: EndAnalysis) -> Answer:
        """Stop or pause a job. Raises NotFound."""
        self._jobs.end(request.job, pause=request.pause)
        return Answer()


def _event(
    row: EventRecord, camera: str, stream: str, model: str, facets: Facets, clothed: bool, span: search.Span
) -> Event:
    """As it travels. What people wear is told to a grant to search only; nothing is told of moments outside the span."""
    hidden = row.kind == ObjectKind.PERSON and not clothed
    return Event(
        id=row.id,
        camera=camera,
        stream=stream,
        kind=row.kind,
        upper=0 if hidden else row.upper,
        lower=0 if hidden else row.lower,
        start_us=max(row.start_us, span.from_us),
        end_us=min(row.end_us, span.to_us),
        best_us=row.best_us,
        confidence=row.confidence / PARTS,
        box=(row.left / PARTS, row.top / PARTS, row.right / PARTS, row.bottom / PARTS),
        sightings=row.sightings,
        heading=row.heading,
        detail=row.detail,
        model=model,
        why=facets.why(row),
    )


def _text(covered: tuple[Covered, ...], said: str) -> str:
    """What was searched, and how surely."""
    recorded, looked, quiet, waiting = (
        sum(getattr(each, name) for each in covered) for name in ("recorded_s", "looked_s", "quiet_s", "waiting_s")
    )
    cameras = f"{len(covered)} cameras" if len(covered) > 1 else "One camera"
    if not recorded:
        words = f"{cameras}: nothing was recorded then."
    else:
        words = (
            f"{cameras}, {_long(recorded)} of recordings: {looked / recorded:.0%} looked at, in {quiet / recorded:.0%} "
            f"nothing moved" + (f", {_long(waiting)} not looked at yet." if waiting else ".")
        )
    return f"{words} {said}".strip()


def _long(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
