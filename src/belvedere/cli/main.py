"""The command `belvedere`."""

import sys
from typing import NoReturn

import typer
from rich.console import Console

from belvedere import __version__
from belvedere.cli import (
    audit,
    backups,
    camera_guess,
    camera_makes,
    camera_onvif,
    camera_passwords,
    camera_sheet,
    cameras,
    council,
    doctor,
    footage,
    keys,
    originals,
    people,
    recordings,
    retention,
    services,
    site,
    site_enrol,
    sound,
    staff,
    start,
)
from belvedere.foundation.errors import BelvedereError

app = typer.Typer(
    name="belvedere",
    help="A real-time crime centre that a council can defend in public.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
cameras.app.command("guess")(camera_guess.guess)
cameras.app.command("import")(camera_sheet.import_sheet)
cameras.app.command("set")(camera_makes.set_make)
cameras.app.command("advisories")(camera_makes.advisories)
cameras.app.command("password")(camera_passwords.change_passwords)
cameras.app.command("key")(camera_passwords.rotate_key)
cameras.app.command("find")(camera_onvif.find)
cameras.app.command("onvif")(camera_onvif.onvif)
cameras.app.command("archive")(camera_onvif.archive)
app.add_typer(cameras.app, name="camera")
app.add_typer(audit.app, name="audit")
people.app.command("import")(staff.import_people)
people.app.command("set")(staff.set_person)
people.app.command("unlink")(council.unlink)
app.add_typer(people.app, name="user")
app.add_typer(keys.app, name="keys")
site.app.command("enrol")(site_enrol.enrol)
site.app.command("leave")(site_enrol.leave)
app.add_typer(site.app, name="site")
cameras.app.command("audio")(sound.audio)
app.add_typer(retention.app, name="retention")
app.command("demo")(start.demo)
app.command("up")(start.up)
app.command("hub")(services.hub)
app.command("import")(recordings.import_files)
app.command("export")(footage.export)
app.command("verify")(footage.verify)
app.command("originals")(originals.originals)
app.command("backup")(backups.backup_command)
app.command("restore")(backups.restore_command)
app.command("doctor")(doctor.doctor)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> NoReturn:
    """Run the command line; an error of ours is one clear line, not a stack."""
    try:
        app()
    except BelvedereError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold]belvedere:[/bold] {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


if __name__ == "__main__":
    main()
