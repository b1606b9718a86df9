"""The relay: what the cameras send now, to those who may watch.

The recorded fragments of the newest GOP are known, so that the first picture is there at once: those of small streams, which
tiles show, are kept in memory; others are read back from where they were recorded when somebody begins to watch. While somebody
watches a stream its ingest process also sends each frame by itself, half a second sooner than the fragment that will hold it.
Both tell the same media; the *seam* between them is found by decode time, so that every viewer gets each frame once and in order.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import structlog

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput, BadMedia, BelvedereError, Refused, SealBroken, Unavailable
from belvedere.link.backlog import Backlog
from belvedere.link.messages import LiveMedia, LivePart, LiveStart, LiveState
from belvedere.media.fmp4 import tfdt_offset
from belvedere.media.held import Held
from belvedere.media.stream import Fragment, StreamConfig, StreamKind
from belvedere.policy.grant import Action, Grant
from belvedere.site.live.stream import Piece, Stream, TailFrame

log = structlog.get_logger()

CACHE_LIMIT_BYTES = 6 << 20  # of one stream's newest GOP; a longer GOP is not kept, and viewers wait for the next
CACHE_TOTAL_BYTES = 256 << 20  # of all streams
TAIL_LIMIT_FRAMES = 512  # live frames kept until the fragment that holds them comes
MAX_VIEWERS = 400
LINGER_S = 5.0  # frame by frame goes on this long after the last viewer left: tiles come and go
CHECK_S = 0.5  # how often a viewer that gets nothing looks whether its grant still lives
QUIET_S = 5.0  # a viewer hears of the state at least this often, so that a dead link is told from a dark camera

_SOON_SETTLED = 6  # fragments: in three seconds a disk that works has made them durable
_READERS = 2  # threads
_READ_S = 2.0

_NOBODY: Callable[[str, str, bool], None] = lambda camera, stream, on: None  # noqa: E731


@dataclass(slots=True)
class RelayCounters:
    """What was lost or odd since the start; shown in the site's metrics."""

    frames_dropped: int = 0  # for slow viewers
    gops_not_kept: int = 0  # over a cache limit
    gops_not_read: int = 0  # by the disk where they were recorded; viewers went on at the next keyframe
    seams_broken: int = 0  # frames were missing between two fragments; viewers went on at the next keyframe
    bad_frames: int = 0  # live frames without a readable decode time, or without a run


class Source(Protocol):
    """Where a viewer's pictures come from: the relay, or the room that masks them."""

    @property
    def clock(self) -> Clock: ...

    def state_of(self, camera: str, stream: str) -> LiveState: ...

    def leave(self, viewer: "Viewer") -> None: ...


class Viewer:
    """Somebody who watches one stream: iterate over its parts, then close it. Raises Refused when the grant ends.

    `fault` is raised after the last part when it was not the viewer who closed.
    """

    def __init__(self, relay: Source, grant: Grant, camera: str, stream: str) -> None:
        self._relay = relay
        self._grant = grant
        self.camera = camera
        self.stream = stream
        self.backlog = Backlog(relay.clock)
        self._closed = False
        self.fault: BelvedereError | None = None

    def __aiter__(self) -> "Viewer":
        return self

    async def __anext__(self) -> LivePart:
        quiet = 0.0
        while True:
            if self._closed:
                if self.fault is not None:
                    raise self.fault
                raise StopAsyncIteration
            self._grant.require(Action.LIVE, self.camera, now_us=self._relay.clock.now_us())
            try:
                async with asyncio.timeout(CHECK_S):
                    return await self.backlog.get()
            except TimeoutError:
                quiet += CHECK_S
            if quiet >= QUIET_S:
                return self._relay.state_of(self.camera, self.stream)

    def close(self) -> None:
        """Stop watching. Harmless when closed already."""
        if not self._closed:
            self._closed = True
            self._relay.leave(self)


class Tap:
    """Raw pictures of one stream for the masking beside it. They go to a confined process and to nobody else."""

    def __init__(self, relay: "Relay", camera: str, stream: str) -> None:
        self._relay = relay
        self.camera = camera
        self.stream = stream
        self.backlog = Backlog(relay.clock)

    def close(self) -> None:
        """Call it once."""
        self._relay.leave(self)


_Stream = Stream[Viewer | Tap]


class Relay:
    """Live pictures of one site. Everything happens on one event loop; nothing here waits or blocks."""

    def __init__(self, clock: Clock, *, linger_s: float = LINGER_S) -> None:
        self.clock = clock
        self.counters = RelayCounters()
        self._linger_s = linger_s
        self._set_live = _NOBODY
        self._streams: dict[tuple[str, str], _Stream] = {}
        self._cached_bytes = 0
        self._viewers = 0
        self._readers: ThreadPoolExecutor | None = None
        self._fetching: set[asyncio.Task[None]] = set()

    def bind(self, set_live: Callable[[str, str, bool], None]) -> None:
        """Name the switch for frames: `set_live(camera, stream, on)`. Switching on twice must be harmless."""
        self._set_live = set_live

    # What the recorder says -----------------------------------------------------------------------------------------

    def config(self, camera: str, stream: str, config: StreamConfig) -> None:
        """A run began: media time starts at 0 again."""
        at = self._at(camera, stream)
        self._forget_run(at)
        at.start = LiveStart(
            codec=str(config.codec),
            codec_string=config.codec_string,
            width=config.width,
            height=config.height,
            init=config.init,
        )
        self._publish(at, at.start)
        if at.switched_on:
            self._set_live(camera, stream, True)  # the process that sends the frames may be a new one

    def fragment(self, camera: str, stream: str, fragment: Fragment) -> None:
        """A recorded fragment of the present run."""
        at = self._at(camera, stream)
        if at.start is None:
            self.counters.bad_frames += 1
            return
        held = fragment.held
        if held is None or stream == StreamKind.SUB or (fragment.keyframe and at.keep_keyframe):
            held, at.keep_keyframe = Held(bytes(fragment.data)), at.keep_keyframe and not fragment.keyframe
        piece = Piece(fragment.keyframe, fragment.arrival_us, fragment.frames, held)
        self._cache(at, piece, len(fragment.data))
        end_90k = fragment.start_90k + fragment.duration_90k
        whole = at.seen_from_90k is not None and at.seen_from_90k <= fragment.start_90k
        at.end_90k = end_90k
        while at.tail and at.tail[0].dts_90k < end_90k:
            at.tail_bytes -= len(at.tail.popleft().media.data)
        within, at.seen = at.seen - len(at.tail), len(at.tail)
        if at.joined and whole and within != fragment.frames:
            self._break_seam(at, missed=max(0, fragment.frames - within))
        elif not at.joined:
            if at.viewers:
                self._publish(at, piece.media(bytes(fragment.data)))
            if at.seen_from_90k is not None and at.seen_from_90k <= end_90k:
                at.joined = True
                for frame in at.tail:
                    self._publish(at, frame.media)

    def frame(self, camera: str, stream: str, keyframe: bool, arrival_us: int, data: bytes) -> None:
        """One frame as moof and mdat, with the decode time that it has in its fragment."""
        at = self._at(camera, stream)
        if not at.switched_on:
            return  # still on its way when the last viewer had left
        try:
            where = tfdt_offset(data)
        except BadMedia:
            self.counters.bad_frames += 1
            return
        if at.start is None:
            self.counters.bad_frames += 1
            return
        dts_90k = int.from_bytes(data[where : where + 8], "big")
        if at.seen_from_90k is None:
            at.seen_from_90k = dts_90k
        if dts_90k < at.end_90k or at.has(dts_90k, data):
            return  # a fragment has brought it, or frames were switched off and on and this one comes again
        media = LiveMedia(keyframe, arrival_us, 0, data)
        at.tail.append(TailFrame(dts_90k, media))
        at.seen += 1
        at.tail_bytes += len(data)
        while len(at.tail) > TAIL_LIMIT_FRAMES or at.tail_bytes > CACHE_LIMIT_BYTES:
            let_go = at.tail.popleft()
            at.lost_90k, at.tail_bytes = let_go.dts_90k, at.tail_bytes - len(let_go.media.data)
        if not at.joined and at.seen_from_90k <= at.end_90k:
            at.joined = True
        if at.joined:
            self._publish(at, media)

    def state(self, camera: str, stream: str, state: str, message: str) -> None:
        """The camera's state, as in `link.messages.StreamStatus`."""
        at = self._at(camera, stream)
        at.state = LiveState(state, message)
        self._publish(at, at.state)

    def ended(self, camera: str, stream: str) -> None:
        """The run is over. Nothing old is shown as live: new viewers get the state only, until the next run."""
        self._forget_run(self._at(camera, stream))

    # What viewers ask -----------------------------------------------------------------------------------------------

    def subscribe(self, grant: Grant, camera: str, stream: str) -> Viewer:
        """Watch a stream. Raises Refused, BadInput for an unknown stream, Unavailable when too many watch."""
        grant.require(Action.LIVE, camera, now_us=self.clock.now_us())
        if grant.masked:
            raise Refused("This access shows masked pictures only.", advice="Ask for access to unmasked pictures.")
        if stream == StreamKind.AUDIO:
            raise Refused("There is no live sound.", advice="Export the span that you need; sound comes with it.")
        if stream not in list(StreamKind):
            raise BadInput(f"There is no stream called {stream!r}.", advice="Ask for main or sub.")
        if self._viewers >= MAX_VIEWERS:
            raise Unavailable(f"{MAX_VIEWERS} live views are open at this site.", advice="Close some and try again.")
        viewer = Viewer(self, grant, camera, stream)
        self._join(viewer)
        return viewer

    def tap(self, camera: str, stream: str) -> Tap:
        """Raw pictures for a masked rendition, inside the site. Who may see that is asked where it is handed out."""
        tap = Tap(self, camera, stream)
        self._join(tap)
        return tap

    def _join(self, viewer: Viewer | Tap) -> None:
        camera, stream = viewer.camera, viewer.stream
        at = self._at(camera, stream)
        viewer.backlog.put(at.state)
        if at.start is not None:
            viewer.backlog.put(at.start)
            away, here = at.snapshot()
            if away:
                viewer.backlog.leave_gap()
                self._fetch(viewer, away)
            for media in here:
                viewer.backlog.put(media)
        at.viewers.append(viewer)
        self._viewers += 1
        if at.off_timer is not None:
            at.off_timer.cancel()
            at.off_timer = None
        if not at.switched_on:
            at.switched_on = True
            self._set_live(camera, stream, True)

    def _fetch(self, viewer: Viewer | Tap, away: list[Piece]) -> None:
        """Have a disk read what a new viewer begins with: the bytes that it would have been given from memory, and no others."""
        if self._readers is None:
            self._readers = ThreadPoolExecutor(_READERS, "first pictures")
        reading = asyncio.get_running_loop().run_in_executor(self._readers, lambda: [piece.read() for piece in away])
        task = asyncio.create_task(self._bring(viewer, asyncio.wait_for(reading, _READ_S)))
        self._fetching.add(task)
        task.add_done_callback(self._fetching.discard)

    async def _bring(self, viewer: Viewer | Tap, reading: Awaitable[list[LiveMedia]]) -> None:
        media: list[LiveMedia] = []
        try:
            media = await reading
        except (OSError, SealBroken) as error:  # TimeoutError is an OSError: the disk stands still
            log.warning("newest_pictures_not_read", camera=viewer.camera, stream=viewer.stream, error=repr(error))
            self.counters.gops_not_read += 1
        finally:
            viewer.backlog.fill_gap(media)

    def leave(self, viewer: Viewer | Tap) -> None:
        """Called by `close` of a viewer or tap."""
        at = self._at(viewer.camera, viewer.stream)
        at.viewers.remove(viewer)
        self._viewers -= 1
        self.counters.frames_dropped += viewer.backlog.dropped
        if at.viewers:
            return
        if self._linger_s > 0:
            loop = asyncio.get_running_loop()
            at.off_timer = loop.call_later(self._linger_s, self._switch_off, viewer.camera, viewer.stream)
        else:
            self._switch_off(viewer.camera, viewer.stream)

    def state_of(self, camera: str, stream: str) -> LiveState:
        """The newest state of a stream."""
        return self._at(camera, stream).state

    def newest_keyframe(self, camera: str, stream: str) -> bytes | None:
        """Initialisation segment and the newest recorded fragment that begins with a keyframe; None while there is none.

        For looking at a picture's figures inside the site. Callable from any thread but the event loop's: it may wait for a disk.
        """
        at = self._streams.get((str(camera), str(stream)))
        start, gop = (at.start, at.gop[:1]) if at is not None else (None, [])
        if start is None or not gop:
            return None
        try:
            return start.init + gop[0].held.read()
        except (OSError, SealBroken):
            return None  # there will be a newer one

    def newest_fragment(self, camera: str, stream: str) -> tuple[LiveStart, LiveMedia] | None:
        """As `newest_keyframe`, in its parts; None too when it is not in memory, but then the next one stays there.

        For the masking inside the site; event loop only.
        """
        at = self._streams.get((str(camera), str(stream)))
        if at is None or at.start is None or not at.gop:
            return None
        data = at.gop[0].held.data
        at.keep_keyframe = data is None
        return (at.start, at.gop[0].media(bytes(data))) if data is not None else None

    def streams(self) -> list[tuple[str, str]]:
        """Camera and kind of every stream that anything was heard of."""
        return list(self._streams)

    @property
    def reading(self) -> int:
        """How many viewers wait for a disk to read what they begin with."""
        return len(self._fetching)

    @property
    def viewers(self) -> int:
        """How many live views are open."""
        return self._viewers

    def forget(self, camera: str) -> None:
        """A camera was removed: let its pictures go, and end its views."""
        for kind in StreamKind:
            at = self._streams.get((camera, str(kind)))
            if at is not None:
                for viewer in list(at.viewers):
                    if isinstance(viewer, Viewer):
                        viewer.close()
                if at.off_timer is not None:
                    at.off_timer.cancel()
                self._forget_run(at)
                if not at.viewers:  # else a tap, which its rendition closes
                    del self._streams[camera, str(kind)]

    def cut_off(self, camera: str, fault: BelvedereError) -> None:
        """End all raw views of a camera with `fault`: what its viewers may see has changed."""
        for kind in StreamKind:
            at = self._streams.get((camera, str(kind)))
            for viewer in list(at.viewers) if at is not None else ():
                if isinstance(viewer, Viewer):
                    viewer.fault = fault
                    viewer.close()

    # Inside ---------------------------------------------------------------------------------------------------------

    def _at(self, camera: str, stream: str) -> _Stream:
        key = (str(camera), str(stream))
        found = self._streams.get(key)
        if found is None:
            found = self._streams[key] = Stream()
        return found

    def _publish(self, at: _Stream, part: LivePart) -> None:
        for viewer in at.viewers:
            viewer.backlog.put(part)

    def _switch_off(self, camera: str, stream: str) -> None:
        at = self._at(camera, stream)
        at.off_timer = None
        if not at.viewers and at.switched_on:
            at.switched_on = False
            at.forget_frames()
            self._set_live(camera, stream, False)

    def _forget_run(self, at: _Stream) -> None:
        self._cached_bytes -= at.gop_bytes
        at.forget_run()

    def _cache(self, at: _Stream, piece: Piece, size: int) -> None:
        """Keep a fragment of the newest GOP, within the limits."""
        if piece.keyframe:
            self._cached_bytes -= at.gop_bytes
            at.gop, at.gop_bytes = [], 0
        elif not at.gop:
            return
        if at.gop_bytes + size > CACHE_LIMIT_BYTES or self._cached_bytes + size > CACHE_TOTAL_BYTES:
            self._cached_bytes -= at.gop_bytes
            at.gop, at.gop_bytes = [], 0
            self.counters.gops_not_kept += 1
            return
        at.gop.append(piece)
        if len(at.gop) > _SOON_SETTLED:
            at.gop[-1 - _SOON_SETTLED].held.own()  # no disk has it yet: it should not keep others' bytes in memory too
        at.gop_bytes += size
        self._cached_bytes += size

    def _break_seam(self, at: _Stream, missed: int) -> None:
        """Frames are missing among those that came by themselves: viewers go on at the next keyframe, and are told."""
        self.counters.seams_broken += 1
        for viewer in at.viewers:
            viewer.backlog.resume_at_keyframe(missed)
