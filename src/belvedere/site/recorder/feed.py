"""One stream as the recorder sees it: who carries it, what it sends, how it is."""

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

from belvedere.foundation.clock import SECOND_US
from belvedere.link.messages import StreamStatus
from belvedere.media.stream import TICKS_PER_SECOND, Fragment, StreamConfig
from belvedere.site.recorder.intake import WorkerConnection
from belvedere.site.recorder.track import Track
from belvedere.site.recorder.writer import DiskWriter
from belvedere.site.storage.cameras import Address, StreamRef

_RECENT = 64  # fragments: half a minute
_ARRIVAL_SLACK_US = 10 * SECOND_US
_RTCP_COUNTS_US = 120 * SECOND_US


def honest_arrival_us(arrival_us: int, now_us: int) -> int:
    """A worker's arrival stamp, unless it is impossible: then it is now."""
    return arrival_us if now_us - _ARRIVAL_SLACK_US <= arrival_us <= now_us + SECOND_US else now_us


@dataclass(slots=True)
class Feed:
    """State of one stream. Changed on the event loop only; other threads may read single fields."""

    ref: StreamRef
    address: Address
    writer: DiskWriter
    track: Track
    connection: WorkerConnection | None = None
    handle: int = 0
    config: StreamConfig | None = None
    running: bool = False
    state: str = "connecting"
    message: str = ""
    told: tuple[str, str] = ("", "")  # what the live side heard last
    reconnects: int = 0
    lost_packets: int = 0
    clock_error_us: int | None = None
    clock_seen_us: int = 0
    clock_source: str = ""  # rtcp or onvif
    clock_noted_us: int = 0
    rate_control: str = ""
    last_frame_us: int = 0
    live: bool = False
    recent: deque[tuple[int, int, int, bool, int]] = field(default_factory=lambda: deque(maxlen=_RECENT))

    def seen(self, fragment: Fragment) -> None:
        """Count a fragment for the status."""
        self.lost_packets += fragment.lost_packets
        self.last_frame_us = fragment.arrival_us
        self.recent.append(
            (len(fragment.data), fragment.duration_90k, fragment.frames, fragment.keyframe, fragment.start_90k)
        )

    def device_clock(self, seen_us: int, error_us: int) -> None:
        """The clock as measured through ONVIF. The stream's own word counts for two minutes more: it is finer."""
        fresh = self.clock_source == "rtcp" and seen_us - self.clock_seen_us < _RTCP_COUNTS_US
        if seen_us > self.clock_seen_us and not fresh:
            self.clock_error_us, self.clock_source, self.clock_seen_us = error_us, "onvif", seen_us

    def shown(self) -> tuple[str, str]:
        """State and message for people: a disk that takes nothing comes before a camera that is fine."""
        if self.track.trouble:
            return "waiting", self.track.trouble
        return self.state, self.message

    def status(self) -> StreamStatus:
        """Health of the stream; callable from any thread. What comes a second is nothing while no run is open."""
        recent = list(self.recent) if self.running else []
        seconds = sum(r[1] for r in recent) / TICKS_PER_SECOND
        keys = [r[4] for r in recent if r[3]]
        gaps = [b - a for a, b in pairwise(keys) if b > a]
        state, message = self.shown()
        config = self.config
        return StreamStatus(
            stream=self.ref.kind,
            state=state,
            message=message,
            codec=config.codec if config else "",
            width=config.width if config else 0,
            height=config.height if config else 0,
            fps=round(sum(r[2] for r in recent) / seconds, 2) if seconds else 0.0,
            bits_per_second=round(sum(r[0] for r in recent) * 8 / seconds) if seconds else 0.0,
            gop_seconds=round(sum(gaps) / len(gaps) / TICKS_PER_SECOND, 3) if gaps else 0.0,
            last_frame_us=self.last_frame_us,
            reconnects=self.reconnects,
            lost_packets=self.lost_packets,
            clock_error_us=self.clock_error_us,
            rate_control=self.rate_control,
            clock_source=self.clock_source,
        )


def idle_status(stream: str, state: str, message: str = "") -> StreamStatus:
    """Status of a stream that nothing is expected from."""
    return StreamStatus(stream, state, message, "", 0, 0, 0.0, 0.0, 0.0, 0, 0, 0, None)
