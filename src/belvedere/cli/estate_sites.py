"""`belvedere demo --sites N`: a hub and N sites as processes of their own, the last behind a bad line.

The estate's cameras are shared out among the sites. They dial the hub over TLS with papers, like boxes on estates; the
demo lets them in itself, which in a real council takes two people.
"""

import asyncio
import platform
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from cryptography.hazmat.primitives import serialization

from belvedere import __version__
from belvedere.cli.estate import Estate, Part
from belvedere.cli.options import Films
from belvedere.cli.supervise import Line, Supervisor, until_signalled
from belvedere.cli.up import Welcome, address_for_people, check_port, keep_ingest, last_night
from belvedere.demo.badlink import BadLink
from belvedere.demo.badlink import Line as Quality
from belvedere.demo.cameras import CAMERAS
from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import BadInput
from belvedere.foundation.settings import Settings, load_settings
from belvedere.hub.access.keys import signing_key
from belvedere.hub.fleet.authority import Authority, digest_of
from belvedere.hub.fleet.book import Certificate, FleetBook
from belvedere.hub.register.cameras import CameraRegister
from belvedere.hub.storage import open_engine, upgrade
from belvedere.hub.storage.acts import noting
from belvedere.link.client import SiteLink
from belvedere.link.enrolment import Papers, fingerprint, make_site_key
from belvedere.site.uplink.papers import PaperFolder, Place

log = structlog.get_logger()

_NAMES = ("North", "Court", "South", "East", "West", "Garden")
MOST_SITES = len(_NAMES)
_BAD = Quality(delay_s=0.15, bits_per_second=3_000_000, cut_every_s=180.0, cut_s=12.0)


@dataclass(frozen=True, slots=True)
class DemoSite:
    """One of the sites. `cameras`: ids of those that it has."""

    settings: Settings
    cameras: tuple[str, ...]
    papers: PaperFolder


def share_out(data: Path, count: int, clock: Clock) -> list[DemoSite]:
    """Make the sites' folders, and give each its cameras. Raises BadInput."""
    if not 2 <= count <= MOST_SITES:
        raise BadInput(f"The demo has 2 to {MOST_SITES} sites.", advice="Give --sites 3, or leave it out for one.")
    found = []
    for at, word in enumerate(_NAMES[:count]):
        folder = data / "sites" / word.lower()
        folder.mkdir(parents=True, exist_ok=True)
        words = f'[site]\nid = "alder-{word.lower()}"\nname = "Alder Grove {word}"\n'
        (folder / "belvedere.toml").write_text(words)
        settings = load_settings(folder)
        keys = settings.site_folder / "keys"
        keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        cameras = tuple(plan.id for number, plan in enumerate(CAMERAS) if number * count // len(CAMERAS) == at)
        found.append(DemoSite(settings, cameras, PaperFolder(keys / "link", settings.hub_public_key_file, clock)))
    return found


def let_in(settings: Settings, sites: Sequence[DemoSite], clock: Clock) -> None:
    """Papers for sites that have none, while the hub is not running yet. Noted in the log as the command line's act."""
    engine = open_engine(settings.hub_database_url)
    try:
        upgrade(engine)
        authority = Authority(settings.hub_folder / "keys" / "link", clock)
        hub_key = signing_key(settings).public_key().public_bytes_raw()
        book, register = FleetBook(engine, clock), CameraRegister(engine, clock)
        valid = {each.digest for each in book.certificates() if each.revoked_us is None}
        for site in sites:
            register.put_site(site.settings.site.id, site.settings.site.name)
            if site.papers.enrolled and digest_of(_der(site)) in valid and site.papers.expires_us() > clock.now_us():
                continue
            key = make_site_key()
            made = authority.certify(site.settings.site.id, key.public_key())
            der = made.public_bytes(serialization.Encoding.DER)
            until_us = int(made.not_valid_after_utc.timestamp()) * SECOND_US
            certificate = Certificate(
                digest_of(der),
                site.settings.site.id,
                der,
                fingerprint(key.public_key()),
                clock.now_us(),
                until_us,
                None,
                "",
                "",
            )
            facts = {"site": site.settings.site.id, "certificate": certificate.digest, "machine": platform.node()}
            book.add_certificate(certificate, noting(clock), facts | {"reason": "the demo", "software": __version__})
            site.papers.take(Papers("in", "", der, authority.der, hub_key, settings.hub.name), key)
    finally:
        engine.dispose()


def _der(site: DemoSite) -> bytes:
    return site.papers.certificate().public_bytes(serialization.Encoding.DER)


async def serve_sites(
    settings: Settings,
    clock: Clock,
    count: int,
    *,
    welcome: Welcome,
    open_browser: bool,
    heard: Callable[[Line], None] | None,
    films: Films,
) -> None:
    """Run hub, sites and cameras until a signal."""
    if settings.hub.port:
        check_port(settings.hub.host, settings.hub.port)
    sites = share_out(settings.data, count, clock)
    await asyncio.to_thread(let_in, settings, sites, clock)
    supervisor = Supervisor(clock, settings.data / "log")
    data = ["--data", str(settings.data)]
    lines: asyncio.Queue[Line] = asyncio.Queue()
    tasks: list[asyncio.Task[None]] = []
    bad: BadLink | None = None
    stop = asyncio.create_task(until_signalled())
    try:
        night = [*data, "--night", last_night(clock).isoformat(), "--films", films]
        door = [*data, "--port", str(settings.hub.port), "--alone", "--link", "127.0.0.1:0"]
        hub, cameras = await asyncio.gather(
            supervisor.start("hub", "belvedere.hub.serve", door, on_line=heard),
            supervisor.start("demo-cameras", "belvedere.demo.serve", night, on_line=lines.put_nowait),
        )
        url, (host, _, port) = str(hub.ready_line["url"]), str(hub.ready_line["link"]).rpartition(":")
        for option, value in (("--port", url.rsplit(":", 1)[1].strip("/")), ("--link", f"{host}:{port}")):
            hub.arguments[hub.arguments.index(option) + 1] = value
        bad = BadLink((host, int(port)), _BAD)
        await bad.start(lambda cut: log.info("bad_line", site=sites[-1].settings.site.id, cut=cut))
        for site in sites:
            last = site is sites[-1]
            site.papers.move(Place("127.0.0.1", bad.port if last else int(port)))
            site.settings.socket_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        await asyncio.gather(
            *(
                supervisor.start(site.settings.site.id, "belvedere.site.serve", ["--data", str(site.settings.data)])
                for site in sites
            )
        )
        parts = [Part(site.settings, SiteLink(site.settings.link_socket), site.cameras) for site in sites]
        town = Estate(settings, clock, lines, parts)
        await town.furnish()
        await town.begin(cameras)
        for part in parts:
            name = f"ingest-{part.settings.site.id}"
            tasks.append(asyncio.create_task(keep_ingest(supervisor, part.link, part.settings, name)))
        address = address_for_people(url)
        welcome(address)
        names = ", ".join(site.settings.site.name for site in sites)
        print(f"{count} sites: {names}. The last is behind a bad line.", flush=True)  # noqa: T201
        await town.report()
        if open_browser:
            await asyncio.to_thread(webbrowser.open, address)
        done, _ = await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in [stop, *tasks]:
            task.cancel()
        await asyncio.gather(stop, *tasks, return_exceptions=True)
        ingest = [name for name in supervisor.children if name.startswith("ingest-")]
        await supervisor.stop(["hub", "demo-cameras", *ingest])
        if bad is not None:
            await bad.close()
