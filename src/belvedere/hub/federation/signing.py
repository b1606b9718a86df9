"""Signatures between hubs: Ed25519 (RFC 8032) over a prefix that names the kind of words, then the words. Pure."""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from belvedere.foundation.errors import BadInput, Refused
from belvedere.hub.federation.words import PartnerDocument, Signed, decode, encode

LETTER, DELIVERY, RECEIPT, PART_ASK, PART, DOCUMENT, NEW_KEY = (
    "letter",
    "delivery",
    "receipt",
    "part-ask",
    "part",
    "partner",
    "new-key",
)
DOCUMENT_FORMAT = 1
LONGEST_DOCUMENT = 16 << 10


def key_id(public_key: bytes) -> str:
    """What a key is known by: SHA-256 of its 32 bytes, hex."""
    return hashlib.sha256(public_key).hexdigest()


def _prefix(kind: str) -> bytes:
    return f"belvedere federation {kind} 1\n".encode()


def raw_signature(key: Ed25519PrivateKey, kind: str, words: bytes) -> bytes:
    """64 bytes."""
    return key.sign(_prefix(kind) + words)


def verify(public_key: bytes, kind: str, words: bytes, signature: bytes) -> None:
    """Return if it holds. Raises Refused."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, _prefix(kind) + words)
    except (InvalidSignature, ValueError) as error:
        raise Refused("The signature does not hold: the words were changed, or another key signed them.") from error


def sign(key: Ed25519PrivateKey, kind: str, words: bytes) -> Signed:
    """`words` as this key signs them."""
    return Signed(key_id(key.public_key().public_bytes_raw()), words, raw_signature(key, kind, words))


def make_document(key: Ed25519PrivateKey, document: PartnerDocument) -> bytes:
    """The file that is sent to a partner."""
    return encode(sign(key, DOCUMENT, encode(document)))


def read_document(data: bytes) -> tuple[PartnerDocument, str]:
    """A partner's document, signed by the key in it, and its fingerprint. Raises BadInput."""
    advice = "Ask the partner for the file as their hub made it."
    if len(data) > LONGEST_DOCUMENT:
        raise BadInput("This is no partner document: it is too long.", advice=advice)
    try:
        signed = decode(data, Signed)
        document = decode(signed.words, PartnerDocument)
        verify(document.key, DOCUMENT, signed.words, signed.signature)
    except (BadInput, Refused) as error:
        raise BadInput("This is no partner document, or it was changed on its way.", advice=advice) from error
    if document.format != DOCUMENT_FORMAT:
        raise BadInput(f"This document has format {document.format}.", advice="Update the older of the two hubs.")
    return document, fingerprint(signed.words)


def fingerprint(words: bytes) -> str:
    """What two people compare: the first 128 bits of the SHA-256 of the document's words, in eight groups."""
    digits = hashlib.sha256(words).hexdigest()[:32]
    return " ".join(digits[at : at + 4] for at in range(0, 32, 4))


def same_fingerprint(typed: str, right: str) -> bool:
    """Whether a person typed it right; spaces and case do not count."""
    return "".join(typed.split()).lower() == right.replace(" ", "")
