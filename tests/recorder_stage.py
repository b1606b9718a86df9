"""A whole recorder in this process, with a worker of ours on its socket, and grants made by hand."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from belvedere.foundation.clock import HOUR_US, Clock, SystemClock
from belvedere.foundation.settings import Settings, load_settings
from belvedere.media.stream import Fragment, StreamConfig
from belvedere.policy.grant import MINT, Action, Grant
from belvedere.site.ingest import messages as m
from belvedere.site.recorder.archive import Archive
from belvedere.site.recorder.reconcile import begin_boot, reconcile
from belvedere.site.recorder.recorder import Recorder
from belvedere.site.storage.cameras import Cameras
from belvedere.site.storage.folders import open_disks
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import ConnectionSafe, Keyring, load_key
from recorder_rig import config, fragment

URL = "rtsp://user:secret@127.0.0.1:8554/gate"


def grant(
    clock: Clock,
    *,
    cameras: tuple[str, ...] = ("cam-01",),
    actions: tuple[Action, ...] = (Action.PLAYBACK, Action.EXPORT),
    from_us: int = 0,
    to_us: int = 1 << 52,
) -> Grant:
    now_us = clock.now_us()
    return Grant(
        id="grant_1",
        user_id="user_1",
        user_name="Ada",
        purpose="duty",
        purpose_text="Duty",
        case="",
        cameras=frozenset(cameras),
        from_us=from_us,
        to_us=to_us,
        actions=frozenset(actions),
        issued_us=now_us,
        expires_us=now_us + HOUR_US,
        masked=False,
        approver="",
        policy_version="1",
        mint=MINT,
    )


class Heard:
    """A live side that remembers what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.fragments: list[Fragment] = []

    def config(self, camera: str, stream: str, config: StreamConfig) -> None:
        self.calls.append(("config", camera, stream, config.config_id))

    def fragment(self, camera: str, stream: str, fragment: Fragment) -> None:
        self.fragments.append(fragment)

    def frame(self, camera: str, stream: str, keyframe: bool, arrival_us: int, data: bytes) -> None:
        self.calls.append(("frame", camera, stream, data.decode()))

    def state(self, camera: str, stream: str, state: str, message: str) -> None:
        self.calls.append(("state", camera, stream, state))

    def ended(self, camera: str, stream: str) -> None:
        self.calls.append(("ended", camera, stream))


class Worker:
    """An ingest process or importer, played by the test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = msgspec.msgpack.Decoder(m.AnyToWorker)

    @classmethod
    async def connect(cls, settings: Settings, *, kind: str = "ingest", slot: int = 0) -> "Worker":
        worker = cls(*await asyncio.open_unix_connection(str(settings.ingest_socket)))
        await worker.say(m.Hello(kind, slot, 1))
        return worker

    async def say(self, *messages: m.ToRecorder) -> None:
        for message in messages:
            body = msgspec.msgpack.encode(message)
            self._writer.write(struct.pack(">I", len(body)) + body)
            await self._writer.drain()

    async def hear(self) -> m.AnyToWorker:
        """The next order. Raises IncompleteReadError when the recorder hung up."""
        async with asyncio.timeout(60):
            (size,) = struct.unpack(">I", await self._reader.readexactly(4))
            order: m.AnyToWorker = self._decoder.decode(await self._reader.readexactly(size))
            return order

    async def opened(self) -> m.OpenStream:
        order = await self.hear()
        assert isinstance(order, m.OpenStream), order
        return order

    def close(self) -> None:
        self._writer.close()

    async def gone(self) -> None:
        """Close, and wait until it is closed."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


def run_start(stream: int, tag: bytes = b"one") -> m.RunStart:
    c = config(tag)
    return m.RunStart(stream, c.codec, c.parameter_sets, c.width, c.height, c.codec_string, c.init, c.config_id)


def came(stream: int, f: Fragment) -> m.FragmentCame:
    return m.FragmentCame(
        stream, f.start_90k, f.duration_90k, f.frames, f.keyframe, f.arrival_us, f.lost_packets, bytes(f.data)
    )


class Stage:
    """The recorder, its parts, and settings with quick cycles."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.heard = Heard()
        self.workers: list[Worker] = []
        self.index = Index(settings.site_folder / "index.db", clock)
        keys = settings.site_folder / "keys"
        self.keyring = Keyring(self.index, load_key(keys / "footage.kek", make=True), clock)
        self.cameras = Cameras(self.index, ConnectionSafe(load_key(keys / "camera.key", make=True)), clock)
        self.disks, self.wrong = open_disks(self.index, settings.footage_folders, clock)
        good = [disk for disk in self.disks if disk.id not in self.wrong]
        self.findings = reconcile(self.index, self.keyring, good)
        boot = begin_boot(self.index, self.findings, "t", clock.now_us())
        self.recorder = Recorder(
            settings.site, self.index, self.keyring, self.cameras, self.disks, boot, clock, self.heard
        )
        self.archive = Archive(settings.site, self.index, self.keyring, self.cameras, self.recorder, clock)

    async def worker(self, kind: str = "ingest", slot: int = 0) -> Worker:
        """A worker that is closed with the stage, if not before."""
        worker = await Worker.connect(self.settings, kind=kind, slot=slot)
        self.workers.append(worker)
        return worker

    async def put_camera(self, camera: str = "cam-01", main: str = URL, sub: str = "", enabled: bool = True) -> None:
        await asyncio.to_thread(self.archive.put_camera, camera, camera.title(), main, sub, enabled)

    async def feed(self, worker: Worker, stream: int, numbers: range, start_us: int, **options: int) -> None:
        """Send fragments as fast as they are taken."""
        await worker.say(*(came(stream, fragment(n, start_us, **options)) for n in numbers))

    async def durable(self, count: int, kind: str = "main") -> None:
        """Wait until the index knows `count` fragments of a stream."""
        sql = (
            "SELECT coalesce(sum(length(fragments)), 0) / 28 FROM segment g JOIN stream s ON s.id = g.stream_id "
            "WHERE s.kind = ?"
        )
        async with asyncio.timeout(60):
            while self.index.read().execute(sql, (kind,)).fetchone()[0] < count:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def stage(folder: Path, *, clock: Clock | None = None, **site: object) -> AsyncIterator[Stage]:
    settings = load_settings(folder, site={"segment_seconds": 4, "sync_ms": 50, "min_free_bytes": 0, **site})
    made = Stage(settings, clock or SystemClock())
    await made.recorder.start(settings.ingest_socket)
    try:
        yield made
    finally:
        for worker in made.workers:
            await worker.gone()
        await made.recorder.stop()
        made.index.close()
