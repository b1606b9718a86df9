"""One import: a recording's frames cut into fragments and handed to the recorder, which seals and indexes them."""

import os
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from belvedere.foundation import errors
from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import BadMedia, BelvedereError, LinkFault
from belvedere.media.fmp4 import make_config, write_fragment
from belvedere.media.nal import is_parameter_set, nal_type, parameter_key
from belvedere.media.stream import TICKS_PER_SECOND, Codec, EndReason, Frame, StreamConfig
from belvedere.site.imports.apart import units_apart
from belvedere.site.imports.recording import Recording, Unit, frame_of, ticks_to_us
from belvedere.site.ingest import messages as m

_FRAGMENT_90K = TICKS_PER_SECOND // 2
_HOLE_90K = TICKS_PER_SECOND  # a jump of media time beyond this starts a new run at its own wall time
_LIMIT = 16 << 20
_TIMEOUT_S = 60.0
_TELL_EVERY_US = 5 * SECOND_US

Progress = Callable[[int], None]
Spans = Sequence[tuple[int, int]]
"""Wall times [start_us, end_us), in order and apart."""
EVERYTHING: Spans = ((0, 1 << 62),)


@dataclass(frozen=True, slots=True)
class Imported:
    """What was taken in. `end_us` is the wall time where the recording ends."""

    start_us: int
    end_us: int
    frames: int
    bytes: int
    segments: int
    runs: int
    reencoded: bool
    dropped: int  # frames before the first keyframe, which nothing can decode
    left_out: int = 0  # frames outside the spans that were asked for


class RecorderSocket:
    """The importer's end of the ingest socket (framing: `site.ingest.messages`)."""

    def __init__(self, path: Path) -> None:
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(m.AnyToWorker)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_TIMEOUT_S)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise LinkFault("The recorder does not answer.", advice="Start Belvedere first: belvedere up.") from error

    def close(self) -> None:
        self._socket.close()

    def say(self, message: m.ToRecorder) -> None:
        """Send one message; blocks while the recorder is busy, which paces the import."""
        body = self._encoder.encode(message)
        try:
            self._socket.sendall(len(body).to_bytes(4) + body)
        except OSError as error:
            raise LinkFault("The recorder went away during the import.", advice="Start it and import again.") from error

    def hear(self) -> Any:
        """The next message. Raises what a `Trouble` names."""
        message = self._decoder.decode(self._exactly(int.from_bytes(self._exactly(4))))
        if isinstance(message, m.Trouble):
            raise error_of(message)
        return message

    def _exactly(self, size: int) -> bytes:
        if size > _LIMIT:
            raise LinkFault("The recorder's answer can't be understood.", advice="Restart Belvedere and import again.")
        data = bytearray()
        while len(data) < size:
            try:
                part = self._socket.recv(size - len(data))
            except OSError as error:
                raise LinkFault("The recorder did not answer in time.", advice="Look at its log.") from error
            if not part:
                raise LinkFault("The recorder went away during the import.", advice="Start it and import again.")
            data += part
        return bytes(data)


def error_of(trouble: m.Trouble) -> BelvedereError:
    """The exception that a `Trouble` stands for."""
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, BelvedereError) and kind.code == trouble.code:
            return kind(trouble.message, advice=trouble.advice)
    return BelvedereError(trouble.message, advice=trouble.advice)


class _Run:
    """One unbroken stretch on its way to the recorder."""

    def __init__(self, wire: RecorderSocket, stream: int, config: StreamConfig, start_us: int) -> None:
        self._wire = wire
        self._stream = stream
        self._frames: list[Frame] = []
        self._sequence = 0
        self.start_us = start_us
        self.frames = 0
        self.bytes = 0
        self.config = config
        wire.say(
            m.RunStart(
                stream=stream,
                codec=config.codec,
                parameter_sets=config.parameter_sets,
                width=config.width,
                height=config.height,
                codec_string=config.codec_string,
                init=config.init,
                config_id=config.config_id,
            )
        )

    def add(self, frame: Frame) -> None:
        first = self._frames[0] if self._frames else None
        if first is not None and (frame.keyframe or frame.dts_90k - first.dts_90k >= _FRAGMENT_90K):
            self._flush(frame.dts_90k)
        self._frames.append(frame)

    def _flush(self, next_dts_90k: int) -> None:
        frames = self._frames
        if not frames:
            return
        self._sequence += 1
        data = write_fragment(frames, next_dts_90k, self._sequence)
        start_90k = frames[0].dts_90k
        self._wire.say(
            m.FragmentCame(
                stream=self._stream,
                start_90k=start_90k,
                duration_90k=next_dts_90k - start_90k,
                frames=len(frames),
                keyframe=frames[0].keyframe,
                arrival_us=self.start_us + ticks_to_us(start_90k),
                lost_packets=0,
                data=data,
            )
        )
        self.frames += len(frames)
        self.bytes += len(data)
        self._frames = []

    def end(self, end_90k: int, reason: EndReason, message: str) -> None:
        self._flush(end_90k)
        self._wire.say(m.RunEnd(stream=self._stream, reason=reason, message=message))


class _Import:
    """Cuts pictures into runs, each its own import, so that a hole in a recording is a gap on the timeline."""

    def __init__(
        self,
        wire: RecorderSocket,
        camera: str,
        stream_kind: str,
        start_us: int,
        *,
        codec: Codec,
        fps: Fraction,
        duration_us: int,
        source: str,
        spans: Spans = EVERYTHING,
        snap_us: int = 0,
    ) -> None:
        self._wire = wire
        self._source = source
        self._spans = spans
        self._snap_us = snap_us
        self._span_end_us = 0
        self._duration_us = duration_us
        self._camera = camera
        self._kind = stream_kind
        self.start_us = start_us
        self._codec = codec
        self._step_90k = round(TICKS_PER_SECOND / fps)
        self._sets: dict[tuple[int, int], bytes] = {}
        self._first_pts_90k: int | None = None
        self._run: _Run | None = None
        self._stream = 0
        self._origin_90k = 0
        self._run_start_us = start_us
        self._last_90k = 0
        self.end_us = start_us
        self.dropped = 0
        self.left_out = 0
        self.frames = 0
        self.bytes = 0
        self.segments = 0
        self.runs = 0

    def add(self, unit: Unit) -> None:
        run = self._run
        step = unit.dts_90k - self._last_90k
        broken = run is not None and not 0 <= step <= _HOLE_90K
        changed = unit.keyframe and self._note(unit)
        if run is not None and (broken or changed):
            self.finish(EndReason.TIMESTAMP_JUMP if broken else EndReason.PARAMETERS_CHANGED)
            run = None
        if self._first_pts_90k is None:
            if not unit.keyframe:
                self.dropped += 1
                return
            self._first_pts_90k = unit.pts_90k
            self._snap(self.start_us + ticks_to_us(unit.dts_90k - unit.pts_90k))
        at_us = self.start_us + ticks_to_us(unit.dts_90k - self._first_pts_90k)
        if run is not None and at_us + ticks_to_us(self._step_90k) > self._span_end_us:
            self.finish(EndReason.IMPORT_END)
            run = None
        if run is None:
            self._span_end_us = next((end for start, end in self._spans if start <= at_us < end), 0)
            if not self._span_end_us:
                self.left_out += 1
                self._last_90k = unit.dts_90k
                return
            if not unit.keyframe:
                self.dropped += 1
                return
            run = self._begin(unit)
        self._last_90k = unit.dts_90k
        frame = frame_of(unit, self._origin_90k, self._run_start_us + ticks_to_us(unit.dts_90k - self._origin_90k))
        run.add(frame)

    def _snap(self, first_us: int) -> None:
        """Begin where the span begins, when what is free begins a little later than the recording by its own account."""
        if not any(start <= first_us < end for start, end in self._spans):
            later_us = min(
                (start - first_us for start, _ in self._spans if start > first_us), default=self._snap_us + 1
            )
            if later_us <= self._snap_us:
                self.start_us += later_us

    def _note(self, unit: Unit) -> bool:
        """Take in the unit's parameter sets; whether they change those in force."""
        changed = False
        for nal in unit.nals:
            if is_parameter_set(self._codec, nal_type(self._codec, nal)):
                key = parameter_key(self._codec, nal)
                changed = changed or self._sets.get(key) != nal
                self._sets[key] = nal
        return changed

    def _begin(self, unit: Unit) -> _Run:
        assert self._first_pts_90k is not None
        since_start_us = ticks_to_us(unit.dts_90k - self._first_pts_90k)
        # A file whose times jump back goes on where it was: two pictures can't claim the same moment.
        self._run_start_us = max(self.start_us + since_start_us, self.end_us if self.runs else 0)
        config = make_config(self._codec, tuple(self._sets[key] for key in sorted(self._sets)))
        duration_us = self._duration_us if not self.runs else 0
        duration_us = max(0, min(duration_us, self._span_end_us - self._run_start_us))
        self._wire.say(m.ImportOpen(self._camera, self._kind, self._run_start_us, duration_us, self._source))
        ready = self._wire.hear()
        if not isinstance(ready, m.ImportReady):
            raise LinkFault("The recorder's answer can't be understood.", advice="Is it of another version?")
        self._stream = ready.stream
        self._origin_90k = unit.dts_90k
        self._run = _Run(self._wire, self._stream, config, self._run_start_us)
        self.runs += 1
        return self._run

    def finish(self, reason: EndReason) -> None:
        """End the present run and wait until it is durable."""
        run = self._run
        if run is None:
            return
        end_90k = self._last_90k - self._origin_90k + self._step_90k
        run.end(end_90k, reason, "")
        self._wire.say(m.ImportEnd(self._stream))
        done = self._wire.hear()
        if not isinstance(done, m.ImportDone):
            raise LinkFault("The recorder's answer can't be understood.", advice="Is it of another version?")
        self.end_us = self._run_start_us + ticks_to_us(end_90k)
        self.frames += run.frames
        self.bytes += run.bytes
        self.segments += done.segments
        self._run = None


def import_recording(
    socket_path: Path,
    recording: Recording,
    *,
    camera: str,
    stream_kind: str,
    start_us: int,
    provenance: str = "",
    spans: Spans = EVERYTHING,
    snap_us: int = 0,
    progress: Progress = lambda us: None,
) -> Imported:
    """Bring `recording` in as footage of `camera` from `start_us` on. `progress` gets microseconds of footage done.

    `provenance`: what is kept with its name and hash. Of the recording only what falls into `spans` is brought in, from
    the first keyframe in each; `frames` may then be 0. One that begins up to `snap_us` before a span is moved to its start.
    Copies the pictures as they are when they are H.264 or H.265, else encodes them again as H.264 and says so. Raises
    Conflict when that camera has footage of this time already, BadMedia when nothing in the file can be decoded.
    """
    units = units_apart(recording)
    source = f"{recording.path.name} sha256:{recording.sha256}"
    if recording.codec is None:
        source += f" re-encoded from {recording.codec_name}"
    source += f" {provenance}" if provenance else ""
    done = import_units(
        socket_path,
        units,
        camera=camera,
        stream_kind=stream_kind,
        start_us=start_us,
        codec=recording.codec or Codec.H264,
        fps=recording.fps,
        duration_us=recording.duration_us,
        source=source,
        spans=spans,
        snap_us=snap_us,
        progress=progress,
    )
    if not done.frames and not done.left_out:
        raise BadMedia(
            f"{recording.path.name} holds no picture that can be decoded.", advice="Copy it from the recorder again."
        )
    return replace(done, reencoded=recording.codec is None)


def import_units(
    socket_path: Path,
    units: Iterable[Unit],
    *,
    camera: str,
    stream_kind: str,
    start_us: int,
    codec: Codec,
    fps: Fraction,
    duration_us: int,
    source: str,
    spans: Spans = EVERYTHING,
    snap_us: int = 0,
    progress: Progress = lambda us: None,
) -> Imported:
    """Bring pictures in as footage of `camera`; the first that can be decoded is of `start_us`.

    `duration_us`: how much is expected, for the recorder's look at what it has already; 0 when not known. `source` is kept
    with the footage as its provenance. Raises Conflict when that camera has footage of this time already.
    """
    wire = RecorderSocket(socket_path)
    try:
        wire.say(m.Hello("import", 0, os.getpid()))
        job = _Import(
            wire,
            camera,
            stream_kind,
            start_us,
            codec=codec,
            fps=fps,
            duration_us=duration_us,
            source=source,
            spans=spans,
            snap_us=snap_us,
        )
        first_90k: int | None = None
        told_us = 0
        for unit in units:
            job.add(unit)
            first_90k = unit.dts_90k if first_90k is None else first_90k
            done_us = ticks_to_us(unit.dts_90k - first_90k)
            if done_us - told_us > _TELL_EVERY_US:
                told_us = done_us
                progress(done_us)
        job.finish(EndReason.IMPORT_END)
    finally:
        wire.close()
    return Imported(
        start_us=job.start_us,
        end_us=job.end_us,
        frames=job.frames,
        bytes=job.bytes,
        segments=job.segments,
        runs=job.runs,
        reencoded=False,
        dropped=job.dropped,
        left_out=job.left_out,
    )
