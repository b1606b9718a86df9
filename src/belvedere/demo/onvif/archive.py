"""The simulated device's archive over RTSP: the replay extensions of ONVIF Streaming section 6."""

import asyncio
import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime

from belvedere.demo.onvif.faults import GOOD, DeviceFaults
from belvedere.demo.rtsp.packets import payloads
from belvedere.demo.rtsp.reel import Reel
from belvedere.demo.rtsp.server import RtspServer, Session
from belvedere.foundation.clock import SECOND_US, Clock

_NTP_EPOCH_S = 2_208_988_800
_RANGE = re.compile(r"clock=(\d{8}T\d{6}(?:\.\d+)?Z)-(\d{8}T\d{6}(?:\.\d+)?Z)?")


def _moment(text: str) -> int:
    form = "%Y%m%dT%H%M%S.%fZ" if "." in text else "%Y%m%dT%H%M%SZ"
    return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp() * SECOND_US)


class ReplaySession(Session):
    """One client of the archive."""

    def __init__(self, server: "ReplayServer") -> None:
        super().__init__(server)
        self._archive = server
        self._sending: asyncio.Task[None] | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._sending is not None:
            self._sending.cancel()
        super().connection_lost(exc)

    def _answer(self, request: str, headers: dict[str, str]) -> None:
        method = request.partition(" ")[0]
        match = _RANGE.search(headers.get("range", ""))
        if method == "PLAY" and match and headers.get("require") == "onvif-replay" and self._source is not None:
            self._archive.asked.append((_moment(match[1]), _moment(match[2]) if match[2] else 0, headers))
            self._reply("200 OK", headers, {"Session": self._id, "Range": headers["range"]})
            self._sending = asyncio.get_running_loop().create_task(
                self._replay(self._source.reel, _moment(match[1]), _moment(match[2]) if match[2] else 1 << 62)
            )
            return
        super()._answer(request, headers)

    async def _replay(self, reel: Reel, from_us: int, to_us: int) -> None:
        """Send what lies in the span, from the keyframe before it, as fast as the client reads."""
        archive = self._archive
        first_us = archive.start_us + archive.faults.clock_error_us
        times = [first_us + at * 100 // 9 for at in archive.times_90k(reel)]
        begin = max((i for i, u in enumerate(reel.units) if u.keyframe and times[i] <= from_us), default=0)
        sequence = 7
        for sent, index in enumerate(range(begin, len(reel.units)), 1):
            unit = reel.units[index]
            if times[index] >= to_us:
                break
            parts = payloads(reel.codec, (*reel.parameter_sets, *unit.nals) if unit.keyframe else unit.nals)
            timestamp = (unit.pts_90k + 12_345) & 0xFFFFFFFF
            for number, part in enumerate(parts):
                extension = b""
                if number == 0 and not archive.faults.no_replay_times:
                    seconds, micros = divmod(times[index], SECOND_US)
                    flags = (0x80 if unit.keyframe else 0) | 0x40
                    extension = struct.pack(
                        ">HHIIBBH",
                        0xABAC,
                        3,
                        (seconds + _NTP_EPOCH_S) & 0xFFFFFFFF,
                        (micros << 32) // SECOND_US,
                        flags,
                        1,
                        0,
                    )
                marker = 0x80 if number == len(parts) - 1 else 0
                head = struct.pack(
                    ">BBHII", 0x90 if extension else 0x80, marker | 96, sequence & 0xFFFF, timestamp, 0x0BEF
                )
                sequence += 1
                packet = head + extension + part
                self.send(struct.pack(">BBH", 0x24, 0, len(packet)) + packet)
            if archive.faults.replay_cut_after and sent >= archive.faults.replay_cut_after:
                self.close()
                return
            await asyncio.sleep(0)
        bye = struct.pack(">BBHI", 0x81, 203, 1, 0x0BEF)
        self.send(struct.pack(">BBH", 0x24, 1, len(bye)) + bye)


class ReplayServer(RtspServer):
    """Serves a recording that began at `start_us` (true time). `holes_us`: (offset, length) of gaps in it."""

    def __init__(
        self,
        clock: Clock,
        start_us: int,
        *,
        username: str = "",
        password: str = "",
        holes_us: tuple[tuple[int, int], ...] = (),
        faults: DeviceFaults = GOOD,
    ) -> None:
        super().__init__(clock, username=username, password=password)
        self.start_us = start_us
        self.faults = faults
        self.holes_us = holes_us
        self.asked: list[tuple[int, int, dict[str, str]]] = []

    async def __aenter__(self) -> "ReplayServer":
        await self.start()
        return self

    def times_90k(self, reel: Reel) -> list[int]:
        """When each picture was taken, in ticks since the start."""
        return [
            unit.pts_90k + sum(length * 9 // 100 for at, length in self.holes_us if unit.pts_90k >= at * 9 // 100)
            for unit in reel.units
        ]

    async def start(self) -> None:
        factory: Callable[[], Session] = lambda: ReplaySession(self)  # noqa: E731
        self._server = await asyncio.get_running_loop().create_server(factory, self._host, self._port)
