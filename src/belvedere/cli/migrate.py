"""`belvedere migrate`: a hub that outgrew SQLite."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def migrate() -> None:
    """Move a hub's database to another engine."""


@app.command("sqlite-to-postgres")
def sqlite_to_postgres(
    source: Annotated[Path, typer.Option("--from", help="Data folder of the hub, which must not be running.")],
    target: Annotated[str, typer.Option("--to", help="Empty database: postgresql://USER@HOST/NAME.")],
) -> None:
    """Copy the hub's SQLite database into an empty PostgreSQL database, and compare. The source stays as it is."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Table

    from belvedere.cli.move_database import move, rows_to_move
    from belvedere.foundation.clock import SystemClock
    from belvedere.foundation.settings import load_settings
    from belvedere.hub.storage.engine import shown_address

    settings = load_settings(source)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task("rows", total=rows_to_move(settings))
        report = move(
            settings, target, SystemClock(), lambda what, rows: bars.update(bar, advance=rows, description=what)
        )
    console = Console(highlight=False, soft_wrap=True)
    table = Table("table", "rows", "content (SHA-256, summed)", box=None)
    for each in report.tables:
        table.add_row(each.table, str(each.rows), each.sha256 if each.rows else "")
    console.print(table)
    console.print(f"{report.rows} rows in {len(report.tables)} tables, the same on both sides.")
    for fact in report.log:
        console.print(f"  {fact}", markup=False)
    if report.left:
        console.print(f"Not the hub's and left where they are: {', '.join(report.left)}.", markup=False)
    console.print(
        f"Nothing was changed in {source}. Now write into {source / 'belvedere.toml'}:\n\n[hub]\n"
        f'database_url = "{shown_address(target)}"\n\nThe log, keys, map and exports stay in that folder. '
        f"Put {settings.hub_folder / 'hub.db'} away once the hub runs: it holds what the hub knew until now.",
        markup=False,
    )
