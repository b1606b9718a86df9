"""Signed notes (C2SP signed-note, Ed25519): text, then signature lines that name their key."""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from belvedere.foundation.errors import BadInput

MAX_NOTE_BYTES = 64 * 1024
MAX_SIGNATURES = 64
_ED25519 = b"\x01"
_DASH = "— "
_ADVICE = "Fetch the note again from the log that signed it."


class BadNote(BadInput):
    """Text that is no note, or a note whose known signature does not hold."""

    code = "bad_note"


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A key that verifies notes: its name and 32 raw bytes of Ed25519."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or any(letter.isspace() or ord(letter) < 32 for letter in self.name):
            raise ValueError(f"{self.name!r} can't name a key: no spaces and no plus")
        if len(self.public_key) != 32:
            raise ValueError("an Ed25519 public key has 32 bytes")

    @property
    def id(self) -> bytes:
        """The four bytes in front of this key's signatures."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:4]


def sign_note(text: str, name: str, key: Ed25519PrivateKey) -> bytes:
    """`text` (which ends in a newline) and one signature by `key` under `name`."""
    _check_text(text)
    if not text.endswith("\n"):
        raise ValueError("the text of a note ends in a newline")
    note_key = NoteKey(name, key.public_key().public_bytes_raw())
    signature = base64.b64encode(note_key.id + key.sign(text.encode())).decode()
    return f"{text}\n{_DASH}{name} {signature}\n".encode()


def open_note(note: bytes, key: NoteKey) -> str:
    """The text of `note`, once `key` is found to have signed it; signatures of other keys are ignored.

    Raises BadNote.
    """
    text, signatures = split_note(note)
    found = False
    for name, blob in signatures:
        if name == key.name and blob[:4] == key.id:
            try:
                Ed25519PublicKey.from_public_bytes(key.public_key).verify(blob[4:], text.encode())
            except InvalidSignature:
                raise BadNote(f"The signature of {name} on this note does not hold.", advice=_ADVICE) from None
            found = True
    if not found:
        raise BadNote(f"This note is not signed by {key.name}.", advice="Check that you hold the right public key.")
    return text


def _check_text(text: str) -> None:
    if any(ord(letter) < 32 and letter != "\n" for letter in text):
        raise BadNote("A note holds no control characters.", advice=_ADVICE)


def split_note(note: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """Text and signatures (key name, key id and signature) of `note`, none of them checked. Raises BadNote."""
    if len(note) > MAX_NOTE_BYTES:
        raise BadNote(f"This note is longer than {MAX_NOTE_BYTES} bytes.", advice=_ADVICE)
    try:
        whole = note.decode()
    except UnicodeDecodeError:
        raise BadNote("This note is not UTF-8.", advice=_ADVICE) from None
    _check_text(whole)
    text, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise BadNote("This note has no signatures.", advice=_ADVICE)
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise BadNote(f"This note has more than {MAX_SIGNATURES} signatures.", advice=_ADVICE)
    return text + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not name or not space:
        raise BadNote("A signature line of this note is malformed.", advice=_ADVICE)
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise BadNote("A signature of this note is not base64.", advice=_ADVICE) from None
    if base64.b64encode(blob).decode() != encoded:
        raise BadNote("A signature of this note is not spelled the one right way.", advice=_ADVICE)
    if len(blob) < 5:
        raise BadNote("A signature of this note is too short.", advice=_ADVICE)
    return name, blob
