"""The certificate of a deletion: which footage no longer exists, signed by the hub and proven to be in its audit log.

    {"certificate": {...}, "signature": HEX, "log": {"index", "salt", "record", "path", "checkpoint"}}

Signed are the canonical bytes of `certificate` (names sorted, no spaces) behind a fixed prefix. The log's record names their
SHA-256, so that no certificate can be made afterwards, and none left out unnoticed.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from belvedere.foundation.clock import DAY_US, iso
from belvedere.foundation.errors import BadPack
from belvedere.link.retention import Destruction
from belvedere.tlog.note import BadNote
from belvedere.tlog.proof import LogProof

FORMAT = 1
KIND = "belvedere deletion certificate"
CERTIFIED = "deletion.certified"  # kind of the log entry
MAX_BYTES = 8 << 20
_PREFIX = b"belvedere deletion 1\n"
WHYS = {
    "age": "its time was up",
    "space": "the disk was full",
    "held_space": "the disk was full of held footage",
    "disk_gone": "its disk was taken out, with the files on it",
}


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Footage of one camera, stream and day. Times also in words, so that the file can be read as it is."""

    line: int
    camera: str
    stream: str
    day: str
    from_us: int
    to_us: int
    from_time: str
    to_time: str
    segments: int
    bytes: int
    sha256_root: str
    why: str
    decided: str
    marked_us: int
    destroyed_us: int
    key_destroyed: bool


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed."""

    format: int
    kind: str
    id: str
    site: str
    made_us: int
    public_key: str
    lines: tuple[Line, ...]


class _Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    index: int
    salt: str
    record: str
    path: tuple[str, ...]
    checkpoint: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    certificate: Certificate
    signature: str
    log: _Log


def line_of(one: Destruction) -> Line:
    """A site's line as it stands in a certificate."""
    return Line(
        line=one.id,
        camera=one.camera,
        stream=one.stream,
        day=iso(one.day * DAY_US)[:10],
        from_us=one.from_us,
        to_us=one.to_us,
        from_time=iso(one.from_us),
        to_time=iso(one.to_us),
        segments=one.segments,
        bytes=one.bytes,
        sha256_root=one.root,
        why=one.why,
        decided=one.decided,
        marked_us=one.marked_us,
        destroyed_us=one.destroyed_us,
        key_destroyed=one.key_destroyed,
    )


def words_of(certificate: Certificate) -> bytes:
    """The canonical bytes that are signed and whose hash is in the log."""
    return msgspec.json.encode(certificate, order="sorted")


def facts_of(certificate: Certificate) -> dict[str, object]:
    """Facts of the log entry that proves the certificate."""
    return {
        "certificate": certificate.id,
        "sha256": hashlib.sha256(words_of(certificate)).hexdigest(),
        "site": certificate.site,
        "cameras": sorted({line.camera for line in certificate.lines}),
        "segments": sum(line.segments for line in certificate.lines),
        "bytes": sum(line.bytes for line in certificate.lines),
        "from_us": min(line.from_us for line in certificate.lines),
        "to_us": max(line.to_us for line in certificate.lines),
    }


def file_of(certificate: Certificate, key: Ed25519PrivateKey, proof: LogProof) -> bytes:
    """The certificate as a file for people to keep."""
    log = _Log(
        index=proof.index,
        salt=proof.salt.hex(),
        record=proof.record.decode(),
        path=tuple(part.hex() for part in proof.path),
        checkpoint=proof.checkpoint.decode(),
    )
    signature = key.sign(_PREFIX + words_of(certificate)).hex()
    return msgspec.json.format(msgspec.json.encode(_File(certificate, signature, log)), indent=1) + b"\n"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of a certificate found. `facts` say what it certifies."""

    problems: tuple[str, ...]
    facts: tuple[str, ...]

    @property
    def valid(self) -> bool:
        return not self.problems


def looks_like_one(data: bytes) -> bool:
    """Whether a file means to be a certificate of deletion."""
    try:
        words: Any = json.loads(data)
    except ValueError:
        return False
    found = words.get("certificate") if isinstance(words, dict) else None
    return isinstance(found, dict) and found.get("kind") == KIND


def verify_certificate(data: bytes, public_key: bytes | None = None) -> Verdict:
    """Check a certificate offline. `public_key`: the hub's, from somebody you trust; else the one that it names.

    Raises BadPack when it can't be read as one.
    """
    if len(data) > MAX_BYTES:
        raise BadPack("This file is too long for a certificate.", advice="Check which file it is.")
    try:
        file = msgspec.json.decode(data, type=_File)
        key = bytes.fromhex(file.certificate.public_key)
        signature = bytes.fromhex(file.signature)
        proof = LogProof(
            index=file.log.index,
            salt=bytes.fromhex(file.log.salt),
            record=file.log.record.encode(),
            path=tuple(bytes.fromhex(part) for part in file.log.path),
            checkpoint=file.log.checkpoint.encode(),
        )
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadPack(f"This certificate can't be read: {error}.", advice="Ask the hub for it again.") from error
    certificate = file.certificate
    if (certificate.format, certificate.kind) != (FORMAT, KIND):
        raise BadPack("This certificate is of a newer format.", advice="Verify it with a newer Belvedere.")
    problems = []
    if public_key is not None and key != public_key:
        problems.append("It names another hub's key than the one given.")
    words = words_of(certificate)
    try:
        Ed25519PublicKey.from_public_bytes(public_key or key).verify(signature, _PREFIX + words)
    except (InvalidSignature, ValueError):
        problems.append("Its signature is not the hub's, or it was changed.")
    problems += _log_problems(proof, certificate, public_key or key)
    return Verdict(tuple(problems), tuple(_facts(certificate, proof, confirmed=public_key is not None)))


def _log_problems(proof: LogProof, certificate: Certificate, key: bytes) -> list[str]:
    try:
        proof.verify(key)
        record: Any = json.loads(proof.record)
        facts = record["facts"]
        if record["kind"] != CERTIFIED or record["index"] != proof.index:
            return ["The log entry is not that of a certificate."]
        if facts["sha256"] != hashlib.sha256(words_of(certificate)).hexdigest():
            return ["The log entry is that of another certificate."]
    except BadNote as error:
        return [f"It is not shown to be in the hub's log. {error.message}"]
    except (ValueError, KeyError, TypeError):
        return ["The log entry can't be read."]
    return []


def _facts(certificate: Certificate, proof: LogProof, *, confirmed: bool) -> list[str]:
    facts = [f"Certificate {certificate.id} of the site {certificate.site}, made {iso(certificate.made_us)}"]
    for line in _shown(certificate.lines):
        gone = "its key is destroyed" if line.key_destroyed else "its key is kept for other footage"
        why = WHYS.get(line.why, line.why)
        facts.append(
            f"{line.camera} {line.stream}, {line.from_time} to {line.to_time}: {line.segments} segments, {line.bytes} bytes, "
            f"because {why}; {gone}"
        )
    if len(certificate.lines) > len(_shown(certificate.lines)):
        facts.append(f"and {len(certificate.lines) - len(_shown(certificate.lines))} lines more")
    facts.append(f"Entry {proof.index} of the hub's log")
    whose = "given by you" if confirmed else "named by the file itself: give --key to be sure whose it is"
    facts.append(f"Key {certificate.public_key[:16]}..., {whose}")
    return facts


def _shown(lines: Sequence[Line]) -> Sequence[Line]:
    return lines[:20]
