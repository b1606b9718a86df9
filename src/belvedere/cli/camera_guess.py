"""`belvedere camera guess HOST`: try the addresses that makers are known to use."""

import threading
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from belvedere.cli.camera_sheet import print_table
from belvedere.foundation.errors import BadInput

_console = Console(highlight=False, soft_wrap=True)


def ask_password(prompt: str, *, from_stdin: bool, confirm: bool = False) -> str:
    """A password from the keyboard, or the first line of standard input. It never stands on the command line."""
    if from_stdin:
        text = typer.get_text_stream("stdin").readline().rstrip("\r\n")
    else:
        text = str(typer.prompt(prompt, hide_input=True, confirmation_prompt=confirm, default="", show_default=False))
    if not text:
        raise BadInput("No password was given.", advice="Type it, or give it on standard input with --password-stdin.")
    return text


def guess(
    host: Annotated[str, typer.Argument(help="IP address or name of the camera or recorder.")],
    make: Annotated[
        str, typer.Option("--make", help="Its maker, such as Hikvision; all are tried when not given.")
    ] = "",
    user: Annotated[str, typer.Option("--user", help="User name; the password is asked for.")] = "",
    channel: Annotated[int, typer.Option("--channel", help="Channel of a recorder.", min=1, max=1024)] = 1,
    port: Annotated[int, typer.Option("--port", help="RTSP port.", min=1, max=65535)] = 554,
    every: Annotated[bool, typer.Option("--every", help="Go on after the first that answers.")] = False,
    pace: Annotated[float, typer.Option("--pace", help="Seconds between two tries.", min=0, max=60)] = 2.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the addresses; connect to nothing.")] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Find a camera's RTSP addresses by trying what its maker uses, slowly. Stops at the first refused password."""
    from belvedere.site.ingest.address import split_address
    from belvedere.site.makers.catalogue import MAKES, make_of, propose
    from belvedere.site.makers.guess import Outcome, attempt

    chosen = make_of(make)
    if make and chosen is None:
        known = ", ".join(each.id for each in MAKES)
        raise BadInput(f"The make {make!r} is not known.", advice=f"Say one of {known}; or leave --make out.")
    place = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    split_address(f"rtsp://{place}:{port}/")
    proposals = propose(place, make, channel, port)
    if not proposals:
        raise BadInput(f"No address is known for channel {channel} of this make.", advice="Leave --make out.")
    if dry_run:
        table = Table("make", "main", "sub", "said by", box=None, pad_edge=False)
        for each in proposals:
            said_by = "the maker" if each.vendor else "users"
            table.add_row(escape(each.make.name), escape(each.main_url), escape(each.sub_url), said_by)
        print_table(table)
        return
    password = ask_password(f"Password of {user}", from_stdin=password_stdin) if user else ""
    _console.print(f"Up to {len(proposals)} addresses are tried, one every {pace:g} s or more.")
    found: dict[str, str] = {}
    for tried in attempt(proposals, user, password, wait=threading.Event().wait, pace_s=pace, every=every):
        _console.print(f"  {tried.outcome:8}  {tried.stream:4}  {tried.url}  {tried.message}", markup=False)
        if tried.outcome is Outcome.ANSWERED:
            if not (tried.stream == "sub" and len(found) > 1):
                found.setdefault(tried.stream, tried.url)
        elif tried.outcome is Outcome.DENIED:
            advice = "Check user name and password." if user else "Give --user."
            _console.print(f"The camera refused to log in, so nothing more was tried. {advice}")
            raise typer.Exit(1)
        elif tried.outcome is Outcome.AWAY:
            raise typer.Exit(1)
    if "main" not in found:
        hints = {each.make.hint for each in proposals if each.make.hint} if chosen else set()
        _console.print(f"None answered with pictures. {' '.join(hints)}".strip(), markup=False)
        raise typer.Exit(1)
    login = "USER:PASSWORD@" if user else ""
    words = [f"belvedere camera add {found['main'].replace('://', f'://{login}', 1)!r}"]
    if "sub" in found:
        words.append(f"--sub {found['sub'].replace('://', f'://{login}', 1)!r}")
    _console.print(f"Add it with:  {' '.join(words)} --name NAME", markup=False)
