"""`belvedere export-all`: everything of a hub in open formats."""

from pathlib import Path
from typing import Annotated

import typer

from belvedere.cli.options import REAL_DATA, DataOption


def export_all(
    folder: Annotated[Path, typer.Argument(help="New or empty folder to write into.")],
    data: DataOption = REAL_DATA,
) -> None:
    """Write everything of the hub in open formats: tables, log, packs, settings. Footage lies at the sites."""
    from belvedere.cli.take_out import SUMS, take_out
    from belvedere.foundation.clock import SystemClock
    from belvedere.foundation.settings import load_settings

    done = take_out(load_settings(data), folder, SystemClock())
    typer.echo(
        f"{done.rows} rows, {done.files} files, {done.bytes} bytes in {folder}. Check it there: sha256sum -c {SUMS}"
    )
