"""`belvedere site disks` and `belvedere site disk-gone`: the disks that footage lies on, and one that is gone for good."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.cli.retention import amount
from belvedere.foundation.clock import SystemClock, iso
from belvedere.foundation.errors import BadInput, NotFound, WrongDisk
from belvedere.foundation.settings import Settings, load_settings

if TYPE_CHECKING:
    from belvedere.site.retention.gone import DiskRow
    from belvedere.site.storage.disk import Disk
    from belvedere.site.storage.index import Index

_SHORTEST_REASON = 10
_console = Console(highlight=False, soft_wrap=True)


def disks(data: DataOption = REAL_DATA) -> None:
    """Every disk that this site has or had: where, whether it is there, and what lies on it. Changes nothing."""
    from belvedere.site.retention.gone import disk_rows

    settings = load_settings(data)
    index = _index(settings)
    try:
        for row in disk_rows(index):
            _console.print(f"{row.path.removesuffix(f' (gone, {row.uuid})')}: {_state(index, row, settings)}")
            _console.print(f"  {_footage(row)}")
    finally:
        index.close()


def disk_gone(
    folder: Annotated[
        Path, typer.Argument(help="The footage folder that the disk had, as `belvedere site disks` names it.")
    ],
    because: Annotated[
        str, typer.Option("--because", help="What happened to it; kept with the log and the certificate.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    data: DataOption = REAL_DATA,
) -> None:
    """A footage disk is gone for good: let go of what lay on it, and free its folder for another. Stop Belvedere first.

    No file is touched. The keys of what lay on it go after two days, so that whoever has the disk can't open it.
    """
    from belvedere.cli.site import _note
    from belvedere.site.retention.gone import disk_rows, let_go
    from belvedere.site.serve import only_one

    if len(because.strip()) < _SHORTEST_REASON:
        raise BadInput("The reason is too short.", advice="Say in a few words what happened to the disk.")
    settings = load_settings(data)
    with only_one(settings.site_folder):
        index = _index(settings)
        try:
            known = {row.path: row for row in disk_rows(index) if row.gone_us is None}
            row = known.get(str(folder.absolute())) or known.get(str(folder))
            if row is None:
                raise NotFound(f"The index has no disk in {folder}.", advice="belvedere site disks lists them.")
            _console.print(f"On {row.path}: {_footage(row)}.")
            if row.held:
                _console.print("[red]What a hold covers there is lost[/red] unless it was exported.")
            if not yes:
                typer.confirm(
                    "Let go of all of it? If the disk can still be read, say no and copy it first.", abort=True
                )
            done = let_go(index, _disk(index, row), because.strip(), SystemClock(), _progress(row.segments))
        finally:
            index.close()
        facts = {"site": settings.site.id, "disk": row.uuid, "folder": row.path, "reason": because.strip()}
        _note(settings, "site.disk_gone", facts | {"segments": done, "bytes": row.bytes, "held": row.held})
    _console.print(
        f"{done} segments are let go. Mount an empty disk at {row.path} and start Belvedere: it takes it into use."
    )


def _footage(row: "DiskRow") -> str:
    if not row.segments:
        return "no footage"
    held = f", {row.held} of them held" if row.held else ""
    return f"{row.segments} segments, {amount(row.bytes)}, {iso(row.from_us)} to {iso(row.to_us)}{held}"


def _progress(total: int) -> Callable[[int], None]:
    def told(done: int) -> None:
        if done % 10_000 == 0:
            _console.print(f"  {done} of {total}")

    return told


def _index(settings: Settings) -> "Index":
    from belvedere.site.storage.index import Index

    path = settings.site_folder / "index.db"
    if not path.exists():
        raise NotFound(f"There is no site in {settings.data}.", advice="Give the data folder with --data.")
    return Index(path, SystemClock())


def _disk(index: "Index", row: "DiskRow") -> "Disk":
    from belvedere.site.storage.disk import Disk, SystemFiles
    from belvedere.site.storage.folders import site_uuid

    return Disk(SystemFiles(Path(row.path)), row.id, row.uuid, site_uuid(index, SystemClock()), row.path)


def _state(index: "Index", row: "DiskRow", settings: Settings) -> str:
    if row.gone_us is not None:
        return f"gone since {iso(row.gone_us)}: {row.gone_why}"
    try:
        _disk(index, row).verify()
    except WrongDisk:
        return "[red]not there[/red]"
    used = row.path in {str(folder.absolute()) for folder in settings.footage_folders}
    return "there" if used else "there, not in the settings"
