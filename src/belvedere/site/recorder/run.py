"""A run being written: an unbroken stretch of one stream, as a chain of segments on one disk.

Lives on its disk's thread only. A segment whose write or sync failed is never touched again: what was not durable is
sealed anew into the next segment, so the run goes on without a hole as long as the disk takes any file at all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from belvedere.foundation.clock import DAY_US, Clock
from belvedere.foundation.errors import StorageFault
from belvedere.media import seal
from belvedere.media.stream import TICKS_PER_SECOND, EndReason, Fragment, StreamConfig
from belvedere.site.activity.seconds import Tally, tally_reader
from belvedere.site.recorder.segment import FULL_ERRORS, OPEN, MakeRoom, OpenSegment, Place
from belvedere.site.recorder.timing import RunClock
from belvedere.site.storage.cameras import StreamRef
from belvedere.site.storage.disk import Disk
from belvedere.site.storage.fragments import record_of
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import Keyring

_HARD_LIMIT_90K = 830 * TICKS_PER_SECOND  # below the index's bound even with the longest fragment (60 s)
_GOLDEN = 0.618034  # spreads the first rotations of streams evenly


@dataclass(slots=True)
class Store:
    """What a run needs of its surroundings; one a disk."""

    disk: Disk
    index: Index
    keyring: Keyring
    clock: Clock
    boot: int
    next_seq: Callable[[], int]
    segment_90k: int
    make_room: MakeRoom
    scratch: seal.Scratch
    on_fault: Callable[
        [OSError | StorageFault], None
    ]  # told of each failure, also where the footage was saved elsewhere


class OpenRun:
    """Invariant: its segments have consecutive ordinals and each begins where the one before it ends."""

    def __init__(
        self,
        store: Store,
        ref: StreamRef,
        config: StreamConfig,
        first: Fragment,
        *,
        import_start_us: int | None = None,
        provenance: str = "",
    ) -> None:
        self.id = store.index.next_id("run")
        self.ref = ref
        self.config = config
        self._qp = tally_reader(config)
        self.clock = RunClock(record_of(first), start_us=import_start_us)
        self.imported = import_start_us is not None
        self.provenance = provenance
        self.current: OpenSegment | None = None
        self.dirty: list[OpenSegment] = []  # not yet synced, or changed since; in order
        self.ended: tuple[EndReason, str] | None = None
        self.in_index = False
        self.end_indexed = False
        self.dropped = 0  # fragments that reached no disk
        self._store = store
        self._ordinal = 0
        # Streams rotate at different moments, so that a disk does not close and open all files at once.
        self._limit_90k = int(store.segment_90k * (0.5 + 0.5 * (ref.id * _GOLDEN % 1)))

    @property
    def end_90k(self) -> int | None:
        """Media end of what was taken in; None before the first fragment."""
        return None if self.current is None else self.current.end_90k

    @property
    def end_us(self) -> int:
        """Wall time of that end."""
        segment = self.current
        return self.clock.start_us if segment is None else segment.wall_us(segment.end_90k)

    def append(self, fragment: Fragment) -> None:
        """Take in one fragment. Raises OSError or StorageFault when it could not be written anywhere; the run is ended then."""
        try:
            if self.current is not None and self._due(fragment):
                self._close_current()
                self.clock.rotate(fragment.start_90k, self._store.segment_90k)
                self._limit_90k = self._store.segment_90k
            self._put(fragment)
        except (OSError, StorageFault) as error:
            self._recover(error, [fragment])
        if self.current is not None:
            self.clock.see(record_of(fragment))
            self.current.start_us = self.clock.start_us  # moves only while the run is being anchored

    def _due(self, fragment: Fragment) -> bool:
        assert self.current is not None
        place = self.current.place
        length = fragment.start_90k - place.media_start_90k
        if length >= _HARD_LIMIT_90K:
            return True
        return fragment.keyframe and (
            length >= self._limit_90k or self.current.wall_us(fragment.start_90k) // DAY_US != place.day
        )

    def _put(self, fragment: Fragment) -> None:
        if self.current is None:
            self._open(fragment.start_90k)
        assert self.current is not None
        self.current.append(fragment, self._store.make_room)
        self._touch(self.current)

    def _open(self, media_start_90k: int) -> None:
        store = self._store
        store.disk.verify()
        start_us = self.clock.wall_us(media_start_90k)
        if self.clock.media_start_90k != media_start_90k:
            self.clock.resume(media_start_90k, start_us, self.clock.rate_ppm)
        day = start_us // DAY_US
        key_day, key = store.keyring.make_for(self.ref.camera_id, day)
        seq = store.next_seq()
        ref = self.ref
        self.current = OpenSegment(
            store.disk.files,
            Place(
                store.index.next_id("segment"),
                self._ordinal,
                seq,
                f"{ref.camera}/{ref.kind}-{store.boot:06d}-{seq:08d}.blvs",
                day,
                media_start_90k,
                self.clock.rate_ppm,
                store.clock.now_us(),
                key_day,
            ),
            start_us,
            key,
            seal.identity(ref.camera, ref.kind),
            store.scratch,
            Tally(media_start_90k, self._qp),
        )
        self._ordinal += 1

    def _touch(self, segment: OpenSegment) -> None:
        if segment not in self.dirty:
            self.dirty.append(segment)

    def _close_current(self) -> None:
        segment = self.current
        if segment is not None:
            self._touch(segment)
            segment.close(self._store.make_room)
            self.current = None

    def _recover(self, error: OSError | StorageFault, extra: list[Fragment]) -> None:
        """A write failed. On a full disk close what there is and end the run; else go on in a new file."""
        if isinstance(error, OSError) and error.errno in FULL_ERRORS:
            self._finish_full(len(extra))
            raise error
        if self.current is not None:
            self._replay(self.current, error, extra)
            return
        self._store.on_fault(error)
        self._again(extra)

    def _finish_full(self, lost: int) -> None:
        self.dropped += lost
        segment = self.current
        self.current = None
        if segment is not None:
            if segment.unsynced or segment.durable is not None:
                self._touch(segment)
                self._end_unsealed(segment)
            else:
                self._discard(segment)
        self.ended = (EndReason.DISK_FULL, "The disk is full and nothing is left to delete.")

    def _close_or_leave(self, segment: OpenSegment) -> None:
        try:
            segment.close(_no_room)
        except OSError:
            segment.unsealed = True

    def _discard(self, segment: OpenSegment) -> None:
        """A file that no row will stand for: close and remove it; a removal that fails is made up for at the next start."""
        segment.release()
        self._ordinal = segment.place.ordinal
        if segment in self.dirty:
            self.dirty.remove(segment)
        try:
            self._store.disk.files.unlink(segment.place.path)
        except OSError:
            pass

    def _replay(self, failed: OpenSegment, error: OSError | StorageFault, extra: list[Fragment]) -> None:
        """Leave `failed` and what came after it; seal again, in a new segment, all that was not durable."""
        again: list[Fragment] = []
        rest = self.dirty[self.dirty.index(failed) :] if failed in self.dirty else [failed]
        for segment in reversed(rest):
            again[:0] = segment.unsynced
            if segment.durable is None:
                self._discard(segment)
            else:
                self._leave(segment)
                self._ordinal = segment.place.ordinal + 1
        again += extra
        self.current = None
        self._store.on_fault(error)
        if not again:
            return
        start_90k = again[0].start_90k
        self.clock.resume(start_90k, failed.wall_us(start_90k), failed.place.rate_ppm)
        self._again(again)

    def _again(self, fragments: list[Fragment]) -> None:
        """Write fragments into a new file: the one second chance. Raises OSError or StorageFault; the run is ended then."""
        try:
            for fragment in fragments:
                self._put(fragment)
        except (OSError, StorageFault) as second:
            self._drop_current()
            self._give_up(second, len(fragments))

    def _discard_or_suspect(self, segment: OpenSegment) -> None:
        self.current = None
        if segment.durable is None:
            self._discard(segment)
        else:
            self._leave(segment)

    def _drop_current(self) -> None:
        if self.current is not None:
            self._discard_or_suspect(self.current)

    def _leave(self, segment: OpenSegment) -> None:
        """Never touch the file again; its row keeps what was durable before and says suspect."""
        segment.suspect = True
        segment.abandon()
        self._touch(segment)

    def _give_up(self, error: OSError | StorageFault, lost: int) -> NoReturn:
        """The disk takes nothing: end the run. Raises `error`."""
        self.dropped += lost
        full = isinstance(error, OSError) and error.errno in FULL_ERRORS
        text = error.message if isinstance(error, StorageFault) else str(error.strerror)
        self.ended = (EndReason.DISK_FULL if full else EndReason.DISK_FAULT, f"The disk failed: {text}")
        raise error

    def end(self, reason: EndReason, message: str = "") -> None:
        """Seal the last segment; the run ends. Raises OSError or StorageFault when footage was lost by it."""
        if self.ended is not None:
            return
        self.ended = (reason, message)
        try:
            self._close_current()
        except OSError as error:
            segment = self.current
            assert segment is not None
            if error.errno in FULL_ERRORS:
                self.current = None
                self._store.on_fault(error)
                self._end_unsealed(segment)
            else:
                self._replay(segment, error, [])
                self._close_second()

    def _close_second(self) -> None:
        """Close the segment that took over from one that failed."""
        segment, self.current = self.current, None
        if segment is not None:
            self._close_or_leave(segment)

    def _end_unsealed(self, segment: OpenSegment) -> None:
        """There is no room for the final frame: the segment ends behind its last fragment."""
        try:
            segment.cut_back()
        except OSError:
            self._leave(segment)
        else:
            self._close_or_leave(segment)

    def start_sync(self) -> None:
        """Begin what `sync` will wait for."""
        for segment in self.dirty:
            if not segment.suspect and not segment.settled:
                segment.start_sync()

    def sync(self) -> None:
        """Make all that was taken in durable. A failed sync is not retried: its fragments go to a new file, once.

        Raises OSError or StorageFault when that failed too; the run is ended then.
        """
        for last in (False, True):
            failure = self._sync_all()
            if failure is None:
                return
            segment, error = failure
            if last:
                lost = sum(len(s.unsynced) for s in self.dirty[self.dirty.index(segment) :])
                for late in reversed(self.dirty[self.dirty.index(segment) :]):
                    self._discard_or_suspect(late)
                self._give_up(error, lost)
            ended = self.ended
            self._replay(segment, error, [])
            if ended is not None and self.current is not None:
                self.ended = None
                self.end(*ended)

    def _sync_all(self) -> tuple[OpenSegment, OSError] | None:
        for segment in list(self.dirty):
            if segment.suspect or segment.settled:
                continue
            try:
                segment.sync()
            except OSError as error:
                return segment, error
        return None

    def indexed(self, *, end: bool) -> None:
        """The rows of `dirty` are committed (with the end of the run: `end`): forget the segments that are done."""
        self.in_index = self.in_index or any(segment.durable is not None for segment in self.dirty)
        self.end_indexed = end
        for segment in self.dirty:
            segment.indexed, segment.indexed_flags = segment.durable, segment.flags
            if segment.flags & OPEN == 0:
                segment.release()
        self.dirty.clear()


def _no_room(_: int) -> bool:
    return False
