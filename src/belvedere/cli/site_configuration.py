"""`belvedere site configuration show | diff | apply`: all that makes this site what it is, as one document."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from belvedere.cli.backups import PassphraseFile, _passphrase
from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.clock import SystemClock
from belvedere.foundation.errors import BadInput, NotFound
from belvedere.foundation.settings import Settings, load_settings

if TYPE_CHECKING:
    from belvedere.site.custody.document import Document
    from belvedere.site.storage.cameras import Cameras
    from belvedere.site.storage.index import Index

_console = Console(highlight=False, soft_wrap=True)


class What(StrEnum):
    """What is done."""

    SHOW = "show"
    DIFF = "diff"
    APPLY = "apply"


def configuration(
    what: Annotated[
        What, typer.Argument(help="show this site's; diff: what a document would change; apply: have it so.")
    ],
    source: Annotated[Path | None, typer.Argument(help="What `belvedere site document` wrote.")] = None,
    passphrase_file: PassphraseFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Apply without asking.")] = False,
    data: DataOption = REAL_DATA,
) -> None:
    """Show what this site is, without credentials; compare it with a document; make it what a document says (stop it first)."""
    from belvedere.site.custody.difference import difference, open_words
    from belvedere.site.custody.document import install_document
    from belvedere.site.serve import only_one

    settings = load_settings(data)
    if what is What.SHOW:
        with _opened(settings) as (index, cameras):
            _console.print_json(json.dumps(open_words(_here(settings, index, cameras)), sort_keys=True))
        return
    wanted = _read(source, passphrase_file)
    if wanted.settings.get("id") != settings.site.id:
        raise BadInput(
            f"This document is of the site {wanted.settings.get('id')}; here is {settings.site.id}.",
            advice="Take the document of this site.",
        )
    if what is What.DIFF:
        with _opened(settings) as (index, cameras):
            _show(difference(_here(settings, index, cameras), wanted))
        return
    with only_one(settings.site_folder), _opened(settings) as (index, cameras):
        changes = difference(_here(settings, index, cameras), wanted)
        _show(changes)
        if not changes:
            return
        if not yes:
            typer.confirm("Make this site so? Footage stays, also of cameras that go.", abort=True)
        install_document(index, cameras, wanted, exact=True)
        left = difference(_here(settings, index, cameras), wanted)
    typer.echo("Done." if not left else "Done, but for what is not this command's to change:")
    _show(left)
    if any(name.startswith("Setting ") for name, _, _ in left):
        typer.echo(f"Settings stand in {data / 'belvedere.toml'}, which nobody but its owner changes.")


def _show(changes: list[tuple[str, str, str]]) -> None:
    for name, before, after in changes:
        _console.print(f"{name}: {before or 'nothing'} -> {after or 'nothing'}", markup=False)
    if not changes:
        typer.echo("Nothing is different.")


def _here(settings: Settings, index: "Index", cameras: "Cameras") -> "Document":
    from belvedere.site.custody.document import make_document

    return make_document(index, cameras, settings.site.model_dump(mode="json"))


def _read(source: Path | None, passphrase_file: Path | None) -> "Document":
    from belvedere.cli.sealed import SealedReader
    from belvedere.site.custody.document import read_document

    if source is None:
        raise BadInput("Say which document.", advice="Give the file that `belvedere site document` wrote.")
    parts = []
    try:
        with source.open("rb") as file:
            sealed = SealedReader(file, _passphrase(passphrase_file, confirm=False))
            while part := sealed.read(1 << 20):
                parts.append(part)
    except OSError as error:
        raise BadInput(f"{source} can't be read: {error.strerror}.", advice="Check the name.") from error
    return read_document(b"".join(parts))


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple["Index", "Cameras"]]:
    from belvedere.site.storage.camera_key import open_connection_safe
    from belvedere.site.storage.cameras import Cameras
    from belvedere.site.storage.index import Index

    path, clock = settings.site_folder / "index.db", SystemClock()
    if not path.exists():
        raise NotFound(f"There is no site in {settings.data}.", advice="Give the data folder with --data.")
    index = Index(path, clock)
    try:
        safe = open_connection_safe(index, settings.site_folder / "keys" / "camera.key", make=False)
        yield index, Cameras(index, safe, clock)
    finally:
        index.close()
