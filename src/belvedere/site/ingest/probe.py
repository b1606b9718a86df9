"""Look at a camera for a few seconds: what it sends, and what is wrong with it, in plain words."""

import errno
import select
import socket
from dataclasses import dataclass, replace

from belvedere.foundation.clock import SECOND_US, Clock, SystemClock
from belvedere.foundation.errors import BadMedia, BelvedereError, CameraDenied, CameraProtocol, CameraUnreachable
from belvedere.media.access_unit import AccessUnit
from belvedere.media.nal import parameter_key
from belvedere.media.rtsp_session import RtspSession, SessionState
from belvedere.media.sdp import MotionJpeg, VideoTrack
from belvedere.media.sps import SpsInfo, parse_sps
from belvedere.media.stream import TICKS_PER_SECOND, Codec
from belvedere.media.timeline import Reorder, Timeline
from belvedere.site.ingest.address import host_and_port, own_client, split_address
from belvedere.site.ingest.dial import open_datagrams, open_port_pair
from belvedere.site.ingest.foreign import OPEN_US, ForeignTrack, described_video, ended_error
from belvedere.site.ingest.names import literal_endpoint, look_up
from belvedere.site.ingest.reader_pipe import Described, Ended
from belvedere.site.ingest.reader_process import ReaderProcess

_CONNECT_S = 5.0
_SLICE_S = 0.2
_TALK_US = 10 * SECOND_US
# A keyframe is waited for this much longer than was asked for, so that its interval can be told.
_KEYFRAME_US = 12 * SECOND_US
_READ_BYTES = 256 << 10
_CLOCK_TOLERANCE_US = 2 * SECOND_US
_LONG_GOP_S = 4.5
_JPEG = (
    "The camera sends JPEG pictures. They are kept, and made H.264 here for viewing, which costs this machine much "
    "more than a camera that sends H.264. Set it to H.264 if it can."
)


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What a camera sends.

    `gop_seconds` is the time between two keyframes, None when only one came. `clock_error_us` is the camera's clock
    minus ours (its RTCP sender report; network delay included), None when it does not tell. `level` is level_idc.
    `parameter_sets_in_band`: the stream itself carries SPS and PPS. `problems` are sentences for people, worst first.
    """

    codec: Codec
    profile: str
    level: int
    width: int
    height: int
    fps: float
    gop_seconds: float | None
    bits_per_second: int
    clock_error_us: int | None
    b_frames: bool
    lost_packets: int
    parameter_sets_in_band: bool
    server: str
    problems: tuple[str, ...]


def probe(
    url: str, username: str = "", password: str = "", seconds: float = 4.0, *, clock: Clock | None = None
) -> ProbeReport:
    """Connects, watches for `seconds` (longer when a second keyframe has not come yet) and reports. Blocks.

    Credentials in `url` are used when `username` is empty. Raises BadAddress, CameraUnreachable, CameraDenied,
    CameraProtocol, UnsupportedCodec.
    """
    clean, inner_username, inner_password = split_address(url)
    if not username:
        username, password = inner_username, inner_password
    wanted_us = int(seconds * SECOND_US)
    if not own_client(clean):
        return _probe_foreign(clean, username, password, wanted_us, clock or SystemClock())
    session = RtspSession(clean, username, password)
    look = _Look(clock or SystemClock())
    try:
        with _connect(clean) as connection:
            _watch(look, session, connection, wanted_us)
    except MotionJpeg:
        return _probe_foreign(clean, username, password, wanted_us, look.clock)
    except OSError as error:
        host, port = host_and_port(clean)
        raise CameraUnreachable(
            f"The connection to {host}:{port} was lost.", advice="Check the network and try again."
        ) from error
    track = session.track
    return look.report(session.server, track.lost_packets if track else 0, track.garbage_bytes if track else 0)


def _probe_foreign(url: str, username: str, password: str, wanted_us: int, clock: Clock) -> ProbeReport:
    """The same through a reader process."""
    look = _Look(clock, tells_clock=False)
    challenge = ""
    while True:
        sockets = _sockets_of(url)
        try:
            reader = ReaderProcess(url, username, password, sockets, challenge)
        finally:
            for one in sockets:
                one.close()  # the reader has its own
        try:
            container = _watch_reader(look, reader, wanted_us, host_and_port(url))
        except _Again as again:
            if challenge or not username:
                raise CameraDenied("The camera refused the user name or password.", advice="Check both.") from again
            challenge = again.message
        else:
            report = look.report(container, 0, 0)
            return replace(report, problems=(*report.problems, _JPEG)) if container.startswith("JPEG") else report
        finally:
            reader.kill()
            reader.wait(_CONNECT_S)


class _Again(CameraDenied):
    """The camera asks for a log-in on a new connection; `message` is its challenge."""


def _sockets_of(url: str) -> list[socket.socket]:
    """What a reader of this address needs (ReadOrder.handles)."""
    if url.startswith("udp://"):
        return [open_datagrams(*host_and_port(url))]
    connection = _connect(url)
    connection.settimeout(None)
    if not url.startswith("rtsp+udp://"):
        return [connection]
    try:
        return [connection, *open_port_pair(connection)]
    except BelvedereError:
        connection.close()
        raise


def _connect(url: str) -> socket.socket:
    host, port = host_and_port(url)
    endpoint = literal_endpoint(host, port) or look_up(host, port)
    if endpoint is None:
        raise CameraUnreachable(f"The name {host} is not known.", advice="Check it, or use the camera's IP address.")
    connection = socket.socket(endpoint.family, socket.SOCK_STREAM)
    connection.settimeout(_CONNECT_S)
    try:
        connection.connect(endpoint.address)
    except OSError as error:
        connection.close()
        refused = error.errno == errno.ECONNREFUSED
        why = (
            "the connection was refused" if refused else "timed out" if isinstance(error, TimeoutError) else "no route"
        )
        advice = (
            "Check the port: 554 is usual for RTSP."
            if refused
            else "Check that the camera has power and its IP address."
        )
        raise CameraUnreachable(f"No answer from {host}:{port}: {why}.", advice=advice) from error
    return connection


def _watch(look: "_Look", session: RtspSession, connection: socket.socket, wanted_us: int) -> None:
    """Talks and reads until enough was seen."""
    clock = look.clock
    begun_us = clock.monotonic_us()
    connection.settimeout(_SLICE_S)
    session.begin()
    while not look.enough(clock.monotonic_us(), wanted_us):
        if not look.frames and clock.monotonic_us() - begun_us >= _TALK_US:
            if session.state is SessionState.TALKING:
                raise CameraUnreachable(
                    "The camera accepts connections but does not answer RTSP.", advice="Check the port: 554 is usual."
                )
            break
        if session.outgoing:
            connection.sendall(session.outgoing)
            session.outgoing.clear()
        try:
            data = connection.recv(_READ_BYTES)
        except TimeoutError:
            continue
        if not data:
            break
        now_us = clock.monotonic_us()
        units = session.receive(data, now_us)
        for report in session.reports:
            look.clock_error_us = report.camera_us - clock.now_us()
        session.reports.clear()
        if session.presentation is not None:
            for unit in units:
                look.count(unit, session.presentation.video, now_us)
        if session.state is SessionState.CLOSED:
            break
    talking = session.state is SessionState.TALKING
    session.teardown()
    try:
        connection.sendall(session.outgoing)
    except OSError:
        pass  # it ended the session first
    if not look.frames:
        if talking:
            raise CameraProtocol("The camera ended the connection.", advice="Check the path of the address.")
        raise _no_picture()


def _watch_reader(look: "_Look", reader: ReaderProcess, wanted_us: int, where: tuple[str, int]) -> str:
    """Listens to a reader until enough was seen. Returns FFmpeg's name of the format."""
    clock = look.clock
    begun_us = clock.monotonic_us()
    container, video, track = "", None, None
    while not look.enough(clock.monotonic_us(), wanted_us) and not reader.ended:
        if not look.frames and clock.monotonic_us() - begun_us >= OPEN_US:
            if video is not None:
                break
            raise CameraUnreachable(f"No answer from {where[0]}:{where[1]}: timed out.", advice="Check the address.")
        select.select([reader.fd], [], [], _SLICE_S)
        now_us = clock.monotonic_us()
        for word in reader.read():
            if isinstance(word, Described):
                container, video = word.container, described_video(word)
                track = ForeignTrack(video.codec)
            elif isinstance(word, Ended):
                if not look.frames and word.why == "again":
                    raise _Again(word.message)
                if not look.frames:
                    raise ended_error(word)
            elif video is not None and track is not None:
                unit = track.unit(word)
                if unit is not None:
                    look.count(unit, video, now_us)
    if not look.frames:
        raise _no_picture()
    return container


def _no_picture() -> CameraProtocol:
    return CameraProtocol("The camera sent no picture.", advice="Check that this stream is switched on in it.")


class _Look:
    """One look at one camera: counts what passes. `tells_clock`: the transport brings the camera's clock."""

    def __init__(self, clock: Clock, *, tells_clock: bool = True) -> None:
        self.clock = clock
        self.frames = 0
        self.clock_error_us: int | None = None
        self._tells_clock = tells_clock
        self._timeline: Timeline | None = None
        self._reorder = Reorder(None)
        self._sets: dict[tuple[int, int], bytes] = {}
        self._in_band = False
        self._bytes = 0
        self._first_us = 0
        self._last_us = 0
        self._lowest_pts = self._highest_pts = 0
        self._keyframes: list[int] = []  # their presentation times
        self._jumps = 0
        self._base = 0  # where media time goes on after a jump
        self._video: VideoTrack | None = None

    def enough(self, now_us: int, wanted_us: int) -> bool:
        """Whether pictures were watched for long enough."""
        if not self.frames:
            return False
        watched_us = now_us - self._first_us
        return watched_us >= wanted_us and (len(self._keyframes) > 1 or watched_us >= max(wanted_us, _KEYFRAME_US))

    def count(self, unit: AccessUnit, video: VideoTrack, now_us: int) -> None:
        """Takes a picture into account."""
        if self._video is None:
            self._video = video
            self._first_us = now_us
            for nal in video.parameter_sets:
                self._sets[parameter_key(video.codec, nal)] = nal
        if unit.parameter_sets:
            self._in_band = True
            for nal in unit.parameter_sets[:16]:
                self._sets[parameter_key(video.codec, nal)] = nal
        if self._timeline is None:
            self._timeline = Timeline(video.clock_rate)
        pts = self._timeline.place(unit.timestamp, now_us)
        if pts is None:
            self._jumps += 1
            self._timeline = Timeline(video.clock_rate)
            self._base = self._highest_pts + TICKS_PER_SECOND // 25
            pts = self._timeline.place(unit.timestamp, now_us) or 0
        pts += self._base
        self._last_us = now_us
        self._bytes += len(unit.data)
        if unit.starts:
            self.frames += 1
            self._reorder.push(unit, pts, 0)
        self._lowest_pts, self._highest_pts = min(pts, self._lowest_pts), max(pts, self._highest_pts)
        if unit.keyframe and pts not in self._keyframes[-1:] and len(self._keyframes) < 1000:
            self._keyframes.append(pts)

    def report(self, server: str, lost: int, garbage: int) -> ProbeReport:
        """What was seen. Raises CameraProtocol when the parameters never came."""
        video, sps = self._video, self._sps()
        if video is None or sps is None:
            raise CameraProtocol(
                "The camera sends no usable parameter sets.", advice="Update its firmware or set it to H.264."
            )
        span = self._highest_pts - self._lowest_pts
        fps = (self.frames - 1) * TICKS_PER_SECOND / span if span else 0.0
        seconds = span / TICKS_PER_SECOND or (self._last_us - self._first_us) / SECOND_US
        gaps = [after - before for before, after in zip(self._keyframes, self._keyframes[1:], strict=False)]
        gop = sum(gaps) / len(gaps) / TICKS_PER_SECOND if gaps else None
        return ProbeReport(
            codec=video.codec,
            profile=sps.profile,
            level=sps.level,
            width=sps.width,
            height=sps.height,
            fps=round(fps, 2),
            gop_seconds=round(gop, 2) if gop is not None else None,
            bits_per_second=round(self._bytes * 8 / seconds) if seconds else 0,
            clock_error_us=self.clock_error_us,
            b_frames=self._reorder.b_frames,
            lost_packets=lost,
            parameter_sets_in_band=self._in_band,
            server=server,
            problems=tuple(self._problems(video, gop, fps, lost, garbage)),
        )

    def _sps(self) -> SpsInfo | None:
        for (kind, _), nal in self._sets.items():
            if kind in (7, 33) and self._video is not None:
                try:
                    return parse_sps(self._video.codec, nal)
                except BadMedia:
                    continue
        return None

    def _problems(self, video: VideoTrack, gop: float | None, fps: float, lost: int, garbage: int) -> list[str]:
        found = []
        if (sps := self._sps()) is not None and sps.interlaced:
            found.append("The pictures are interlaced: movement shows combs. Set the camera to progressive if it can.")
        if not self._keyframes:
            found.append("No keyframe came. Set a keyframe interval of 2 s.")
        elif gop is None:
            found.append("Only one keyframe came in 12 s. Set a keyframe interval of 2 s, and switch Smart codecs off.")
        elif gop > _LONG_GOP_S:
            found.append(
                f"A keyframe comes only every {gop:.0f} s, so live pictures and seeking start late. "
                "Set a keyframe interval of 2 s."
            )
        if lost:
            found.append(f"{lost} packets were lost. Check the network and the camera's load.")
        if self._jumps:
            found.append("The camera's media time jumped. Update its firmware.")
        if garbage:
            found.append("The camera sent bytes that are no video. Update its firmware.")
        error_us = self.clock_error_us
        if error_us is None and self._tells_clock:
            found.append("The camera has not told its clock. Set it to a time server so that its own stamp is right.")
        elif error_us is not None and abs(error_us) > _CLOCK_TOLERANCE_US:
            way = "ahead" if error_us > 0 else "behind"
            found.append(
                f"The camera's clock is {abs(error_us) // SECOND_US} s {way}. Set it to a time server. "
                "Recordings are stamped by this machine's clock in any case."
            )
        if 0 < fps < 4:
            found.append(f"Only {fps:.1f} pictures a second come.")
        if self._reorder.b_frames:
            found.append("The camera uses B-frames, which delay live pictures a little. Switch them off if you can.")
        if video.codec is Codec.H265:
            found.append("H.265 is recorded, but some browsers can't show it. H.264 is shown by all.")
        return found
