"""Secrets that people and browsers hold: passwords, one-time codes, session ids. None is stored as it is.

Passwords: argon2id with RFC 9106's second recommended parameters (64 MiB, 3 passes). Codes and session ids are random and
long, so that a plain SHA-256 is enough to store them by.
"""

import base64
import hashlib
import hmac
import re
import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from belvedere.foundation.errors import BadInput

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256  # characters; hashing time must not depend on what a stranger sends
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U
_CODE_LENGTH = 20  # characters of 5 bits: 100 bits
_HASHES_AT_ONCE = 2  # each takes 64 MiB and a core


class Passwords:
    """Hashes and checks passwords, at most two at a time."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobody = ""  # hash of a password that nobody knows, made when first needed
        self._slots = threading.BoundedSemaphore(_HASHES_AT_ONCE)

    def hash(self, password: str) -> str:
        """The argon2id hash of `password`, parameters included."""
        with self._slots:
            return self._hasher.hash(password)

    def matches(self, stored: str, password: str) -> bool:
        """Whether `password` is the stored one. Takes as long when `stored` is empty, so that nobody learns who has an account."""
        with self._slots:
            self._nobody = self._nobody or self._hasher.hash(secrets.token_hex(16))
            try:
                return self._hasher.verify(stored or self._nobody, password) and stored != ""
            except (VerifyMismatchError, VerificationError, InvalidHashError):
                return False

    def outdated(self, stored: str) -> bool:
        """Whether `stored` was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(stored)


def require_good_password(password: str, *, name: str) -> None:
    """Raise BadInput unless `password` may be used (NIST SP 800-63B: length counts, composition rules do not)."""
    if len(password) < SHORTEST_PASSWORD:
        raise BadInput(
            f"A password needs {SHORTEST_PASSWORD} characters or more.",
            advice="Four or five words in a row are easy to keep.",
        )
    if len(password) > LONGEST_PASSWORD:
        raise BadInput(f"A password has {LONGEST_PASSWORD} characters at most.", advice="Choose a shorter one.")
    if len(set(password.lower())) < 5 or (
        len(name) >= 4 and password.lower().replace(name, "") in ("", "1", "123", "1234")
    ):
        raise BadInput("That password is too easy to guess.", advice="Four or five words in a row are easy to keep.")


def new_code() -> str:
    """A one-time code for a person to type: `7K2QF-9M2XT-R4DPA-0C8NV`."""
    digits = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
    return "-".join(digits[i : i + 5] for i in range(0, _CODE_LENGTH, 5))


def code_digits(text: str) -> str:
    """A typed code without hyphens and blanks, look-alikes corrected; "" when it can't be a code."""
    digits = re.sub(r"[\s-]", "", text.upper()).replace("O", "0").replace("I", "1").replace("L", "1")
    if len(digits) != _CODE_LENGTH or any(digit not in _ALPHABET for digit in digits):
        return ""
    return digits


def digest(secret: str) -> str:
    """SHA-256 of a random secret, in hex: what is stored of it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_session_id() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def csrf_of(session_id: str) -> str:
    """The token that unsafe requests of a session must carry. Derived, so that nothing more is stored."""
    mac = hmac.digest(session_id.encode(), b"belvedere csrf", "sha256")
    return base64.urlsafe_b64encode(mac[:24]).decode()
