"""The advisory file: known faults of camera firmware and dates of support, brought in by hand and checked offline.

Format: docs/reference/advisory-file.md. Nothing is fetched from anywhere.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from belvedere.foundation.errors import BadInput
from belvedere.link.cameras import KnownFault
from belvedere.site.makers.catalogue import same_make
from belvedere.site.makers.firmware import Older, older

FORMAT = "belvedere-advisories-1"
MAX_BYTES = 8 << 20
_SOON = timedelta(days=180)
_RANK = {"critical": 0, "high": 1, "medium": 2, "low": 3}
_Short = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Text = Annotated[str, msgspec.Meta(max_length=2000)]
_Models = Annotated[tuple[_Short, ...], msgspec.Meta(min_length=1, max_length=1000)]


class Advisory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault of the firmware of some models. Without `fixed_in` no firmware mends it."""

    id: _Short
    title: _Text
    severity: Literal["critical", "high", "medium", "low"]
    make: _Short
    models: _Models  # `*` stands for any letters
    source: _Text
    fixed_in: Annotated[str, msgspec.Meta(max_length=200)] = ""
    exploited: bool = False
    advice: _Text = ""


class Support(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The day on which the maker's support of some models ends."""

    make: _Short
    models: _Models
    ends: date
    source: _Text


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    publisher: _Short
    issued: date
    advisories: tuple[Advisory, ...] = ()
    support: tuple[Support, ...] = ()


@dataclass(frozen=True, slots=True)
class Advisories:
    """A file that was read. `sha256` is of its bytes."""

    publisher: str
    issued: date
    sha256: str
    advisories: tuple[Advisory, ...]
    support: tuple[Support, ...]

    def faults(self, make: str, model: str, firmware: str) -> tuple[KnownFault, ...]:
        """What is known against a camera, worst first. Without its firmware, what can be mended counts as unknown."""
        found = []
        for entry in self.advisories:
            if not _concerns(entry.make, entry.models, make, model):
                continue
            is_older = older(firmware, entry.fixed_in) if entry.fixed_in else Older.YES
            if is_older is Older.NO:
                continue
            found.append(
                KnownFault(
                    id=entry.id,
                    title=entry.title,
                    severity=entry.severity,
                    exploited=entry.exploited,
                    state="affected" if is_older is Older.YES else "unknown",
                    fixed_in=entry.fixed_in,
                    advice=entry.advice,
                    source=entry.source,
                )
            )
        found.sort(key=lambda fault: (fault.state != "affected", not fault.exploited, _RANK[fault.severity], fault.id))
        return tuple(found)

    def support_of(self, make: str, model: str) -> Support | None:
        """The earliest end of support that the file names for a camera."""
        known = [entry for entry in self.support if _concerns(entry.make, entry.models, make, model)]
        return min(known, key=lambda entry: entry.ends, default=None)


def _concerns(wanted_make: str, models: Iterable[str], make: str, model: str) -> bool:
    """Whether a row is about a camera. A model that nobody entered is met by `*` alone."""
    if not make or not same_make(wanted_make, make):
        return False
    plain = model.casefold().strip()
    return any(fnmatchcase(plain, pattern.casefold().strip().replace("[", "[[]")) for pattern in models)


def support_state(ends: date | None, today: date) -> str:
    """`ok`, `soon` (within 180 days), `ended`, or `unknown` without a date. On the last day support has not ended."""
    if ends is None:
        return "unknown"
    if ends < today:
        return "ended"
    return "soon" if ends - today <= _SOON else "ok"


def read_advisories(data: bytes) -> Advisories:
    """The file in `data`. Raises BadInput, which says where it is wrong."""
    if len(data) > MAX_BYTES:
        raise BadInput(f"The advisory file is larger than {MAX_BYTES >> 20} MiB.", advice="Give one with fewer rows.")
    try:
        file = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadInput(
            f"The advisory file can't be read: {error}.", advice="Its format is in docs/reference/advisory-file.md."
        ) from error
    if file.format != FORMAT:
        raise BadInput(
            f"The advisory file is of the format {file.format!r}; this software reads {FORMAT}.",
            advice="Ask its publisher for that format, or update Belvedere.",
        )
    again = [name for name, count in Counter(entry.id for entry in file.advisories).items() if count > 1]
    if again:
        raise BadInput(f"The advisory file has {again[0]} twice.", advice="Give each advisory an id of its own.")
    return Advisories(file.publisher, file.issued, hashlib.sha256(data).hexdigest(), file.advisories, file.support)


def check_signature(data: bytes, signature: bytes, key: bytes) -> None:
    """Check an Ed25519 signature (RFC 8032) of the file's bytes. Raises BadInput."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except (InvalidSignature, ValueError) as error:
        raise BadInput(
            "The advisory file's signature does not fit the file and the key.",
            advice="Fetch the file, its signature and the publisher's key again, each from where it is published.",
        ) from error
