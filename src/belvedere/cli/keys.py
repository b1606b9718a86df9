"""`belvedere keys ceremony | state | rotate | drill | recover`: the keys that footage is sealed for."""

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.clock import DAY_US, SystemClock, iso
from belvedere.foundation.errors import BadInput, Conflict, SealBroken, StorageFault
from belvedere.foundation.settings import Settings, load_settings

if TYPE_CHECKING:
    from belvedere.hub.custody.escrow import Escrow, OpenShare
    from belvedere.hub.custody.local import Ceremony

app = typer.Typer(help="Hold the key ceremony, rotate, drill and recover the keys of footage.", no_args_is_help=True)
_console = Console(highlight=False, soft_wrap=True)
_SHEETS = ("share-1.txt", "share-2.txt", "share-3-sealed.txt")

ShareOption = Annotated[list[Path], typer.Option("--share", help="A recovery sheet; give two, of two holders.")]
PassphrasesOption = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help="File with one passphrase a line, in order; else they are asked for."),
]


def _passphrases(file: Path | None, prompts: list[str], *, confirm: bool) -> list[str]:
    if file is None:
        return [typer.prompt(prompt, hide_input=True, confirmation_prompt=confirm) for prompt in prompts]
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError as error:
        raise BadInput(f"{file} can't be read: {error.strerror}.", advice="Give one passphrase a line.") from error
    if len(lines) < len(prompts):
        raise BadInput(f"{file} holds {len(lines)} passphrases of {len(prompts)}.", advice="Give one a line.")
    return lines[: len(prompts)]


def _write_new(path: Path, text: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise Conflict(f"{path} exists already.", advice="Choose an empty folder.") from error
    except OSError as error:
        raise StorageFault(f"{path} can't be written: {error.strerror}.", advice="Choose another folder.") from error


@app.command("ceremony")
def ceremony(
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the sheets: best a memory stick that leaves with you.")
    ],
    officer: Annotated[list[str], typer.Option("--officer", help="Name of an officer; give two.")],
    third: Annotated[str, typer.Option("--third", help="Name of the sealed third share.")] = "Sealed third share",
    renew: Annotated[bool, typer.Option("--renew", help="Replace the officers' key of an earlier ceremony.")] = False,
    passphrase_file: PassphrasesOption = None,
    data: DataOption = REAL_DATA,
) -> None:
    """Make the officers' break-glass key: two named officers and a sealed third share, any two of which recover footage."""
    from belvedere.hub.custody.local import key_office

    settings = load_settings(data)
    if len(officer) != 2:
        raise BadInput("A ceremony needs two officers.", advice="Give --officer twice.")
    with key_office(settings) as office:
        existing = office.state().break_glass
        if existing is not None and not renew:
            raise Conflict(
                f"The key ceremony was held already: break-glass key {existing.name}.",
                advice="To replace it, because an officer left or a share was lost, use --renew.",
            )
        words = _passphrases(passphrase_file, [f"Passphrase of {name}" for name in officer], confirm=True)
        try:
            out.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StorageFault(f"{out} can't be made: {error.strerror}.", advice="Choose another folder.") from error
        made = office.ceremony(officer, third, words, renew=renew, hand_out=lambda made: _hand_out(out, made))
    _console.print(protocol(made, settings), markup=False)
    _console.print(
        f"Written to {out}: {', '.join([*_SHEETS, 'share-3-passphrase.txt', 'protocol.txt'])}.", markup=False
    )
    _console.print("Print them, check each against the protocol, then destroy the files.")


def _hand_out(out: Path, made: "Ceremony") -> None:
    from belvedere.hub.custody.escrow import qr_text

    for name, sheet in zip(_SHEETS, made.sheets, strict=True):
        _write_new(out / name, f"{sheet}\nText for a QR code of the share:\n{qr_text(sheet)}\n")
    _write_new(
        out / "share-3-passphrase.txt",
        f"BELVEDERE: passphrase of the sealed third share, key {made.escrow.name}\n\n{made.sealed_passphrase}\n\n"
        "Seal this in an envelope of its own, apart from the sheet.\n",
    )
    _write_new(out / "protocol.txt", protocol(made))


def protocol(made: "Ceremony", settings: Settings | None = None) -> str:
    """What the witnesses sign."""
    from belvedere.media.keybox import recipient_name

    escrow = made.escrow
    lines = [
        "PROTOCOL OF THE KEY CEREMONY",
        "",
        f"Held: {iso(escrow.made_us)}",
        *([f"Installation: {settings.site.name}"] if settings is not None else []),
        f"Break-glass key: {escrow.name}",
        "",
        *(
            f"Share {n}: {holder}, fingerprint {recipient_name(key)}"
            for n, (holder, key) in enumerate(zip(escrow.holders, escrow.share_keys, strict=True), 1)
        ),
        "",
        "Each share was opened together with each other before the key was put in force.",
        "Any two shares, each with its passphrase, recover footage. One alone opens nothing.",
        "",
        "Present, and signed:",
        "",
        "______________________   ______________________   ______________________",
        "",
    ]
    return "\n".join(lines)


@app.command("state")
def state(data: DataOption = REAL_DATA) -> None:
    """Which keys are in force, how old they are, and what is due."""
    from belvedere.hub.custody.local import key_office

    with key_office(load_settings(data)) as office:
        found = office.state()
    now_us = SystemClock().now_us()
    if found.hub is None:
        _console.print("wrapping key   none yet: made when hub and site first run")
    else:
        where = "" if found.hub.at_hand else ", its private half is NOT here"
        _console.print(f"wrapping key   {found.hub.name}, {(now_us - found.hub.made_us) // DAY_US} days old{where}")
    for key in found.retired:
        _console.print(f"retired        {key.name} ({key.role}): destroyed when nothing is sealed for it any more")
    glass = found.break_glass
    if glass is None:
        _console.print("break-glass    [yellow]none: the key ceremony is due[/yellow] (belvedere keys ceremony)")
    else:
        _console.print(f"break-glass    {glass.name}, {glass.title}, since {iso(glass.made_us)[:10]}", markup=False)
    drill = found.drill
    if drill is not None:
        age = (now_us - drill.at_us) // DAY_US
        _console.print(
            f"last drill     {iso(drill.at_us)[:10]}, {age} days ago, {drill.camera_days} camera-days opened"
        )
    elif glass is not None:
        _console.print("last drill     [yellow]never[/yellow] (belvedere keys drill)")
    _console.print(f"camera-days    {found.camera_days} known to the hub")


@app.command("rotate")
def rotate(data: DataOption = REAL_DATA) -> None:
    """Give the hub a new wrapping key now. It does so by itself once a month."""
    from belvedere.hub.custody.local import key_office

    with key_office(load_settings(data)) as office:
        key = office.rotate()
    _console.print(f"Wrapping key {key.name} is in force. The running hub seals all live camera-days for it within")
    _console.print("minutes, and then destroys the old key: belvedere keys state.")


def _shares(share: list[Path], file: Path | None) -> "tuple[Escrow, list[OpenShare]]":
    from belvedere.hub.custody.escrow import open_share, read_escrow

    if len(share) != 2:
        raise BadInput("Two shares are needed.", advice="Give --share twice, with the sheets of two holders.")
    try:
        sheets = [path.read_text("utf-8") for path in share]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"A sheet can't be read: {error}.", advice="Check the files.") from error
    escrow = read_escrow(sheets[0])
    words = _passphrases(file, [f"Passphrase of {path.name}" for path in share], confirm=False)
    return escrow, [open_share(sheet, passphrase) for sheet, passphrase in zip(sheets, words, strict=True)]


@app.command("drill")
def drill(share: ShareOption, passphrase_file: PassphrasesOption = None, data: DataOption = REAL_DATA) -> None:
    """Prove that two officers' shares open footage. Changes nothing, shows no picture, and keeps the dated result."""
    from belvedere.hub.custody.local import key_office

    settings = load_settings(data)
    escrow, shares = _shares(share, passphrase_file)
    with key_office(settings) as office, tempfile.TemporaryDirectory(prefix="belvedere-drill-") as folder:
        result = office.drill(escrow, shares, _SegmentCopies(settings, Path(folder)).opens)
    _console.print(
        f"[green]The shares of {' and '.join(result.holders)} open footage:[/green] {result.camera_days} camera-days, "
        f"{result.held} held segments, and {result.segments} sealed files of them on this machine."
    )


class _SegmentCopies:
    """Opens copies of sealed files of this machine's site: one frame each, which holds no picture."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._index = settings.site_folder / "index.db"
        self._folder = folder

    def opens(self, box: str, camera: str, day: int, key: bytes) -> bool:
        """Whether a file of that camera-day is here and opens. Raises SealBroken when it is here and does not."""
        from belvedere.media import seal

        found = self._find(box, camera, day)
        if found is None:
            return False
        path, kind = found
        copy = self._folder / "segment"
        try:
            copy.write_bytes(path.read_bytes())
        except OSError:
            return False  # deleted meanwhile, or its disk is away
        with copy.open("rb") as file:
            reader = seal.SegmentReader(
                lambda offset, size: os.pread(file.fileno(), size, offset),
                seal.SegmentKey(key) if day < 0 else key,  # below zero: a held segment has a key of its own
                seal.identity(camera, kind),
            )
            if not reader.opens():
                raise SealBroken(
                    f"{path.name} does not open with the officers' key.", advice="Run `belvedere site check`."
                )
        copy.unlink()
        return True

    def _find(self, box: str, camera: str, day: int) -> tuple[Path, str] | None:
        if not self._index.exists():
            return None
        with closing(sqlite3.connect(f"{self._index.absolute().as_uri()}?mode=ro", uri=True)) as database:
            row = database.execute(
                "SELECT d.path, g.path, s.kind FROM segment g JOIN stream s ON s.id = g.stream_id "
                "JOIN camera c ON c.id = s.camera_id JOIN disk d ON d.id = g.disk_id, site "
                "WHERE site.uuid = ? AND c.slug = ? AND g.day = ? AND NOT g.flags & 3 ORDER BY g.bytes LIMIT 1",
                (box, camera, day),
            ).fetchone()
        return None if row is None else (Path(row[0]) / row[1], str(row[2]))


@app.command("recover")
def recover(share: ShareOption, passphrase_file: PassphrasesOption = None, data: DataOption = REAL_DATA) -> None:
    """Give a hub that lost its wrapping key access to footage again, with two officers' shares."""
    from belvedere.hub.custody.local import key_office

    settings = load_settings(data)
    escrow, shares = _shares(share, passphrase_file)
    with key_office(settings) as office:
        done, failed = office.recover(escrow, shares)
    _console.print(f"{done} camera-days are sealed for the hub's present wrapping key.")
    if failed:
        _console.print(f"[red]{failed} did not open.[/red] Were they sealed for the key of another ceremony?")
        raise typer.Exit(1)
