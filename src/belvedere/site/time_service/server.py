"""The NTP server of a camera network (RFC 5905, server mode): answers on one address, keeps no state of its clients.

It says of its own clock what the kernel says: synchronised or not, and how far off it may be. It never sets a clock.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import cast

import structlog

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import BadSettings
from belvedere.site.time_service.discipline import Discipline, discipline
from belvedere.site.time_service.limit import RateLimit
from belvedere.site.time_service.packet import Leap, Quality, parse_question, write_answer

log = structlog.get_logger()

PORT = 123
# Nobody can ask the kernel how far its own source is from a reference clock. Ten is chrony's number for such a server:
# a camera that knows a better one prefers it.
STRATUM = 10
_UNSYNCHRONISED = 0  # stratum 16 is 0 on the wire, with the code INIT (RFC 5905 7.3, 7.4)
_PRECISION = -20  # log2 s: a microsecond
_ASK_KERNEL_US = 10 * SECOND_US
_LONGEST = 512


def parse_place(text: str) -> tuple[str, int]:
    """`192.168.50.1:123` or `[fd00::1]:123`. Raises BadSettings; an address that means every interface is refused."""
    host, colon, port = text.strip().rpartition(":")
    if not colon or host.endswith(":") or (":" in host and not host.startswith("[")):
        host, port = text.strip(), str(PORT)
    try:
        address = ipaddress.ip_address(host.strip("[]"))
        number = int(port)
        if not 0 <= number <= 65_535 or address.is_unspecified or address.is_multicast:
            raise ValueError(text)
    except ValueError as error:
        raise BadSettings(
            f"[site] time_service can't be {text!r}.",
            advice="Write this machine's own address on the camera network, such as 192.168.50.1:123.",
        ) from error
    return str(address), number


class TimeService(asyncio.DatagramProtocol):
    """Counters: `answered`, `limited` (too often) and `ignored` (no client's request)."""

    def __init__(self, clock: Clock, ask: Callable[[], Discipline] = discipline, *, alone: bool = False) -> None:
        """`alone`: serve this clock even when nothing keeps it right, so that cameras at least agree with each other."""
        self.answered = 0
        self.limited = 0
        self.ignored = 0
        self._clock = clock
        self._ask = ask
        self._alone = alone
        self._limit = RateLimit()
        self._transport: asyncio.DatagramTransport | None = None
        self._quality: Quality | None = None
        self._asked_us = 0

    async def start(self, place: str) -> tuple[str, int]:
        """Listen on `place`; returns address and port. Raises BadSettings when that can't be."""
        host, port = parse_place(place)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, (host, port), family=family)
        except OSError as error:
            raise BadSettings(
                f"The time service can't listen on {host}:{port}: {error.strerror}.",
                advice="Ports below 1024 need CAP_NET_BIND_SERVICE; end another time server, or choose another port.",
            ) from error
        assert self._transport is not None
        name = self._transport.get_extra_info("sockname")
        log.info("time_service", address=name[0], port=name[1])
        return str(name[0]), int(name[1])

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        received_us = self._clock.now_us()
        answer = self.answer(data, str(addr[0]), received_us)
        if answer and self._transport is not None:
            self._transport.sendto(answer, addr)

    def answer(self, data: bytes, address: str, received_us: int) -> bytes:
        """What `address` is told, nothing for most packets that are not a client's request or come too often."""
        question = parse_question(data) if len(data) <= _LONGEST else None
        if question is None:
            self.ignored += 1
            return b""
        if not self._limit.allows(address, self._clock.monotonic_us()):
            self.limited += 1
            return b""
        self.answered += 1
        return write_answer(question, self.quality(), received_us, self._clock.now_us())

    def quality(self) -> Quality:
        """What is said of this clock: the kernel is asked at most every ten seconds."""
        now_us = self._clock.monotonic_us()
        if self._quality is None or now_us - self._asked_us >= _ASK_KERNEL_US:
            self._asked_us = now_us
            self._quality = quality_of(self._ask(), self._clock.now_us(), alone=self._alone)
        return self._quality


def quality_of(state: Discipline, now_us: int, *, alone: bool) -> Quality:
    """The kernel's account in NTP's terms. Not synchronised: leap 3 and the code INIT, which clients do not follow; `alone`:
    a clock of its own (LOCL), with the kernel's large error said all the same."""
    good = state.synchronised or alone
    return Quality(
        leap=Leap.NONE if good else Leap.UNKNOWN,
        stratum=STRATUM if good else _UNSYNCHRONISED,
        precision=_PRECISION,
        root_delay_us=0,  # the kernel's greatest error has it within
        root_dispersion_us=state.max_error_us,
        reference_id=b"KERN" if state.synchronised else b"LOCL" if alone else b"INIT",
        reference_us=now_us,  # the kernel corrects all the time
    )
