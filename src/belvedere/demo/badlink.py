"""A bad line between a site and its hub: slow, late, and cut now and then. A TCP proxy on loopback, for the demo and for tests."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

_READ = 16 << 10


@dataclass(frozen=True, slots=True)
class Line:
    """How bad. `cut_every_s` 0: never; each cut lasts `cut_s`, in which nothing goes through and everything open ends."""

    delay_s: float = 0.15
    bits_per_second: float = 1_500_000
    cut_every_s: float = 0.0
    cut_s: float = 8.0


class BadLink:
    """Listens on a free port of loopback and passes on to `target`. For one event loop."""

    def __init__(self, target: tuple[str, int], line: Line, chance: random.Random | None = None) -> None:
        self._target = target
        self.line = line
        self._chance = chance or random.Random()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.cut = False
        self.bytes = [0, 0]  # towards the target, back
        self.port = 0

    async def start(self, on_cut: Callable[[bool], None] = lambda cut: None) -> int:
        """Begin; returns the port. `on_cut` is told when the line is cut and when it is back."""
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        if self.line.cut_every_s:
            self._tasks.add(asyncio.create_task(self._keep_cutting(on_cut)))
        return self.port

    async def close(self) -> None:
        """End everything."""
        self.sever()
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def sever(self) -> None:
        """Cut the line, until `mend`."""
        self.cut = True
        for writer in list(self._writers):
            writer.transport.abort()

    def mend(self) -> None:
        """Let connections through again."""
        self.cut = False

    async def _keep_cutting(self, on_cut: Callable[[bool], None]) -> None:
        while True:
            await asyncio.sleep(self.line.cut_every_s * self._chance.uniform(0.5, 1.5))
            self.sever()
            on_cut(True)
            await asyncio.sleep(self.line.cut_s)
            self.mend()
            on_cut(False)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cut:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        ways = [asyncio.create_task(self._carry(reader, back, 0)), asyncio.create_task(self._carry(there, writer, 1))]
        self._tasks |= set(ways)
        try:
            await asyncio.gather(*ways)
        finally:
            self._tasks -= set(ways)
            self._writers -= {writer, back}
            for each in (writer, back):
                each.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: int) -> None:
        """One way: bytes leave `delay_s` after they came, and no faster than the line."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)

        async def read() -> None:
            free = loop.time()
            while data := await reader.read(_READ):
                free = max(free, loop.time()) + 8 * len(data) / self.line.bits_per_second
                await waiting.put((free + self.line.delay_s, data))
            await waiting.put((loop.time() + self.line.delay_s, b""))

        reading = asyncio.create_task(read())
        try:
            with suppress(OSError):
                while True:
                    due, data = await waiting.get()
                    await asyncio.sleep(max(0.0, due - loop.time()))
                    if not data:
                        if writer.can_write_eof():
                            writer.write_eof()
                        return
                    writer.write(data)
                    self.bytes[way] += len(data)
                    await writer.drain()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
