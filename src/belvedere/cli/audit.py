"""`belvedere audit`: the log for those who check it from outside."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from belvedere.cli.options import REAL_DATA, DataOption
from belvedere.foundation.errors import BadInput

app = typer.Typer(no_args_is_help=True)
_console = Console(highlight=False, soft_wrap=True)

KeyOption = Annotated[str, typer.Option("--key", help="The hub's public key, or a file that holds it.")]
UrlOption = Annotated[str, typer.Option("--url", help="Address of the hub.")]


@app.callback()
def audit() -> None:
    """The audit log: check it, witness it, hand it on."""


@app.command("verify")
def verify(
    folder: Annotated[Path | None, typer.Option("--folder", help="The log's files: checkpoint and tile/.")] = None,
    url: UrlOption = "",
    key: KeyOption = "",
    since: Annotated[
        list[Path] | None, typer.Option("--since", help="A checkpoint that you kept. May be given again.")
    ] = None,
    entry: Annotated[
        Path | None,
        typer.Option(
            "--entry", help="A record (a pack's log/entry.json, or a file of the audit page) to find in the log."
        ),
    ] = None,
    proof: Annotated[Path | None, typer.Option("--proof", help="Its proof, when not beside it.")] = None,
    entries: Annotated[Path | None, typer.Option("--entries", help="Records exported as json with --salts.")] = None,
    witness: Annotated[
        list[str] | None, typer.Option("--witness", help="A witness's key, or a file of them. May be given again.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Where to keep the checkpoint, for --since next time.")
    ] = None,
) -> None:
    """Check the whole log from its files: the tree, the signatures, what you kept of it and what its entries said."""
    from belvedere.cli.log_files import LogAddress, entry_proof, exported_records, hub_key, whole_entry, witness_keys
    from belvedere.tlog.check import Known, LogFiles, LogFolder, check_log, check_proof, signers, what_is_shown

    if (folder is None) == (not url) and (folder is not None or entry is None):
        raise BadInput("The log is checked from a folder or an address.", advice="Give --folder or --url, not both.")
    with ExitStack() as stack:
        files: LogFiles | None = None
        if folder is not None:
            files = LogFolder(folder)
        elif url:
            files = stack.enter_context(LogAddress(url))
        whole = whole_entry(entry) if entry is not None and proof is None else None
        beside = files.read("key") if files is not None else str((whole or {}).get("key", "")).encode() or None
        public_key, given = hub_key(key, beside)
        if not given:
            _console.print(
                "[yellow]The key was taken from the log itself.[/yellow] Compare it with the one you were told by other means:"
            )
            _console.print(f"  {public_key.hex()}", markup=False)
        proofs = [entry_proof(entry, proof)] if entry is not None else []
        if files is None:
            size = check_proof(proofs[0], public_key).size
            known_by = str((whole or {}).get("witnesses", "")).encode() or None
            for fact in signers(proofs[0].checkpoint, public_key, witness_keys(witness or (), known_by)):
                _console.print(f"  {fact}", markup=False)
            shown = what_is_shown(proofs[0])
            _console.print(
                f"[green]TRUE[/green] Entry {proofs[0].index} is in the log of {size} entries that the hub signed, {shown}."
            )
            return
        known = Known(
            witnesses=witness_keys(witness or (), files.read("witnesses")),
            kept=[_kept(path) for path in since or ()],
            proofs=proofs,
            records={one.index: one for one in exported_records(entries)} if entries is not None else {},
        )
        report = check_log(files, public_key, known)
        for fact in report.facts:
            _console.print(f"  {fact}", markup=False)
        if not report.valid:
            _console.print(f"[red]NOT TRUE[/red] {escape(report.problem)}")
            raise typer.Exit(1)
        _console.print("[green]TRUE[/green] The log is whole, and it is the one that the hub signed.")
        if keep is not None:
            keep.write_bytes(report.checkpoint)
            _console.print(f"  Kept in {keep}: give it with --since next time.", markup=False)


def _kept(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}.", advice="Check the name.") from error


@app.command("witness")
def witness_log(
    url: UrlOption,
    state: Annotated[Path, typer.Option("--state", help="Folder for this witness's key and memory.")],
    name: Annotated[str, typer.Option("--name", help="Name of this witness, such as example.org/dpo.")] = "",
    key: KeyOption = "",
    to_file: Annotated[Path | None, typer.Option("--to-file", help="Write the signature there; send nothing.")] = None,
) -> None:
    """Check that the log extends what this witness saw before, sign it, and hand the signature to the hub."""
    from belvedere.cli.log_files import LogAddress
    from belvedere.cli.log_witness import LogWitness
    from belvedere.foundation.clock import SystemClock

    with LogAddress(url) as files:
        witness = LogWitness(state, name, key, SystemClock())
        if witness.fresh:
            _console.print(
                "This is a new witness. Give this line to the hub's keeper (`belvedere audit witnesses --add`):"
            )
            _console.print(f"  {witness.key.text}", markup=False)
        before, note, size = witness.sign(files)
        _console.print(f"The log of {size} entries extends the {before} seen before; signed.", markup=False)
        if to_file is not None:
            to_file.write_bytes(note)
        else:
            files.send("cosignature", note)
            _console.print("The hub has the signature.")


@app.command("witnesses")
def witnesses(
    data: DataOption = REAL_DATA,
    add: Annotated[str, typer.Option("--add", help="A witness's key line: it may sign from now on.")] = "",
    remove: Annotated[str, typer.Option("--remove", help="Name of a witness that signs no more.")] = "",
) -> None:
    """The witnesses that this hub knows; with --add and --remove, who they are. The log says who was added."""
    from belvedere.cli.log_witness import change_witnesses
    from belvedere.foundation.settings import load_settings

    for line in change_witnesses(load_settings(data), add, remove):
        typer.echo(line)


@app.command("export")
def export(
    form: Annotated[str, typer.Option("--format", help="json, cef or syslog.")] = "json",
    since: Annotated[int, typer.Option("--since", min=0, help="First entry wanted.")] = 0,
    output: Annotated[Path | None, typer.Option("--output", help="File to add to; else standard output.")] = None,
    state: Annotated[
        Path | None, typer.Option("--state", help="File that remembers how far this went, for the next time.")
    ] = None,
    salts: Annotated[
        bool, typer.Option("--salts", help="With salts, so that it can be checked against the tree.")
    ] = False,
    pseudonymous: Annotated[
        bool, typer.Option("--pseudonymous", help="For publication: nobody's name, nobody's own words.")
    ] = False,
    data: DataOption = REAL_DATA,
) -> None:
    """The log's entries for another system, one a line. That they were exported stands in the log as well."""
    from belvedere.cli.log_export import ExportOrder, export_log
    from belvedere.foundation.settings import load_settings
    from belvedere.hub.audit.export import ExportFormat

    if form not in list(ExportFormat):
        raise BadInput(f"{form!r} is no format.", advice=f"Say {', '.join(ExportFormat)}.")
    order = ExportOrder(ExportFormat(form), since, output, state, salts, pseudonymous)
    first, end = export_log(load_settings(data), order)
    words = f"Entries {first} to {end - 1} exported" if end > first else "Nothing new to export"
    typer.echo(f"{words}; next time --since {end}.", err=True)
