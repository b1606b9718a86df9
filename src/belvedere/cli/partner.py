"""`belvedere partner`: other councils' and forces' hubs, through the control room."""

from pathlib import Path
from typing import Annotated, Any

import typer

from belvedere.cli.recordings import parse_time
from belvedere.foundation.clock import iso
from belvedere.foundation.errors import BadInput, NotFound

app = typer.Typer(no_args_is_help=True, help="Partners: hubs of other councils and of the police.")

UserOption = Annotated[str, typer.Option("--user", prompt=True, help="Your user name.")]
PasswordOption = Annotated[
    str, typer.Option("--password", prompt=True, hide_input=True, help="Asked for when not given.")
]
UrlOption = Annotated[str, typer.Option("--url", help="The control room's address.")]
_HERE = "http://127.0.0.1:8710"
_QUESTIONS = "/api/partner-questions"


@app.command("list")
def list_partners(user: UserOption = "", password: PasswordOption = "", url: UrlOption = _HERE) -> None:
    """Who they are, what they may ask, whether they are reached; and this hub's own fingerprint."""
    with _room(url, user, password) as room:
        said = room.get("/api/partners")
    if said["own"]:
        typer.echo(f"This hub: {said['own']['controller']}, {said['own']['address']}, {said['own']['fingerprint']}")
    else:
        typer.echo("This hub has no partners: set federation in [hub].")
    for each in said["partners"]:
        state = (
            "ended" if each["revoked_us"] else "asks and is answered" if each["policy"]["answers"] else "not answered"
        )
        fault = f"; {each['fault']}" if each["fault"] else ""
        typer.echo(f"{each['id']}  {each['controller']}, {each['address']}: {state}, {each['waiting']} waiting{fault}")


@app.command()
def document(
    out: Annotated[Path, typer.Option("--out", help="Where to write it.")],
    user: UserOption = "",
    password: PasswordOption = "",
    url: UrlOption = _HERE,
) -> None:
    """Write this hub's document, the file for partners, and say its fingerprint."""
    with _room(url, user, password) as room:
        own = room.get("/api/partners")["own"]
    if own is None:
        raise NotFound("This hub has no partners.", advice="Set federation in [hub], and start it again.")
    if out.exists():
        raise BadInput(f"{out} exists already.", advice="Choose another name.")
    out.write_text(own["document"], "utf-8")
    typer.echo(f"{out}: read this to them when they ring you: {own['fingerprint']}")


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="The partner's document.", exists=True, dir_okay=False)],
    fingerprint: Annotated[str, typer.Option("--fingerprint", help="As they read it to you.", prompt=True)],
    reason: Annotated[str, typer.Option("--reason", help="Why, such as the sharing agreement.", prompt=True)],
    user: UserOption = "",
    password: PasswordOption = "",
    url: UrlOption = _HERE,
) -> None:
    """Propose a partner. A second person confirms it in the control room, under Approvals."""
    body = {"document": file.read_text("utf-8"), "fingerprint": fingerprint, "reason": reason}
    with _room(url, user, password) as room:
        said = room.post("/api/partners", body)
    if "proposal" in said:
        typer.echo(f"Waits for a second person: {said['proposal']['title']}. {said['proposal']['approvers_text']}")
    else:
        typer.echo("Added. It may ask nothing until the data protection officer says what.")


@app.command()
def revoke(
    partner: Annotated[str, typer.Argument(help="Its id, or the beginning of its name.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.", prompt=True)],
    user: UserOption = "",
    password: PasswordOption = "",
    url: UrlOption = _HERE,
) -> None:
    """End a partnership, alone and at once."""
    with _room(url, user, password) as room:
        found = _one(room.get("/api/partners")["partners"], partner)
        room.post(f"/api/partners/{found['id']}/revoke", {"reason": reason})
    typer.echo(f"The partnership with {found['controller']} has ended.")


@app.command()
def ask(
    partner: Annotated[str, typer.Argument(help="Its id, or the beginning of its name.")],
    place: Annotated[str, typer.Option("--place", help="LATITUDE,LONGITUDE")],
    start: Annotated[str, typer.Option("--from", help="First moment, such as 2026-11-21T21:00:00Z.")],
    end: Annotated[str, typer.Option("--to", help="Last moment.")],
    reference: Annotated[str, typer.Option("--reference", help="Your crime or case number; the partner logs it.")],
    radius: Annotated[float, typer.Option("--radius", help="Metres round the place.")] = 50.0,
    reason: Annotated[str, typer.Option("--reason", help="crime, missing_person, ...")] = "crime",
    basis: Annotated[str, typer.Option("--basis", help="Code of the legal basis.")] = "dpa2018_part3",
    user: UserOption = "",
    password: PasswordOption = "",
    url: UrlOption = _HERE,
) -> None:
    """Ask a partner whether it holds footage of a place and time. `partner asked` shows the answer."""
    body: dict[str, Any] = {"place": _place(place, radius), "reason": reason, "basis": basis, "reference": reference}
    body |= {"from_us": parse_time(start, "--from"), "to_us": parse_time(end, "--to")}
    with _room(url, user, password) as room:
        found = _one(room.get(_QUESTIONS)["partners"], partner)
        room.post(_QUESTIONS, body | {"partner": found["id"]})
    typer.echo(f"Asked {found['controller']}.")


@app.command()
def asked(user: UserOption = "", password: PasswordOption = "", url: UrlOption = _HERE) -> None:
    """What you asked, and what was answered."""
    with _room(url, user, password) as room:
        said = room.get(_QUESTIONS)
    for each in said["questions"]:
        if each["outgoing"]:
            held = f", held until {iso(each['until_us'])[:10]} ({each['hold']})" if each["hold"] else ""
            told = each["told"] or each["delivery"]
            state = "not answered" if each["state"] == "refused" else each["state"]
            line = f"{iso(each['asked_us'])[:16]} {each['controller']}, {each['reference']}: {state}{held}"
            typer.echo(f"{line}. {told}".rstrip())


def _room(url: str, user: str, password: str) -> Any:
    from belvedere.cli.control import ControlRoom

    room = ControlRoom(url)
    room.log_in(user, password)
    return room


def _one(partners: list[dict[str, Any]], wanted: str) -> dict[str, Any]:
    """Raises NotFound unless one alone is meant."""
    found = [each for each in partners if each["id"] == wanted or each["controller"].lower().startswith(wanted.lower())]
    if len(found) != 1:
        raise NotFound(
            f"{len(found)} partners are called {wanted!r}.", advice="`belvedere partner list` shows their ids."
        )
    return found[0]


def _place(text: str, radius: float) -> dict[str, Any]:
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError as error:
        raise BadInput(f"{text!r} is no place.", advice="Write LATITUDE,LONGITUDE, such as 51.5012,-0.1419.") from error
    return {"shape": "circle", "lat": lat, "lon": lon, "radius_m": radius}
