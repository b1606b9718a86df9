"""Checking a pack offline: no database, no network, nothing but the standard library and `cryptography`.

Meant to be read by somebody who does not trust us. Five questions, in order: is the manifest signed by the hub's key; is
every listed file there, unchanged; is nothing else there; does the audit log, under a checkpoint signed by the same key, hold
this very export; do the parts of the manifest agree with each other. Exit status of `belvedere verify`: 0 all five
hold, 1 one does not, 2 it could not be read as a pack at all.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from belvedere.foundation.clock import iso
from belvedere.foundation.errors import BadInput, BadPack
from belvedere.hub.evidence.container import Container, open_container, safe_name
from belvedere.tlog.proof import LogProof

FORMATS = {1: "evidence", 2: "working copy (masked)"}
_MANIFEST, _SIGNATURE, _ENTRY, _PROOF = "manifest.json", "manifest.sig", "log/entry.json", "log/proof.json"
_EXPORT_STARTED = "export.started"
_LOGGED = {1: "evidence", 2: "working_copy"}
_HASH = re.compile("[0-9a-f]{64}")
_MAX_MANIFEST = 32 << 20
_MAX_SMALL = 1 << 20
_MAX_FILE = 1 << 50
_MAX_LINE = 1_000
_END_OF_TIME_US = 253_402_300_800_000_000  # the year 10000


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """`problems` name the file they are about; `facts` say what the pack is. `key_confirmed`: the key came from outside it."""

    valid: bool
    problems: tuple[str, ...]
    facts: tuple[str, ...]
    key_confirmed: bool
    evidence: bool = True  # false: a masked working copy


class _Lacking(Exception):
    """A field of the manifest is missing or of another kind. The message names it."""


def verify_pack(path: Path, public_key: bytes | None = None) -> VerifyReport:
    """Check the pack at `path`: a ZIP, or the folder it was unpacked to.

    `public_key` is the hub's, 32 raw bytes, from somebody you trust; without it the pack is checked against the key that it
    names itself, which shows that it is whole but not whose it is. Raises BadPack when it can't be read as a pack.
    """
    with open_container(path) as pack:
        if _MANIFEST not in pack.names:
            raise BadPack(f"{path.name} has no {_MANIFEST}: it is no evidence pack.", advice="Check which file it is.")
        problems = list(pack.problems)
        facts: list[str] = [f"{name}: left by a file browser, passed over" for name in pack.litter]
        try:
            words = pack.read(_MANIFEST, _MAX_MANIFEST)
            manifest = _json(words)
            if not isinstance(manifest, dict):
                raise ValueError("it is no object")
        except (BadPack, ValueError, RecursionError) as error:
            problems.append(f"{_MANIFEST}: it can't be read ({error})")
            return _report(problems, facts, False)
        evidence = manifest.get("format") != 2
        try:
            if _get(manifest, "format", int) not in FORMATS:
                raise BadPack(
                    f"This pack has format {manifest['format']}; this version reads formats 1 and 2.",
                    advice="Verify it with a newer Belvedere.",
                )
            if not evidence or "kind" in manifest:
                problems += _kind(manifest)
            key = _key(manifest, public_key, problems)
            _signature(pack, words, key, problems)
            problems += _files(pack, manifest)
            problems += _log(pack, manifest, key)
            problems += _agreement(manifest)
            facts += _facts(manifest, key, public_key is not None)
        except _Lacking as lacking:
            problems.append(f"{_MANIFEST}: {lacking}")
        return _report(problems, facts, public_key is not None, evidence)


def _report(problems: list[str], facts: list[str], key_confirmed: bool, evidence: bool = True) -> VerifyReport:
    return VerifyReport(not problems, tuple(map(_plain, problems)), tuple(map(_plain, facts)), key_confirmed, evidence)


def _kind(manifest: dict[str, Any]) -> Iterator[str]:
    """The kind in words is that of the format; a working copy names the hash of everything it was made from."""
    kind = FORMATS[manifest["format"]]
    if _get(manifest, "kind", str) != kind:
        yield f"{_MANIFEST}: format {manifest['format']} is {kind}, and it calls itself something else"
    if manifest["format"] == 1:
        return
    for camera in _list(manifest, "cameras"):
        if "sound" in camera and _list(camera, "sound"):
            yield f"{_MANIFEST}: a masked working copy has no sound"
        for clip in _list(camera, "clips"):
            if not all(_HASH.fullmatch(_get(source, "sha256", str)) for source in _list(clip, "sources")):
                yield f"{_get(clip, 'path', str)}: it does not say what it was made from"


def _json(data: bytes) -> Any:
    """JSON without duplicate names and without NaN, so that no two readers see two things."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a name stands twice in one object")
        return found

    def never(word: str) -> None:
        raise ValueError(f"{word} is not a number")

    return json.loads(data.decode(), object_pairs_hook=once, parse_constant=never)


def _get(words: Any, path: str, kind: type[Any] | tuple[type[Any], ...]) -> Any:
    """The field at the dotted `path`, which must be of `kind`. Raises _Lacking."""
    value = words
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, kind) or (kind is int and (isinstance(value, bool) or abs(value) > 2**63)):
        raise _Lacking(f"it lacks {path}")
    return value


def _time(words: Any, path: str) -> int:
    """Microseconds of a moment that a calendar holds. Raises _Lacking."""
    value: int = _get(words, path, int)
    if not 0 <= value < _END_OF_TIME_US:
        raise _Lacking(f"{path} is no time")
    return value


def _plain(text: str) -> str:
    """`text` as safe to print: what a hostile pack says must not steer anybody's terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:_MAX_LINE]


def _list(words: Any, path: str) -> list[dict[str, Any]]:
    found = _get(words, path, list)
    if not all(isinstance(one, dict) for one in found):
        raise _Lacking(f"it lacks {path}")
    return list(found)


def _key(manifest: dict[str, Any], expected: bytes | None, problems: list[str]) -> bytes:
    """The key to check with: the one expected, else the one that the manifest names."""
    try:
        named = bytes.fromhex(_get(manifest, "hub.public_key", str))
    except ValueError:
        named = b""
    if expected is not None and named != expected:
        problems.append(f"{_MANIFEST}: it names another hub's key than the one given")
    key = named if expected is None else expected
    if len(key) != 32:
        raise _Lacking("it lacks a public key of 32 bytes")
    return key


def _signature(pack: Container, words: bytes, key: bytes, problems: list[str]) -> None:
    if _SIGNATURE not in pack.names:
        problems.append(f"{_SIGNATURE}: it is missing")
        return
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(pack.read(_SIGNATURE, 64), words)
    except (InvalidSignature, ValueError, BadPack):
        problems.append(f"{_MANIFEST}: the signature in {_SIGNATURE} does not hold; one of the two was changed")


def _files(pack: Container, manifest: dict[str, Any]) -> Iterator[str]:
    """Every listed file is there and unchanged, and nothing else is there."""
    listed: set[str] = set()
    for file in _list(manifest, "files"):
        name, size = _get(file, "path", str), _get(file, "bytes", int)
        expected = _get(file, "sha256", str)
        if name in listed or name in (_MANIFEST, _SIGNATURE) or not safe_name(name) or not 0 <= size < _MAX_FILE:
            raise _Lacking(f"it lists {name[:80]!r} in a way that no hub does")
        listed.add(name)
        if name not in pack.names:
            yield f"{name}: it is missing"
            continue
        try:
            found, digest = pack.digest(name, size)
        except BadPack as error:
            yield f"{name}: it was changed ({error.message})"
            continue
        if found > size:
            yield f"{name}: it was changed (longer than the {size} bytes it had)"
        elif found < size:
            yield f"{name}: it was changed ({found} bytes of {size})"
        elif digest != expected:
            yield f"{name}: it was changed (its SHA-256 is another)"
    for name in sorted(set(pack.names) - listed - {_MANIFEST, _SIGNATURE}):
        yield f"{name}: it is not part of the pack"


def _log(pack: Container, manifest: dict[str, Any], key: bytes) -> Iterator[str]:
    """The audit log holds this very export, under a checkpoint signed by the key."""
    for name in (_ENTRY, _PROOF):
        if name not in pack.names:
            yield f"{name}: it is missing"
            return
    try:
        record, words = pack.read(_ENTRY, _MAX_SMALL), _json(pack.read(_PROOF, _MAX_SMALL))
        proof = LogProof(
            index=_get(words, "index", int),
            salt=bytes.fromhex(_get(words, "salt", str)),
            record=record,
            path=tuple(bytes.fromhex(str(part)) for part in _get(words, "path", list)),
            checkpoint=_get(words, "checkpoint", str).encode(),
        )
        entry = _json(record)
    except (BadPack, ValueError, RecursionError, _Lacking) as error:
        yield f"{_PROOF}: it can't be read ({error})"
        return
    try:
        checkpoint = proof.verify(key)
    except BadInput as error:
        yield f"{_PROOF}: {error.message}"
        return
    same = (
        isinstance(entry, dict)
        and entry.get("kind") == _EXPORT_STARTED
        and entry.get("actor") == _get(manifest, "export.made_by_id", str)
        and _get(manifest, "log.index", int) == proof.index == entry.get("index")
        and _get(manifest, "log.size", int) == checkpoint.size
    )
    facts = entry.get("facts") if same else None
    pairs = (
        ("export", "export.id"),
        ("name", "export.name"),
        ("cameras", "export.cameras"),
        ("start_us", "export.start_us"),
        ("end_us", "export.end_us"),
        ("grant", "grant.id"),
        ("purpose", "grant.purpose"),
        ("case", "grant.case"),
    )
    wanted = _LOGGED[manifest["format"]]
    if (
        not isinstance(facts, dict)
        or facts.get("kind", "evidence") != wanted
        or any(facts.get(name) != _get(manifest, path, (str, int, list)) for name, path in pairs)
    ):
        yield f"{_ENTRY}: it is about another export than {_MANIFEST}"


def _agreement(manifest: dict[str, Any]) -> Iterator[str]:
    """Clips are files, files under clips/ are clips, and every camera asked for is accounted for to the end."""
    start, end = _time(manifest, "export.start_us"), _time(manifest, "export.end_us")
    cameras = _list(manifest, "cameras")
    if [_get(camera, "id", str) for camera in cameras] != _get(manifest, "export.cameras", list):
        yield f"{_MANIFEST}: it does not account for the cameras asked for"
    clips = [clip for camera in cameras for clip in _list(camera, "clips")]
    sounds = [sound for camera in cameras if "sound" in camera for sound in _list(camera, "sound")]
    listed = [_get(file, "path", str) for file in _list(manifest, "files")]
    for folder, described in (("clips/", clips), ("sound/", sounds)):
        paths = sorted(_get(one, "path", str) for one in described)
        if paths != sorted(path for path in listed if path.startswith(folder)):
            yield f"{_MANIFEST}: the {folder[:-1]} it describes are not the files it lists"
    for camera in cameras:
        spans = [
            (_time(span, "start_us"), _time(span, "end_us")) for span in _list(camera, "clips") + _list(camera, "gaps")
        ]
        at = start
        for first, last in sorted(spans):
            if first - at > 1_000:
                break
            at = max(at, last)
        if end - at > 1_000:
            yield f"{_MANIFEST}: the time of camera {camera['id']} after {iso(at)} is neither shown nor listed as missing"


def _facts(manifest: dict[str, Any], key: bytes, confirmed: bool) -> Iterator[str]:
    export = _get(manifest, "export", dict)
    if manifest["format"] == 2:
        made = [
            source
            for camera in _list(manifest, "cameras")
            for clip in _list(camera, "clips")
            for source in clip["sources"]
        ]
        yield "a masked working copy: made from recordings, not the recordings. It is not evidence"
        yield f"made from {len(made)} pieces of footage, each named with its SHA-256"
    clips = sum(len(_list(camera, "clips")) for camera in _list(manifest, "cameras"))
    gaps = sum(len(_list(camera, "gaps")) for camera in _list(manifest, "cameras"))
    yield f"“{_get(export, 'name', str)}”, export {_get(export, 'id', str)}"
    yield f"asked for: {iso(_time(export, 'start_us'))} to {iso(_time(export, 'end_us'))}"
    yield f"cameras: {', '.join(str(camera) for camera in _get(export, 'cameras', list))}"
    yield f"{clips} clip{'' if clips == 1 else 's'}, {gaps} gap{'' if gaps == 1 else 's'} listed"
    yield f"exported {iso(_time(export, 'made_us'))} by {_get(export, 'made_by', str)}"
    yield f"purpose: {_get(manifest, 'grant.purpose_text', str)} {_get(manifest, 'grant.case', str)}".rstrip()
    yield f"entry {_get(manifest, 'log.index', int)} of the audit log {_get(manifest, 'hub.log', str)}"
    yield f"hub's key: {key.hex()} (SHA-256 {hashlib.sha256(key).hexdigest()[:16]})"
    if not confirmed:
        yield "the key was taken from the pack itself: give the organisation's own with --key to know whose pack it is"
