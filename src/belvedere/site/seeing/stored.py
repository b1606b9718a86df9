"""Looking at stored footage, for somebody who holds a grant for it: what nobody looked at, segment by segment.

Seconds in which the gate saw nothing move are not decoded. Where it never looked, the process compares keyframes itself.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from belvedere.foundation.clock import MINUTE_US, SECOND_US, Clock
from belvedere.foundation.errors import BelvedereError, KeyAway, NotFound, SealBroken
from belvedere.link.messages import Piece
from belvedere.media.activity import first_frame
from belvedere.policy.grant import Action, Grant
from belvedere.site.activity.store import ActivityStore
from belvedere.site.recorder.archive import Archive
from belvedere.site.seeing.coverage import Coverage, states_of
from belvedere.site.seeing.lane import Lane
from belvedere.site.seeing.live import detection
from belvedere.site.seeing.order import busiest_first, stretches
from belvedere.site.seeing.pipe import MOST_PICTURES, Glance, Glanced, Keyframe
from belvedere.site.seeing.process import SeeingProcess
from belvedere.site.seeing.sightings import pack_sightings
from belvedere.site.seeing.store import LOOKED, NOBODY, QUIET, Seen, SeenStore, Segment, Writing, holder, marked

log = structlog.get_logger()

_FIRST_READ = 96 << 10  # a keyframe of a small stream and more
_DONE_SHARE = 0.9  # a segment with this much of it known is not opened again
_APART_US = 30 * SECOND_US
_EYES = 64


@dataclass(slots=True)
class Work:
    """One camera's span for one grant, and how far it got."""

    grant: Grant
    camera: str
    from_us: int
    to_us: int
    pictures: int = 0
    events: int = 0
    done_us: int = 0  # time order only: everything before it is done
    trouble: str = ""
    away: bool = False  # the key of some of it is not here: it may come


@dataclass(frozen=True, slots=True)
class _Picture:
    """A keyframe to look at, or to take as quiet (`piece` None)."""

    at_us: int
    piece: Piece | None
    gate: bool


class StoredSeeing:
    """Each call works in its caller's thread; processes are shared."""

    def __init__(
        self,
        store: SeenStore,
        activity: ActivityStore,
        archive: Archive,
        process: SeeingProcess,
        coverage: Coverage,
        clock: Clock,
    ) -> None:
        self._store = store
        self._activity = activity
        self._archive = archive
        self._process = process
        self._coverage = coverage
        self._clock = clock
        self._looks = 0
        self.skipped = 0  # segments that could not be opened

    def look(self, work: Work, *, busiest: bool, go_on: Callable[[int], bool]) -> Iterator[Work]:
        """Look at a span, stretch by stretch, in order of time or the busiest first; yields after each.

        `go_on` is told what processor time was spent (microseconds) and says whether to go on. Raises Refused, NotFound,
        Unavailable, StorageFault.
        """
        chosen = self._coverage.stream(work.camera, work.from_us, work.to_us)
        if chosen is None:
            raise NotFound(f"There is no camera {work.camera}.", advice="`belvedere camera list` names them.")
        kind, stream_id = chosen
        segments = [
            segment for segment in self._store.segments(stream_id, work.from_us, work.to_us) if not segment.growing
        ]
        known = self._known(stream_id, segments)
        open_ = [s for s in segments if known[s.id].count(NOBODY) > (1 - _DONE_SHARE) * max(1, len(known[s.id]))]
        parts = stretches(open_)
        if busiest:
            parts = busiest_first(parts, self._activity.rows(stream_id, work.from_us, work.to_us))
        lane: Lane | None = None
        for part in parts:
            if lane is None or busiest or part[0].start_us - lane.last_us > MINUTE_US:
                lane = Lane(1, self._store.event_id)
                self._looks += 1
            last = busiest or part is parts[-1]
            whole = self._stretch(work, kind, stream_id, part, known, lane, last, go_on)
            if whole:
                work.done_us = part[-1].end_us
            yield work
            if not whole:
                return
        if not busiest:
            work.done_us = work.to_us
        yield work

    def _known(self, stream_id: int, segments: Sequence[Segment]) -> dict[int, bytes]:
        """What is known of each second of each segment."""
        if not segments:
            return {}
        rows = {
            row.segment_id: row for row in self._activity.rows(stream_id, segments[0].start_us, segments[-1].end_us)
        }
        known = {}
        for segment in segments:
            seen = self._store.seen(segment.id)
            row = rows.get(segment.id)
            seconds = -(-segment.dur_us // SECOND_US)
            known[segment.id] = states_of(row.gate if row else None, seen.looked if seen else None, seconds)
        return known

    def _stretch(
        self,
        work: Work,
        kind: str,
        stream_id: int,
        part: Sequence[Segment],
        known: dict[int, bytes],
        lane: Lane,
        last: bool,
        go_on: Callable[[int], bool],
    ) -> bool:
        """Look at some segments in a row and keep what they show. False: told to stop before the end."""
        eye = 1 + self._looks % _EYES
        looked = {segment.id: (bytearray(), bytearray()) for segment in part}
        done: list[Segment] = []
        before_us, before_id = -1, 0
        going = True
        for segment in part:
            try:
                pictures = self._pictures(work, kind, segment, known[segment.id], known.get(before_id, b""))
                before_id = segment.id
                for batch in _batches(pictures):
                    told, cpu_us = self._glance(work, kind, eye, batch, before_us)
                    for picture, glanced in zip(batch, told, strict=True):
                        self._take(segment, picture.at_us, before_us, glanced, looked[segment.id], lane)
                        before_us = picture.at_us
                    going = go_on(cpu_us)
                    if not going:
                        break
            except (NotFound, SealBroken, KeyAway) as error:
                # Deleted meanwhile, damaged, or its key is gone: the next one may be well.
                log.info("stretch_not_seen", camera=work.camera, segment=segment.id, error=str(error))
                self.skipped += 1
                work.trouble = error.message
                work.away = work.away or isinstance(error, KeyAway)
                continue
            if not going:
                break
            done.append(segment)
        if last or not going:
            lane.finish()
        self._keep(work, stream_id, done, looked, lane)
        return going

    def _pictures(self, work: Work, kind: str, segment: Segment, known: bytes, before: bytes) -> list[_Picture]:
        """A segment's keyframes within the work's span; `before`: what is known of the segment before it.

        A second's byte tells what changed until the next keyframe, so a keyframe is quiet when the second before it is too.
        Raises Refused, NotFound.
        """
        from_us, to_us = max(segment.start_us, work.from_us), min(segment.end_us, work.to_us)
        if from_us >= to_us:
            return []
        found = []
        for piece in self._archive.playlist(work.grant, work.camera, kind, from_us, to_us).pieces:
            if piece.segment != segment.id or piece.start_us >= to_us:
                continue
            second = (piece.start_us - segment.start_us) // SECOND_US
            state = known[second] if 0 <= second < len(known) else NOBODY
            led = known[second - 1] if 0 < second <= len(known) else before[-1] if before else NOBODY
            quiet = state == led == QUIET
            found.append(_Picture(piece.start_us, None if quiet else piece, state == NOBODY))
        return found

    def _glance(
        self, work: Work, kind: str, eye: int, batch: Sequence[_Picture], before_us: int
    ) -> tuple[list[Glanced], int]:
        """What each picture shows; quiet ones cost nothing. Raises Refused, NotFound, Unavailable."""
        glances: list[Glance] = []
        for picture in batch:
            if picture.piece is not None:
                fresh = not 0 < picture.at_us - before_us <= _APART_US
                keyframe = self.keyframe(work.grant, work.camera, kind, picture.piece)
                glances.append(Glance(eye, fresh, picture.gate, keyframe, self._activity.zones(work.camera)))
            before_us = picture.at_us
        told, cpu_us = self._process.see(glances) if glances else ([], 0)
        work.pictures += sum(not each.quiet for each in told)
        answers = iter(told)
        return [Glanced(quiet=True) if each.piece is None else next(answers) for each in batch], cpu_us

    def _take(
        self,
        segment: Segment,
        at_us: int,
        before_us: int,
        glanced: Glanced,
        row: tuple[bytearray, bytearray],
        lane: Lane,
    ) -> None:
        if glanced.failed:
            # It was looked at, and there is no picture: nobody need try again.
            marked(row[0], segment.start_us, at_us, at_us + SECOND_US, LOOKED)
            return
        state = QUIET if glanced.quiet else LOOKED
        marked(row[0], segment.start_us, at_us, at_us + SECOND_US, state)
        if before_us >= segment.start_us and 0 < at_us - before_us <= _APART_US:
            marked(row[0], segment.start_us, before_us, at_us, state)
        if glanced.quiet:
            lane.feed(at_us, None)
            return
        found = [detection(each) for each in glanced.found]
        row[1].extend(pack_sightings(segment.start_us, at_us, found))
        lane.feed(at_us, found)

    def _keep(
        self,
        work: Work,
        stream_id: int,
        done: Sequence[Segment],
        looked: dict[int, tuple[bytearray, bytearray]],
        lane: Lane,
    ) -> None:
        """Rows of the segments that were seen whole, in one transaction. Raises StorageFault."""
        ready = self._process.ready
        if not done or ready is None:
            return
        model_id = self._store.model_id(ready.model)
        writing = Writing()
        for segment in done:
            states, sightings = looked[segment.id]
            seconds = -(-min(segment.dur_us, work.to_us - segment.start_us) // SECOND_US)
            if work.from_us <= segment.start_us and states:
                # The last picture of a segment stands for what is left of it.
                marked(states, segment.start_us, segment.start_us, segment.start_us + seconds * SECOND_US, QUIET)
            writing.seen.append(Seen(segment.id, model_id, 1, bytes(states), bytes(sightings)))
            writing.replaced.append((segment.id, 1))
        work.events += lane.take(
            model_id,
            lambda at_us: done if holder(done, at_us) else self._store.segments(stream_id, at_us, at_us + 1),
            writing,
        )
        self._store.write(writing)
        self._coverage.forget(stream_id, done[0].start_us, done[-1].end_us)

    # Pictures.

    def keyframe(self, grant: Grant, camera: str, kind: str, piece: Piece) -> Keyframe:
        """The first picture of a piece. Raises Refused, NotFound, KeyAway, SealBroken."""
        codec, sets = self._activity.parameter_sets(camera, kind, piece.config_id)
        end = min(piece.end, piece.start + _FIRST_READ)
        data = self._read(grant, camera, kind, piece.segment, piece.start, end)
        found = first_frame(data)
        if found is None:
            return Keyframe(codec, sets, b"")
        offset, size = found
        if offset + size > len(data):
            end = min(piece.end, piece.start + offset + size)
            data = self._read(grant, camera, kind, piece.segment, piece.start, end)
        return Keyframe(codec, sets, data[offset : offset + size])

    def _read(self, grant: Grant, camera: str, kind: str, segment: int, start: int, end: int) -> bytes:
        action = reading(grant)
        return b"".join(self._archive.read(grant, action, camera, kind, segment, start, end, stays=True))


def reading(grant: Grant) -> Action:
    """What a grant opens footage for analysis with."""
    return Action.PLAYBACK if Action.PLAYBACK in grant.actions else Action.ANALYSE


def _batches(pictures: Sequence[_Picture]) -> Iterator[Sequence[_Picture]]:
    """Pictures in order, at most as many to look at as one order may hold."""
    begun, count = 0, 0
    for place, picture in enumerate(pictures):
        if picture.piece is not None:
            if count == MOST_PICTURES:
                yield pictures[begun:place]
                begun, count = place, 0
            count += 1
    if begun < len(pictures):
        yield pictures[begun:]


def words(error: BelvedereError) -> str:
    """An error for a job's text."""
    return f"{error.message} {error.advice}".strip()
