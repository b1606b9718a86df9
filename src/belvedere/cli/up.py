"""`belvedere up`: one site and one hub on this machine, under one supervisor."""

import asyncio
import math
import socket
import webbrowser
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import structlog

from belvedere.cli.options import Films
from belvedere.cli.supervise import Line, Supervisor, until_signalled
from belvedere.foundation.clock import HOUR_US, SECOND_US, Clock
from belvedere.foundation.errors import BadSettings, Conflict, LinkFault
from belvedere.foundation.notify import tell_manager
from belvedere.foundation.settings import Settings
from belvedere.link.client import SiteLink
from belvedere.link.messages import SiteStatus

log = structlog.get_logger()

_LOOK_EVERY_S = 3.0
_NIGHT_ENDS_US = HOUR_US
# Cameras, demo pictures and ingest first, so that the recorder has everything when it seals; the hub before the site.
_STOP_ORDER = ("hub", "demo-cameras")

Welcome = Callable[[str], None]
_SAME_MACHINE = "http://127.0.0.1:"


def address_for_people(url: str) -> str:
    """The address to open in a browser on this machine: by its name, because passkeys don't work at an address in numbers."""
    return f"http://localhost:{url.removeprefix(_SAME_MACHINE)}" if url.startswith(_SAME_MACHINE) else url


def last_night(clock: Clock) -> date:
    """The date on whose evening last night began: the last one of which all is past. The demo's ends before 1 o'clock."""
    return datetime.fromtimestamp((clock.now_us() - _NIGHT_ENDS_US) // SECOND_US, UTC).date() - timedelta(days=1)


def check_port(host: str, port: int) -> None:
    """Raise Conflict when something else listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OverflowError as error:
            raise BadSettings(f"{port} is no port.", advice="Choose one from 1024 to 65535.") from error
        except OSError as error:
            raise Conflict(
                f"Port {port} of {host} can't be used: {error.strerror}.",
                advice="Is Belvedere running already? Choose another with --port, or 0 for any free one.",
            ) from error


def ingest_slots(status: SiteStatus, cameras_per_process: int) -> int:
    """How many ingest processes carry the enabled streams."""
    streams = sum(len(camera.streams) for camera in status.cameras if camera.enabled)
    return math.ceil(streams / cameras_per_process)


async def keep_ingest(supervisor: Supervisor, link: SiteLink, settings: Settings, name: str = "ingest") -> None:
    """Start ingest processes as cameras are added, named `name` and a number. Those without streams idle and cost nothing."""
    running = 0
    while True:
        try:
            wanted = ingest_slots(await link.status(), settings.site.cameras_per_process)
        except LinkFault:
            wanted = running  # the site is being restarted
        while running < wanted:
            arguments = ["--socket", str(settings.ingest_socket), "--slot", str(running)]
            await supervisor.start(f"{name}-{running}", "belvedere.site.ingest.serve", arguments, bare=True)
            running += 1
        await asyncio.sleep(_LOOK_EVERY_S)


async def serve(
    settings: Settings,
    clock: Clock,
    *,
    welcome: Welcome,
    films: Films | None = None,
    prepare: Callable[[], object] = lambda: None,
    open_browser: bool = False,
    heard: Callable[[Line], None] | None = None,
) -> None:
    """Run everything until a signal. `films`: with the demo's cameras, and these films of theirs.
    `welcome` is called when everything serves; `prepare` in a thread before, while the processes start.

    `heard` gets what the hub says on its standard output while it runs.
    """
    if settings.hub.port:
        check_port(settings.hub.host, settings.hub.port)
    settings.data.mkdir(parents=True, exist_ok=True)
    settings.socket_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    supervisor = Supervisor(clock, settings.data / "log")
    data = ["--data", str(settings.data)]
    lines: asyncio.Queue[Line] = asyncio.Queue()
    tasks: list[asyncio.Task[None]] = []
    stop = asyncio.create_task(until_signalled())
    try:
        hub, *_ = await asyncio.gather(
            supervisor.start("hub", "belvedere.hub.serve", [*data, "--port", str(settings.hub.port)], on_line=heard),
            supervisor.start("site", "belvedere.site.serve", data),
            asyncio.to_thread(prepare),
        )
        url = str(hub.ready_line["url"])
        # A restarted hub must come back where the browsers look for it.
        hub.arguments[hub.arguments.index("--port") + 1] = url.rsplit(":", 1)[1].strip("/")
        link = SiteLink(settings.link_socket)
        address = address_for_people(url)

        async def greet() -> None:
            welcome(address)
            tell_manager("READY=1", f"STATUS=The control room is at {address}")
            if open_browser:
                await asyncio.to_thread(webbrowser.open, address)

        furnished = (settings.map_folder / "map.json").exists()
        town = None
        if furnished or not films:
            await greet()
        if films:
            from belvedere.cli.estate import Estate, Part  # here: it loads the whole town
            from belvedere.demo.cameras import CAMERAS

            town = Estate(settings, clock, lines, [Part(settings, link, tuple(plan.id for plan in CAMERAS))])
            await town.furnish()
            if not furnished:
                await greet()
            arguments = [*data, "--night", last_night(clock).isoformat(), "--films", films]
            await town.begin(
                await supervisor.start("demo-cameras", "belvedere.demo.serve", arguments, on_line=lines.put_nowait)
            )
        tasks.append(asyncio.create_task(keep_ingest(supervisor, link, settings)))
        if town is not None:
            await town.report()
        done, _ = await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        tell_manager("STOPPING=1")
        for task in [stop, *tasks]:
            task.cancel()
        await asyncio.gather(stop, *tasks, return_exceptions=True)
        ingest = [name for name in supervisor.children if name.startswith("ingest-")]
        await supervisor.stop([*_STOP_ORDER, *ingest, "site"])
