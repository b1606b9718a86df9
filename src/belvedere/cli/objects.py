"""`belvedere objects`: the object store of a hub, checked, moved, read."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from belvedere.cli.options import REAL_DATA, DataOption

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from belvedere.foundation.settings import Settings
    from belvedere.hub.objects.shelf import ObjectShelf

app = typer.Typer(no_args_is_help=True)


@app.callback()
def objects() -> None:
    """The object store: finished packs, in the data folder, another folder or a bucket."""


def _open(data: Path, target: str | None = None) -> "tuple[Settings, Engine, ObjectShelf]":
    from functools import partial

    from belvedere.foundation.clock import SystemClock
    from belvedere.foundation.settings import load_settings
    from belvedere.hub.objects.address import check_address, open_store
    from belvedere.hub.objects.shelf import ObjectShelf
    from belvedere.hub.storage import open_engine, upgrade

    settings = load_settings(data)
    engine = open_engine(settings.hub_database_url)
    upgrade(engine)
    place = check_address(settings.hub.objects if target is None else target)
    return settings, engine, ObjectShelf(engine, SystemClock(), place, partial(open_store, settings=settings))


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB"


@app.command("check")
def check(
    quick: Annotated[bool, typer.Option("--quick", help="Compare sizes only; don't read and hash everything.")] = False,
    data: DataOption = REAL_DATA,
) -> None:
    """Look for every object of the list: missing, altered, unknown. Ends with 1 when one is missing or altered."""
    from rich.console import Console

    from belvedere.hub.objects import checking

    _, engine, shelf = _open(data)
    console = Console(highlight=False, soft_wrap=True)
    try:
        with console.status("") as status:
            found = checking.check(shelf, read=not quick, seen=lambda key: status.update(key))
    finally:
        engine.dispose()
    compared = "sizes compared" if quick else "read and hashed"
    console.print(f"{found.good} objects are as they were stored, {_megabytes(found.bytes)}, {compared}.", markup=False)
    for word, keys in (
        ("missing", found.missing),
        ("altered", found.wrong),
        ("not in the list", found.strangers),
        ("half an upload", found.halves),
    ):
        for key in keys:
            console.print(f"  {word}: {key}", markup=False)
    if not found.ok:
        raise typer.Exit(1)


@app.command("move")
def move(
    to: Annotated[str, typer.Option("--to", help="s3://BUCKET/PREFIX, file:///FOLDER, or data for the data folder.")],
    data: DataOption = REAL_DATA,
) -> None:
    """Bring every object to another store: copied, checked there, then removed here. Can be begun again at any time."""
    from rich.console import Console

    from belvedere.foundation.clock import SystemClock
    from belvedere.hub.objects import checking
    from belvedere.hub.storage.acts import noting
    from belvedere.hub.storage.engine import writing

    settings, engine, shelf = _open(data, "" if to == "data" else to)
    console = Console(highlight=False, soft_wrap=True)
    try:
        with console.status("") as status:
            done = checking.move(shelf, settings.hub_folder / "making", seen=lambda one: status.update(one.key))
        facts = {"to": to, "objects": done.objects, "bytes": done.bytes, "sha256": done.after}
        if done.objects:
            with writing(engine) as connection:
                noting(SystemClock())(connection, "objects.moved", facts)
    finally:
        engine.dispose()
    console.print(
        f"{done.objects} objects moved, {_megabytes(done.bytes)}; {done.already} were there already.", markup=False
    )
    console.print(f"All of them, listed:  {done.before}\nAll of them, as read: {done.after}", markup=False)
    if done.before != done.after:
        console.print("These differ: run `belvedere objects check`.", markup=False)
        raise typer.Exit(1)
    console.print(
        f'New ones go where [hub] objects in {data / "belvedere.toml"} says: set it to "{shelf.target}".', markup=False
    )


@app.command("fetch")
def fetch(
    key: Annotated[str, typer.Argument(help="Such as exports/export_01k9.zip.")],
    file: Annotated[Path, typer.Argument(help="Where to write it.")],
    data: DataOption = REAL_DATA,
) -> None:
    """Write one object into a file, its hash checked. For whoever runs the machine: it is in the log."""
    from rich.console import Console

    from belvedere.foundation.clock import SystemClock
    from belvedere.foundation.errors import Conflict
    from belvedere.hub.objects import checking
    from belvedere.hub.storage.acts import noting
    from belvedere.hub.storage.engine import writing

    _, engine, shelf = _open(data)
    try:
        shelf.open(key)
        with writing(engine) as connection:  # before the first byte
            noting(SystemClock())(connection, "objects.fetched", {"key": key})
        size = checking.fetch(shelf, key, file)
    except FileExistsError:
        raise Conflict(f"There is a {file} already.", advice="Name another file.") from None
    finally:
        engine.dispose()
    Console(highlight=False).print(f"{file}: {_megabytes(size)}", markup=False)
