"""`belvedere import`: recordings made elsewhere, single files or a whole folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from belvedere.cli.cameras import register_only
from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.clock import SECOND_US, SystemClock, iso, parse_iso
from belvedere.foundation.errors import BadInput
from belvedere.foundation.ids import is_slug
from belvedere.foundation.settings import Settings, load_settings

if TYPE_CHECKING:
    from belvedere.link.blocking import BlockingSiteLink
    from belvedere.site.imports.recording import Recording
    from belvedere.site.imports.session import Imported, Spans


def parse_time(text: str, option: str) -> int:
    """Microseconds of a time given on the command line."""
    try:
        return parse_iso(text)
    except ValueError as error:
        raise BadInput(f"{option} {text!r} is no time: {error}.", advice="Write it as 2026-11-21T21:00:00Z.") from error


def take_in(
    settings: Settings,
    recording: "Recording",
    camera: str,
    stream: str,
    start_us: int,
    *,
    provenance: str = "",
    spans: "Spans | None" = None,
    snap_us: int = 0,
) -> "Imported":
    """Import one recording with a progress bar."""
    from belvedere.site.imports.session import EVERYTHING, import_recording

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
            provenance=provenance,
            spans=EVERYTHING if spans is None else spans,
            snap_us=snap_us,
            progress=progress,
        )


def hold_camera(settings: Settings, link: "BlockingSiteLink", camera: str) -> None:
    """Add a camera to hold recordings, if it is not there."""
    if camera not in {known.camera for known in link.status().cameras}:
        link.put_camera(camera, camera, "", "")
        register_only(settings, camera)
        typer.echo(f"Camera {camera} was added to hold this footage.")


def import_files(
    files: Annotated[
        list[Path],
        typer.Argument(help="Video files in time order, or one folder of a recorder."),
    ],
    camera: Annotated[str, typer.Option("--camera", help="Slug of the camera; a new one is added to hold it.")] = "",
    start: Annotated[
        str, typer.Option("--start", help="Files: when the first one starts, such as 2026-11-21T21:00:00Z.")
    ] = "",
    stream: Annotated[str, typer.Option("--stream", help="main or sub.")] = "main",
    pattern: Annotated[str, typer.Option("--pattern", help="Folder: how its files are named, or a preset.")] = "",
    cameras: Annotated[
        list[str] | None, typer.Option("--map", help="Folder: CHANNEL=CAMERA; * stands for all others. Repeat it.")
    ] = None,
    zone: Annotated[
        str, typer.Option("--zone", help="Folder: zone of the recorder's clock: Europe/London, or +00:00.")
    ] = "",
    times: Annotated[str, typer.Option("--times", help="Folder: name, modified or modified-end.")] = "",
    offset: Annotated[
        str, typer.Option("--offset", help="Folder: what to add to the recorder's time, such as -3m20s.")
    ] = "",
    clock_shows: Annotated[
        str, typer.Option("--clock-shows", help="Folder: what the recorder's clock showed, with --really.")
    ] = "",
    really: Annotated[str, typer.Option("--really", help="Folder: the true time of that moment.")] = "",
    said_by: Annotated[str, typer.Option("--said-by", help="Folder: who vouches for the time.")] = "",
    overlap: Annotated[
        str, typer.Option("--overlap", help="Folder: trim, skip or stop, where the camera has footage already.")
    ] = "trim",
    again: Annotated[bool, typer.Option("--again", help="Folder: also files that were brought in before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Folder: show the plan, change nothing.")] = False,
    data: DataOption = REAL_DATA,
) -> None:
    """Bring in recordings made elsewhere: files one after another, or a recorder's folder by the names of its files."""
    from belvedere.cli.local import local_site
    from belvedere.site.imports.apart import examine_apart

    settings = load_settings(data)
    if stream not in ("main", "sub"):
        raise BadInput(f"{stream!r} is no stream.", advice="Say main or sub.")
    if camera and not is_slug(camera):
        raise BadInput(f"{camera!r} can't name a camera.", advice="Use lower-case letters, digits and hyphens.")
    folders = [path for path in files if path.is_dir()]
    if folders:
        from belvedere.cli.folder import FolderOptions, import_folder

        if len(files) > 1 or start:
            raise BadInput("One folder is imported at a time, without --start.", advice="Its names tell the times.")
        import_folder(
            settings,
            folders[0],
            FolderOptions(
                camera=camera,
                stream=stream,
                pattern=pattern,
                cameras=tuple(cameras or ()),
                zone=zone,
                times=times,
                offset=offset,
                clock_shows=clock_shows,
                really=really,
                said_by=said_by,
                overlap=overlap,
                again=again,
                dry_run=dry_run,
            ),
        )
        return
    if not camera:
        raise BadInput("The recordings belong to no camera.", advice="Give --camera.")
    for option, given in (("--pattern", pattern), ("--map", cameras), ("--offset", offset), ("--dry-run", dry_run)):
        if given:
            raise BadInput(f"{option} is for a folder.", advice="Name the folder in place of its files.")
    recordings = [examine_apart(path) for path in files]
    next_us = parse_time(start, "--start") if start else recordings[0].made_us
    if next_us is None:
        raise BadInput(
            f"{recordings[0].path.name} does not say when it was made.",
            advice="Give --start; look at the clock in the picture.",
        )
    with local_site(settings) as link:
        hold_camera(settings, link, camera)
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
        typer.echo(f"{recording.path.name}: {iso(done.start_us)} to {iso(done.end_us)}{took_from}, {what_came(done)}.")
        for words in remarks(recording, done):
            typer.echo(f"  {words}")


def what_came(done: "Imported") -> str:
    """How much was brought in, and how."""
    return f"{done.frames} frames{', encoded again as H.264' if done.reencoded else ', copied as it is'}"


def remarks(recording: "Recording", done: "Imported") -> list[str]:
    """What a person should know of a recording that was brought in."""
    found = []
    if done.reencoded:
        found.append(f"Its pictures are {recording.codec_name}, which browsers can't show.")
    if done.runs > 1:
        found.append(f"It has {done.runs - 1} holes; they show as gaps.")
    if done.dropped:
        found.append(f"{done.dropped} frames before its first keyframe can't be decoded and were left out.")
    missing_us = recording.duration_us - (done.end_us - done.start_us)
    if recording.duration_us and not done.left_out and missing_us > 2 * SECOND_US:
        found.append(
            f"The file says it is {missing_us / SECOND_US:.0f} s longer than what could be read: "
            "it is cut short or damaged."
        )
    return found
