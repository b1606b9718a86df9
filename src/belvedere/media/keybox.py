"""A key sealed for one recipient: HPKE (RFC 9180), base mode, X25519, HKDF-SHA256, AES-256-GCM.

    box = u8 version = 1   8 bytes recipient   32 bytes encapsulated key   ciphertext and 16-byte tag

`recipient` is the beginning of SHA-256 of the public key, so that the holder of many keys knows which one opens it. What the
key is for is bound to the box as HPKE's `info`: a box that was moved to another camera, day or site does not open.
"""

import hashlib
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from belvedere.foundation.errors import SealBroken

KEY_BYTES = 32
NAME_BYTES = 8
_VERSION = 1
_HEAD = 1 + NAME_BYTES
_LEAST = _HEAD + 32 + 16
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_CHECK = b"belvedere key check 1\n"
_ADVICE = "Restore the key that it was sealed for, or recover it: `belvedere keys recover`."


@dataclass(frozen=True, slots=True)
class CameraDay:
    """The camera-day that a key belongs to. `box`: the UUID of the recorder that made it; `day`: days since 1970 UTC."""

    box: str
    camera: str
    day: int

    def info(self) -> bytes:
        """What is bound to every box with this key."""
        return f"belvedere camera-day key 1\n{self.box}\n{self.camera}\n{self.day}\n".encode()


def recipient_name(public_key: bytes) -> str:
    """The name of a recipient: 16 hexadecimal digits."""
    return hashlib.sha256(public_key).digest()[:NAME_BYTES].hex()


def new_private_key() -> bytes:
    """A fresh X25519 private key, 32 bytes."""
    return X25519PrivateKey.from_private_bytes(os.urandom(KEY_BYTES)).private_bytes_raw()


def public_key_of(private_key: bytes) -> bytes:
    """The public half, 32 bytes."""
    return X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def shut(plain: bytes, public_key: bytes, info: bytes) -> bytes:
    """`plain` sealed for the holder of `public_key`."""
    name = hashlib.sha256(public_key).digest()[:NAME_BYTES]
    return bytes([_VERSION]) + name + _SUITE.encrypt(plain, X25519PublicKey.from_public_bytes(public_key), info)


def recipient_of(box: bytes) -> str:
    """Whom a box is sealed for. Raises SealBroken when it is no box."""
    if len(box) < _LEAST or box[0] != _VERSION:
        raise SealBroken("This is no sealed key of a version that is known here.", advice=_ADVICE)
    return box[1:_HEAD].hex()


def open_box(box: bytes, private_key: bytes, info: bytes) -> bytes:
    """What was sealed. Raises SealBroken: another recipient, another purpose, or altered."""
    if recipient_of(box) != recipient_name(public_key_of(private_key)):
        raise SealBroken("This key is sealed for somebody else.", advice=_ADVICE)
    try:
        return _SUITE.decrypt(box[_HEAD:], X25519PrivateKey.from_private_bytes(private_key), info)
    except InvalidTag as error:
        raise SealBroken(
            "A sealed key does not open: it was altered, or belongs to something else.", advice=_ADVICE
        ) from error


def check_of(key: bytes) -> bytes:
    """16 bytes by which a key that was opened is known to be the right one; they tell nothing about it."""
    return hashlib.sha256(_CHECK + key).digest()[:16]
