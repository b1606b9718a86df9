"""`belvedere import`, `export` and `verify`: recordings in, evidence out, and the proof."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from belvedere.cli.cameras import register_only
from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.clock import SECOND_US, SystemClock, iso, parse_iso
from belvedere.foundation.errors import BadInput, NotFound
from belvedere.foundation.ids import is_slug
from belvedere.foundation.settings import Settings, load_settings

if TYPE_CHECKING:
    from belvedere.site.imports.recording import Recording
    from belvedere.site.imports.session import Imported


def parse_time(text: str, option: str) -> int:
    """Microseconds of a time given on the command line."""
    try:
        return parse_iso(text)
    except ValueError as error:
        raise BadInput(f"{option} {text!r} is no time: {error}.", advice="Write it as 2026-11-21T21:00:00Z.") from error


def take_in(settings: Settings, recording: "Recording", camera: str, stream: str, start_us: int) -> "Imported":
    """Import one recording with a progress bar."""
    from belvedere.site.imports.session import import_recording

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn())
    clock = SystemClock()
    began_us = clock.monotonic_us()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(recording.path.name, total=max(recording.duration_us, 1), speed="")

        def progress(done_us: int) -> None:
            speed = done_us / max(1, clock.monotonic_us() - began_us)
            bars.update(bar, completed=min(done_us, recording.duration_us), speed=f"{speed:.0f}x real time")

        return import_recording(
            settings.ingest_socket,
            recording,
            camera=camera,
            stream_kind=stream,
            start_us=start_us,
            progress=progress,
        )


def import_files(
    files: Annotated[list[Path], typer.Argument(help="MP4, MKV, AVI, TS, MPEG-PS, .264 or .265 files, in time order.")],
    camera: Annotated[str, typer.Option("--camera", help="Slug of the camera; a new one is added to hold the files.")],
    start: Annotated[
        str, typer.Option("--start", help="When the first file starts, such as 2026-11-21T21:00:00Z.")
    ] = "",
    stream: Annotated[str, typer.Option("--stream", help="main or sub.")] = "main",
    data: DataOption = REAL_DATA,
) -> None:
    """Bring in recordings made elsewhere. Each further file follows the one before it unless it knows its own time."""
    from belvedere.cli.local import local_site
    from belvedere.site.imports.recording import examine

    settings = load_settings(data)
    if stream not in ("main", "sub"):
        raise BadInput(f"{stream!r} is no stream.", advice="Say main or sub.")
    if not is_slug(camera):
        raise BadInput(f"{camera!r} can't name a camera.", advice="Use lower-case letters, digits and hyphens.")
    recordings = [examine(path) for path in files]
    next_us = parse_time(start, "--start") if start else recordings[0].made_us
    if next_us is None:
        raise BadInput(
            f"{recordings[0].path.name} does not say when it was made.",
            advice="Give --start; look at the clock in the picture.",
        )
    with local_site(settings) as link:
        if camera not in {known.camera for known in link.status().cameras}:
            link.put_camera(camera, camera, "", "")
            register_only(settings, camera)
            typer.echo(f"Camera {camera} was added to hold this footage.")
        _import_all(settings, recordings, camera, stream, next_us, told=bool(start))


def _import_all(
    settings: Settings, recordings: "list[Recording]", camera: str, stream: str, next_us: int, *, told: bool
) -> None:
    for index, recording in enumerate(recordings):
        if index and not told and recording.made_us is not None:
            next_us = recording.made_us
        took_from = "" if told or index else " (by the file's own date; check it against the clock in the picture)"
        done = take_in(settings, recording, camera, stream, next_us)
        next_us = done.end_us
        how = f", encoded again from {recording.codec_name}" if done.reencoded else ", copied as it is"
        typer.echo(
            f"{recording.path.name}: {iso(done.start_us)} to {iso(done.end_us)}{took_from}, {done.frames} frames{how}."
        )
        if done.runs > 1:
            typer.echo(f"  It has {done.runs - 1} holes; they show as gaps.")
        if done.dropped:
            typer.echo(f"  {done.dropped} frames before its first keyframe can't be decoded and were left out.")
        if recording.duration_us and done.end_us - done.start_us < recording.duration_us - 2 * SECOND_US:
            lacking = (recording.duration_us - (done.end_us - done.start_us)) / SECOND_US
            typer.echo(
                f"  The file says it is {lacking:.0f} s longer than what could be read: it is cut short or damaged."
            )


def export(
    camera: Annotated[list[str], typer.Option("--camera", help="Camera; may be given several times.")],
    start: Annotated[str, typer.Option("--from", help="First moment, such as 2026-11-21T21:00:00Z.")],
    end: Annotated[str, typer.Option("--to", help="Last moment.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write the pack.")] = Path("evidence.zip"),
    name: Annotated[str, typer.Option("--name", help="Name of the export.")] = "Export",
    user: Annotated[str, typer.Option("--user", prompt=True, help="Your user name.")] = "",
    password: Annotated[
        str, typer.Option("--password", prompt=True, hide_input=True, help="Asked for when not given.")
    ] = "",
    case: Annotated[str, typer.Option("--case", help="Case reference, for the purpose investigation.")] = "",
    url: Annotated[str, typer.Option("--url", help="The control room's address.")] = "http://127.0.0.1:8710",
) -> None:
    """Export an evidence pack, under your own log-in and grant: the same path as in the browser."""
    from belvedere.cli.control import ControlRoom

    if out.exists():
        raise BadInput(f"{out} exists already.", advice="Choose another name; evidence is never overwritten.")
    start_us, end_us = parse_time(start, "--from"), parse_time(end, "--to")
    with ControlRoom(url) as room:
        room.log_in(user, password)
        ask = {"purpose": "investigation", "case": case, "cameras": camera} if case else {"purpose": "duty"}
        grant = room.post("/api/grants", ask)
        job = room.post(
            "/api/exports",
            {"grant": grant["id"], "name": name, "cameras": camera, "start_us": start_us, "end_us": end_us},
        )
        job = room.wait_for_export(job["id"])
        room.download(f"/api/exports/{job['id']}/pack?grant={grant['id']}", out)
    typer.echo(f"{out}: {out.stat().st_size} bytes, SHA-256 {job['sha256']}")


def verify(
    pack: Annotated[Path, typer.Argument(help="The pack: a ZIP, or the folder it was unpacked to.")],
    key: Annotated[str, typer.Option("--key", help="The hub's public key in hex, from somebody you trust.")] = "",
) -> None:
    """Check an evidence pack offline. Exit code 0: valid; 1: not valid; 2: can't be read."""
    from belvedere.hub.evidence.verify import verify_pack

    console = Console(highlight=False, soft_wrap=True)
    try:
        expected = bytes.fromhex(key) if key else None
    except ValueError as error:
        raise BadInput(f"{key!r} is no key.", advice="Give 64 hexadecimal digits.") from error
    if not pack.exists():
        raise NotFound(f"There is no {pack}.", advice="Check the name.")
    report = verify_pack(pack, expected)
    for fact in report.facts:
        console.print(f"  {fact}", markup=False)
    if report.valid:
        console.print(f"[green]VALID[/green] {escape(str(pack))}: every file is as it was when it was exported.")
        return
    for problem in report.problems:
        console.print(f"  [red]{escape(problem)}[/red]")
    console.print(f"[red]NOT VALID[/red] {escape(str(pack))}")
    raise typer.Exit(1)
