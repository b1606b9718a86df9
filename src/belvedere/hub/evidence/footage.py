"""Fetching footage from a site into a pack: unbroken stretches, one clip each, streamed piece by piece."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from belvedere.foundation.clock import DAY_US, MINUTE_US
from belvedere.foundation.errors import Conflict, NotFound
from belvedere.hub.evidence.gaps import find_gaps
from belvedere.hub.evidence.manifest import Clip, Gap, Source
from belvedere.hub.evidence.pack import PackWriter
from belvedere.link.client import SiteLink
from belvedere.link.messages import Piece, Run
from belvedere.media import clip as media
from belvedere.media.jpeg_sei import JPEG_ID
from belvedere.media.stream import TICKS_PER_SECOND, StreamKind
from belvedere.policy.grant import Action

_WRITE_BYTES = 1 << 20  # gathered before a write, so that a thread is not woken for every part of the link
_LOOK_BACK_US = 7 * DAY_US  # how far before the marks to look for the run whose end explains a gap
_TOUCHING_US = 100_000  # pieces of one run further apart than this do not belong to one clip
_MOST_STRETCHES = 5_000
_LOOKED_AT = 8 << 20  # bytes in which the first picture of a JPEG camera's clip surely lies


@dataclass(frozen=True, slots=True)
class Stretch:
    """Pieces of one run and one configuration that follow each other without a hole: what becomes one clip."""

    pieces: tuple[Piece, ...]

    @property
    def start_us(self) -> int:
        return self.pieces[0].start_us

    @property
    def end_us(self) -> int:
        return self.pieces[-1].start_us + self.pieces[-1].duration_us

    @property
    def duration_90k(self) -> int:
        last = self.pieces[-1]
        return last.media_90k - self.pieces[0].media_90k + last.duration_us * TICKS_PER_SECOND // 1_000_000

    @property
    def sources(self) -> tuple[Source, ...]:
        """Byte ranges to read, neighbours joined."""
        ranges: list[Source] = []
        for piece in self.pieces:
            if ranges and ranges[-1].segment == piece.segment and ranges[-1].end == piece.start:
                ranges[-1] = Source(piece.segment, ranges[-1].start, piece.end)
            else:
                ranges.append(Source(piece.segment, piece.start, piece.end))
        return tuple(ranges)

    @property
    def bytes(self) -> int:
        return sum(piece.end - piece.start for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """What a site can give for one camera, before any footage is read."""

    camera: str
    stream: str
    stretches: tuple[Stretch, ...]
    runs: tuple[Run, ...]
    gaps: tuple[Gap, ...]

    @property
    def bytes(self) -> int:
        return sum(stretch.bytes for stretch in self.stretches)


def join_pieces(pieces: Sequence[Piece]) -> tuple[Stretch, ...]:
    """Pieces in time order as unbroken stretches."""
    stretches: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda one: (one.start_us, one.media_90k)):
        last = stretches[-1][-1] if stretches else None
        if (
            last is not None
            and (last.run, last.config_id) == (piece.run, piece.config_id)
            and abs(piece.start_us - last.start_us - last.duration_us) <= _TOUCHING_US
        ):
            stretches[-1].append(piece)
        else:
            stretches.append([piece])
    return tuple(Stretch(tuple(some)) for some in stretches)


async def plan_camera(
    link: SiteLink,
    wire: bytes,
    camera: str,
    start_us: int,
    end_us: int,
    streams: Sequence[StreamKind] = (StreamKind.MAIN, StreamKind.SUB),
) -> CameraPlan:
    """What the site has of `camera` in [start_us, end_us): the first of `streams` of which there is something."""
    chosen = StreamKind.MAIN
    pieces: tuple[Piece, ...] = ()
    for stream in streams:
        try:
            found = await link.playlist(wire, camera, stream, start_us, end_us)
        except NotFound:
            if stream is streams[-1]:
                raise
            continue  # the camera has no such stream
        if found.pieces:
            chosen, pieces = stream, found.pieces
            break
    stretches = join_pieces(pieces)
    if len(stretches) > _MOST_STRETCHES:
        raise Conflict(f"Camera {camera} has {len(stretches)} interruptions in this time.", advice="Ask for less time.")
    timeline = await link.timeline([camera], chosen, start_us - _LOOK_BACK_US, end_us)
    runs = next((one.runs for one in timeline.cameras if one.camera == camera), ())
    covered = [(stretch.start_us, stretch.end_us) for stretch in stretches]
    return CameraPlan(camera, chosen, stretches, runs, find_gaps(start_us, end_us, covered, runs))


async def write_clip(
    link: SiteLink,
    wire: bytes,
    plan: CameraPlan,
    number: int,
    start_us: int,
    writer: PackWriter,
    done: Callable[[int], None],
) -> Clip:
    """Stream stretch `number` (from 0) of `plan` into the pack; `done` is told the bytes as they come. `start_us` is the mark."""
    stretch = plan.stretches[number]
    first = stretch.pieces[0]
    init = await link.init(wire, plan.camera, first.config_id)
    cut = media.Clip(init.data, stretch.duration_90k)
    path = f"clips/{plan.camera}-{plan.stream}-{number + 1}.mp4"
    file = await asyncio.to_thread(writer.open, path)
    gathered: list[bytes | memoryview] = []
    size = looked = 0
    before, jpeg = b"", False

    def flush() -> None:
        for part in gathered:
            file.write(part)
        gathered.clear()

    for source in stretch.sources:
        parts = link.read_footage(
            wire, Action.EXPORT, plan.camera, plan.stream, source.segment, source.start, source.end
        )
        async with aclosing(parts):
            async for part in parts:
                gathered += cut.push(part)
                if not jpeg and looked < _LOOKED_AT:
                    jpeg = JPEG_ID in before + part
                    before, looked = part[-len(JPEG_ID) :], looked + len(part)
                size += len(part)
                done(len(part))
                if size >= _WRITE_BYTES:
                    await asyncio.to_thread(flush)
                    size = 0
    gathered.append(cut.finish())
    await asyncio.to_thread(flush)
    await asyncio.to_thread(file.close)
    touched = [run for run in plan.runs if run.start_us < stretch.end_us and run.end_us > stretch.start_us]
    return Clip(
        path=path,
        camera=plan.camera,
        stream=plan.stream,
        start_us=stretch.start_us,
        end_us=stretch.end_us,
        mark_offset_us=max(0, start_us - stretch.start_us),
        codec=init.codec,
        codec_string=init.codec_string,
        width=init.width,
        height=init.height,
        config_id=first.config_id,
        run=first.run,
        media_90k=first.media_90k,
        fragments=cut.fragments,
        imported=any(run.imported for run in touched),
        sources=stretch.sources,
        lost_packets=sum(run.lost_packets for run in touched),
        originals="jpeg" if jpeg else "",
    )


async def clock_errors(link: SiteLink, now_us: int) -> dict[str, tuple[int, int]]:
    """Clock error of each camera that the site knows now, with the time of asking: `{camera: (error_us, now_us)}`."""
    status = await link.status()
    errors: dict[str, tuple[int, int]] = {}
    for camera in status.cameras:
        known = [stream.clock_error_us for stream in camera.streams if stream.clock_error_us is not None]
        if known and abs(status.now_us - now_us) < MINUTE_US:
            errors[camera.camera] = (known[0], status.now_us)
    return errors
