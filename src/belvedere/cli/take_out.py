"""Everything of a hub in open formats, to leave with: tables as JSON Lines, the log as its ZIP, packs and files as they are.

It reads one moment of the database while the hub serves, and writes as it reads. Left out is what opens doors: see `SECRET`.
"""

import hashlib
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import JSON, Connection, Table

import belvedere.hub.app  # noqa: F401 (all rooms' tables hang on the metadata now)
from belvedere.foundation.clock import Clock, iso
from belvedere.foundation.errors import BadInput, Conflict, NotFound, StorageFault
from belvedere.foundation.settings import Settings
from belvedere.hub.audit.export import EXPORTED
from belvedere.hub.audit.page import VERIFY_PAGE
from belvedere.hub.audit.whole import HOW_TO_CHECK, entry_lines
from belvedere.hub.objects.address import check_address, open_store
from belvedere.hub.objects.shelf import ObjectShelf
from belvedere.hub.storage.acts import noting
from belvedere.hub.storage.engine import open_engine, writing
from belvedere.hub.storage.migrate import NEWEST, upgrade
from belvedere.hub.storage.rows import every_table, read_rows
from belvedere.tlog.checkpoint import log_key, open_checkpoint
from belvedere.tlog.cosign import note_key_text

SUMS = "SHA256SUMS"
# Table -> columns that are left out; all of the table where there are none. None of it is of use anywhere else.
SECRET: dict[str, tuple[str, ...]] = {"session": (), "account": ("password_hash", "code_hash")}
_FOLDERS = ("map", "timestamps", "witness")  # of the hub's folder, taken as they are
_ADDRESS = re.compile(r"^(\s*database_url\s*=).*$", re.MULTILINE)
_PIECE = 1 << 20
_README = """Everything that the Belvedere hub "{name}" held at {time}, in open formats.

tables/NAME.jsonl   one line a row, one JSON object a line (UTF-8). Times ending in _us are microseconds UTC since 1970.
                    Bytes are base64. A value that is null was empty.
schema.json         every table: columns with their types, the primary key, which column refers to which table.
audit-log.zip       the audit log with all its words, and how to check it without any software of ours.
packs/              finished evidence packs as they were given out; each holds its own README.
files/              the map, time stamps on the log, witnesses.
configuration/      the settings (the database's address is left out).
SHA256SUMS          the hash of every file. Check all of them with:  sha256sum -c SHA256SUMS

Left out, because it opens doors and is of use nowhere else: sessions, password and code hashes, and all private keys.
Footage is not in it: it lies at the sites. Evidence packs hold what was exported of it.
"""


@dataclass(slots=True)
class _Writer:
    """The folder while it is written; every file's hash."""

    folder: Path
    sums: dict[str, str] = field(default_factory=dict)
    size: int = 0

    def put(self, name: str, pieces: Iterable[bytes | memoryview]) -> None:
        path, sha256 = self.folder / name, hashlib.sha256()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("xb") as file:
            for piece in pieces:
                file.write(piece)
                sha256.update(piece)
                self.size += len(piece)
        self.sums[name] = sha256.hexdigest()

    def note(self, name: str) -> None:
        """Hash a file that was written otherwise."""
        sha256 = hashlib.sha256()
        for piece in _pieces(self.folder / name):
            sha256.update(piece)
            self.size += len(piece)
        self.sums[name] = sha256.hexdigest()


@dataclass(frozen=True, slots=True)
class TakenOut:
    """What was written."""

    files: int
    bytes: int
    rows: int


def take_out(settings: Settings, folder: Path, clock: Clock) -> TakenOut:
    """Write everything of the hub of `settings` into the new or empty `folder`. That it was done goes into the log first.

    Raises Conflict when the folder holds something, BadInput when it lies in the data folder, NotFound without a hub, StorageFault.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"{folder} is not empty.", advice="Name a new folder; nothing is overwritten.")
    if folder.absolute().is_relative_to(settings.data.absolute()):
        raise BadInput(f"{folder} lies inside the data folder.", advice="Write it to another disk.")
    log = settings.hub_folder / "log"
    if not (log / "checkpoint").is_file():
        raise NotFound(f"There is no hub in {settings.data}.", advice="Give its data folder with --data.")
    engine = open_engine(settings.hub_database_url)
    rows = 0
    try:
        upgrade(engine)
        public_key = settings.hub_public_key_file.read_bytes()
        note = (log / "checkpoint").read_bytes()  # before tiles and rows: those may be newer, never older
        size = open_checkpoint(note, public_key).size
        with writing(engine) as connection:
            facts = {"first": 0, "last": size - 1, "format": "all", "salts": True, "pseudonymous": False}
            noting(clock)(connection, EXPORTED, facts)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        writer = _Writer(folder)
        level = "REPEATABLE READ" if engine.dialect.name == "postgresql" else "SERIALIZABLE"
        with engine.connect().execution_options(isolation_level=level) as connection, connection.begin():
            tables = [table for table in every_table() if SECRET.get(table.name) != ()]
            for table in tables:
                counter = _Lines(connection, table)
                writer.put(f"tables/{table.name}.jsonl", counter.lines())
                rows += counter.rows
        writer.put("schema.json", [msgspec.json.format(msgspec.json.encode(_schema(tables)), indent=1)])
        with zipfile.ZipFile(folder / "audit-log.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("how-to-check.txt", HOW_TO_CHECK)
            archive.writestr("verify.html", VERIFY_PAGE.read_bytes())
            archive.writestr("log/checkpoint", note)
            archive.writestr("log/key", f"{note_key_text(log_key(public_key))}\n")
            for path in sorted((log / "tile").rglob("*")):
                if path.is_file() and path.suffix != ".new":
                    archive.write(path, f"log/{path.relative_to(log).as_posix()}")
            with archive.open("log/entries.jsonl", "w", force_zip64=True) as file:
                for line in entry_lines(engine, size):
                    file.write(line)
        writer.note("audit-log.zip")
        shelf = ObjectShelf(engine, clock, check_address(settings.hub.objects), partial(open_store, settings=settings))
        for listed in shelf.all():
            pack = shelf.open(listed.key)
            writer.put(f"packs/{listed.key}", pack.read(0, pack.size))
        for part in _FOLDERS:
            for path in sorted((settings.hub_folder / part).rglob("*")):
                if path.is_file() and not path.is_symlink():
                    writer.put(f"files/{path.relative_to(settings.hub_folder).as_posix()}", _pieces(path))
        if (own := settings.data / "belvedere.toml").is_file():
            words = _ADDRESS.sub(r'\1 "left out"', own.read_text("utf-8"))
            writer.put("configuration/belvedere.toml", [words.encode()])
        readme = _README.format(name=settings.hub.name, time=iso(clock.now_us()))
        writer.put("README.txt", [readme.encode()])
        files = len(writer.sums)
        sums = "".join(f"{writer.sums[name]}  {name}\n" for name in sorted(writer.sums))
        writer.put(SUMS, [sums.encode()])
    except OSError as error:
        raise StorageFault(
            f"It can't be written: {error}.", advice="Check the disk; then take another folder."
        ) from error
    finally:
        engine.dispose()
    return TakenOut(files, writer.size, rows)


@dataclass(slots=True)
class _Lines:
    """A table's rows as JSON Lines."""

    connection: Connection
    table: Table
    rows: int = 0

    def lines(self) -> Iterator[bytes]:
        left_out = SECRET.get(self.table.name, ())
        json = {column.name for column in self.table.columns if isinstance(column.type, JSON)}
        names = [str(column.name) for column in self.table.columns]
        for portion in read_rows(self.connection, self.table, in_order=True):
            self.rows += len(portion)
            for row in portion:
                words: dict[str, Any] = {}
                for name, value in zip(names, row, strict=True):
                    if name not in left_out:
                        words[name] = msgspec.Raw(value.encode()) if name in json and value is not None else value
                yield msgspec.json.encode(words) + b"\n"


def _schema(tables: list[Table]) -> dict[str, Any]:
    return {
        "revision": NEWEST,
        "tables": {
            str(table.name): {
                "columns": {
                    str(column.name): {
                        "type": str(column.type),
                        "null": bool(column.nullable),
                        "refers_to": [str(key.target_fullname) for key in column.foreign_keys],
                    }
                    for column in table.columns
                    if column.name not in SECRET.get(table.name, ())
                },
                "primary_key": [str(column.name) for column in table.primary_key.columns],
            }
            for table in tables
        },
    }


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
