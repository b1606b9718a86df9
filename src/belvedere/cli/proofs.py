"""`belvedere verify` of a segment proof, as `belvedere site prove` writes it."""

from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape


def verify_proof(console: Console, path: Path, key: bytes | None, segment: Path | None) -> None:
    """Check the proof at `path` and say what it shows. Raises typer.Exit(1) when it does not hold."""
    from belvedere.hub.custody.proofs import verify_segment_proof

    report = verify_segment_proof(path, key, segment)
    for fact in report.facts:
        console.print(f"  {fact}", markup=False)
    if report.valid:
        console.print(f"[green]VALID[/green] {escape(str(path))}: the segment is in its camera-day's root in the log.")
        return
    for problem in report.problems:
        console.print(f"  [red]{escape(problem)}[/red]")
    console.print(f"[red]NOT VALID[/red] {escape(str(path))}")
    raise typer.Exit(1)
