"""What the tests of the packet path share: real video, RTP packets, a scripted camera, and a recorder's end of the socket."""

import base64
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from struct import pack, unpack
from types import TracebackType
from typing import TypeVar

import av
import msgspec
import numpy as np

from belvedere.media.access_unit import AccessUnit
from belvedere.media.nal import is_parameter_set, nal_type, split_annex_b
from belvedere.media.rtp import Depacketizer
from belvedere.media.stream import Codec
from belvedere.site.ingest.messages import AnyToRecorder, Hello, OpenStream, ToRecorder, ToWorker

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Picture:
    """One access unit as the encoder made it, in decode order."""

    nals: tuple[bytes, ...]
    pts_90k: int
    keyframe: bool


@dataclass(frozen=True, slots=True)
class Film:
    codec: Codec
    pictures: tuple[Picture, ...]
    parameter_sets: tuple[bytes, ...]
    width: int
    height: int


@lru_cache(maxsize=16)
def film(
    codec: Codec = Codec.H264, frames: int = 30, b_frames: int = 0, width: int = 320, height: int = 180, gop: int = 10
) -> Film:
    """Noise encoded by x264 or x265 at 25 fps, parameter sets before each keyframe."""
    context = av.CodecContext.create("libx264" if codec is Codec.H264 else "libx265", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    common = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={b_frames}:repeat-headers=1:aud=1"
    if codec is Codec.H264:
        context.options = {"preset": "ultrafast", "x264-params": f"{common}:threads=1:slices=2"}
    else:
        context.options = {"preset": "ultrafast", "x265-params": f"{common}:log-level=none:pools=none:frame-threads=1"}
    chance = np.random.default_rng(5)
    packets = []
    base = chance.integers(0, 255, (height, width, 3), dtype=np.uint8)
    for index in range(frames):
        moved = np.roll(base, index * 3, axis=1)
        frame = av.VideoFrame.from_ndarray(moved, format="rgb24").reformat(format="yuv420p")
        frame.pts = index
        packets += context.encode(frame)
    packets += context.encode(None)
    first = min(packet.pts or 0 for packet in packets)
    pictures = tuple(
        Picture(tuple(split_annex_b(bytes(packet))), ((packet.pts or 0) - first) * 3600, packet.is_keyframe)
        for packet in packets
    )
    sets = tuple(nal for nal in pictures[0].nals if is_parameter_set(codec, nal_type(codec, nal)))
    return Film(codec, pictures, sets, width, height)


@dataclass(slots=True)
class Packetizer:
    """RTP in RTSP's framing. `mtu` bounds payloads; `aggregate` packs small NAL units together."""

    codec: Codec
    mtu: int = 1200
    aggregate: bool = False
    sequence: int = 65_500  # so that every test wraps
    base: int = 0xFFFF_F000  # and this one too
    payload_type: int = 96
    channel: int = 0
    ssrc: int = 0x1234_5678

    def payloads(self, nals: Sequence[bytes]) -> list[bytes]:
        parts: list[bytes] = []
        small: list[bytes] = []

        def close() -> None:
            if len(small) == 1:
                parts.append(small[0])
            elif small:
                head = b"\x78" if self.codec is Codec.H264 else b"\x60\x01"
                parts.append(head + b"".join(pack(">H", len(nal)) + nal for nal in small))
            small.clear()

        for nal in nals:
            if len(nal) <= self.mtu:
                if self.aggregate and sum(map(len, small)) + len(nal) + 40 > self.mtu:
                    close()
                small.append(nal)
                if not self.aggregate:
                    close()
                continue
            close()
            if self.codec is Codec.H264:
                head, kind, body = bytes((nal[0] & 0xE0 | 28,)), nal[0] & 31, nal[1:]
            else:
                head, kind, body = bytes((nal[0] & 0x81 | 49 << 1, nal[1])), (nal[0] >> 1) & 63, nal[2:]
            step = self.mtu - 3
            for at in range(0, len(body), step):
                flags = (0x80 if at == 0 else 0) | (0x40 if at + step >= len(body) else 0)
                parts.append(head + bytes((flags | kind,)) + body[at : at + step])
        close()
        return parts

    def packet(self, payload: bytes, pts_90k: int, marker: bool) -> bytes:
        kind = self.payload_type | (0x80 if marker else 0)
        stamp = (self.base + pts_90k) & 0xFFFF_FFFF
        rtp = pack(">BBHII", 0x80, kind, self.sequence & 0xFFFF, stamp, self.ssrc) + payload
        self.sequence += 1
        return pack(">BBH", 0x24, self.channel, len(rtp)) + rtp

    def picture(self, picture: Picture) -> list[bytes]:
        parts = self.payloads(picture.nals)
        return [self.packet(part, picture.pts_90k, index == len(parts) - 1) for index, part in enumerate(parts)]

    def film(self, shown: Film) -> bytes:
        return b"".join(b"".join(self.picture(picture)) for picture in shown.pictures)


def sender_report(camera_us: int, rtp: int, channel: int = 1) -> bytes:
    seconds, micros = divmod(camera_us, 1_000_000)
    body = pack(
        ">BBHIIIIII", 0x80, 200, 6, 1, (seconds + 2_208_988_800) & 0xFFFF_FFFF, (micros << 32) // 1_000_000, rtp, 0, 0
    )
    return pack(">BBH", 0x24, channel, len(body)) + body


def depacketize(shown: Film, data: bytes, chunk: int = 65_536) -> list[AccessUnit]:
    track = Depacketizer(shown.codec, 96)
    units = []
    for at in range(0, len(data), chunk):
        units += track.feed(data[at : at + chunk])
    return units


def describe(shown: Film, sets: bool = True, control: str = "trackID=1") -> str:
    """An SDP for the film."""
    if shown.codec is Codec.H264:
        names = "sprop-parameter-sets=" + ",".join(base64.b64encode(nal).decode() for nal in shown.parameter_sets)
        fmtp = "packetization-mode=1" + (f"; {names}" if sets else "")
    else:
        pairs = zip(("sprop-vps", "sprop-sps", "sprop-pps"), shown.parameter_sets, strict=True)
        fmtp = "; ".join(f"{name}={base64.b64encode(nal).decode()}" for name, nal in pairs) if sets else "x=1"
    name = "H264" if shown.codec is Codec.H264 else "H265"
    return (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=cam\r\nt=0 0\r\na=control:*\r\n"
        "m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=control:trackID=0\r\n"
        f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 {name}/90000\r\na=framerate:25\r\na=fmtp:96 {fmtp}\r\na=control:{control}\r\n"
    )


class Line:
    """The camera's end of one connection, after PLAY was answered."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.requests: list[str] = []
        self._buffer = b""

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def request(self) -> str:
        """The next request of the client; interleaved packets between are skipped. Empty at the end."""
        while True:
            while self._buffer[:1] == b"$" and len(self._buffer) >= 4:
                length = 4 + unpack(">H", self._buffer[2:4])[0]
                if len(self._buffer) < length:
                    break
                self._buffer = self._buffer[length:]
            end = self._buffer.find(b"\r\n\r\n")
            if self._buffer[:1] != b"$" and end >= 0:
                text, self._buffer = self._buffer[:end].decode(), self._buffer[end + 4 :]
                self.requests.append(text)
                return text
            data = self.connection.recv(65_536)
            if not data:
                return ""
            self._buffer += data

    def reply(self, request: str, status: str = "200 OK", headers: str = "", body: str = "") -> None:
        match = re.search(r"CSeq: (\d+)", request)
        head = f"RTSP/1.0 {status}\r\nCSeq: {match[1] if match else 0}\r\n{headers}"
        if body:
            head += f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        self.send((head + "\r\n" + body).encode())


Script = Callable[[Line], None]


def answer(sdp: str, play: Script, *, session: str = "7;timeout=60") -> Script:
    """A camera that answers every request and calls `play` once PLAY was answered; then it waits for the client's end."""

    def script(line: Line) -> None:
        while request := line.request():
            method = request.split(" ", 1)[0]
            if method == "OPTIONS":
                line.reply(
                    request, headers="Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER\r\nServer: Scripted\r\n"
                )
            elif method == "DESCRIBE":
                line.reply(request, body=sdp)
            elif method == "SETUP":
                line.reply(request, headers=f"Session: {session}\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n")
            elif method == "PLAY":
                line.reply(request, headers="Session: 7\r\n")
                play(line)
            else:
                line.reply(request)

    return script


class ScriptedCamera:
    """A TCP listener on loopback; connection n is served by scripts[min(n, last)], one at a time."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._closing = False
        self.lines: list[Line] = []
        self.url = f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/stream"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "ScriptedCamera":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        for connection in (self._listener, *self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()
        self._thread.join(60)

    def _serve(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(60)
            self._open.append(connection)
            line = Line(connection)
            self.lines.append(line)
            with connection:
                try:
                    self._scripts[min(len(self.lines), len(self._scripts)) - 1](line)
                except OSError:
                    pass


AnyMessage = TypeVar("AnyMessage", bound=ToRecorder)


@dataclass(slots=True)
class Recorder:
    """The recorder's end: what came from the worker so far, and waiting for more."""

    connection: socket.socket
    seen: list[ToRecorder] = field(default_factory=list)
    _buffer: bytes = b""

    def send(self, order: ToWorker) -> None:
        body = msgspec.msgpack.encode(order)
        self.connection.sendall(pack(">I", len(body)) + body)

    def open(self, url: str, stream: int = 1, username: str = "", password: str = "") -> None:
        self.send(OpenStream(stream=stream, url=url, username=username, password=password))

    def next(self) -> ToRecorder | None:
        """The next message, None at the end of the connection."""
        while True:
            if len(self._buffer) >= 4:
                length = unpack(">I", self._buffer[:4])[0]
                if len(self._buffer) >= 4 + length:
                    message: ToRecorder = msgspec.msgpack.decode(self._buffer[4 : 4 + length], type=AnyToRecorder)
                    self._buffer = self._buffer[4 + length :]
                    self.seen.append(message)
                    return message
            data = self.connection.recv(1 << 20)
            if not data:
                return None
            self._buffer += data

    def wait(self, kind: type[AnyMessage], fits: Callable[[AnyMessage], bool] = lambda _: True) -> AnyMessage:
        """The next message of `kind` that fits. Fails when the connection ends first; time-outs raise."""
        while (message := self.next()) is not None:
            if isinstance(message, kind) and fits(message):
                return message
        raise AssertionError(f"the worker ended before a fitting {kind.__name__} came; seen: {self.seen[-8:]}")

    def of(self, kind: type[AnyMessage]) -> list[AnyMessage]:
        return [message for message in self.seen if isinstance(message, kind)]


@dataclass(slots=True)
class Worker:
    """A running ingest process and the recorder's end of its socket."""

    process: "subprocess.Popen[bytes]"
    recorder: Recorder

    def finish(self) -> int:
        """SIGTERM; everything that still comes is read. Returns the exit status."""
        self.process.terminate()
        while self.recorder.next() is not None:
            pass
        return self.process.wait(60)


@contextmanager
def worker(folder: Path) -> Iterator[Worker]:
    """The real process, connected. Killed at the end if it still runs."""
    path = folder / "ingest.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(60)
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "belvedere.site.ingest.serve", "--socket", str(path), "--slot", "3"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
        try:
            connection, _ = listener.accept()
            connection.settimeout(60)
            with connection:
                recorder = Recorder(connection)
                hello = recorder.wait(Hello)
                assert (hello.kind, hello.slot, hello.pid) == ("ingest", 3, process.pid)
                yield Worker(process, recorder)
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=60)
