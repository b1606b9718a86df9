"""Packs to test with: a true one, its parts, and how to take it apart."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.hub.evidence.manifest import (
    Camera,
    Clip,
    Export,
    Gap,
    Hub,
    Log,
    Manifest,
    Software,
    Source,
    UnderGrant,
)
from belvedere.hub.evidence.pack import PackWriter, proof_file
from belvedere.hub.evidence.readme import readme
from belvedere.tlog.checkpoint import log_origin, sign_checkpoint
from belvedere.tlog.merkle import full_root, inclusion_proof, leaf_hash, root_of
from belvedere.tlog.proof import LogProof, entry_of

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
START, END = 1_780_000_000_000_000, 1_780_000_060_000_000
SALT = bytes(range(32))
CLIP = "clips/gate-main-1.mp4"


def record(**changes: Any) -> bytes:
    facts = {
        "export": "export_1",
        "name": "Broken door",
        "grant": "grant_1",
        "purpose": "investigation",
        "case": "CR/26/1",
        "cameras": ["gate"],
        "start_us": START,
        "end_us": END,
    }
    words = {"index": 2, "time_us": END, "kind": "export.started", "actor": "user_1", "facts": facts | changes}
    return msgspec.json.encode(words, order="sorted")


def log_proof(words: bytes, key: Ed25519PrivateKey = KEY) -> LogProof:
    leaves = [leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(entry_of(SALT, words)), leaf_hash(b"c")]
    path = inclusion_proof(2, 4, lambda level, at: full_root(leaves[at << level : (at + 1) << level]))
    return LogProof(2, SALT, words, path, sign_checkpoint(4, root_of(leaves), key))


def a_clip(**changes: Any) -> Clip:
    words: dict[str, Any] = {
        "path": CLIP,
        "camera": "gate",
        "stream": "main",
        "start_us": START - 500_000,
        "end_us": START + 40_000_000,
        "mark_offset_us": 500_000,
        "codec": "h264",
        "codec_string": "avc1.64001f",
        "width": 1920,
        "height": 1080,
        "config_id": "0" * 16,
        "run": 1,
        "media_90k": 0,
        "fragments": 80,
        "imported": False,
        "sources": (Source(1, 0, 100),),
    }
    return Clip(**(words | changes))


def a_manifest(**changes: Any) -> Manifest:
    gap = Gap(START + 40_000_000, END, "camera_silent", "The camera was connected but sent no picture.")
    words: dict[str, Any] = {
        "format": 1,
        "software": Software("Belvedere", "0.1.0"),
        "hub": Hub(PUBLIC.hex(), log_origin(PUBLIC)),
        "export": Export(
            "export_1", "Broken door", "", ("gate",), START, END, END + 60_000_000, "Ann Operator", "user_1"
        ),
        "grant": UnderGrant("grant_1", "investigation", "Investigation", "CR/26/1", START, END, "", "2026-11-1"),
        "log": Log(2, 4),
        "cameras": (Camera("gate", "Gate", "Alder Way", "This site", "main", -3_200_000, END, (a_clip(),), (gap,)),),
        "files": (),
    }
    return Manifest(**(words | changes))


def write_pack(
    path: Path,
    manifest: Manifest | None = None,
    words: bytes | None = None,
    proof: LogProof | None = None,
    key: Ed25519PrivateKey = KEY,
    more: dict[str, bytes] | None = None,
) -> Path:
    """A pack as the hub writes it, true unless told otherwise."""
    manifest = manifest or a_manifest()
    words = words or record()
    proof = proof or log_proof(words)
    writer = PackWriter(path, manifest.export.made_us)
    writer.add(CLIP, b"pictures " * 2000)
    for name, data in (more or {}).items():
        writer.add(name, data)
    writer.add("README.txt", readme(manifest).encode())
    writer.add("log/entry.json", words)
    writer.add("log/proof.json", proof_file(proof))
    files = manifest.files or tuple(writer.files)
    writer.finish(msgspec.structs.replace(manifest, files=files), key)
    return path


def unpack(pack: Path, to: Path) -> Path:
    with zipfile.ZipFile(pack) as archive:
        archive.extractall(to)
    return to


# True packs -----------------------------------------------------------------------------------------------------------


def resigned(pack: Path, folder: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """The pack unpacked, its manifest changed and signed again: what a hub gone wrong could write."""
    unpack(pack, folder)
    words = json.loads((folder / "manifest.json").read_bytes())
    change(words)
    data = json.dumps(words).encode()
    (folder / "manifest.json").write_bytes(data)
    (folder / "manifest.sig").write_bytes(KEY.sign(data))
    return folder
