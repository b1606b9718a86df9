"""The command `belvedere`. A command's module is loaded when that command is asked for: all of them together take a second."""

import sys
from collections import UserDict
from functools import cache
from importlib import import_module
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

from belvedere.foundation.errors import BelvedereError

# Command -> where it is: module in `belvedere.cli`, and the name of a function or of an application with commands of its own.
_COMMANDS = {
    "demo": "start:demo_app",
    "up": "start:up",
    "hub": "services:hub",
    "import": "recordings:import_files",
    "export": "footage:export",
    "verify": "footage:verify",
    "export-all": "leaving:export_all",
    "originals": "originals:originals",
    "backup": "backups:backup_command",
    "restore": "backups:restore_command",
    "migrate": "migrate:app",
    "doctor": "doctor:doctor",
    "licences": "licences:licences",
    "version": "version:version",
    "camera": "cameras:app",
    "audit": "audit:app",
    "user": "people:app",
    "keys": "keys:app",
    "site": "site:app",
    "retention": "retention:app",
    "models": "models:app",
    "release": "release:app",
    "rollout": "rollout:app",
    "page": "page:app",
    "partner": "partner:app",
    "objects": "objects:app",
}
# Commands of such an application that lie in modules of their own.
_ADDED = {
    "demo": {"fault": "demo_fault:fault"},
    "camera": {
        "guess": "camera_guess:guess",
        "import": "camera_sheet:import_sheet",
        "set": "camera_makes:set_make",
        "advisories": "camera_makes:advisories",
        "password": "camera_passwords:change_passwords",
        "key": "camera_passwords:rotate_key",
        "find": "camera_onvif:find",
        "onvif": "camera_onvif:onvif",
        "archive": "camera_onvif:archive",
        "audio": "sound:audio",
    },
    "models": {"skin-tone": "skin_tone:skin_tone"},
    "user": {"import": "staff:import_people", "set": "staff:set_person", "unlink": "council:unlink"},
    "site": {
        "configuration": "site_configuration:configuration",
        "disks": "site_disks:disks",
        "disk-gone": "site_disks:disk_gone",
        "enrol": "site_enrol:enrol",
        "leave": "site_enrol:leave",
        "glass": "site_card:glass",
    },
}


@cache
def _command(name: str) -> Any:
    """The command, as Typer makes it of what its module has."""
    found, alone = _loaded(_COMMANDS[name]), typer.Typer(add_completion=False)
    if not isinstance(found, typer.Typer):
        alone.command(name)(found)
        return get_command(alone)
    for word, place in _ADDED.get(name, {}).items():
        found.command(word)(_loaded(place))
    alone.add_typer(found, name=name)
    group = get_command(alone)
    assert isinstance(group, TyperGroup)
    return group.commands[name]


def _loaded(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(f"belvedere.cli.{module}"), name)


class _Commands(UserDict[str, Any]):
    """Commands by name, each made when it is taken."""

    def __getitem__(self, name: str) -> Any:
        if name not in _COMMANDS:
            raise KeyError(name)
        return _command(name)


class _Group(TyperGroup):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands(_COMMANDS)


app = typer.Typer(
    name="belvedere",
    cls=_Group,
    help="A real-time crime centre that a council can defend in public.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def belvedere() -> None:
    """A real-time crime centre that a council can defend in public."""


def main() -> NoReturn:
    """Run the command line; an error of ours is one clear line, not a stack."""
    try:
        app()
    except BelvedereError as error:
        from rich.console import Console  # here: most runs have nothing to say

        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold]belvedere:[/bold] {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


if __name__ == "__main__":
    main()
