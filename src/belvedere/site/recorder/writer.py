"""The thread of one disk: seals, writes, syncs as a group, then writes index rows. Nothing else writes footage there.

What comes is written soon, so that little is lost when this process dies; it is made durable together, because a sync
costs the same for little as for much. Each cycle, in this order: data, sync, directory sync, one index transaction; then
free space. What the index says is therefore always on the disk. A cycle starts at least every `sync_ms`.
"""

import errno
import threading
from collections.abc import Callable

import structlog

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BelvedereError, DiskFull, StorageFault, WrongDisk
from belvedere.media import seal
from belvedere.media.stream import EndReason, Fragment
from belvedere.site.recorder.events import Abort, Add, Begin, ClockNote, Cut, End, Event, Finish
from belvedere.site.recorder.rows import ORDER, RunRows, end_row
from belvedere.site.recorder.run import OpenRun, Store
from belvedere.site.recorder.segment import FULL_ERRORS
from belvedere.site.recorder.track import Track
from belvedere.site.retention.emptying import empty_here, settle_emptied
from belvedere.site.retention.space import DiskSpace
from belvedere.site.storage.deletion import Doomed, delete
from belvedere.site.storage.disk import Disk
from belvedere.site.storage.index import Index, statements
from belvedere.site.storage.keys import Keyring
from belvedere.site.storage.reserve import LEAST_BYTES

log = structlog.get_logger()

EARLY_BYTES = 8 << 20  # this much waiting is written before its time
_WRITE_S = 0.2  # what came is written at least this often: that much is lost when the process is killed
_UNSYNCED_BYTES = 64 << 20  # this much written is made durable before its time
INDEX_FULL = "There is no room for the site's index: what is recorded can't be found until there is."
_BATCH = 32  # clock notes kept while the index can't be written


class DiskWriter:
    """Recording on one disk. `offer` is called by the event loop; all else happens in `cycle`."""

    def __init__(
        self,
        disk: Disk,
        index: Index,
        keyring: Keyring,
        clock: Clock,
        *,
        boot: int,
        next_seq: Callable[[], int],
        segment_seconds: int,
        sync_ms: int,
        min_free_bytes: int,
        on_cycle: Callable[[], None] = lambda: None,
        on_crash: Callable[[BaseException], None] = lambda error: None,
    ) -> None:
        self.disk = disk
        self.state = "ok"  # ok, full, fault, wrong_disk
        self.message = ""
        self.pending_bytes = 0  # taken in or waiting, and not yet durable
        self.failed_index = 0  # cycles in a row whose rows could not be written; they are kept and written later
        self._index = index
        self._keyring = keyring
        self._clock = clock
        self._sync_s = sync_ms / 1000
        self.space = DiskSpace(disk, index, clock, min_free_bytes, self._ease)
        self._full = False
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._waiting_bytes = 0  # in `_events`
        self._written_bytes = 0  # since the last sync
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._on_cycle = on_cycle
        self._on_crash = on_crash
        self._touched: dict[int, OpenRun] = {}
        self._finishing: list[Finish] = []
        self._notes: list[ClockNote] = []
        self._store = Store(
            disk,
            index,
            keyring,
            clock,
            boot,
            next_seq,
            segment_seconds * 90_000,
            self.space.make_room,
            seal.Scratch(),
            self._failed,
        )

    # The event loop's side.

    def offer(self, event: Event) -> None:
        """Queue an event. The caller keeps `pending_bytes` bounded by not reading on while it is high."""
        size = len(event.fragment.data) if isinstance(event, Add) else 0
        with self._lock:
            self._events.append(event)
            self.pending_bytes += size
            self._waiting_bytes += size
        if self._waiting_bytes > EARLY_BYTES or isinstance(event, Finish):
            self._wake.set()

    def start(self) -> None:
        self._look()
        self._thread = threading.Thread(target=self._main, name=f"disk {self.disk.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Run a last cycle and end the thread. Blocks until it is done."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    # The disk's thread.

    def _main(self) -> None:
        beats = max(1, round(self._sync_s / _WRITE_S))
        beat, due_us = 0, 0
        try:
            while not self._stopping:
                left_s = (due_us - self._clock.monotonic_us()) / 1e6
                beat += not self._wake.wait(max(0.0, min(self._sync_s / beats, left_s)))
                self._wake.clear()
                if self.write() or beat >= beats or self._clock.monotonic_us() >= due_us:
                    beat, due_us = 0, self._clock.monotonic_us() + int(self._sync_s * 1e6)
                    self.settle()
            self.cycle()
        except BaseException as error:  # whatever it is: the process ends, and the next start reconciles
            log.error("disk_thread_failed", disk=self.disk.name, error=repr(error), exc_info=True)
            self._on_crash(error)

    def cycle(self) -> None:
        """Take in all queued events and make them durable."""
        self.write()
        self.settle()

    def write(self) -> bool:
        """Take in all queued events; their data is then in the system's hands. True: it should be made durable at once."""
        with self._lock:
            events, self._events = self._events, []
            waiting, self._waiting_bytes = self._waiting_bytes, 0
        for event in events:
            self._apply(event)
        self._written_bytes += waiting
        # An import sends as fast as its footage becomes durable.
        hurried = self._written_bytes > EARLY_BYTES and any(event.track.imported for event in events)
        return hurried or bool(self._finishing) or self._written_bytes > _UNSYNCED_BYTES

    def settle(self) -> None:
        """Make what was taken in durable and write its rows; then see to space."""
        for run in self._touched.values():
            run.start_sync()
        for run in list(self._touched.values()):
            try:
                run.sync()
            except (OSError, StorageFault) as error:
                self._failed(error)
        self._write_rows()
        with self._lock:
            self.pending_bytes -= self._written_bytes
            self._written_bytes = 0
        self._tend_space()
        self._on_cycle()

    def _apply(self, event: Event) -> None:
        track = event.track
        match event:
            case Add(fragment=fragment):
                self._add(track, fragment)
            case Begin(config=config):
                self._touch(track.begin(config))
            case Cut(reason=reason, message=message):
                track.cut(reason, message)
            case End(reason=reason, message=message):
                self._touch(track.end(reason, message))
            case ClockNote():
                self._notes.append(event)
            case Finish():
                self._touch(track.end(EndReason.IMPORT_END))
                self._finishing.append(event)
            case Abort():
                self._touch(track.end(EndReason.IMPORT_END))
                self._abort(track)

    def _add(self, track: Track, fragment: Fragment) -> None:
        if self._full:
            track.trouble = "The disk is full and nothing is left to delete."
            if track.run is not None:
                run = track.run
                self._touch(track.end(EndReason.DISK_FULL, track.trouble))
                track.lose(run)
            track.dropped += 1
            return
        try:
            track.add(fragment, self._store, self._touch)
        except (OSError, StorageFault) as error:
            self._failed(error)
            track.trouble = self.message
            return
        if track.run is not None and not self.failed_index:
            self._mended()

    def _mended(self) -> None:
        """There is room again. A fault stays: somebody has to look at the disk."""
        if self.state == "full":
            self.state, self.message = "ok", ""

    def _touch(self, run: OpenRun | None) -> None:
        if run is not None:
            self._touched[run.id] = run

    def _failed(self, error: OSError | StorageFault) -> None:
        if isinstance(error, WrongDisk):
            state, message = "wrong_disk", str(error)
        elif isinstance(error, OSError) and error.errno in FULL_ERRORS:
            state, message = (
                "full",
                "The disk is full and nothing is left to delete. Recording goes on when there is room.",
            )
        else:
            state, message = "fault", f"Writing failed: {error}. Check the disk; footage around now may be missing."
        if state != self.state:
            log.error("disk_state", disk=self.disk.name, state=state, error=str(error))
        self.state, self.message = state, message

    # Rows.

    def _write_rows(self) -> None:
        """One transaction for everything that became durable. When it fails the rows wait for the next cycle."""
        if not self._touched and not self._finishing and not self._notes:
            return
        held = {run.id for finish in self._finishing for run in finish.track.runs}
        runs = list(self._touched.values())
        try:
            with self._index.write() as db:
                rows: dict[str, list[dict[str, object]]] = {}
                for run in runs:
                    for name, values in RunRows(run, self._store).all(final=not run.imported or run.id in held):
                        rows.setdefault(name, []).append(values)
                for name in ORDER:
                    if name in rows:
                        db.executemany(statements()[name], rows[name])
                for finish in self._finishing:
                    for run in finish.track.runs:
                        if run.in_index and not run.end_indexed and run.id not in self._touched:
                            db.execute(statements()["end_run"], end_row(run))
                for note in self._notes:
                    noted = (note.track.ref.id, note.seen_us, note.error_us)
                    db.execute("INSERT OR REPLACE INTO clock_error VALUES (?, ?, ?)", noted)
        except StorageFault as error:
            del self._notes[:-_BATCH]
            self.failed_index += 1
            log.error("index_not_written", disk=self.disk.name, cycles=self.failed_index, error=str(error))
            self.message = str(error)
            if self._index.reserve is not None and self._index.reserve.full():
                self.state, self.message = "full", INDEX_FULL
            return
        if self.failed_index:
            self.failed_index = 0
            self._mended()
        self._notes.clear()
        for run in runs:
            run.indexed(end=run.ended is not None and (not run.imported or run.id in held))
            del self._touched[run.id]
        finishing, self._finishing = self._finishing, []
        for finish in finishing:
            finish.done(self._problem(finish.track), *self._total(finish.track))

    def _problem(self, track: Track) -> BelvedereError | None:
        lost = track.dropped + sum(run.dropped for run in track.runs)
        if not lost and not track.trouble:
            return None
        self._abort(track)
        return DiskFull(
            f"{lost} pieces of the recording could not be stored: {track.trouble}",
            advice="Make room or check the disk, then import the file again.",
        )

    def _total(self, track: Track) -> tuple[int, int]:
        row = (
            self._index.read()
            .execute(
                "SELECT count(*), coalesce(sum(plain_bytes), 0) FROM segment WHERE run_id IN "
                f"({','.join('?' * len(track.runs))})",
                [run.id for run in track.runs],
            )
            .fetchone()
        )
        return int(row[0]), int(row[1])

    def _abort(self, track: Track) -> None:
        """Delete all of an import. What fails here is made up for at the next start."""
        try:
            self._remove(track)
        except StorageFault as error:
            log.error("import_not_removed", disk=self.disk.name, error=str(error))

    def _remove(self, track: Track) -> None:
        for run in track.runs:
            if run.id in self._touched:
                try:
                    run.sync()
                except (OSError, StorageFault) as error:
                    self._failed(error)
        self._write_rows()
        for run in track.runs:
            if not run.in_index:
                continue
            with self._index.write() as db:
                db.execute(
                    statements()["end_run"], {"id": run.id, "end_reason": EndReason.UNKNOWN, "message": "Broken off."}
                )
            rows = self._index.read().execute(statements()["of_run"], {"run_id": run.id}).fetchall()
            delete(self._index, self.disk.files, [Doomed(*row) for row in rows])
        track.runs.clear()

    # Space.

    def _tend_space(self) -> None:
        if not self._look():
            return
        short = self.space.short()
        was_full, self._full = self._full, short > 0 and not self.space.make_room(short)
        if self._index.reserve is not None:
            self._index.reserve.keep()
        if self._full:
            self._failed(OSError(errno.ENOSPC, "below min_free_bytes"))
        elif was_full:
            self.state, self.message = "ok", ""

    def _ease(self, size: int) -> int:
        """Bytes freed without writing to the index, for which there is no room; it is told of them as soon as there is."""
        freed = empty_here(self._index, self.disk, max(size, LEAST_BYTES))
        try:
            settle_emptied(self._index, self.disk, self._clock)
        except (StorageFault, OSError) as error:
            log.error("emptied_not_told", disk=self.disk.name, error=str(error))
        return freed

    def _look(self) -> bool:
        """Whether the folder is still the disk it should be."""
        try:
            self.disk.verify()
        except WrongDisk as error:
            self._failed(error)
            return False
        if self.state == "wrong_disk":
            self.state, self.message = "ok", ""
        return True
