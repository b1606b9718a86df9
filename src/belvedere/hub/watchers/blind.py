"""Comparing subjects without keeping them: HMAC-SHA-256 under a key that is no part of the database or its backups.

What somebody searched for stands in the log, and is erased with it. The detectors keep and compare only what comes out here.
"""

import hashlib
import hmac
import os
import re
from pathlib import Path

from belvedere.foundation.errors import StorageFault

KEY_BYTES = 32
_WORD = re.compile(r"\w+")
_MOST_WORDS = 40  # of one search; the rest is not compared
_LONGEST = 6  # words that a declared address has at most
_NUMBER = re.compile(r"(flat\d*|\d+[a-z]?)")
_BRITISH = re.compile(r"[a-z]{2}\d{2}[a-z]{3}|[a-z]\d{1,3}[a-z]{3}|[a-z]{3}\d{1,3}[a-z]")  # since 2001, 1983, 1963
_PLATE = re.compile(r"(?=.*\d)(?=.*[a-z])[a-z0-9]{4,8}")  # others, written in one word


def watching_key(path: Path) -> bytes:
    """The key in `path`, made when there is none, readable by its owner only. Raises StorageFault."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(os.urandom(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
        key = path.read_bytes()
    except OSError as error:
        raise StorageFault(f"{path} can't be read or made: {error}.", advice="Check the folder's owner.") from error
    if len(key) != KEY_BYTES:
        raise StorageFault(f"{path} is damaged.", advice="Restore it from the data protection officer's copy.")
    return key


def plain(text: str) -> tuple[str, ...]:
    """The words of a text as they are compared: lower case, letters and digits only."""
    return tuple(_WORD.findall(text.casefold().replace("'", "").replace("_", " ")))[:_MOST_WORDS]


class Blinder:
    """Turns subjects into names that only this key can make again."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def _blind(self, kind: str, text: str) -> str:
        return hmac.new(self._key, f"{kind}\0{text}".encode(), hashlib.sha256).hexdigest()[:30]

    def subjects(self, words: str) -> frozenset[str]:
        """What a search is about: all its words in whatever order, and each registration plate among them."""
        found = plain(words)
        if not found:
            return frozenset()
        plates = _plates(found)
        whole = "".join(sorted(found))
        return frozenset(self._blind("subject", text) for text in plates or {whole})

    def mentions(self, words: str) -> frozenset[str]:
        """Every run of up to six words, for comparing with what staff declared."""
        return frozenset(self._blind("declared", text) for text in self._windows(plain(words), _LONGEST))

    def declared(self, words: str) -> frozenset[str]:
        """What a declared address, plate or name is kept as: the whole, and an address also without its number."""
        found = plain(words)
        texts = {"".join(found[:_LONGEST])} if found else set()
        street = tuple(word for word in found if not _NUMBER.fullmatch(word))
        if street and len(street) < len(found) and len("".join(street)) > 5 and street[0] != found[0]:
            texts.add("".join(street[:_LONGEST]))
        return frozenset(self._blind("declared", text) for text in texts)

    def pseudonym(self, account_id: str) -> str:
        """A person's name for those who need not know it: `Person 7K2QX`."""
        if not account_id:
            return ""
        digits = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
        value = int.from_bytes(hmac.new(self._key, f"person\0{account_id}".encode(), hashlib.sha256).digest()[:8])
        letters = []
        for _ in range(5):
            value, at = divmod(value, len(digits))
            letters.append(digits[at])
        return f"Person {''.join(letters)}"

    @staticmethod
    def _windows(words: tuple[str, ...], longest: int) -> set[str]:
        last = len(words)
        return {"".join(words[at : at + n]) for at in range(last) for n in range(1, longest + 1) if at + n <= last}


def _plates(words: tuple[str, ...]) -> set[str]:
    """Registration plates, British ones in up to three words. The whole counts: half a plate is many vehicles'."""
    found = set()
    at = 0
    while at < len(words):
        for count in (3, 2, 1):
            text = "".join(words[at : at + count])
            if at + count <= len(words) and (_BRITISH.fullmatch(text) or (count == 1 and _PLATE.fullmatch(text))):
                found.add(text)
                at += count - 1
                break
        at += 1
    return found
