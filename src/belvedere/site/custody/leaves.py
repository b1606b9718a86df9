"""The Merkle tree of a camera-day: one leaf a segment, in order of time, main before sub.

A leaf's entry is canonical JSON: bytes, camera, dur_us, sha256 (hex), start_us, stream. Hashes are those of RFC 6962, as in the
audit log. A deleted segment keeps its leaf, so that a root stays provable for what is left.
"""

from dataclasses import dataclass

import msgspec

from belvedere.foundation.clock import DAY_US
from belvedere.site.storage.index import Index
from belvedere.tlog.merkle import full_root, inclusion_proof, leaf_hash, root_of

_LEAVES = """
SELECT g.id, s.kind, g.start_us, g.dur_us, g.bytes, g.sha256, 0
FROM stream s JOIN segment g ON g.stream_id = s.id
WHERE s.camera_id = :camera_id AND g.start_us >= :from_us AND g.start_us < :to_us
UNION ALL
SELECT x.id, s.kind, x.start_us, x.dur_us, x.bytes, x.sha256, 1
FROM stream s JOIN segment_gone x ON x.stream_id = s.id
WHERE s.camera_id = :camera_id AND x.start_us >= :from_us AND x.start_us < :to_us
ORDER BY 3, 2, 1
"""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One segment of a camera-day. `gone`: its footage was deleted."""

    segment: int
    stream: str
    start_us: int
    dur_us: int
    size: int  # of the file, in bytes
    sha256: bytes
    gone: bool

    def entry(self, camera: str) -> bytes:
        """The canonical JSON whose hash is the leaf."""
        words = {
            "bytes": self.size,
            "camera": camera,
            "dur_us": self.dur_us,
            "sha256": self.sha256.hex(),
            "start_us": self.start_us,
            "stream": self.stream,
        }
        return msgspec.json.encode(words, order="sorted")


def day_leaves(index: Index, camera_id: int, day: int) -> list[Leaf]:
    """The leaves of a camera-day in their order. `day`: of the footage's own time, UTC."""
    rows = index.read().execute(_LEAVES, {"camera_id": camera_id, "from_us": day * DAY_US, "to_us": (day + 1) * DAY_US})
    return [
        Leaf(segment, stream, start_us, dur_us, size, sha256, bool(gone))
        for segment, stream, start_us, dur_us, size, sha256, gone in rows.fetchall()
    ]


def day_root(leaves: list[Leaf], camera: str) -> bytes:
    """The Merkle root."""
    return root_of(leaf_hash(leaf.entry(camera)) for leaf in leaves)


def day_proof(leaves: list[Leaf], camera: str, at: int) -> tuple[bytes, ...]:
    """The inclusion proof of leaf `at`."""
    hashes = [leaf_hash(leaf.entry(camera)) for leaf in leaves]
    return inclusion_proof(at, len(hashes), lambda level, n: full_root(hashes[n << level : (n + 1) << level]))
