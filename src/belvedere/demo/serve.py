"""`python -m belvedere.demo.serve`: the demo's cameras. Renders their films once and serves them over RTSP, looping.

Says, one JSON line each: `ready` with the port; `devices`, the port of each camera's ONVIF service; `live` when a stream of
a camera can be watched; `night` when a film of last night is finished; `progress`; `trouble`. Needs no key and no database
of the product.
"""

import argparse
import asyncio
import json
import os
import secrets
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from belvedere.demo.cameras import CAMERAS
from belvedere.demo.onvif.estate import EstateDevices
from belvedere.demo.picture.clock import LiveClock, clock_text
from belvedere.demo.rtsp.faults import Faults
from belvedere.demo.rtsp.reel import Reel, load_reel
from belvedere.demo.rtsp.server import RtspServer
from belvedere.demo.rtsp.switch import SOCKET, FaultSwitch
from belvedere.foundation.clock import SECOND_US, SystemClock
from belvedere.foundation.settings import Settings, load_settings

log = structlog.get_logger()

USERNAME = "belvedere"
_PORT = 8554
# What `--films` means to the renderer.
_ONLY: dict[str, tuple[str, ...]] = {"all": (), "live": ("--only", "live"), "short": ("--only", "live", "--quick")}


def camera_password(settings: Settings) -> str:
    """The password of the demo's cameras: made once for each installation, so that none is a default."""
    path = settings.demo_folder / "camera-password"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(12))
    return path.read_text().strip()


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)  # noqa: T201 (the supervisor reads it)


async def open_server(settings: Settings) -> RtspServer:
    """The server on its usual port, or on a free one when that is taken."""
    clock = SystemClock()
    for port in (_PORT, 0):
        server = RtspServer(clock, port=port, username=USERNAME, password=camera_password(settings))
        try:
            await server.start()
        except OSError:
            continue
        return server
    raise OSError("no free port for the demo's cameras")


def usual_faults(camera: str) -> Faults:
    """What is wrong with a camera of the estate on a good day: its clock."""
    errors_us = {plan.id: round(plan.clock_error_s * SECOND_US) for plan in CAMERAS}
    return Faults(clock_error_us=errors_us[camera])


class Cinema:
    """Puts films on the server as they are finished."""

    def __init__(self, server: RtspServer) -> None:
        self._server = server
        self._errors_us = {camera.id: round(camera.clock_error_s * SECOND_US) for camera in CAMERAS}

    async def show(self, camera: str, stream: str, path: Path) -> None:
        """Serve a live film, in the place of an earlier one from the end of its loop on."""
        reel = await asyncio.to_thread(self._with_clock, path, self._errors_us[camera])
        address = f"{camera}/{stream}"
        source = self._server.sources.get(address)
        if source is None:
            self._server.add(address, reel, usual_faults(camera))
            say(live=camera, stream=stream)
        else:
            source.change_reel(reel)

    @staticmethod
    def _with_clock(path: Path, error_us: int) -> Reel:
        """The film with the camera's own clock, as wrong as it is, running in its picture."""
        clock = LiveClock(path)
        return replace(load_reel(path), stamp=lambda nals, true_us: clock.stamp(nals, clock_text(true_us + error_us)))

    async def follow(self, lines: asyncio.StreamReader) -> None:
        """Act on what the renderer says."""
        async for raw in lines:
            try:
                line = json.loads(raw)
            except ValueError:
                continue
            if line.get("film"):
                film = line["film"]
                if film["start_us"] is None:
                    await self.show(film["camera"], film["stream"], Path(film["path"]))
                else:
                    say(night=film)
            if "done" in line:
                say(progress=line["done"], of=line["of"])


async def serve(settings: Settings, night: str, films: str) -> None:
    server = await open_server(settings)
    say(ready=True, port=server.port)
    try:
        async with EstateDevices(SystemClock(), server, USERNAME, camera_password(settings)) as devices:
            say(devices=dict(devices.ports))
            settings.socket_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            async with FaultSwitch(server, usual_faults, settings.socket_folder / SOCKET):
                await _show(settings, server, night, _ONLY[films])
    finally:
        await server.close()


async def _show(settings: Settings, server: RtspServer, night: str, only: tuple[str, ...]) -> None:
    """Render the films and serve them until a signal. `only`: what the renderer is told besides."""
    folder = settings.demo_folder / "films"
    folder.mkdir(parents=True, exist_ok=True)
    renderer = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "belvedere.demo.films", "--folder", str(folder), "--night", night, *only,
        stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert renderer.stdout is not None
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    follow = asyncio.create_task(Cinema(server).follow(renderer.stdout))
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([follow, stopped], return_when=asyncio.FIRST_COMPLETED)
        if follow.done():
            follow.result()
            code = await renderer.wait()
            if code:
                say(trouble=f"The demo's pictures could not all be made (exit code {code}); see the log.")
            await stopped
    finally:
        for task in (follow, stopped):
            task.cancel()
        if renderer.returncode is None:
            with suppress(ProcessLookupError):
                renderer.terminate()
            await renderer.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--night", required=True, help="date of last night's evening, YYYY-MM-DD")
    parser.add_argument("--films", choices=tuple(_ONLY), default="all", help="which to render")
    options = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(serve(load_settings(options.data), options.night, options.films))


if __name__ == "__main__":
    main()
