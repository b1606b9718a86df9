"""From access units to runs: fragments, live frames, and the moments at which a run begins and ends."""

from typing import Protocol

from belvedere.foundation.errors import BadMedia
from belvedere.media.access_unit import AccessUnit, Part
from belvedere.media.fmp4 import fragment_head, make_config, write_frame
from belvedere.media.nal import parameter_key
from belvedere.media.sdp import VideoTrack
from belvedere.media.sps import parse_sps
from belvedere.media.stream import TICKS_PER_SECOND, EndReason, Frame, StreamConfig
from belvedere.media.timeline import Reorder, Timeline
from belvedere.site.ingest.journal import log
from belvedere.site.ingest.messages import FragmentCame, LiveFrame, RunEnd, RunStart
from belvedere.site.ingest.recorder_link import RecorderLink

_FRAGMENT_90K = TICKS_PER_SECOND // 2
_FRAGMENT_BYTES = 16 << 20
_FRAGMENT_FRAMES = 512
_USUAL_FRAME_90K = TICKS_PER_SECOND // 25
_MOST_PARAMETER_SETS = 31


class SetFilter(Protocol):
    """Where access units come from: it reports only parameter sets that are not in `known_sets`."""

    known_sets: frozenset[bytes]


def _frame(unit: AccessUnit) -> Frame:
    """A timed unit with its data in one piece."""
    return Frame(unit.data, unit.dts_90k, unit.cts_90k, unit.keyframe, unit.arrival_us)


class RunWriter:
    """The runs of one connection to one camera.

    Invariants: a run begins with a keyframe and its configuration; decode times start at 0 and never decrease; every
    frame of a run lies in exactly one fragment. Live frames repeat frames that a fragment will bring.
    """

    def __init__(self, stream: int, video: VideoTrack, track: SetFilter, link: RecorderLink, *, live: bool) -> None:
        self.frames = 0
        self.interlaced = False  # as the SPS of the run says
        self.left_out = 0  # frames that belong to no run: before a keyframe, or while the recorder was behind
        self._stream = stream
        self._video = video
        self._track = track
        self._link = link
        self._live = live
        self._live_broken = False
        self._sets: dict[tuple[int, int], bytes] = {}
        self._sets_changed = False
        self._config: StreamConfig | None = None
        self._timeline = Timeline(video.clock_rate)
        self._reorder = Reorder(None)
        self._pending: list[AccessUnit] = []  # the fragment under way
        self._pending_bytes = 0
        self._last_dts = 0
        self._last_pts = 0
        self._frame_90k = _USUAL_FRAME_90K
        self._timestamp = -1
        self._sequence = 0
        self._lost = 0  # the track's count of lost packets at the last frame taken
        self._lost_told = 0
        self._learn(video.parameter_sets)

    @property
    def config(self) -> StreamConfig | None:
        """Configuration of the run under way; None between runs."""
        return self._config

    @property
    def knows_parameters(self) -> bool:
        """Whether any parameter sets came, in the description or in the stream."""
        return bool(self._sets)

    def set_live(self, on: bool) -> None:
        """Live frames from now on. Frames of the fragment under way are sent at once, so that nothing is missing."""
        if on and not self._live:
            self._live, self._live_broken = True, False
            for waiting in self._pending:
                self._send_live(_frame(waiting))
        self._live = on

    def add(self, units: list[AccessUnit], arrival_us: int, monotonic_us: int) -> None:
        """Takes what one read brought."""
        taken = self._follow(units, arrival_us, monotonic_us)
        for unit in units[taken:] if taken else units:
            if unit.parameter_sets:
                self._learn(unit.parameter_sets)
            if not unit.starts and unit.timestamp == self._timestamp and self._join(unit):
                continue
            self._timestamp = unit.timestamp
            if unit.keyframe and self._sets_changed:
                self._turn()
            self._place(unit, arrival_us, monotonic_us)

    def end(self, reason: EndReason, message: str) -> None:
        """Closes the fragment under way and ends the run, if one is open."""
        if self._config is None:
            return
        for unit, dts, cts, arrival_us in self._reorder.flush():
            self._take(unit, dts, cts, arrival_us)
        self._close(self._last_dts + self._frame_90k)
        if self._config is not None:
            self._config = None
            self._link.send(RunEnd(stream=self._stream, reason=reason.value, message=message))

    def abandon(self, reason: EndReason, message: str) -> None:
        """Ends the run without its last frames, for when writing them failed."""
        self._pending, self._pending_bytes = [], 0
        self._reorder = Reorder(None)
        self.end(reason, message)

    def _follow(self, units: list[AccessUnit], arrival_us: int, monotonic_us: int) -> int:
        """The hot path: takes the leading units of a run under way that simply go on; how many. What `_place` and all below do."""
        if self.config is None or self._live or self._reorder.depth or self._sets_changed:
            return 0
        plain = 0
        for unit in units:
            if unit.parameter_sets or not unit.starts:
                break
            plain += 1
        times = self._timeline.follow(units[:plain], self._last_pts, monotonic_us)
        if not times:
            return 0
        taken = len(times)
        pending, held, last_dts = self._pending, self._pending_bytes, self._last_dts
        closes_dts = pending[0].dts_90k + _FRAGMENT_90K if pending else 0
        for number, (unit, dts) in enumerate(zip(units, times, strict=False)):
            if pending:
                step = dts - last_dts
                if step < TICKS_PER_SECOND:
                    self._frame_90k = step
                if dts >= closes_dts or unit.keyframe or held > _FRAGMENT_BYTES or len(pending) >= _FRAGMENT_FRAMES:
                    self._lost = pending[-1].lost_packets
                    self._close(dts)
                    pending, held = self._pending, 0
                    if self._config is None:
                        self.left_out += 1
                        taken = number + 1
                        break
            if not pending:
                closes_dts = dts + _FRAGMENT_90K
            unit.dts_90k, unit.cts_90k, unit.arrival_us = dts, 0, arrival_us
            pending.append(unit)
            held += unit.size
            last_dts = dts
        self.frames += taken if self._config is not None else taken - 1
        if pending:
            self._lost = pending[-1].lost_packets
        self._pending_bytes, self._last_dts, self._last_pts = held, last_dts, times[taken - 1]
        self._timestamp = units[taken - 1].timestamp
        self._reorder.straight_on(times[taken - 1])
        return taken

    def _place(self, unit: AccessUnit, arrival_us: int, monotonic_us: int) -> None:
        if self._config is None and not self._begin(unit):
            self.left_out += 1
            return
        pts = self._timeline.place(unit.timestamp, monotonic_us)
        if pts is None or (pts < self._last_pts and not self._reorder.allowed):
            self.end(EndReason.TIMESTAMP_JUMP, "The camera's media time jumped.")
            if not self._begin(unit):
                self.left_out += 1
                return
            pts = self._timeline.place(unit.timestamp, monotonic_us) or 0
        if pts < 0:
            self.left_out += 1  # shown before the run's first keyframe, decodable only with what came before it
            return
        if pts > self._last_pts:
            self._last_pts = pts
        if self._reorder.straight(pts):
            self._take(unit, pts, 0, arrival_us)
            return
        for settled, dts, cts, when_us in self._reorder.push(unit, pts, arrival_us):
            self._take(settled, dts, cts, when_us)

    def _take(self, unit: AccessUnit, dts: int, cts: int, arrival_us: int) -> None:
        """A frame whose times are settled."""
        pending = self._pending
        if pending:
            step = dts - self._last_dts
            if 0 < step < TICKS_PER_SECOND:
                self._frame_90k = step
            if (
                unit.keyframe
                or dts - pending[0].dts_90k >= _FRAGMENT_90K
                or self._pending_bytes > _FRAGMENT_BYTES
                or len(pending) >= _FRAGMENT_FRAMES
            ):
                self._close(dts)
                if self._config is None:
                    self.left_out += 1
                    return
        unit.dts_90k, unit.cts_90k, unit.arrival_us = dts, cts, arrival_us
        self._pending.append(unit)
        self._pending_bytes += unit.size
        self._last_dts = dts
        self._lost = unit.lost_packets
        self.frames += 1
        if self._live:
            self._send_live(_frame(unit))

    def _join(self, unit: AccessUnit) -> bool:
        """Adds a further piece of the last frame, from a camera that marks every slice as the last."""
        if self._reorder.depth or not self._pending:
            return False
        last = self._pending[-1]
        if last.size + unit.size > _FRAGMENT_BYTES:
            return False
        last.parts += unit.parts
        last.size += unit.size
        last.keyframe |= unit.keyframe
        self._pending_bytes += unit.size
        return True

    def _close(self, next_dts: int) -> None:
        """Sends the fragment under way, which lasts to `next_dts`."""
        frames = self._pending
        if not frames:
            return
        self._pending, self._pending_bytes = [], 0
        self._sequence += 1
        start = frames[0].dts_90k
        lost = self._lost
        message = FragmentCame(
            stream=self._stream,
            start_90k=start,
            duration_90k=next_dts - start,
            frames=len(frames),
            keyframe=frames[0].keyframe,
            arrival_us=frames[-1].arrival_us,
            lost_packets=lost - self._lost_told,
            data=b"",
        )
        parts: list[Part] = [fragment_head(frames, [frame.size for frame in frames], next_dts, self._sequence)]
        for frame in frames:
            parts += frame.parts
        if self._link.send_fragment(message, parts):
            self._lost_told = lost
            return
        self.left_out += len(frames)
        self._config = None
        log.warning("recorder fell behind; frames left out", stream=self._stream, frames=self.left_out)
        self._link.send(
            RunEnd(
                stream=self._stream,
                reason=EndReason.UNKNOWN.value,
                message="The recorder could not keep up; recording goes on when it has caught up.",
            )
        )

    def _send_live(self, frame: Frame) -> None:
        if self._live_broken and not frame.keyframe:
            return
        message = LiveFrame(stream=self._stream, keyframe=frame.keyframe, arrival_us=frame.arrival_us, data=b"")
        sent = self._link.send_live(message, write_frame(frame, self._frame_90k, self._sequence + 1))
        self._live_broken = not sent

    def _learn(self, sets: tuple[bytes, ...]) -> None:
        """Takes parameter sets; a changed one has its effect at the next keyframe."""
        codec = self._video.codec
        for unit in sets:
            key = parameter_key(codec, unit)
            if self._sets.get(key) != unit:
                if key not in self._sets and len(self._sets) >= _MOST_PARAMETER_SETS:
                    self._sets.clear()
                self._sets[key] = unit
                self._sets_changed = True
        self._track.known_sets = frozenset(self._sets.values())

    def _configure(self) -> StreamConfig | None:
        """The configuration out of the sets at hand; None when they can't be used."""
        try:
            return make_config(self._video.codec, [self._sets[key] for key in sorted(self._sets)])
        except BadMedia:
            return None

    def _turn(self) -> None:
        """At a keyframe: ends the run when its parameters have changed."""
        self._sets_changed = False
        if self._config is None:
            return
        config = self._configure()
        if config is not None and config.config_id != self._config.config_id:
            self.end(EndReason.PARAMETERS_CHANGED, f"The camera changed its video to {config.width}x{config.height}.")

    def _begin(self, unit: AccessUnit) -> bool:
        """Starts a run at `unit` when it is a keyframe and its parameters are known."""
        if not unit.keyframe or not self._link.has_room:
            return False
        config = self._configure()
        if config is None:
            return False
        sps = next(nal for nal in config.parameter_sets if parameter_key(config.codec, nal)[0] in (7, 33))
        self._sets_changed = False
        self._config = config
        self._timeline = Timeline(self._video.clock_rate)
        told = parse_sps(config.codec, sps)
        self.interlaced = told.interlaced
        self._reorder = Reorder(told.reorder_frames)
        self._last_dts = self._last_pts = 0
        self._frame_90k = _USUAL_FRAME_90K
        self._sequence = 0
        # Packets lost between two runs belong to the gap between them.
        self._lost = self._lost_told = unit.lost_packets
        self._link.send(
            RunStart(
                stream=self._stream,
                codec=config.codec.value,
                parameter_sets=config.parameter_sets,
                width=config.width,
                height=config.height,
                codec_string=config.codec_string,
                init=config.init,
                config_id=config.config_id,
            )
        )
        return True
