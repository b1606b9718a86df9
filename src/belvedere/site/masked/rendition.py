"""One masked rendition of one camera: raw pictures from the relay in, masked ones to all its viewers out."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from belvedere.foundation.errors import Unavailable
from belvedere.link.masked import Polygons
from belvedere.link.messages import LiveMedia, LivePart, LiveStart, LiveState, Mark
from belvedere.site.live.relay import Relay, Tap, Viewer
from belvedere.site.masked.history import History
from belvedere.site.masked.pipe import Begin, Done, Feed, Masked, Ready, Recall, Repaint, Sight
from belvedere.site.masked.process import MaskingEnded, MaskingProcess

log = structlog.get_logger()

RETRY_S = (0.1, 0.5, 1.0, 2.0, 5.0)
_FORGIVEN = 3  # ends of a process that looked, until it goes on without the detector
_UNDER_WAY = 24  # orders that the process has not answered yet; then pictures wait, and skip, in the tap's backlog
_GROUP_LIMIT_BYTES = 4 << 20
_FIRST = LiveState("connecting", "The picture in which people are hidden is being made.")
_AGAIN = LiveState("connecting", "The masked picture is being started again.")
LEARNING = "All hidden for a minute: it learns what stands still."


@dataclass(slots=True)
class Cost:
    """What masking took. `cpu_us` of the process for `media_us` of pictures."""

    cpu_us: int = 0
    media_us: int = 0
    frames: int = 0
    failed: int = 0
    looks: int = 0
    look_us: int = 0

    def add(self, done: Done) -> None:
        self.cpu_us += done.cpu_us
        self.media_us += done.media_us
        self.frames += done.frames
        self.failed += done.failed
        self.looks += done.looks
        self.look_us += done.look_us

    @property
    def cpu_ms_per_s(self) -> float:
        """CPU milliseconds for one second of one camera; 0 before there was any."""
        return 1000 * self.cpu_us / self.media_us if self.media_us else 0.0

    @property
    def look_ms_per_s(self) -> float:
        """The detector's part of it."""
        return 1000 * self.look_us / self.media_us if self.media_us else 0.0


class Rendition:
    """Runs from the first viewer until `close`. A process that ends is replaced; nothing raw is ever shown instead."""

    def __init__(
        self,
        camera: str,
        source: str,
        bodies: bool,
        permanent: Polygons,
        relay: Relay,
        history: History,
        take: Callable[[bool], Awaitable[MaskingProcess]],
        mark: Mark = (),
    ) -> None:
        """`take` gives a process; False: one without a detector."""
        self.camera = camera
        self.source = source
        self.bodies = bodies
        self._permanent = permanent
        self._relay = relay
        self._history = history
        self._take = take
        self._mark = mark
        self.viewers: list[Viewer] = []
        self.cost = Cost()
        self.restarts = 0
        self._faults = 0  # processes that ended while a detector looked
        self.share = 0.0
        self.whole = bodies
        self.sight = Sight("")
        self.state = _FIRST
        self._start: LiveStart | None = None
        # Invariant: masked pictures from the newest masked keyframe on, without a hole, or empty.
        self._group: list[LiveMedia] = []
        self._group_bytes = 0
        self._process: MaskingProcess | None = None
        self._room = asyncio.Semaphore(_UNDER_WAY)
        self._task = asyncio.create_task(self._run(), name=f"masked {camera}")

    @property
    def pid(self) -> int | None:
        """Of the process that masks now."""
        return self._process.pid if self._process is not None else None

    def join(self, viewer: Viewer) -> None:
        """A newcomer gets the newest group at once."""
        viewer.backlog.put(self.state)
        if self._start is not None:
            viewer.backlog.put(self._start)
            for media in self._group:
                viewer.backlog.put(media)
        self.viewers.append(viewer)

    async def repaint(self, permanent: Polygons) -> None:
        """Other permanent masks. What was kept for newcomers without them is let go."""
        self._permanent = permanent
        self._group, self._group_bytes = [], 0
        if self._process is not None:
            try:
                await self._process.say(Repaint(permanent))
            except MaskingEnded:
                pass  # the next process begins with them

    async def close(self) -> None:
        """End the process."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        tries = 0
        while True:
            made = self.cost.frames
            try:
                await self._once()
            except (MaskingEnded, Unavailable) as error:
                self._faults += bool(self.sight.model)
                log.warning("masking_ended", camera=self.camera, error=str(error))
            self.restarts += 1
            self._start = None
            self._group, self._group_bytes = [], 0
            self.sight = Sight("")
            self._say_state(_AGAIN)
            if self.cost.frames > made:
                tries = 0
            await asyncio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)])
            tries += 1

    async def _once(self) -> None:
        process = await self._take(self._faults < _FORGIVEN)
        works: list[asyncio.Task[None]] = []
        tap = self._relay.tap(self.camera, self.source)
        try:
            self._process = process
            self._room = asyncio.Semaphore(_UNDER_WAY)
            works = [asyncio.create_task(self._hear(process)), asyncio.create_task(self._feed(process, tap))]
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            for work in done:
                work.result()
        finally:
            self._process = None
            tap.close()
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            await process.close()

    async def _feed(self, process: MaskingProcess, tap: Tap) -> None:
        while True:
            part = await tap.backlog.get()
            match part:
                case LiveState():
                    self._say_state(self._in_words(part))
                case LiveStart():
                    await self._begin(process, part)
                case LiveMedia():
                    await self._order(process, Feed(part.arrival_us, part.data, mark=self._mark))

    async def _begin(self, process: MaskingProcess, start: LiveStart) -> None:
        await self._order(process, Begin(start.codec, start.init, self.bodies, self._permanent))
        if self.bodies:
            for at_us, data in self._history.of(self.camera, start.init):
                await self._order(process, Recall(at_us, data))

    async def _order(self, process: MaskingProcess, order: Begin | Recall | Feed) -> None:
        try:
            async with asyncio.timeout(process.patience_s):
                await self._room.acquire()
        except TimeoutError:
            raise MaskingEnded("it does not answer") from None
        await process.say(order)

    async def _hear(self, process: MaskingProcess) -> None:
        while True:
            told = await process.hear()
            match told:
                case Ready():
                    self._start = LiveStart("h264", told.codec_string, told.width, told.height, told.init)
                    self._group, self._group_bytes = [], 0
                    self._publish(self._start)
                case Masked():
                    self._picture(LiveMedia(told.keyframe, told.at_us, 0, told.data))
                    turned = told.whole != self.whole
                    self.share, self.whole = told.share, told.whole
                    if turned and self.state.state == "recording":
                        self._say_state(self._in_words(LiveState("recording", "")))
                case Sight():
                    self.sight = told
                case Done():
                    self.cost.add(told)
                    self._room.release()

    def _picture(self, media: LiveMedia) -> None:
        if self._start is None:
            raise MaskingEnded("a picture without a beginning")
        if media.keyframe:
            self._group, self._group_bytes = [], 0
        if media.keyframe or self._group:
            self._group_bytes += len(media.data)
            self._group.append(media)
            if self._group_bytes > _GROUP_LIMIT_BYTES:
                self._group, self._group_bytes = [], 0
        self._publish(media)

    def _in_words(self, state: LiveState) -> LiveState:
        """The camera's state, and why nothing but blocks is to be seen."""
        if state.state == "connecting" and not state.message and self._start is None:
            return _FIRST
        return LiveState(state.state, LEARNING) if state.state == "recording" and self.whole else state

    def _say_state(self, state: LiveState) -> None:
        self.state = state
        self._publish(state)

    def _publish(self, part: LivePart) -> None:
        for viewer in self.viewers:
            viewer.backlog.put(part)
