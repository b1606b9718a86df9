"""The one loop of an ingest process: a hundred or two cameras, one recorder.

Streams that are only recorded are read in sweeps, because one large read costs a fraction of many small ones; streams
that somebody watches are read as their bytes come.
"""

import random
import selectors
import socket
import time
from contextlib import suppress

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BelvedereError
from belvedere.foundation.freed import give_back
from belvedere.media.stream import EndReason
from belvedere.site.ingest.address import own_client
from belvedere.site.ingest.camera import Camera
from belvedere.site.ingest.foreign import ForeignCamera
from belvedere.site.ingest.gate import ConnectGate
from belvedere.site.ingest.journal import log
from belvedere.site.ingest.keeper import StreamKeeper, Surroundings
from belvedere.site.ingest.messages import CloseStream, IngestFigures, OpenStream, SetLive, StreamState, ToWorker
from belvedere.site.ingest.names import NameLookups
from belvedere.site.ingest.recorder_link import RecorderGone, RecorderLink

SWEEP_US = 250_000
# Watched streams are looked at this often at most: one wake-up then serves all whose packets came meanwhile.
_PACE_US = 8_000
_GOODBYE_S = 3.0
_FIGURES_US = 5_000_000
_GIVE_BACK_US = 20_000_000
_MOST_STREAMS = 400
_HAND_OVER_BYTES = 1 << 20  # what a sweep has gathered is handed over in pieces of this size


class IngestLoop:
    """Runs until `stop` is called or the recorder is gone (RecorderGone)."""

    def __init__(
        self,
        link: RecorderLink,
        clock: Clock,
        chance: random.Random | None = None,
        gate: ConnectGate | None = None,
    ) -> None:
        self._link = link
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        around = (clock, link, self._selector, NameLookups(), chance or random.Random(), gate or ConnectGate())
        self._around = Surroundings(*around)
        self._cameras: dict[int, StreamKeeper] = {}
        self._stopping = False
        self._figures_us = 0
        self._give_back_us = 0
        self._link_mask = selectors.EVENT_READ
        self._selector.register(link.connection, self._link_mask, link)
        self._wake_end, self._wake = socket.socketpair()
        self._wake_end.setblocking(False)
        self._wake.setblocking(False)
        self._selector.register(self._wake_end, selectors.EVENT_READ, None)

    @property
    def wake_fd(self) -> int:
        """Writing a byte here wakes the loop: for signal.set_wakeup_fd."""
        return self._wake.fileno()

    def stop(self) -> None:
        """Ends the loop soon. May be called from a signal handler or another thread."""
        self._stopping = True
        with suppress(OSError):
            self._wake.send(b"\0")

    def run(self) -> None:
        """Serves until told to stop; then ends all runs and hands everything over. Raises RecorderGone."""
        clock, link, select = self._clock, self._link, self._selector.select
        sweep_us = clock.monotonic_us()
        while not self._stopping:
            now_us = clock.monotonic_us()
            events = select(max(0, sweep_us - now_us) / 1_000_000)
            watched = False
            for key, mask in events:
                if key.data is link:
                    if mask & selectors.EVENT_READ:
                        self._obey(link.receive())
                elif key.data is None:
                    with suppress(BlockingIOError):
                        self._wake_end.recv(4096)
                else:
                    watched = True
                    self._guard(key.data, mask)
            now_us = clock.monotonic_us()
            if now_us >= sweep_us:
                for camera in list(self._cameras.values()):
                    self._guard(camera, 0)
                    if link.queued_bytes > _HAND_OVER_BYTES:
                        link.hurry()  # while it is in the processor's cache
                self._around.gate.tend(now_us)
                if now_us >= self._figures_us:
                    self._tell_figures(now_us)
                if now_us >= self._give_back_us:
                    self._give_back_us = now_us + _GIVE_BACK_US
                    give_back()
                if self._around.dying:
                    self._around.bury()
                # Never owe more than one sweep: a host that was asleep must not be made up for.
                sweep_us = max(sweep_us + SWEEP_US, now_us + SWEEP_US // 2)
            if link.wants_write:
                link.flush()
                self._watch_link()
            if watched:
                self._pause(now_us + _PACE_US)
        self._leave()

    def _guard(self, camera: StreamKeeper, mask: int) -> None:
        """Lets one camera work; whatever it sent, the others go on."""
        try:
            if mask:
                camera.ready(mask)
            else:
                camera.tick(self._clock.monotonic_us())
        except RecorderGone:
            raise
        except Exception as error:  # noqa: BLE001 - a bug met by one camera's bytes must not stop two hundred others
            camera.broken(error)
        if camera.heir and self._cameras.get(camera.order.stream) is camera:
            heir = (ForeignCamera if camera.heir == "reader" else Camera)(camera.order, self._around)
            heir.inherit(camera)
            self._cameras[camera.order.stream] = heir

    def _obey(self, orders: list[ToWorker]) -> None:
        for order in orders:
            if isinstance(order, OpenStream):
                self._open(order)
            elif isinstance(order, CloseStream):
                camera = self._cameras.pop(order.stream, None)
                if camera is not None:
                    camera.close(EndReason.REMOVED, "The camera was removed or switched off.")
            elif isinstance(order, SetLive):
                camera = self._cameras.get(order.stream)
                if camera is not None:
                    camera.set_live(order.on)
            else:
                log.warning("order ignored", order=type(order).__name__)

    def _open(self, order: OpenStream) -> None:
        """Opens a stream, or opens it anew when its address or credentials have changed."""
        before = self._cameras.pop(order.stream, None)
        if before is not None:
            before.close(EndReason.REMOVED, "The camera's settings were changed.")
        if len(self._cameras) >= _MOST_STREAMS:
            message = "This recorder process has too many cameras."
            self._link.send(StreamState(stream=order.stream, state="refused", message=message, reconnects=0))
            return
        try:
            kind = Camera if own_client(order.url) else ForeignCamera
            self._cameras[order.stream] = kind(order, self._around)
        except BelvedereError as error:
            self._link.send(StreamState(stream=order.stream, state="refused", message=str(error), reconnects=0))

    def _tell_figures(self, now_us: int) -> None:
        around, link = self._around, self._link
        self._figures_us = now_us + _FIGURES_US
        left_out = around.left_out + sum(camera.left_out for camera in self._cameras.values())
        link.send(
            IngestFigures(
                left_out=left_out,
                live_left_out=link.dropped_live,
                queue_bytes=link.queued_bytes,
                frozen=around.frozen,
                connecting=len(around.gate),
                waiting=around.gate.waiting,
            )
        )

    def _watch_link(self) -> None:
        mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._link.wants_write else 0)
        if mask != self._link_mask:
            self._selector.modify(self._link.connection, mask, self._link)
            self._link_mask = mask

    def _pause(self, until_us: int) -> None:
        left_us = until_us - self._clock.monotonic_us()
        if left_us > 0:
            time.sleep(left_us / 1_000_000)

    def _leave(self) -> None:
        for camera in self._cameras.values():
            camera.close(EndReason.RESTART, "The recorder was stopped or restarted.")
        self._cameras.clear()
        for reader in self._around.dying:
            reader.wait(_GOODBYE_S)
        if not self._link.drain(_GOODBYE_S):
            log.warning("the recorder did not take the last fragments", bytes=self._link.queued_bytes)
        self._selector.close()
        self._link.close()
        self._wake.close()
        self._wake_end.close()
