"""Streets that were never there, filmed by cameras that get covered, moved, blurred or frozen; and by cameras that do not.

Used by `test_health_views.py` and by `bench/tamper_hints.py`. A second of film stands for ten seconds of a camera, so
that minutes pass in seconds; sizes are compared with each other only, so this changes nothing for what looks at them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from belvedere.media.fmp4 import make_config, write_fragment
from belvedere.media.nal import is_parameter_set, join_lengths, nal_type, split_annex_b
from belvedere.media.stream import TICKS_PER_SECOND, Codec, Frame
from belvedere.site.health.look import Gray, look
from belvedere.site.health.sizes import Passed, Sizes
from belvedere.site.health.views import View

WIDTH, HEIGHT, FPS = 480, 270, 4
GOP_FRAMES = 4  # a keyframe a second of film: one a tick
BEFORE_S = 20  # seconds of film, ticks of the monitor
AFTER_S = 20
LOOK_EVERY = 10  # ticks, when nothing stands out
_STEP_90K = TICKS_PER_SECOND // FPS

Picture = NDArray[np.float32]
Change = Callable[[Picture, int, "Street"], Picture]
"""What happens to a picture (BGR, 0 to 255) so many frames after it began."""


class Street:
    """Houses, windows, a road with markings, trees, and people and cars that pass."""

    def __init__(self, seed: int) -> None:
        self.chance = np.random.default_rng(seed)
        chance = self.chance
        wide = np.zeros((HEIGHT * 2, WIDTH * 2, 3), np.float32)
        wide[:] = np.linspace(170, 90, HEIGHT * 2, dtype=np.float32)[:, None, None] + chance.uniform(-15, 15, 3)
        for _ in range(14):
            x, y = int(chance.integers(0, WIDTH * 2)), int(chance.integers(0, HEIGHT))
            w, h = int(chance.integers(80, 300)), int(chance.integers(80, 400))
            tone = chance.uniform(40, 200, 3)
            cv2.rectangle(wide, (x, y), (x + w, y + h), tone.tolist(), -1)
            for wx in range(x + 10, x + w - 20, int(chance.integers(25, 50))):
                for wy in range(y + 10, y + h - 25, int(chance.integers(35, 60))):
                    cv2.rectangle(wide, (wx, wy), (wx + 14, wy + 20), (tone * chance.uniform(0.4, 1.4)).tolist(), -1)
        for _ in range(10):
            ends = chance.integers(0, (WIDTH * 2, HEIGHT * 2, WIDTH * 2, HEIGHT * 2)).tolist()
            cv2.line(
                wide,
                (ends[0], ends[1]),
                (ends[2], ends[3]),
                chance.uniform(30, 220, 3).tolist(),
                int(chance.integers(1, 5)),
            )
        grain = chance.normal(0, 9, (HEIGHT, WIDTH, 1)).astype(np.float32)
        self.wide = np.clip(wide + cv2.resize(grain, (WIDTH * 2, HEIGHT * 2))[:, :, None], 0, 255)
        self.left, self.top = WIDTH // 2, HEIGHT // 2
        self.noise = float(chance.uniform(1.2, 3.0))
        self.walkers = chance.uniform((0, 0.5, -6, 0.4), (WIDTH, 0.95, 6, 1.6), (int(chance.integers(1, 6)), 4))
        self.frame = 0
        self.alive = True

    def look(self, left: int = 0, top: int = 0) -> Picture:
        """The picture now, from a camera turned by so many pixels; without noise."""
        y, x = self.top + top, self.left + left
        shown: Picture = self.wide[y : y + HEIGHT, x : x + WIDTH].copy()
        if self.alive:
            for start, down, speed, size in self.walkers:
                at = int((start + speed * self.frame) % (WIDTH + 80)) - 40 - left
                foot = int(down * HEIGHT) - top
                cv2.ellipse(
                    shown, (at, foot - int(30 * size)), (int(9 * size), int(30 * size)), 0, 0, 360, (35, 40, 60), -1
                )
        return shown

    def film(self, change: Change | None, begin: int, frames: int) -> Iterator[NDArray[np.uint8]]:
        """Pictures; `change` begins at frame `begin`."""
        last: Picture | None = None
        for number in range(frames):
            self.frame = number
            clean = self.look()
            if change is not None and number >= begin:
                if change is frozen and last is not None:
                    yield np.clip(last, 0, 255).astype(np.uint8)
                    continue
                clean = change(clean, number - begin, self)
            last = clean + self.chance.normal(0, self.noise, clean.shape).astype(np.float32)
            yield np.clip(last, 0, 255).astype(np.uint8)


# Faults.


def _faint(picture: Picture) -> Picture:
    return np.asarray(cv2.resize(cv2.resize(picture, (4, 3), interpolation=cv2.INTER_AREA), (WIDTH, HEIGHT)))


def frozen(picture: Picture, _frames: int, _street: Street) -> Picture:
    """The sensor's last picture, again and again. `Street.film` sees to it."""
    return picture


def covered(picture: Picture, _frames: int, _street: Street) -> Picture:
    """A bag over it: almost no light."""
    return _faint(picture) * 0.03 + 4


def sprayed(picture: Picture, _frames: int, _street: Street) -> Picture:
    """Paint on the glass: one shade."""
    return _faint(picture) * 0.04 + 120


def blurred(picture: Picture, _frames: int, _street: Street) -> Picture:
    """Out of focus."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 3.0))


def moved(_picture: Picture, _frames: int, street: Street) -> Picture:
    """Turned by a third of the view."""
    return street.look(left=160, top=-45)


def knocked(_picture: Picture, _frames: int, street: Street) -> Picture:
    """Turned by a twelfth of the view, and tilted."""
    turn = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 6, 1.0)
    return np.asarray(cv2.warpAffine(street.look(left=40, top=9), turn, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT))


# What is no fault.


def usual(picture: Picture, _frames: int, _street: Street) -> Picture:
    return picture


def dusk(picture: Picture, frames: int, _street: Street) -> Picture:
    """It gets dark, slowly."""
    return picture * max(0.35, 1 - frames / (AFTER_S * FPS))


def infrared(picture: Picture, _frames: int, _street: Street) -> Picture:
    """The camera goes over to its infrared lamp: grey, bright in the middle, dark at the edges."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    lamp = np.exp(-(((x - WIDTH / 2) / 260) ** 2 + ((y - HEIGHT * 0.6) / 170) ** 2))
    grey: Picture = picture.mean(axis=2) * (0.25 + 0.9 * lamp)
    return grey[:, :, None].repeat(3, axis=2)


def lorry(picture: Picture, frames: int, _street: Street) -> Picture:
    """Something large stops in front for a while."""
    if frames < 6 * FPS:
        cv2.rectangle(picture, (90, 70), (330, 250), (60, 70, 160), -1)
        cv2.rectangle(picture, (105, 85), (300, 150), (200, 190, 180), -1)
    return picture


def rain(picture: Picture, _frames: int, street: Street) -> Picture:
    """Streaks, and less contrast."""
    wet = picture * 0.8 + 25
    for x, y in street.chance.integers(0, (WIDTH, HEIGHT), (120, 2)).tolist():
        cv2.line(wet, (x, y), (x + 2, y + 14), (190, 190, 190), 1)
    return wet


def lamps(picture: Picture, _frames: int, _street: Street) -> Picture:
    """Street lamps go on: one side gets brighter."""
    return picture * np.linspace(0.7, 1.4, WIDTH, dtype=np.float32)[None, :, None]


def gain(picture: Picture, _frames: int, street: Street) -> Picture:
    """The sensor's gain goes up: more noise."""
    return picture * 0.8 + street.chance.normal(0, 7, picture.shape).astype(np.float32)


def emptied(picture: Picture, _frames: int, street: Street) -> Picture:
    """Everybody goes home: nothing moves any more."""
    street.alive = False
    return picture


FAULTS: dict[str, tuple[Change, str]] = {
    "covered": (covered, "black"),
    "sprayed": (sprayed, "black"),
    "frozen": (frozen, "frozen"),
    "out of focus": (blurred, "blurred"),
    "turned by a third": (moved, "moved"),
    "knocked by a twelfth": (knocked, "moved"),
}
NO_FAULTS: dict[str, Change] = {
    "as usual": usual,
    "dusk": dusk,
    "to infrared": infrared,
    "a lorry stops": lorry,
    "rain": rain,
    "street lamps": lamps,
    "sensor gain": gain,
    "all go home": emptied,
}


@dataclass(frozen=True, slots=True)
class Course:
    """What came of one film. Ticks count from the change; -1: never."""

    hints: tuple[tuple[str, int], ...]  # kind, tick at which it was first held true
    looks: int
    suspected_tick: int  # when packet sizes first stood out


def encoded(pictures: Iterator[NDArray[np.uint8]], constant: bool) -> Iterator[tuple[bytes, tuple[bytes, ...], bool]]:
    """Access units (NAL units behind lengths), parameter sets, keyframe. `constant`: constant bitrate, else quality."""
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate = Fraction(1, FPS), Fraction(FPS)
    rate = ":bitrate=200:vbv-maxrate=200:vbv-bufsize=200" if constant else ":crf=26"
    params = f"keyint={GOP_FRAMES}:min-keyint={GOP_FRAMES}:scenecut=0:bframes=0:repeat-headers=1:threads=1{rate}"
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": params}
    for number, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
        frame.pts = number
        for packet in context.encode(frame):
            nals = split_annex_b(bytes(packet))
            sets = tuple(nal for nal in nals if is_parameter_set(Codec.H264, nal_type(Codec.H264, nal)))
            yield join_lengths(nals), sets, packet.is_keyframe


def course(seed: int, change: Change, *, constant: bool) -> Course:
    """Film a street, change something in the middle, and let sizes and views say what they make of it."""
    street, view, sizes = Street(seed), View(), Sizes()
    frames = (BEFORE_S + AFTER_S) * FPS
    held: list[Frame] = []
    init = b""
    before: Gray | None = None
    recent: list[Passed] = []
    hints: dict[str, int] = {}
    looks, due, suspected, start = 0, 0, -1, 0
    units = list(encoded(street.film(change, BEFORE_S * FPS, frames), constant))
    for tick in range(BEFORE_S + AFTER_S):
        held = []
        for number in range(tick * GOP_FRAMES, (tick + 1) * GOP_FRAMES):
            data, sets, keyframe = units[number]
            if not init:
                init = make_config(Codec.H264, sets).init
            held.append(Frame(data, number * _STEP_90K, 0, keyframe, 0))
        start = tick * GOP_FRAMES * _STEP_90K
        key, rest = held[:2], held[2:]
        first = write_fragment(key, rest[0].dts_90k, 2 * tick + 1)
        second = write_fragment(rest, start + GOP_FRAMES * _STEP_90K, 2 * tick + 2)
        recent += [(len(first), 2 * _STEP_90K, 2, True, start), (len(second), 3 * _STEP_90K, 3, False, rest[0].dts_90k)]
        sizes.tick(recent[-64:])
        stands_out = bool(sizes.suspicion())
        if stands_out and tick >= BEFORE_S and suspected < 0:
            suspected = tick - BEFORE_S
        if stands_out or tick >= due:
            figures, before = look(init + first, before)
            looks += 1
            view.look(figures, sizes.still(), sizes.between_bytes(), tick)
            due = tick + (1 if view.unsure or view.hints or stands_out else LOOK_EVERY)
            for kind in view.hints:
                hints.setdefault(kind, tick - BEFORE_S)
    return Course(tuple(hints.items()), looks, suspected)
