"""Cosignatures (C2SP tlog-cosignature, `cosignature/v1`): who else saw a checkpoint, and when.

A witness signs `cosignature/v1`, the time and the checkpoint's text, once it has checked that the checkpoint extends the one it
signed before. The hub signs its own checkpoints in this form too: that line is its clock, renewed each minute.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from belvedere.tlog.checkpoint import Checkpoint, log_origin, open_checkpoint, sign_checkpoint
from belvedere.tlog.merkle import verify_consistency
from belvedere.tlog.note import BadNote, NoteKey, split_note

_COSIGNATURE = b"\x04"
_ED25519 = b"\x01"
_BLOB_BYTES = 4 + 8 + 64
_MAX_TIME_S = 2**63
_KEY = re.compile(r"([^+\s]{1,200})\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})")
_TELL = "Tell the data protection officer, and keep both checkpoints."


class LogWentBack(BadNote):
    """The log is shorter than it was, or shows another history."""

    code = "log_went_back"


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A key that verifies cosignatures: its name and 32 raw bytes of Ed25519."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        NoteKey(self.name, self.public_key)  # the same rules

    @property
    def id(self) -> bytes:
        """The four bytes in front of this key's cosignatures."""
        return hashlib.sha256(self.name.encode() + b"\n" + _COSIGNATURE + self.public_key).digest()[:4]

    @property
    def text(self) -> str:
        """The key as one line, to be handed on: `name+id+base64`."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_COSIGNATURE + self.public_key).decode()}"


@dataclass(frozen=True, slots=True)
class Cosignature:
    """Who saw a checkpoint, and when (seconds since 1970, UTC)."""

    name: str
    time_s: int


def note_key_text(key: NoteKey) -> str:
    """A log's key as one line, to be handed on: `name+id+base64`."""
    return f"{key.name}+{key.id.hex()}+{base64.b64encode(_ED25519 + key.public_key).decode()}"


def read_key(text: str) -> NoteKey | WitnessKey:
    """The key in one line of `name+id+base64`. Raises BadNote."""
    match = _KEY.fullmatch(text.strip())
    advice = "It looks like name+1234abcd+BASE64."
    if match is None:
        raise BadNote("This is not a key.", advice=advice)
    blob = base64.b64decode(match[3])  # 44 digits are 33 bytes, spelled in one way only
    if blob[:1] not in (_ED25519, _COSIGNATURE):
        raise BadNote("This is a key of another kind.", advice="Keys of logs and witnesses are Ed25519.")
    key = NoteKey(match[1], blob[1:]) if blob[:1] == _ED25519 else WitnessKey(match[1], blob[1:])
    if key.id.hex() != match[2]:
        raise BadNote("This key does not belong to its name.", advice="It was copied wrongly, or changed.")
    return key


def cosign(text: str, name: str, key: Ed25519PrivateKey, time_s: int) -> str:
    """One signature line (with its newline) by `key` under `name` over a checkpoint's `text`, seen at `time_s`."""
    if not 0 <= time_s < _MAX_TIME_S:
        raise ValueError("a cosignature's time is in seconds since 1970")
    witness = WitnessKey(name, key.public_key().public_bytes_raw())
    signature = key.sign(_message(text, time_s))
    return f"— {name} {base64.b64encode(witness.id + time_s.to_bytes(8, 'big') + signature).decode()}\n"


def _message(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def cosignatures(note: bytes, keys: Sequence[WitnessKey]) -> list[Cosignature]:
    """The cosignatures on `note` by `keys`; those of others are passed over. Raises BadNote when one does not hold."""
    text, signatures = split_note(note)
    known = {(key.name, key.id): key for key in keys}
    found = []
    for name, blob in signatures:
        key = known.get((name, blob[:4]))
        if key is None:
            continue
        if len(blob) != _BLOB_BYTES:
            raise BadNote(f"The cosignature of {name} has a wrong length.", advice=_TELL)
        time_s = int.from_bytes(blob[4:12], "big")
        try:
            Ed25519PublicKey.from_public_bytes(key.public_key).verify(blob[12:], _message(text, time_s))
        except InvalidSignature:
            raise BadNote(f"The cosignature of {name} does not hold.", advice=_TELL) from None
        found.append(Cosignature(name, time_s))
    return found


def strangers(note: bytes, known: Sequence[NoteKey | WitnessKey]) -> list[str]:
    """Names that signed `note` with keys which are not among `known`."""
    ids = {(key.name, key.id) for key in known}
    return [name for name, blob in split_note(note)[1] if (name, blob[:4]) not in ids]


def timed_checkpoint(size: int, root: bytes, key: Ed25519PrivateKey, time_s: int) -> bytes:
    """A checkpoint signed by the hub's key, with the hub's clock as a cosignature of its own."""
    note = sign_checkpoint(size, root, key)
    name = log_origin(key.public_key().public_bytes_raw())
    return note + cosign(split_note(note)[0], name, key, time_s).encode()


def only(note: bytes, *keys: NoteKey | WitnessKey) -> bytes:
    """`note` with the signature lines of `keys` and no others."""
    wanted = {(key.name, key.id) for key in keys}
    return _note(note, [one for one in split_note(note)[1] if (one[0], one[1][:4]) in wanted])


def merged(note: bytes, others: Sequence[bytes]) -> bytes:
    """`note` with the signature lines of `others`, which have the same text, below its own; none twice."""
    lines = dict.fromkeys(one for each in (note, *others) for one in split_note(each)[1])
    return _note(note, list(lines))


def _note(note: bytes, signatures: Sequence[tuple[str, bytes]]) -> bytes:
    lines = [f"— {name} {base64.b64encode(blob).decode()}\n" for name, blob in signatures]
    return (split_note(note)[0] + "\n" + "".join(lines)).encode()


def follow(note: bytes, public_key: bytes, last: Checkpoint | None, path: Sequence[bytes]) -> Checkpoint:
    """The checkpoint in `note`, once it is found to be the hub's and to extend `last`, which `path` proves.

    The first checkpoint that a witness sees is taken as it is. Raises BadNote, and LogWentBack when the log is shorter than it
    was or holds another history.
    """
    new = open_checkpoint(note, public_key)
    if last is None:
        return new
    if new.size < last.size:
        raise LogWentBack(f"The log went back from {last.size} to {new.size} entries.", advice=_TELL)
    if new.size == last.size and new.root != last.root:
        raise LogWentBack(f"The log shows two histories of {new.size} entries.", advice=_TELL)
    if not verify_consistency(last.size, new.size, last.root, new.root, path):
        raise LogWentBack(
            f"The log of {new.size} entries is not shown to begin with the {last.size} seen before.", advice=_TELL
        )
    return new
