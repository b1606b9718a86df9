"""Masked pictures of one site: who may see them, how many are made at a time, and when one ends."""

import asyncio
from collections.abc import Callable

import structlog

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import BadInput, LinkFault, Refused, Unavailable
from belvedere.link.masked import MaskedPiece, Polygons, ReadCopy, ReadMasked
from belvedere.link.messages import LiveState, Mark
from belvedere.media.stream import StreamKind
from belvedere.policy.grant import Action, Grant
from belvedere.site.live.relay import MAX_VIEWERS, Relay, Viewer
from belvedere.site.masked.history import History
from belvedere.site.masked.playback import MaskedPlayback
from belvedere.site.masked.process import MaskingProcess, ModelFile, cores
from belvedere.site.masked.rendition import Rendition
from belvedere.site.recorder.archive import Archive
from belvedere.site.storage.index import Index

log = structlog.get_logger()

CORE_MS = 400  # of each second of a core for masking, at most; recording comes first, and so do the other processes
PICTURE_MS = 33  # of a core that a second of a camera takes, five frames: decoding, hiding, encoding
LOOKING_MS = 40  # the same of the detector, until it is measured; it never takes more for long
LINGER_S = 5.0  # a rendition goes on this long after its last viewer left: tiles come and go
SPARE_S = 120.0  # a process stands ready this long after the last rendition ended
HISTORY_S = 2.0
_BY_DIFFERENCE = "People are hidden where they stand out from the background."
_WEAK = "somebody who does not move at all for half an hour may show."
_MEASURED_US = 30 * SECOND_US  # of pictures that say what looking costs
MASKED, PAINTED = "masked", "painted"  # everybody hidden; permanent masks only


def usual_most(look_ms_per_s: float = 0.0) -> int:
    """How many renditions at a time this machine makes, where the settings do not say: twelve a core without a detector."""
    return int(CORE_MS / (PICTURE_MS + min(LOOKING_MS, look_ms_per_s))) * cores()


class MaskedRoom:
    """One a site. Everything happens on its event loop.

    Invariant: a viewer of this room gets parts of a rendition and nothing else, whatever goes wrong with it.
    """

    def __init__(
        self,
        relay: Relay,
        clock: Clock,
        permanent: Callable[[str], Polygons] = lambda camera: (),
        *,
        most: int = 0,
        linger_s: float = LINGER_S,
        model: Callable[[], ModelFile | None] = lambda: None,
    ) -> None:
        """`permanent` gives a camera's permanent masks. `most` renditions at a time; 0: from the number of cores.

        `model` gives the detector that processes begun from now on look with; None: there is none.
        """
        self.clock = clock
        self._most = most
        self._model = model
        self.refused = 0
        self._relay = relay
        self._permanent = permanent
        self._linger_s = linger_s
        self._history = History(relay)
        # By camera and kind; a viewer's mark, where there is one, stands behind the kind, a line each.
        self._renditions: dict[tuple[str, str], Rendition] = {}
        self._ending: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._spare: asyncio.Task[MaskingProcess] | None = None
        self._spare_off: asyncio.TimerHandle | None = None
        self._samples: asyncio.Task[None] | None = None
        self.playback: MaskedPlayback | None = None

    @property
    def most(self) -> int:
        """Renditions at a time. With a detector fewer, by what it was seen to take."""
        if self._most:
            return self._most
        if self._model() is None:
            return usual_most()
        costs = [one.cost for _, one in self.renditions if one.cost.looks]
        media_us = sum(cost.media_us for cost in costs)
        if media_us < _MEASURED_US:
            return usual_most(LOOKING_MS)
        return usual_most(1000 * sum(cost.look_us for cost in costs) / media_us)

    @property
    def finds(self) -> str:
        """How people are found, in words."""
        model = self._model()
        if model is None:
            return f"{_BY_DIFFERENCE} No detector is installed: {_WEAK} Run belvedere models fetch at the site."
        trouble = next((one.sight.why for _, one in self.renditions if one.sight.why), "")
        if trouble:
            return f"{_BY_DIFFERENCE} The detector {model.model.called} is not used: {trouble} {_WEAK[0].upper()}{_WEAK[1:]}"
        return f"People are hidden where they stand out from the background and where {model.model.called} finds them."

    def serve(self, archive: Archive, index: Index) -> None:
        """Mask what is recorded too."""
        self.playback = MaskedPlayback(archive, index, self.clock, self._permanent, self._take, self._is_free)

    def start(self) -> None:
        """Begin to remember keyframes."""
        self._samples = asyncio.create_task(self._remember(), name="masking history")

    async def stop(self) -> None:
        """End every rendition and process."""
        if self._samples is not None:
            self._samples.cancel()
        for timer in (*self._ending.values(), *((self._spare_off,) if self._spare_off else ())):
            timer.cancel()
        for key in list(self._renditions):
            self._end(key)
        if self.playback is not None:
            await self.playback.stop()
        await self._drop_spare()
        await asyncio.gather(*self._closing, return_exceptions=True)

    # What viewers ask -----------------------------------------------------------------------------------------------

    def needed(self, grant: Grant, camera: str) -> bool:
        """Whether this grant sees this camera through a rendition only."""
        return grant.masked or bool(self._permanent(camera))

    def subscribe(self, grant: Grant, camera: str, stream: str, mark: Mark = ()) -> Viewer:
        """Watch a camera masked, whichever stream is asked for. Raises Refused, BadInput, Unavailable at the limit.

        With a `mark` the rendition is this viewer's alone (and of their other tiles), and counts against the limit like any.
        """
        grant.require(Action.LIVE, camera, now_us=self.clock.now_us())
        if stream == StreamKind.AUDIO:
            raise Refused("There is no live sound.", advice="Export the span that you need; sound comes with it.")
        if stream not in list(StreamKind):
            raise BadInput(f"There is no stream called {stream!r}.", advice="Ask for main or sub.")
        if self.viewers >= MAX_VIEWERS:
            raise Unavailable(f"{MAX_VIEWERS} live views are open at this site.", advice="Close some and try again.")
        kind = "\n".join((MASKED if grant.masked else PAINTED, *mark))
        rendition = self._rendition(camera, kind)
        viewer = Viewer(self, grant, camera, kind)
        rendition.join(viewer)
        return viewer

    async def play(self, grant: Grant, request: ReadMasked) -> MaskedPiece:
        """A recorded piece, masked. Raises Refused, NotFound, KeyAway, Unavailable."""
        if self.playback is None:
            raise Unavailable("This site plays nothing back masked.")
        return await self.playback.play(grant, request)

    async def copy(self, grant: Grant, request: ReadCopy) -> MaskedPiece:
        """A recorded piece for a working copy. Raises Refused, NotFound, KeyAway, Unavailable."""
        if self.playback is None:
            raise Unavailable("This site makes no working copies.")
        return await self.playback.copy(grant, request)

    def leave(self, viewer: Viewer) -> None:
        """Called by `Viewer.close`."""
        key = (viewer.camera, viewer.stream)
        rendition = self._renditions[key]
        rendition.viewers.remove(viewer)
        if not rendition.viewers:
            if self._linger_s > 0:
                self._ending[key] = asyncio.get_running_loop().call_later(self._linger_s, self._end, key)
            else:
                self._end(key)

    def state_of(self, camera: str, stream: str) -> LiveState:
        """The newest state of a rendition."""
        return self._renditions[camera, stream].state

    # What the site says ---------------------------------------------------------------------------------------------

    async def masks_changed(self, camera: str) -> None:
        """A camera's permanent masks are others now: they bind what is shown from here on, raw views included."""
        permanent = self._permanent(camera)
        for (where, _), rendition in list(self._renditions.items()):
            if where == camera:
                await rendition.repaint(permanent)
        if permanent:
            fault = LinkFault("This camera's masks have changed; its picture is opened anew.")
            self._relay.cut_off(camera, fault)

    def forget(self, camera: str) -> None:
        """A camera was removed: end its views."""
        for key, rendition in list(self._renditions.items()):
            if key[0] == camera:
                for viewer in list(rendition.viewers):
                    viewer.close()
                if key in self._renditions:
                    self._end(key)

    @property
    def renditions(self) -> list[tuple[str, Rendition]]:
        """Kind and rendition of all that are made now; one that carries a viewer's mark is called so."""
        return [
            (kind if "\n" not in kind else f"{kind.partition(chr(10))[0]}, marked", rendition)
            for (_, kind), rendition in self._renditions.items()
        ]

    @property
    def viewers(self) -> int:
        """How many watch."""
        return sum(len(rendition.viewers) for rendition in self._renditions.values())

    @property
    def history_bytes(self) -> int:
        """Keyframes held in memory."""
        return self._history.bytes

    # Inside ---------------------------------------------------------------------------------------------------------

    def _rendition(self, camera: str, kind: str) -> Rendition:
        key = (camera, kind)
        if (timer := self._ending.pop(key, None)) is not None:
            timer.cancel()
        found = self._renditions.get(key)
        if found is not None:
            return found
        if not self._is_free():
            self.refused += 1
            many = f"{self.most} masked pictures are" if self.most > 1 else "One masked picture is"
            raise Unavailable(
                f"{many} being made already at this site, as many as it makes at a time.",
                advice="Close a tile, or try again in a while; recording goes on.",
            )
        if self._spare_off is not None:
            self._spare_off.cancel()
            self._spare_off = None
        made = self._renditions[key] = Rendition(
            camera,
            self._history.source_of(camera),
            kind.partition("\n")[0] == MASKED,
            self._permanent(camera),
            self._relay,
            self._history,
            self._take,
            tuple(kind.split("\n")[1:]),
        )
        return made

    def _is_free(self) -> bool:
        """Whether one more may be made. One that nobody watches any more makes room."""
        if self._made() >= self.most and self._ending:
            self._end(next(iter(self._ending)))
        if self._made() >= self.most and self.playback is not None:
            self.playback.let_go()
        return self._made() < self.most

    def _made(self) -> int:
        return len(self._renditions) + (self.playback.running if self.playback is not None else 0)

    def _end(self, key: tuple[str, str]) -> None:
        timer = self._ending.pop(key, None)
        if timer is not None:
            timer.cancel()
        rendition = self._renditions.pop(key)
        self._spawn(rendition.close())
        if not self._renditions and self._spare is not None:
            loop = asyncio.get_running_loop()
            self._spare_off = loop.call_later(SPARE_S, lambda: self._spawn(self._drop_spare()))

    def _spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _take(self, looking: bool = True) -> MaskingProcess:
        """A process that is ready to be asked; another is begun, for the next one. Raises Unavailable.

        One that is not `looking` has no detector: with it processes of this camera ended again and again.
        """
        if not looking:
            return await MaskingProcess.begin(None)
        spare, self._spare = self._spare, None
        begun = spare or asyncio.create_task(MaskingProcess.begin(self._model()), name="masking process")
        try:
            process = await asyncio.shield(begun)
        except asyncio.CancelledError:
            self._spawn(_discard(begun))
            raise
        if self._spare is None and self._made() < self.most:
            self._spare = asyncio.create_task(MaskingProcess.begin(self._model()), name="spare masking process")
        return process

    async def _drop_spare(self) -> None:
        spare, self._spare = self._spare, None
        if spare is not None:
            await _discard(spare)

    async def _remember(self) -> None:
        while True:
            self._history.step()
            await asyncio.sleep(HISTORY_S)


async def _discard(begun: "asyncio.Task[MaskingProcess]") -> None:
    """End a process that nobody took."""
    found = (await asyncio.gather(begun, return_exceptions=True))[0]
    if isinstance(found, MaskingProcess):
        await found.close()
