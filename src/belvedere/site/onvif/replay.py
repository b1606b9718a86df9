"""Pulling a span out of a device's own archive: ONVIF Streaming section 6 over our RTSP client, into the import path.

`Require: onvif-replay`, `Range: clock=` and `Rate-Control: no` ask for a span as fast as the line allows. Each picture's
true place in time stands in an RTP header extension (0xABAC, an NTP time by the device's clock); holes show as jumps of it.
Nothing is written to a disk in the clear: pictures go from the connection to the recorder.
"""

import itertools
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from belvedere.foundation.clock import SECOND_US, Clock, iso
from belvedere.foundation.errors import BadMedia, CameraFault, CameraProtocol, CameraUnreachable
from belvedere.media.access_unit import AccessUnit
from belvedere.media.rtsp import begins_message, message_end
from belvedere.media.rtsp_session import RtspSession, SessionState
from belvedere.media.stream import Codec
from belvedere.media.timeline import Reorder
from belvedere.site.imports.recording import Unit
from belvedere.site.imports.session import Imported, import_units
from belvedere.site.ingest.address import host_and_port

_NTP_EPOCH_S = 2_208_988_800
_NTP_ERA_S = 1 << 32
_EXTENSION = b"\xab\xac"
_MOST_TIMES = 4096
_READ_BYTES = 128 << 10
_CONNECT_S = 5.0
_SLICE_S = 0.5
_FIRST_US = 20 * SECOND_US  # a recorder may spin up a disk first
_SILENT_US = 10 * SECOND_US  # the end of a span is often told by silence alone
_JUMP_US = SECOND_US
_MOST_BUFFERED = 1 << 20


class ReplaySession(RtspSession):
    """Asks for [from_us, to_us) by the device's clock."""

    def __init__(self, address: str, username: str, password: str, from_us: int, to_us: int) -> None:
        super().__init__(address, username, password)
        self._replay = {
            "Require": "onvif-replay",
            "Range": f"clock={clock_time(from_us)}-{clock_time(to_us)}",
            "Rate-Control": "no",
        }

    def _request(self, method: str, target: str, headers: Mapping[str, str] | None = None) -> None:
        extra: dict[str, str] = {"PLAY": self._replay, "SETUP": {"Require": "onvif-replay"}}.get(method, {})
        super()._request(method, target, {**(headers or {}), **extra})


def clock_time(us: int) -> str:
    """`us` as RTSP's absolute time (RFC 2326 section 3.7)."""
    seconds, micros = divmod(us, SECOND_US)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%S}.{micros // 1000:03d}Z"


class PictureTimes:
    """Reads the replay extension from interleaved packets as they pass. Bounded; bytes are only looked at."""

    def __init__(self, channel: int = 0) -> None:
        self.channel = channel
        self._times: dict[int, int] = {}
        self._buffer = b""

    def take(self, timestamp: int) -> int | None:
        """The device's time of the picture with this RTP timestamp, in microseconds UTC."""
        return self._times.get(timestamp)

    def look(self, data: bytes) -> None:
        """Take in what came from the device."""
        buffer = self._buffer + data
        pos, size = 0, len(buffer)
        while pos < size:
            if buffer[pos] == 0x24:
                if size - pos < 4:
                    break
                end = pos + 4 + (buffer[pos + 2] << 8 | buffer[pos + 3])
                if end > size:
                    break
                if buffer[pos + 1] == self.channel:
                    self._packet(buffer[pos + 4 : end])
                pos = end
            elif begins_message(buffer[pos : pos + 14]):
                end = message_end(buffer, pos)
                if end < 0:
                    break
                pos = end
            else:
                following = buffer.find(b"$", pos + 1)
                pos = following if following >= 0 else size
        self._buffer = buffer[pos:]
        if len(self._buffer) > _MOST_BUFFERED:
            raise CameraProtocol("The device's replay is no RTP.", advice="Update its firmware.")

    def _packet(self, packet: bytes) -> None:
        if len(packet) < 12 or not packet[0] & 0x10:
            return
        at = 12 + 4 * (packet[0] & 0x0F)
        if packet[at : at + 2] != _EXTENSION or len(packet) < at + 12:
            return
        seconds = int.from_bytes(packet[at + 4 : at + 8])
        fraction = int.from_bytes(packet[at + 8 : at + 12])
        if seconds < 1 << 31:  # after February 2036
            seconds += _NTP_ERA_S
        if len(self._times) >= _MOST_TIMES:
            for old in list(itertools.islice(self._times, _MOST_TIMES // 2)):
                del self._times[old]
        self._times[int.from_bytes(packet[4:8])] = (seconds - _NTP_EPOCH_S) * SECOND_US + (fraction * SECOND_US >> 32)


@dataclass(frozen=True, slots=True)
class Span:
    """What is pulled. Times are true ones; the device's clock was `clock_error_us` ahead of them."""

    address: str
    from_us: int
    to_us: int
    clock_error_us: int


class Replay:
    """One pull: an iterator of pictures, times in ticks since `span.from_us`, and what became of it."""

    def __init__(self, span: Span, username: str, password: str, clock: Clock) -> None:
        self.codec: Codec | None = None
        self.fps = Fraction(25)
        self.ended = ""  # why it ended before the span did, in words
        self.untold = 0  # pictures that carried no time of their own
        self._span = span
        self._clock = clock
        error_us = span.clock_error_us
        self._session = ReplaySession(span.address, username, password, span.from_us + error_us, span.to_us + error_us)
        self._times = PictureTimes()
        self._reorder: Reorder | None = None
        self._last_us: int | None = None
        self._base: tuple[int, int] | None = None  # (RTP timestamp, true time) of the last picture with a time

    def units(self) -> Iterator[Unit]:
        """Pictures in decode order, until the span or the device ends. Raises CameraFault when none comes at all."""
        came = False
        try:
            for unit in self._units():
                came = True
                yield unit
        except CameraFault as error:
            if not came:
                raise
            self.ended = error.message

    def _units(self) -> Iterator[Unit]:
        clock, session = self._clock, self._session

        def closed() -> bool:
            return session.state is SessionState.CLOSED

        with _connect(self._span.address) as connection:
            connection.settimeout(_SLICE_S)
            session.begin()
            heard_us = said_us = clock.monotonic_us()
            pictures = False
            while True:
                now_us = clock.monotonic_us()
                if now_us - heard_us > (_SILENT_US if pictures else _FIRST_US):
                    if not pictures:
                        raise CameraUnreachable(
                            "The device accepts the replay and sends nothing.", advice="Try a shorter span."
                        )
                    break
                if now_us - said_us > session.keep_alive_s * SECOND_US:
                    said_us = now_us
                    session.keep_alive(now_us)
                data = self._exchange(connection)
                if data is None:
                    continue
                if not data or closed():
                    break
                heard_us = clock.monotonic_us()
                if session.track is not None:
                    self._times.channel = session.track.channel
                self._times.look(data)
                for unit in session.receive(data, heard_us):
                    pictures = True
                    if self.codec is None and session.presentation is not None:
                        video = session.presentation.video
                        self.codec = video.codec
                        if video.fps and 1 <= video.fps <= 240:
                            self.fps = Fraction(video.fps).limit_denominator(1001)
                    yield from self._place(unit)
                session.reports.clear()
                if closed() or (self._last_us or 0) >= self._span.to_us:
                    break
            yield from self._flush()
            session.teardown()
            try:
                connection.sendall(session.outgoing)
            except OSError:
                pass  # it ended the session first
        if not pictures:
            raise CameraProtocol("The device has no pictures of this time.", advice="Look at what it has recorded.")

    def _exchange(self, connection: socket.socket) -> bytes | None:
        """Send what is due and read once: bytes, b"" at the end, None when nothing came."""
        outgoing = self._session.outgoing
        try:
            if outgoing:
                connection.sendall(outgoing)
                outgoing.clear()
            return connection.recv(_READ_BYTES)
        except TimeoutError:
            return None
        except OSError as error:
            raise CameraUnreachable("The connection to the device was lost.", advice="Pull the rest later.") from error

    def _place(self, unit: AccessUnit) -> Iterator[Unit]:
        """The pictures that this one settles."""
        device_us = self._times.take(unit.timestamp)
        if device_us is not None:
            true_us = device_us - self._span.clock_error_us
            self._base = (unit.timestamp, true_us)
        elif self._base is not None:  # between two that have one
            delta = ((unit.timestamp - self._base[0] + (1 << 31)) & 0xFFFF_FFFF) - (1 << 31)
            true_us = self._base[1] + delta * 100 // 9
        else:
            self.untold += 1
            return
        if true_us >= self._span.to_us or true_us < self._span.from_us - 60 * SECOND_US:
            if true_us >= self._span.to_us:
                self._last_us = true_us
            return
        if self._last_us is not None and abs(true_us - self._last_us) > _JUMP_US:
            yield from self._flush()
        self._last_us = true_us
        if self._reorder is None:
            self._reorder = Reorder(None)
        ticks = (true_us - self._span.from_us) * 9 // 100 + _OFFSET_90K
        for settled in self._reorder.push(unit, ticks, 0):
            yield _unit_of(*settled[:3])

    def _flush(self) -> Iterator[Unit]:
        if self._reorder is not None:
            for settled in self._reorder.flush():
                yield _unit_of(*settled[:3])
        self._reorder = None


# Pictures before the span's start (the device begins at the keyframe before it) keep positive ticks.
_OFFSET_90K = 120 * 90_000


def _unit_of(unit: AccessUnit, dts: int, cts: int) -> Unit:
    data, nals, pos = unit.data, [], 0
    while pos + 4 <= len(data):
        end = pos + 4 + int.from_bytes(data[pos : pos + 4])
        nals.append(data[pos + 4 : end])
        pos = end
    return Unit(tuple(nals), dts, dts + cts, unit.keyframe)


def _connect(address: str) -> socket.socket:
    host, port = host_and_port(address)
    try:
        return socket.create_connection((host, port), _CONNECT_S)
    except OSError as error:
        raise CameraUnreachable(
            f"No answer from {host}:{port}.", advice="Check that the device's RTSP service is switched on."
        ) from error


@dataclass(frozen=True, slots=True)
class Pulled:
    """What was brought in, and a sentence when it was less than asked for."""

    imported: Imported
    note: str


def pull(
    socket_path: Path,
    span: Span,
    username: str,
    password: str,
    clock: Clock,
    *,
    camera: str,
    stream: str,
    source: str,
    progress: Callable[[int], None] = lambda us: None,
) -> Pulled:
    """Bring a span in as footage of `camera`. Blocks. `source` says where it comes from and how its clock was corrected.

    Raises CameraFault when no picture came, Conflict when footage of this time is there already, LinkFault without recorder.
    """
    replay = Replay(span, username, password, clock)
    units = itertools.dropwhile(lambda unit: not unit.keyframe, replay.units())
    first = next(units, None)
    if first is None or replay.codec is None:
        raise BadMedia(
            replay.ended or "The device sent no picture that can be decoded, or none with its time.",
            advice="Try a longer span, or export it on the device and import the file.",
        )
    start_us = span.from_us + (first.pts_90k - _OFFSET_90K) * 100 // 9
    imported = import_units(
        socket_path,
        itertools.chain([first], units),
        camera=camera,
        stream_kind=stream,
        start_us=start_us,
        codec=replay.codec,
        fps=replay.fps,
        duration_us=max(0, span.to_us - start_us),
        source=source,
        progress=progress,
    )
    note = f"It ended at {iso(imported.end_us)}: {replay.ended}" if replay.ended else ""
    return Pulled(imported, note)
