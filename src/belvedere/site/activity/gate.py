"""The robust gate: keyframes of small streams are compared as they pass, before they are sealed. No key, no store access.

The event loop only notes the newest keyframe of each stream; a thread hands them to the decoder process while its share
of the processor lasts. What it was too late for is counted as skipped, and those seconds stay "not looked at".
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import StorageFault, Unavailable
from belvedere.media.activity import first_frame
from belvedere.media.stream import Fragment, StreamConfig, StreamKind
from belvedere.site.activity.decoder_pipe import Look, Zones
from belvedere.site.activity.decoder_process import DecoderProcess
from belvedere.site.activity.store import ActivityStore, Row
from belvedere.site.recorder.timing import media_us

log = structlog.get_logger()

_APART_US = 30 * SECOND_US  # pictures further apart are not compared
_MAIN_EVERY_US = 10 * SECOND_US  # a main stream costs ten times as much: looked at this often where there is no other
_BURST_US = 2 * SECOND_US  # processor time that may be saved up
_PENDING = 4_000  # comparisons kept for a stream until their segments are in the index
_FLUSH_US = 30 * SECOND_US
_WAIT_S = 0.5
_ZONES_US = 60 * SECOND_US


@dataclass(frozen=True, slots=True)
class Compared:
    """[from_us, to_us) of a stream: what one comparison told about it, as `share_byte`."""

    from_us: int
    to_us: int
    gate: int


def gate_of(row: Row, compared: list[Compared]) -> bytes:
    """The gate bytes of a row's seconds: what it had, and over it what was compared."""
    gate = bytearray(row.count)
    if row.gate is not None:
        gate[: len(row.gate)] = row.gate[: row.count]
    for each in compared:
        first = max(0, (each.from_us - row.start_us + SECOND_US // 2) // SECOND_US)
        last = min(len(gate), (each.to_us - row.start_us + SECOND_US // 2) // SECOND_US)
        for second in range(first, last):
            if gate[second] < each.gate:
                gate[second] = each.gate
    return bytes(gate)


def share_byte(share: float) -> int:
    """The share of the picture that changed (0 to 1) as the byte that is kept: 0 is left for "not looked at"."""
    root: float = min(1.0, max(0.0, share)) ** 0.5
    return 1 + round(254 * root)


@dataclass(slots=True)
class _Waiting:
    """The newest keyframe of a stream that was not looked at yet."""

    at_us: int
    config: StreamConfig
    picture: bytes  # by itself: the rest of the fragment need not stay in memory for it


@dataclass(slots=True)
class _Watched:
    """One camera, seen through one of its streams."""

    camera: str
    kind: str
    eye: int
    config: StreamConfig | None = None
    waiting: _Waiting | None = None
    before_us: int = 0
    taken_us: int = 0
    zones: Zones = ()
    zones_us: int = -_ZONES_US
    compared: deque[Compared] = field(default_factory=lambda: deque(maxlen=_PENDING))


class Gate:
    """Compares what passes. `config` and `fragment` are called on the event loop; all else happens in its thread."""

    def __init__(
        self,
        store: ActivityStore,
        decoder: DecoderProcess,
        clock: Clock,
        share: float,
    ) -> None:
        """`share` of one processor core is what looking may take."""
        self._store = store
        self._decoder = decoder
        self._clock = clock
        self._share = share
        # Called with the camera, in the gate's thread, when a whole picture changed at once: see pictures.Hint.
        self.on_hint: Callable[[str], None] = lambda camera: None
        # Called in the gate's thread with each keyframe that was compared: camera, stream, time, configuration, picture, and
        # the share of it that changed (None: there was nothing to compare with). Must return at once.
        self.on_picture: Callable[[str, str, int, StreamConfig, bytes, float | None], None] = lambda *_: None
        self._watched: dict[str, _Watched] = {}
        self._eyes = 0
        self._left_us = float(_BURST_US)  # processor time to spend
        self._counted_us = clock.monotonic_us()
        self._flushed_us = clock.monotonic_us()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.looked = 0
        self.skipped = 0  # keyframes that there was no time for

    # The event loop's side.

    def config(self, camera: str, stream: str, config: StreamConfig) -> None:
        """A run of a stream begins. A camera's sub stream is preferred as soon as it has one."""
        if stream not in (StreamKind.MAIN, StreamKind.SUB):
            return
        watched = self._watched.get(camera)
        if watched is None or (watched.kind != stream and stream == StreamKind.SUB):
            self._eyes += 1
            watched = self._watched[camera] = _Watched(camera, stream, self._eyes)
        if watched.kind == stream:
            watched.config = config

    def fragment(self, camera: str, stream: str, fragment: Fragment) -> None:
        """Note a keyframe. Costs a copy of it at most, and of main streams only now and then."""
        if not fragment.keyframe:
            return
        watched = self._watched.get(camera)
        if watched is None or watched.kind != stream or watched.config is None:
            return
        at_us = fragment.arrival_us - media_us(fragment.duration_90k)
        if stream == StreamKind.MAIN and 0 <= at_us - watched.taken_us < _MAIN_EVERY_US:
            return
        found = first_frame(fragment.data)
        if found is None:
            return
        offset, size = found
        watched.taken_us = at_us
        if watched.waiting is not None:
            self.skipped += 1
        watched.waiting = _Waiting(at_us, watched.config, bytes(fragment.data[offset : offset + size]))
        self._wake.set()

    def ended(self, camera: str, stream: str) -> None:
        """A run ended; what comes next is compared all the same, when it is soon."""

    # The thread.

    def start(self) -> None:
        self._thread = threading.Thread(target=self._main, name="gate", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, keeping what was compared. Blocks until it is done."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _main(self) -> None:
        while not self._stopping:
            self._wake.wait(_WAIT_S)
            self._wake.clear()
            try:
                self.look()
                if self._clock.monotonic_us() - self._flushed_us >= _FLUSH_US:
                    self.flush()
            except Unavailable as error:
                log.warning("gate_away", error=str(error))
            except StorageFault as error:
                log.error("gate_not_kept", error=str(error))
        try:
            self.flush()
        except StorageFault as error:
            log.error("gate_not_kept", error=str(error))

    def look(self) -> None:
        """Compare the keyframes that wait, as far as the share of the processor goes. Raises Unavailable, StorageFault."""
        for watched in list(self._watched.values()):
            if self._stopping:
                return
            waiting, watched.waiting = watched.waiting, None
            if waiting is None:
                continue
            if not self._may():
                self.skipped += 1
                continue
            self._compare(watched, waiting)

    def _may(self) -> bool:
        now_us = self._clock.monotonic_us()
        earned = (now_us - self._counted_us) * self._share
        self._left_us, self._counted_us = min(float(_BURST_US), self._left_us + earned), now_us
        return self._left_us > 0

    def _compare(self, watched: _Watched, waiting: _Waiting) -> None:
        now_us = self._clock.monotonic_us()
        if now_us - watched.zones_us >= _ZONES_US:
            watched.zones, watched.zones_us = self._store.zones(watched.camera), now_us
        fresh = not 0 < waiting.at_us - watched.before_us <= _APART_US
        told = self._decoder.ask(
            Look(
                watched.eye,
                fresh,
                False,
                waiting.config.codec,
                waiting.config.parameter_sets,
                waiting.picture,
                watched.zones,
            )
        )
        self._left_us -= told.cpu_us
        self.looked += 1
        before_us, watched.before_us = watched.before_us, waiting.at_us
        if told.share is not None:
            watched.compared.append(Compared(before_us, waiting.at_us, share_byte(told.share)))
            if told.hint:
                self.on_hint(watched.camera)
        if not told.failed:
            config, picture = waiting.config, waiting.picture
            self.on_picture(watched.camera, watched.kind, waiting.at_us, config, picture, told.share)

    def flush(self) -> None:
        """Keep what was compared beside the sizes of segments that are in the index by now. Raises StorageFault."""
        self._flushed_us = self._clock.monotonic_us()
        done: list[tuple[_Watched, int]] = []
        gates: list[tuple[int, Row, bytes]] = []
        for watched in list(self._watched.values()):
            compared = list(watched.compared)
            stream_id = self._store.streams(watched.camera).get(watched.kind) if compared else None
            if stream_id is None:
                continue
            rows = self._store.rows(stream_id, compared[0].from_us, compared[-1].to_us)
            for row in rows:
                gate = gate_of(row, compared)
                if any(gate) and gate != row.gate:
                    gates.append((stream_id, row, gate))
            if rows:
                done.append((watched, max(row.end_us for row in rows)))
        self._store.put_gates(gates)
        for watched, until_us in done:
            while watched.compared and watched.compared[0].to_us <= until_us:
                watched.compared.popleft()

    def pending(self, camera: str, stream: str) -> list[Compared]:
        """Comparisons of the newest seconds, which are not beside their segments yet."""
        watched = self._watched.get(camera)
        return list(watched.compared) if watched is not None and watched.kind == stream else []
