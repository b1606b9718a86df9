"""The recorder: workers' messages in, events for the disks' threads and the live side out. One event loop."""

import asyncio
import functools
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from belvedere.foundation.clock import MINUTE_US, SECOND_US, Clock
from belvedere.foundation.errors import BadInput
from belvedere.foundation.freed import give_back
from belvedere.media.held import Held
from belvedere.media.stream import TICKS_PER_SECOND, VIDEO_CODECS, Codec, EndReason, Fragment, StreamConfig, StreamKind
from belvedere.site.ingest import messages as m
from belvedere.site.recorder.events import Add, Begin, ClockNote, Cut, End
from belvedere.site.recorder.feed import Feed, honest_arrival_us
from belvedere.site.recorder.importing import ImportJob
from belvedere.site.recorder.imports import Imports
from belvedere.site.recorder.intake import WorkerConnection
from belvedere.site.recorder.live import LiveSink
from belvedere.site.recorder.slots import balanced_limit, share
from belvedere.site.recorder.sound import PicturesOnly, hears
from belvedere.site.recorder.track import Track
from belvedere.site.recorder.writer import DiskWriter
from belvedere.site.storage.cameras import Cameras, StreamRef
from belvedere.site.storage.disk import Disk
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import Keyring
from belvedere.site.storage.sound import SoundBook

if TYPE_CHECKING:
    from belvedere.foundation.settings import SiteSettings

log = structlog.get_logger()

CLOCK_STEP_US = 2 * SECOND_US
_IMPORT_PENDING_BYTES = 16 << 20
_PENDING_BYTES = 96 << 20
_REASSIGN_S = 3.0  # a slot that vanished has this long to come back before others take its streams
_LONGEST_FRAGMENT_90K = 60 * TICKS_PER_SECOND
_LONGEST_RUN_90K = 1 << 50
_INIT_LIMIT = 1 << 20
_GIVE_BACK_US = 20 * SECOND_US


class Recorder:
    """Everything here runs on one event loop, except where a method says otherwise."""

    def __init__(
        self,
        settings: "SiteSettings",
        index: Index,
        keyring: Keyring,
        cameras: Cameras,
        disks: Sequence[Disk],
        boot: int,
        clock: Clock,
        sink: LiveSink,
    ) -> None:
        self._settings = settings
        self._index = index
        self._cameras = cameras
        self._clock = clock
        self._sink: LiveSink = PicturesOnly(sink)
        self._loop = asyncio.get_running_loop()
        self.crashed: asyncio.Future[None] = self._loop.create_future()
        self.feeds: dict[tuple[str, StreamKind], Feed] = {}
        # Sound comes over the connection of the camera's main stream: invariant: the two have one connection, or none.
        self.sounds: dict[str, Feed] = {}
        self.sound_book = SoundBook(index, clock)
        self._handles: dict[int, Feed | ImportJob] = {}
        self._next_handle = 1
        self._slots: dict[int, WorkerConnection] = {}
        self._connections: set[WorkerConnection] = set()
        self._imports = Imports(index, cameras, clock, self._pick_writer, self._handle, self._drop_handle, self._soon)
        self._server: asyncio.Server | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._offset_us = clock.now_us() - clock.monotonic_us()
        self._give_back_us = 0
        self.writers = [
            DiskWriter(
                disk,
                index,
                keyring,
                clock,
                boot=boot,
                next_seq=lambda: index.next_id("file"),
                segment_seconds=settings.segment_seconds,
                sync_ms=settings.sync_ms,
                min_free_bytes=settings.min_free_bytes,
                on_cycle=self._soon(self._room),
                on_crash=lambda error: self._soon(functools.partial(self._crash, error))(),
            )
            for disk in disks
        ]

    def _soon(self, call: Callable[[], None]) -> Callable[[], None]:
        def later() -> None:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(call)

        return later

    def _crash(self, error: BaseException) -> None:
        if not self.crashed.done():
            self.crashed.set_exception(error)

    # Life.

    async def start(self, socket_path: Path) -> None:
        """Start the disks' threads and listen for workers."""
        for writer in self.writers:
            writer.start()
        self.refresh()
        socket_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        socket_path.unlink(missing_ok=True)
        self._server = await self._loop.create_unix_server(lambda: WorkerConnection(self), str(socket_path))
        socket_path.chmod(0o600)
        self._ticker = asyncio.create_task(self._tick())

    async def stop(self, reason: EndReason = EndReason.RESTART) -> None:
        """End all runs, seal all segments, make everything durable."""
        if self._ticker is not None:
            self._ticker.cancel()
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            self._imports.drop(connection)
            connection.close()
        for feed in self._all():
            feed.writer.offer(End(feed.track, reason, ""))
        await asyncio.gather(*(asyncio.to_thread(writer.stop) for writer in self.writers))

    # Cameras.

    def cameras_changed(self) -> None:
        """Take in changes of the camera table. Callable from any thread."""
        self._soon(self.refresh)()

    def refresh(self) -> None:
        """Make the feeds match the camera table."""
        wanted = {
            (camera.slug, kind): (camera.id, address)
            for camera in self._cameras.all()
            if camera.enabled
            for kind, address in camera.addresses.items()
        }
        for key, feed in list(self.feeds.items()):
            if key not in wanted or wanted[key][0] != feed.ref.camera_id:
                self._remove(key)
            elif wanted[key][1] != feed.address:
                feed.address = wanted[key][1]
                self._unplug(feed, EndReason.CAMERA_CLOSED, "The camera's address was changed.")
        for key, (_, address) in wanted.items():
            if key not in self.feeds:
                ref = self._cameras.stream(*key)
                self.feeds[key] = Feed(ref, address, self._pick_writer(ref), Track(ref))
                self._tell(self.feeds[key])
        self._refresh_sounds()
        self._assign(balanced_limit(len(self.feeds), self._settings.cameras_per_process))

    def _all(self) -> list[Feed]:
        """Streams of pictures and of sound."""
        return [*self.feeds.values(), *self.sounds.values()]

    def _refresh_sounds(self) -> None:
        """Have sound beside the main streams of those cameras where it is on. A change opens the camera's connection anew."""
        on = self.sound_book.on()
        wanted = {camera.slug for camera in self._cameras.all() if hears(camera, on)}
        for slug in wanted ^ self.sounds.keys():
            main = self.feeds.get((slug, StreamKind.MAIN))
            if main is not None and main.connection is not None:
                self._unplug(main, EndReason.CAMERA_CLOSED, "The camera's sound was switched on or off.")
            if slug in wanted and main is not None:
                ref = self._cameras.stream(slug, StreamKind.AUDIO)
                self.sounds[slug] = Feed(ref, main.address, self._pick_writer(ref), Track(ref))
            elif slug not in wanted:
                self._end_run(self.sounds[slug], EndReason.REMOVED, "The camera's sound was switched off.")
                del self.sounds[slug]

    def _pick_writer(self, ref: StreamRef) -> DiskWriter:
        """Streams are spread over the disks; one that does not work is left out while another does."""
        good = [writer for writer in self.writers if writer.state == "ok"] or self.writers
        return good[ref.id % len(good)]

    def _remove(self, key: tuple[str, StreamKind]) -> None:
        feed = self.feeds.pop(key)
        self._unplug(feed, EndReason.REMOVED, "The camera was removed or switched off.")
        self._sink.state(feed.ref.camera, feed.ref.kind, "off", "")

    def _unplug(self, feed: Feed, reason: EndReason, message: str) -> None:
        """Take a stream from its worker and end its run."""
        if feed.connection is not None:
            feed.connection.send(m.CloseStream(feed.handle))
        sound = self.sounds.get(feed.ref.camera) if feed.ref.kind is StreamKind.MAIN else None
        for each in (feed, sound) if sound is not None else (feed,):
            self._handles.pop(each.handle, None)
            each.connection, each.handle = None, 0
            self._end_run(each, reason, message)

    def _assign(self, limit: int) -> None:
        """Give streams without a worker to workers that carry fewer than `limit`."""
        waiting = [feed for feed in self.feeds.values() if feed.connection is None]
        loads = dict.fromkeys(self._slots, 0)
        for feed in self.feeds.values():
            if feed.connection is not None:
                loads[feed.connection.slot] += 1
        for feed, slot in zip(waiting, share(loads, len(waiting), limit), strict=False):
            feed.connection, feed.handle = self._slots[slot], self._handle(feed)
            self._set_state(feed, "connecting", "")
            address = feed.address
            sound = self.sounds.get(feed.ref.camera) if feed.ref.kind is StreamKind.MAIN else None
            if sound is not None:
                sound.connection, sound.handle = feed.connection, self._handle(sound)
            audio = sound.handle if sound is not None else 0
            feed.connection.send(m.OpenStream(feed.handle, address.url, address.username, address.password, audio))
            if feed.live:
                feed.connection.send(m.SetLive(feed.handle, True))

    def _handle(self, of: Feed | ImportJob) -> int:
        handle = self._next_handle
        self._next_handle += 1
        self._handles[handle] = of
        return handle

    def _drop_handle(self, handle: int) -> None:
        self._handles.pop(handle, None)

    def set_live(self, camera: str, stream: str, on: bool) -> None:
        """Have a stream's frames sent one by one, or no longer."""
        feed = self.feeds.get((camera, StreamKind(stream)))
        if feed is not None:
            feed.live = on
            if feed.connection is not None:
                feed.connection.send(m.SetLive(feed.handle, on))

    # Workers.

    @property
    def workers(self) -> tuple[WorkerConnection, ...]:
        """The ingest processes that are connected. Callable from any thread."""
        return tuple(self._slots.values())

    def joined(self, connection: WorkerConnection) -> None:
        self._connections.add(connection)
        if connection.hello is not None and connection.hello.kind == "import":
            self._imports.joined(connection)
            return
        old = self._slots.get(connection.slot)
        if old is not None:
            self._lose_slot(old, "Another ingest process took its place.")
            old.abort()
        self._slots[connection.slot] = connection
        log.info("ingest_joined", slot=connection.slot)
        self._assign(balanced_limit(len(self.feeds), self._settings.cameras_per_process))
        self._loop.call_later(_REASSIGN_S, self._assign, self._settings.cameras_per_process)

    def left(self, connection: WorkerConnection) -> None:
        self._connections.discard(connection)
        self._imports.drop(connection)
        if self._slots.get(connection.slot) is connection:
            log.warning("ingest_left", slot=connection.slot)
            self._lose_slot(connection, "The ingest process stopped.")
            self._loop.call_later(_REASSIGN_S, self._assign, self._settings.cameras_per_process)

    def _lose_slot(self, connection: WorkerConnection, message: str) -> None:
        del self._slots[connection.slot]
        for feed in self._all():
            if feed.connection is connection:
                self._handles.pop(feed.handle, None)
                feed.connection, feed.handle = None, 0
                self._end_run(feed, EndReason.CRASH, message)
                self._set_state(feed, "connecting", message)

    def said(self, connection: WorkerConnection, message: m.AsRead) -> None:
        match message:
            case m.FragmentView():
                self._fragment(connection, message)
            case m.LiveFrame():
                feed = self._feed(connection, message.stream)
                if feed is not None:
                    now_us = self._clock.now_us()
                    arrival_us = honest_arrival_us(message.arrival_us, now_us)
                    self._sink.frame(feed.ref.camera, feed.ref.kind, message.keyframe, arrival_us, message.data)
            case m.RunStart():
                self._run_start(connection, message)
            case m.RunEnd():
                self._run_end(connection, message)
            case m.StreamState():
                feed = self._feed(connection, message.stream)
                if feed is not None:
                    feed.reconnects = message.reconnects
                    self._set_state(feed, message.state, message.message)
            case m.ClockSeen():
                feed = self._feed(connection, message.stream)
                if feed is not None:
                    self._clock_seen(feed, message.camera_us - message.arrival_us)
            case m.ImportOpen():
                self._imports.open(connection, message)
            case m.ImportEnd():
                self._imports.end(connection, message.stream)
            case m.Hello():
                raise BadInput("A worker said hello twice.")

    def _feed(self, connection: WorkerConnection, handle: int) -> Feed | None:
        """The feed of a handle; None for one that was closed while the worker spoke."""
        found = self._handles.get(handle)
        return found if isinstance(found, Feed) and found.connection is connection else None

    def _run_start(self, connection: WorkerConnection, message: m.RunStart) -> None:
        if (
            message.codec not in list(Codec)
            or len(message.init) > _INIT_LIMIT
            or hashlib.sha256(message.init).hexdigest()[:16] != message.config_id
        ):
            raise BadInput("A worker sent a configuration that contradicts itself.")
        config = StreamConfig(
            Codec(message.codec),
            message.parameter_sets,
            message.width,
            message.height,
            message.codec_string,
            message.init,
            message.config_id,
        )
        job = self._imports.job(connection, message.stream)
        if job is not None:
            job.writer.offer(Begin(job.track, config))
            return
        feed = self._feed(connection, message.stream)
        if feed is not None:
            if (config.codec in VIDEO_CODECS) == (feed.ref.kind is StreamKind.AUDIO):
                raise BadInput("A worker sent sound for pictures, or pictures for sound.")
            feed.config, feed.running = config, True
            feed.recent.clear()
            feed.writer.offer(Begin(feed.track, config))
            self._sink.config(feed.ref.camera, feed.ref.kind, config)

    def _fragment(self, connection: WorkerConnection, message: m.FragmentView) -> None:
        if not 0 < message.duration_90k <= _LONGEST_FRAGMENT_90K or not 0 <= message.start_90k < _LONGEST_RUN_90K:
            raise BadInput("A worker sent a fragment of impossible length.")
        feed = self._feed(connection, message.stream)
        job = self._imports.job(connection, message.stream) if feed is None else None
        now_us = self._clock.now_us()
        fragment = Fragment(
            message.data,
            message.start_90k,
            message.duration_90k,
            max(1, message.frames),
            message.keyframe,
            max(0, message.arrival_us) if job is not None else honest_arrival_us(message.arrival_us, now_us),
            max(0, message.lost_packets),
            None if feed is None else Held(message.data),
        )
        if feed is not None and feed.running:
            feed.seen(fragment)
            feed.writer.offer(Add(feed.track, fragment))
            self._sink.fragment(feed.ref.camera, feed.ref.kind, fragment)
            if feed.writer.pending_bytes > _PENDING_BYTES:
                connection.pause()
        elif job is not None:
            job.check(fragment.start_90k, fragment.duration_90k)
            job.writer.offer(Add(job.track, fragment))
            if job.writer.pending_bytes > _IMPORT_PENDING_BYTES:
                connection.pause()

    def _run_end(self, connection: WorkerConnection, message: m.RunEnd) -> None:
        reason = EndReason(message.reason) if message.reason in list(EndReason) else EndReason.UNKNOWN
        job = self._imports.job(connection, message.stream)
        if job is not None:
            job.writer.offer(End(job.track, EndReason.IMPORT_END, ""))
            return
        feed = self._feed(connection, message.stream)
        if feed is not None:
            self._end_run(feed, reason, message.message)

    def _end_run(self, feed: Feed, reason: EndReason, message: str) -> None:
        if feed.running:
            feed.running = False
            feed.writer.offer(End(feed.track, reason, message))
            self._sink.ended(feed.ref.camera, feed.ref.kind)

    def _room(self) -> None:
        """A disk has finished a cycle: let workers that were held up go on."""
        pending = max(writer.pending_bytes for writer in self.writers)
        for connection in self._connections:
            limit = _IMPORT_PENDING_BYTES if connection in self._imports else _PENDING_BYTES
            if connection.paused and pending < limit // 2:
                connection.resume()

    # Time and state.

    def _set_state(self, feed: Feed, state: str, message: str) -> None:
        feed.state, feed.message = state, message[:500]
        self._tell(feed)

    def _tell(self, feed: Feed) -> None:
        shown = feed.shown()
        if shown != feed.told:
            feed.told = shown
            self._sink.state(feed.ref.camera, feed.ref.kind, *shown)

    def _clock_seen(self, feed: Feed, error_us: int) -> None:
        now_us = self._clock.now_us()
        feed.clock_error_us, feed.clock_source, feed.clock_seen_us = error_us, "rtcp", now_us
        if abs(now_us - feed.clock_noted_us) >= MINUTE_US and abs(error_us) < 1 << 62:
            feed.clock_noted_us = now_us
            feed.writer.offer(ClockNote(feed.track, now_us, error_us))

    def device_clock(self, camera: str, seen_us: int, error_us: int) -> None:
        """The camera's clock was measured through ONVIF."""
        for feed in self.feeds.values():
            if feed.ref.camera == camera:
                feed.device_clock(seen_us, error_us)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.look()

    def look(self) -> None:
        """Once a second: has the clock been set, has a disk failed, who needs to know; is there memory to give back."""
        if self._clock.monotonic_us() >= self._give_back_us:
            self._give_back_us = self._clock.monotonic_us() + _GIVE_BACK_US
            give_back()
        offset_us = self._clock.now_us() - self._clock.monotonic_us()
        step_us, self._offset_us = offset_us - self._offset_us, offset_us
        if abs(step_us) > CLOCK_STEP_US:
            log.error("clock_changed", step_us=step_us)
            for feed in self._all():
                feed.writer.offer(Cut(feed.track, EndReason.CLOCK_CHANGED, "The recorder's clock was set."))
        for feed in self._all():
            if feed.writer.state in ("wrong_disk", "fault"):
                self._move(feed)
            self._tell(feed)

    def _move(self, feed: Feed) -> None:
        """Record a stream on another disk, from its next keyframe on."""
        writer = self._pick_writer(feed.ref)
        if writer is feed.writer or writer.state != "ok":
            return
        feed.writer.offer(End(feed.track, EndReason.DISK_FAULT, "Recording went on on another disk."))
        feed.writer, feed.track = writer, Track(feed.ref, needs_key=True)
        if feed.config is not None and feed.running:
            writer.offer(Begin(feed.track, feed.config))
