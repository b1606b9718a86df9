"""Activity at a site, assembled: hears the recorder, tends what must be tended in the background, answers."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from belvedere.foundation.clock import DAY_US, HOUR_US, SECOND_US, Clock
from belvedere.foundation.errors import StorageFault, Unavailable
from belvedere.link.messages import Reply, Request
from belvedere.media.stream import Fragment, StreamConfig, StreamKind
from belvedere.site.activity.answers import ActivityAnswers, Opener
from belvedere.site.activity.backfill import Backfill
from belvedere.site.activity.decoder_pipe import Recognise
from belvedere.site.activity.decoder_process import DecoderProcess
from belvedere.site.activity.gate import Gate
from belvedere.site.activity.look import Looker
from belvedere.site.activity.rate import LEAST_SECONDS, RateControl, RateKind
from belvedere.site.activity.seconds import Seconds
from belvedere.site.activity.store import ActivityStore
from belvedere.site.recorder.archive import Archive
from belvedere.site.recorder.live import LiveSink
from belvedere.site.recorder.recorder import Recorder
from belvedere.site.storage.index import Index

log = structlog.get_logger()

_STEP_S = 0.2  # between two steps of back-filling
_ROUND_S = 60.0  # between two looks at what is due
_WALK_AGAIN_US = DAY_US
_DAY_S = DAY_US // SECOND_US


class Ears:
    """Passes on what the recorder tells its live side, and lets the gate hear of it."""

    def __init__(self, first: LiveSink, gate: Gate) -> None:
        self._first = first
        self._gate = gate
        self.frame = first.frame
        self.state = first.state

    def config(self, camera: str, stream: str, config: StreamConfig) -> None:
        self._first.config(camera, stream, config)
        self._gate.config(camera, stream, config)

    def fragment(self, camera: str, stream: str, fragment: Fragment) -> None:
        self._first.fragment(camera, stream, fragment)
        self._gate.fragment(camera, stream, fragment)

    def ended(self, camera: str, stream: str) -> None:
        self._first.ended(camera, stream)


class ActivityRoom:
    """Make it before the recorder, give the recorder `ears`, then `start`; `stop` before the index closes."""

    def __init__(self, index: Index, clock: Clock, cpu_percent: int) -> None:
        """`cpu_percent` of one core is what comparing keyframes of passing streams may take; 0 switches that off."""
        self.store = ActivityStore(index)
        self.decoder = DecoderProcess(clock)
        self.gate = Gate(self.store, self.decoder, clock, cpu_percent / 100)
        self.backfill = Backfill(index)
        self._watching = cpu_percent > 0
        self._clock = clock
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._recorder: Recorder | None = None

    def ears(self, first: LiveSink) -> LiveSink:
        """What the recorder is to tell instead of `first`."""
        return Ears(first, self.gate) if self._watching else first

    def start(
        self, recorder: Recorder, archive: Archive, opener: Opener
    ) -> Mapping[type[Request], Callable[[Any], Reply]]:
        """Begin the work in the background. Returns what `serve_link` is to answer with."""
        self._recorder = recorder
        if self._watching:
            self.gate.start()
        self._thread = threading.Thread(target=self._main, name="activity", daemon=True)
        self._thread.start()
        looker = Looker(self.store, archive, self.decoder, self._clock)
        answers = ActivityAnswers(self.store, looker, opener, self._clock, self.newest, self.gate.pending)
        return answers.answers()

    def stop(self) -> None:
        """End the threads and the decoder. Blocks until they are done."""
        self._stopping.set()
        if self._watching:
            self.gate.stop()
        if self._thread is not None:
            self._thread.join()
        self.decoder.close()

    def newest(self, camera: str, stream: str) -> tuple[int, Seconds] | None:
        """Start and seconds of the segment being written, as far as it is durable and in the index. Any thread."""
        feed = self._recorder.feeds.get((camera, StreamKind(stream))) if self._recorder is not None else None
        run = feed.track.run if feed is not None else None
        segment = run.current if run is not None else None
        extent = segment.indexed if segment is not None else None
        if segment is None or extent is None:
            return None
        return segment.start_us, segment.tally.seconds(extent.records)

    # The thread.

    def _main(self) -> None:
        walk_us = self._clock.monotonic_us()
        while True:
            wait_s = _ROUND_S
            try:
                if self._clock.monotonic_us() >= walk_us:
                    wait_s = _STEP_S
                    if not self.backfill.step():
                        walk_us = self._clock.monotonic_us() + _WALK_AGAIN_US
                        if self.backfill.counted:
                            log.info("activity_counted_later", segments=self.backfill.counted)
                        self.recognise()
                else:
                    self.recognise()
            except StorageFault as error:
                log.error("activity_not_kept", error=str(error))
                wait_s = _ROUND_S
            except Unavailable as error:
                log.warning("rate_control_not_recognised", error=str(error))
                wait_s = _ROUND_S
            if self._stopping.wait(wait_s):
                return

    def recognise(self) -> int:
        """Recognise the rate control of streams for which that is due; tell the feeds. Returns how many.

        Raises StorageFault, Unavailable.
        """
        now_us = self._clock.now_us()
        due = self.store.rates_due(day_ago_us=now_us - DAY_US, hour_ago_us=now_us - HOUR_US)
        for stream_id in due:
            last_us = self.store.last_us(stream_id)
            if last_us is None:
                continue
            to_s = last_us // SECOND_US + 900
            self.store.put_rate(stream_id, self._recognised(stream_id, to_s), now_us)
            if self._stopping.is_set():
                break
        if due and not self._watching:
            self.decoder.rest()
        self._tell()
        return len(due)

    def _recognised(self, stream_id: int, to_s: int) -> RateControl:
        """Of the day before `to_s`. A matter for numpy, which the site's process does without."""
        laid = self.store.laid(stream_id, to_s - _DAY_S, to_s)
        seconds = laid.recorded(to_s - _DAY_S, to_s)
        if seconds < LEAST_SECONDS:
            return RateControl(RateKind.UNCLEAR, 0.0, seconds)
        found = self.decoder.recognise(Recognise(bytes(laid.seconds), bytes(laid.source)))
        return RateControl(found.kind, found.confidence, found.seconds)

    def _tell(self) -> None:
        """Let each camera's status say what was recognised."""
        if self._recorder is None:
            return
        rates = self.store.rates()
        for (camera, kind), feed in list(self._recorder.feeds.items()):
            known = rates.get((camera, kind))
            if known is not None:
                feed.rate_control = known.rate.kind
