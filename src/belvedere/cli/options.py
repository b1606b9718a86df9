"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DEMO_DATA = Path("belvedere-data/demo")
REAL_DATA = Path("belvedere-data/main")

DataOption = Annotated[Path, typer.Option("--data", help="Data folder of this installation.", show_default=True)]
PortOption = Annotated[int | None, typer.Option("--port", help="Port of the control room; 0 picks a free one.")]
NoBrowserOption = Annotated[bool, typer.Option("--no-browser", help="Don't open a browser.")]
