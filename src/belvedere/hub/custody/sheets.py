"""Bytes as lines that people can print, type and check: Crockford's base 32, a check group a line.

    01  7gk2 m4e0 ...  c3f9

Twenty bytes a line. The check group is 20 bits of SHA-256 over the line's number and bytes, so that a wrong line is named.
"""

import hashlib
import re

from belvedere.foundation.errors import BadInput

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {letter: n for n, letter in enumerate(_ALPHABET)} | {"o": 0, "i": 1, "l": 1}
_LINE_BYTES = 20


def _text(data: bytes) -> str:
    bits = int.from_bytes(data) << (-len(data) * 8 % 5)
    count = -(-len(data) * 8 // 5)
    return "".join(_ALPHABET[bits >> 5 * n & 31] for n in reversed(range(count)))


def _data(text: str) -> bytes:
    bits = 0
    for letter in text:
        bits = bits << 5 | _VALUES[letter]
    size = len(text) * 5 // 8
    return (bits >> (len(text) * 5 - size * 8)).to_bytes(size)


def _check(number: int, data: bytes) -> str:
    return _text(hashlib.sha256(number.to_bytes(2) + data).digest()[:3])[:4]


def to_lines(data: bytes) -> list[str]:
    """The lines of `data`."""
    lines = []
    for n, at in enumerate(range(0, len(data), _LINE_BYTES), 1):
        part = data[at : at + _LINE_BYTES]
        text = _text(part)
        groups = " ".join(text[i : i + 4] for i in range(0, len(text), 4))
        lines.append(f"{n:02d}  {groups}  {_check(n, part)}")
    return lines


def from_lines(lines: list[str]) -> bytes:
    """The bytes of lines in order. Raises BadInput naming the line that is wrong."""
    data = b""
    for n, line in enumerate(lines, 1):
        words = re.sub(r"[^0-9a-z ]", "", line.lower()).split()
        if len(words) < 3 or not words[0].isdecimal() or int(words[0]) != n:
            raise BadInput(f"Line {n} of the sheet is missing or is not in its place.", advice="Copy it again.")
        text, check = "".join(words[1:-1]), words[-1]
        if any(letter not in _VALUES for letter in text):
            raise BadInput(f"Line {n} of the sheet holds a letter that can't be.", advice="Copy that line again.")
        part = _data(text)
        if _check(n, part) != check.translate(str.maketrans("oil", "011")):
            raise BadInput(
                f"Line {n} of the sheet does not agree with its check group.", advice="Copy that line again."
            )
        data += part
    return data


def block(title: str, data: bytes) -> str:
    """A titled block of lines."""
    return "\n".join([f"--- BEGIN {title} ---", *to_lines(data), f"--- END {title} ---"])


def find_block(text: str, title: str) -> bytes | None:
    """The bytes of a titled block; None when the text has none. Raises BadInput."""
    found = re.search(rf"--- BEGIN {re.escape(title)} ---\n(.*?)\n--- END {re.escape(title)} ---", text, re.DOTALL)
    return None if found is None else from_lines([line for line in found[1].split("\n") if line.strip()])
