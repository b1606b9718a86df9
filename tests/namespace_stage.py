"""Two network namespaces with a line between them that loses, delays, slows and cuts packets; threads that live at its ends.

The line is two TUN devices and a relay in this process: the kernel's own `netem` is missing on many machines. What TCP sees are
lost and late packets, not stalled calls. Needs root, as any change of the network does.
"""

import asyncio
import ctypes
import fcntl
import heapq
import os
import random
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

HUB_SIDE, SITE_SIDE = "10.97.0.1", "10.97.0.2"
_NEWNET = 0x40000000
_TUNSETIFF, _TUN, _NO_INFO = 0x400454CA, 1, 0x1000
_libc = ctypes.CDLL(None, use_errno=True)
_numbers = count()
_Result = TypeVar("_Result")


def ip(*words: str) -> None:
    """Run iproute2."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def why_not() -> str:
    """Why this machine can't do it, "" when it can."""
    try:
        with namespace("probe"):
            return ""
    except (OSError, subprocess.SubprocessError) as error:
        return f"NOT TESTED: this machine refuses network namespaces: {error}"


@contextmanager
def namespace(end: str) -> Iterator[str]:
    """A network namespace with loopback and nothing else; its name."""
    name = f"bv{os.getpid()}-{next(_numbers)}-{end}"
    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        ip("netns", "del", name)


def enter(name: str) -> None:
    """This thread, and the threads that it starts, live in the namespace from now on."""
    descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        if _libc.setns(descriptor, _NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {name}")
    finally:
        os.close(descriptor)


def inside(name: str, work: Callable[[], _Result]) -> _Result:
    """What `work` returns, done by a thread that lives in the namespace. Sockets made there stay there."""
    with ThreadPoolExecutor(1, f"in {name}", enter, (name,)) as there:
        return there.submit(work).result()


def listen(name: str, address: str = "0.0.0.0", port: int = 0) -> socket.socket:
    """A socket that listens in the namespace."""
    return inside(name, lambda: socket.create_server((address, port)))


def _tun() -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", b"line", _TUN | _NO_INFO))
    return device


@dataclass
class Line:
    """The way between the two. Change it while it runs. `rate`: bytes a second each way, 0: none."""

    hub: str
    site: str
    loss: float = 0.0
    delay_s: float = 0.0
    rate: float = 0.0
    cut: bool = False
    lost: int = 0
    carried: list[int] = field(default_factory=lambda: [0, 0])  # bytes to the hub, to the site
    most_waiting: int = 128 << 10  # bytes in the queue of a slow line

    def __post_init__(self) -> None:
        self._chance = random.Random(7)
        self._ends = [inside(self.hub, _tun), inside(self.site, _tun)]
        for name, address in ((self.hub, HUB_SIDE), (self.site, SITE_SIDE)):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "line")
            ip("-n", name, "link", "set", "line", "up")
            ip("-n", name, "route", "change", "10.97.0.0/24", "dev", "line", "rto_min", "20ms")
        self._stop_r, self._stop_w = os.pipe()
        self._thread = threading.Thread(target=self._relay, name="line")
        self._thread.start()

    def well(self) -> None:
        """No fault any more."""
        self.loss, self.delay_s, self.rate, self.cut = 0.0, 0.0, 0.0, False

    def readdress(self, name: str, before: str, after: str) -> None:
        """One end has another address."""
        ip("-n", name, "addr", "del", f"{before}/24", "dev", "line")
        ip("-n", name, "addr", "add", f"{after}/24", "dev", "line")
        ip("-n", name, "route", "change", "10.97.0.0/24", "dev", "line", "rto_min", "20ms")

    def close(self) -> None:
        os.write(self._stop_w, b"x")
        self._thread.join()
        for descriptor in (*self._ends, self._stop_r, self._stop_w):
            os.close(descriptor)

    def _relay(self) -> None:
        free, order = [0.0, 0.0], count()
        waiting: list[tuple[float, int, int, bytes]] = []
        while True:
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, to, packet = heapq.heappop(waiting)
                self._give(to, packet)
            ready, _, _ = select.select(
                [*self._ends, self._stop_r], [], [], max(0.0, waiting[0][0] - now) if waiting else None
            )
            if self._stop_r in ready:
                return
            for end in ready:
                packet = os.read(end, 65536)
                to = 1 - self._ends.index(end)
                now, rate = time.monotonic(), self.rate
                late = rate and max(0.0, free[to] - now) * rate > self.most_waiting
                if self.cut or late or (self.loss and self._chance.random() < self.loss):
                    self.lost += 1
                    continue
                begins = max(now, free[to])
                free[to] = begins + (len(packet) / rate if rate else 0.0)
                self.carried[to] += len(packet)
                heapq.heappush(waiting, (free[to] + self.delay_s, next(order), to, packet))

    def _give(self, to: int, packet: bytes) -> None:
        try:
            os.write(self._ends[to], packet)
        except OSError:  # the device is down, or its queue is full: the packet is lost, as on any line
            self.lost += 1


@contextmanager
def line() -> Iterator[Line]:
    """Two namespaces and the line between them."""
    with namespace("hub") as hub, namespace("site") as site:
        made = Line(hub, site)
        try:
            yield made
        finally:
            made.close()


class Elsewhere:
    """An event loop in a thread that lives in a namespace; its worker threads live there too."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(name,), name=f"loop in {name}")
        self._thread.start()

    def _run(self, name: str) -> None:
        enter(name)
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def do(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Have it done there, and wait for it here."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def close(self) -> None:
        """After everything there has ended."""
        asyncio.run_coroutine_threadsafe(self._loop.shutdown_default_executor(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def sockets_open(pid: int) -> set[tuple[str, str, int]]:
    """(protocol, address, port) of everything in the namespace of a process that others could send to."""
    found = set()
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        for row in Path(f"/proc/{pid}/net/{protocol}").read_text().splitlines()[1:]:
            fields = row.split()
            address, _, port = fields[1].partition(":")
            if protocol.startswith("udp") or fields[3] == "0A":
                found.add((protocol, address, int(port, 16)))
    return found


def scan(name: str, target: str, net: str, ports: Collection[int] = range(1, 65536)) -> list[int]:
    """TCP ports of the namespace `target` that take a connection from `name`, over a wire of its own (`net`: three numbers)."""

    def look() -> list[int]:
        taken = []
        for port in ports:
            with socket.socket() as caller:
                caller.settimeout(30)
                if caller.connect_ex((f"{net}.2", port)) == 0:
                    taken.append(port)
        return taken

    ip("-n", name, "link", "add", "scan", "type", "veth", "peer", "name", "scan", "netns", target)
    try:
        for end, address in ((name, f"{net}.1"), (target, f"{net}.2")):
            ip("-n", end, "addr", "add", f"{address}/24", "dev", "scan")
            ip("-n", end, "link", "set", "scan", "up")
        return inside(name, look)
    finally:
        ip("-n", name, "link", "del", "scan")
