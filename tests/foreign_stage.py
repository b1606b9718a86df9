"""What the tests of other transports share: a film in a container, over HTTP, over UDP, or as RTP over UDP."""

import io
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import lru_cache

import av

from belvedere.media.fmp4 import read_fragment
from belvedere.media.nal import join_annex_b, split_lengths
from belvedere.media.stream import Codec
from belvedere.site.ingest.messages import FragmentCame
from ingest_stage import Film, Line, Packetizer, Recorder, Script, describe

FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
TYPES = {
    "mpegts": "video/mp2t",
    "flv": "video/x-flv",
    "mp4": "video/mp4",
    "mpjpeg": "multipart/x-mixed-replace;boundary=x",
}


@lru_cache(maxsize=16)
def contain(shown: Film, form: str, rounds: int = 1) -> bytes:
    """The film in MPEG-TS, FLV or fragmented MP4, `rounds` times one after the other."""
    out = io.BytesIO()
    times = sorted(picture.pts_90k for picture in shown.pictures)
    length = times[-1] + 3600
    plain = io.BytesIO(b"".join(join_annex_b(picture.nals) for picture in shown.pictures))
    name = "h264" if shown.codec is Codec.H264 else "hevc"
    options = FRAGMENTED if form == "mp4" else {}
    with av.open(plain, format=name) as raw, av.open(out, "w", format=form, options=options) as container:
        stream = container.add_stream_from_template(raw.streams.video[0])
        for index in range(rounds):
            for picture, dts in zip(shown.pictures, times, strict=True):
                packet = av.Packet(join_annex_b(picture.nals))
                packet.time_base = Fraction(1, 90_000)
                packet.pts, packet.dts = picture.pts_90k + 7200 + index * length, dts + index * length
                packet.is_keyframe = picture.keyframe
                packet.stream = stream
                container.mux(packet)
    return out.getvalue()


def over_http(data: bytes, form: str, *, endless: bool = False) -> Script:
    """A server that answers one request with `data` and then closes, or stays silent."""

    def script(line: Line) -> None:
        line.request()
        line.send(f"HTTP/1.1 200 OK\r\nContent-Type: {TYPES[form]}\r\nConnection: close\r\n\r\n".encode())
        line.send(data)
        if endless:
            line.connection.recv(1)  # until the reader goes away
        else:
            line.connection.shutdown(socket.SHUT_WR)

    return script


def over_rtsp_udp(shown: Film, after: Callable[[Line], None] = lambda line: line.connection.close()) -> Script:
    """A camera that speaks RTSP over TCP and sends its RTP packets over UDP, paced so that none is lost on loopback."""

    def script(line: Line) -> None:
        packets = Packetizer(shown.codec, aggregate=True)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media:
            media.bind(("127.0.0.1", 0))
            port = media.getsockname()[1]
            target = 0
            while request := line.request():
                method = request.split(" ", 1)[0]
                if method == "DESCRIBE":
                    line.reply(request, body=describe(shown))
                elif method == "SETUP":
                    found = re.search(r"client_port=(\d+)", request)
                    assert found is not None, request
                    target = int(found[1])
                    ports = f"client_port={target}-{target + 1};server_port={port}-{port + 1}"
                    line.reply(
                        request, headers=f"Session: 7;timeout=60\r\nTransport: RTP/AVP;unicast;{ports};mode=play\r\n"
                    )
                elif method == "PLAY":
                    line.reply(request, headers="Session: 7\r\n")
                    pace = threading.Event()
                    for picture in shown.pictures:
                        for packet in packets.picture(picture):
                            media.sendto(packet[4:], ("127.0.0.1", target))
                        pace.wait(0.01)
                    after(line)
                    return
                else:
                    line.reply(request, headers="Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n")

    return script


@contextmanager
def over_udp(data: bytes) -> Iterator[str]:
    """MPEG-TS in datagrams of seven packets to a port of this machine, round and round; yields the address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stop = threading.Event()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media:
            media.connect(("127.0.0.1", port))
            at = 0
            while not stop.wait(0.002):
                try:
                    media.send(data[at : at + 7 * 188])
                except ConnectionRefusedError:
                    continue  # nobody listens yet
                at += 7 * 188
                if at >= len(data):
                    at = 0

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield f"udp://127.0.0.1:{port}"
    finally:
        stop.set()
        thread.join(10)


def recorded(recorder: Recorder) -> list[tuple[bytes, ...]]:
    """NAL units of every recorded frame, in order."""
    frames = []
    for fragment in recorder.of(FragmentCame):
        for sample in read_fragment(fragment.data):
            frames.append(tuple(split_lengths(fragment.data[sample.offset : sample.offset + sample.size])))
    return frames


def http(url: str) -> str:
    """A scripted camera's address as http."""
    return url.replace("rtsp://", "http://")


def encrypted(script: Script, certificate: str, key: str) -> Script:
    """The same behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def wrapped(line: Line) -> None:
        with context.wrap_socket(line.connection, server_side=True) as connection:
            script(Line(connection))

    return wrapped
