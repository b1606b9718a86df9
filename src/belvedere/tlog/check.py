"""The whole log, checked from nothing but its files and the hub's public key: needs no hub, no database, no network.

Everything is computed anew: each tile from the one below it, each leaf from its entry where entries are there, the root from all
of it. `check_log` stops at the first thing that is wrong and says which.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from belvedere.foundation.clock import SECOND_US, iso
from belvedere.tlog.checkpoint import Checkpoint, log_key, open_checkpoint
from belvedere.tlog.cosign import WitnessKey, cosignatures, strangers
from belvedere.tlog.merkle import EMPTY_ROOT, HASH_BYTES, Frontier, Node, full_root, leaf_hash
from belvedere.tlog.note import BadNote
from belvedere.tlog.proof import SALT_BYTES, LogProof, entry_of
from belvedere.tlog.tiles import TILE_HEIGHT, TILE_WIDTH, TileName, split_hashes, tile_width

_TELL = "Keep what you have and tell the data protection officer."


class LogBroken(BadNote):
    """The first thing found wrong in a log."""

    code = "log_broken"


class LogFiles(Protocol):
    """Where a log's files are read from."""

    def read(self, name: str) -> bytes | None:
        """The file under its public name (`checkpoint`, `tile/0/000.p/7`); None when it is not there."""
        ...


class LogFolder:
    """A log's files in a folder, as the hub writes them or as they were downloaded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """See `LogFiles`. A longer tile begins with the same hashes, so it stands in for a shorter one."""
        path = self._folder / name
        if path.is_file():
            return path.read_bytes()
        if path.parent.suffix != ".p" or "/entries/" in name:
            return None
        width = int(path.name)
        longer = {int(one.name): one for one in path.parent.glob("*") if one.name.isdecimal()}
        longer[TILE_WIDTH] = path.parent.with_suffix("")
        for other in sorted(longer):
            if other > width and longer[other].is_file():
                data = longer[other].read_bytes()
                return data[: width * HASH_BYTES] if len(data) == other * HASH_BYTES else data
        return None


@dataclass(frozen=True, slots=True)
class KnownRecord:
    """What an entry said, with the salt that ties it to the log."""

    index: int
    salt: bytes
    record: bytes

    def leaf(self) -> bytes:
        """Its leaf hash. Raises LogBroken when the record names another index."""
        if len(self.salt) != SALT_BYTES:
            raise LogBroken(f"The salt of entry {self.index} does not have {SALT_BYTES} bytes.", advice=_TELL)
        try:
            words = json.loads(self.record)
        except (ValueError, RecursionError):
            words = None
        if not isinstance(words, dict) or words.get("index") != self.index:
            raise LogBroken(f"The record given for entry {self.index} is that of another.", advice=_TELL)
        return leaf_hash(entry_of(self.salt, self.record))


def check_proof(proof: LogProof, public_key: bytes) -> Checkpoint:
    """The checkpoint under which `proof` shows its record, at the place that the record itself names. Raises BadNote."""
    checkpoint = proof.verify(public_key)
    if not proof.erased:
        KnownRecord(proof.index, proof.salt, proof.record).leaf()
    return checkpoint


def what_is_shown(proof: LogProof) -> str:
    """What a proof that holds shows of its entry."""
    return "its content erased" if proof.erased else "word for word"


@dataclass(slots=True)
class LogReport:
    """What was found. `problem` is the first thing wrong, empty when nothing is; `checkpoint` the note that was checked."""

    checkpoint: bytes = b""
    facts: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def valid(self) -> bool:
        return not self.problem


@dataclass(slots=True)
class Known:
    """What the auditor brings along. `kept`: checkpoints of before. `records`: what entries said, by index."""

    witnesses: Sequence[WitnessKey] = ()
    kept: Sequence[bytes] = ()
    proofs: Sequence[LogProof] = ()
    records: Mapping[int, KnownRecord] = field(default_factory=dict)


def check_log(
    files: LogFiles, public_key: bytes, known: Known | None = None, told: Callable[[int], None] = lambda size: None
) -> LogReport:
    """Check the log in `files` against the hub's public key (32 raw bytes). `told` hears how many entries were checked."""
    report = LogReport()
    try:
        _check(files, public_key, known or Known(), report, told)
    except BadNote as error:
        report.problem = error.message
    return report


def _check(files: LogFiles, public_key: bytes, known: Known, report: LogReport, told: Callable[[int], None]) -> None:
    witnessed = files.read("witnessed")  # before the checkpoint: a log that grows meanwhile has not gone back
    note = files.read("checkpoint")
    if note is None:
        raise LogBroken("There is no checkpoint.", advice="Fetch /log/checkpoint.")
    head = open_checkpoint(note, public_key)
    report.checkpoint = note
    report.facts.append(f"The hub signed a log of {head.size} entries ({head.origin}).")
    _signatures(note, witnessed, public_key, known.witnesses, report)
    marks = _marks(head, witnessed, public_key, known)
    tree = _Tree(files, head.size, known.records)
    frontier = Frontier()
    _compare(0, EMPTY_ROOT, marks)
    for index in range(-(-head.size // TILE_WIDTH)):
        for leaf in tree.leaves(index):
            frontier.append(leaf)
            if frontier.size in marks:
                _compare(frontier.size, frontier.root(), marks)
        told(frontier.size)
    tree.upper()
    if frontier.root() != head.root:
        raise LogBroken("The tiles are not what the checkpoint signs: they give another root.", advice=_TELL)
    report.facts.append(f"All {tree.tiles} tiles give the root that the checkpoint signs.")
    if tree.bundles:
        report.facts.append("Every entry is the one that the tree holds.")
    for proof in known.proofs:
        report.facts.append(f"Entry {proof.index} is in the log, {what_is_shown(proof)}.")
    if known.records:
        report.facts.append(f"{tree.records} entries are in the log, word for word.")
        if tree.records < len(known.records):
            beyond = max(known.records)
            raise LogBroken(f"Entry {beyond} was given, and the log has only {head.size} entries.", advice=_TELL)
    for kept in known.kept:
        size = open_checkpoint(kept, public_key).size
        report.facts.append(f"The log begins with the {size} entries of the checkpoint you kept.")


def _signatures(
    note: bytes, witnessed: bytes | None, public_key: bytes, witnesses: Sequence[WitnessKey], report: LogReport
) -> None:
    """Check all signatures whose key is known, and say whose they are. How many witnesses there should be is not ours to say."""
    key = log_key(public_key)
    clock = WitnessKey(key.name, public_key)
    who = set()
    for one in (note, witnessed):
        if one is None:
            continue
        size = open_checkpoint(one, public_key).size
        for seen in cosignatures(one, [clock, *witnesses]):
            if seen.name != key.name:
                who.add(seen.name)
                report.facts.append(f"Witness {seen.name} saw {size} entries at {_time(seen.time_s)}.")
            elif one is note:
                report.facts.append(f"By the hub's clock this was at {_time(seen.time_s)}.")
    for name in sorted({name for one in (note, witnessed) if one for name in strangers(one, [key, clock, *witnesses])}):
        report.facts.append(f"Signed by {name} too, whose key was not given: NOT checked.")
    if witnesses:
        report.facts.append(f"{len(who)} of {len(witnesses)} known witnesses signed.")


def signers(note: bytes, public_key: bytes, witnesses: Sequence[WitnessKey]) -> list[str]:
    """Who signed a checkpoint besides the hub, in sentences. Raises BadNote when a signature of a known key does not hold."""
    report = LogReport()
    _signatures(note, None, public_key, witnesses, report)
    return report.facts


def _time(time_s: int) -> str:
    try:
        return iso(time_s * SECOND_US)[:19] + "Z"
    except (ValueError, OverflowError, OSError):  # beyond the years that can be told
        return f"{time_s} seconds after 1970"


def _marks(
    head: Checkpoint, witnessed: bytes | None, public_key: bytes, known: Known
) -> dict[int, list[tuple[bytes, str]]]:
    """Roots that the log has to pass on its way, by size, with whose they are."""
    marks: dict[int, list[tuple[bytes, str]]] = {}
    old = [(open_checkpoint(kept, public_key), "the checkpoint you kept") for kept in known.kept]
    old += [(check_proof(proof, public_key), f"the proof of entry {proof.index}") for proof in known.proofs]
    if witnessed is not None:
        old.append((open_checkpoint(witnessed, public_key), "what the witnesses saw"))
    for checkpoint, whose in old:
        if checkpoint.size > head.size:
            raise LogBroken(
                f"The log went back: {whose} is of {checkpoint.size} entries, and now there are {head.size}.",
                advice=_TELL,
            )
        marks.setdefault(checkpoint.size, []).append((checkpoint.root, whose))
    return marks


def _compare(size: int, root: bytes, marks: Mapping[int, list[tuple[bytes, str]]]) -> None:
    for other, whose in marks.get(size, ()):
        if other != root:
            raise LogBroken(
                f"The hub shows two histories: its first {size} entries are not those of {whose}.", advice=_TELL
            )


def tile_nodes(files: LogFiles, size: int) -> Node:
    """The nodes of a log of `size` entries, from its tiles: what a witness needs to make a proof itself. Raises LogBroken."""
    read: dict[tuple[int, int], list[bytes]] = {}
    tree = _Tree(files, size, {})

    def node(level: int, index: int) -> bytes:
        tile_level, inner = divmod(level, TILE_HEIGHT)
        at, first = divmod(index << inner, TILE_WIDTH)
        if (tile_level, at) not in read:
            read[tile_level, at] = tree.tile(tile_level, at)
        return full_root(read[tile_level, at][first : first + (1 << inner)])

    return node


class _Tree:
    """Reads a log's tiles and compares each with the one above it."""

    def __init__(self, files: LogFiles, size: int, records: Mapping[int, KnownRecord]) -> None:
        self._files = files
        self._size = size
        self._given = records
        self._above: list[bytes] = []  # of the leaves' full tiles, in order
        self._parents: tuple[int, list[bytes]] = (-1, [])
        self.tiles = 0
        self.bundles = 0
        self.records = 0

    def leaves(self, index: int) -> list[bytes]:
        """The leaf hashes of tile `index`, compared with tile above, bundle and records."""
        hashes = self.tile(0, index)
        self.tiles += 1
        if len(hashes) == TILE_WIDTH:
            root = full_root(hashes)
            parent, at = divmod(index, TILE_WIDTH)
            if self._parents[0] != parent:
                self._parents = parent, self.tile(1, parent)
            if self._parents[1][at] != root:
                raise LogBroken(
                    f"Tiles {TileName(0, index, TILE_WIDTH).path} and {self._name(1, parent).path} do not agree.",
                    advice=_TELL,
                )
            self._above.append(root)
        self._bundle(index, hashes)
        for at, leaf in enumerate(hashes, index * TILE_WIDTH):
            given = self._given.get(at)
            if given is not None:
                if given.leaf() != leaf:
                    raise LogBroken(f"Entry {at} does not say what the log holds.", advice=_TELL)
                self.records += 1
        return hashes

    def upper(self) -> None:
        """Compare every tile of the levels above with what is below it."""
        level = 1
        while self._size >> (TILE_HEIGHT * level):
            below, self._above = self._above, []
            for index in range(-(-len(below) // TILE_WIDTH)):
                hashes = self.tile(level, index)
                self.tiles += 1
                if hashes != below[index * TILE_WIDTH : (index + 1) * TILE_WIDTH]:
                    raise LogBroken(
                        f"Tile {self._name(level, index).path} is not what the tiles below it give.", advice=_TELL
                    )
                if len(hashes) == TILE_WIDTH:
                    self._above.append(full_root(hashes))
            level += 1

    def _name(self, level: int, index: int) -> TileName:
        return TileName(level, index, tile_width(level, index, self._size))

    def tile(self, level: int, index: int) -> list[bytes]:
        """The hashes of a tile. Raises LogBroken when it is missing, short or long."""
        name = self._name(level, index)
        data = self._files.read(f"tile/{name.path}")
        if data is None:
            raise LogBroken(f"Tile {name.path} is missing.", advice=_TELL)
        if len(data) != name.width * HASH_BYTES:
            raise LogBroken(
                f"Tile {name.path} has {len(data)} bytes and should have {name.width * HASH_BYTES}.", advice=_TELL
            )
        return split_hashes(data)

    def _bundle(self, index: int, leaves: list[bytes]) -> None:
        """Compare the bundle of entries, where there are bundles, with the leaves."""
        if index and not self.bundles:
            return
        name = TileName(None, index, len(leaves))
        data = self._files.read(f"tile/{name.path}")
        if data is None:
            if self.bundles:
                raise LogBroken(f"Bundle {name.path} is missing.", advice=_TELL)
            return
        self.bundles += 1
        at = 0
        for number, leaf in enumerate(leaves, index * TILE_WIDTH):
            length = int.from_bytes(data[at : at + 2], "big")
            entry = data[at + 2 : at + 2 + length]
            at += 2 + length
            if at > len(data):
                raise LogBroken(f"Bundle {name.path} is cut short.", advice=_TELL)
            if leaf_hash(entry) != leaf:
                raise LogBroken(f"Entry {number} is not the one that the tree holds.", advice=_TELL)
        if at != len(data):
            raise LogBroken(f"Bundle {name.path} has bytes that belong to no entry.", advice=_TELL)
