"""`belvedere backup` and `restore`: everything but footage, encrypted."""

from pathlib import Path
from typing import Annotated

import typer

from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.errors import BadInput
from belvedere.foundation.settings import load_settings

_SHORTEST = 12

PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help="File whose first line is the passphrase; else it is asked for."),
]


def _passphrase(file: Path | None, *, confirm: bool) -> str:
    if file is not None:
        try:
            text = file.read_text("utf-8").splitlines()[0]
        except (OSError, IndexError) as error:
            raise BadInput(f"{file} holds no passphrase.", advice="Write it on the first line.") from error
    else:
        text = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm)
    if len(text) < _SHORTEST:
        raise BadInput("The passphrase is too short.", advice=f"Use {_SHORTEST} characters or more.")
    return text


def backup_command(
    archive: Annotated[Path, typer.Argument(help="File to write.")],
    passphrase_file: PassphraseFile = None,
    data: DataOption = REAL_DATA,
) -> None:
    """Back up settings, keys, databases, log and map, while Belvedere runs. Footage is not in it."""
    from belvedere.cli.backup import backup

    backup(load_settings(data), archive, _passphrase(passphrase_file, confirm=True))
    typer.echo(f"{archive}: {archive.stat().st_size} bytes. Keep it apart from its passphrase.")


def restore_command(
    archive: Annotated[Path, typer.Argument(help="A file that `belvedere backup` wrote.")],
    passphrase_file: PassphraseFile = None,
    database: Annotated[
        str,
        typer.Option("--database", help="Empty PostgreSQL database for the hub: postgresql://...", show_default=False),
    ] = "",
    data: DataOption = REAL_DATA,
) -> None:
    """Restore a backup into an empty data folder. Then start Belvedere with the same --data."""
    from belvedere.cli.backup import restore

    restore(load_settings(data), archive, _passphrase(passphrase_file, confirm=False))
    typer.echo(f"{archive} is restored to {data}.")
    if database:
        from belvedere.cli.move_database import move, source_file
        from belvedere.foundation.clock import SystemClock
        from belvedere.hub.storage.engine import shown_address

        settings = load_settings(data)
        report = move(settings, database, SystemClock())
        source_file(settings).unlink()
        typer.echo(f"{report.rows} rows are in the PostgreSQL database, compared, and the log holds.")
        typer.echo(f'[hub] database_url in {data / "belvedere.toml"} must name it: "{shown_address(database)}"')
    elif load_settings(data).hub.database_url.startswith("postgresql"):
        typer.echo(
            f"The settings name a PostgreSQL database, and what was backed up lies in {data / 'hub' / 'hub.db'}. Before you start "
            f"the hub: `belvedere migrate sqlite-to-postgres --from {data} --to` an empty database, and name that one in "
            f"{data / 'belvedere.toml'}; or take database_url out there, to go on with SQLite."
        )
