"""RTSP 1.0 server (RFC 2326) for simulated cameras: TCP interleaved, digest authentication, RTCP sender reports.

Every source shares one RTP timeline among its clients, as a camera's encoder does, and all sources share one origin, so
that films of the same length show the same moment of the same world.
"""

import asyncio
import base64
import hashlib
import re
import secrets
from collections.abc import Callable
from contextlib import suppress

import structlog

from belvedere.demo.rtsp.faults import HEALTHY, Faults
from belvedere.demo.rtsp.packets import payloads, rtp, sender_report
from belvedere.demo.rtsp.reel import Reel
from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.media.stream import Codec

log = structlog.get_logger()

_PAYLOAD_TYPE = 96
_REPORT_EVERY_US = 5 * SECOND_US
_WRITE_LIMIT = 8 << 20  # a client that is this far behind is closed, as a camera would
_REQUEST_LIMIT = 16 << 10
_LINGER_S = 1.0
_REALM = "Alder Grove"
_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN"
_CREDENTIAL = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


class Source:
    """One address of the server: a reel that loops, its clients and its faults."""

    def __init__(self, path: str, reel: Reel, clock: Clock, origin_us: int, faults: Faults) -> None:
        self.path = path
        self.reel = reel
        self.faults = faults
        self.clients: set[Session] = set()
        self.sent_units = 0
        self._next_reel: Reel | None = None
        self._clock = clock
        self._origin_us = origin_us  # monotonic time at which every source's film began
        self._ssrc = int.from_bytes(hashlib.sha256(path.encode()).digest()[:4])
        self._base_90k = self._ssrc & 0x7FFFFFFF
        self._seq = self._ssrc & 0xFFFF
        self._packets = 0
        self._octets = 0
        self._last_report_us = -_REPORT_EVERY_US
        self._loop_start_90k = 0
        self._index = 0
        self._seek(self._media_90k())

    def _media_90k(self) -> int:
        return (self._clock.monotonic_us() - self._origin_us) * 9 // 100

    def position_90k(self) -> int:
        """How far into its reel the source is now."""
        return self._media_90k() % self.reel.duration_90k

    def _seek(self, media_90k: int) -> None:
        """Stand at the first unit that is due at or after `media_90k`."""
        reel = self.reel
        self._loop_start_90k = media_90k - media_90k % reel.duration_90k
        offset = media_90k - self._loop_start_90k
        self._index = next((i for i, at in enumerate(reel.at_90k) if at >= offset), len(reel.units))
        if self._index == len(reel.units):
            self._index, self._loop_start_90k = 0, self._loop_start_90k + reel.duration_90k

    def change_reel(self, reel: Reel) -> None:
        """Show `reel` from the end of the present loop on (from its own position, so that all cameras stay in step)."""
        self._next_reel = reel

    def cut_to(self, reel: Reel) -> None:
        """Show `reel` at once: new parameter sets in mid-stream, as when somebody changes a camera's settings."""
        self.reel, self._next_reel = reel, None
        self._seek(self._media_90k())

    def due_us(self) -> int:
        """Monotonic time at which the next unit is to be sent."""
        at_90k = self._loop_start_90k + self.reel.at_90k[self._index]
        jitter = (self._index * 7919) % 1000 * self.faults.jitter_ms
        return self._origin_us + at_90k * 100 // 9 + jitter

    def send_due(self, now_us: int) -> None:
        """Send every unit whose time has come."""
        while self.due_us() <= now_us:
            self._send_unit(now_us)
            self._index += 1
            if self._index == len(self.reel.units):
                self._loop_start_90k += self.reel.duration_90k
                self._index = 0
                if self._next_reel is not None:
                    start = self._loop_start_90k
                    self.reel, self._next_reel = self._next_reel, None
                    self._seek(start)

    def _send_unit(self, now_us: int) -> None:
        unit = self.reel.units[self._index]
        faults = self.faults
        self.sent_units += 1
        starting = [c for c in self.clients if not c.started and unit.keyframe]
        for client in starting:
            client.started = True
        playing = [c for c in self.clients if c.started]
        if not playing or faults.frozen:
            return
        sent_us = self._origin_us + (self._loop_start_90k + self.reel.at_90k[self._index]) * 100 // 9
        true_us = self._clock.now_us() + (sent_us - self._clock.monotonic_us())
        nals = unit.nals if self.reel.stamp is None else self.reel.stamp(unit.nals, true_us)
        if unit.keyframe:
            nals = (*self.reel.parameter_sets, *(n for n in nals if n not in self.reel.parameter_sets))
        timestamp = self._base_90k + self._loop_start_90k + unit.pts_90k + faults.jump_90k
        parts = payloads(self.reel.codec, nals)
        packets = []
        for i, part in enumerate(parts):
            self._seq += 1
            self._packets += 1
            self._octets += len(part)
            if faults.drop_every and self._packets % faults.drop_every == 0:
                continue
            marker = i == len(parts) - 1
            packets.append(rtp(0, _PAYLOAD_TYPE, marker, self._seq, timestamp, self._ssrc, part))
        data = b"".join(packets)
        report = b""
        if starting or now_us - self._last_report_us >= _REPORT_EVERY_US:
            self._last_report_us = now_us
            ntp_us = true_us + faults.clock_error_us
            report = sender_report(1, self._ssrc, ntp_us, timestamp, self._packets, self._octets)
        if faults.garbage_every and self.sent_units % faults.garbage_every == 0:
            report += bytes((i * 37 + 11) & 0xFF for i in range(64))
        cut = faults.cut_every and self.sent_units % faults.cut_every == 0
        for client in playing:
            client.send(report + (data[: len(data) // 2] if cut else data))
            if cut:
                client.close()

    def rtp_info(self) -> tuple[int, int]:
        """Sequence number and RTP time that the next unit will carry, for RTP-Info."""
        at = self.reel.units[self._index].pts_90k
        return (self._seq + 1) & 0xFFFF, (self._base_90k + self._loop_start_90k + at) & 0xFFFFFFFF


def describe(reel: Reel) -> str:
    """The SDP (RFC 4566) of a reel."""
    sets = [base64.b64encode(s).decode() for s in reel.parameter_sets]
    if reel.codec is Codec.H264:
        profile = reel.parameter_sets[0][1:4].hex().upper()
        name = "H264"
        fmtp = f"packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={','.join(sets)}"
    else:
        name = "H265"
        fmtp = f"sprop-vps={sets[0]};sprop-sps={sets[1]};sprop-pps={','.join(sets[2:])}"
    return (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\na=range:npt=now-\r\n"
        f"m=video 0 RTP/AVP {_PAYLOAD_TYPE}\r\na=rtpmap:{_PAYLOAD_TYPE} {name}/90000\r\n"
        f"a=framerate:{reel.fps:.3f}\r\na=fmtp:{_PAYLOAD_TYPE} {fmtp}\r\na=control:trackID=0\r\n"
    )


class Session(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, server: "RtspServer") -> None:
        self.started = False
        self._server = server
        self._source: Source | None = None
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._id = secrets.token_hex(4)
        self._nonce = secrets.token_hex(16)
        self._set_up = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=_WRITE_LIMIT)
        self._transport = transport
        self._server.sessions.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.sessions.discard(self)
        if self._source is not None:
            self._source.clients.discard(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def send(self, data: bytes) -> None:
        """Queue media; a client that does not read is closed."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > _WRITE_LIMIT:
            self._server.closed_slow += 1
            self._transport.abort()
            return
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._buffer:
            if self._buffer[0] == 0x24:  # RTCP from the client
                if len(self._buffer) < 4:
                    return
                length = 4 + int.from_bytes(self._buffer[2:4])
                if len(self._buffer) < length:
                    return
                del self._buffer[:length]
                continue
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > _REQUEST_LIMIT:
                    self.close()
                return
            head = self._buffer[:end].decode("utf-8", "replace")
            headers = {
                name.strip().lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])
            }
            body = int(headers["content-length"]) if headers.get("content-length", "").isdigit() else 0
            if body > _REQUEST_LIMIT:
                self.close()
                return
            if len(self._buffer) < end + 4 + body:
                return
            del self._buffer[: end + 4 + body]
            self._answer(head.split("\r\n")[0], headers)

    def _reply(self, status: str, headers: dict[str, str], extra: dict[str, str], body: str = "") -> None:
        lines = [f"RTSP/1.0 {status}", f"CSeq: {headers.get('cseq', '0')}", "Server: Belvedere demo camera"]
        lines += [f"{name}: {value}" for name, value in extra.items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        if self._transport is not None:
            self._transport.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    def _answer(self, request: str, headers: dict[str, str]) -> None:
        method, _, rest = request.partition(" ")
        url = rest.partition(" ")[0]
        path = re.sub(r"^rtsp://[^/]*", "", url).split("?")[0].strip("/").removesuffix("/trackID=0")
        source = self._source or self._server.sources.get(path)
        if source is not None and source.faults.silent:
            return
        if method == "OPTIONS":
            self._reply("200 OK", headers, {"Public": _METHODS})
        elif source is None:
            self._reply("404 Not Found", headers, {})
        elif not self._authorised(method, headers, source):
            challenge = f'Digest realm="{_REALM}", nonce="{self._nonce}", algorithm=MD5, qop="auth"'
            self._reply("401 Unauthorized", headers, {"WWW-Authenticate": challenge})
        elif method == "DESCRIBE":
            base = {"Content-Base": url.rstrip("/") + "/", "Content-Type": "application/sdp"}
            self._reply("200 OK", headers, base, describe(source.reel))
        elif method == "SETUP":
            self._setup(source, headers)
        elif method == "PLAY" and self._set_up:
            if source.faults.status:
                self._reply(f"{source.faults.status} Refused", headers, {})
                return
            seq, when = source.rtp_info()
            info = f"url={url.rstrip('/')}/trackID=0;seq={seq};rtptime={when}"
            self._reply("200 OK", headers, {"Session": self._id, "Range": "npt=now-", "RTP-Info": info})
            source.clients.add(self)
        elif method == "PAUSE":
            source.clients.discard(self)
            self.started = False
            self._reply("200 OK", headers, {"Session": self._id})
        elif method == "TEARDOWN":
            source.clients.discard(self)
            self._reply("200 OK", headers, {"Session": self._id})
            asyncio.get_running_loop().call_later(_LINGER_S, self.close)  # the client closes first, as a rule
        elif method in ("GET_PARAMETER", "SET_PARAMETER"):
            self._reply("200 OK", headers, {"Session": self._id})
        else:
            self._reply("455 Method Not Valid in This State", headers, {"Allow": _METHODS})

    def _setup(self, source: Source, headers: dict[str, str]) -> None:
        transport = headers.get("transport", "")
        if "TCP" not in transport.upper():
            self._reply("461 Unsupported Transport", headers, {})
            return
        self._source = source
        self._set_up = True
        reply = {
            "Transport": "RTP/AVP/TCP;unicast;interleaved=0-1",
            "Session": f"{self._id};timeout={self._server.session_timeout_s}",
        }
        self._reply("200 OK", headers, reply)

    def _authorised(self, method: str, headers: dict[str, str], source: Source) -> bool:
        if source.faults.deny:
            return False
        user, password = self._server.username, self._server.password
        if not user:
            return True
        kind, _, value = headers.get("authorization", "").partition(" ")
        if kind.lower() != "digest":
            return False
        given = {name: quoted or bare for name, quoted, bare in _CREDENTIAL.findall(value)}

        def md5(*parts: str) -> str:
            return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()

        secret = md5(user, _REALM, password)
        act = md5(method, given.get("uri", ""))
        middle = [given.get("nc", ""), given.get("cnonce", ""), given.get("qop", "")] if given.get("qop") else []
        expected = md5(secret, self._nonce, *middle, act)
        same = secrets.compare_digest(expected, given.get("response", ""))
        return same and given.get("username") == user and given.get("nonce") == self._nonce


class RtspServer:
    """Serves sources on loopback. `async with RtspServer(clock) as server: server.add("cam", reel)`."""

    def __init__(
        self,
        clock: Clock,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        username: str = "",
        password: str = "",
        session_timeout_s: int = 60,
    ) -> None:
        self.username = username
        self.password = password
        self.session_timeout_s = session_timeout_s
        self.sources: dict[str, Source] = {}
        self.sessions: set[Session] = set()
        self.closed_slow = 0
        self._clock = clock
        self._host = host
        self._port = port
        self._origin_us = clock.monotonic_us()
        self._server: asyncio.Server | None = None
        self._pacer: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def url(self, path: str) -> str:
        """The address of a source, without credentials."""
        return f"rtsp://{self._host}:{self.port}/{path}"

    def add(self, path: str, reel: Reel, faults: Faults = HEALTHY) -> Source:
        """Serve `reel` at `path`, looping."""
        source = Source(path, reel, self._clock, self._origin_us, faults)
        self.sources[path] = source
        self._changed.set()
        return source

    def remove(self, path: str) -> None:
        """Unplug a camera: its connections drop."""
        source = self.sources.pop(path)
        for client in list(source.clients):
            client.close()

    async def __aenter__(self) -> "RtspServer":
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        factory: Callable[[], Session] = lambda: Session(self)  # noqa: E731
        self._server = await loop.create_server(factory, self._host, self._port, backlog=1024)
        self._pacer = asyncio.create_task(self._pace())

    async def close(self) -> None:
        if self._pacer is not None:
            self._pacer.cancel()
            with suppress(asyncio.CancelledError):
                await self._pacer
        if self._server is not None:
            self._server.close()
        for session in list(self.sessions):
            session.close()

    async def _pace(self) -> None:
        """Send each unit when it is due; sleep until the next one."""
        while True:
            now = self._clock.monotonic_us()
            for source in list(self.sources.values()):
                source.send_due(now)
            nearest = min((s.due_us() for s in self.sources.values()), default=now + SECOND_US)
            delay = max(0.002, min(1.0, (nearest - self._clock.monotonic_us()) / SECOND_US))
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), delay)
