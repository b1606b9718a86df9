"""`belvedere camera set` and `camera advisories`: what cameras are, and what is known against them."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from belvedere.cli.camera_sheet import print_table
from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.clock import iso
from belvedere.foundation.errors import BadInput
from belvedere.foundation.settings import load_settings

if TYPE_CHECKING:
    from belvedere.link.cameras import AdvisoryFile, CameraMakes

_SIGNATURE_BYTES = 64
_KEY_BYTES = 32
_console = Console(highlight=False, soft_wrap=True)


def set_make(
    camera: Annotated[str, typer.Argument(help="Its slug, as in `belvedere camera list`.")],
    make: Annotated[str | None, typer.Option("--make", help="Maker, as on its label.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Model, as on its label.")] = None,
    firmware: Annotated[str | None, typer.Option("--firmware", help="Version, as its page shows it.")] = None,
    data: DataOption = REAL_DATA,
) -> None:
    """Note a camera's make, model and firmware, so that it can be checked against advisories."""
    from belvedere.cli.local import local_site
    from belvedere.link.cameras import CameraMakes, GetCameraMakes, SetMake
    from belvedere.link.messages import Answer

    if make is None and model is None and firmware is None:
        raise BadInput("Nothing was given.", advice="Give --make, --model or --firmware.")
    with local_site(load_settings(data)) as link:
        link.ask(SetMake(camera, make, model, firmware), Answer)
        told = link.ask(GetCameraMakes(), CameraMakes)
    found = next(each for each in told.cameras if each.camera == camera)
    _console.print(f"{camera}: {found.make}, {found.model}, firmware {found.firmware or 'not known'}.", markup=False)


def _hex_file(text: str, size: int, what: str) -> bytes:
    """`size` bytes given in hexadecimal, raw in a file, or in hexadecimal in a file."""
    path = Path(text)
    try:
        content = path.read_bytes() if path.is_file() else text.encode()
        if len(content) != size:
            content = bytes.fromhex(content.decode().strip())
    except (OSError, ValueError) as error:
        raise BadInput(f"{text} holds no {what}.", advice=f"Give {2 * size} hexadecimal digits, or a file.") from error
    if len(content) != size:
        raise BadInput(f"{text} holds no {what}.", advice=f"Give {2 * size} hexadecimal digits, or a file.")
    return content


def advisories(
    file: Annotated[Path | None, typer.Argument(help="Advisory file to put in force; without it, the state.")] = None,
    sha256: Annotated[str, typer.Option("--sha256", help="Refuse the file unless it has this hash.")] = "",
    signature: Annotated[str, typer.Option("--signature", help="Its Ed25519 signature, with --key.")] = "",
    key: Annotated[str, typer.Option("--key", help="The publisher's public key, or a file with it.")] = "",
    data: DataOption = REAL_DATA,
) -> None:
    """Check cameras against a file of known firmware faults and support dates, offline. Exit code 1: some are affected."""
    import hashlib

    from belvedere.cli.local import local_site
    from belvedere.link.cameras import AdvisoriesLoaded, CameraMakes, GetCameraMakes, LoadAdvisories

    with local_site(load_settings(data)) as link:
        if file is not None:
            try:
                content = file.read_bytes()
            except OSError as error:
                raise BadInput(f"{file} can't be read: {error.strerror}.", advice="Check the name.") from error
            found = hashlib.sha256(content).hexdigest()
            if sha256 and re.sub(r"[\s:]", "", sha256).lower() != found:
                raise BadInput(f"{file} has the SHA-256 {found}.", advice="Fetch it again; don't use this one.")
            if bool(signature) != bool(key):
                raise BadInput("A signature is checked with a key.", advice="Give both --signature and --key.")
            signed = _hex_file(signature, _SIGNATURE_BYTES, "signature") if signature else b""
            checked_with = _hex_file(key, _KEY_BYTES, "key") if key else b""
            link.ask(LoadAdvisories(content, signed, checked_with), AdvisoriesLoaded)
        told = link.ask(GetCameraMakes(), CameraMakes)
    if told.file is None:
        _console.print("No advisory file was loaded, so nothing is known against any camera.")
        return
    _show_file(told.file)
    if _show_cameras(told):
        raise typer.Exit(1)


def _show_file(file: "AdvisoryFile") -> None:
    signed = f"signature checked with {file.signed_by}" if file.signed_by else "not signed"
    _console.print(
        f"Advisories of {file.publisher}, issued {file.issued}, loaded {iso(file.loaded_us)[:10]}", markup=False
    )
    _console.print(f"  SHA-256 {file.sha256}, {signed}", markup=False)
    _console.print(f"  {file.advisories} faults, {file.models} rows about support")


def _show_cameras(told: "CameraMakes") -> bool:
    """Print what concerns each camera; whether any is affected or out of support."""
    table = Table(
        "camera", "make, model, firmware", "what", "severity", "fixed in", "what to do", box=None, pad_edge=False
    )
    serious, silent = False, []
    for camera in told.cameras:
        what = escape(f"{camera.make} {camera.model} {camera.firmware}".strip())
        if not camera.make or not camera.model:
            silent.append(camera.camera)
        for fault in camera.faults:
            serious = serious or fault.state == "affected"
            sure = "" if fault.state == "affected" else " (perhaps: compare the firmware by hand)"
            used = ", exploited" if fault.exploited else ""
            table.add_row(
                camera.camera,
                what,
                escape(f"{fault.id}: {fault.title}{sure}"),
                f"{fault.severity}{used}",
                escape(fault.fixed_in or "never"),
                escape(fault.advice or ("Update its firmware." if fault.fixed_in else "Replace it, or cut it off.")),
            )
        if camera.support in ("ended", "soon"):
            serious = serious or camera.support == "ended"
            words = "support ended" if camera.support == "ended" else "support ends"
            table.add_row(camera.camera, what, f"{words} {camera.support_ends}", "", "", "Plan to replace it.")
    if table.row_count:
        print_table(table)
    else:
        _console.print("Nothing in it concerns these cameras.")
    if silent:
        _console.print(
            f"Not checked, for make or model are not known: {', '.join(silent)}. Use `belvedere camera set`.",
            markup=False,
        )
    return serious
