"""One stream as the viewers' side sees it: what was recorded of its newest group of pictures, and the live frames since."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

from belvedere.link.messages import LiveMedia, LiveStart, LiveState
from belvedere.media.held import Held

Watcher = TypeVar("Watcher")


@dataclass(frozen=True, slots=True)
class TailFrame:
    dts_90k: int
    media: LiveMedia


@dataclass(frozen=True, slots=True)
class Piece:
    """A recorded fragment of the newest group of pictures. Its bytes are in memory, or on the disk where they were recorded."""

    keyframe: bool
    arrival_us: int
    frames: int
    held: Held

    def media(self, data: bytes) -> LiveMedia:
        """The part for viewers; `data`: what `held` holds."""
        return LiveMedia(self.keyframe, self.arrival_us, 0, data, self.frames)

    def read(self) -> LiveMedia:
        """The same; may wait for the disk. Raises OSError, SealBroken."""
        return self.media(self.held.read())


@dataclass(slots=True)
class Stream(Generic[Watcher]):
    """One stream of one camera, as the viewers' side sees it."""

    start: LiveStart | None = None  # None while no run is open
    state: LiveState = field(default_factory=lambda: LiveState("connecting", ""))
    viewers: list[Watcher] = field(default_factory=list)
    # Invariant: the recorded fragments from the newest recorded keyframe to `end_90k`, without a hole, or empty.
    gop: list[Piece] = field(default_factory=list)
    gop_bytes: int = 0
    keep_keyframe: bool = False  # somebody inside the site asked for one that is in memory
    end_90k: int = 0  # decode time at which the newest fragment ends: that of the first frame it does not hold
    # Invariant: live frames in order, all with a decode time >= end_90k.
    tail: deque[TailFrame] = field(default_factory=deque)
    tail_bytes: int = 0
    lost_90k: int = -1  # decode time of the newest frame that the bounded tail had to let go
    seen_from_90k: int | None = None  # decode time of the first live frame since frames were switched on
    seen: int = 0  # live frames with a decode time >= end_90k that came, those let go included
    # Invariant: while joined, every frame from `end_90k` on has been handed to the viewers as a live frame.
    joined: bool = False
    switched_on: bool = False
    off_timer: asyncio.TimerHandle | None = None

    def forget_run(self) -> None:
        self.start = None
        self.gop, self.gop_bytes, self.end_90k = [], 0, 0
        self.forget_frames()

    def forget_frames(self) -> None:
        self.tail.clear()
        self.tail_bytes, self.lost_90k, self.seen_from_90k, self.seen, self.joined = 0, -1, None, 0, False

    def has(self, dts_90k: int, data: bytes) -> bool:
        """Whether this frame, or a later one, came before."""
        if not self.tail or dts_90k > self.tail[-1].dts_90k:
            return False
        if dts_90k < self.tail[-1].dts_90k:
            return True
        return _picture(data) == _picture(self.tail[-1].media.data)  # two frames may share a decode time

    def snapshot(self) -> tuple[list[Piece], list[LiveMedia]]:
        """What a new viewer gets first: from the newest keyframe on, everything that older viewers have had.

        First what has to be read, then what is in memory and goes on from there.
        """
        if not self.joined:
            return self._recorded()
        newest = next((at for at in reversed(range(len(self.tail))) if self.tail[at].media.keyframe), None)
        if newest is not None:
            return [], [frame.media for frame in islice(self.tail, newest, None)]
        if self.lost_90k >= self.end_90k:
            return [], []
        away, here = self._recorded()
        return away, here + [frame.media for frame in self.tail]

    def _recorded(self) -> tuple[list[Piece], list[LiveMedia]]:
        here: list[LiveMedia] = []
        for number in reversed(range(len(self.gop))):
            data = self.gop[number].held.data  # asked once: a disk's thread may let go of it at any moment
            if data is None:
                return self.gop[: number + 1], here
            here.insert(0, self.gop[number].media(bytes(data)))
        return [], here


def _picture(data: bytes) -> bytes:
    """mdat of a frame: what stays the same when it is sent again."""
    return data[int.from_bytes(data[:4], "big") :]
