"""`belvedere doctor`: what may be wrong with this machine, and what to do."""

import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from belvedere import __version__
from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.clock import DAY_US, SECOND_US, SystemClock
from belvedere.foundation.errors import BelvedereError
from belvedere.foundation.settings import Settings, load_settings

_COMFORTABLE_BYTES = 20 << 30
_CLOCK_ERROR_US = SECOND_US // 2
_DRILL_DAYS = 366
_MARKS = {"ok": "[green]ok[/green]     ", "note": "[yellow]note[/yellow]   ", "wrong": "[red]wrong[/red]  "}
_BROWSERS = ("chromium", "google-chrome", "microsoft-edge", "firefox")


@dataclass(frozen=True, slots=True)
class Finding:
    """`level`: ok, note or wrong. `text` says what was found and, if not ok, what to do."""

    level: str
    text: str


def check_python() -> Finding:
    return Finding("ok", f"Belvedere {__version__}, Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}")


def check_port(settings: Settings) -> Finding:
    port = settings.hub.port
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex((settings.hub.host, port)):
            return Finding("ok", f"port {port} is free")
    from belvedere.link.blocking import BlockingSiteLink

    try:
        with BlockingSiteLink(settings.link_socket) as link:
            link.status()
    except BelvedereError:
        return Finding(
            "wrong", f"port {port} is in use by something else. Choose another: [hub] port in belvedere.toml."
        )
    return Finding("ok", f"port {port} is in use, and this installation is running")


def check_site(settings: Settings) -> Iterator[Finding]:
    from belvedere.link.blocking import BlockingSiteLink

    try:
        with BlockingSiteLink(settings.link_socket) as link:
            status = link.status()
    except BelvedereError:
        yield Finding("note", "the site is not running, so its cameras were not looked at. Start it: belvedere up.")
        return
    for camera in status.cameras:
        for stream in camera.streams:
            if stream.state in ("recording", "imported", "off"):
                continue
            yield Finding("wrong", f"camera {camera.camera}, {stream.stream} stream: {stream.state}. {stream.message}")
    for disk in status.disks:
        if disk.state != "ok":
            yield Finding("wrong", f"disk {disk.name}: {disk.state}. {disk.message}")
    well = sum(all(s.state == "recording" for s in c.streams) for c in status.cameras if c.streams)
    yield Finding("ok", f"{well} of {sum(1 for c in status.cameras if c.streams)} cameras are recording")


def check_disk(folder: Path) -> Finding:
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    text = f"{free / 1e9:.0f} GB free for {folder}"
    if free < _COMFORTABLE_BYTES:
        hours = free / (12 * 0.55e6) / 3600
        return Finding(
            "note", f"{text}: about {hours:.0f} h of 12 cameras at 4 Mbit/s. Set [site] footage to a larger disk."
        )
    return Finding("ok", text)


def check_writable(settings: Settings) -> Finding:
    probe = settings.data / ".doctor"
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        return Finding("wrong", f"{settings.data} can't be written: {error.strerror}. Choose another with --data.")
    return Finding("ok", f"{settings.data} can be written")


def check_clock() -> Finding:
    """Whether the host's clock is kept right by a time service: asked of the kernel (adjtimex), which changes nothing."""
    from belvedere.site.time_service.discipline import discipline

    if SystemClock().now_us() < 1_767_225_600 * SECOND_US:  # 2026-01-01
        return Finding("wrong", "this machine's clock is years behind. Set it: footage is dated by it.")
    state = discipline()
    if not state.known:
        return Finding("note", "whether a time service keeps this clock right can't be told here; chrony is a good one")
    if not state.synchronised:
        return Finding("note", "no time service keeps this clock right. Install chrony: footage is dated by it.")
    within = f"within {state.max_error_us / 1000:.0f} ms by the kernel's account"
    if state.max_error_us > _CLOCK_ERROR_US:
        return Finding("note", f"the clock is right {within} only. Look at the time service: chronyc tracking.")
    return Finding("ok", f"the clock is kept right by a time service, {within}")


def check_time_service(settings: Settings) -> Iterator[Finding]:
    """The time service for cameras, where it is switched on: asked as a camera would ask."""
    from belvedere.site.time_service.ask import ask_time
    from belvedere.site.time_service.server import parse_place

    place = settings.site.time_service
    if not place:
        return
    try:
        host, port = parse_place(place)
    except BelvedereError as error:
        yield Finding("wrong", str(error))
        return
    answer = ask_time(host, port, SystemClock())
    if answer is None:
        yield Finding("note", f"the time service does not answer on {place}. Start the site: belvedere up.")
    elif answer.leap == 3:
        yield Finding(
            "wrong",
            f"the time service on {place} tells cameras that its clock is not kept right, so they do not follow it. "
            "Install chrony, or set [site] time_service_alone.",
        )
    else:
        yield Finding("ok", f"the time service answers on {place}")


def check_sandbox() -> Finding:
    """What holds the processes that read cameras and recordings: found by trying."""
    from belvedere.site.sandbox.level import Level
    from belvedere.site.sandbox.start import confinement

    found = confinement()
    if found.level is Level.BUBBLEWRAP:
        return Finding("ok", found.words)
    why = "; ".join(found.refused)
    advice = "Install bubblewrap" if "not installed" in why else "Allow unprivileged user name spaces"
    return Finding("note", f"{found.words}. {advice} for the best hold ({why}).")


def check_codecs() -> Finding:
    import av

    missing = [name for name in ("h264", "hevc") if name not in av.codecs_available]
    if missing:
        return Finding(
            "wrong", f"this PyAV can't decode {', '.join(missing)}. Install it again: pip install --force av."
        )
    return Finding("ok", f"PyAV {av.__version__} decodes H.264 and H.265")


def check_browser() -> Finding:
    found = next((name for name in _BROWSERS if shutil.which(name)), None)
    if found is None:
        return Finding("note", "no browser on this machine; open the control room from another one or install chromium")
    return Finding("ok", f"browser: {found}. H.265 plays only where the browser's own decoder has it.")


def check_interface() -> Finding:
    page = Path(__file__).parent.parent / "ui" / "index.html"
    if not page.exists():
        return Finding("wrong", "the control room was not built. Run: python3 run.py version")
    return Finding("ok", "the control room is built")


def check_keys(settings: Settings) -> Iterator[Finding]:
    """Key ceremony, wrapping key, recovery drill: from the hub's database, where there is one."""
    from sqlalchemy.exc import SQLAlchemyError

    from belvedere.hub.custody.local import key_office

    if not (settings.hub_folder / "hub.db").exists() and not settings.hub.database_url:
        yield Finding("note", "no hub was started here yet, so its keys were not looked at")
        return
    try:
        with key_office(settings) as office:
            state = office.state()
    except (BelvedereError, SQLAlchemyError) as error:
        yield Finding("wrong", f"the hub's keys can't be looked at: {error}")
        return
    if state.hub is not None and not state.hub.at_hand:
        yield Finding("wrong", "the hub's wrapping key is not here. Recover it: belvedere keys recover.")
    if state.break_glass is None:
        yield Finding(
            "note", "the key ceremony is due: belvedere keys ceremony. Until then sites keep all keys themselves."
        )
        return
    yield Finding("ok", f"the key ceremony was held: {state.break_glass.title}")
    if state.drill is None or state.drill.key != state.break_glass.name:
        yield Finding("note", "no recovery drill was held for the officers' key: belvedere keys drill")
        return
    age = (SystemClock().now_us() - state.drill.at_us) // DAY_US
    due = age > _DRILL_DAYS
    text = f"the last recovery drill was {age} days ago"
    yield Finding("note" if due else "ok", f"{text}: hold one, belvedere keys drill" if due else text)


def check_access(settings: Settings) -> Iterator[Finding]:
    """Which action table counts, and what people lack under it: from the hub's database, which is not touched."""
    from sqlalchemy.exc import SQLAlchemyError

    from belvedere.cli.able import shortcomings

    if settings.hub.access == "open_desk":
        yield Finding("note", "one person alone opens, unmasks and exports footage ([hub] access = open_desk)")
        return
    if not (settings.hub_folder / "hub.db").exists() and not settings.hub.database_url:
        return
    try:
        found = shortcomings(settings, SystemClock().now_us())
    except (BelvedereError, SQLAlchemyError) as error:
        yield Finding("wrong", f"accounts can't be looked at: {error}")
        return
    yield from (Finding("note", text) for text in found)
    if not found:
        yield Finding(
            "ok", "second persons are there: of another team, with a passkey; everybody's training is on record"
        )


def findings(settings: Settings) -> Iterator[Finding]:
    yield check_python()
    yield check_interface()
    yield check_writable(settings)
    yield check_port(settings)
    for folder in settings.footage_folders:
        yield check_disk(folder)
    yield check_clock()
    yield from check_time_service(settings)
    yield check_sandbox()
    yield check_codecs()
    yield check_browser()
    yield from check_keys(settings)
    yield from check_access(settings)
    yield from check_site(settings)


def doctor(data: DataOption = REAL_DATA) -> None:
    """Look at this machine and say what is wrong and what to do. Exit code 1 when something is wrong."""
    console = Console(highlight=False, soft_wrap=True)
    wrong = 0
    for finding in findings(load_settings(data)):
        wrong += finding.level == "wrong"
        console.print(_MARKS[finding.level], finding.text)
    if wrong:
        raise typer.Exit(1)
