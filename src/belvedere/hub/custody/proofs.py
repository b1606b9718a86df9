"""Checking a segment proof offline: a segment, its camera-day's root, the log. Nothing but hashes and one signature."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from belvedere.foundation.clock import DAY_US, iso
from belvedere.foundation.errors import BadInput
from belvedere.tlog.merkle import leaf_hash, verify_inclusion
from belvedere.tlog.note import BadNote
from belvedere.tlog.proof import read_proof

KIND = "belvedere segment proof"
_MOST = 1 << 20
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class ProofReport:
    """`problems` empty: the proof holds. `facts`: what it proves."""

    problems: tuple[str, ...]
    facts: tuple[str, ...]

    @property
    def valid(self) -> bool:
        return not self.problems


def is_segment_proof(path: Path) -> bool:
    """Whether a file says that it is one."""
    try:
        with path.open("rb") as file:
            words = json.loads(file.read(_MOST))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(words, dict) and words.get("kind") == KIND


def verify_segment_proof(path: Path, public_key: bytes | None = None, segment: Path | None = None) -> ProofReport:
    """Check a proof, with the hub's public key from somebody you trust, and a sealed segment file where you have one.

    Raises BadInput when it can't be read.
    """
    try:
        words = json.loads(path.read_bytes()[:_MOST])
        key = public_key or bytes.fromhex(words["public_key"])
        leaf, root = words["leaf"].encode(), bytes.fromhex(words["root"])
        hashes = tuple(bytes.fromhex(part) for part in words["path"])
        at, size = int(words["index"]), int(words["leaves"])
        told: dict[str, Any] = json.loads(leaf)
        record: dict[str, Any] = json.loads(words["log_record"])
        proof = read_proof(words["log_proof"].encode(), words["log_record"].encode())
        day = {"camera": words["camera"], "day": words["day"], "version": words["version"], "root": words["root"]}
        start_us, dur_us = int(told["start_us"]), int(told["dur_us"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, BadNote) as error:
        raise BadInput(f"This proof can't be read ({error}).", advice="Make it again: belvedere site prove.") from error
    problems: list[str] = []
    if public_key is not None and words["public_key"] != public_key.hex():
        problems.append("the proof names another hub's key")
    if not verify_inclusion(leaf_hash(leaf), at, size, hashes, root):
        problems.append("the segment is not in the root that the proof names")
    if told.get("camera") != day["camera"] or start_us // DAY_US != day["day"]:
        problems.append("the segment is of another camera or day than the root")
    try:
        proof.verify(key)
    except BadNote as error:
        problems.append(f"the log: {error.message}")
    days = record.get("facts", {}).get("days", []) if record.get("kind") == "footage.roots" else []
    if not any(isinstance(each, dict) and {name: each.get(name) for name in day} == day for each in days):
        problems.append("the log entry does not name this root")
    facts = [
        f"camera {told.get('camera')}, {told.get('stream')} stream, {iso(start_us)} to {iso(start_us + dur_us)}",
        f"SHA-256 of the sealed segment: {told.get('sha256')}",
        f"leaf {at + 1} of {size} of its camera-day, root {words['root']}",
        f"log entry {proof.index}, {iso(int(record.get('time_us', 0)))}",
    ]
    if segment is not None:
        digest = hashlib.sha256()
        with segment.open("rb") as file:
            while part := file.read(_CHUNK):
                digest.update(part)
        if digest.hexdigest() != told.get("sha256"):
            problems.append(f"{segment.name} is not the segment that the proof is about")
        else:
            facts.append(f"{segment.name} is that segment, unchanged")
    if public_key is None:
        facts.append("checked against the key that the proof names itself: give --key to know whose it is")
    return ProofReport(tuple(problems), tuple(facts))
