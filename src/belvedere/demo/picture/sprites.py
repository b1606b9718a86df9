"""Figures kept by kind, look, pose, heading, elevation and size, so that a crowd costs little more than a walker."""

import math
import zlib
from collections import OrderedDict

from belvedere.demo.picture import figures, pose
from belvedere.demo.picture.figures import Figure
from belvedere.demo.scene import ActorState, Kind

SMALL_PER_METRE = 34.0  # a person of 60 pixels
TURNS = (16, 12)  # headings, and those of small figures
PHASES = (10, 8)
SIZE_STEP = 1.5
ELEVATION_STEP = math.radians(10)
LARGEST_PER_METRE = 220.0
KEPT_BYTES = 120_000_000

_Key = tuple[object, ...]


class SpriteBox:
    """A bounded cache of figures, the least recently used let go first."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._bytes = 0
        self._figures: OrderedDict[_Key, Figure] = OrderedDict()
        self.drawn = 0

    def figure(
        self, actor: ActorState, turn_rad: float, elevation_rad: float, per_metre: float, infrared: bool
    ) -> Figure:
        """The figure nearest to what is asked, at least as large as `per_metre`."""
        small = per_metre < SMALL_PER_METRE
        turns, phases = (TURNS[small], PHASES[small])
        turn = round(turn_rad / (2 * math.pi) * turns) % turns
        if actor.kind in (Kind.BAG, Kind.MOPED):
            phases = 1
        phase = round(actor.phase / (2 * math.pi) * phases) % phases
        elevation = max(round(elevation_rad / ELEVATION_STEP), 0)
        size = math.ceil(math.log(min(max(per_metre, 4.0), LARGEST_PER_METRE)) / math.log(SIZE_STEP))
        key = (turns, phases, actor.kind, actor.posture, actor.look, phase, turn, elevation, size, infrared)
        found = self._figures.get(key)
        if found is not None:
            self._figures.move_to_end(key)
            return found
        made = figures.draw(
            pose.body(actor, phase * 2 * math.pi / phases),
            turn * 2 * math.pi / turns,
            elevation * ELEVATION_STEP,
            SIZE_STEP**size,
            infrared=infrared,
            seed=zlib.crc32(repr(actor.look).encode()),
        )
        self.drawn += 1
        self._figures[key] = made
        self._bytes += _size(made)
        while self._bytes > self._kept_bytes and len(self._figures) > 1:
            self._bytes -= _size(self._figures.popitem(last=False)[1])
        return made


def _size(figure: Figure) -> int:
    return figure.colour.nbytes + figure.alpha.nbytes
