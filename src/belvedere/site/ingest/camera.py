"""A camera over RTSP and TCP, by our own client: connecting, talking, playing."""

import errno
import selectors
import socket

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import BelvedereError
from belvedere.media.rtsp_session import RtspSession, SessionState
from belvedere.media.stream import EndReason
from belvedere.site.ingest.keeper import CHECK_US, CONNECTS_AT_ONCE, Phase, StreamKeeper, Surroundings
from belvedere.site.ingest.messages import ClockSeen, OpenStream
from belvedere.site.ingest.names import Endpoint, literal_endpoint
from belvedere.site.ingest.run import RunWriter

# Below the size from which the C library maps each block on its own.
READ_BYTES = 120 << 10
_READS_A_TURN = 16  # so that one camera's burst does not keep the others waiting
_SEND_BYTES = 64 << 10
_CONNECT_US = 5 * SECOND_US
_TALK_US = 10 * SECOND_US
_REPORT_US = 5 * SECOND_US

_WHY = {
    errno.ECONNREFUSED: "the connection was refused",
    errno.EHOSTUNREACH: "no route",
    errno.ENETUNREACH: "no route",
    errno.EHOSTDOWN: "no route",
    errno.ETIMEDOUT: "timed out",
    errno.ECONNRESET: "it broke the connection",
    errno.EPIPE: "it broke the connection",
}


class Camera(StreamKeeper):
    """One OpenStream with an rtsp:// address."""

    def __init__(self, order: OpenStream, around: Surroundings) -> None:
        super().__init__(order, around)
        self._socket: socket.socket | None = None
        self._registered = 0
        self._session: RtspSession | None = None
        self._keep_alive_us = 0
        self._report_us = 0

    def tick(self, now_us: int) -> None:
        """Timers, and reading what came since the last sweep. `now_us` is monotonic."""
        try:
            if self.phase is Phase.PLAYING:
                if not self._registered:
                    self._read()
                if now_us >= self._check_us:
                    self._check_us = now_us + CHECK_US
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
        self._keep_alive_us = now_us + int(session.keep_alive_s * SECOND_US)
        self._report_us = now_us + _REPORT_US
        self._begin_run(
            RunWriter(self.order.stream, presentation.video, track, self._around.link, live=self._live), now_us
        )

    def _supervise(self, now_us: int) -> None:
        """Watchdog, keep-alive and reports of a playing session."""
        session, run = self._session, self._run
        if session is None or run is None or self.phase is not Phase.PLAYING:
            return
        if not self._attend(run, now_us):
            return
        if now_us >= self._report_us:
            self._report_us = now_us + _REPORT_US
            session.report(now_us)
        if now_us >= self._keep_alive_us:
            self._keep_alive_us = now_us + int(session.keep_alive_s * SECOND_US)
            session.keep_alive(now_us)
        if session.outgoing:
            self._send()

    # Ending

    def _farewell(self) -> None:
        if self._session is not None:
            self._session.teardown()
            self._send()

    def _disconnect(self) -> None:
        self._around.connecting.discard(self.order.stream)
        if self._socket is not None:
            if self._registered:
                self._around.selector.unregister(self._socket)
                self._registered = 0
            self._socket.close()
            self._socket = None
        self._session = None
