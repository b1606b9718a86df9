"""`belvedere retention`: what goes tonight, what is held, how much room is left. Reads only."""

from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.clock import iso
from belvedere.foundation.settings import load_settings

if TYPE_CHECKING:
    from belvedere.link.retention import NightPlan

app = typer.Typer(help="How long footage stays.", no_args_is_help=True)
_console = Console(highlight=False, soft_wrap=True)
_STEP = 1000


@app.callback()
def retention() -> None:
    """How long footage stays."""


def amount(size: int) -> str:
    value = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < _STEP:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= _STEP
    return f"{value:.1f} TB"


@app.command("plan")
def plan(data: DataOption = REAL_DATA) -> None:
    """What goes into quarantine next, camera by camera. Nothing is touched."""
    from belvedere.cli.local import local_site
    from belvedere.link.retention import GetRetention, RetentionState

    with local_site(load_settings(data)) as link:
        state = link.ask(GetRetention(), RetentionState)
    for alarm in state.alarms:
        _console.print(f"[red]{alarm}[/red]")
    if state.stopped is not None:
        _console.print(f"Stopped at {iso(state.stopped.at_us)}, waiting for a decision:")
        _show(state.stopped)
    _console.print(f"Due at {iso(state.tonight.at_us)}:")
    _show(state.tonight)
    for one in state.quarantine:
        _console.print(
            f"In quarantine: {one.segments} segments, {amount(one.bytes)}, destroyed after {one.left_us / 3.6e9:.1f} hours more"
        )
    for disk in state.disks:
        room = (
            "not known yet"
            if not disk.known
            else "as long as retention keeps up"
            if disk.days is None
            else f"{disk.days:.1f} days"
        )
        _console.print(
            f"Room on {disk.name}: {room} ({amount(disk.bytes_free)} free, {amount(disk.bytes_a_day)} a day)"
        )


def _show(plan: "NightPlan") -> None:
    table = Table("camera", "class", "days", "segments", "size", "oldest", "newest", "held back")
    for line in plan.lines:
        table.add_row(
            line.camera,
            line.class_name or "(none)",
            str(line.days),
            str(line.segments),
            amount(line.bytes),
            iso(line.oldest_us),
            iso(line.newest_us),
            f"{line.held_segments} segments" if line.held_segments else "",
        )
    if plan.lines:
        _console.print(table)
    verdict = "; BEYOND 110 % OF THE FORECAST: it would stop" if plan.exceeds else ""
    _console.print(
        f"{plan.segments} segments, {amount(plan.bytes)}; forecast {amount(plan.forecast_bytes)}; "
        f"{plan.held_segments} segments are touched by holds{verdict}"
    )
