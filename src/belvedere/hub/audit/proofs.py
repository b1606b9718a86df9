"""One entry of the log as a file that proves itself: record, salt, path to the root, the signed checkpoint over it.

`belvedere audit verify --entry FILE` and the page `/log/verify.html` take it as it is; the key in it is a convenience, and both
say so. Of an erased entry the file proves that something stood there, and when the log had which length.
"""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.hub.audit.log import AuditLog
from belvedere.hub.audit.witnesses import WitnessDesk
from belvedere.tlog.checkpoint import log_key, open_checkpoint
from belvedere.tlog.cosign import note_key_text

FORMAT = 1


def entry_proof(log: AuditLog, witnesses: WitnessDesk, key: Ed25519PrivateKey, index: int) -> dict[str, Any]:
    """The file's words. Under a checkpoint that witnesses signed where one covers the entry, else the newest. Raises NotFound."""
    entry = log.entry(index)
    public_key = key.public_key().public_bytes_raw()
    note = witnesses.witnessed()
    witnessed = note is not None and open_checkpoint(note, public_key).size > index
    if note is None or not witnessed:
        note = witnesses.head()
    size = open_checkpoint(note, public_key).size
    return {
        "format": FORMAT,
        "index": index,
        "record": entry.record.decode(),
        "salt": entry.salt.hex(),
        "entry": entry.hash.hex(),
        "path": [part.hex() for part in log.path(index, size)],
        "checkpoint": note.decode(),
        "key": note_key_text(log_key(public_key)),
        "witnesses": witnesses.list.text(),
        "witnessed": witnessed,
    }
