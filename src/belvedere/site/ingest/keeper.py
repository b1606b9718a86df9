"""What the cameras of every transport share: how a stream is kept open, watched, told about and tried again."""

import random
import selectors
from dataclasses import dataclass, field
from enum import StrEnum

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import BelvedereError, CameraDenied, UnsupportedCodec
from belvedere.media.stream import EndReason
from belvedere.site.ingest.address import host_and_port
from belvedere.site.ingest.backoff import Backoff
from belvedere.site.ingest.gate import ConnectGate
from belvedere.site.ingest.journal import log
from belvedere.site.ingest.messages import OpenStream, StreamState
from belvedere.site.ingest.names import NameLookups
from belvedere.site.ingest.pulse import Pulse
from belvedere.site.ingest.reader_process import ReaderProcess
from belvedere.site.ingest.recorder_link import RecorderLink
from belvedere.site.ingest.run import RunWriter

_KEYFRAME_US = 30 * SECOND_US
_STEADY_US = 10 * SECOND_US
CHECK_US = SECOND_US // 4


class Phase(StrEnum):
    WAITING = "waiting"  # until `_due_us`
    RESOLVING = "resolving"
    CONNECTING = "connecting"
    TALKING = "talking"
    PLAYING = "playing"
    CLOSED = "closed"


@dataclass(slots=True)
class Surroundings:
    """What all cameras of the process share.

    `left_out` counts frames of connections that are over and belong to no run, `frozen` the streams ended for repeating one
    picture. `dying` holds killed readers until they are gone, so that none stays a zombie.
    """

    clock: Clock
    link: RecorderLink
    selector: selectors.BaseSelector
    names: NameLookups
    chance: random.Random
    gate: ConnectGate = field(default_factory=ConnectGate)
    left_out: int = 0
    frozen: int = 0
    dying: list[ReaderProcess] = field(default_factory=list)

    def bury(self) -> None:
        """Takes note of killed readers that are gone."""
        self.dying = [reader for reader in self.dying if not reader.buried()]


class StreamKeeper:
    """One OpenStream, whatever its transport. The loop calls `tick` at each sweep and `ready` when the selector has something."""

    def __init__(self, order: OpenStream, around: Surroundings) -> None:
        self.order = order
        self.phase = Phase.WAITING
        self.reconnects = -1
        self.host, self.port = host_and_port(order.url)
        # Which kind of keeper the stream turned out to need instead of this one: "reader" or "client"; "": this one.
        self.heir = ""
        self._around = around
        self._due_us = 0
        self._backoff = Backoff(around.chance)
        self._pulse = Pulse()
        self._run: RunWriter | None = None
        self._live = False
        self._told = ("", "")
        self._playing_since_us = 0
        self._check_us = 0
        self._warned = False

    @property
    def place(self) -> str:
        """Host and port, as shown to people."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def left_out(self) -> int:
        """Frames of this connection that belong to no run."""
        return self._run.left_out if self._run is not None else 0

    def tick(self, now_us: int) -> None:
        """Timers, and reading what came since the last sweep. `now_us` is monotonic."""
        raise NotImplementedError

    def ready(self, mask: int) -> None:
        """The selector has something for this camera."""
        raise NotImplementedError

    def inherit(self, before: "StreamKeeper") -> None:
        """Takes over from the keeper that turned out to be of the wrong kind."""
        self.reconnects = before.reconnects - 1
        self._live = before._live

    def set_live(self, on: bool) -> None:
        self._live = on
        if self._run is not None:
            self._run.set_live(on)
        self._watch()

    def broken(self, error: Exception) -> None:
        """The loop caught what should not have happened: this camera starts anew, the others never notice."""
        log.error("camera handling failed", stream=self.order.stream, error=type(error).__name__, exc_info=error)
        message = "The camera sent something unexpected. Update its firmware."
        if self._run is not None:
            self._run.abandon(EndReason.CAMERA_PROTOCOL, message)
            self._run = None
        self._fail(EndReason.CAMERA_PROTOCOL, message)

    def close(self, reason: EndReason, message: str) -> None:
        """Ends the session politely and for good."""
        self._farewell()
        self._end_run(reason, message)
        self._disconnect()
        self.phase = Phase.CLOSED

    # What a transport does in its own way

    def _watch(self) -> None:
        """Tells the selector what to look for."""
        raise NotImplementedError

    def _farewell(self) -> None:
        """Says goodbye to the camera, where the transport knows how."""

    def _disconnect(self) -> None:
        """Drops the connection; may be called when there is none."""
        raise NotImplementedError

    # Playing

    def _begin_run(self, run: RunWriter, now_us: int) -> None:
        """The camera plays from now on."""
        self._around.gate.leave(self.order.stream)
        self.phase = Phase.PLAYING
        self._playing_since_us = now_us
        self._pulse.begin(now_us)
        self._warned = False
        self._run = run
        self._watch()

    def _attend(self, run: RunWriter, now_us: int) -> bool:
        """Tells how a playing stream is; false when it was ended because no picture comes."""
        pulse = self._pulse
        if pulse.silent(now_us):
            seconds = pulse.patience_us // SECOND_US
            self._fail(EndReason.CAMERA_SILENT, f"The camera has sent no picture for {seconds} s.")
            return False
        if pulse.stuck(now_us):
            self._around.frozen += 1
            self._fail(EndReason.CAMERA_FROZEN, "The camera sends the very same picture again and again.")
            return False
        config = run.config
        if config is not None:
            codec = "H.264" if config.codec == "h264" else "H.265"
            fields = ", interlaced" if run.interlaced else ""
            text = f"Recording {codec}, {config.width}x{config.height}{fields}."
            if pulse.still_stuck:
                text += " The picture is the very same, bit by bit, after a new connection too: look at the camera."
            self._tell("recording", text)
            if now_us - self._playing_since_us > _STEADY_US:
                self._backoff.reset()
        elif now_us - self._playing_since_us > _KEYFRAME_US and not run.frames and not self._warned:
            self._warned = True
            if run.knows_parameters:
                self._tell("waiting", "The camera has sent no keyframe for 30 s. Set a keyframe interval of 2 s.")
            else:
                self._tell("waiting", "The camera sends no parameter sets. Update its firmware or set it to H.264.")
        return True

    # Ending

    def _fault(self, error: BelvedereError) -> None:
        """The camera did not do its part; the error says which."""
        if isinstance(error, CameraDenied):
            self._fail(EndReason.CAMERA_DENIED, str(error), state="denied", refused=True)
        elif isinstance(error, UnsupportedCodec):
            self._fail(EndReason.CAMERA_PROTOCOL, str(error), state="refused", refused=True)
        else:
            self._fail(EndReason.CAMERA_PROTOCOL, str(error))

    def _unreachable(self, why: str) -> None:
        self._fail(EndReason.CAMERA_UNREACHABLE, f"No answer from {self.place}: {why}.")

    def _fail(self, reason: EndReason, message: str, *, state: str = "waiting", refused: bool = False) -> None:
        """The connection is over; another is tried after a while."""
        self._end_run(reason, message)
        if reason in (EndReason.CAMERA_SILENT, EndReason.CAMERA_FROZEN):
            self._farewell()  # or the camera may keep the old session for its time-out
        self._disconnect()
        around = self._around
        wait_us = self._backoff.refused_us() if refused else self._backoff.wait_us()
        self.phase = Phase.WAITING
        self._due_us = around.clock.monotonic_us() + wait_us
        self._tell(state, message)
        log.info(
            "camera connection ended", stream=self.order.stream, place=self.place, reason=reason.value, state=state
        )

    def _end_run(self, reason: EndReason, message: str) -> None:
        if self._run is not None:
            self._run.end(reason, message)
            self._around.left_out += self._run.left_out
            self._run = None

    def _tell(self, state: str, message: str) -> None:
        if (state, message) == self._told:
            return
        self._told = state, message
        told = StreamState(stream=self.order.stream, state=state, message=message, reconnects=self.reconnects)
        self._around.link.send(told)
