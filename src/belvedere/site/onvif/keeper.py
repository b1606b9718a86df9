"""The site's side of its device process: starts it, tells it what to watch, keeps what it learns, answers the link.

What devices write is read in that process only, away from footage keys and the index. It is started with the first device
and started again when it dies. People ask from the uplink's threads; everything here happens on the site's loop.
"""

import asyncio
import contextlib
import functools
import random
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import structlog

from belvedere.foundation.clock import HOUR_US, SECOND_US, Clock
from belvedere.foundation.errors import BelvedereError, Conflict, LinkFault
from belvedere.link.devices import DeviceFacts, Devices, DeviceState, PullArchive, Pulls, PullState
from belvedere.link.messages import Failure, Reply
from belvedere.link.wire import decode_reply, error_of
from belvedere.site.onvif.messages import (
    LIMIT,
    ClockSeen,
    Do,
    Done,
    FromWorker,
    PullWent,
    Reported,
    Seen,
    Target,
    ToWorker,
    Watch,
)
from belvedere.site.onvif.store import DeviceStore

_KEEP_EVERY_S = 1.0
_LOOK_EVERY_US = 15 * SECOND_US
_MOST_WAITING = 5_000
_ANSWER_S = 60.0
_STOP_S = 5.0
_MOST_PULLS = 100  # remembered

_log = structlog.get_logger()
_Result = TypeVar("_Result")


class DeviceKeeper:
    """One device process and what is known through it."""

    def __init__(
        self,
        store: DeviceStore,
        ingest: Path,
        clock: Clock,
        clock_seen: Callable[[str, int, int], None] = lambda camera, seen_us, error_us: None,
    ) -> None:
        """`clock_seen` is called on the loop with (camera, when, error in microseconds) at each measurement."""
        self.restarts = 0
        self.dropped = 0  # events that found no room
        self.store = store
        self._ingest = ingest
        self._clock = clock
        self._clock_seen = clock_seen
        self._loop = asyncio.get_running_loop()
        self._wanted = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._seen: dict[str, Seen] = {}
        self._clocks: dict[str, ClockSeen] = {}
        self._events: list[Reported] = []
        self._noted: list[ClockSeen] = []
        self._targets: tuple[Target, ...] = ()
        self._told: dict[str, DeviceFacts] = {}  # what the index holds
        self._pulls: dict[int, PullState] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to watch, if there is a device."""
        self._tasks = [asyncio.create_task(self._keep_running()), asyncio.create_task(self._keep())]
        if await asyncio.to_thread(self.store.targets):
            self._wanted.set()

    async def stop(self) -> None:
        """End the device process and keep what came."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        process = self._process
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _STOP_S)
            except TimeoutError:
                process.kill()
                await process.wait()
        await self._flush()

    def wait_for(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Called in another thread: run `work` on the loop and return what it returns or raises."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_ANSWER_S + 5)

    async def changed(self) -> None:
        """Devices were put or removed."""
        targets = await asyncio.to_thread(self.store.targets)
        if targets == self._targets:
            return
        self._targets = targets
        names = {target.camera for target in targets}
        for known in (self._seen, self._clocks):
            for camera in set(known) - names:
                del known[camera]
        if targets:
            self._wanted.set()
        self._send(Watch(targets))

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def do(self, act: str, *, number: int = 0, **more: Any) -> Reply:
        """Have something done. Raises what the device process met, LinkFault when it does not answer."""
        self._wanted.set()
        for _ in range(100):  # a process that is just being started
            if self._process is not None:
                break
            await asyncio.sleep(0.1)
        number = number or self._next()
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._waiting[number] = future
        try:
            self._send(Do(number=number, act=act, **more))
            async with asyncio.timeout(_ANSWER_S):
                return await future
        except TimeoutError as error:
            raise LinkFault("The device process does not answer.", advice="Look into the site's log.") from error
        finally:
            self._waiting.pop(number, None)

    async def pull(self, order: PullArchive) -> None:
        """Begin a pull. Raises CameraFault; Conflict while the same camera's archive is being pulled."""
        if any(each.camera == order.camera and each.state == "running" for each in self._pulls.values()):
            raise Conflict("An archive of this camera is being pulled.", advice="Wait until it is done.")
        number = self._next()
        self._pulls[number] = PullState(
            order.camera, order.recording, order.from_us, order.to_us, "running", "", order.from_us, 0, 0, 0
        )
        for old in list(self._pulls)[:-_MOST_PULLS]:
            del self._pulls[old]
        try:
            await self.do(
                "pull",
                number=number,
                camera=order.camera,
                recording=order.recording,
                from_us=order.from_us,
                to_us=order.to_us,
                stream=order.stream,
                clock_error_us=order.clock_error_us,
            )
        except BelvedereError:
            self._pulls.pop(number, None)
            raise

    def pulls(self) -> Pulls:
        return Pulls(tuple(self._pulls.values()))

    def states(self) -> Devices:
        """How the devices are. Called in any thread."""
        states = []
        for camera, told in self.store.known().items():
            seen, clock = self._seen.get(camera), self._clocks.get(camera)
            facts = seen.facts if seen else None
            services = facts.services if facts else ()
            if facts is not None:
                told = (facts.manufacturer, facts.model, facts.firmware, facts.serial)
            states.append(
                DeviceState(
                    camera=camera,
                    state=seen.state if seen else "connecting",
                    message=seen.message if seen else "",
                    manufacturer=told[0],
                    model=told[1],
                    firmware=told[2],
                    serial=told[3],
                    ptz="ptz" in services and any(stream.ptz for stream in facts.streams) if facts else False,
                    events="events" in services,
                    archive="replay" in services,
                    clock_error_us=clock.error_us if clock else None,
                    clock_uncertainty_us=clock.uncertainty_us if clock else 0,
                    clock_seen_us=clock.seen_us if clock else 0,
                    dropped_events=seen.dropped_events if seen else 0,
                )
            )
        return Devices(tuple(states))

    def _send(self, order: ToWorker) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return
        body = msgspec.msgpack.encode(order)
        process.stdin.write(len(body).to_bytes(4) + body)

    async def _keep_running(self) -> None:
        """Run the device process again and again, slower when it keeps dying."""
        await self._wanted.wait()
        delay_s = 0.5
        while True:
            began_us = self._clock.monotonic_us()
            try:
                await self._run()
            except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
                _log.error("device process", error=str(error))
            self._process = None
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(LinkFault("The device process ended.", advice="Try again."))
            for number, pull in self._pulls.items():
                if pull.state == "running":
                    self._pulls[number] = msgspec.structs.replace(pull, state="failed", message="The process ended.")
            self.restarts += 1
            lived = self._clock.monotonic_us() - began_us > 60 * SECOND_US
            delay_s = 0.5 if lived else min(30.0, delay_s * 2)
            _log.warning("device process ended", restart_in_s=delay_s)
            await asyncio.sleep(delay_s * (0.5 + random.random() / 2))

    async def _run(self) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "belvedere.site.onvif.worker",
            "--ingest",
            str(self._ingest),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LIMIT,
        )
        self._process = process
        assert process.stdout is not None
        self._targets = await asyncio.to_thread(self.store.targets)
        self._send(Watch(self._targets))
        decoder = msgspec.msgpack.Decoder(FromWorker)
        try:
            while True:
                size = int.from_bytes(await process.stdout.readexactly(4))
                if size > LIMIT:
                    break
                self._take(decoder.decode(await process.stdout.readexactly(size)))
        except asyncio.IncompleteReadError:
            pass
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()

    def _take(self, message: FromWorker) -> None:
        match message:
            case Reported():
                if len(self._events) < _MOST_WAITING:
                    self._events.append(message)
                else:
                    self.dropped += 1
            case ClockSeen():
                self._clocks[message.camera] = message
                self._clock_seen(message.camera, message.seen_us, message.error_us)
                if len(self._noted) < _MOST_WAITING:
                    self._noted.append(message)
            case Seen():
                before = self._seen.get(message.camera)
                if message.facts is None and before is not None:
                    message = msgspec.structs.replace(message, facts=before.facts)
                self._seen[message.camera] = message
                if before is None or before.state != message.state:
                    _log.info("device", camera=message.camera, state=message.state, message=message.message)
            case PullWent():
                self._went(message)
            case Done():
                future = self._waiting.get(message.number)
                if future is None or future.done():
                    return
                reply = decode_reply(message.reply)
                if isinstance(reply, Failure):
                    future.set_exception(error_of(reply))
                elif isinstance(reply, Reply):
                    future.set_result(reply)

    def _went(self, message: PullWent) -> None:
        pull = self._pulls.get(message.number)
        if pull is None:
            return
        changes: dict[str, Any] = {"state": message.state, "message": message.message}
        if message.end_us:
            changes["end_us"] = message.end_us
        if message.state == "done":
            changes |= {"frames": message.frames, "bytes": message.bytes, "runs": message.runs}
        self._pulls[message.number] = msgspec.structs.replace(pull, **changes)

    async def _keep(self) -> None:
        """Write what came, a little later, in one transaction; and forget what is old."""
        forgot_us = self._clock.monotonic_us() - HOUR_US
        looked_us = self._clock.monotonic_us()
        while True:
            await asyncio.sleep(_KEEP_EVERY_S)
            await self._flush()
            if self._clock.monotonic_us() - looked_us >= _LOOK_EVERY_US:  # a camera may have a new password, or be gone
                looked_us = self._clock.monotonic_us()
                with contextlib.suppress(BelvedereError):
                    await self.changed()
            if self._clock.monotonic_us() - forgot_us >= HOUR_US:
                forgot_us = self._clock.monotonic_us()
                await self._try(self.store.forget)

    async def _flush(self) -> None:
        events, self._events = self._events, []
        noted, self._noted = self._noted, []
        if events or noted:
            kept = await self._try(functools.partial(self.store.add, events, noted))
            self.dropped += 0 if kept else len(events)
        for camera, seen in list(self._seen.items()):
            facts = seen.facts
            if facts is not None and self._told.get(camera) != facts:
                self._told[camera] = facts
                await self._try(functools.partial(self.store.tell, camera, facts))

    async def _try(self, work: Callable[[], None]) -> bool:
        """Whether `work` was done. A full or failing index disk must not end the watch."""
        try:
            await asyncio.to_thread(work)
        except BelvedereError as error:
            _log.error("device records not kept", error=error.message)
            return False
        return True
