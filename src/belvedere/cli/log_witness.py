"""A witness on somebody's own device, and the hub's list of witnesses."""

import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.cli.log_files import hub_key
from belvedere.foundation.clock import SECOND_US, Clock, SystemClock
from belvedere.foundation.errors import BadInput
from belvedere.foundation.settings import Settings
from belvedere.hub.audit.witnesses import WitnessList
from belvedere.hub.storage import open_engine, upgrade
from belvedere.hub.storage.acts import noting
from belvedere.hub.storage.engine import writing
from belvedere.site.storage.keys import load_key
from belvedere.tlog.check import LogFiles, tile_nodes
from belvedere.tlog.checkpoint import Checkpoint, open_checkpoint
from belvedere.tlog.cosign import LogWentBack, WitnessKey, cosign, follow, read_key
from belvedere.tlog.folder import write_durably
from belvedere.tlog.merkle import consistency_proof
from belvedere.tlog.note import BadNote, split_note

_NAME = re.compile(r"[a-z0-9][a-z0-9./_-]{2,99}")


class LogWitness:
    """A folder with a key, the name, the hub's key and the last checkpoint signed. Made on first use."""

    def __init__(self, folder: Path, name: str, hub: str, clock: Clock) -> None:
        """`hub`: the hub's public key, needed on first use. Raises BadInput."""
        name_file, hub_file = folder / "name", folder / "hub.pub"
        self.fresh = not (folder / "witness.key").exists()
        if self.fresh:
            if not _NAME.fullmatch(name) or name.startswith("belvedere/"):
                raise BadInput("A new witness needs a name.", advice="Give one such as --name example.org/dpo.")
            public_key, _ = hub_key(hub, None)
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_durably(name_file, name.encode())
            write_durably(hub_file, public_key)
        try:
            self._name, self._hub = name_file.read_text("utf-8"), hub_file.read_bytes()
        except OSError as error:
            raise BadInput(f"{folder} is no witness's folder.", advice="Start anew in an empty one.") from error
        if (name and name != self._name) or (hub and hub_key(hub, None)[0] != self._hub):
            raise BadInput(f"The witness in {folder} has another name or hub.", advice="Use another --state folder.")
        self._key = Ed25519PrivateKey.from_private_bytes(load_key(folder / "witness.key", make=True))
        self._kept_file = folder / "kept-checkpoint"
        self._clock = clock

    @property
    def key(self) -> WitnessKey:
        return WitnessKey(self._name, self._key.public_key().public_bytes_raw())

    def sign(self, files: LogFiles) -> tuple[int, bytes, int]:
        """Check, keep, sign: the size seen before, the cosigned checkpoint, its size.

        Raises LogWentBack when the log does not extend what was seen, BadNote when it is not the hub's or its tiles are wrong.
        """
        kept = self._kept()
        note = files.read("checkpoint")
        if note is None:
            raise BadNote("The hub shows no checkpoint.", advice="Check the address.")
        head = open_checkpoint(note, self._hub)
        path: tuple[bytes, ...] = ()
        if kept is not None and 0 < kept.size < head.size:
            path = consistency_proof(kept.size, head.size, tile_nodes(files, head.size))
        try:
            follow(note, self._hub, kept, path)
        except LogWentBack:
            write_durably(self._kept_file.with_name("refused-checkpoint"), note)  # signed by the hub: it can't deny it
            raise
        if kept is None or head.size > kept.size:
            write_durably(self._kept_file, note)
        line = cosign(split_note(note)[0], self._name, self._key, self._clock.now_us() // SECOND_US)
        return (kept.size if kept is not None else 0), note + line.encode(), head.size

    def _kept(self) -> Checkpoint | None:
        try:
            return open_checkpoint(self._kept_file.read_bytes(), self._hub)
        except FileNotFoundError:
            return None


def change_witnesses(settings: Settings, add: str, remove: str) -> list[str]:
    """Add or remove a witness, noted for the log; gives the key lines of all. Raises BadInput, Conflict, NotFound."""
    known = WitnessList(settings.hub_folder / "witness")
    if add or remove:
        clock = SystemClock()
        key = read_key(add) if add else None
        if key is not None and not isinstance(key, WitnessKey):
            raise BadInput(f"{key.name} is the key of a log.", advice="Give the line that `audit witness` prints.")
        engine = open_engine(settings.hub_database_url)
        try:
            upgrade(engine)
            with writing(engine) as connection:  # the note is undone when the list does not take it
                if remove:
                    noting(clock)(connection, "witness.removed", {"witness": remove})
                    known.remove(remove)
                if isinstance(key, WitnessKey):
                    noting(clock)(connection, "witness.added", {"witness": key.name, "key": key.text})
                    known.add(key)
        finally:
            engine.dispose()
    return known.text().splitlines()
