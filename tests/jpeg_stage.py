"""What the tests of JPEG cameras share: pictures made by FFmpeg, and FFmpeg's own packets of them (RFC 2435)."""

import socket
from fractions import Fraction
from functools import cache
from struct import pack

import av
import numpy as np


@cache
def jpegs(count: int = 24, width: int = 320, height: int = 176, quality: int = 5) -> tuple[bytes, ...]:
    """Pictures of stripes that move, each a whole JPEG with the usual Huffman tables."""
    return tuple(bytes(packet) for packet in _encode(count, width, height, quality))


def _encode(count: int, width: int, height: int, quality: int) -> "list[av.Packet[av.VideoStream]]":
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1, 12)
    encoder.thread_count = 1  # with more it puts restart markers in, of which its packets then do not tell
    encoder.options = {"huffman": "default", "qmin": str(quality), "qmax": str(quality)}
    base = np.random.default_rng(3).integers(0, 255, (height // 8, width // 8, 3)).repeat(8, 0).repeat(8, 1)
    packets = []
    for index in range(count):
        picture = np.roll(base, 6 * index, axis=1).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj420p")
        frame.pts = index
        packets += encoder.encode(frame)
    return packets + encoder.encode(None)


@cache
def rtp_packets(count: int = 24) -> tuple[bytes, ...]:
    """The same pictures as RTP packets, cut by FFmpeg."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        receiver.setblocking(False)
        address = f"rtp://127.0.0.1:{receiver.getsockname()[1]}"
        found: list[bytes] = []
        with av.open(address, "w", format="rtp") as out:
            stream = out.add_stream("mjpeg", rate=12)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = 320, 176, "yuvj420p"
            stream.codec_context.thread_count = 1
            stream.options = {"huffman": "default", "qmin": "5", "qmax": "5"}
            base = np.random.default_rng(3).integers(0, 255, (22, 40, 3)).repeat(8, 0).repeat(8, 1)
            for index in range(count):
                picture = np.roll(base, 6 * index, axis=1).astype(np.uint8)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj420p")
                frame.pts = index
                for packet in stream.encode(frame):
                    out.mux(packet)
                found += _drain(receiver)
            for packet in stream.encode(None):
                out.mux(packet)
        return tuple(one for one in found + _drain(receiver) if one[1] & 0x7F == 26)


def _drain(receiver: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(receiver.recv(65_536))
        except BlockingIOError:
            return found


def framed(packet: bytes, channel: int = 0) -> bytes:
    """A packet in RTSP's framing."""
    return pack(">BBH", 0x24, channel, len(packet)) + packet


SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=cam\r\nt=0 0\r\na=control:*\r\n"
    "m=video 0 RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\na=control:trackID=1\r\n"
)


def multipart(pictures: tuple[bytes, ...], *, lengths: bool = True, dashes: bool = False) -> tuple[str, bytes]:
    """Content-Type and body; without `lengths` a part ends where the next begins."""
    mark = "--camera" if dashes else "camera"
    body = b""
    for picture in pictures:
        head = f"Content-Length: {len(picture)}\r\n" if lengths else ""
        body += b"--camera\r\nContent-Type: image/jpeg\r\n" + head.encode() + b"\r\n" + picture + b"\r\n"
    return f'multipart/x-mixed-replace; boundary="{mark}"', body + b"--camera\r\n"
