"""One stream (or one import) on its way to a disk: decides where runs begin and end. Lives on the disk's thread."""

from collections.abc import Callable

from belvedere.foundation.errors import StorageFault
from belvedere.media.stream import TICKS_PER_SECOND, EndReason, Fragment, StreamConfig
from belvedere.site.recorder.run import OpenRun, Store
from belvedere.site.storage.cameras import StreamRef

_JUMP_90K = TICKS_PER_SECOND // 2  # media time this far off the end of the run is a hole, not rounding


class Track:
    """State of one stream. `trouble` (why nothing is being kept) and the counters are read by other threads."""

    def __init__(
        self, ref: StreamRef, *, import_start_us: int | None = None, provenance: str = "", needs_key: bool = False
    ) -> None:
        self.ref = ref
        self.import_start_us = import_start_us
        self.provenance = provenance
        self.config: StreamConfig | None = None
        self.run: OpenRun | None = None
        self.runs: list[OpenRun] = []  # of an import: kept until it is complete or given up
        self.trouble = ""
        self.dropped = 0  # fragments that reached no disk
        self._cut: tuple[EndReason, str] | None = None
        self._needs_key = needs_key  # wait for a keyframe: what came before it lies elsewhere, or nowhere

    @property
    def imported(self) -> bool:
        return self.import_start_us is not None

    def begin(self, config: StreamConfig) -> OpenRun | None:
        """A new configuration: fragments that follow belong to a new run. Returns the run that this ended, if any."""
        ended = self.end(EndReason.PARAMETERS_CHANGED)
        self.config = config
        return ended

    def cut(self, reason: EndReason, message: str) -> None:
        """End the run at the next keyframe and go on in a new one."""
        if self.run is not None:
            self._cut = (reason, message)
            self.run.clock.stepped = True

    def end(self, reason: EndReason, message: str = "") -> OpenRun | None:
        """End the run now. Returns it for indexing. Raises nothing: a segment that can't be closed is marked."""
        run, self.run, self._cut = self.run, None, None
        if run is None:
            return None
        if self.import_start_us is not None:
            self.import_start_us = run.end_us
            reason = EndReason.IMPORT_END
        try:
            run.end(reason, message)
        except (OSError, StorageFault) as error:
            self.trouble = str(error)
        return run

    def add(self, fragment: Fragment, store: Store, touch: Callable[[OpenRun], None]) -> None:
        """Take in a fragment; `touch` is told of each run that changed. Raises OSError or StorageFault when it was lost."""
        run = self.run
        if run is not None and run.ended is not None:
            self.lose(run)
            run = None
        if run is not None:
            broken = self._break(run, fragment)
            if broken is not None:
                self.end(*broken)
                touch(run)
                run = None
        if self.config is None or (run is None and self._needs_key and not fragment.keyframe):
            self.dropped += 1
            return
        if run is None:
            run = self.run = OpenRun(
                store,
                self.ref,
                self.config,
                fragment,
                import_start_us=self.import_start_us,
                provenance=self.provenance,
            )
            if self.imported:
                self.runs.append(run)
        touch(run)
        try:
            run.append(fragment)
        finally:
            if run.ended is not None:
                self.lose(run)
        self._needs_key = False
        self.trouble = ""

    def lose(self, run: OpenRun) -> None:
        """The run ended because its disk failed: wait for the next keyframe."""
        self.dropped += run.dropped
        run.dropped = 0
        if self.run is run:
            self.run = None
            self._needs_key = True
            self._cut = None

    def _break(self, run: OpenRun, fragment: Fragment) -> tuple[EndReason, str] | None:
        end_90k = run.end_90k
        if end_90k is not None and abs(fragment.start_90k - end_90k) > _JUMP_90K:
            return EndReason.TIMESTAMP_JUMP, "The camera's time stamps jumped."
        if fragment.keyframe and self._cut is not None:
            return self._cut
        if fragment.keyframe and run.clock.stepped and not run.imported:
            return EndReason.CLOCK_CHANGED, "The recorder's clock was set."
        if fragment.keyframe and run.clock.lost:
            return EndReason.TIMESTAMP_JUMP, "The camera's time stamps run at another speed than the clock."
        return None
