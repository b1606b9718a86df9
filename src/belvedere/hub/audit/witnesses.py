"""Witnesses of the log: who they are, what they signed, and asking the site for its signature.

    HUB/witness/witnesses       a key a line, as verifiers take them
    HUB/witness/cosigned/ID     the newest checkpoint that the witness with this key id signed

Witnesses are never in the way: nothing waits for them, and a log without any goes on. How many signed is stated, not enforced.
"""

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path

import structlog

from belvedere.foundation.errors import BadInput, BelvedereError, Conflict, LinkFault, NotFound, Refused
from belvedere.hub.audit.log import AuditLog
from belvedere.link.client import SiteLink
from belvedere.link.witness import Cosign, Cosigned, GetWitness, WitnessState
from belvedere.tlog.checkpoint import Checkpoint, log_key, open_checkpoint
from belvedere.tlog.cosign import WitnessKey, cosignatures, merged, only, read_key
from belvedere.tlog.folder import write_durably
from belvedere.tlog.note import BadNote, split_note

EVERY_S = 60.0
AWAY_S = 10.0
MAX_WITNESSES = 32  # a note holds 64 signatures
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a witness signed last: `note` holds the hub's signature and its own. `time_s`: by its clock."""

    key: WitnessKey
    checkpoint: Checkpoint
    time_s: int
    note: bytes


class WitnessList:
    """The keys of witnesses, in a file that the command line may add to while the hub runs. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "witnesses"
        self._lock = threading.Lock()

    def all(self) -> list[WitnessKey]:
        """All witnesses, oldest first. Raises BadNote when the file is damaged."""
        try:
            lines = self._file.read_text("utf-8").splitlines()
        except FileNotFoundError:
            return []
        found = [read_key(line) for line in lines if line.strip()]
        return [key for key in found if isinstance(key, WitnessKey)]

    def add(self, key: WitnessKey) -> None:
        """Add a witness, durably. Raises Conflict when its name is taken."""
        with self._lock:
            keys = self.all()
            if any(one.name == key.name for one in keys):
                raise Conflict(f"There is a witness {key.name} already.", advice="Remove it first, or choose a name.")
            if len(keys) >= MAX_WITNESSES:
                raise Conflict(f"There are {MAX_WITNESSES} witnesses already.", advice="Remove one that is gone.")
            self._write([*keys, key])

    def remove(self, name: str) -> None:
        """Take a witness off the list. Raises NotFound."""
        with self._lock:
            keys = self.all()
            if all(one.name != name for one in keys):
                raise NotFound(f"There is no witness {name}.", advice="See `belvedere audit witnesses`.")
            self._write([one for one in keys if one.name != name])

    def text(self) -> str:
        """The keys as verifiers take them, one a line."""
        return "".join(f"{key.text}\n" for key in self.all())

    def _write(self, keys: list[WitnessKey]) -> None:
        write_durably(self._file, "".join(f"{key.text}\n" for key in keys).encode())


class WitnessDesk:
    """Blocking and thread-safe, except `run` and `ask`, which are for the event loop."""

    def __init__(self, folder: Path, audit: AuditLog, public_key: bytes) -> None:
        self.list = WitnessList(folder)
        self._folder = folder / "cosigned"
        self._audit = audit
        self._public_key = public_key
        self._lock = threading.Lock()
        self.fault = ""  # why the site did not sign, empty when it did

    def seen(self) -> list[Seen]:
        """What each witness signed last, those who signed nothing left out."""
        found = []
        for key in self.list.all():
            try:
                found.append(self._read(key, (self._folder / key.id.hex()).read_bytes()))
            except FileNotFoundError:
                continue
            except (OSError, BadNote) as error:
                _LOG.warning("cosignature_unreadable", witness=key.name, reason=str(error))
        return found

    def head(self) -> bytes:
        """The newest checkpoint with the cosignatures that are known for it."""
        note = self._audit.checkpoint().note
        text, _ = split_note(note)
        return merged(note, [one.note for one in self.seen() if split_note(one.note)[0] == text])

    def witnessed(self) -> bytes | None:
        """The newest checkpoint that a witness signed, with all who signed the same; None when nobody did."""
        seen = self.seen()
        if not seen:
            return None
        newest = max(seen, key=lambda one: one.checkpoint.size)
        text = split_note(newest.note)[0]
        return merged(newest.note, [one.note for one in seen if split_note(one.note)[0] == text])

    def take(self, note: bytes) -> list[Seen]:
        """Keep the cosignatures of known witnesses on `note`, a checkpoint that this hub signed. An older one changes nothing.

        Raises Refused when no known witness signed it, BadNote when it is not the hub's or a signature does not hold.
        """
        checkpoint = open_checkpoint(note, self._public_key)
        if checkpoint.size > self._audit.checkpoint().size:
            raise Refused("The hub never signed so long a log.", advice="Tell the data protection officer at once.")
        taken = []
        with self._lock:
            for key in self.list.all():
                for signed in cosignatures(note, [key]):
                    mine = only(note, log_key(self._public_key), key)
                    one = Seen(key, checkpoint, signed.time_s, mine)
                    path = self._folder / key.id.hex()
                    before = self._read(key, path.read_bytes()) if path.is_file() else None
                    if before is None or (before.checkpoint.size, before.time_s) < (checkpoint.size, signed.time_s):
                        write_durably(path, mine)
                    taken.append(one)
        if not taken:
            raise Refused(
                "No witness that this hub knows signed this checkpoint.",
                advice="Let the hub's keeper add the witness: `belvedere audit witnesses --add KEY`.",
            )
        return taken

    def _read(self, key: WitnessKey, note: bytes) -> Seen:
        checkpoint = open_checkpoint(note, self._public_key)
        signed = cosignatures(note, [key])
        if not signed:
            raise BadNote(f"Witness {key.name} did not sign this.", advice="Ask it to sign again.")
        return Seen(key, checkpoint, max(one.time_s for one in signed), note)

    async def run(self, site: str, link: SiteLink) -> None:
        """Ask the site to sign every minute, for as long as the hub runs."""
        while True:
            wait_s = EVERY_S
            try:
                await self.ask(site, link)
                self.fault = ""
            except LinkFault:
                wait_s = AWAY_S  # it signs soon after it is back
            except (BelvedereError, OSError) as error:
                await self._tell(site, str(error))
            await asyncio.sleep(wait_s)

    async def ask(self, site: str, link: SiteLink) -> None:
        """Let the site check and sign the newest checkpoint. Raises LinkFault, Refused, Conflict."""
        state = await link.ask(GetWitness(), WitnessState)
        key = WitnessKey(state.name, state.public_key)
        known = {one.name: one for one in await asyncio.to_thread(self.list.all)}
        if key.name not in known:
            await self._audit.append("witness.added", f"site:{site}", {"witness": key.name, "key": key.text})
            await asyncio.to_thread(self.list.add, key)
        elif known[key.name] != key:
            raise Conflict(
                f"Witness {key.name} shows another key than before.",
                advice="If the recorder was replaced: `belvedere audit witnesses --remove NAME`.",
            )
        head = self._audit.checkpoint()
        path = self._audit.consistency(state.size, head.size) if 0 < state.size <= head.size else ()
        reply = await link.ask(Cosign(head.note, path), Cosigned, reuse=False)
        await asyncio.to_thread(self.take, head.note + reply.line.encode())

    async def _tell(self, site: str, fault: str) -> None:
        """Say once why a site does not sign; the log says it too."""
        if fault == self.fault:
            return
        self.fault = fault
        _LOG.error("witness_refused", site=site, reason=fault)
        try:
            await self._audit.append("witness.refused", f"site:{site}", {"site": site, "reason": fault})
        except (BelvedereError, BadInput) as error:  # the log can't be written: that is told elsewhere
            _LOG.error("witness_refusal_not_logged", reason=str(error))
