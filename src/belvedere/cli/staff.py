"""`belvedere user import | set`: joiners, movers and leavers from a CSV file; what one person's account says of them."""

from pathlib import Path
from typing import Annotated

import typer

from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.errors import BadInput
from belvedere.foundation.settings import load_settings


def import_people(
    file: Annotated[Path, typer.Argument(help="CSV file; the columns are in the guide.", exists=True, dir_okay=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    data: DataOption = REAL_DATA,
) -> None:
    """Bring accounts up to a list: who joins, who moves, who leaves. All rows or none; leavers' access ends at once."""
    from belvedere.cli.users import carry_out_sheet

    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8.", advice="Save it as CSV, UTF-8.") from error
    changes, codes = carry_out_sheet(load_settings(data), text, dry_run=dry_run)
    for change in changes:
        person, what = change.staff, f" ({', '.join(change.what)})" if change.what else ""
        code = f", code {codes[person.name]}" if person.name in codes else ""
        typer.echo(f"{change.turn:8} {person.name:24} {', '.join(person.roles)}{what}{code}")
    if dry_run:
        typer.echo("Nothing was changed.")


def set_person(
    name: Annotated[str, typer.Argument(help="User name.")],
    trained: Annotated[str, typer.Option("--trained", help="Day of the last training, such as 2026-11-01.")] = "",
    team: Annotated[str, typer.Option("--team", help="Team: who agrees to a request is of another one.")] = "",
    spss: Annotated[str, typer.Option("--spss", help="Number of the public space surveillance licence.")] = "",
    spss_expires: Annotated[str, typer.Option("--spss-expires", help="Day on which that licence ends.")] = "",
    data: DataOption = REAL_DATA,
) -> None:
    """Say when somebody was trained, of which team they are, and their licence. What is not named stays."""
    from belvedere.cli.users import describe_user

    told = {"trained": trained, "team": team, "spss_number": spss, "spss_expires": spss_expires}
    changed = describe_user(load_settings(data), name, {field: text for field, text in told.items() if text})
    typer.echo(f"{name}: {', '.join(changed)} changed." if changed else f"{name}: nothing is different.")
