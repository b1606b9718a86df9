"""`belvedere hub` and `belvedere site`: the two sides as services of their own, on machines of their own."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from belvedere.cli.options import REAL_DATA, DataOption, PortOption
from belvedere.cli.supervise import Supervisor, until_signalled
from belvedere.cli.up import check_port, keep_ingest
from belvedere.foundation.clock import Clock, SystemClock
from belvedere.foundation.errors import BadSettings
from belvedere.foundation.notify import tell_manager
from belvedere.foundation.settings import Settings, load_settings
from belvedere.hub.processes.several import check_shared
from belvedere.link.client import SiteLink

LINK_PORT = 8711


def hub(
    port: PortOption = None,
    link: Annotated[
        str, typer.Option("--link", help="Address and port that sites dial, such as 0.0.0.0:8711.", show_default=False)
    ] = "",
    database: Annotated[
        str,
        typer.Option("--database", help="PostgreSQL instead of SQLite: postgresql+psycopg://...", show_default=False),
    ] = "",
    bus: Annotated[
        str, typer.Option("--bus", help="NATS server for several processes: nats://...", show_default=False)
    ] = "",
    processes: Annotated[
        int | None, typer.Option("--processes", help="How many processes serve the hub.", show_default=False)
    ] = None,
    objects: Annotated[
        str,
        typer.Option("--objects", help="Where packs go: s3://BUCKET/PREFIX or file:///FOLDER.", show_default=False),
    ] = "",
    data: DataOption = REAL_DATA,
) -> None:
    """Start the hub alone: the control room, and the door that sites dial. Settings: belvedere.toml in the data folder."""
    settings = load_settings(data)
    settings.hub.own_site = False
    settings.hub.link = link or settings.hub.link or f"0.0.0.0:{LINK_PORT}"
    # In the environment, which the hub's processes inherit: an address may hold a password, and arguments are for all to see.
    if database:
        settings.hub.database_url = os.environ["BELVEDERE_HUB__DATABASE_URL"] = database
    if bus:
        settings.hub.bus = os.environ["BELVEDERE_HUB__BUS"] = bus
    if objects:
        from belvedere.hub.objects.address import check_address  # here: it loads what a hub needs

        settings.hub.objects = os.environ["BELVEDERE_HUB__OBJECTS"] = check_address(objects)
    if processes is not None:
        settings.hub.processes = processes
    check_shared(settings)
    if port is not None:
        settings.hub.port = port
    asyncio.run(serve_hub(settings, SystemClock()))


async def serve_hub(settings: Settings, clock: Clock) -> None:
    """Run the hub's processes until a signal."""
    if settings.hub.port:
        check_port(settings.hub.host, settings.hub.port)
    settings.data.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor(clock, settings.data / "log")
    arguments = ["--data", str(settings.data), "--port", str(settings.hub.port), "--alone", "--link", settings.hub.link]
    stop = asyncio.create_task(until_signalled())
    try:
        child = await supervisor.start("hub", "belvedere.hub.serve", arguments)
        url = str(child.ready_line["url"])
        places = child.arguments  # those of a restarted hub, and of every further process
        places[places.index("--port") + 1] = url.rsplit(":", 1)[1].strip("/")
        places[places.index("--link") + 1] = _same_port(settings.hub.link, str(child.ready_line["link"]))
        for number in range(2, settings.hub.processes + 1):
            await supervisor.start(f"hub-{number}", "belvedere.hub.serve", places[places.index("--data") :])
        _greet(settings, url)
        print(f"Sites dial {child.ready_line['link']}", flush=True)  # noqa: T201 (scripts read this line)
        tell_manager("READY=1", f"STATUS=Sites dial {child.ready_line['link']}")
        await stop
    finally:
        tell_manager("STOPPING=1")
        stop.cancel()
        await asyncio.gather(stop, return_exceptions=True)
        await supervisor.stop()


def _same_port(asked: str, got: str) -> str:
    """A restarted hub must be where sites look for it."""
    return f"{asked.rpartition(':')[0]}:{got.rpartition(':')[2]}"


def _greet(settings: Settings, url: str) -> None:
    from belvedere.cli.up import address_for_people
    from belvedere.cli.users import add_user, list_users

    print(f"Belvedere is ready: {address_for_people(url)}", flush=True)  # noqa: T201 (scripts read this line)
    if not list_users(settings):
        code = add_user(settings, "manager", "manager", "First manager")
        print(f"Log in as manager with the one-time code {code}", flush=True)  # noqa: T201


async def serve_site(settings: Settings, clock: Clock) -> None:
    """Run the site's process and its readers of cameras until a signal."""
    settings.data.mkdir(parents=True, exist_ok=True)
    settings.socket_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    supervisor = Supervisor(clock, settings.data / "log")
    stop = asyncio.create_task(until_signalled())
    ingest: asyncio.Task[None] | None = None
    try:
        await supervisor.start("site", "belvedere.site.serve", ["--data", str(settings.data)])
        ingest = asyncio.create_task(keep_ingest(supervisor, SiteLink(settings.link_socket), settings))
        print(f"The site {settings.site.id} records.", flush=True)  # noqa: T201 (scripts read this line)
        tell_manager("READY=1", f"STATUS=The site {settings.site.id} records")
        done, _ = await asyncio.wait([stop, ingest], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        tell_manager("STOPPING=1")
        tasks = [stop, *([ingest] if ingest is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await supervisor.stop([*(name for name in supervisor.children if name.startswith("ingest-")), "site"])


def site_service(data: Path) -> None:
    """Start the site of a data folder."""
    settings = load_settings(data)
    if settings.site.id == "main":
        raise BadSettings(
            "A site on a machine of its own needs an id of its own.",
            advice=f"Write [site] id and name into {data / 'belvedere.toml'}, as the hub's administrator named it.",
        )
    asyncio.run(serve_site(settings, SystemClock()))
