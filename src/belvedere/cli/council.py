"""`belvedere user unlink`: forget who an account is at the council's provider."""

from typing import Annotated

import typer

from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.settings import load_settings


def unlink(
    name: Annotated[str, typer.Argument(help="User name.")],
    data: DataOption = REAL_DATA,
) -> None:
    """Forget which council account this is: the next one of that name is taken for it. The log keeps a record."""
    from belvedere.cli.users import unlink_user

    linked = unlink_user(load_settings(data), name)
    typer.echo(f"{name} is linked with no council account{' any more' if linked else ', and was not'}.")
