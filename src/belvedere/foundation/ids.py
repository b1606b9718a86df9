"""Identifiers: short prefix, then 128 bits that sort by time of making (UUID version 7, RFC 9562), in base 32."""

import os
import re

from belvedere.foundation.clock import Clock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?")


def new_id(prefix: str, clock: Clock) -> str:
    """A fresh identifier such as `grant_01k9...` (26 characters after the underscore)."""
    value = (clock.now_us() // 1000) << 80 | int.from_bytes(os.urandom(10))
    digits = []
    for _ in range(26):
        digits.append(_ALPHABET[value & 31])
        value >>= 5
    return f"{prefix}_{''.join(reversed(digits))}"


def is_slug(text: str) -> bool:
    """Whether `text` may name a camera or site: lower-case letters, digits and inner hyphens, 48 at most."""
    return _SLUG.fullmatch(text) is not None


def slug(name: str) -> str:
    """A slug made from a person's words: `Car park, north` -> `car-park-north`. Empty when nothing usable is left."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48].strip("-")
