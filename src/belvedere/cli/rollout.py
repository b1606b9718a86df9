"""`belvedere rollout start | stop | status`: what the page Sites does about updates, at a terminal."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from belvedere.cli.control import ControlRoom
from belvedere.foundation.clock import iso
from belvedere.foundation.errors import NotFound

app = typer.Typer(help="Update the sites with a release that the hub holds: first sites, a wait, then the rest.")
_console = Console(highlight=False, soft_wrap=True)
User = Annotated[str, typer.Option("--user", prompt=True, help="Your user name.")]
Password = Annotated[str, typer.Option("--password", prompt=True, hide_input=True, help="Asked for.")]
Url = Annotated[str, typer.Option("--url", help="The control room's address.")]
Reason = Annotated[str, typer.Option("--reason", prompt=True, help="Why; stands in the log.")]
_HERE = "http://127.0.0.1:8710"


@app.command("start")
def start(
    version: Annotated[str, typer.Argument(help="A release that the hub holds.")],
    first: Annotated[list[str], typer.Option("--first", help="A site that gets it first; several times for several.")],
    user: User,
    password: Password,
    reason: Reason,
    without: Annotated[list[str] | None, typer.Option("--without", help="A site that does not get it.")] = None,
    wait_minutes: Annotated[int, typer.Option("--wait", help="Minutes between the first sites and the rest.")] = 1440,
    at_once: Annotated[int, typer.Option("--at-once", help="Sites that may be under way at a time.")] = 5,
    night: Annotated[bool, typer.Option("--night", help="Fetched in the other hours of each line only.")] = False,
    url: Url = _HERE,
) -> None:
    """Propose a roll-out; it begins once a second person confirms it."""
    body = {
        "version": version,
        "first": first,
        "without": without or [],
        "wait_minutes": wait_minutes,
        "at_once": at_once,
        "night": night,
        "reason": reason,
    }
    with ControlRoom(url) as room:
        room.log_in(user, password)
        said = room.post("/api/rollouts", body)
    if said.get("proposal"):
        typer.echo(f"It waits for a second person: proposal {said['proposal']['id']}.")
    else:
        typer.echo("It is under way.")


@app.command("stop")
def stop(user: User, password: Password, reason: Reason, url: Url = _HERE) -> None:
    """Stop the roll-out under way. Sites that have switched already stay as they are."""
    with ControlRoom(url) as room:
        room.log_in(user, password)
        running = [each for each in room.get("/api/rollouts")["rollouts"] if each["state"] == "running"]
        if not running:
            raise NotFound("No roll-out is under way.", advice="Look at `belvedere rollout status`.")
        room.post(f"/api/rollouts/{running[0]['id']}/stop", {"reason": reason})
    typer.echo(f"The roll-out of {running[0]['version']} is stopped.")


@app.command("status")
def status(user: User, password: Password, url: Url = _HERE) -> None:
    """The newest roll-out, site by site."""
    with ControlRoom(url) as room:
        room.log_in(user, password)
        found = room.get("/api/rollouts")
    held = ", ".join(each["version"] for each in found["releases"]) or "none"
    typer.echo(f"Releases at the hub: {held}.")
    if not found["rollouts"]:
        typer.echo("Nothing was rolled out yet.")
        return
    newest = found["rollouts"][0]
    typer.echo(f"Version {newest['version']}: {newest['state']}. {newest['why']}".rstrip())
    if newest["rest_us"]:
        typer.echo(f"The rest begin at {iso(newest['rest_us'])} at the earliest.")
    _console.print(_table(newest))


def _table(rollout: dict[str, Any]) -> Table:
    table = Table("site", "stage", "state", "phase", "before", "fetched", "why", box=None, pad_edge=False)
    for each in rollout["sites"]:
        share = f"{100 * each['have_bytes'] // rollout['bytes']} %" if rollout["bytes"] and each["have_bytes"] else ""
        stage = "first" if each["first"] else "rest"
        table.add_row(each["site"], stage, each["state"], each["phase"], each["former"], share, each["why"])
    return table
