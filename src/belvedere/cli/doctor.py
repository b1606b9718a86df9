"""`belvedere doctor`: what may be wrong with this machine, and what to do."""

import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from belvedere import __version__
from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.clock import SECOND_US, SystemClock
from belvedere.foundation.errors import BelvedereError
from belvedere.foundation.settings import Settings, load_settings

_COMFORTABLE_BYTES = 20 << 30
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
    """Whether the host's clock is kept right by a time service (Linux: adjtimex through timedatectl)."""
    clock = SystemClock()
    if clock.now_us() < 1_767_225_600 * SECOND_US:  # 2026-01-01
        return Finding("wrong", "this machine's clock is years behind. Set it: footage is dated by it.")
    tool = shutil.which("timedatectl")
    if tool:
        asked = subprocess.run([tool, "show", "-p", "NTPSynchronized"], capture_output=True, text=True, timeout=5)
        if asked.stdout.strip() == "NTPSynchronized=yes":
            return Finding("ok", "the clock is kept right by a time service")
        if asked.returncode == 0:
            return Finding("note", "no time service keeps this clock right. Install chrony: footage is dated by it.")
    return Finding("note", "whether a time service keeps this clock right can't be told here; chrony is a good one")


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


def findings(settings: Settings) -> Iterator[Finding]:
    yield check_python()
    yield check_interface()
    yield check_writable(settings)
    yield check_port(settings)
    for folder in settings.footage_folders:
        yield check_disk(folder)
    yield check_clock()
    yield check_codecs()
    yield check_browser()
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
