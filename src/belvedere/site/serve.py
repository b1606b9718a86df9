"""`python -m belvedere.site.serve`: the site's process: recorder, live relay and uplink, with the keys and the index."""

import argparse
import asyncio
import contextlib
import fcntl
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from belvedere import __version__
from belvedere.foundation.clock import Clock, SystemClock
from belvedere.foundation.errors import BelvedereError, Conflict, Refused
from belvedere.foundation.settings_apart import load_apart
from belvedere.policy.grant import Grant
from belvedere.policy.signed import GrantOpener, LogMark
from belvedere.site.activity.room import ActivityRoom
from belvedere.site.card.desk import CardDesk
from belvedere.site.custody.custodian import Custodian
from belvedere.site.custody.held import HeldKeys
from belvedere.site.custody.ordered import OrderedDocument
from belvedere.site.grants.analysis import AnalysisGrant
from belvedere.site.grants.ended import EndedGrants
from belvedere.site.health.answers import HealthAnswers
from belvedere.site.health.monitor import Monitor
from belvedere.site.health.store import HealthStore
from belvedere.site.live.relay import Relay
from belvedere.site.makers.desk import CameraDesk
from belvedere.site.masked.answers import MaskedAnswers
from belvedere.site.masked.in_camera import InCamera
from belvedere.site.masked.process import chosen_in
from belvedere.site.masked.room import MaskedRoom
from belvedere.site.masked.store import MaskStore
from belvedere.site.onvif.answers import begin_devices
from belvedere.site.onvif.keeper import DeviceKeeper
from belvedere.site.onvif.store import DeviceStore
from belvedere.site.opening import room_to_open
from belvedere.site.recorder.archive import Archive
from belvedere.site.recorder.reconcile import begin_boot, reconcile
from belvedere.site.recorder.recorder import Recorder
from belvedere.site.recorder.sound import SoundDesk
from belvedere.site.retention.desk import RetentionDesk
from belvedere.site.retention.emptying import settle_emptied
from belvedere.site.rules.room import RuleRoom
from belvedere.site.rules.store import RuleStore
from belvedere.site.seeing.room import SeeingRoom
from belvedere.site.storage.camera_key import open_connection_safe
from belvedere.site.storage.cameras import Cameras
from belvedere.site.storage.folders import open_disks
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import Keyring, load_key
from belvedere.site.time_service.server import TimeService
from belvedere.site.update.opening import UpdateRoom
from belvedere.site.uplink.configuration import ConfigurationBook
from belvedere.site.uplink.outgoing import Outgoing
from belvedere.site.uplink.papers import PaperFolder
from belvedere.site.uplink.server import serve_link
from belvedere.site.witness.witness import SiteWitness

if TYPE_CHECKING:
    from belvedere.foundation.settings import Settings

log = structlog.get_logger()

EXIT_CRASHED = 4


class HubOpener:
    """Opens grants with the hub's public key, which the hub may bring (or change) after the site has started.

    How far the hub's log was seen to reach is kept beside the key, so that a log that was set back is noticed even after a
    restart of the site.
    """

    def __init__(self, key_file: Path, clock: Clock) -> None:
        self._key_file = key_file
        self._mark_file = key_file.with_suffix(".mark")
        self._clock = clock
        self._stamp: tuple[int, int] | None = None
        self._opener: GrantOpener | None = None

    def open(self, wire: bytes) -> Grant:
        """The grant in `wire`. Raises Refused."""
        try:
            stat = self._key_file.stat()
            if self._opener is None or self._stamp != (stat.st_mtime_ns, stat.st_ino):
                self._opener = GrantOpener(self._key_file.read_bytes(), self._clock, self._kept_mark())
                self._stamp = (stat.st_mtime_ns, stat.st_ino)
        except (OSError, ValueError) as error:
            raise Refused("This site belongs to no hub yet.", advice="Start the hub, which brings its key.") from error
        before = self._opener.mark
        grant = self._opener.open(wire)
        if self._opener.mark != before:
            self._keep_mark(self._opener.mark)
        return grant

    def reached(self) -> int:
        """Entries of the hub's log, as far as grants have shown it."""
        mark = self._opener.mark if self._opener is not None else self._kept_mark()
        return mark.size if mark is not None else 0

    def _kept_mark(self) -> LogMark | None:
        try:
            kept = json.loads(self._mark_file.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise Refused(
                "What this site knew of the hub's log can't be read.",
                advice=f"Tell the data protection officer; then remove {self._mark_file.name} beside the hub's key.",
            ) from error
        return LogMark(int(kept["size"]), int(kept["issued_us"]))

    def _keep_mark(self, mark: LogMark) -> None:
        part = self._mark_file.with_suffix(".part")
        with part.open("w", encoding="utf-8") as file:
            json.dump({"size": mark.size, "issued_us": mark.issued_us}, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._mark_file)


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the data folder for this process. Raises Conflict when another site process has it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict(
                f"{folder} is in use by another site process.", advice="End that one, or give another --data."
            ) from error
        try:
            yield
        finally:
            fcntl.flock(fd, fcntl.LOCK_UN)  # a copy in a child that another thread is just starting would hold it on
    finally:
        os.close(fd)


async def run(settings: "Settings", clock: Clock) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit status."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    reserve = await room_to_open(settings, stopping)
    if reserve is None:
        return 0
    keys = settings.site_folder / "keys"
    index_file = settings.site_folder / "index.db"
    fresh = not index_file.exists()  # an index without its keys must never get new ones: its footage could not be read
    footage_key = load_key(keys / "footage.kek", make=fresh)
    index = Index(index_file, clock)
    index.reserve = reserve
    reserve.keep()
    try:
        keyring = Keyring(index, footage_key, clock)
        safe = open_connection_safe(index, keys / "camera.key", make=fresh)
        cameras = Cameras(index, safe, clock)
        disks, wrong = open_disks(index, settings.footage_folders, clock)
        present = [disk for disk in disks if disk.id not in wrong]
        for disk in present:
            settle_emptied(index, disk, clock)
        found = reconcile(index, keyring, present)
        boot = begin_boot(index, found, __version__, clock.now_us())
        relay = Relay(clock)
        activity = ActivityRoom(index, clock, settings.site.activity_cpu_percent)
        seeing = SeeingRoom(
            index,
            clock,
            settings.models_folder,
            settings.site.analysis_cpu_percent,
            settings.site.retention_days,
            fetch=settings.site.fetch_model,
        )
        seeing.hear(activity.gate)
        recorder = Recorder(settings.site, index, keyring, cameras, disks, boot, clock, activity.ears(relay))
        relay.bind(recorder.set_live)
        masks = MaskStore(index)
        folder = settings.models_folder
        masked = MaskedRoom(
            relay, clock, masks.of, most=settings.site.masked_renditions, model=lambda: chosen_in(folder)
        )
        archive = Archive(settings.site, index, keyring, cameras, recorder, clock)
        await recorder.start(settings.ingest_socket)
        time_service = TimeService(clock, alone=settings.site.time_service_alone)
        archive.live_counters, archive.time_counters = relay.counters, time_service
        hub_opener = HubOpener(settings.hub_public_key_file, clock)
        opener = EndedGrants(hub_opener, index, settings.hub_public_key_file, clock)
        custodian = Custodian(
            index,
            keyring,
            cameras,
            opener,
            clock,
            hub_key_file=settings.hub_public_key_file,
            box_key_file=keys / "box.key",
            settings=settings.site.model_dump(mode="json"),
        )
        custodian.start()
        here = [disk for disk in disks if disk.id not in wrong]
        retention = RetentionDesk(settings.site, settings.hub_public_key_file, index, keyring, here, clock, boot)
        retention.start()
        changed = recorder.cameras_changed
        desk = CameraDesk(index, safe, keys / "camera.key", cameras, archive.status, changed, clock)
        desk.start()
        health = HealthStore(index)
        monitor = Monitor(settings.site, health, recorder, relay, clock)
        activity.gate.on_hint = monitor.look_soon
        monitor.start()
        rules = RuleRoom(RuleStore(index), monitor, clock)
        rules.start()
        try:
            answers = {**HealthAnswers(health, monitor, recorder, clock).answers, **desk.answers()}
            answers |= SoundDesk(recorder.sound_book, changed).answers()
            answers |= activity.start(recorder, archive, opener)
            answers |= rules.answers()
            answers |= custodian.answers()
            answers |= retention.answers
            answers |= opener.answers()
            hub_key = settings.hub_public_key_file
            answers |= HeldKeys(index, keyring, hub_key, clock, retention.keeper.wake).answers
            cards = CardDesk(
                settings.site.id, index, keyring, opener, clock, hub_key_file=hub_key, box_key_file=keys / "box.key"
            )
            answers |= cards.answers()
            answers |= SiteWitness(settings.site.id, keys / "witness.key", hub_key, clock, opener.reached).answers()
            store = DeviceStore(index, safe, cameras, clock, settings.site.retention_days)
            devices = DeviceKeeper(store, settings.ingest_socket, clock, recorder.device_clock)
            answers |= await begin_devices(devices, opener, settings.site.camera_networks, clock)
            if settings.site.time_service:
                await time_service.start(settings.site.time_service)
            archive.permanent, archive.veiled = masks.of, masks.ever
            standing = AnalysisGrant(opener, keys, clock)
            answers |= standing.answers()
            seeing.standing = standing.give
            answers |= seeing.start(archive, opener, masks.of)
            seeing.live.on_picture = rules.on_sightings
            masked.serve(archive, index)
            masked.start()
            in_camera = InCamera(masks, index, devices.do, lambda camera: camera in store.known(), clock)
            masking_cameras = asyncio.create_task(in_camera.run(), name="masks in cameras")
            answers |= MaskedAnswers(masked, masks, in_camera).answers()
            configuration = ConfigurationBook(index, clock, settings.site, hub_key)
            answers |= configuration.answers
            box = settings.site.model_dump(mode="json")
            answers |= OrderedDocument(index, cameras, box, clock, hub_key, changed).answers
            update = UpdateRoom(settings, archive.status, clock)
            answers |= update.answers
            link = await serve_link(settings.link_socket, archive, relay, cards, clock, answers, masked, opener.require)
            papers = PaperFolder(keys / "link", hub_key, clock)
            named = {"site": settings.site.id, "name": settings.site.name}
            uplink = Outgoing(index, papers, link.uplink, clock, **named, limits=configuration.line)
            uplink.start()
            update.start(uplink, papers, configuration.line)
        except BaseException:
            await recorder.stop()
            raise
        sys.stdout.write(json.dumps({"ready": True, "pid": os.getpid()}) + "\n")
        sys.stdout.flush()
        # What exists now stays for good; on the hot path little is made that could hold on to itself.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        log.info("serving", boot=boot, disks=len(disks), wrong_disks=len(wrong))
        ends: list[asyncio.Future[Any]] = [asyncio.create_task(stopping.wait()), recorder.crashed]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if recorder.crashed.done():
            # Crash only: the supervisor starts this process again, and reconciliation makes everything right.
            log.error("crashed", error=repr(recorder.crashed.exception()))
            os._exit(EXIT_CRASHED)
        time_service.close()
        await update.stop()
        await uplink.stop()
        await link.close()
        masking_cameras.cancel()
        await masked.stop()
        await devices.stop()
        await asyncio.to_thread(seeing.stop)
        await asyncio.to_thread(rules.stop)
        await asyncio.to_thread(monitor.stop)
        await asyncio.to_thread(activity.stop)
        desk.stop()
        await asyncio.to_thread(custodian.stop)
        await asyncio.to_thread(retention.stop)
        await recorder.stop()
        return 0
    finally:
        index.close()


def main(arguments: list[str] | None = None) -> int:
    """Serve the site of a data folder."""
    parser = argparse.ArgumentParser(prog="belvedere.site.serve", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data folder")
    options = parser.parse_args(arguments)
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    os.umask(0o077)
    try:
        settings = load_apart(options.data)
        with only_one(settings.site_folder):
            return _loop(settings)
    except BelvedereError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _loop(settings: "Settings") -> int:
    try:
        import uvloop
    except ImportError:
        return asyncio.run(run(settings, SystemClock()))
    return uvloop.run(run(settings, SystemClock()))


if __name__ == "__main__":
    sys.exit(main())
