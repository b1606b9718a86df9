"""`belvedere version`."""

import typer

from belvedere import __version__


def version() -> None:
    """Print the version."""
    typer.echo(__version__)
