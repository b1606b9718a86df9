"""Serving one of several processes of a hub: three listeners, one event loop."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from belvedere.foundation.clock import SystemClock
from belvedere.foundation.settings import Settings
from belvedere.hub.access.step_up_codes import ShownCode
from belvedere.hub.processes.handover import stripped
from belvedere.hub.processes.process import hub_process
from belvedere.link.channel import MAX_MESSAGE_BYTES


@dataclass(frozen=True, slots=True)
class Listeners:
    """Sockets that listen: for people, and for sites where any may call."""

    people: socket.socket
    sites: socket.socket | None


class _InnerServer(uvicorn.Server):
    """Leaves the signals to the server of the control room, which shares the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_shared(
    settings: Settings,
    listeners: Listeners,
    config: Callable[[Any], uvicorn.Config],
    serve: Callable[[uvicorn.Config, dict[str, str]], uvicorn.Server],
    show_code: Callable[[ShownCode], None],
) -> int:
    """Serve until a signal; the exit status. `config` and `serve` make the server of the control room for an application."""
    inner = socket.create_server(("127.0.0.1", 0), backlog=512)
    with inner:
        async with hub_process(settings, SystemClock(), inner, show_code) as process:
            within = config(process.inner)
            within.ws_max_size = MAX_MESSAGE_BYTES  # what sites dialled comes this way too
            within.proxy_headers = False
            inner_server = _InnerServer(within)
            within_task = asyncio.create_task(inner_server.serve(sockets=[inner]), name="inner listener")
            try:
                if listeners.sites is not None:
                    await process.hand.fleet.listen(listeners.sites, process.link)
                server = serve(config(stripped(process.public)), {"process": process.name})
                await server.serve(sockets=[listeners.people])
                return 0 if server.started else 1
            finally:
                inner_server.should_exit = True
                await asyncio.gather(within_task, return_exceptions=True)
