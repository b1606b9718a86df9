"""`belvedere audit export`: the log's entries to a file or standard output, from where the last time ended."""

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from belvedere.foundation.clock import SystemClock
from belvedere.foundation.errors import BadInput, NotFound, StorageFault
from belvedere.foundation.settings import Settings
from belvedere.hub.audit.export import EXPORTED, ExportFormat, Pseudonyms, lines, only_exports
from belvedere.hub.storage import open_engine, upgrade
from belvedere.hub.storage.acts import noting
from belvedere.hub.storage.engine import writing
from belvedere.tlog.checkpoint import open_checkpoint
from belvedere.tlog.folder import write_durably

_SAVED_EVERY = 10_000  # entries between two notes of how far an export got


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """What is exported, and where to. `state`: file that remembers the next index; `output` None is standard output."""

    form: ExportFormat
    since: int
    output: Path | None
    state: Path | None
    salts: bool
    pseudonymous: bool = False


def export_log(settings: Settings, order: ExportOrder) -> tuple[int, int]:
    """Write the entries from the first wanted up to the signed checkpoint: first and next index.

    The export is noted for the log before the first line is written. Lines come at least once: after a crash some may come again,
    and their index tells. Raises BadInput, NotFound, StorageFault.
    """
    if order.salts and order.pseudonymous:
        raise BadInput("Salts give everything away again.", advice="Leave out --salts or --pseudonymous.")
    first = max(order.since, _remembered(order.state))
    try:
        note = (settings.hub_folder / "log" / "checkpoint").read_bytes()
        end = open_checkpoint(note, settings.hub_public_key_file.read_bytes()).size
    except FileNotFoundError as error:
        raise NotFound("This installation has no log yet.", advice="Start the hub once.") from error
    if first >= end:
        return first, first
    engine = open_engine(settings.hub_database_url)
    try:
        upgrade(engine)
        if not only_exports(engine, first, end):
            facts = {"first": first, "last": end - 1, "format": order.form.value, "salts": order.salts}
            facts |= {"pseudonymous": order.pseudonymous}
            with writing(engine) as connection:
                noting(SystemClock())(connection, EXPORTED, facts)
        with ExitStack() as stack:
            file: IO[str] = sys.stdout
            if order.output is not None:
                file = stack.enter_context(order.output.open("a", encoding="utf-8", newline="\n"))
            hidden = Pseudonyms(_pseudonym_key(settings)) if order.pseudonymous else None
            for index, line in lines(engine, order.form, first, end, salts=order.salts, pseudonyms=hidden):
                file.write(line + "\n")
                if (index + 1) % _SAVED_EVERY == 0:
                    file.flush()
                    _remember(order.state, index + 1)
            file.flush()
    except OSError as error:
        raise StorageFault(f"The export can't be written: {error.strerror}.", advice="Check the disk.") from error
    finally:
        engine.dispose()
    _remember(order.state, end)
    return first, end


def _pseudonym_key(settings: Settings) -> bytes:
    """The secret behind published pseudonyms, made at first use; one for the hub, so that exports can be joined."""
    path = settings.hub_folder / "keys" / "pseudonyms.key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durably(path, os.urandom(32))
        path.chmod(0o600)
    return path.read_bytes()


def _remembered(state: Path | None) -> int:
    if state is None or not state.exists():
        return 0
    text = state.read_text("utf-8").strip()
    if not text.isascii() or not text.isdigit():
        raise BadInput(f"{state} does not say how far the last export got.", advice="Remove it, and give --since.")
    return int(text)


def _remember(state: Path | None, index: int) -> None:
    if state is not None:
        write_durably(state, f"{index}\n".encode())
