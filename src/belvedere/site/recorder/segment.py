"""A segment being written: seals fragments into one file and knows what of it is durable and what is indexed."""

import errno
import functools
import os
from collections.abc import Callable
from dataclasses import dataclass

from belvedere.media import seal
from belvedere.media.stream import Fragment
from belvedere.site.activity.seconds import Tally
from belvedere.site.recorder.timing import wall_us
from belvedere.site.storage import fragments
from belvedere.site.storage.disk import Files

OPEN, SUSPECT, RECOVERED, UNSEALED = 1, 2, 4, 8
FULL_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT})

MakeRoom = Callable[[int], bool]
"""Free at least so many bytes on the disk; False when nothing is left to free."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a segment reaches: in the file, in the plaintext, in media time."""

    size: int  # of the file, in bytes
    plain_bytes: int
    sha256: bytes
    records: int  # fragment records
    end_90k: int
    lost_packets: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a segment stands: fixed when it is opened, except `start_us` while its run is being anchored."""

    id: int
    ordinal: int
    seq: int
    path: str
    day: int
    media_start_90k: int
    rate_ppm: int
    opened_us: int
    key_day: int  # whose key seals it: `day`, or later where that key was forgotten before the footage came


class OpenSegment:
    """Invariant: `durable` never reaches past a successful sync, `indexed` never past `durable`."""

    __slots__ = (
        "_bound_to",
        "_files",
        "_key",
        "_marks",
        "_records",
        "_seal",
        "_written",
        "closed",
        "durable",
        "end_90k",
        "fd",
        "indexed",
        "indexed_flags",
        "lost_packets",
        "new",
        "place",
        "start_us",
        "suspect",
        "tally",
        "unsealed",
        "unsynced",
    )

    def __init__(
        self,
        files: Files,
        place: Place,
        start_us: int,
        day_key: bytes,
        bound_to: bytes,
        scratch: seal.Scratch,
        tally: Tally,
    ) -> None:
        """Create the file and write its header. Raises OSError."""
        self._files = files
        self.place = place
        self.start_us = start_us
        segment_id = seal.new_segment_id()
        self._key, self._bound_to = seal.segment_key(day_key, segment_id), bound_to
        self._seal = seal.SegmentWriter(self._key, segment_id, bound_to, scratch)
        self._records = bytearray()
        self._written = 0
        self.tally = tally
        self.end_90k = place.media_start_90k
        self.lost_packets = 0
        self.closed = False  # the final frame is written
        self.suspect = False  # a sync or write failed: no byte is added any more
        self.unsealed = False  # it ended without a final frame: there was no room for it
        self.new = True  # its name is not known to be durable
        self.durable: Extent | None = None
        self.indexed: Extent | None = None
        self.indexed_flags = -1
        self.unsynced: list[Fragment] = []
        self._marks: list[seal.Mark] = []  # where each of `unsynced` lies
        self.fd = files.create(place.path)

    def append(self, fragment: Fragment, make_room: MakeRoom) -> None:
        """Seal and write one fragment. Raises OSError; then the file ends, as far as it could be cut back, before it."""
        record = fragments.pack(fragments.record_of(fragment))
        mark = self._seal.end
        sealed = self._seal.append(fragment.data, record)
        try:
            if self._written == 0:
                self._write(self._seal.header, make_room)
            self._write(sealed, make_room)
        except OSError:
            self._seal.undo()
            raise
        self._records += record
        self.tally.add(fragment)
        self.end_90k = max(self.end_90k, fragment.start_90k + fragment.duration_90k)
        self.lost_packets += fragment.lost_packets
        self.unsynced.append(fragment)
        self._marks.append(mark)

    def _write(self, data: bytes | memoryview, make_room: MakeRoom) -> None:
        view = memoryview(data)
        while view:
            try:
                taken = self._files.write(self.fd, view)
            except OSError as error:
                # The same sealed bytes go on where they stopped: no counter is used for other words.
                if error.errno in FULL_ERRORS and make_room(len(view)):
                    self._files.truncate(self.fd, self._written)
                    continue
                raise
            self._written += taken
            view = view[taken:]

    def cut_back(self) -> None:
        """After a failed append: cut the file to its last whole fragment, as the final frame must follow that. Raises OSError."""
        self._files.truncate(self.fd, self._seal.end.sealed)
        self._written = self._seal.end.sealed

    def close(self, make_room: MakeRoom) -> None:
        """Write the final frame. Raises OSError."""
        self._write(self._seal.close(), make_room)
        self.closed = True

    def start_sync(self) -> None:
        """Have the system begin to write what is not durable yet, so that the syncs of many files share their waiting."""
        done = self.durable.size if self.durable is not None else 0
        self._files.start_sync(self.fd, done, self._written - done)

    def sync(self) -> None:
        """Make data and name durable. Raises OSError; it must not be called again then."""
        self._files.sync(self.fd)
        if self.new:
            self._files.sync_folder(self.place.path)
            self.new = False
        self.durable = Extent(
            self._written,
            self._seal.end.plain,
            self._seal.sha256(),
            len(self._records) // fragments.RECORD_BYTES,
            self.end_90k,
            self.lost_packets,
        )
        for fragment, mark in zip(self.unsynced, self._marks, strict=True):
            if fragment.held is not None:
                fragment.held.settle(functools.partial(self.read_back, mark, len(fragment.data)))
        self.unsynced.clear()
        self._marks.clear()

    def read_back(self, mark: seal.Mark, length: int) -> bytes:
        """The bytes of a durable fragment that lies at `mark`. Callable from any thread. Raises OSError, SealBroken.

        For whoever has just been handed them anyway: this is how they need not be kept in memory.
        """
        fd = self._files.open(self.place.path)
        try:
            reader = seal.SegmentReader(lambda offset, size: os.pread(fd, size, offset), self._key, self._bound_to)
            marks = [mark, seal.next_mark(mark, length, fragments.RECORD_BYTES)]
            return b"".join(reader.read(marks, fragments.RECORD_BYTES, mark.plain, mark.plain + length))
        finally:
            self._files.close(fd)

    def abandon(self) -> None:
        """What is not durable lies elsewhere, or is lost."""
        self.release()
        self.unsynced.clear()
        self._marks.clear()

    def release(self) -> None:
        """Close the file descriptor. What was not synced before is not relied upon."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            try:
                self._files.close(fd)
            except OSError:
                pass  # close reports an old write error; nothing after the last good sync is used

    def wall_us(self, at_90k: int) -> int:
        return wall_us(self.start_us, self.place.media_start_90k, self.place.rate_ppm, at_90k)

    @property
    def flags(self) -> int:
        done = self.closed or self.suspect or self.unsealed
        return (0 if done else OPEN) | (SUSPECT if self.suspect else 0) | (UNSEALED if self.unsealed else 0)

    @property
    def settled(self) -> bool:
        """Whether all that was written is durable."""
        return self.durable is not None and self.durable.size == self._written

    def records(self, extent: Extent) -> bytes:
        """The fragment records up to `extent`."""
        return bytes(self._records[: extent.records * fragments.RECORD_BYTES])
