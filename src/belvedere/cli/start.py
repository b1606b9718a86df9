"""`belvedere demo` and `belvedere up`: the options; the work is in `cli.up` and `cli.estate`."""

import asyncio
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from belvedere.cli.options import DEMO_DATA, REAL_DATA, Films, FilmsOption, NoBrowserOption, PortOption
from belvedere.cli.supervise import Line
from belvedere.cli.up import Welcome, serve
from belvedere.foundation.clock import SystemClock
from belvedere.foundation.settings import Settings, load_settings

_DEMO_SETTINGS = """# Settings of the demo estate. docs/reference/settings.md lists them all.
[hub]
password_after_code = false
step_up_codes = true

[site]
id = "alder-grove"
name = "Alder Grove"
"""
# What earlier versions wrote, and nobody changed since.
_OLDER_SETTINGS = (_DEMO_SETTINGS.replace("step_up_codes = true\n", ""),)
# What a person confirms, in words; anything else is named as the hub names it.
_CONFIRMS = {
    "access.approve": "approving a request",
    "footage.open": "opening recordings",
    "grant.issue": "opening an access",
    "passkey.add": "adding a passkey",
    "passkey.remove": "removing a passkey",
    "roles.change": "changing roles",
}


demo_app = typer.Typer(help="Start the demo estate; switch faults of its cameras.")


@demo_app.callback(invoke_without_command=True)
def demo(
    context: typer.Context,
    port: PortOption = None,
    data: Annotated[Path, typer.Option("--data", help="Data folder of the demo.")] = DEMO_DATA,
    no_browser: NoBrowserOption = False,
    sites: Annotated[
        int,
        typer.Option(
            "--sites", help="So many sites, each a process of its own that dials the hub; the last by a bad line."
        ),
    ] = 1,
    films: FilmsOption = "all",
) -> None:
    """Without a command: start the demo estate, Alder Grove: twelve cameras, a map, last night's footage."""
    if context.invoked_subcommand is not None:
        return
    settings_file = data / "belvedere.toml"
    if not settings_file.exists() or settings_file.read_text() in _OLDER_SETTINGS:
        data.mkdir(parents=True, exist_ok=True)
        settings_file.write_text(_DEMO_SETTINGS)
    settings = load_settings(data)
    if port is not None:
        settings.hub.port = port

    def welcome(url: str) -> None:
        from belvedere.cli.estate_people import FIRST, codes_of_the_demo

        codes = codes_of_the_demo(settings, SystemClock())
        _greet(url, FIRST, codes.pop(FIRST))
        others = ", ".join(f"{name} {code}" for name, code in codes.items())
        if others:
            print(f"Others, each in a browser of their own: {others}", flush=True)  # noqa: T201

    if sites != 1:
        from belvedere.cli.estate_sites import serve_sites  # here: the ordinary demo has no use for it

        several = serve_sites(
            settings,
            SystemClock(),
            sites,
            welcome=welcome,
            open_browser=not no_browser,
            heard=_tell_code,
            films=films,
        )
        asyncio.run(several)
        return
    _run(settings, welcome, "estate_people", films=films, open_browser=not no_browser, heard=_tell_code)


def up(
    port: PortOption = None,
    data: Annotated[Path, typer.Option("--data", help="Data folder of this installation.")] = REAL_DATA,
    no_browser: NoBrowserOption = False,
) -> None:
    """Start one site and one hub on this machine. Settings: belvedere.toml in the data folder."""
    settings = load_settings(data)
    if port is not None:
        settings.hub.port = port

    def welcome(url: str) -> None:
        from belvedere.cli.users import add_user, list_users

        if list_users(settings):
            print(f"Belvedere is ready: {url}", flush=True)  # noqa: T201
            return
        _greet(url, "manager", add_user(settings, "manager", "manager", "First manager"))

    _run(settings, welcome, "users", open_browser=not no_browser)


def _run(
    settings: Settings,
    welcome: Welcome,
    needs: str,
    *,
    films: Films | None = None,
    open_browser: bool,
    heard: Callable[[Line], None] | None = None,
) -> None:
    """`needs`: the module of `belvedere.cli` that `welcome` loads, slowly."""
    asyncio.run(
        serve(
            settings,
            SystemClock(),
            welcome=welcome,
            films=films,
            prepare=lambda: import_module(f"belvedere.cli.{needs}"),
            open_browser=open_browser,
            heard=heard,
        )
    )


def _tell_code(line: Line) -> None:
    """A code that stands for a passkey in the demo, and what it would confirm."""
    if "code" in line:
        what = _CONFIRMS.get(line["do"], line["do"])
        print(f"Code for {line['person']}, {what}: {line['code']}", flush=True)  # noqa: T201


def _greet(url: str, name: str, code: str) -> None:
    print(f"Belvedere is ready: {url}", flush=True)  # noqa: T201 (scripts read this line)
    print(f"Log in as {name} with the one-time code {code}", flush=True)  # noqa: T201
