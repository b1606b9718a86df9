"""`belvedere site check | prove | document | install | lost | dispose | disposed`: a box and what it holds."""

import io
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from belvedere.cli.backups import PassphraseFile, _passphrase
from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.cli.recordings import parse_time
from belvedere.foundation.clock import SystemClock
from belvedere.foundation.errors import BadInput, Conflict, NotFound, StorageFault
from belvedere.foundation.settings import Settings, load_settings

if TYPE_CHECKING:
    from belvedere.cli.sealed import SealedReader
    from belvedere.site.recorder.check import Report

app = typer.Typer(help="Start a site alone, enrol it at a hub; prove, replace, report lost or dispose of a recorder.")
_console = Console(highlight=False, soft_wrap=True)
_SETTLE_S = 4.0  # a running recorder writes the row of a new file within two seconds


@app.callback(invoke_without_command=True)
def start(context: typer.Context, data: DataOption = REAL_DATA) -> None:
    """Without a command: start this machine's site, without a hub. It records, and dials the hub once it is enrolled."""
    if context.invoked_subcommand is None:
        from belvedere.cli.services import site_service

        site_service(data)


@app.command("check")
def check(
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Make good what can be made good without losing anything; stop Belvedere first."),
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Sizes and rows only: do not hash and open every file.")
    ] = False,
    data: DataOption = REAL_DATA,
) -> None:
    """Prove the index against the files: hashes, seals, rows, files that no row knows, wrong disks. Exit code 1 when wrong."""
    from belvedere.site.recorder.check import examine
    from belvedere.site.recorder.repair import repair as make_good
    from belvedere.site.serve import only_one
    from belvedere.site.storage.folders import open_disks
    from belvedere.site.storage.index import Index
    from belvedere.site.storage.keys import Keyring, load_key

    settings = load_settings(data)
    path = settings.site_folder / "index.db"
    if not path.exists():
        raise NotFound(f"There is no site in {data}.", advice="Give the data folder with --data.")
    clock = SystemClock()

    def look() -> bool:
        index = Index(path, clock)
        try:
            keyring = Keyring(index, load_key(settings.site_folder / "keys" / "footage.kek", make=False), clock)
            disks, _ = open_disks(index, settings.footage_folders, clock)
            settle = (lambda: None) if repair else (lambda: time.sleep(_SETTLE_S))
            report = examine(index, keyring, disks, contents=not quick, settle=settle)
            _show(report, quick)
            if not repair or not report.problems:
                return not report.problems
            done, left = make_good(index, keyring, disks, report, clock)
            for line in done:
                _console.print(f"[green]done[/green]  {line}")
            for line in left:
                _console.print(f"[red]left[/red]  {line}")
            _note(settings, "site.repaired", {"site": settings.site.id, "done": done[:200], "left": len(left)})
            return not left
        finally:
            index.close()

    if repair:
        with only_one(settings.site_folder):
            well = look()
    else:
        well = look()
    if not well:
        raise typer.Exit(1)


def _show(report: "Report", quick: bool) -> None:
    from belvedere.site.recorder.check import KINDS

    table = Table("what", "number", box=None, pad_edge=False)
    table.add_row("segments", str(report.segments))
    table.add_row("bytes", str(report.bytes))
    if not quick:
        table.add_row("hash proven", str(report.hashed))
        table.add_row("opened whole", str(report.opened))
        table.add_row("hash proven, key with the hub", str(report.keys_away))
    table.add_row("marked suspect before", str(report.suspects))
    table.add_row("waiting in quarantine", str(report.quarantined))
    table.add_row("of these kept by a newer hold", str(report.kept_back))
    for kind in KINDS:
        count = sum(problem.kind == kind for problem in report.problems)
        table.add_row(kind, f"[red]{count}[/red]" if count else "0")
    _console.print(table)
    for problem in report.problems[:50]:
        _console.print(f"  {problem.text}", markup=False)
    if len(report.problems) > 50:
        _console.print(f"  and {len(report.problems) - 50} more")
    _console.print("All is well." if not report.problems else f"[red]{len(report.problems)} things are wrong.[/red]")


def _note(settings: Settings, kind: str, facts: dict[str, Any]) -> None:
    """Have the hub log an act, where there is a hub on this machine."""
    if not settings.hub_folder.is_dir():
        return
    from belvedere.hub.custody.local import key_office

    with key_office(settings) as office:
        office.note(kind, facts)


@app.command("prove")
def prove(
    camera: Annotated[str, typer.Option("--camera", help="Slug of the camera.")],
    at: Annotated[str, typer.Option("--at", help="A moment within the segment, such as 2026-11-21T21:00:00Z.")],
    out: Annotated[Path, typer.Option("--out", help="File to write.")],
    stream: Annotated[str, typer.Option("--stream", help="main or sub.")] = "main",
    user: Annotated[str, typer.Option("--user", prompt=True, help="Your user name.")] = "",
    password: Annotated[str, typer.Option("--password", prompt=True, hide_input=True, help="Asked for.")] = "",
    url: Annotated[str, typer.Option("--url", help="The control room's address.")] = "http://127.0.0.1:8710",
) -> None:
    """Proof that one segment belongs to its camera-day's root in the log. Check it with `belvedere verify`."""
    from urllib.parse import urlencode

    from belvedere.cli.control import ControlRoom

    if out.exists():
        raise BadInput(f"{out} exists already.", advice="Choose another name.")
    query = urlencode({"camera": camera, "stream": stream, "at_us": parse_time(at, "--at")})
    with ControlRoom(url) as room:
        room.log_in(user, password)
        proof = room.get(f"/api/footage/proof?{query}")
    out.write_text(json.dumps(proof, indent=1, sort_keys=True) + "\n", "utf-8")
    typer.echo(f"{out}: leaf {proof['index'] + 1} of {proof['leaves']}, root {proof['root']}")


@app.command("document")
def document(
    out: Annotated[Path, typer.Argument(help="File to write.")],
    passphrase_file: PassphraseFile = None,
    data: DataOption = REAL_DATA,
) -> None:
    """The site's configuration for a replacement box, under a passphrase: cameras, retention classes, settings."""
    from belvedere.cli.sealed import SealedWriter
    from belvedere.hub.custody.local import key_office

    settings = load_settings(data)
    if out.exists():
        raise Conflict(f"{out} exists already.", advice="Choose another name.")
    with key_office(settings) as office:
        box, plain, kept_us = office.ledger.document(settings.site.id)
        words = _passphrase(passphrase_file, confirm=True)
        buffer = io.BytesIO()
        with SealedWriter(buffer, words) as sealed:
            sealed.write(plain)
        try:
            out.write_bytes(buffer.getvalue())
            out.chmod(0o600)
        except OSError as error:
            raise StorageFault(f"{out} can't be written: {error.strerror}.", advice="Choose another place.") from error
        office.note("site.document", {"site": settings.site.id, "box": box, "kept_us": kept_us})
    typer.echo(f"{out}: the configuration of site {settings.site.id}. Keep it apart from its passphrase.")


@app.command("install")
def install(
    source: Annotated[Path, typer.Argument(help="What `belvedere site document` wrote.")],
    passphrase_file: PassphraseFile = None,
    data: DataOption = REAL_DATA,
) -> None:
    """Set up a new box from a configuration document. Then start it with `belvedere up`: it records at once."""
    from belvedere.cli.sealed import SealedReader
    from belvedere.site.custody.document import OWN_SETTINGS, install_document, read_document
    from belvedere.site.serve import only_one
    from belvedere.site.storage.camera_key import open_connection_safe
    from belvedere.site.storage.cameras import Cameras
    from belvedere.site.storage.index import Index
    from belvedere.site.storage.keys import load_key

    settings = load_settings(data)
    path = settings.site_folder / "index.db"
    if path.exists():
        raise Conflict(f"{data} holds a site already.", advice="Install into a new data folder.")
    try:
        with source.open("rb") as file:
            found = read_document(_all(SealedReader(file, _passphrase(passphrase_file, confirm=False))))
    except OSError as error:
        raise BadInput(f"{source} can't be read: {error.strerror}.", advice="Check the name.") from error
    toml = data / "belvedere.toml"
    if not toml.exists():
        data.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in found.settings.items() if name not in OWN_SETTINGS}
        toml.write_text(_toml("site", kept), "utf-8")
    clock = SystemClock()
    keys = settings.site_folder / "keys"
    with only_one(settings.site_folder):
        load_key(keys / "footage.kek", make=True)
        index = Index(path, clock)
        try:
            safe = open_connection_safe(index, keys / "camera.key", make=True)
            install_document(index, Cameras(index, safe, clock), found)
        finally:
            index.close()
    typer.echo(f"{len(found.cameras)} cameras are set up in {data}. Start it: belvedere up --data {data}")
    typer.echo("Footage folders are this machine's own: set [site] footage in belvedere.toml if it has several disks.")


def _all(sealed: "SealedReader") -> bytes:
    parts = []
    while part := sealed.read(1 << 20):
        parts.append(part)
    return b"".join(parts)


def _toml(section: str, values: dict[str, Any]) -> str:
    """A TOML section. JSON writes strings, numbers, booleans and lists of them as TOML reads them; null has no TOML."""
    plain = {name: value for name, value in values.items() if value is not None}
    lines = [f"[{section}]"]
    lines += [f"{name} = {json.dumps(value)}" for name, value in plain.items() if not isinstance(value, dict)]
    inner = [_toml(f"{section}.{name}", value) for name, value in plain.items() if isinstance(value, dict)]
    return "\n".join([*lines, "", *inner])


@app.command("lost")
def lost(
    site: Annotated[str, typer.Argument(help="Slug of the site whose box is gone.")],
    box: Annotated[str, typer.Option("--box", help="Which box, if the site had several.")] = "",
    erase: Annotated[bool, typer.Option("--erase", help="Destroy the hub's copies of the box's keys too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Shut it out without asking.")] = False,
    data: DataOption = REAL_DATA,
) -> None:
    """What a stolen box exposes, and shut it out: no key is ever released to it again."""
    from belvedere.hub.custody.local import key_office
    from belvedere.hub.custody.loss import LossDesk

    with key_office(load_settings(data)) as office:
        desk = LossDesk(office.engine, office.clock, office.noting)
        exposure = desk.exposure(site, box)
        for line in exposure.lines():
            _console.print(line, markup=False)
        if not yes:
            typer.confirm("Shut this box out for good?", abort=True)
        desk.lost(exposure, erase=erase)
    _console.print(
        "It is shut out. A replacement: belvedere site document, then belvedere site install on the new box."
    )


@app.command("dispose")
def dispose(
    certificate: Annotated[Path, typer.Option("--certificate", help="Where to write the signed certificate.")],
    yes: Annotated[bool, typer.Option("--yes", help="Destroy without asking.")] = False,
    data: DataOption = REAL_DATA,
) -> None:
    """Destroy every key of this box, so that its footage is noise, and sign a certificate. Stop Belvedere first."""
    from belvedere.site.custody.disposal import dispose as destroy
    from belvedere.site.serve import only_one

    settings = load_settings(data)
    if not (settings.site_folder / "index.db").exists():
        raise NotFound(f"There is no site in {data}.", advice="Give the data folder with --data.")
    if not yes:
        typer.confirm(
            f"Destroy every key in {settings.site_folder}? Its footage can never be opened again.", abort=True
        )
    with only_one(settings.site_folder):
        done = destroy(settings.site_folder, settings.site.id, certificate, SystemClock())
    typer.echo(
        f"{done.day_keys} keys of camera-days, {done.held_keys} of held segments and {done.copies} sealed copies"
    )
    typer.echo(f"are destroyed, and {done.cameras} camera passwords. {done.segments} segments on its disks are noise.")
    typer.echo(f"Bring {certificate} to the hub: belvedere site disposed {certificate}")


@app.command("disposed")
def disposed(
    certificate: Annotated[Path, typer.Argument(help="What `belvedere site dispose` wrote.")],
    data: DataOption = REAL_DATA,
) -> None:
    """At the hub: check a certificate of disposal, and destroy what the hub keeps of that box's keys."""
    from belvedere.hub.custody.local import key_office
    from belvedere.hub.custody.loss import LossDesk

    try:
        text = certificate.read_bytes()
    except OSError as error:
        raise BadInput(f"{certificate} can't be read: {error.strerror}.", advice="Check the name.") from error
    with key_office(load_settings(data)) as office:
        said = LossDesk(office.engine, office.clock, office.noting).disposed(text)
    typer.echo(f"Box {said['box']} of site {said['site']} is disposed of; the hub's copies of its keys are destroyed.")
