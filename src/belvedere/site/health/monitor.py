"""Looks at everything every few seconds: keeps history, opens and closes faults, has pictures looked at. One thread."""

import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, Clock
from belvedere.foundation.errors import NotFound, StorageFault
from belvedere.foundation.ids import new_id
from belvedere.link.health import Fault, Hint
from belvedere.site.health.eye import Eye
from belvedere.site.health.faults import SNOOZE_US, FaultBook
from belvedere.site.health.history import LAG_US, History
from belvedere.site.health.losses import LossyMinutes
from belvedere.site.health.rules import Condition, DiskNow, Key, StreamNow, camera_conditions, disk_conditions
from belvedere.site.health.sizes import Sizes
from belvedere.site.health.store import HealthStore, StreamRow
from belvedere.site.health.views import View
from belvedere.site.live.relay import Relay
from belvedere.site.recorder.feed import Feed
from belvedere.site.recorder.recorder import Recorder
from belvedere.site.recorder.writer import DiskWriter
from belvedere.site.retention.headroom import headroom

if TYPE_CHECKING:
    from belvedere.foundation.settings import SiteSettings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often what is done."""

    tick_us: int = 5 * SECOND_US
    sizes_us: int = 10 * SECOND_US
    gaps_us: int = MINUTE_US
    headroom_us: int = MINUTE_US
    look_us: int = 5 * MINUTE_US  # at each camera, when nothing stands out
    soon_us: int = 15 * SECOND_US  # when something does
    looks_a_tick: int = 20


@dataclass(slots=True)
class _Watched:
    """One camera's picture."""

    view: View = field(default_factory=View)
    sizes: Sizes = field(default_factory=Sizes)
    stream: str = ""
    due_us: int = 0  # monotonic
    seen: int = 0  # checksum of the newest keyframe looked at: the same one twice says nothing


class Monitor:
    """Everything about health that goes on by itself. `tick` may be called by a test instead of by the thread.

    Invariant: what it raises never stops the recorder; a fault of the index is logged, and the next tick tries again.
    """

    def __init__(
        self,
        settings: "SiteSettings",
        store: HealthStore,
        recorder: Recorder,
        relay: Relay,
        clock: Clock,
        *,
        cadence: Cadence | None = None,
        eye: Eye | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._recorder = recorder
        self._relay = relay
        self._clock = clock
        self._cadence = cadence or Cadence()
        self.eye = eye or Eye(clock)
        self.history = History(store)
        self._book = FaultBook(lambda: new_id("fault", clock))
        now_us = clock.now_us()
        self._book.load(store.faults(now_us - SNOOZE_US), now_us, clock.monotonic_us())
        self._watched: dict[str, _Watched] = {}
        self._references = store.references()
        self._gaps: dict[int, int] = {}
        self._losses = LossyMinutes()
        self._gaps_due_us = 0
        self._days_left: dict[int, float | None] = {}  # by disk, at the last forecast
        self._headroom_due_us = 0
        self._hinted: set[str] = set()  # cameras that another look says to look at now
        self._sizes_due_us = 0
        self._settle_due_us = 0
        self._denied: set[int] = set()  # streams whose password was refused and that have got no further since
        self._dropped: dict[int, int] = {}
        self._disks: dict[str, DiskNow] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # Life.

    def start(self) -> None:
        """Begin in a thread of its own."""
        self._thread = threading.Thread(target=self._main, name="health", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, keep what was sampled. Blocks until it is done."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        try:
            self.history.flush(self._clock.now_us())
        except StorageFault as error:
            log.warning("health_not_kept", error=str(error))
        self.eye.close()

    def _main(self) -> None:
        while not self._stopping.wait(self._cadence.tick_us / SECOND_US):
            try:
                self.tick()
            except StorageFault as error:
                log.warning("health_not_kept", error=str(error))
            except Exception as error:  # a defect here must never stop the recorder in the same process
                log.error("health_tick_failed", exc_info=error)

    # One tick.

    def tick(self) -> None:
        """Look at everything once. Raises StorageFault."""
        with self._lock:
            now_us, monotonic_us = self._clock.now_us(), self._clock.monotonic_us()
            feeds = {(feed.ref.camera, str(feed.ref.kind)): feed for feed in list(self._recorder.feeds.values())}
            rows = self._store.streams()
            self._sample(rows, feeds, now_us)
            if monotonic_us >= self._gaps_due_us:
                self._gaps_due_us = monotonic_us + self._cadence.gaps_us
                self._count_gaps(rows, now_us)
            self._watch(feeds, now_us, monotonic_us)
            self._forecast(now_us, monotonic_us)
            conditions = self._conditions(rows, feeds, now_us)
            changed = self._book.update(conditions, now_us, monotonic_us)
            if changed:
                self._store.put_faults(changed)
            if monotonic_us >= self._settle_due_us:
                self._settle_due_us = monotonic_us + MINUTE_US
                if self.history.settle(now_us):
                    self._store.forget(now_us)

    def _sample(self, rows: list[StreamRow], feeds: Mapping[tuple[str, str], Feed], now_us: int) -> None:
        states = []
        for row in rows:
            feed = feeds.get((row.camera, row.stream))
            if feed is None:
                states.append((row, "off", ""))
                continue
            status = feed.status()
            self.history.sample(row, status, now_us)
            states.append((row, status.state, status.message))
        self.history.note_states(states, now_us)

    def _count_gaps(self, rows: list[StreamRow], now_us: int) -> None:
        until_us = now_us - LAG_US
        self._gaps = {row.id: len(self.history.covered(row, until_us - HOUR_US, until_us)[0].gaps) for row in rows}

    def _conditions(
        self, rows: list[StreamRow], feeds: Mapping[tuple[str, str], Feed], now_us: int
    ) -> dict[Key, Condition]:
        planned = self.planned(now_us)
        streams: dict[str, list[StreamNow]] = {}
        for row in rows:
            feed = feeds.get((row.camera, row.stream))
            if feed is not None:
                streams.setdefault(row.camera, []).append(self._stream_now(feed, now_us))
        found: dict[Key, Condition] = {}
        for camera, each in streams.items():
            watched = self._watched.get(camera)
            hints = {kind: rests_on for kind, (_, rests_on) in watched.view.hints.items()} if watched else {}
            looked = watched is not None and watched.view.looked
            found |= camera_conditions(camera, tuple(each), hints, looked, camera in planned or "" in planned, now_us)
        self._disks = {disk.name: disk for disk in self._disks_now(list(feeds.values()))}
        for disk in self._disks.values():
            found |= disk_conditions(disk)
        return found

    def _stream_now(self, feed: Feed, now_us: int) -> StreamNow:
        state, message = feed.shown()
        # A refused camera is tried again and again; "connecting" in between does not make the password right.
        if state == "denied":
            self._denied.add(feed.ref.id)
        elif state != "connecting":
            self._denied.discard(feed.ref.id)
        elif feed.ref.id in self._denied:
            state, message = "denied", "The camera refused the password."
        return StreamNow(
            stream=str(feed.ref.kind),
            state=state,
            message=message,
            last_frame_us=feed.last_frame_us,
            gaps_hour=self._gaps.get(feed.ref.id),
            clock_error_us=feed.clock_error_us,
            clock_age_us=now_us - feed.clock_seen_us,
            lossy_minutes=self._losses.note(feed.ref.id, feed.lost_packets, self._clock.monotonic_us()),
        )

    def _disks_now(self, feeds: list[Feed]) -> list[DiskNow]:
        dropped: dict[int, int] = {}
        for feed in feeds:
            before = self._dropped.get(feed.ref.id, feed.track.dropped)
            disk = feed.writer.disk.id
            dropped[disk] = dropped.get(disk, 0) + max(0, feed.track.dropped - before)
            self._dropped[feed.ref.id] = feed.track.dropped
        return [
            DiskNow(
                name=writer.disk.name,
                state=writer.state,
                message=writer.message,
                pending_bytes=writer.pending_bytes,
                days_left=self._days_left.get(writer.disk.id),
                dropped=dropped.get(writer.disk.id, 0),
            )
            for writer in self._recorder.writers
        ]

    def _forecast(self, now_us: int, monotonic_us: int) -> None:
        """Each minute: retention's own forecast of each disk, so that one figure is told everywhere."""
        if monotonic_us < self._headroom_due_us:
            return
        self._headroom_due_us = monotonic_us + self._cadence.headroom_us
        least, days = self._settings.min_free_bytes, self._settings.retention_days
        self._days_left = {
            writer.disk.id: headroom(self._store.index, writer.disk, now_us, least, days).days
            for writer in self._recorder.writers
        }

    def kept_days(self, writer: DiskWriter, now_us: int) -> float | None:
        """How far back the footage on a disk reaches, None when it holds none."""
        oldest_us = self._store.oldest_kept_us(writer.disk.id)
        return None if oldest_us is None else round((now_us - oldest_us) / DAY_US, 2)

    # Pictures.

    def _watch(self, feeds: Mapping[tuple[str, str], Feed], now_us: int, monotonic_us: int) -> None:
        sizes_due = monotonic_us >= self._sizes_due_us
        if not sizes_due and not self._hinted:
            return
        if sizes_due:
            self._sizes_due_us = monotonic_us + self._cadence.sizes_us
        chosen: dict[str, Feed] = {}
        for (camera, stream), feed in feeds.items():
            if feed.running and (stream == "sub" or camera not in chosen):
                chosen[camera] = feed
        for camera in [
            camera for camera in self._watched if (camera, "main") not in feeds and (camera, "sub") not in feeds
        ]:
            del self._watched[camera]
        for camera, feed in chosen.items() if sizes_due else ():
            self._sizes(camera, feed, monotonic_us)
        while self._hinted:
            hinted = self._watched.get(self._hinted.pop())
            if hinted is not None:
                hinted.due_us = min(hinted.due_us, monotonic_us)
        waiting = sorted((watched.due_us, camera) for camera, watched in self._watched.items() if camera in chosen)
        for due_us, camera in waiting[: self._cadence.looks_a_tick]:
            if due_us <= monotonic_us:
                self._look(camera, chosen[camera], now_us, monotonic_us)
                if self.eye.looks and not self.eye.running:
                    break  # the decoder hung or can't be started: the others wait for the next tick
        learnt = {
            feed.ref.camera_id: self._watched[camera].view for camera, feed in chosen.items() if camera in self._watched
        }
        learnt = {camera_id: view for camera_id, view in learnt.items() if view.learnt}
        if learnt:
            self._store.put_references({camera_id: view.references for camera_id, view in learnt.items()}, now_us)
            for view in learnt.values():
                view.learnt = False

    def _sizes(self, camera: str, feed: Feed, monotonic_us: int) -> None:
        watched = self._watched.get(camera)
        if watched is None:
            watched = self._watched[camera] = _Watched()
            watched.view.references.update(self._references.get(feed.ref.camera_id, {}))
        if watched.stream != feed.ref.kind:  # the other stream has other sizes
            watched.stream, watched.sizes = str(feed.ref.kind), Sizes()
        watched.sizes.tick(list(feed.recent))
        if watched.sizes.suspicion():
            watched.due_us = min(watched.due_us, monotonic_us)

    def _look(self, camera: str, feed: Feed, now_us: int, monotonic_us: int) -> None:
        watched = self._watched[camera]
        data = self._relay.newest_keyframe(camera, str(feed.ref.kind))
        seen = zlib.crc32(data) if data is not None else 0
        if data is None or seen == watched.seen:
            watched.due_us = monotonic_us + self._cadence.soon_us
            return
        watched.seen = seen
        view = watched.view
        figures = self.eye.look(feed.ref.camera_id, data)
        if figures is not None:
            view.look(figures, watched.sizes.still(), watched.sizes.between_bytes(), now_us)
        again = figures is not None and (view.unsure or view.hints or watched.sizes.suspicion())
        watched.due_us = monotonic_us + (self._cadence.soon_us if again else self._cadence.look_us)

    # What others ask, from any thread.

    def look_soon(self, camera: str) -> None:
        """Something else that watches the picture thinks that it was covered, turned or lit: look at the next tick."""
        self._hinted.add(camera)

    def planned(self, now_us: int) -> dict[str, str]:
        """Planned outages that hold now: camera ("" for the whole site) and the outage's id."""
        return {each.camera: each.id for each in self._store.outages(now_us) if each.start_us <= now_us}

    def hints(self, camera: str) -> tuple[Hint, ...]:
        """What the picture of a camera hints at now."""
        watched = self._watched.get(camera)
        if watched is None:
            return ()
        return tuple(Hint(kind, since_us, rests_on) for kind, (since_us, rests_on) in dict(watched.view.hints).items())

    def disks(self) -> dict[str, DiskNow]:
        """Disks at the last tick, by name."""
        return self._disks

    def faults(self, changed_us: int) -> tuple[Fault, ...]:
        """Stored faults, with what is known of the open ones since."""
        present = {fault.id: fault for fault in self._book.open().values()}
        found = []
        for fault in self._store.faults(changed_us):
            newer = present.get(fault.id)
            if newer is not None and fault.closed_us is None:
                fault = Fault(
                    fault.id,
                    fault.subject,
                    fault.kind,
                    newer.detail,
                    newer.first_us,
                    newer.last_us,
                    newer.times,
                    None,
                    "",
                    fault.changed_us,
                )
            found.append(fault)
        return tuple(found)

    def close_fault(self, fault_id: str) -> None:
        """A person closes a fault. One about the view makes the present view the usual one. Raises NotFound, StorageFault."""
        with self._lock:
            closed = self._book.close(fault_id, self._clock.now_us(), self._clock.monotonic_us())
            if closed is None:
                raise NotFound("This fault is not open.", advice="It may have closed by itself: reload the page.")
            self._store.put_faults([closed])
            kind, name = closed.subject.partition(":")[::2]
            watched = self._watched.get(name) if kind == "camera" else None
            if watched is not None and closed.kind in watched.view.hints:
                watched.view.accept()
