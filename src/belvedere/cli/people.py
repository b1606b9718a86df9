"""`belvedere user add | code | list`: local accounts, for the first start and for recovery."""

from typing import Annotated

import typer

from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.settings import load_settings

app = typer.Typer(help="Local accounts and one-time codes.", no_args_is_help=True)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="User name.")],
    role: Annotated[str, typer.Option("--role", help="operator, investigator, supervisor, manager, dpo, auditor ...")],
    display: Annotated[str, typer.Option("--display", help="Full name, as the log will show it.")] = "",
    data: DataOption = REAL_DATA,
) -> None:
    """Make an account and print its one-time code. There is no default password."""
    from belvedere.cli.users import add_user

    code = add_user(load_settings(data), name, role, display)
    typer.echo(f"{name} can log in once with the code {code} and then adds a passkey or sets a password.")


@app.command("code")
def code(
    name: Annotated[str, typer.Argument(help="User name.")],
    data: DataOption = REAL_DATA,
) -> None:
    """Print a fresh one-time code for somebody who can't log in. The log keeps a record of it."""
    from belvedere.cli.users import new_code

    typer.echo(f"{name} can log in once with the code {new_code(load_settings(data), name)}")


@app.command("list")
def list_accounts(data: DataOption = REAL_DATA) -> None:
    """The accounts, without secrets."""
    from belvedere.cli.users import list_users

    for user in list_users(load_settings(data)):
        typer.echo(f"{user.name:24} {user.role:14} {user.display}")
