"""One film: a camera's pictures over a stretch of time, encoded as main and sub stream side by side."""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from belvedere.demo.picture.banded import BandedEncoder, configure
from belvedere.demo.picture.canvas import Bytes
from belvedere.demo.picture.light import Light
from belvedere.demo.picture.render import Painter, Seen, joined
from belvedere.demo.picture.shrink import Shrinker, shrunk
from belvedere.demo.scene import ActorState, CameraPlan

QUANTISERS = {Light.DAY: (22, 21), Light.DUSK: (24, 23), Light.NIGHT: (26, 25)}  # main, sub
KEPT_GROUPS = 48
# An actor lower than this is far away. At night cameras open their shutter longer.
FAR_PX = {Light.DAY: 32.0, Light.DUSK: 48.0, Light.NIGHT: 64.0}

Actors = Callable[[float], tuple[ActorState, ...]]
Clock = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class FilmFile:
    """A finished film on disk."""

    camera: str
    stream: str  # main or sub
    path: Path
    start_us: int | None  # true time of the first frame; None for a live loop
    duration_us: int
    fps: int
    codec: str


@dataclass(frozen=True, slots=True)
class Group:
    """One group of pictures to make. `repeat` names it where the same pictures come again; the clock is written anew."""

    start_s: float
    actors: Actors
    repeat: tuple[object, ...] | None = None


class _Stream:
    """One output file and its encoder."""

    def __init__(self, path: Path, size: tuple[int, int], fps: int, quantiser: int, name: str, still: Bytes) -> None:
        self.fps = fps
        self.encoder = BandedEncoder(*size, fps, quantiser, name, still)
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "faststart"})
        # Opened for its parameter sets only: they describe the whole picture, of which the encoder makes two parts.
        self._stream = self._container.add_stream("libx264", rate=fps)
        assert isinstance(self._stream, av.VideoStream)
        configure(self._stream.codec_context, *size, fps, quantiser)
        self._count = 0
        self._kept: OrderedDict[tuple[object, ...], list[bytes | None]] = OrderedDict()

    def group(self, bodies: list[bytes | None], clocks: list[str]) -> None:
        """Write a group of pictures: body slices (None: as before) and what the clock says at each."""
        for k, (body, clock) in enumerate(zip(bodies, clocks, strict=True)):
            packet = av.Packet(self.encoder.unit(body, clock, k == 0))
            packet.stream = self._stream
            packet.time_base = Fraction(1, self.fps)
            packet.pts = packet.dts = self._count
            packet.duration = 1
            packet.is_keyframe = k == 0
            self._count += 1
            self._container.mux(packet)

    def kept(self, key: tuple[object, ...]) -> list[bytes | None] | None:
        """The body slices of a group that was made before."""
        return self._kept.get(key)

    def keep(self, key: tuple[object, ...], bodies: list[bytes | None]) -> None:
        self._kept[key] = bodies
        if len(self._kept) > KEPT_GROUPS:
            self._kept.popitem(last=False)

    def close(self) -> None:
        self._container.close()


def make(painter: Painter, groups: list[Group], clock: Clock, main: Path, sub: Path) -> None:
    """Encode a camera's groups of pictures into two files. A group lasts `gop_seconds`; a picture that is the same as the one
    before costs a few bytes, a group that comes again only its clock."""
    plan = painter.plan
    wide, high = plan.width, plan.height
    small = (plan.sub_width, plan.sub_height)
    still = painter.still(0)
    fine, less = QUANTISERS[painter.hour]
    streams = (
        _Stream(main, (wide, high), plan.fps, fine, plan.name, still),
        _Stream(sub, small, plan.sub_fps, less, plan.name, shrunk(still, (wide, high), small)),
    )
    smaller = Shrinker(painter.still, (wide, high), small)
    try:
        for number, group in enumerate(groups):
            key = None if group.repeat is None else (*group.repeat, number % 2)
            bodies = None if key is None else streams[0].kept(key)
            below = None if key is None else streams[1].kept(key)
            if bodies is None or below is None:
                bodies, below = _bodies(painter, smaller, group, number, (streams[0].encoder, streams[1].encoder))
                if key is not None:
                    streams[0].keep(key, bodies)
                    streams[1].keep(key, below)
            for stream, slices in ((streams[0], bodies), (streams[1], below)):
                stream.group(slices, _clocks(clock, group.start_s, stream.fps, len(slices)))
    finally:
        for stream in streams:
            stream.close()


def _clocks(clock: Clock, start_s: float, fps: int, count: int) -> list[str]:
    """What the clock says at each picture; asked ten times a second, it may turn a tenth late."""
    texts: dict[int, str] = {}
    made = []
    for k in range(count):
        tenth = math.floor((start_s + k / fps) * 10 + 1e-6)
        if tenth not in texts:
            texts[tenth] = clock(tenth / 10)
        made.append(texts[tenth])
    return made


def _bodies(
    painter: Painter, smaller: Shrinker, group: Group, number: int, encoders: tuple[BandedEncoder, BandedEncoder]
) -> tuple[list[bytes | None], list[bytes | None]]:
    """The body slices of a group, main and sub. While all that moves is far away, main follows it at half the frame rate."""
    plan: CameraPlan = painter.plan
    every = plan.fps // plan.sub_fps
    main: list[bytes | None] = []
    sub: list[bytes | None] = []
    far_px = FAR_PX[painter.hour]
    shown: tuple[object, ...] = ()
    shown_below: object = None
    for k in range(round(plan.gop_seconds * plan.fps)):
        seen = painter.seen(group.actors(group.start_s + k / plan.fps))
        state = tuple(map(_state, seen))
        moved = (one for one, its in zip(seen, state, strict=True) if its not in shown)
        far = all(one.per_metre * one.actor.look.height_m < far_px for one in moved)
        below = k % every == 0 and (k == 0 or state != shown_below)
        above = k == 0 or (state != shown and not (far and k % 2))
        picture = painter.frame_of(seen, number) if above or below else None
        main.append(encoders[0].body(picture, k == 0) if above and picture is not None else None)
        shown = state if above else shown
        if k % every == 0:
            small = None
            if below and picture is not None:
                small = smaller.of(picture, number, joined([one.box for one in seen]))
            sub.append(None if small is None else encoders[1].body(small, k == 0))
            shown_below = state
    return main, sub


def _state(one: Seen) -> tuple[object, ...]:
    """What decides how an actor looks in the picture, to a tenth of a pixel."""
    actor = one.actor
    return (
        actor.id, round(one.foot[0], 1), round(one.foot[1], 1), actor.posture, round(actor.phase, 1), actor.heading_rad,
    )  # fmt: skip
