"""Host names to addresses. The system's resolver blocks, so one thread asks it; literal addresses never come here."""

import ipaddress
import queue
import socket
import threading
from dataclasses import dataclass

_MOST_WAITING = 512


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect: socket family and the address that goes with it."""

    family: socket.AddressFamily
    address: tuple[str, int] | tuple[str, int, int, int]


def literal_endpoint(host: str, port: int) -> Endpoint | None:
    """The endpoint of an IP address, None when `host` is a name."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return None
    if version == 6:
        return Endpoint(socket.AF_INET6, (host, port, 0, 0))
    return Endpoint(socket.AF_INET, (host, port))


def look_up(host: str, port: int) -> Endpoint | None:
    """The first address of a name, None when there is none. Blocks."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return None
    for family, _, _, _, address in found:
        if family in (socket.AF_INET, socket.AF_INET6):
            return literal_endpoint(str(address[0]).partition("%")[0], port)
    return None


class NameLookups:
    """Look-ups under way. Ask with `start`, and again with `result` until it tells; at most one for a name at a time."""

    def __init__(self) -> None:
        self._questions: queue.Queue[tuple[str, int]] = queue.Queue(_MOST_WAITING)
        self._asked: set[tuple[str, int]] = set()
        self._answers: dict[tuple[str, int], Endpoint | None] = {}
        self._thread: threading.Thread | None = None

    def start(self, host: str, port: int) -> bool:
        """Asks; false when too many questions wait already."""
        key = host, port
        if key in self._asked:
            return True
        try:
            self._questions.put_nowait(key)
        except queue.Full:
            return False
        self._asked.add(key)
        if self._thread is None:
            self._thread = threading.Thread(target=self._answer, name="names", daemon=True)
            self._thread.start()
        return True

    def result(self, host: str, port: int) -> tuple[bool, Endpoint | None]:
        """(whether it is known now, the endpoint or None when the name is unknown)."""
        key = host, port
        if key not in self._answers:
            return False, None
        self._asked.discard(key)
        return True, self._answers.pop(key)

    def _answer(self) -> None:
        while True:
            key = self._questions.get()
            self._answers[key] = look_up(*key)
