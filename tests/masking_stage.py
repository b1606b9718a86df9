"""A yard with people in it whose every pixel is known: pictures for the masking, and the truth to hold it against."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import cast

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video.frame import PictureType
from numpy.typing import NDArray

from belvedere.media.fmp4 import make_config
from belvedere.media.nal import join_lengths, split_annex_b
from belvedere.media.stream import TICKS_PER_SECOND, Codec, Frame, StreamConfig
from belvedere.vision.masking.cover import _stripes
from belvedere.vision.masking.picture import HEIGHT, WIDTH, Picture, picture_of

Bytes = NDArray[np.uint8]
FPS = 5
STEP_US = 1_000_000 // FPS
STEP_90K = TICKS_PER_SECOND // FPS
_FINE = 4  # bodies are drawn so much larger, then brought down


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the picture: feet at (x, y), `h` pixels tall. Colours are BGR. `walks`: pixels a picture."""

    x: float
    y: float
    h: int
    upper: tuple[int, int, int]
    lower: tuple[int, int, int]
    walks: float = 0.0
    phase: float = 0.6

    def at(self, number: int) -> "Person":
        """The same person `number` pictures later."""
        moved = self.phase + number * 0.5 if self.walks else self.phase
        return Person(self.x + self.walks * number, self.y, self.h, self.upper, self.lower, self.walks, moved)


# Upper and lower colours; the last two are near the colours of the wall and of the ground.
CLOTHES = (
    ((60, 60, 150), (60, 50, 45)),
    ((40, 40, 40), (110, 80, 60)),
    ((150, 150, 160), (50, 50, 60)),
    ((190, 190, 190), (60, 45, 40)),
    ((62, 75, 108), (60, 45, 40)),
    ((30, 60, 160), (104, 106, 110)),
)


@lru_cache(maxsize=1)
def yard() -> Bytes:
    """BGR: a brick wall with windows, pavement and asphalt with some grain. Nobody in it."""
    rng = np.random.default_rng(1)
    made = np.full((HEIGHT, WIDTH, 3), (112, 116, 118), np.float32)
    made[:125] = (70, 85, 120)
    made[:125:5] = (60, 75, 105)
    for k in range(7):
        cv2.rectangle(made, (20 + k * 90, 25), (60 + k * 90, 75), (60, 55, 50), -1)
        cv2.rectangle(made, (20 + k * 90, 25), (60 + k * 90, 75), (200, 205, 205), 2)
    made[125:145] = (140, 145, 145)
    made += cv2.GaussianBlur(rng.normal(0, 6, made.shape[:2]), (0, 0), 1.5)[..., None] * 2
    return np.asarray(np.clip(made, 0, 255), np.uint8)


def draw(picture: Bytes, person: Person) -> NDArray[np.bool_]:
    """Draw somebody; returns which pixels are theirs (half covered or more)."""
    high, wide = person.h * _FINE, int(person.h * 0.8) * _FINE
    colour, alpha = np.zeros((high, wide, 3), np.uint8), np.zeros((high, wide), np.uint8)
    s = float(np.sin(person.phase))

    def limb(a: tuple[float, float], b: tuple[float, float], r: float, ink: tuple[int, int, int]) -> None:
        start = (int(a[0] * high + wide / 2), int(a[1] * high))
        end = (int(b[0] * high + wide / 2), int(b[1] * high))
        cv2.line(colour, start, end, ink, max(1, int(2 * r * high)), cv2.LINE_8)
        cv2.line(alpha, start, end, (255,), max(1, int(2 * r * high)), cv2.LINE_8)

    skin, shoe = (120, 150, 200), (30, 30, 35)
    for side in (-1, 1):
        limb((0, 0.19), (0.08 * s * side, 0.36), 0.04, person.upper)
        limb((0.08 * s * side, 0.36), (0.11 * s * side + 0.03, 0.5), 0.03, person.upper)
        limb((0.11 * s * side + 0.03, 0.5), (0.11 * s * side + 0.035, 0.52), 0.022, skin)
        limb((0.01 * side, 0.5), (0.08 * s * side, 0.73), 0.055, person.lower)
        limb((0.08 * s * side, 0.73), (0.11 * s * side - 0.03, 0.94), 0.04, person.lower)
        limb((0.11 * s * side - 0.03, 0.96), (0.11 * s * side + 0.03, 0.965), 0.024, shoe)
    limb((0, 0.2), (0, 0.48), 0.078, person.upper)
    limb((0, 0.1), (0, 0.15), 0.03, skin)
    limb((0.005, 0.06), (0.008, 0.08), 0.046, skin)
    limb((-0.008, 0.045), (-0.012, 0.06), 0.048, (35, 45, 60))
    size = (wide // _FINE, high // _FINE)
    colour = np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA), np.uint8)
    share = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
    top, left = int(person.y) - size[1], int(person.x) - size[0] // 2
    theirs = np.zeros(picture.shape[:2], np.bool_)
    a, b, c, d = max(0, top), min(HEIGHT, top + size[1]), max(0, left), min(WIDTH, left + size[0])
    if a < b and c < d:
        part, ink = share[a - top : b - top, c - left : d - left], colour[a - top : b - top, c - left : d - left]
        # `colour` was brought down with black around it: it holds the share already.
        picture[a:b, c:d] = np.clip(picture[a:b, c:d] * (1 - part) + ink, 0, 255)
        theirs[a:b, c:d] = part[..., 0] >= 0.5
    return theirs


def shot(
    people: tuple[Person, ...], number: int, *, noise: float = 3.0, light: float = 0.0
) -> tuple[Bytes, NDArray[np.bool_]]:
    """Picture `number` as yuv420p in one array, and the pixels that are somebody's."""
    made = yard().copy()
    truth = np.zeros(made.shape[:2], np.bool_)
    for person in people:
        truth |= draw(made, person.at(number))
    grain = np.random.default_rng(number).normal(light, noise, made.shape[:2])[..., None]
    shown = np.clip(made + grain, 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(shown, cv2.COLOR_BGR2YUV_I420), np.uint8), truth


def planes(planar: Bytes) -> Picture:
    return picture_of(planar)


def film_of(pictures: list[Bytes], keys: int) -> tuple[StreamConfig, list[Frame]]:
    """yuv420p pictures as H.264 frames from media time 0, FPS a second: `keys` keyframes first, then one every ten."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.thread_count = Fraction(1, FPS), Fraction(FPS), 1
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "23", "x264-params": "scenecut=0"}
    frames: list[Frame] = []
    sets: tuple[bytes, ...] = ()
    for number, picture in enumerate(pictures):
        shown = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        shown.pts, shown.time_base = number, Fraction(1, FPS)
        if number <= keys or (number - keys) % 10 == 0:
            shown.pict_type = PictureType.I
        for packet in encoder.encode(shown):
            units = split_annex_b(bytes(packet))
            sets = sets or tuple(unit for unit in units if unit[0] & 31 in (7, 8))
            frames.append(Frame(join_lengths(units), len(frames) * STEP_90K, 0, packet.is_keyframe, 0))
    return make_config(Codec.H264, sets), frames


def decoded(init: bytes, media: Sequence[bytes]) -> list[Bytes]:
    """Pictures of an fMP4, as yuv420p arrays."""
    with cast(InputContainer, av.open(io.BytesIO(init + b"".join(media)), format="mp4")) as container:
        return [np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8) for frame in container.decode(video=0)]


def is_cover(shown: Bytes) -> NDArray[np.bool_]:
    """Pixels that look like the cover's stripes, give or take what encoding does to them."""
    rows, columns = shown.shape[0] * 2 // 3, shown.shape[1]
    blurred = cv2.blur(_stripes(rows, columns), (3, 3)).astype(int)
    return np.asarray(np.abs(cv2.blur(shown[:rows], (3, 3)).astype(int) - blurred) < 24)


BEFORE = 10  # keyframes of an empty yard, eight seconds apart
FRAMES = 30
PEOPLE = (
    Person(120, 240, 90, *CLOTHES[0]),
    Person(420, 330, 130, *CLOTHES[4]),
    Person(10, 210, 60, *CLOTHES[2], walks=6.0),
)


@lru_cache(maxsize=1)
def yard_film() -> tuple[StreamConfig, tuple[Frame, ...], tuple[NDArray[np.bool_], ...]]:
    """The empty yard, then people in it; and which pixels are theirs."""
    made = [shot((), 900 + number) for number in range(BEFORE)] + [shot(PEOPLE, number) for number in range(FRAMES)]
    config, frames = film_of([picture for picture, _ in made], BEFORE)
    return config, tuple(frames), tuple(truth for _, truth in made)
