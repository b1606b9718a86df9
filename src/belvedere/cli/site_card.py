"""`belvedere site card` (at the hub) and `belvedere site glass` (at the site): footage for two people when the hub is away."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.cli.recordings import parse_time
from belvedere.foundation.errors import BadInput, NotFound, StorageFault
from belvedere.foundation.settings import load_settings

if TYPE_CHECKING:
    from belvedere.link.client import SiteLink

_QR = "BELVEDERE-CARD"


def card(
    site: Annotated[str, typer.Argument(help="Site that the card is for.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write your half, an HTML page to print.")],
    confirm: Annotated[str, typer.Option("--confirm", help="Finish this card, which a colleague began.")] = "",
    user: Annotated[str, typer.Option("--user", prompt=True, help="Your user name.")] = "",
    password: Annotated[
        str, typer.Option("--password", prompt=True, hide_input=True, help="Asked for when not given.")
    ] = "",
    url: Annotated[str, typer.Option("--url", help="The control room's address.")] = "http://127.0.0.1:8710",
) -> None:
    """Make a break-glass card for a site: you get one half, a colleague who finishes it the other. Nobody has both."""
    from belvedere.cli.control import ControlRoom

    if out.exists():
        raise BadInput(f"{out} exists already.", advice="Choose another name.")
    with ControlRoom(url) as room:
        room.log_in(user, password)
        said = room.post(f"/api/cards/{confirm}/confirm", {}) if confirm else room.post(f"/api/sites/{site}/cards", {})
    made = said["card"]
    _write(out, sheet(site, made["id"], said["letter"], bytes.fromhex(said["half"])))
    typer.echo(
        f"Half {said['letter']} of card {made['id']}: {out}. Print it, seal it in an envelope, destroy the file."
    )
    if not confirm:
        typer.echo(
            f"Within an hour a colleague runs: belvedere site card {site} --confirm {made['id']} --out HALF-B.html"
        )


def glass(
    name: Annotated[list[str], typer.Option("--name", help="Whole name of each of the two people; twice.")],
    reason: Annotated[str, typer.Option("--reason", help="Who asks for the footage, and what for.", prompt=True)],
    camera: Annotated[list[str], typer.Option("--camera", help="Camera; may be given several times.")],
    start: Annotated[str, typer.Option("--from", help="First moment, such as 2026-11-21T21:00:00Z.")],
    end: Annotated[str, typer.Option("--to", help="Last moment, a day later at most.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write the pack.")] = Path("evidence.zip"),
    half: Annotated[
        list[str] | None, typer.Option("--half", help="Line of each half, twice. Asked for, hidden, when not given.")
    ] = None,
    data: DataOption = REAL_DATA,
) -> None:
    """At the site, without the hub: two people with both halves of a card export footage. Written in the site's own log first."""
    if not os.access(out.resolve().parent, os.W_OK):
        raise StorageFault(
            f"{out.resolve().parent} can't be written.", advice="Choose another place: a card is good once."
        )
    if len(name) != 2:
        raise BadInput("A card takes two people.", advice="Give --name twice.")
    if out.exists():
        raise BadInput(f"{out} exists already.", advice="Choose another name; evidence is never overwritten.")
    lines = half or [typer.prompt(f"Half {letter}", hide_input=True) for letter in "AB"]
    if len(lines) != 2:
        raise BadInput("A card has two halves.", advice="Give --half twice, or not at all.")
    halves = (read_half(lines[0]), read_half(lines[1]))
    size, sha256, key = asyncio.run(
        _export(data, halves, (name[0], name[1]), reason, tuple(camera), parse_time(start, "--from"), parse_time(end, "--to"), out)
    )  # fmt: skip
    typer.echo(f"{out}: {size} bytes, SHA-256 {sha256}")
    typer.echo(f"Signed by this box: {key}. The card is spent. The hub logs this and has it reviewed once it is back.")


async def _export(
    data: Path,
    halves: tuple[bytes, bytes],
    names: tuple[str, str],
    reason: str,
    cameras: tuple[str, ...],
    start_us: int,
    end_us: int,
    out: Path,
) -> tuple[int, str, str]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from belvedere.hub.evidence.site_pack import SiteOrder, write_site_pack
    from belvedere.link.card import CardOpened, FinishCard, OpenCard
    from belvedere.link.client import SiteLink
    from belvedere.link.messages import Answer
    from belvedere.site.storage.keys import load_key

    settings = load_settings(data)
    key = Ed25519PrivateKey.from_private_bytes(load_key(settings.site_folder / "keys" / "box.key", make=False))
    link = SiteLink(settings.link_socket)
    try:
        await _require_footage(link, cameras, start_us, end_us)
        asked = OpenCard(halves, names, reason, cameras, start_us, end_us)
        opened = await link.ask(asked, CardOpened, reuse=False)
        order = SiteOrder(names, reason, cameras, start_us, end_us)
        size, sha256 = await write_site_pack(link, opened, order, key, out)
        await link.ask(FinishCard(opened.token, size, sha256), Answer, reuse=False)
    finally:
        await link.close()
    return size, sha256, key.public_key().public_bytes_raw().hex()


async def _require_footage(link: "SiteLink", cameras: tuple[str, ...], start_us: int, end_us: int) -> None:
    """Raise NotFound where nothing was recorded: a card is good once, so it is not spent on that."""
    for stream in ("main", "sub"):
        try:
            told = await link.timeline(cameras, stream, start_us, end_us)
        except NotFound:  # one of them has no such stream
            continue
        if any(run.start_us < end_us and run.end_us > start_us for each in told.cameras for run in each.runs):
            return
    raise NotFound("There is no footage of this time. The card was not touched.", advice="Name another time or camera.")


def read_half(text: str) -> bytes:
    """A half as it stands on its sheet: the line of letters, or the text of the QR code. Raises BadInput."""
    from belvedere.hub.custody.sheets import from_lines
    from belvedere.media.card import HALF_BYTES

    text = text.strip()
    if text.upper().startswith(_QR + ":"):
        text = text.rpartition(":")[2].replace("-", " ")
    half = from_lines([text])
    if len(half) != HALF_BYTES:
        raise BadInput("This is no half of a card.", advice="Type the line of letters as it is printed.")
    return half


def sheet(site: str, card_id: str, letter: str, half: bytes) -> str:
    """The page to print: the line of letters, and the same as a QR code. It needs nothing from anywhere."""
    from belvedere.hub.custody.sheets import to_lines

    line = to_lines(half)[0]
    code = qr_svg(f"{_QR}:{letter}:{'-'.join(line.split())}")
    other = "B" if letter == "A" else "A"
    return (
        '<!doctype html><html lang="en-GB"><meta charset="utf-8"><title>Break-glass card</title>\n'
        "<style>body{font:16px/1.5 sans-serif;max-width:40em;margin:3em auto}code{font-size:22px;font-weight:bold}"
        "svg{width:60mm;height:60mm}</style>\n"
        f"<h1>Break-glass card of the site {site}: half {letter}</h1>\n<p><code>{line}</code></p>\n{code}\n"
        f"<p>Card {card_id}. Seal this sheet in an envelope, sign over the flap, and keep it apart from half {other}.</p>\n"
        "<p>It opens nothing alone. At the site, when the hub is away, two people run <b>belvedere site glass</b>. "
        "Once; it is logged, and reviewed afterwards.</p>\n</html>\n"
    )


def qr_svg(text: str) -> str:
    """A QR code as SVG, with its quiet zone."""
    import cv2

    encoder: Any = vars(cv2)["QRCodeEncoder_create"]()  # the stubs of OpenCV leave it out
    modules = encoder.encode(text)
    size = modules.shape[0]
    dark = "".join(f"M{x} {y}h1v1h-1z" for y in range(size) for x in range(size) if not int(modules[y][x]))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 {size + 4} {size + 4}" role="img" aria-label="QR code">'
        f'<path fill="#fff" d="M-2 -2h{size + 4}v{size + 4}h-{size + 4}z"/><path d="{dark}"/></svg>'
    )


def _write(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StorageFault(f"{path} can't be written: {error.strerror}.", advice="Choose another place.") from error
