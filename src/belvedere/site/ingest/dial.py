"""How a camera is reached: its name looked up once and kept, one connection opened without waiting, through the gate."""

import errno
import ipaddress
import random
import selectors
import socket
from contextlib import suppress

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import Unavailable
from belvedere.site.ingest.keeper import Phase, StreamKeeper, Surroundings
from belvedere.site.ingest.messages import OpenStream
from belvedere.site.ingest.names import Endpoint, literal_endpoint

CONNECT_US = 5 * SECOND_US
DATAGRAM_BYTES = 2 << 20  # of kernel memory for a UDP stream: half a second of a busy camera
_PAIR_TRIES = 64

WHY = {
    errno.ECONNREFUSED: "the connection was refused",
    errno.EHOSTUNREACH: "no route",
    errno.ENETUNREACH: "no route",
    errno.EHOSTDOWN: "no route",
    errno.ETIMEDOUT: "timed out",
    errno.ECONNRESET: "it broke the connection",
    errno.EPIPE: "it broke the connection",
}


class Dialing(StreamKeeper):
    """A stream over one TCP connection: from waiting to connected. What comes then is `_connected`'s.

    Invariant: a name means one address for as long as the order stands. Only when that address can't be reached is the
    name asked again, and an answer outside the address's own network (/24, /64) is refused: whoever can change a name
    must not be handed a camera's password.
    """

    def __init__(self, order: OpenStream, around: Surroundings) -> None:
        super().__init__(order, around)
        self._socket: socket.socket | None = None
        self._registered = 0
        self._pinned: Endpoint | None = literal_endpoint(self.host, self.port)
        self._reached = False  # whether the pinned address has answered since the name was last asked
        self._named = self._pinned is None

    def _wants_to_start(self, now_us: int) -> bool:
        return now_us >= self._due_us and self._around.gate.enter(self.order.stream, now_us)

    def _start(self, now_us: int) -> None:
        self.reconnects += 1
        self._due_us = now_us + CONNECT_US
        self._tell("connecting", f"Connecting to {self.place}.")
        if self._pinned is not None and (self._reached or not self._named):
            self._connect(self._pinned)
        elif self._around.names.start(self.host, self.port):
            self.phase = Phase.RESOLVING
        else:
            self._unreachable("too many names are being looked up")

    def _resolved(self, now_us: int) -> None:
        known, endpoint = self._around.names.result(self.host, self.port)
        if known:
            if endpoint is None and self._pinned is None:
                self._unreachable("the name is not known")
                return
            if endpoint is not None and not self._accepts(endpoint):
                self._unreachable(
                    "its name now means another network's address. Save the camera again if that is right"
                )
                return
            self._due_us = now_us + CONNECT_US
            if endpoint is not None:
                self._pinned = endpoint
            if self._pinned is not None:
                self._connect(self._pinned)
        elif now_us >= self._due_us:
            self._unreachable("the name server does not answer")

    def _accepts(self, endpoint: Endpoint) -> bool:
        return self._pinned is None or same_network(self._pinned, endpoint)

    def _connect(self, endpoint: Endpoint) -> None:
        self._reached = False
        try:
            connection = socket.socket(endpoint.family, socket.SOCK_STREAM)
        except OSError as error:
            self._unreachable(f"this machine can't open a connection ({error.strerror})")
            return
        self._socket = connection
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.phase = Phase.CONNECTING
        code = connection.connect_ex(endpoint.address)
        if code not in (0, errno.EINPROGRESS):
            self._unreachable(WHY.get(code, "no route"))
            return
        self._watch()

    def _dialled(self) -> None:
        """The selector says that connecting has ended, one way or the other."""
        if self._socket is None:
            return
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._unreachable(WHY.get(code, "no route"))
            return
        self._reached = True
        self._connected(self._socket)

    def _connected(self, connection: socket.socket) -> None:
        """The camera took the connection."""
        raise NotImplementedError

    def _register(self, wanted: int) -> None:
        """Has the selector look for `wanted` on the socket; 0: for nothing."""
        if self._socket is None or wanted == self._registered:
            return
        selector = self._around.selector
        if not self._registered:
            selector.register(self._socket, wanted, self)
        elif wanted:
            selector.modify(self._socket, wanted, self)
        else:
            selector.unregister(self._socket)
        self._registered = wanted

    def _hang_up(self) -> None:
        """Drops the connection, if there is one, and leaves the gate."""
        self._around.gate.leave(self.order.stream)
        if self._socket is not None:
            self._register(0)
            self._socket.close()
            self._socket = None


CONNECTING_MASK = selectors.EVENT_WRITE


def same_network(one: Endpoint, other: Endpoint) -> bool:
    """Whether two addresses lie in one /24 (IPv6: /64)."""
    if one.family != other.family:
        return False
    prefix = 64 if one.family == socket.AF_INET6 else 24
    network = ipaddress.ip_network(f"{one.address[0]}/{prefix}", strict=False)
    return ipaddress.ip_address(other.address[0]) in network


def open_datagrams(host: str, port: int) -> socket.socket:
    """A socket that hears what is sent to `host`: a multicast group, which is joined, or an address of this machine.

    Raises Unavailable.
    """
    address = ipaddress.ip_address(host)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        receiver = socket.socket(family, socket.SOCK_DGRAM)
    except OSError as error:
        raise Unavailable("No UDP socket can be opened.", advice="Check the machine's number of open files.") from error
    try:
        _prepare(receiver)
        if address.is_multicast:
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        receiver.bind((host, port))
        if address.is_multicast and family == socket.AF_INET:
            receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, address.packed + b"\0\0\0\0")
        elif address.is_multicast:
            receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, address.packed + b"\0\0\0\0")
    except OSError as error:
        receiver.close()
        raise Unavailable(
            f"Nothing can be received on {host}:{port}: {error.strerror}.",
            advice="Give this machine's own address or a multicast group, and a port that nothing else uses.",
        ) from error
    return receiver


def open_port_pair(connection: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Sockets for RTP (even port) and RTCP (the next) on the address by which `connection` reaches its camera.

    Raises Unavailable.
    """
    local = str(connection.getsockname()[0])
    chance = random.SystemRandom()
    for _ in range(_PAIR_TRIES):
        port = chance.randrange(20_000, 60_000, 2)
        pair: list[socket.socket] = []
        try:
            for number in (port, port + 1):
                one = socket.socket(connection.family, socket.SOCK_DGRAM)
                pair.append(one)
                _prepare(one)
                one.bind((local, number))
        except OSError:
            for one in pair:
                one.close()
            continue
        return pair[0], pair[1]
    raise Unavailable(
        "No pair of UDP ports is free.", advice="End what uses them, or use the camera's rtsp:// address."
    )


def _prepare(receiver: socket.socket) -> None:
    """A large kernel buffer, and its overruns counted beside each datagram (SO_RXQ_OVFL, Linux)."""
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, DATAGRAM_BYTES)
    with suppress(OSError):
        receiver.setsockopt(socket.SOL_SOCKET, 40, 1)
