"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

DEMO_DATA = Path("belvedere-data/demo")
REAL_DATA = Path("belvedere-data/main")

DataOption = Annotated[Path, typer.Option("--data", help="Data folder of this installation.", show_default=True)]
PortOption = Annotated[int | None, typer.Option("--port", help="Port of the control room; 0 picks a free one.")]
Films = Literal["all", "live", "short"]
FilmsOption = Annotated[
    Films,
    typer.Option(
        "--films",
        help="What the first start renders: all; live: the cameras' minute, no last night; short: only its first seconds.",
    ),
]
NoBrowserOption = Annotated[bool, typer.Option("--no-browser", help="Don't open a browser.")]
