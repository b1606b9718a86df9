"""A recorder's disk, index and writer in a temporary folder, with made-up footage whose bytes are known.

The recorder treats fragments as opaque, so these are random bytes that a seed gives back.
"""

import errno
import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

from belvedere.foundation.clock import SECOND_US, SimulatedClock
from belvedere.media import seal
from belvedere.media.stream import Codec, EndReason, Fragment, StreamConfig, StreamKind
from belvedere.site.recorder.check import check
from belvedere.site.recorder.events import Add, Begin, End
from belvedere.site.recorder.reconcile import Findings, begin_boot, reconcile
from belvedere.site.recorder.track import Track
from belvedere.site.recorder.writer import DiskWriter
from belvedere.site.retention.emptying import settle_emptied
from belvedere.site.storage import fragments
from belvedere.site.storage.cameras import Cameras, StreamRef
from belvedere.site.storage.disk import Disk, Files, SystemFiles
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import ConnectionSafe, Keyring

HALF_90K = 45_000


def config(tag: bytes = b"one") -> StreamConfig:
    init = b"init " + tag
    return StreamConfig(
        Codec.H264, (b"\x67" + tag, b"\x68"), 640, 360, "avc1.42e01e", init, hashlib.sha256(init).hexdigest()[:16]
    )


def payload(seed: int, size: int = 20_000) -> bytes:
    return random.Random(seed).randbytes(size)


def fragment(number: int, clock_us: int, *, gop: int = 4, size: int = 20_000, seed: int = 0) -> Fragment:
    """The `number`-th half second of a stream that started at `clock_us`; a keyframe every `gop` of them."""
    return Fragment(
        data=payload(seed * 1_000_003 + number, size),
        start_90k=number * HALF_90K,
        duration_90k=HALF_90K,
        frames=5,
        keyframe=number % gop == 0,
        arrival_us=clock_us + (number + 1) * SECOND_US // 2 - SECOND_US // 10,
    )


class Killed(BaseException):
    """The process ends here, as by kill -9: no handler of the product may catch it."""


class BrokenFiles(SystemFiles):
    """Real files whose operations fail when told to, and that forget what was not synced when the power is cut.

    `fail[operation] = (first, last, errno)`: those calls fail; a failed write leaves half of its bytes in the file.
    `kill_at`: at the n-th call of any operation the process ends.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fail: dict[str, tuple[int, int, int]] = {}
        self.calls: dict[str, int] = {}
        self.free: int | None = None
        self.kill_at = 0
        self.steps = 0
        self.made_empty = 0
        self._paths: dict[int, str] = {}
        self._durable: dict[str, int] = {}  # path -> bytes that survive a power cut
        self._named: set[str] = set()

    def _step(self, operation: str) -> int:
        """Count the call; the errno to fail with, or 0."""
        self.steps += 1
        if self.steps == self.kill_at:
            raise Killed
        number = self.calls[operation] = self.calls.get(operation, 0) + 1
        first, last, code = self.fail.get(operation, (1, 0, 0))
        return code if first <= number <= last else 0

    def _may(self, operation: str) -> None:
        if code := self._step(operation):
            raise OSError(code, os.strerror(code))

    def create(self, path: str) -> int:
        self._may("create")
        fd = super().create(path)
        self._paths[fd] = path
        self._durable[path] = 0
        return fd

    def write(self, fd: int, data: bytes | bytearray | memoryview) -> int:
        if code := self._step("write"):
            super().write(fd, memoryview(data)[: len(data) // 2])
            raise OSError(code, os.strerror(code))
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        self._may("sync")
        super().sync(fd)
        self._durable[self._paths[fd]] = os.fstat(fd).st_size

    def sync_folder(self, path: str) -> None:
        self._may("sync_folder")
        super().sync_folder(path)
        self._named = {name for name in self._durable if (self.folder / name).exists()}

    def truncate(self, fd: int, size: int) -> None:
        self._may("truncate")
        super().truncate(fd, size)

    def unlink(self, path: str) -> None:
        self._may("unlink")
        super().unlink(path)

    def set_empty(self, path: str) -> None:
        super().set_empty(path)
        self.made_empty += 1

    def reopen(self, path: str) -> int:
        fd = super().reopen(path)
        self._paths[fd] = path
        return fd

    def space(self) -> tuple[int, int]:
        total, free = super().space()
        return total, free if self.free is None else self.free

    def power_cut(self, chance: random.Random) -> None:
        """What was not synced is lost, in part or whole; names that were not synced may be."""
        for path, size in self._durable.items():
            full = self.folder / path
            if not full.exists():
                continue
            if path not in self._named and chance.random() < 0.5:
                full.unlink()
            else:
                os.truncate(full, chance.randint(size, max(size, full.stat().st_size)))


class Rig:
    """One disk, one camera with two streams, a writer whose cycles the test runs by hand."""

    slug = "cam-01"

    def __init__(
        self, folder: Path, *, files: Files | None = None, segment_seconds: int = 4, clock: SimulatedClock | None = None
    ) -> None:
        self.folder = folder
        self.clock = clock or SimulatedClock()
        self.files = files or SystemFiles(folder / "footage")
        self.segment_seconds = segment_seconds
        self.min_free = 0
        self.open()

    def open(self) -> Findings:
        """Open what lies in the folder, as a start of the recorder does."""
        self.index = Index(self.folder / "index.db", self.clock)
        self.keyring = Keyring(self.index, b"k" * 32, self.clock)
        self.cameras = Cameras(self.index, ConnectionSafe(b"c" * 32), self.clock)
        row = self.index.read().execute("SELECT id, uuid FROM disk").fetchone()
        fresh = row is None
        if fresh:
            with self.index.write() as db:
                db.execute("INSERT INTO disk (uuid, path, created_us) VALUES ('disk-1', 'footage', 0)")
            self.cameras.put(self.slug, "Gate", "rtsp://u:p@127.0.0.1/1", "rtsp://u:p@127.0.0.1/2", True)
            row = (1, "disk-1")
        self.disk = Disk(self.files, row[0], row[1], "site-1", "footage")
        if fresh:
            self.disk.claim()
        self.disk.verify()
        settle_emptied(self.index, self.disk, self.clock)
        findings = reconcile(self.index, self.keyring, [self.disk])
        boot = begin_boot(self.index, findings, "t", self.clock.now_us())
        self.seq = 0
        self.writer = DiskWriter(
            self.disk,
            self.index,
            self.keyring,
            self.clock,
            boot=boot,
            next_seq=self._next_seq,
            segment_seconds=self.segment_seconds,
            sync_ms=100,
            min_free_bytes=self.min_free,
        )
        return findings

    def _next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def ref(self, kind: StreamKind = StreamKind.MAIN) -> StreamRef:
        return self.cameras.stream(self.slug, kind)

    def track(self, kind: StreamKind = StreamKind.MAIN, **options: object) -> Track:
        track = Track(self.ref(kind), **options)  # type: ignore[arg-type]
        self.writer.offer(Begin(track, config()))
        return track

    def record(self, track: Track, numbers: range, start_us: int, *, per_cycle: int = 1, **options: int) -> None:
        """Feed fragments, a cycle after every `per_cycle` of them; time passes as they come."""
        for number in numbers:
            self.writer.offer(Add(track, fragment(number, start_us, **options)))
            self.clock.advance(SECOND_US // 2)
            if (number + 1) % per_cycle == 0:
                self.writer.cycle()
        self.writer.cycle()

    def end(self, track: Track, reason: EndReason = EndReason.RESTART) -> None:
        self.writer.offer(End(track, reason, ""))
        self.writer.cycle()

    def problems(self) -> list[str]:
        """What is wrong between index and disk."""
        return check(self.index, self.keyring, [self.disk], contents=True)

    def rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        return self.index.read().execute(sql, values).fetchall()

    def footage(self, kind: StreamKind = StreamKind.MAIN) -> Iterator[tuple[fragments.Record, bytes]]:
        """Every fragment that the index knows, with its bytes, in recording order."""
        ref = self.ref(kind)
        for path, day, blob in self.index.read().execute(
            "SELECT path, day, fragments FROM segment WHERE stream_id = ? ORDER BY id", (ref.id,)
        ):
            fd = self.files.open(path)
            reader = seal.SegmentReader(
                lambda offset, size, fd=fd: os.pread(fd, size, offset),  # type: ignore[misc]
                self.keyring.get(ref.camera_id, day),
                seal.identity(self.slug, kind),
            )
            records = fragments.unpack(blob)
            marks = fragments.marks(records)
            for record, mark in zip(records, marks, strict=False):
                parts = reader.read(marks, fragments.RECORD_BYTES, mark.plain, mark.plain + record.length)
                yield record, b"".join(parts)
            os.close(fd)

    def close(self) -> None:
        self.index.close()


NO_SPACE = errno.ENOSPC
IO_ERROR = errno.EIO
