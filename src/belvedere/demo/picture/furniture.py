"""The things that stand about an estate, as faces and as leaf."""

import math
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from belvedere.demo.picture import vehicles
from belvedere.demo.picture.canvas import Canvas
from belvedere.demo.picture.solid import Colour, Face, box, placed, post
from belvedere.demo.scene import Fixture

UP = np.array([0.0, 0.0, 1.0])
LAMP_HEAD: Colour = (215, 240, 255)


def _bgr(colour: tuple[int, int, int]) -> Colour:
    return float(colour[2]), float(colour[1]), float(colour[0])


def _dark(colour: Colour, share: float) -> Colour:
    return colour[0] * share, colour[1] * share, colour[2] * share


def faces(fixture: Fixture, away_m: float = 0.0) -> list[Face]:
    """The faces of a fixture in the world, the finest left out where it is far away; empty for what is painted otherwise
    (trees, doors on walls)."""
    colour, h = _bgr(fixture.colour), fixture.height_m
    own: list[Face]
    match fixture.kind:
        case "lamp":
            own = post(0.07, h, colour) + post(0.11, 1.2, colour)
            own += box((0.55, 0), (h - 0.02, h + 0.1), (1.2, 0.1), colour)
            head = box((0.85, 0), (h - 0.08, h + 0.06), (0.75, 0.26), colour)
            own += [head[4]] + [Face(face.points, LAMP_HEAD, LAMP_HEAD) for face in head[:4] + head[5:]]
        case "bollard":
            own = post(0.09, h, colour) + post(0.095, 0.1, (200, 205, 205), z=h - 0.25)
        case "bin":
            wide = 0.55 if h < 1.2 else 1.1
            own = box((0, 0), (0.06, h - 0.1), (wide * 0.8, wide), colour) + box(
                (0, 0), (h - 0.1, h), (wide * 0.86, wide * 1.05), _dark(colour, 0.75)
            )
        case "bench":
            own = box((0.0, 0), (0.42, 0.48), (0.45, 1.7), colour) + box((-0.22, 0), (0.5, h), (0.06, 1.7), colour)
            for y in (-0.7, 0.7):
                own += box((0, y), (0, 0.44), (0.4, 0.07), (60, 62, 64))
        case "swing":
            own = []
            for y in (-1.3, 1.3):
                own += box((0, y), (h - 0.12, h), (0.1, 0.1), colour)
                for x in (-0.55, 0.55):
                    own += box((x, y), (0, h), (0.09, 0.09), colour)
            own += box((0, 0), (h - 0.1, h), (0.1, 2.7), colour)
            for y in (-0.55, 0.55):
                own += box((0.0, y), (0.45, 0.5), (0.2, 0.45), (30, 30, 30))
                own += box((0, y - 0.2), (0.5, h), (0.02, 0.02), (90, 92, 94)) + box(
                    (0, y + 0.2), (0.5, h), (0.02, 0.02), (90, 92, 94)
                )
        case "slide":
            own = [
                Face(
                    np.array([(0.3, -0.3, 1.7), (3.0, -0.3, 0.25), (3.0, 0.3, 0.25), (0.3, 0.3, 1.7)]),
                    (170, 175, 178),
                    gloss=0.4,
                )
            ]
            own += box((0, 0), (1.62, 1.7), (0.9, 0.9), colour)
            for x in (-0.42, 0.42):
                for y in (-0.42, 0.42):
                    own += box((x, y), (0, h), (0.09, 0.09), colour)
            own += box((0, 0), (h - 0.08, h), (1.1, 1.1), (60, 60, 190))
        case "climbing_frame":
            own = []
            for x in (-1.6, 0, 1.6):
                for y in (-1.6, 0, 1.6):
                    own += box((x, y), (0, h), (0.07, 0.07), colour)
            for z in (h * 0.5, h - 0.05):
                for k in (-1.6, 0, 1.6):
                    own += box((k, 0), (z, z + 0.06), (0.06, 3.2), colour) + box(
                        (0, k), (z, z + 0.06), (3.2, 0.06), colour
                    )
        case "roundabout":
            own = post(1.2, 0.18, colour, sides=14, z=0.1) + post(0.05, h, (200, 200, 60))
        case "goal":
            own = (
                box((0, -1.5), (0, h), (0.1, 0.1), colour)
                + box((0, 1.5), (0, h), (0.1, 0.1), colour)
                + box((0, 0), (h - 0.1, h), (0.1, 3.0), colour)
            )
        case "sign":
            own = box((0, 0), (0, h), (0.06, 0.06), (110, 112, 114)) + box(
                (0.05, 0), (h - 0.75, h), (0.03, 1.0), colour
            )
            own += box((0.07, 0), (h - 0.5, h - 0.3), (0.01, 0.7), (225, 228, 228))
        case "fence_post":
            own = box((0, 0), (0, h), (0.06, 0.06), colour) + _railing(h, colour, away_m)
        case "parked_car":
            own = vehicles.car(colour, 4.2 if h < 1.55 else 4.5, h)
        case _:
            own = []
    return placed(own, fixture.x, fixture.y, fixture.heading_rad)


def _railing(h: float, colour: Colour, away_m: float) -> list[Face]:
    """Rails from one post to the next, 2 m ahead."""
    made = []
    for z in (0.12, h - 0.06) if h < 2 else (0.1, 1.1, h - 0.06):
        made += box((1.0, 0), (z, z + 0.05), (2.0, 0.03), colour)[:5]
    if away_m > 45:
        return made
    step = (0.14 if h < 2 else 0.25) * (1 if away_m < 22 else 2)
    for x in np.arange(step, 2.0, step):
        at = float(x)
        made.append(
            Face(
                np.array([(at - 0.011, 0, 0.1), (at + 0.011, 0, 0.1), (at + 0.011, 0, h), (at - 0.011, 0, h)]),
                colour,
                thin=True,
            )
        )
    return made


def tree(canvas: Canvas, fixture: Fixture) -> None:
    """A trunk, boughs and a crown of a few hundred leaf clumps, lighter on top, with gaps of sky."""
    view = canvas.view
    foot = view.to_pixels(np.array([[fixture.x, fixture.y, 0.0]]))[0]
    depth = float(foot[2])
    if depth < 2.0 or depth > 220:
        return
    high = fixture.height_m * view.focal_px / depth
    size = (max(round(high * _WIDE_SHARE), 2), max(round(high * 1.03), 2))
    left, top = round(float(foot[0]) - size[0] / 2), round(float(foot[1]) - size[1] + 2)
    if high < 6 or left > view.width or left + size[0] < 0:
        return
    kind = int(abs(fixture.x * 131 + fixture.y * 17))
    light, alpha = _crown(kind % _CROWNS)
    if kind // _CROWNS % 2:
        light, alpha = light[:, ::-1], alpha[:, ::-1]
    shrinks = cv2.INTER_AREA if size[0] < light.shape[1] else cv2.INTER_LINEAR
    shade = cv2.resize(light, size, interpolation=shrinks)
    leaf = np.array(fixture.colour[::-1], np.float32)
    bark = np.array(_BARK, np.float32)
    picture = np.where(shade[..., 1:] > 0.5, bark, leaf) * shade[..., :1]
    cover = np.asarray(cv2.resize(alpha, size, interpolation=shrinks), np.float32)
    canvas.sprite(np.asarray(picture, np.float32), cover, left, top, depth, UP * 0.8)


_BARK: Colour = (58, 70, 80)
_CROWNS = 5
_TALL = 460  # pixels of a painted tree
_WIDE_SHARE = 0.86  # of its height


@cache
def _crown(kind: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A tree to be tinted: (brightness, 1 where bark) and how much it covers."""
    rng = np.random.default_rng(kind + 5)
    high, crown = _TALL / 1.03, _TALL * 0.33
    wide, tall = int(_TALL * _WIDE_SHARE), _TALL
    light, bark, alpha = (np.zeros((tall, wide), np.uint8) for _ in range(3))
    middle = (wide / 2, tall - high * 0.62)

    def bough(a: tuple[float, float], b: tuple[float, float], thick: float) -> None:
        for image, ink in ((light, 128), (bark, 255), (alpha, 255)):
            cv2.line(image, (int(a[0]), int(a[1])), (int(b[0]), int(b[1])), ink, max(int(thick), 1), cv2.LINE_AA)

    bough((wide / 2, tall), (wide / 2, middle[1]), high * 0.032)
    for _ in range(7):
        angle = rng.uniform(-2.6, -0.5)
        end = (middle[0] + crown * 0.8 * math.cos(angle), middle[1] + crown * 0.9 * math.sin(angle))
        bough((wide / 2, tall - high * rng.uniform(0.3, 0.5)), end, high * 0.011)
    # The crown is a few lobes; clumps are laid from the bottom to the top.
    lobes = [(rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.4), rng.uniform(0.4, 0.6)) for _ in range(7)] + [(0, 0, 0.7)]
    clumps = []
    for _ in range(1100):
        lx, ly, lr = lobes[rng.integers(len(lobes))]
        angle, r = rng.uniform(0, 2 * math.pi), lr * math.sqrt(rng.random())
        px, py = lx + r * math.cos(angle), ly + r * math.sin(angle)
        shade = 0.66 - 0.30 * (py / 1.1) - 0.22 * (r / lr) * math.sin(angle) + rng.normal(0, 0.13)
        clumps.append((py + rng.normal(0, 0.25), px, py, shade))
    for _, px, py, shade in sorted(clumps, reverse=True):
        at = (int(middle[0] + px * crown), int(middle[1] + py * crown * 1.12))
        radius = crown * rng.uniform(0.03, 0.085)
        axes, turn = (int(radius * rng.uniform(0.7, 1.4)) + 1, int(radius * 0.7) + 1), float(rng.uniform(0, 180))
        for image, ink in ((light, float(np.clip(shade, 0.2, 1.25)) * 128), (bark, 0), (alpha, 255)):
            cv2.ellipse(image, at, axes, turn, 0, 360, ink, -1, cv2.LINE_AA)
    speckle = 1 + rng.normal(0, 0.16, (tall, wide)).astype(np.float32)
    soft = cv2.GaussianBlur(light.astype(np.float32) / 128 * speckle, (0, 0), 0.6)
    made = np.stack([soft, bark.astype(np.float32) / 255], axis=2).astype(np.float32)
    return made, np.asarray(alpha, np.float32) / np.float32(255)
