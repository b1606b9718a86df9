"""`python -m belvedere.site.onvif.worker`: the device process of a site. Reads orders on standard input, answers on output.

It holds the passwords of the devices that it watches, no keys, no database, and listens on nothing.
"""

import argparse
import asyncio
import dataclasses
import logging
import os
import random
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from belvedere.foundation.clock import Clock, SystemClock
from belvedere.foundation.errors import BadInput, BelvedereError, LinkFault, NotFound
from belvedere.link.devices import DeviceArchive, DeviceRecording, FoundDevice, FoundDevices, PresetEntry, Presets
from belvedere.link.masked import CameraMasks
from belvedere.link.messages import Answer, Reply
from belvedere.link.wire import encode, failure_of
from belvedere.site.onvif.device import Device
from belvedere.site.onvif.discovery import allowed_networks, search
from belvedere.site.onvif.facts import describe
from belvedere.site.onvif.masks import check_masks, put_masks
from belvedere.site.onvif.messages import LIMIT, Do, Done, FromWorker, PullWent, Target, ToWorker, Watch
from belvedere.site.onvif.pinning import service_address
from belvedere.site.onvif.recordings import list_recordings, replay_address
from belvedere.site.onvif.watch import Watcher
from belvedere.site.onvif.web import Web

if TYPE_CHECKING:
    from belvedere.site.onvif.replay import Span

_MOST_PULLS = 2  # at a time; each takes a thread, and the recorder's attention
_log = structlog.get_logger()


class Worker:
    """Carries out orders until the site hangs up."""

    def __init__(self, web: Web, clock: Clock, ingest: Path | None, out: asyncio.StreamWriter) -> None:
        self._web = web
        self.dropped = 0
        self._clock = clock
        self._ingest = ingest
        self._out = out
        self._encoder = msgspec.msgpack.Encoder()
        self._watchers: dict[str, tuple[Watcher, asyncio.Task[None]]] = {}
        self._doing: set[asyncio.Task[None]] = set()
        self._stops: dict[str, asyncio.Task[None]] = {}
        self._pulls = asyncio.Semaphore(_MOST_PULLS)

    def tell(self, message: FromWorker) -> None:
        """Send one message to the site."""
        if self._out.transport.get_write_buffer_size() > LIMIT and not isinstance(message, Done):
            self.dropped += 1  # the site does not read; it will be told the state again
            return
        body = self._encoder.encode(message)
        self._out.write(len(body).to_bytes(4) + body)

    async def run(self, orders: asyncio.StreamReader) -> None:
        """Read orders until the pipe ends."""
        decoder = msgspec.msgpack.Decoder(ToWorker)
        try:
            while True:
                size = int.from_bytes(await orders.readexactly(4))
                order = decoder.decode(await orders.readexactly(min(size, LIMIT)))
                if isinstance(order, Watch):
                    await self._watch(order)
                else:
                    task = asyncio.create_task(self._do(order))
                    self._doing.add(task)
                    task.add_done_callback(self._doing.discard)
                await self._out.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            tasks = [*self._doing, *self._stops.values(), *(task for _, task in self._watchers.values())]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, order: Watch) -> None:
        wanted = {target.camera: target for target in order.targets}
        ended = []
        for camera, (watcher, task) in list(self._watchers.items()):
            if wanted.get(camera) != watcher.target:
                task.cancel()
                ended.append(task)
                del self._watchers[camera]
        await asyncio.gather(*ended, return_exceptions=True)
        for camera, target in wanted.items():
            if camera not in self._watchers:
                chance = random.Random(int.from_bytes(os.urandom(8)))
                watcher = Watcher(target, self._web, self._clock, self.tell, chance, len(wanted))
                self._watchers[camera] = (watcher, asyncio.create_task(watcher.run()))

    async def _do(self, order: Do) -> None:
        try:
            reply = await self._answer(order)
        except BelvedereError as error:
            reply = failure_of(error)
        except Exception as error:  # noqa: BLE001 - one order that meets a fault of ours must not end the others
            _log.error("order failed", act=order.act, exc_info=error)
            reply = failure_of(LinkFault("A fault in this software.", advice="Look into the site's log and report it."))
        self.tell(Done(order.number, encode(reply)))

    async def _answer(self, order: Do) -> Reply:
        match order.act:
            case "find":
                return await self._find(order.networks)
            case "look" if order.target is not None:
                return await describe(self._device(order.target))
            case "move":
                return await self._move(order)
            case "presets":
                return await self._presets(order.camera)
            case "go":
                await self._watcher(order.camera).movement().go(order.preset)
                return Answer()
            case "keep":
                await self._watcher(order.camera).movement().keep(order.name, order.preset)
                return await self._presets(order.camera)
            case "archive":
                return await self._archive(order.camera)
            case "pull":
                return await self._begin_pull(order)
            case "mask":
                done = await put_masks(self._watcher(order.camera).device, order.polygons, order.tokens)
                return CameraMasks(done.held, done.why, done.tokens)
            case "masked":
                held = await check_masks(self._watcher(order.camera).device, order.tokens)
                return CameraMasks(held, "" if held else "The camera no longer has them.", order.tokens)
        raise BadInput(f"There is no act {order.act!r}.", advice="Run one version of the software.")

    def _watcher(self, camera: str) -> Watcher:
        found = self._watchers.get(camera)
        if found is None:
            raise NotFound(
                f"Camera {camera} has no ONVIF device.",
                advice="Attach one: belvedere camera onvif HOST --attach CAMERA.",
            )
        return found[0]

    def _device(self, target: Target) -> Device:
        home, username, password = service_address(target.address)
        return Device(self._web, home, target.username or username, target.password or password, self._clock)

    async def _find(self, networks: tuple[str, ...]) -> FoundDevices:
        done = await search(allowed_networks(networks))
        return FoundDevices(tuple(FoundDevice(**dataclasses.asdict(each)) for each in done.found), done.asked)

    async def _move(self, order: Do) -> Answer:
        movement = self._watcher(order.camera).movement()
        if pending := self._stops.pop(order.camera, None):
            pending.cancel()
        if not any(order.speeds):
            await movement.stop()
            return Answer()
        # Many cameras ignore the time that a movement is to last: they are stopped in any case, even when the order is lost.
        self._stops[order.camera] = asyncio.create_task(self._stop_later(order.camera, order.seconds))
        await movement.move(*order.speeds, order.seconds)
        return Answer()

    async def _stop_later(self, camera: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        try:
            await self._watcher(camera).movement().stop()
        except BelvedereError as error:
            _log.warning("camera could not be stopped", camera=camera, reason=error.message)

    async def _presets(self, camera: str) -> Presets:
        found = await self._watcher(camera).movement().presets()
        return Presets(tuple(PresetEntry(each.token, each.name) for each in found))

    async def _archive(self, camera: str) -> DeviceArchive:
        device = self._watcher(camera).device
        found = await list_recordings(device, self._clock)
        error = device.clock_error
        return DeviceArchive(
            tuple(DeviceRecording(**dataclasses.asdict(each)) for each in found),
            error.error_us if error else 0,
            error.uncertainty_us if error else 0,
        )

    async def _begin_pull(self, order: Do) -> Answer:
        if self._ingest is None:
            raise BadInput("This process has no recorder.", advice="Pull through a running site.")
        watcher = self._watcher(order.camera)
        device = watcher.device
        address = await replay_address(device, order.recording)
        measured = device.clock_error
        error_us = order.clock_error_us
        if error_us is None:
            error_us = measured.error_us if measured else 0
            how = f"as measured, within {(measured.uncertainty_us if measured else 0) / 1e6:.1f} s"
        else:
            how = "as a person stated"
        facts = watcher.facts
        maker = f"{facts.manufacturer} {facts.model} {facts.serial}".strip() if facts else ""
        source = (
            f"ONVIF replay of recording {order.recording} from {maker or device.home.host}; "
            f"its clock was {error_us / 1e6:+.1f} s against true time, {how}"
        )
        from belvedere.site.onvif.replay import Span  # here and below: it loads PyAV, which few devices need

        span = Span(address, order.from_us, order.to_us, error_us)
        target = watcher.target
        _, username, password = service_address(target.address)
        credentials = (target.username or username, target.password or password)
        task = asyncio.create_task(self._pull(order, span, credentials, source, self._ingest))
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)
        return Answer()

    async def _pull(self, order: Do, span: "Span", credentials: tuple[str, str], source: str, ingest: Path) -> None:
        from belvedere.site.onvif.replay import pull

        loop = asyncio.get_running_loop()

        def progress(done_us: int) -> None:
            went = PullWent(order.number, "running", end_us=span.from_us + done_us)
            loop.call_soon_threadsafe(self.tell, went)

        async with self._pulls:
            try:
                done = await asyncio.to_thread(
                    pull, ingest, span, *credentials, self._clock,
                    camera=order.camera, stream=order.stream, source=source, progress=progress,
                )  # fmt: skip
            except BelvedereError as error:
                self.tell(PullWent(order.number, "failed", str(error)))
                return
            except Exception as error:  # noqa: BLE001 - whatever a pull meets, its state must not stay "running"
                _log.error("pull failed", camera=order.camera, exc_info=error)
                self.tell(PullWent(order.number, "failed", "A fault in this software: look into the site's log."))
                return
        got = done.imported
        self.tell(PullWent(order.number, "done", done.note, got.end_us, got.frames, got.bytes, got.runs))


async def _serve(ingest: Path | None) -> None:
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader(limit=LIMIT)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout)
    out = asyncio.StreamWriter(transport, protocol, None, loop)
    async with Web() as web:
        worker = Worker(web, SystemClock(), ingest, out)
        running = asyncio.create_task(worker.run(orders))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, running.cancel)
        await asyncio.gather(running, return_exceptions=True)


def main(arguments: list[str] | None = None) -> int:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="belvedere.site.onvif.worker", description=__doc__)
    parser.add_argument("--ingest", type=Path, help="the recorder's socket, for pulls")
    options = parser.parse_args(arguments)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    asyncio.run(_serve(options.ingest))
    return 0


if __name__ == "__main__":
    sys.exit(main())
