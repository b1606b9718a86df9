"""`belvedere camera password` and `camera key`: other passwords for cameras, another key for what is stored of them."""

import csv
import io
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from belvedere.cli.camera_guess import ask_password
from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.clock import SECOND_US, SystemClock
from belvedere.foundation.errors import BadInput, BelvedereError, CameraDenied
from belvedere.foundation.settings import Settings, load_settings

if TYPE_CHECKING:
    from belvedere.link.blocking import BlockingSiteLink
    from belvedere.link.cameras import CameraAddress

_SETTLE_US = 25 * SECOND_US
_console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class _Change:
    """One camera's new credentials. An empty user name means the one that it has."""

    camera: str
    username: str
    password: str = field(repr=False)


def change_passwords(
    cameras: Annotated[list[str] | None, typer.Argument(help="Cameras that get the same new password.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="CSV with columns camera and password, and perhaps username.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All cameras, the same new password.")] = False,
    user: Annotated[str, typer.Option("--user", help="Another user name too.")] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    data: DataOption = REAL_DATA,
) -> None:
    """Tell Belvedere of new camera passwords. Change it in the camera first; each is tried before it replaces the old one."""
    from belvedere.cli.local import local_site
    from belvedere.link.cameras import Addresses, GetAddresses

    if sum((bool(cameras), file is not None, every)) != 1:
        raise BadInput("Which cameras?", advice="Name cameras, or give --file FILE.csv, or --all.")
    settings = load_settings(data)
    with local_site(settings) as link:
        known = {each.camera: each for each in link.ask(GetAddresses(), Addresses).cameras}
        if file is not None:
            changes = _from_file(file)
        else:
            names = list(cameras or [name for name, each in known.items() if each.main_url])
            password = ask_password("New password", from_stdin=password_stdin, confirm=True)
            changes = [_Change(name, user, password) for name in names]
        missing = [change.camera for change in changes if change.camera not in known]
        if missing:
            raise BadInput(
                f"There is no camera {', '.join(missing)}; nothing was changed.",
                advice="`belvedere camera list` names them.",
            )
        accepted, failed = _change_all(settings, link, changes, known)
        _settle(link, accepted)
    if failed:
        _console.print(f"{len(failed)} keep their old password: {', '.join(failed)}.", markup=False)
        raise typer.Exit(1)


def _from_file(file: Path) -> list[_Change]:
    from belvedere.site.imports.sheet_file import decode_sheet

    try:
        text, _ = decode_sheet(file.read_bytes())
    except OSError as error:
        raise BadInput(f"{file} can't be read: {error.strerror}.", advice="Check the name.") from error
    delimiter = ";" if text.partition("\n")[0].count(";") else ","
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    header = [cell.strip().casefold() for cell in rows[0]] if rows else []
    if not {"camera", "password"} <= set(header):
        raise BadInput(f"{file} has no columns camera and password.", advice="Name them in its first line.")
    changes = []
    for line, row in enumerate(rows[1:], 2):
        cells = dict(zip(header, row, strict=False))
        camera, password = cells.get("camera", "").strip(), cells.get("password", "")
        if not camera and not password:
            continue
        if not camera or not password:
            raise BadInput(f"Line {line} lacks a camera or a password; nothing was changed.", advice="Give both.")
        changes.append(_Change(camera, cells.get("username", "").strip(), password))
    if len({change.camera for change in changes}) < len(changes):
        raise BadInput("A camera is in the file twice; nothing was changed.", advice="Remove one of its rows.")
    return changes


def _change_all(
    settings: Settings, link: "BlockingSiteLink", changes: list[_Change], known: "dict[str, CameraAddress]"
) -> tuple[list[str], list[str]]:
    """Try and change one camera after another; those whose new password was accepted, and those that keep the old."""
    from belvedere.hub.register.cameras import open_register
    from belvedere.link.cameras import SetPassword
    from belvedere.link.messages import Answer
    from belvedere.site.ingest.address import host_and_port

    accepted: list[str] = []
    failed: list[str] = []
    refused: set[str] = set()
    with open_register(settings) as register:
        for change in changes:
            address = known[change.camera]
            username = change.username or address.username
            try:
                if not address.main_url or not username:
                    raise BadInput("It has no user name, or no address.", advice="Give --user, or add it again.")
                host = host_and_port(address.main_url)[0]
                if host in refused:
                    raise CameraDenied(f"{host} refused before and was not asked again.")
                try:
                    _try(address, username, change.password)
                except CameraDenied:
                    refused.add(host)
                    raise
                link.ask(SetPassword(change.camera, username, change.password), Answer)
                register.note("camera.password_changed", {"camera": change.camera})
            except BelvedereError as error:
                failed.append(change.camera)
                _console.print(f"{change.camera}: not changed. {error}", markup=False)
                continue
            accepted.append(change.camera)
            _console.print(f"{change.camera}: the camera accepts the new password.", markup=False)
    return accepted, failed


def _try(address: "CameraAddress", username: str, password: str) -> None:
    """Log in to the camera's streams with the new password. Raises CameraFault."""
    from belvedere.site.ingest.probe import probe
    from belvedere.site.storage.passwords import on_one_device

    probe(address.main_url, username, password, 1.0)
    if on_one_device(address.main_url, address.sub_url):
        probe(address.sub_url, username, password, 1.0)


def _settle(link: "BlockingSiteLink", cameras: list[str]) -> None:
    """Wait a while until the recorder has seen the new passwords work, and say how each ended."""
    from belvedere.link.cameras import GetPasswordChanges, PasswordChanges

    clock, pause = SystemClock(), threading.Event()
    words = {
        "worked": "records with the new password; the old one is forgotten.",
        "put_back": "was refused while recording; the old password is back. Check the user's rights to both streams.",
    }
    left, until_us = set(cameras), clock.monotonic_us() + _SETTLE_US
    while left and clock.monotonic_us() < until_us:
        changes = {each.camera: each.state for each in link.ask(GetPasswordChanges(), PasswordChanges).changes}
        for camera in sorted(left):
            if (state := changes.get(camera, "")) in words:
                _console.print(f"{camera}: {words[state]}", markup=False)
            if state != "waiting":
                left.discard(camera)
        if left:
            pause.wait(0.5)
    if left:
        _console.print(
            f"{', '.join(sorted(left))}: not recording at the moment; the old password is kept until the new one has worked.",
            markup=False,
        )


def rotate_key(data: DataOption = REAL_DATA) -> None:
    """Make a new key for the stored camera addresses and passwords, and seal all of them again. Recording goes on."""
    from belvedere.cli.local import local_site
    from belvedere.hub.register.cameras import open_register
    from belvedere.link.cameras import CameraKeyRotated, RotateCameraKey

    settings = load_settings(data)
    with local_site(settings) as link:
        done = link.ask(RotateCameraKey(), CameraKeyRotated)
    with open_register(settings) as register:
        register.note("site.camera_key_rotated", {"site": settings.site.id, "sealed": done.sealed})
    _console.print(
        f"{done.sealed} connections are sealed with a new key. Make a backup now: older ones hold the old key."
    )
