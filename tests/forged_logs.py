"""Logs and proofs, true and forged, as folders of files: both verifiers must tell them apart.

A folder holds what an auditor has: `checkpoint`, `tile/...`, and where the case is about them `kept-checkpoint` (what the auditor
kept of before), `entry.json` with `proof.json`, `records.jsonl` (an export with salts), `witnesses` (their keys).
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.tlog.checkpoint import log_key, log_origin, sign_checkpoint
from belvedere.tlog.cosign import WitnessKey, cosign
from belvedere.tlog.merkle import full_root, inclusion_proof, leaf_hash, root_of
from belvedere.tlog.note import sign_note
from belvedere.tlog.proof import entry_of
from belvedere.tlog.tiles import TILE_WIDTH, TileName

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
ORIGIN = log_origin(PUBLIC)
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))
WITNESS_KEY = WitnessKey("witness.example/dpo", WITNESS.public_key().public_bytes_raw())
TIME_S = 1_790_000_000
Files = dict[str, bytes]


@dataclass(frozen=True)
class Log:
    """A log of `size` made-up entries; another `seed` is another history."""

    size: int
    seed: str = ""

    def record(self, index: int) -> bytes:
        return json.dumps(
            {
                "actor": f"user_{index % 7}",
                "facts": {"n": index, "seed": self.seed},
                "index": index,
                "kind": "view.live",
            },
            separators=(",", ":"),
        ).encode()

    def salt(self, index: int) -> bytes:
        return hashlib.sha256(f"salt {self.seed} {index}".encode()).digest()

    def entries(self) -> list[bytes]:
        return [entry_of(self.salt(index), self.record(index)) for index in range(self.size)]

    def leaves(self) -> list[bytes]:
        return _leaves(self)

    def note(self, size: int | None = None, key: Ed25519PrivateKey = KEY) -> bytes:
        size = self.size if size is None else size
        return sign_checkpoint(size, root_of(self.leaves()[:size]), key)

    def files(self, *, bundles: bool = False) -> Files:
        """The folder of the true log."""
        return {"checkpoint": self.note(), **tiles(self.leaves()), **(self.bundles() if bundles else {})}

    def bundles(self) -> Files:
        found = {}
        entries = self.entries()
        for start in range(0, len(entries), TILE_WIDTH):
            part = entries[start : start + TILE_WIDTH]
            name = TileName(None, start // TILE_WIDTH, len(part))
            found[f"tile/{name.path}"] = b"".join(len(one).to_bytes(2, "big") + one for one in part)
        return found

    def proof(self, index: int, size: int | None = None, /, **changes: object) -> Files:
        """`entry.json` and `proof.json` of one entry."""
        size = self.size if size is None else size
        leaves = self.leaves()
        path = inclusion_proof(index, size, lambda level, at: full_root(leaves[at << level : (at + 1) << level]))
        words = {
            "index": index,
            "salt": self.salt(index).hex(),
            "path": [part.hex() for part in path],
            "checkpoint": self.note(size).decode(),
        } | changes
        return {"entry.json": self.record(index), "proof.json": json.dumps(words, indent=2).encode()}

    def whole(self, index: int, /, **changes: object) -> Files:
        """Record and proof in one file, as the audit page saves it."""
        words = json.loads(self.proof(index)["proof.json"])
        more = {"record": self.record(index).decode(), "entry": self.entries()[index].hex()}
        return {f"belvedere-entry-{index}.json": json.dumps(words | more | changes).encode()}

    def records(self) -> bytes:
        """What an export with salts holds."""
        lines = [{"index": n, "salt": self.salt(n).hex(), "record": self.record(n).decode()} for n in range(self.size)]
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


@cache
def _leaves(log: Log) -> list[bytes]:
    return [leaf_hash(entry) for entry in log.entries()]


def tiles(leaves: list[bytes]) -> Files:
    """Every tile over `leaves`."""
    found: Files = {}
    level, hashes = 0, leaves
    while hashes:
        above = []
        for start in range(0, len(hashes), TILE_WIDTH):
            part = hashes[start : start + TILE_WIDTH]
            found[f"tile/{TileName(level, start // TILE_WIDTH, len(part)).path}"] = b"".join(part)
            if len(part) == TILE_WIDTH:
                above.append(full_root(part))
        level, hashes = level + 1, above
    return found


LOG = Log(600)
SMALL = Log(5)
FORK = Log(600, "other")


def with_lines(note: bytes, *lines: str) -> bytes:
    return note + "".join(lines).encode()


def text_of(note: bytes) -> str:
    return note.decode().rpartition("\n\n")[0] + "\n"


def cosigned(note: bytes, time_s: int = TIME_S) -> bytes:
    """`note` with the hub's time line and a witness's."""
    text = text_of(note)
    return with_lines(note, cosign(text, ORIGIN, KEY, time_s), cosign(text, WITNESS_KEY.name, WITNESS, time_s))


_WITNESSES = {"witnesses": WITNESS_KEY.text.encode() + b"\n"}


def true_cases() -> Iterator[tuple[str, Files]]:
    """Name and folder of logs that are true."""
    for size in (0, 1, 2, 3, 255, 256, 257, 600):
        log = Log(size)
        yield f"log of {size}", log.files(bundles=size == 257)
    for size in (1, 3, 256, 300, 511, 600):
        yield f"kept checkpoint of {size}", {**LOG.files(), "kept-checkpoint": LOG.note(size)}
    for index in (0, 255, 256, 599):
        yield f"entry {index}", {**LOG.files(), **LOG.proof(index)}
    yield "proof under an older checkpoint", {**LOG.files(), **LOG.proof(17, 300)}
    yield "proof alone", LOG.proof(599)
    yield "record and proof in one file", {**LOG.files(), **LOG.whole(255)}
    yield "record and proof in one file, alone", LOG.whole(599)
    yield "an erased entry's proof", {**LOG.files(), **LOG.whole(17, record="", salt="")}
    yield "an erased entry's proof, alone", LOG.whole(17, record="", salt="")
    yield "proof of the only entry", Log(1).proof(0)
    yield "exported records", {**SMALL.files(), "records.jsonl": SMALL.records()}
    some = SMALL.records().splitlines(keepends=True)
    erased = json.dumps({"index": 2, "erased": True}).encode() + b"\n"
    yield "an erased record", {**SMALL.files(), "records.jsonl": b"".join([*some[:2], erased, *some[3:]])}
    yield "witnessed", {**LOG.files(), **_WITNESSES, "witnessed": cosigned(LOG.note(300))}
    yield "cosigned", {**LOG.files(), **_WITNESSES, "checkpoint": cosigned(LOG.note())}
    stranger = sign_note(text_of(SMALL.note()), "stranger.example", STRANGER).decode().rpartition("\n\n")[2]
    yield "a stranger signed too", {**SMALL.files(), "checkpoint": with_lines(SMALL.note(), stranger)}
    extended = sign_note(text_of(SMALL.note()) + "an extension\n", ORIGIN, KEY)
    # As a crash leaves it between tiles and checkpoint: what is signed is whole.
    yield "tiles ahead of the checkpoint", {**Log(5).files(), "checkpoint": Log(3).note()}
    yield "an extension line", {**SMALL.files(), "checkpoint": extended}


def big_case() -> Files:
    """A log with three levels of tiles."""
    leaves = [leaf_hash(n.to_bytes(4, "big")) for n in range(65_800)]
    return {"checkpoint": sign_checkpoint(len(leaves), root_of(leaves), KEY), **tiles(leaves)}


def _changed(files: Files, name: str, change: Callable[[bytes], bytes]) -> Files:
    return {**files, name: change(files[name])}


def _flip(at: int) -> Callable[[bytes], bytes]:
    def flip(data: bytes) -> bytes:
        changed = bytearray(data)
        changed[at] ^= 1
        return bytes(changed)

    return flip


def _without(files: Files, name: str) -> Files:
    return {other: data for other, data in files.items() if other != name}


def _resized(note: bytes, size: str) -> str:
    lines = text_of(note).split("\n")
    return "\n".join([lines[0], size, *lines[2:]])


def forged_cases() -> Iterator[tuple[str, Files]]:
    """Name and folder of every forgery."""
    yield from _forged_trees()
    yield from _forged_notes()
    yield from _forged_proofs()
    yield from _forged_cosignatures()


def _forged_trees() -> Iterator[tuple[str, Files]]:
    files = LOG.files()
    leaves = LOG.leaves()
    head = {"checkpoint": LOG.note()}
    yield "cut: the last entries left out", {**tiles(leaves[:500]), **head}
    yield "cut: the first entry left out", {**tiles(leaves[1:]), **head}
    yield "cut: an entry left out in the middle", {**tiles(leaves[:300] + leaves[301:]), **head}
    yield "cut: gone back behind the kept checkpoint", {**Log(500).files(), "kept-checkpoint": LOG.note()}
    yield "cut: an empty log after a full one", {**Log(0).files(), "kept-checkpoint": LOG.note()}
    swapped = [leaves[1], leaves[0], *leaves[2:]]
    yield "reorder: two entries swapped", {**tiles(swapped), **head}
    yield "reorder: two tiles swapped", {**tiles(leaves[256:512] + leaves[:256] + leaves[512:]), **head}
    yield "replay: an entry put in again", {**tiles([*leaves[:400], leaves[399], *leaves[400:-1]]), **head}
    yield "added: an entry put in between", {**tiles([*leaves[:520], leaves[0], *leaves[520:]]), **head}
    yield "fork: another history of the same size", {**FORK.files(), "kept-checkpoint": LOG.note()}
    yield "fork: another history, longer", {**FORK.files(), "kept-checkpoint": LOG.note(300)}
    yield "fork: tiles of the other history", {**FORK.files(), **head}
    mixed = leaves[:300] + FORK.leaves()[300:]
    mixed_note = sign_checkpoint(600, root_of(mixed), KEY)
    yield "fork: parted after entry 300", {"checkpoint": mixed_note, **tiles(mixed), "kept-checkpoint": LOG.note(301)}
    yield "stale: an old checkpoint with a newer proof", {**Log(500).files(), **LOG.proof(17)}
    last = "tile/0/002.p/88"
    yield "truncated tile: a byte", _changed(files, last, lambda data: data[:-1])
    yield "truncated tile: a hash", _changed(files, last, lambda data: data[:-32])
    yield "truncated tile: empty", _changed(files, "tile/0/001", lambda data: b"")
    yield "extra bytes behind a tile", _changed(files, "tile/0/001", lambda data: data + b"x")
    yield "extra hash behind a tile", _changed(files, last, lambda data: data + data[:32])
    yield "missing tile", _without(files, "tile/0/001")
    yield "missing tile above", _without(files, "tile/1/000.p/2")
    yield "missing last tile", _without(files, last)
    yield "no checkpoint", _without(files, "checkpoint")
    yield "swapped hash: one bit of a leaf", _changed(files, "tile/0/000", _flip(40))
    yield "swapped hash: one bit of the last leaf", _changed(files, last, _flip(-1))
    yield "swapped hash: one bit above", _changed(files, "tile/1/000.p/2", _flip(3))
    yield "swapped hash: tile above of the fork", {**files, "tile/1/000.p/2": FORK.files()["tile/1/000.p/2"]}
    yield (
        "an inner hash passed off as a leaf",
        {
            "checkpoint": sign_checkpoint(2, root_of(leaves[:4]), KEY),
            **tiles([full_root(leaves[:2]), leaves[2]]),
        },
    )
    whole = LOG.files(bundles=True)
    yield "bundle: an entry changed", _changed(whole, "tile/entries/001", _flip(70))
    yield "bundle: cut", _changed(whole, "tile/entries/001", lambda data: data[:-4])
    yield "bundle: extra bytes", _changed(whole, "tile/entries/001", lambda data: data + b"\0\0")
    yield "bundle: missing", _without(whole, "tile/entries/001")
    lines = SMALL.records().splitlines(keepends=True)
    other = lines[3].replace(b"user_3", b"user_4")
    yield "records: one changed", {**SMALL.files(), "records.jsonl": b"".join([*lines[:3], other, lines[4]])}
    yield "records: one too many", {**SMALL.files(), "records.jsonl": Log(6).records()}
    swapped_salt = json.dumps({**json.loads(lines[1]), "salt": SMALL.salt(2).hex()}).encode() + b"\n"
    yield "records: salt of another", {**SMALL.files(), "records.jsonl": b"".join([lines[0], swapped_salt])}
    moved = {"index": 1, "salt": (SMALL.salt(1) + b"{").hex(), "record": SMALL.record(1).decode()[1:]}
    yield "records: a byte moved into the salt", {**SMALL.files(), "records.jsonl": json.dumps(moved).encode() + b"\n"}


def _forged_notes() -> Iterator[tuple[str, Files]]:
    files, note = SMALL.files(), SMALL.note()
    text, tail = text_of(note), note.decode().rpartition("\n\n")[2]

    def checkpoint(data: bytes | str) -> Files:
        return {**files, "checkpoint": data.encode() if isinstance(data, str) else data}

    def signed(words: str) -> Files:
        return checkpoint(sign_note(words, ORIGIN, KEY))

    yield "wrong key: the log's name and the stranger's own", checkpoint(SMALL.note(key=STRANGER))
    foreign = base64.b64encode(log_key(PUBLIC).id + STRANGER.sign(text.encode())).decode()
    yield "wrong key: under the hub's name and key id", checkpoint(f"{text}\n— {ORIGIN} {foreign}\n")
    yield "wrong key: under the hub's name", checkpoint(sign_note(text, ORIGIN, STRANGER))
    both = with_lines(note, f"— {ORIGIN} {foreign}\n")
    yield "wrong key: beside the right signature", checkpoint(both)
    yield "no signature", checkpoint(text)
    yield "no signature lines", checkpoint(text + "\n")
    yield "signature of another checkpoint", checkpoint(text + "\n" + Log(4).note().decode().rpartition("\n\n")[2])
    yield "wrong tree size: changed after signing", checkpoint(_resized(note, "4") + "\n" + tail)
    yield "wrong tree size: one too many, signed", signed(_resized(note, "6"))
    yield "wrong tree size: one too few, signed", signed(_resized(note, "4"))
    for size in ("05", "+5", "-5", "5 ", "5.0", "", "0x5", "٥", "9223372036854775808", "1" * 30):
        yield f"non-canonical size {size!r}", signed(_resized(note, size))
    root = text.split("\n")[2]
    last = chr(ord(root[-2]) + 1)
    yield "non-canonical root", signed(text.replace(root, root[:-2] + last + "="))
    yield "root without padding", signed(text.replace(root, root[:-1]))
    yield "root too short", signed(text.replace(root, "AAAA"))
    yield "root of another alphabet", signed(text.replace(root, root.translate(str.maketrans("+/", "-_"))[:-2] + "-="))
    yield "no root", signed("\n".join(text.split("\n")[:2]) + "\n")
    yield "another log's name, signed", signed(text.replace(ORIGIN, "belvedere/log/0000000000000000"))
    yield "an empty line in the text", signed(text + "\nmore\n")
    name, encoded = tail.removeprefix("— ").rstrip("\n").split(" ")
    spelled = encoded[:-2] + chr(ord(encoded[-2]) + 1) + "="
    assert base64.b64decode(spelled) == base64.b64decode(encoded)
    yield "non-canonical signature", checkpoint(f"{text}\n— {name} {spelled}\n")
    yield "signature cut", checkpoint(f"{text}\n— {name} {encoded[:-8]}\n")
    longer = base64.b64encode(base64.b64decode(encoded) + b"\0").decode()
    yield "signature with a byte more", checkpoint(f"{text}\n— {name} {longer}\n")
    yield "signature with a space", checkpoint(f"{text}\n— {name} {encoded} \n")
    yield "hyphen for the dash", checkpoint(f"{text}\n- {name} {encoded}\n")
    yield "carriage returns", checkpoint(note.replace(b"\n", b"\r\n"))
    yield "no newline at the end", checkpoint(note[:-1])
    yield "extra newline at the end", checkpoint(note + b"\n")
    yield "extra bytes at the end", checkpoint(note + b"more")
    yield "extra bytes at the beginning", checkpoint(b"\n" + note)
    yield "byte order mark", checkpoint(b"\xef\xbb\xbf" + note)
    yield "not UTF-8", checkpoint(note[:-1] + b"\xff\n")
    yield "a zero byte", checkpoint(note.replace(b"\n5\n", b"\n5\0\n"))
    yield "65 signatures", checkpoint(note + f"— stranger {encoded}\n".encode() * 64)
    yield "longer than a note", checkpoint(sign_note(text + "x" * 70_000 + "\n", ORIGIN, KEY))


def _forged_proofs() -> Iterator[tuple[str, Files]]:
    files = LOG.files()
    index = 300
    true = LOG.proof(index)
    path = json.loads(true["proof.json"])["path"]

    def case(**changes: object) -> Files:
        return {**files, **LOG.proof(index, **changes)}

    yield "proof: the record changed", {**files, **true, "entry.json": true["entry.json"].replace(b"view", b"none")}
    yield "proof: a space in the record", {**files, **true, "entry.json": true["entry.json"] + b" "}
    yield "proof: salt changed", case(salt=LOG.salt(301).hex())
    yield "proof: salt cut", case(salt=LOG.salt(index).hex()[:-2])
    yield (
        "proof: a byte moved into the salt",
        {
            **files,
            **LOG.proof(index, salt=(LOG.salt(index) + b"{").hex()),
            "entry.json": true["entry.json"][1:],
        },
    )
    yield (
        "proof: a byte moved out of the salt",
        {
            **files,
            **LOG.proof(index, salt=LOG.salt(index)[:-1].hex()),
            "entry.json": LOG.salt(index)[-1:] + true["entry.json"],
        },
    )
    for wrong in (301, 0, 600, 44, -1, 2**40):
        yield f"proof: index {wrong}", case(index=wrong)
    yield "proof: index as text", case(index="300")
    yield "proof: index with a fraction", case(index=300.5)
    yield "proof: a hash left out", case(path=path[:-1])
    yield "proof: the first hash left out", case(path=path[1:])
    yield "proof: a hash too many", case(path=[*path, path[0]])
    yield "proof: hashes reversed", case(path=path[::-1])
    yield "proof: hashes swapped", case(path=[path[1], path[0], *path[2:]])
    yield "proof: a hash changed", case(path=[path[0][:-1] + ("0" if path[0][-1] != "0" else "1"), *path[1:]])
    yield "proof: a hash cut", case(path=[path[0][:-2], *path[1:]])
    yield "proof: no hashes", case(path=[])
    yield "proof: seventy hashes", case(path=path * 7)
    yield "proof: no path at all", case(path=None)
    yield "proof: another tree's", {**files, **FORK.proof(index)}
    yield "proof: another tree's checkpoint", case(checkpoint=FORK.note().decode())
    yield "proof: another size", case(checkpoint=LOG.note(599).decode())
    yield "proof: checkpoint of a stranger", case(checkpoint=LOG.note(key=STRANGER).decode())
    yield "proof: checkpoint changed", case(checkpoint=_resized(LOG.note(), "601") + LOG.note().decode()[-200:])
    yield "proof: of the fork alone, by a stranger", FORK.proof(index, checkpoint=FORK.note(key=STRANGER).decode())
    yield "proof: alone, the record changed", {**true, "entry.json": true["entry.json"].replace(b"user", b"uses")}
    yield "proof: not JSON", {**files, **true, "proof.json": b"{"}
    yield "proof: a list", {**files, **true, "proof.json": b"[]"}
    yield "proof: gone", {**files, "entry.json": true["entry.json"]}
    other = LOG.whole(index + 1)
    told = json.loads(other[f"belvedere-entry-{index + 1}.json"])
    yield "one file: the record changed", LOG.whole(index, record=true["entry.json"].decode().replace("view", "none"))
    yield "one file: the record of another", LOG.whole(index, record=told["record"], salt=told["salt"])
    yield (
        "one file: erased, the hash of another",
        {**files, **LOG.whole(index, record="", salt="", entry=told["entry"])},
    )
    yield "one file: erased, no hash", LOG.whole(index, record="", salt="", entry="")
    yield "one file: emptied but for the salt", LOG.whole(index, record="")
    yield "one file: emptied but for the record", LOG.whole(index, salt="")
    yield "one file: a hash left out", LOG.whole(index, path=path[1:])
    yield "one file: checkpoint of a stranger", LOG.whole(index, checkpoint=LOG.note(key=STRANGER).decode())
    # A true leaf at another place than its own words say: the record of 300 put in at 301.
    moved = [*LOG.leaves()[:301], LOG.leaves()[300], *LOG.leaves()[302:]]
    note = sign_checkpoint(600, root_of(moved), KEY)
    tree = inclusion_proof(301, 600, lambda level, at: full_root(moved[at << level : (at + 1) << level]))
    yield (
        "proof: the record names another index",
        {
            "checkpoint": note,
            **tiles(moved),
            **LOG.proof(300, index=301, path=[part.hex() for part in tree], checkpoint=note.decode()),
        },
    )


def _forged_cosignatures() -> Iterator[tuple[str, Files]]:
    files, note = {**SMALL.files(), **_WITNESSES}, SMALL.note()
    text = text_of(note)

    def lines(*more: str) -> Files:
        return {**files, "checkpoint": with_lines(note, *more)}

    def line(name: str, blob: bytes) -> str:
        return f"— {name} {base64.b64encode(blob).decode()}\n"

    true = base64.b64decode(cosign(text, WITNESS_KEY.name, WITNESS, TIME_S).split(" ")[2])
    later = true[:4] + (TIME_S + 60).to_bytes(8, "big") + true[12:]
    whole = {**LOG.files(), **_WITNESSES}
    yield "witnessed: another history", {**whole, "witnessed": cosigned(FORK.note(300))}
    yield "witnessed: a longer log", {**whole, **Log(300).files(), "witnessed": cosigned(LOG.note())}
    yield (
        "witnessed: a signature that does not hold",
        {
            **whole,
            "witnessed": with_lines(LOG.note(300), cosign(text, WITNESS_KEY.name, WITNESS, TIME_S)),
        },
    )
    yield "witnessed: not the hub's", {**whole, "witnessed": cosigned(LOG.note(300, STRANGER))}
    yield "cosignature: another time", lines(line(WITNESS_KEY.name, later))
    yield "cosignature: of another checkpoint", lines(cosign(text_of(LOG.note()), WITNESS_KEY.name, WITNESS, TIME_S))
    by_stranger = base64.b64decode(cosign(text, WITNESS_KEY.name, STRANGER, TIME_S).split(" ")[2])
    yield "cosignature: by a stranger", lines(line(WITNESS_KEY.name, WITNESS_KEY.id + by_stranger[4:]))
    yield "cosignature: cut", lines(line(WITNESS_KEY.name, true[:-1]))
    yield "cosignature: longer", lines(line(WITNESS_KEY.name, true + b"\0"))
    plain = WITNESS_KEY.id + TIME_S.to_bytes(8, "big") + WITNESS.sign(text.encode())
    yield "cosignature: a plain signature", lines(line(WITNESS_KEY.name, plain))
    hub = WitnessKey(ORIGIN, PUBLIC)
    yield "the hub's time: another", lines(line(ORIGIN, hub.id + bytes(8) + true[12:]))
    bare = base64.b64encode(log_key(PUBLIC).id + TIME_S.to_bytes(8, "big") + true[12:]).decode()
    yield (
        "only a cosignature, no signature",
        {
            **files,
            "checkpoint": f"{text}\n".encode() + cosign(text, ORIGIN, KEY, TIME_S).encode(),
        },
    )
    yield "a cosignature under the signature's key id", {**files, "checkpoint": f"{text}\n— {ORIGIN} {bare}\n".encode()}
