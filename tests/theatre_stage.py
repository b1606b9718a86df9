"""A hub on a thread of its own, for tests that drive a browser in the first one."""

import asyncio
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path


class HubThread(ABC):
    """Runs `_serve` until `close`. It is there once the constructor returns; what kept it from that is raised there."""

    def __init__(self, data: Path) -> None:
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._over = asyncio.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(data,), daemon=True)
        self._thread.start()
        assert self._ready.wait(300) and self._failed is None, self._failed

    def _run(self, data: Path) -> None:
        try:
            self._loop.run_until_complete(self._serve(data))
        except BaseException as error:  # noqa: BLE001 - told to the test that waits
            self._failed = error
            self._ready.set()
        finally:
            self._loop.close()

    @abstractmethod
    async def _serve(self, data: Path) -> None:
        """Open the hub, set `url`, then `await self._until_closed()`."""

    async def _until_closed(self) -> None:
        self._ready.set()
        await self._over.wait()

    def close(self) -> None:
        """End it; once more does nothing."""
        with suppress(RuntimeError):  # the loop is closed: it has ended
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)
