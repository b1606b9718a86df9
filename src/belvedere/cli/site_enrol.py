"""`belvedere site enrol` and `belvedere site leave`: this machine's site joins a hub, or leaves it."""

import platform
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.clock import SystemClock
from belvedere.foundation.errors import BadInput, Refused, SiteAway
from belvedere.foundation.settings import Settings, load_settings
from belvedere.link.enrolment import read_token

if TYPE_CHECKING:
    from belvedere.site.uplink.papers import PaperFolder

_LOOK_EVERY_S = 2.0
_console = Console(highlight=False, soft_wrap=True)


def enrol(
    hub: Annotated[str, typer.Argument(help="Where the hub lets sites call, such as https://cctv.example:8711.")],
    token: Annotated[str, typer.Argument(help="The line that an administrator made at the hub for this site.")],
    data: DataOption = REAL_DATA,
) -> None:
    """Join a hub: make this site's key, ask to be let in, wait until a second administrator has compared the fingerprint.

    Interrupted, the same line goes on where it stopped, as long as the token lasts. The site records all the while.
    """
    from belvedere.site.uplink.papers import read_place

    settings = load_settings(data)
    place, read = read_place(hub), read_token(token)
    if read.site != settings.site.id:
        raise BadInput(
            f"The token is for the site {read.site}; this one is {settings.site.id}.",
            advice=f"Have a token made for {settings.site.id}, or correct [site] id in {data / 'belvedere.toml'}.",
        )
    papers = _papers(settings)
    asked = papers.ask(place, read, platform.node())
    _console.print("This site's fingerprint:")
    _console.print(f"\n    [bold]{asked.fingerprint}[/bold]\n")
    _console.print("Read it to a second administrator, who confirms it at the hub, page Sites.")
    with _console.status("Waiting for them ..."):
        while True:
            try:
                found = papers.collect(place, asked)
            except SiteAway:  # the network comes and goes; the request is kept there
                found = None
            if found is not None and found.state == "refused":
                raise Refused(f"The hub did not let this site in: {found.reason}", advice="Ask them, then enrol again.")
            if found is not None and found.state == "in":
                break
            time.sleep(_LOOK_EVERY_S)
    _console.print(f"[green]in[/green]  This site belongs to {found.hub}. It connects within seconds while it runs.")


def leave(
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    data: DataOption = REAL_DATA,
) -> None:
    """Leave the hub: forget its papers. Recording goes on; revoke the site at the hub too."""
    papers = _papers(load_settings(data))
    place = papers.place()
    if not yes and not typer.confirm(f"Leave the hub at {place.url}?"):
        raise typer.Exit(1)
    papers.forget()
    _console.print("This site belongs to no hub any more. Now shut it out at the hub too, page Sites.")


def _papers(settings: Settings) -> "PaperFolder":
    from belvedere.site.uplink.papers import PaperFolder

    keys = settings.site_folder / "keys"
    return PaperFolder(keys / "link", settings.hub_public_key_file, SystemClock())
