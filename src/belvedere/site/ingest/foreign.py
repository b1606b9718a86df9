"""A camera over any other transport: a reader process (reader.py) speaks to it, and this end takes its pictures."""

import selectors
import socket
from dataclasses import dataclass

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import (
    BelvedereError,
    CameraDenied,
    CameraProtocol,
    CameraUnreachable,
    UnsupportedCodec,
)
from belvedere.media.access_unit import AccessUnit
from belvedere.media.nal import is_parameter_set, join_lengths, nal_type
from belvedere.media.sdp import VideoTrack
from belvedere.media.stream import TICKS_PER_SECOND, Codec, EndReason
from belvedere.site.ingest.dial import Dialing, open_datagrams, open_port_pair
from belvedere.site.ingest.keeper import CHECK_US, Phase, Surroundings
from belvedere.site.ingest.messages import OpenStream
from belvedere.site.ingest.reader_pipe import AnyWord, Described, Ended, PictureCame
from belvedere.site.ingest.reader_process import ReaderProcess
from belvedere.site.ingest.run import RunWriter

# FFmpeg may take 8 s; starting a process takes some of a busy machine's time too.
OPEN_US = 12 * SECOND_US
_READS_A_TURN = 4
_PICTURES = {"h264": Codec.H264, "h265": Codec.H265}


@dataclass(slots=True)
class ForeignTrack:
    """Pictures of a reader as access units, of one codec."""

    codec: Codec
    known_sets: frozenset[bytes] = frozenset()

    def unit(self, picture: PictureCame) -> AccessUnit | None:
        """The picture's access unit; None when nothing is in it."""
        codec, known = self.codec, self.known_sets
        nals = [nal for nal in picture.nals if nal]
        if not nals:
            return None
        sets = tuple(nal for nal in nals if nal not in known and is_parameter_set(codec, nal_type(codec, nal)))
        return AccessUnit(
            lost_packets=picture.lost,
            data=join_lengths(nals),
            timestamp=picture.timestamp,
            keyframe=picture.keyframe,
            starts=picture.starts,
            damaged=picture.damaged,
            parameter_sets=sets,
        )


def described_video(word: Described) -> VideoTrack:
    """The video that a reader has opened. Raises CameraProtocol when it names a codec that it may not."""
    try:
        codec = _PICTURES[word.codec]
    except KeyError as error:
        raise CameraProtocol("The camera's reader spoke nonsense.", advice="Update the camera's firmware.") from error
    sets = tuple(nal for nal in word.parameter_sets if is_parameter_set(codec, nal_type(codec, nal)))
    return VideoTrack(
        codec=codec, payload_type=0, clock_rate=TICKS_PER_SECOND, control="", parameter_sets=sets, fps=None
    )


class ForeignCamera(Dialing):
    """One OpenStream whose address our own client does not read.

    Invariant: `_reader` is None unless the phase is TALKING or PLAYING; a reader that was let go has been killed.
    """

    def __init__(self, order: OpenStream, around: Surroundings) -> None:
        super().__init__(order, around)
        self._reader: ReaderProcess | None = None
        self._listening = False
        self._track: ForeignTrack | None = None
        self._scheme = order.url.partition("://")[0].lower()
        self._challenge = ""

    def tick(self, now_us: int) -> None:
        try:
            if self.phase is Phase.WAITING:
                if self._wants_to_start(now_us):
                    self._begin(now_us)
            elif self.phase is Phase.RESOLVING:
                self._resolved(now_us)
            elif self.phase is Phase.CONNECTING:
                if now_us >= self._due_us:
                    self._unreachable("timed out")
            elif self.phase is not Phase.CLOSED:
                self._attend_reader(now_us)
        except BelvedereError as error:
            self._fault(error)

    def ready(self, mask: int) -> None:
        try:
            if self.phase is Phase.CONNECTING:
                self._dialled()
            else:
                self._read()
        except BelvedereError as error:
            self._fault(error)

    def _begin(self, now_us: int) -> None:
        if self._scheme != "udp":
            self._start(now_us)
            return
        self.reconnects += 1
        self._tell("connecting", f"Listening on {self.place}.")
        with open_datagrams(self.host, self.port) as receiver:
            self._hand_over([receiver])

    def _connected(self, connection: socket.socket) -> None:
        self._register(0)
        connection.setblocking(True)
        sockets = [connection]
        try:
            if self._scheme == "rtsp+udp":
                sockets += open_port_pair(connection)
            self._hand_over(sockets)
        finally:
            for one in sockets:
                one.close()  # the reader has its own
            self._socket = None

    def _hand_over(self, sockets: list[socket.socket]) -> None:
        """A reader speaks to the camera from now on, over these sockets and no other."""
        order = self.order
        self._reader = ReaderProcess(order.url, order.username, order.password, sockets, self._challenge)
        self.phase = Phase.TALKING
        self._due_us = self._around.clock.monotonic_us() + OPEN_US

    def _attend_reader(self, now_us: int) -> None:
        if not self._listening:
            self._read()
        if self.phase is Phase.TALKING and now_us >= self._due_us:
            self._unreachable("timed out")
        elif self.phase is Phase.PLAYING and now_us >= self._check_us:
            self._check_us = now_us + CHECK_US
            if self._run is not None:
                self._attend(self._run, now_us)

    def _read(self) -> None:
        reader = self._reader
        if reader is None:
            return
        words = reader.read(_READS_A_TURN)
        clock = self._around.clock
        monotonic_us = clock.monotonic_us()
        units: list[AccessUnit] = []
        last: Ended | None = None
        for word in words:
            if isinstance(word, PictureCame) and self._track is not None:
                unit = self._track.unit(word)
                if unit is not None:
                    units.append(unit)
            elif isinstance(word, Described) and self._track is None:
                self._play(word, monotonic_us)
            else:
                last = self._expect_last(word)
                break
        if units and self._run is not None:
            self._pulse.beat(units, monotonic_us)
            self._run.add(units, clock.now_us(), monotonic_us)
        if last is not None:
            self._finish(last)
        elif reader.ended:
            message = "The camera sent something that its reader could not stand. Update its firmware."
            self._fail(EndReason.CAMERA_PROTOCOL, message)

    def _play(self, word: Described, now_us: int) -> None:
        video = described_video(word)
        self._track = ForeignTrack(video.codec)
        self._begin_run(RunWriter(self.order.stream, video, self._track, self._around.link, live=self._live), now_us)

    def _expect_last(self, word: AnyWord) -> Ended:
        if not isinstance(word, Ended):
            raise CameraProtocol("The camera's reader spoke nonsense.", advice="Update the camera's firmware.")
        return word

    def _finish(self, word: Ended) -> None:
        """The reader's last word."""
        challenge, self._challenge = self._challenge, ""
        if word.why == "again" and not challenge and self.order.username:
            self._challenge = word.message
            self._disconnect()
            self.phase, self._due_us = Phase.WAITING, 0
        elif word.why == "codec" and self._scheme == "rtsp":
            self._end_run(EndReason.PARAMETERS_CHANGED, word.message)
            self._disconnect()
            self.phase, self.heir = Phase.CLOSED, "client"
        elif word.why == "closed":
            self._fail(EndReason.CAMERA_CLOSED, word.message)
        elif word.why == "unreachable":
            self._fail(EndReason.CAMERA_UNREACHABLE, word.message)
        else:
            raise ended_error(word)

    def _watch(self) -> None:
        """The selector looks while connecting, and while somebody watches; otherwise the sweep reads."""
        if self.phase is Phase.CONNECTING:
            self._register(selectors.EVENT_WRITE)
            return
        reader = self._reader
        wanted = self.phase is Phase.PLAYING and self._live and reader is not None
        if reader is None or wanted == self._listening:
            return
        if wanted:
            self._around.selector.register(reader.fd, selectors.EVENT_READ, self)
        else:
            self._around.selector.unregister(reader.fd)
        self._listening = wanted

    def _disconnect(self) -> None:
        self._hang_up()
        self._track = None
        reader, self._reader = self._reader, None
        if reader is None:
            return
        if self._listening:
            self._around.selector.unregister(reader.fd)
            self._listening = False
        reader.kill()
        self._around.dying.append(reader)


def ended_error(word: Ended) -> BelvedereError:
    """The exception that a reader's last word stands for."""
    if word.why == "again":
        return CameraDenied("The camera refused the user name or password.", advice="Check both.")
    kinds: dict[str, type[BelvedereError]] = {
        "denied": CameraDenied,
        "codec": UnsupportedCodec,
        "unreachable": CameraUnreachable,
    }
    return kinds.get(word.why, CameraProtocol)(word.message, advice=word.advice)
