"""A camera over RTSP and TCP, by our own client: connecting, talking, playing."""

import selectors
import socket

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import BelvedereError
from belvedere.media.rtsp_session import RtspSession, SessionState
from belvedere.media.sdp import MotionJpeg
from belvedere.media.stream import EndReason
from belvedere.site.ingest.dial import WHY, Dialing
from belvedere.site.ingest.keeper import CHECK_US, Phase, Surroundings
from belvedere.site.ingest.messages import ClockSeen, OpenStream
from belvedere.site.ingest.run import RunWriter
from belvedere.site.ingest.sound import Sound

# A sweep's bytes of most cameras at once. The block is gone before the next is asked for, so that it stays the same memory.
READ_BYTES = 240 << 10
_READS_A_TURN = 16  # so that one camera's burst does not keep the others waiting
_SEND_BYTES = 64 << 10
_TALK_US = 10 * SECOND_US
_REPORT_US = 5 * SECOND_US


class Camera(Dialing):
    """One OpenStream with an rtsp:// address."""

    def __init__(self, order: OpenStream, around: Surroundings) -> None:
        super().__init__(order, around)
        self._session: RtspSession | None = None
        self._keep_alive_us = 0
        self._report_us = 0
        self._sound = Sound(order.audio, around.link)

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
                if self._wants_to_start(now_us):
                    self._start(now_us)
            elif self.phase is Phase.RESOLVING:
                self._resolved(now_us)
            elif self.phase is Phase.TALKING and self._hurry_sound(now_us):
                self._send()
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
                self._dialled()
            else:
                if mask & selectors.EVENT_WRITE:
                    self._send()
                if mask & selectors.EVENT_READ:
                    self._read()
        except BelvedereError as error:
            self._fault(error)

    def _connected(self, connection: socket.socket) -> None:
        self.phase = Phase.TALKING
        self._due_us = self._around.clock.monotonic_us() + _TALK_US
        sound = self._sound.wanted(self._around.clock.monotonic_us())
        self._session = RtspSession(self.order.url, self.order.username, self.order.password, sound=sound)
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
                why = WHY.get(error.errno or 0, "the connection broke")
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
                self._pulse.beat(units, monotonic_us)
                self._run.add(units, clock.now_us(), monotonic_us)
            if self.order.audio and self._run is not None:
                self._sound.take(session, clock.now_us(), monotonic_us)
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
                    why = WHY.get(error.errno or 0, "the connection broke")
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
        self._register(wanted)

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
        self._sound.attend(now_us)
        if now_us >= self._report_us:
            self._report_us = now_us + _REPORT_US
            session.report(now_us)
        if now_us >= self._keep_alive_us:
            self._keep_alive_us = now_us + int(session.keep_alive_s * SECOND_US)
            session.keep_alive(now_us)
        if session.outgoing:
            self._send()

    def _fault(self, error: BelvedereError) -> None:
        if not isinstance(error, MotionJpeg):
            super()._fault(error)
            return
        self._sound.refuse("Sound beside JPEG pictures is not recorded.")
        self._disconnect()
        self.phase, self.heir = Phase.CLOSED, "reader"

    def _hurry_sound(self, now_us: int) -> bool:
        """Whether the session has something to say because the camera does not answer about sound."""
        return self._session is not None and self._sound.hurry(self._session, now_us)

    # Ending

    def _end_run(self, reason: EndReason, message: str) -> None:
        had_pictures = self._run is not None and self._run.frames + self._run.left_out > 0
        super()._end_run(reason, message)
        now_us = self._around.clock.monotonic_us()
        self._sound.end(reason, message, self._session, now_us, had_pictures=had_pictures)

    def _farewell(self) -> None:
        if self._session is not None:
            self._session.teardown()
            self._send()

    def _disconnect(self) -> None:
        self._hang_up()
        self._session = None
