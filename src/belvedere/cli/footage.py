"""`belvedere export` and `verify`: evidence out, and the proof."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from belvedere.cli.recordings import parse_time
from belvedere.foundation.errors import BadInput, NotFound


def export(
    camera: Annotated[list[str], typer.Option("--camera", help="Camera; may be given several times.")],
    start: Annotated[str, typer.Option("--from", help="First moment, such as 2026-11-21T21:00:00Z.")],
    end: Annotated[str, typer.Option("--to", help="Last moment.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write the pack.")] = Path("evidence.zip"),
    name: Annotated[str, typer.Option("--name", help="Name of the export.")] = "Export",
    user: Annotated[str, typer.Option("--user", prompt=True, help="Your user name.")] = "",
    password: Annotated[
        str, typer.Option("--password", prompt=True, hide_input=True, help="Asked for when not given.")
    ] = "",
    case: Annotated[str, typer.Option("--case", help="Case reference, for the purpose investigation.")] = "",
    url: Annotated[str, typer.Option("--url", help="The control room's address.")] = "http://127.0.0.1:8710",
) -> None:
    """Export an evidence pack, under your own log-in and grant: the same path as in the browser."""
    from belvedere.cli.control import ControlRoom

    if out.exists():
        raise BadInput(f"{out} exists already.", advice="Choose another name; evidence is never overwritten.")
    start_us, end_us = parse_time(start, "--from"), parse_time(end, "--to")
    with ControlRoom(url) as room:
        room.log_in(user, password)
        ask = {"purpose": "investigation", "case": case, "cameras": camera} if case else {"purpose": "duty"}
        grant = room.post("/api/grants", ask)
        job = room.post(
            "/api/exports",
            {"grant": grant["id"], "name": name, "cameras": camera, "start_us": start_us, "end_us": end_us},
        )
        job = room.wait_for_export(job["id"])
        room.download(f"/api/exports/{job['id']}/pack?grant={grant['id']}", out)
    typer.echo(f"{out}: {out.stat().st_size} bytes, SHA-256 {job['sha256']}")


def verify(
    pack: Annotated[
        Path,
        typer.Argument(
            help="The pack: a ZIP, or the folder it was unpacked to; a certificate of deletion, or a segment proof."
        ),
    ],
    key: Annotated[str, typer.Option("--key", help="The hub's public key in hex, from somebody you trust.")] = "",
    segment: Annotated[
        Path | None, typer.Option("--segment", help="With a segment proof: the sealed file that it is about.")
    ] = None,
) -> None:
    """Check an evidence pack, a certificate of deletion or a segment proof offline.

    Exit code 0: valid; 1: not valid; 2: can't be read.
    """
    from belvedere.cli.proofs import verify_proof
    from belvedere.hub.custody.proofs import is_segment_proof
    from belvedere.hub.evidence.verify import verify_pack
    from belvedere.hub.retention.certificate import MAX_BYTES, looks_like_one, verify_certificate

    console = Console(highlight=False, soft_wrap=True)
    try:
        expected = bytes.fromhex(key) if key else None
    except ValueError as error:
        raise BadInput(f"{key!r} is no key.", advice="Give 64 hexadecimal digits.") from error
    if not pack.exists():
        raise NotFound(f"There is no {pack}.", advice="Check the name.")
    if pack.is_file() and is_segment_proof(pack):
        verify_proof(console, pack, expected, segment)
        return
    certificate = pack.is_file() and pack.stat().st_size <= MAX_BYTES and looks_like_one(pack.read_bytes())
    report = verify_certificate(pack.read_bytes(), expected) if certificate else verify_pack(pack, expected)
    for fact in report.facts:
        console.print(f"  {fact}", markup=False)
    if report.valid:
        means = (
            "the hub certified this deletion, and its log says so."
            if certificate
            else "every file is as it was when it was exported."
            if getattr(report, "evidence", True)
            else "every file is as it was when it was made. It is a masked working copy, and no evidence."
        )
        console.print(f"[green]VALID[/green] {escape(str(pack))}: {means}")
        return
    for problem in report.problems:
        console.print(f"  [red]{escape(problem)}[/red]")
    console.print(f"[red]NOT VALID[/red] {escape(str(pack))}")
    raise typer.Exit(1)
