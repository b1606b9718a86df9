"""Passing keyframes: what the gate saw move is looked at, before it is sealed. No key, no store access.

The gate hands over each keyframe it compared. Quiet ones cost nothing more; the others wait for the process, the oldest
goes unseen when there is no time. Nothing is written until its footage is durable: pictures wait for that, in order.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import StorageFault, Unavailable
from belvedere.media.objects import ObjectColour, ObjectKind
from belvedere.media.stream import StreamConfig
from belvedere.site.seeing.budget import Budget
from belvedere.site.seeing.lane import Lane
from belvedere.site.seeing.pipe import MOST_PICTURES, Found, Glance, Keyframe
from belvedere.site.seeing.process import NoModel, SeeingProcess
from belvedere.site.seeing.sightings import pack_sightings
from belvedere.site.seeing.store import LOOKED, QUIET, Seen, SeenStore, Segment, Writing, holder, marked
from belvedere.vision.objects.found import Box, Detection

log = structlog.get_logger()

MOVED_SHARE = 0.0015
"""As activity/value.py, which needs numpy; a test holds the two together."""
_AGAIN_US = 10 * SECOND_US  # where something was seen, a quiet picture is looked at this often
_STALE_US = 15 * SECOND_US  # a picture that waited for longer is left
_MOST_WAITING = 8  # pictures of one stream
_MOST_HELD = 400  # pictures of one stream that wait to become durable
_UNDURABLE_US = 120 * SECOND_US  # footage that is not in the index by then was lost
_APART_US = 30 * SECOND_US  # between two pictures further apart nobody looked
_FLUSH_US = 5 * SECOND_US
_NO_MODEL_US = 30 * SECOND_US
_WAIT_S = 0.5

OnPicture = Callable[[str, str, int, Sequence[Detection], float], None]
"""Called with camera, stream, time, what was found, and the picture's width by its height: in the live thread, in time order,
as soon as a passing picture was looked at. Where nothing moved, what was there is told again.
"""


@dataclass(slots=True, eq=False)
class _Held:
    """One picture: looked at, quiet, or still waiting (`keyframe`). `missed`: nobody looked, and nobody will."""

    at_us: int
    keyframe: Keyframe | None = None
    came_us: int = 0
    missed: bool = False
    found: tuple[Detection, ...] | None = None  # None: quiet
    looked: bool = False


@dataclass(slots=True, eq=False)
class _Stream:
    """One stream's pictures on their way to the index."""

    camera: str
    kind: str
    held: deque[_Held] = field(default_factory=deque)
    untold: deque[_Held] = field(default_factory=lambda: deque(maxlen=_MOST_HELD))
    there: tuple[Detection, ...] = ()  # what the newest picture that was told showed
    waiting: int = 0
    tail: bool = False  # the picture before was active
    something: bool = False  # the newest look saw something
    looked_us: int = 0
    lane: Lane | None = None
    aspect: float = 16 / 9
    before_us: int = 0  # of the newest picture that was taken out, and what it was
    before: int = 0
    rows: dict[int, tuple[Segment, bytearray, bytearray]] = field(default_factory=dict)
    newest_us: int = 0


class LiveSeeing:
    """`picture` is called in the gate's thread; all else happens in its own."""

    def __init__(self, store: SeenStore, process: SeeingProcess, budget: Budget, clock: Clock) -> None:
        self._store = store
        self._process = process
        self._budget = budget
        self._clock = clock
        self._streams: dict[tuple[str, str], _Stream] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._flushed_us = clock.monotonic_us()
        self._later_us = 0
        self.on_picture: OnPicture = lambda camera, stream, at_us, found, aspect: None
        self.looked = 0
        self.quiet = 0
        self.missed = 0  # pictures that there was no time, or no model, for
        self.lost = 0  # pictures whose footage never became durable

    # The gate's thread.

    def picture(
        self, camera: str, kind: str, at_us: int, config: StreamConfig, keyframe: bytes, share: float | None
    ) -> None:
        """Note a keyframe that was compared; `share` of it changed, None where there was nothing to compare with."""
        with self._lock:
            stream = self._streams.get((camera, kind))
            if stream is None:
                stream = self._streams[camera, kind] = _Stream(camera, kind)
            if stream.held and at_us <= stream.held[-1].at_us:
                return
            moved = share is None or share >= MOVED_SHARE
            again = stream.something and at_us - stream.looked_us >= _AGAIN_US
            active = moved or stream.tail or again
            stream.tail = moved
            held = _Held(at_us)
            if active:
                held.keyframe = Keyframe(config.codec, config.parameter_sets, keyframe)
                held.came_us = self._clock.monotonic_us()
                stream.looked_us = at_us
                stream.waiting += 1
                if config.height:
                    stream.aspect = config.width / config.height
            else:
                self.quiet += 1
            stream.held.append(held)
            stream.untold.append(held)
            if stream.waiting > _MOST_WAITING:
                self._miss(stream, next(each for each in stream.held if each.keyframe is not None))
            if len(stream.held) > _MOST_HELD:
                gone = stream.held.popleft()
                if gone.keyframe is not None:
                    self._miss(stream, gone)
                self.lost += 1
        if active:
            self._wake.set()

    def _miss(self, stream: _Stream, held: _Held) -> None:
        held.keyframe, held.missed = None, True
        stream.waiting -= 1
        self.missed += 1

    # The thread.

    def start(self) -> None:
        self._thread = threading.Thread(target=self._main, name="seeing", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, keeping what was seen of durable footage. Blocks until it is done."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def waiting(self) -> bool:
        """Whether passing pictures wait: nothing else is looked at before them."""
        return any(stream.waiting for stream in list(self._streams.values()))

    def newest_us(self, camera: str) -> int:
        """Footage of a camera is looked at up to here, 0 when none is."""
        return max((each.newest_us for each in list(self._streams.values()) if each.camera == camera), default=0)

    def _main(self) -> None:
        while not self._stopping:
            self._wake.wait(_WAIT_S)
            self._wake.clear()
            try:
                self.look()
                self._tell()
                if self._clock.monotonic_us() - self._flushed_us >= _FLUSH_US:
                    self.flush()
            except StorageFault as error:
                log.error("seen_not_kept", error=str(error))
        try:
            self.flush()
        except StorageFault as error:
            log.error("seen_not_kept", error=str(error))

    def look(self) -> None:
        """Look at what waits, as far as the budget goes. Raises StorageFault."""
        while not self._stopping:
            batch = self._batch()
            if not batch:
                return
            try:
                self._see(batch)
            except NoModel:
                self._later_us = self._clock.monotonic_us() + _NO_MODEL_US
                self._leave(batch)
            except Unavailable as error:
                log.warning("seeing_away", error=str(error))
                self._later_us = self._clock.monotonic_us() + SECOND_US
                self._leave(batch)

    def _batch(self) -> list[tuple[_Stream, _Held]]:
        """Pictures to look at now, across cameras, oldest first."""
        now_us = self._clock.monotonic_us()
        found: list[tuple[_Stream, _Held]] = []
        with self._lock:
            for stream in self._streams.values():
                for held in stream.held if stream.waiting else ():
                    if held.keyframe is None:
                        continue
                    if now_us - held.came_us > _STALE_US:
                        self._miss(stream, held)
                    else:
                        found.append((stream, held))
        if now_us < self._later_us or not self._budget.may():
            return []
        found.sort(key=lambda pair: pair[1].came_us)
        return found[:MOST_PICTURES]

    def _leave(self, batch: list[tuple[_Stream, _Held]]) -> None:
        with self._lock:
            for stream, held in batch:
                if held.keyframe is not None:
                    self._miss(stream, held)

    def _see(self, batch: list[tuple[_Stream, _Held]]) -> None:
        glances = [Glance(0, True, False, held.keyframe) for _, held in batch if held.keyframe is not None]
        if len(glances) != len(batch):
            return
        told, cpu_us = self._process.see(glances)
        self._budget.spend(cpu_us)
        with self._lock:
            for (stream, held), glanced in zip(batch, told, strict=True):
                if held.keyframe is None:
                    continue  # it was given up meanwhile
                held.keyframe = None
                stream.waiting -= 1
                if glanced.failed:
                    held.missed = True
                    continue
                held.found, held.looked = tuple(map(detection, glanced.found)), True
                stream.something = bool(held.found)
                self.looked += 1

    def _tell(self) -> None:
        """Tell who listens what pictures showed, in their order."""
        for stream in list(self._streams.values()):
            while True:
                with self._lock:
                    if not stream.untold or stream.untold[0].keyframe is not None:
                        break
                    held = stream.untold.popleft()
                    if held.missed:
                        continue
                    if held.found is not None:
                        stream.there = held.found
                self.on_picture(stream.camera, stream.kind, held.at_us, stream.there, stream.aspect)

    # Into the index.

    def flush(self) -> None:
        """Keep what was seen of footage that is durable by now. Raises StorageFault, and tries again the next time."""
        self._flushed_us = self._clock.monotonic_us()
        ready = self._process.ready
        if ready is None:
            self._forget()
            return
        model_id = self._store.model_id(ready.model)
        ids = self._store.streams()
        for stream in list(self._streams.values()):
            stream_id = ids.get((stream.camera, stream.kind))
            if stream_id is not None and stream.held:
                self._flush(stream, stream_id, model_id)

    def _forget(self) -> None:
        """Nobody can look: quiet pictures need not be kept either, the gate's own bytes say as much."""
        with self._lock:
            for stream in self._streams.values():
                while stream.held and stream.held[0].keyframe is None:
                    stream.held.popleft()

    def _flush(self, stream: _Stream, stream_id: int, model_id: int) -> None:
        with self._lock:
            first_us, last_us = stream.held[0].at_us, stream.held[-1].at_us
        segments = self._store.segments(stream_id, first_us - SECOND_US, last_us + SECOND_US)
        durable_us = max((segment.end_us for segment in segments), default=0)
        taken: list[_Held] = []
        with self._lock:
            while stream.held and stream.held[0].keyframe is None:
                held = stream.held[0]
                late = self._clock.now_us() - held.at_us > _UNDURABLE_US
                if held.at_us >= durable_us and not late:
                    break
                taken.append(stream.held.popleft())
        if not taken:
            return
        if stream.lane is None:
            stream.lane = Lane(1, self._store.event_id, self._store.lane(stream_id), stream.aspect)
        writing = Writing()
        changed = {segment.id for held in taken if (segment := self._keep(stream, segments, held)) is not None}
        for number in changed:
            _, looked, sightings = stream.rows[number]
            writing.seen.append(Seen(number, model_id, 1, bytes(looked), bytes(sightings)))
        stream.lane.take(
            model_id, lambda at_us: segments if holder(segments, at_us) else self._around(stream_id, at_us), writing
        )
        writing.lanes[stream_id] = stream.lane.state()
        try:
            self._store.write(writing)
        except StorageFault:
            stream.lane = None  # goes on from what the index has; those seconds stay unseen
            stream.rows.clear()
            raise
        stream.newest_us = taken[-1].at_us
        for number in list(stream.rows)[:-3]:
            del stream.rows[number]

    def _around(self, stream_id: int, at_us: int) -> list[Segment]:
        return self._store.segments(stream_id, at_us, at_us + 1)

    def _keep(self, stream: _Stream, segments: list[Segment], held: _Held) -> Segment | None:
        """Take one picture into its segment's row and the stream's lane."""
        segment = holder(segments, held.at_us)
        state = LOOKED if held.looked else QUIET
        before_us, before = stream.before_us, stream.before
        stream.before_us, stream.before = held.at_us, 0 if held.missed else state
        if segment is None:
            self.lost += 1
            return None
        if held.missed:
            return None
        known = stream.rows.get(segment.id)
        looked, sightings = (bytearray(), bytearray()) if known is None else known[1:]
        stream.rows[segment.id] = (segment, looked, sightings)
        marked(looked, segment.start_us, held.at_us, held.at_us + SECOND_US, state)
        if before and 0 < held.at_us - before_us <= _APART_US:
            marked(looked, segment.start_us, before_us, held.at_us, max(before, state))
        if held.found:
            sightings += pack_sightings(segment.start_us, held.at_us, held.found)
        assert stream.lane is not None
        stream.lane.feed(held.at_us, held.found)
        return segment


def detection(found: Found) -> Detection:
    """What the process told, as the rest of the house has it. Kinds and colours that nobody knows raise no error."""
    left, top, right, bottom = found.box
    return Detection(
        ObjectKind(found.kind) if found.kind in _KINDS else ObjectKind.BAG,
        found.confidence,
        Box(min(left, right), min(top, bottom), max(left, right), max(top, bottom)),
        _colour(found.upper),
        _colour(found.lower),
    )


_KINDS = frozenset(ObjectKind)
_COLOURS = frozenset(ObjectColour)


def _colour(number: int) -> ObjectColour:
    return ObjectColour(number) if number in _COLOURS else ObjectColour.UNKNOWN
