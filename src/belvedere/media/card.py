"""The secrets of a break-glass card: two halves of 128 bits, and a private key that only both together open.

half A -> key A      half B -> key B        (X25519, by HKDF-SHA256)
sealed = box for A of (box for B of the card's private key)
"""

import os

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from belvedere.media.keybox import KEY_BYTES, open_box, public_key_of, shut

HALF_BYTES = 16
_HALF = b"belvedere site card half 1\n"


def new_half() -> bytes:
    return os.urandom(HALF_BYTES)


def _private(half: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, None, _HALF).derive(half)


def half_key(half: bytes) -> bytes:
    """The public key of a half, 32 bytes: all of it that is kept."""
    return public_key_of(_private(half))


def _info(card: str, step: int) -> bytes:
    return f"belvedere site card 1\n{card}\n{step}\n".encode()


def seal_card(card: str, private_key: bytes, first: bytes, second: bytes) -> bytes:
    """The card's private key, sealed for the halves with these public keys in turn."""
    return shut(shut(private_key, second, _info(card, 2)), first, _info(card, 1))


def open_card(card: str, sealed: bytes, first: bytes, second: bytes) -> bytes:
    """The card's private key. Raises SealBroken unless both halves are this card's, in this order."""
    return open_box(open_box(sealed, _private(first), _info(card, 1)), _private(second), _info(card, 2))


def grant_info(card: str, box: str = "") -> bytes:
    """What a card's sealed grant is bound to."""
    return f"belvedere site card grant 1\n{card}\n{box}\n".encode()
