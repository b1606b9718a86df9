"""`belvedere site glass`, at the site: footage for two people when the hub is away."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.cli.recordings import parse_time
from belvedere.foundation.errors import BadInput, NotFound, StorageFault
from belvedere.foundation.settings import load_settings

if TYPE_CHECKING:
    from belvedere.link.client import SiteLink


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
    from belvedere.hub.cards.sheet import QR
    from belvedere.hub.custody.sheets import from_lines
    from belvedere.media.card import HALF_BYTES

    text = text.strip()
    if text.upper().startswith(QR + ":"):
        text = text.rpartition(":")[2].replace("-", " ")
    half = from_lines([text])
    if len(half) != HALF_BYTES:
        raise BadInput("This is no half of a card.", advice="Type the line of letters as it is printed.")
    return half
