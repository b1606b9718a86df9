"""RTP over UDP: datagrams put back in order, and our own RTSP client beside them. No byte of it reaches FFmpeg."""

import selectors
import socket
from collections.abc import Callable
from struct import pack, unpack_from
from typing import Never

from belvedere.foundation.clock import SECOND_US, Clock, SystemClock
from belvedere.foundation.errors import BadMedia, CameraProtocol
from belvedere.media.access_unit import AccessUnit
from belvedere.media.nal import split_lengths
from belvedere.media.rtsp_session import RtspSession, SessionState
from belvedere.media.stream import TICKS_PER_SECOND
from belvedere.site.ingest.reader_fault import closed, unreachable
from belvedere.site.ingest.reader_pipe import MOST_NALS, AnyWord, Described, PictureCame, ReadOrder

DEPTH = 48  # datagrams that wait for one that is late; at 4 Mbit/s a ninth of a second
_SEQUENCES = 0x1_0000
_TALK_US = 8 * SECOND_US
_SILENCE_US = 20 * SECOND_US
_REPORT_US = 5 * SECOND_US
_DATAGRAM = 1 << 16
_READS_A_TURN = 128
_SO_RXQ_OVFL = 40
_CONTROL_BYTES = socket.CMSG_SPACE(4)


class Datagrams:
    """A UDP socket whose datagrams are a stream. `lost` is the kernel's count of those it had no room for."""

    def __init__(self, receiver: socket.socket) -> None:
        self.lost = 0
        self._receiver = receiver
        receiver.settimeout(_SILENCE_US / SECOND_US)

    def read(self, most: int) -> bytes:
        """One datagram, cut to `most` bytes. Raises TimeoutError."""
        while True:
            data, control, _, _ = self._receiver.recvmsg(most, _CONTROL_BYTES)
            self.lost = overruns(control, self.lost)
            if data:
                return data


def overruns(control: list[tuple[int, int, bytes]], before: int) -> int:
    """The kernel's count of dropped datagrams out of what came beside one; `before` when it does not say."""
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == _SO_RXQ_OVFL and len(data) >= 4:
            return int(unpack_from("=I", data)[0])
    return before


class Sequencer:
    """Puts RTP packets back in order: one that is early waits until those before it came, or DEPTH wait.

    Invariants: it holds fewer than DEPTH packets; what it gives out is in order; a packet that is late beyond that is dropped.
    """

    def __init__(self) -> None:
        self.late = 0
        self._want = -1
        self._held: dict[int, bytes] = {}

    def put(self, packet: bytes) -> list[bytes]:
        """Packets that can go on now."""
        if len(packet) < 12:
            return []
        sequence = packet[2] << 8 | packet[3]
        if self._want < 0:
            self._want = sequence
        ahead = (sequence - self._want) % _SEQUENCES
        if ahead >= _SEQUENCES // 2:
            if _SEQUENCES - ahead <= 4 * DEPTH:
                self.late += 1
                return []
            ready = self._flush()  # the camera began anew
            self._want = (sequence + 1) % _SEQUENCES
            return [*ready, packet]
        self._held[sequence] = packet
        if ahead and len(self._held) >= DEPTH:
            self._want = min(self._held, key=lambda held: (held - self._want) % _SEQUENCES)
        return self._run()

    def _run(self) -> list[bytes]:
        ready = []
        while (packet := self._held.pop(self._want, None)) is not None:
            ready.append(packet)
            self._want = (self._want + 1) % _SEQUENCES
        return ready

    def _flush(self) -> list[bytes]:
        ready = [self._held[at] for at in sorted(self._held, key=lambda held: (held - self._want) % _SEQUENCES)]
        self._held.clear()
        return ready


def read_rtp_over_udp(
    order: ReadOrder,
    sockets: list[socket.socket],
    place: str,
    say: Callable[[AnyWord], None],
    clock: Clock | None = None,
) -> Never:
    """Speaks RTSP over sockets[0], takes RTP from sockets[1] and RTCP from sockets[2], and tells pictures.

    Ends with an error always: ReaderFault, CameraDenied, CameraProtocol, UnsupportedCodec; BrokenPipeError without an owner.
    """
    _Reading(order, sockets, place, say, clock or SystemClock()).run()


class _Reading:
    def __init__(
        self, order: ReadOrder, sockets: list[socket.socket], place: str, say: Callable[[AnyWord], None], clock: Clock
    ) -> None:
        self._talk, self._media, self._control = sockets
        self._camera = str(self._talk.getpeername()[0])
        self._place = place
        self._say = say
        self._clock = clock
        port = int(self._media.getsockname()[1])
        address = "rtsp://" + order.url.partition("://")[2]
        self._session = RtspSession(address, order.username, order.password, client_ports=(port, port + 1))
        self._sequencer = Sequencer()
        self._overruns = 0
        self._described = False

    def run(self) -> Never:
        session, clock = self._session, self._clock
        for one in (self._talk, self._media, self._control):
            one.setblocking(False)
        with selectors.DefaultSelector() as selector:
            for one in (self._talk, self._media, self._control):
                selector.register(one, selectors.EVENT_READ)
            last_us = report_us = keep_us = clock.monotonic_us()
            session.begin()
            while True:
                self._send()
                events = selector.select(0.25)
                now_us = clock.monotonic_us()
                units: list[AccessUnit] = []
                for key, _ in events:
                    if key.fileobj is self._talk:
                        units += self._listen(now_us)
                    elif key.fileobj is self._media:
                        units += self._receive(now_us)
                    else:
                        self._reports(now_us)
                if units:
                    last_us = now_us
                    self._tell(units)
                session.reports.clear()
                if session.state is SessionState.CLOSED:
                    raise closed(self._place)
                if now_us - last_us > (_SILENCE_US if self._described else _TALK_US):
                    raise unreachable(self._place, "it sends no picture")
                if session.state is SessionState.PLAYING and now_us >= report_us:
                    report_us = now_us + _REPORT_US
                    session.report(now_us)
                if session.state is SessionState.PLAYING and now_us >= keep_us:
                    keep_us = now_us + int(session.keep_alive_s * SECOND_US)
                    session.keep_alive(now_us)

    def _send(self) -> None:
        session = self._session
        while session.outgoing:
            try:
                del session.outgoing[: self._talk.send(session.outgoing)]
            except BlockingIOError:
                break
        if session.server_ports[1]:
            for packet in session.datagrams:
                try:
                    self._control.sendto(packet, (self._camera, session.server_ports[1]))
                except OSError:
                    break  # a report more or less
        session.datagrams.clear()

    def _listen(self, now_us: int) -> list[AccessUnit]:
        data = self._talk.recv(_DATAGRAM)
        if not data:
            raise closed(self._place)
        return self._session.receive(data, now_us)

    def _receive(self, now_us: int) -> list[AccessUnit]:
        """Datagrams of the camera, and of nobody else."""
        framed = bytearray()
        for _ in range(_READS_A_TURN):
            try:
                data, control, _, sender = self._media.recvmsg(_DATAGRAM, _CONTROL_BYTES)
            except BlockingIOError:
                break
            self._overruns = overruns(control, self._overruns)
            if sender[0] == self._camera:
                for packet in self._sequencer.put(data):
                    framed += self._frame(packet, report=False)
        # Pictures that come before the answer to SETUP was read have no track to go to.
        return self._session.receive(bytes(framed), now_us) if self._session.track is not None and framed else []

    def _reports(self, now_us: int) -> None:
        try:
            data, sender = self._control.recvfrom(_DATAGRAM)
        except BlockingIOError:
            return
        if sender[0] == self._camera and len(data) >= 8 and self._session.track is not None:
            self._session.receive(self._frame(data, report=True), now_us)

    def _frame(self, packet: bytes, *, report: bool) -> bytes:
        track = self._session.track
        channel = 0 if track is None else track.report_channel if report else track.channel
        return pack(">BBH", 0x24, channel & 0xFF, len(packet)) + packet

    def _tell(self, units: list[AccessUnit]) -> None:
        presentation = self._session.presentation
        if presentation is None:
            return
        video = presentation.video
        if not self._described:
            self._described = True
            if video.clock_rate != TICKS_PER_SECOND:
                raise CameraProtocol("The camera counts its video's time in a way that is not allowed.")
            self._say(Described(codec=video.codec.value, container="rtsp", parameter_sets=video.parameter_sets[:31]))
        for unit in units:
            try:
                nals = tuple(nal for nal in split_lengths(unit.data, 4) if nal)[:MOST_NALS]
            except BadMedia as error:
                raise CameraProtocol(error.message, advice=error.advice) from error
            self._say(
                PictureCame(
                    timestamp=unit.timestamp,
                    keyframe=unit.keyframe,
                    starts=unit.starts,
                    damaged=unit.damaged,
                    nals=nals,
                    lost=unit.lost_packets,
                )
            )
