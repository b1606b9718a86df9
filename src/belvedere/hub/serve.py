"""`python -m belvedere.hub.serve --data DIR [--port N]`: the hub as a process.

Prints `{"ready": true, "url": ...}` on standard output once it answers, logs to standard error, ends on SIGTERM within a
few seconds whatever is still open.
"""

import argparse
import asyncio
import errno
import gc
import json
import logging
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI

from belvedere.foundation.errors import BadSettings, BelvedereError, Conflict
from belvedere.foundation.settings import Settings, load_settings
from belvedere.hub.access.step_up_codes import ShownCode
from belvedere.hub.app import create_app
from belvedere.hub.context import open_hub
from belvedere.hub.processes.several import check_shared

_CLOSE_WITHIN_S = 2  # what is still open after this is cut off
_LARGEST_WEBSOCKET_MESSAGE = 64 * 1024  # from a browser; pictures go the other way
_UNSENT_BYTES = 128 << 10


class _Server(uvicorn.Server):
    """Says that it is ready when it is: after its context opened and its socket listens."""

    def __init__(self, config: uvicorn.Config, said: dict[str, str]) -> None:
        super().__init__(config)
        self._said = said

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            gc.freeze()  # what was opened stays too: looking at it again stopped everything for 0.2 s each few seconds
            gc.set_threshold(20_000, 20, 20)
            sys.stdout.write(json.dumps({"ready": True, **self._said}) + "\n")
            sys.stdout.flush()


def _listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening socket; `shared`: with other processes of this user. Raises Conflict or BadSettings."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=512, reuse_port=shared)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Conflict(
                f"Port {port} of {host} is in use already.", advice="Choose another with --port, or 0 for any free one."
            ) from error
        raise BadSettings(
            f"{host} port {port} can't be served: {error}.", advice="Check [hub] host and port."
        ) from error
    if sys.platform == "linux":
        # Connections inherit it: what waits for a slow page waits in our bounded queues, which can skip, not in the kernel.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
    return listener


def _url_of(listener: socket.socket) -> str:
    """Where people reach it. An address that means "all" is told as this machine's own."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{host}:{port}"


def serve(settings: Settings) -> int:
    """Run the hub until it is told to stop; returns the exit status.

    Raises Conflict when the port is taken, and whatever `open_hub` raises.
    """
    check_shared(settings)
    shared = bool(settings.hub.bus)
    with ExitStack() as open_here:
        listener = open_here.enter_context(_listen(settings.hub.host, settings.hub.port, shared=shared))
        sites = None
        if settings.hub.link:
            sites = open_here.enter_context(_listen(*_link_place(settings.hub.link), shared=shared))
        runner = open_here.enter_context(asyncio.Runner(loop_factory=_loop_factory()))
        return runner.run(_serve(settings, listener, sites))


def _link_place(text: str) -> tuple[str, int]:
    """Host and port in `[hub] link`. Raises BadSettings."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise BadSettings(f"{text[:100]!r} is no address and port.", advice="Write [hub] link as 0.0.0.0:8711.")
    return host.strip("[]"), int(port)


async def _serve(settings: Settings, listener: socket.socket, sites: socket.socket | None) -> int:
    said = {"url": _url_of(listener)}
    if sites is not None:
        said["link"] = _url_of(sites).removeprefix("http://")
    # The server raises the signal that ended it once more when all is closed; it has done its work by then.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    if settings.hub.bus:
        from belvedere.hub.processes.serve import Listeners, serve_shared  # here: a hub alone has no use for it

        return await serve_shared(
            settings,
            Listeners(listener, sites),
            _config,
            lambda config, more: _Server(config, said | more),
            _show_code,
        )
    async with open_hub(settings, show_code=_show_code) as hub:
        if sites is not None:
            await hub.fleet.listen(sites)
        server = _Server(_config(create_app(lambda: nullcontext(hub))), said)
        await server.serve(sockets=[listener])
        return 0 if server.started else 1


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        interface="asgi3",
        lifespan="auto" if isinstance(app, FastAPI) else "off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_CLOSE_WITHIN_S,
        ws_max_size=_LARGEST_WEBSOCKET_MESSAGE,
        ws_per_message_deflate=False,
        ws_ping_interval=20.0,
        timeout_keep_alive=30,
    )


def _show_code(code: ShownCode) -> None:
    """Told to whoever started this process, on standard output like everything that is not the hub's own log."""
    sys.stdout.write(json.dumps({"code": code.code, "person": code.person, "do": code.do}) + "\n")
    sys.stdout.flush()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not made for this platform: asyncio's own loop does
        return None
    return uvloop.new_event_loop


def _log_to_stderr() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line of the process."""
    parser = argparse.ArgumentParser(prog="belvedere.hub.serve", description="The hub of Belvedere.")
    parser.add_argument("--data", type=Path, required=True, help="Data folder.")
    parser.add_argument("--port", type=int, default=None, help="Port of the control room; 0 picks a free one.")
    parser.add_argument("--link", default=None, help="Address and port that sites dial.")
    parser.add_argument(
        "--database", default=None, help="PostgreSQL; better said in the environment, where others don't see it."
    )
    parser.add_argument("--bus", default=None, help="NATS server, where the hub has several processes.")
    parser.add_argument("--alone", action="store_true", help="There is no site on this machine.")
    options = parser.parse_args(arguments)
    _log_to_stderr()
    gc.enable()
    gc.freeze()  # what is loaded stays; no collection need look at it again
    try:
        settings = load_settings(options.data)
        if options.port is not None:
            settings.hub.port = options.port
        if options.link is not None:
            settings.hub.link = options.link
        if options.database is not None:
            settings.hub.database_url = options.database
        if options.bus is not None:
            settings.hub.bus = options.bus
        if options.alone:
            settings.hub.own_site = False
        return serve(settings)
    except BelvedereError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
