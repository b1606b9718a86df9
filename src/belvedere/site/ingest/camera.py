"""One camera stream kept open: connecting, talking, playing, falling silent, trying again."""

import errno
import random
import selectors
import socket
from dataclasses import dataclass, field
from enum import StrEnum

import structlog

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import BelvedereError, CameraDenied, UnsupportedCodec
from belvedere.media.rtsp_session import RtspSession, SessionState
from belvedere.media.stream import EndReason
from belvedere.site.ingest.address import host_and_port
from belvedere.site.ingest.messages import ClockSeen, OpenStream, StreamState
from belvedere.site.ingest.names import Endpoint, NameLookups, literal_endpoint
from belvedere.site.ingest.recorder_link import RecorderLink
from belvedere.site.ingest.run import RunWriter

log = structlog.get_logger()

READ_BYTES = 256 << 10
_READS_A_TURN = 8  # so that one camera's burst does not keep the others waiting
_SEND_BYTES = 64 << 10
_CONNECT_US = 5 * SECOND_US
_TALK_US = 10 * SECOND_US
_FIRST_FRAME_US = 10 * SECOND_US
_SILENCE_US = 5 * SECOND_US
_KEYFRAME_US = 30 * SECOND_US
_STEADY_US = 10 * SECOND_US
_CHECK_US = SECOND_US // 4
_REPORT_US = 5 * SECOND_US
_FIRST_WAIT_US = SECOND_US
_LONGEST_WAIT_US = 30 * SECOND_US
_REFUSED_WAIT_US = 60 * SECOND_US
CONNECTS_AT_ONCE = 16

_WHY = {
    errno.ECONNREFUSED: "the connection was refused",
    errno.EHOSTUNREACH: "no route",
    errno.ENETUNREACH: "no route",
    errno.EHOSTDOWN: "no route",
    errno.ETIMEDOUT: "timed out",
    errno.ECONNRESET: "it broke the connection",
    errno.EPIPE: "it broke the connection",
}


class Phase(StrEnum):
    WAITING = "waiting"  # until `_due_us`
    RESOLVING = "resolving"
    CONNECTING = "connecting"
    TALKING = "talking"
    PLAYING = "playing"
    CLOSED = "closed"


@dataclass(slots=True)
class Surroundings:
    """What all cameras of the process share. `connecting` bounds the connects under way at once."""

    clock: Clock
    link: RecorderLink
    selector: selectors.BaseSelector
    names: NameLookups
    chance: random.Random
    connecting: set[int] = field(default_factory=set)


class Camera:
    """One OpenStream. The loop calls `tick` at each sweep and `ready` when the selector has something."""

    def __init__(self, order: OpenStream, around: Surroundings) -> None:
        self.order = order
        self.phase = Phase.WAITING
        self.reconnects = -1
        self.host, self.port = host_and_port(order.url)
        self._around = around
        self._due_us = 0
        self._wait_us = 0
        self._socket: socket.socket | None = None
        self._registered = 0
        self._session: RtspSession | None = None
        self._run: RunWriter | None = None
        self._live = False
        self._told = ("", "")
        self._playing_since_us = 0
        self._last_unit_us = 0
        self._keep_alive_us = 0
        self._report_us = 0
        self._check_us = 0
        self._warned = False

    @property
    def place(self) -> str:
        """Host and port, as shown to people."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def set_live(self, on: bool) -> None:
        self._live = on
        if self._run is not None:
            self._run.set_live(on)
        self._watch()

    def tick(self, now_us: int) -> None:
        """Timers, and reading what came since the last sweep. `now_us` is monotonic."""
        try:
            if self.phase is Phase.PLAYING:
                if not self._registered:
                    self._read()
                if now_us >= self._check_us:
                    self._check_us = now_us + _CHECK_US
                    self._supervise(now_us)
            elif self.phase is Phase.WAITING:
                if now_us >= self._due_us and len(self._around.connecting) < CONNECTS_AT_ONCE:
                    self._start(now_us)
            elif self.phase is Phase.RESOLVING:
                self._resolved(now_us)
            elif self.phase is not Phase.CLOSED and now_us >= self._due_us:
                if self.phase is Phase.CONNECTING:
                    self._unreachable("timed out")
                else:
                    text = f"{self.place} accepts connections but does not answer RTSP."
                    self._fail(EndReason.CAMERA_UNREACHABLE, f"{text} Check the port: 554 is usual.")
        except BelvedereError as error:
            self._fault(error)

    def ready(self, mask: int) -> None:
        """The selector has something for this camera's socket."""
        try:
            if self.phase is Phase.CONNECTING:
                self._connected()
            else:
                if mask & selectors.EVENT_WRITE:
                    self._send()
                if mask & selectors.EVENT_READ:
                    self._read()
        except BelvedereError as error:
            self._fault(error)

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
        if self._session is not None:
            self._session.teardown()
            self._send()
        self._end_run(reason, message)
        self._disconnect()
        self.phase = Phase.CLOSED

    # Connecting

    def _start(self, now_us: int) -> None:
        self.reconnects += 1
        self._around.connecting.add(self.order.stream)
        self._due_us = now_us + _CONNECT_US
        self._tell("connecting", f"Connecting to {self.place}.")
        endpoint = literal_endpoint(self.host, self.port)
        if endpoint is not None:
            self._connect(endpoint)
        elif self._around.names.start(self.host, self.port):
            self.phase = Phase.RESOLVING
        else:
            self._unreachable("too many names are being looked up")

    def _resolved(self, now_us: int) -> None:
        known, endpoint = self._around.names.result(self.host, self.port)
        if known and endpoint is not None:
            self._due_us = now_us + _CONNECT_US
            self._connect(endpoint)
        elif known:
            self._unreachable("the name is not known")
        elif now_us >= self._due_us:
            self._unreachable("the name server does not answer")

    def _connect(self, endpoint: Endpoint) -> None:
        try:
            connection = socket.socket(endpoint.family, socket.SOCK_STREAM)
        except OSError as error:
            self._unreachable(f"this machine can't open a connection ({error.strerror})")
            return
        self._socket = connection
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.phase = Phase.CONNECTING
        code = connection.connect_ex(endpoint.address)
        if code not in (0, errno.EINPROGRESS):
            self._unreachable(_WHY.get(code, "no route"))
            return
        self._watch()

    def _connected(self) -> None:
        if self._socket is None:
            return
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._unreachable(_WHY.get(code, "no route"))
            return
        self.phase = Phase.TALKING
        self._due_us = self._around.clock.monotonic_us() + _TALK_US
        self._session = RtspSession(self.order.url, self.order.username, self.order.password)
        self._session.begin()
        self._send()

    # Reading and writing

    def _read(self) -> None:
        for _ in range(_READS_A_TURN):
            connection, session = self._socket, self._session
            if connection is None or session is None:
                return
            try:
                data = connection.recv(READ_BYTES)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                why = _WHY.get(error.errno or 0, "the connection broke")
                self._fail(EndReason.CAMERA_UNREACHABLE, f"The connection to {self.place} was lost: {why}.")
                return
            if not data:
                self._fail(EndReason.CAMERA_CLOSED, f"The camera at {self.place} ended the connection.")
                return
            clock = self._around.clock
            monotonic_us = clock.monotonic_us()
            units = session.receive(data, monotonic_us)
            if session.reports:
                self._clock_seen(session, clock.now_us())
            if session.state is SessionState.PLAYING and self.phase is Phase.TALKING:
                self._play(session, monotonic_us)
            if units and self._run is not None:
                self._last_unit_us = monotonic_us
                self._run.add(units, clock.now_us(), monotonic_us)
            if session.outgoing:
                self._send()
            if session.state is SessionState.CLOSED:
                self._fail(EndReason.CAMERA_CLOSED, f"The camera at {self.place} ended the session.")
                return
            if len(data) < READ_BYTES:
                break

    def _clock_seen(self, session: RtspSession, arrival_us: int) -> None:
        for report in session.reports:
            seen = ClockSeen(stream=self.order.stream, camera_us=report.camera_us, arrival_us=arrival_us)
            self._around.link.send(seen)
        session.reports.clear()

    def _send(self) -> None:
        """Sends what the session wants to say, as far as the socket takes it."""
        connection, session = self._socket, self._session
        if connection is None or session is None:
            return
        if session.outgoing:
            try:
                del session.outgoing[: connection.send(session.outgoing)]
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as error:
                if session.state is not SessionState.CLOSED:
                    why = _WHY.get(error.errno or 0, "the connection broke")
                    self._fail(EndReason.CAMERA_UNREACHABLE, f"The connection to {self.place} was lost: {why}.")
                return
            if len(session.outgoing) > _SEND_BYTES:
                self._fail(EndReason.CAMERA_PROTOCOL, f"The camera at {self.place} does not read what it is sent.")
                return
        self._watch()

    def _watch(self) -> None:
        """What the selector looks for: nothing while a playing stream is only recorded, for the sweep reads it."""
        wanted = 0
        if self.phase is Phase.CONNECTING:
            wanted = selectors.EVENT_WRITE
        elif self.phase is Phase.TALKING or (self.phase is Phase.PLAYING and self._live):
            wanted = selectors.EVENT_READ
        if self._session is not None and self._session.outgoing and self._socket is not None:
            wanted |= selectors.EVENT_WRITE
        if self._socket is None or wanted == self._registered:
            return
        if not self._registered:
            self._around.selector.register(self._socket, wanted, self)
        elif wanted:
            self._around.selector.modify(self._socket, wanted, self)
        else:
            self._around.selector.unregister(self._socket)
        self._registered = wanted

    # Playing

    def _play(self, session: RtspSession, now_us: int) -> None:
        presentation, track = session.presentation, session.track
        if presentation is None or track is None:
            return
        self._around.connecting.discard(self.order.stream)
        self.phase = Phase.PLAYING
        self._playing_since_us = self._last_unit_us = now_us
        self._keep_alive_us = now_us + int(session.keep_alive_s * SECOND_US)
        self._report_us = now_us + _REPORT_US
        self._warned = False
        self._run = RunWriter(self.order.stream, presentation.video, track, self._around.link, live=self._live)
        self._watch()

    def _supervise(self, now_us: int) -> None:
        """Watchdog, keep-alive and reports of a playing session."""
        session, run = self._session, self._run
        if session is None or run is None or self.phase is not Phase.PLAYING:
            return
        patience_us = _SILENCE_US if self._last_unit_us > self._playing_since_us else _FIRST_FRAME_US
        if now_us - self._last_unit_us > patience_us:
            seconds = patience_us // SECOND_US
            self._fail(EndReason.CAMERA_SILENT, f"The camera has sent no picture for {seconds} s.")
            return
        config = run.config
        if config is not None:
            codec = "H.264" if config.codec == "h264" else "H.265"
            self._tell("recording", f"Recording {codec}, {config.width}x{config.height}.")
            if now_us - self._playing_since_us > _STEADY_US:
                self._wait_us = 0
        elif now_us - self._playing_since_us > _KEYFRAME_US and not run.frames and not self._warned:
            self._warned = True
            if run.knows_parameters:
                self._tell("waiting", "The camera has sent no keyframe for 30 s. Set a keyframe interval of 2 s.")
            else:
                self._tell("waiting", "The camera sends no parameter sets. Update its firmware or set it to H.264.")
        if now_us >= self._report_us:
            self._report_us = now_us + _REPORT_US
            session.report(now_us)
        if now_us >= self._keep_alive_us:
            self._keep_alive_us = now_us + int(session.keep_alive_s * SECOND_US)
            session.keep_alive(now_us)
        if session.outgoing:
            self._send()

    # Ending

    def _fault(self, error: BelvedereError) -> None:
        """The camera did not do its part; the error says which."""
        if isinstance(error, CameraDenied):
            self._fail(EndReason.CAMERA_DENIED, str(error), state="denied", wait_us=_REFUSED_WAIT_US)
        elif isinstance(error, UnsupportedCodec):
            self._fail(EndReason.CAMERA_PROTOCOL, str(error), state="refused", wait_us=_REFUSED_WAIT_US)
        else:
            self._fail(EndReason.CAMERA_PROTOCOL, str(error))

    def _unreachable(self, why: str) -> None:
        self._fail(EndReason.CAMERA_UNREACHABLE, f"No answer from {self.place}: {why}.")

    def _fail(self, reason: EndReason, message: str, *, state: str = "waiting", wait_us: int = 0) -> None:
        """The connection is over; another is tried after a while."""
        self._end_run(reason, message)
        if self._session is not None and reason is EndReason.CAMERA_SILENT:
            self._session.teardown()  # or the camera may keep the old session for its time-out
            self._send()
        self._disconnect()
        around = self._around
        if not wait_us:
            self._wait_us = min(_LONGEST_WAIT_US, 2 * self._wait_us) or _FIRST_WAIT_US
            wait_us = self._wait_us
        wait_us = int(wait_us * around.chance.uniform(0.75, 1.25))
        self.phase = Phase.WAITING
        self._due_us = around.clock.monotonic_us() + wait_us
        self._tell(state, message)
        log.info(
            "camera connection ended", stream=self.order.stream, place=self.place, reason=reason.value, state=state
        )

    def _end_run(self, reason: EndReason, message: str) -> None:
        if self._run is not None:
            self._run.end(reason, message)
            self._run = None

    def _disconnect(self) -> None:
        self._around.connecting.discard(self.order.stream)
        if self._socket is not None:
            if self._registered:
                self._around.selector.unregister(self._socket)
                self._registered = 0
            self._socket.close()
            self._socket = None
        self._session = None

    def _tell(self, state: str, message: str) -> None:
        if (state, message) == self._told:
            return
        self._told = state, message
        told = StreamState(stream=self.order.stream, state=state, message=message, reconnects=self.reconnects)
        self._around.link.send(told)
