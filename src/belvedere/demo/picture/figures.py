"""Shaded pictures of capsule bodies, seen from a heading and an elevation, at a size in pixels a metre."""

import math
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from belvedere.demo.picture import grain
from belvedere.demo.picture.light import GAMMA
from belvedere.demo.picture.pose import Capsule

SUPERSAMPLE = 2
MARGIN_PX = 3


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A cut-out: gamma-space BGR float 0..255 and alpha 0..1, both (h, w, ...); `foot` is the pixel of the body's origin
    on the ground, `per_metre` its scale."""

    colour: NDArray[np.float32]
    alpha: NDArray[np.float32]
    foot: tuple[float, float]
    per_metre: float


def draw(
    capsules: list[Capsule],
    turn_rad: float,
    elevation_rad: float,
    per_metre: float,
    *,
    infrared: bool = False,
    seed: int = 0,
) -> Figure:
    """Draw a body. `turn_rad` is its heading from the camera's right, counter-clockwise seen from above (pi/2: walking
    away); `elevation_rad` how far the camera looks down on it."""
    scale = per_metre * SUPERSAMPLE
    ends = np.array([[c.a, c.b] for c in capsules], np.float64)
    radii = np.array([(c.radius_a, c.radius_b) for c in capsules]) * scale
    ct, st, ce, se = math.cos(turn_rad), math.sin(turn_rad), math.cos(elevation_rad), math.sin(elevation_rad)
    right = (ends[..., 0] * ct - ends[..., 1] * st) * scale
    away = (ends[..., 0] * st + ends[..., 1] * ct) * scale
    up = ends[..., 2] * scale
    down_px, near = -(up * ce + away * se), up * se - away * ce
    margin = MARGIN_PX * SUPERSAMPLE
    left = math.floor(float((right - radii).min()) - margin)
    top = math.floor(float((down_px - radii).min()) - margin)
    wide = _even(float((right + radii).max()) + margin - left)
    tall = _even(float((down_px + radii).max()) + margin - top)
    parts = _Parts(tall, wide)
    for k in range(len(capsules)):
        parts.add(k, (right[k] - left, down_px[k] - top, near[k]), radii[k])
    nearest = parts.nearest
    colour = parts.shaded([c.colour for c in capsules], (ce, se), infrared)
    covered = np.isfinite(nearest)
    # Folds and prints of cloth: a little grain on the body.
    corner = seed % (grain.TILE // 2)
    cloth = (
        np.resize(grain.tile(90, 1.6)[corner:, corner:], (tall, wide))
        if max(tall, wide) > grain.TILE // 2
        else (grain.tile(90, 1.6)[corner : corner + tall, corner : corner + wide])
    )
    colour *= (1 + 0.04 * cloth)[..., None]
    # Creases between limbs: darken where the body in front stands well before what is behind.
    depth = np.where(covered, nearest, nearest[covered].min() if covered.any() else 0).astype(np.float32)
    soft = cv2.GaussianBlur(depth, (0, 0), max(0.035 * scale, 1.0))
    crease = np.clip((soft - depth) / max(0.10 * scale, 1.0), 0, 1)
    colour *= (1 - 0.38 * crease)[..., None]
    size = (wide // SUPERSAMPLE, tall // SUPERSAMPLE)
    alpha = covered.astype(np.float32)
    small = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    premultiplied = cv2.resize(colour * alpha[..., None], size, interpolation=cv2.INTER_AREA)
    # The lens: edges are never sharper than a pixel and a half.
    small, premultiplied = cv2.GaussianBlur(small, (0, 0), 0.55), cv2.GaussianBlur(premultiplied, (0, 0), 0.55)
    cover = np.asarray(small, np.float32)
    plain = premultiplied / np.maximum(small, 1e-3)[..., None]
    return Figure(plain.astype(np.float32), cover, (-left / SUPERSAMPLE, -top / SUPERSAMPLE), per_metre)


def _even(value: float) -> int:
    return max(math.ceil(value / SUPERSAMPLE), 2) * SUPERSAMPLE


class _Parts:
    """Which part is seen at each pixel, how near it is, and which way its surface faces: right, down, towards the viewer."""

    def __init__(self, tall: int, wide: int) -> None:
        self.nearest = np.full((tall, wide), -np.inf, np.float32)
        self._which = np.zeros((tall, wide), np.uint8)
        self._right, self._down, self._near = (np.zeros((tall, wide), np.float32) for _ in range(3))

    def add(
        self,
        number: int,
        axis: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
        radius: NDArray[np.float64],
    ) -> None:
        """Draw one capsule: its axis's ends (x, y down, nearness) and their radii, in pixels."""
        (x0, x1), (y0, y1), (z0, z1) = ((float(p[0]), float(p[1])) for p in axis)
        r0, r1 = max(float(radius[0]), 0.6), max(float(radius[1]), 0.6)
        big = max(r0, r1)
        high, wide = self.nearest.shape
        a, b = max(int(min(x0, x1) - big), 0), min(int(max(x0, x1) + big) + 2, wide)
        c, d = max(int(min(y0, y1) - big), 0), min(int(max(y0, y1) + big) + 2, high)
        if a >= b or c >= d:
            return
        px = np.arange(a, b, dtype=np.float32)[None, :] + np.float32(0.5 - x0)
        py = np.arange(c, d, dtype=np.float32)[:, None] + np.float32(0.5 - y0)
        dx, dy = np.float32(x1 - x0), np.float32(y1 - y0)
        squared = dx * dx + dy * dy
        if squared > 1e-3:
            t = px * (dx / squared) + py * (dy / squared)
            np.minimum(np.maximum(t, 0, out=t), 1, out=t)
        else:
            t = np.full((d - c, b - a), 1.0 if z1 > z0 else 0.0, np.float32)
        r = t * np.float32(r1 - r0) + np.float32(r0)
        inverse = 1 / r
        right, down = (px - t * dx) * inverse, (py - t * dy) * inverse
        towards = 1 - right * right - down * down
        part = (slice(c, d), slice(a, b))
        inside = towards >= 0
        towards = np.sqrt(np.maximum(towards, 0, out=towards), out=towards)
        height = towards * r
        height += t * np.float32(z1 - z0)
        height += np.float32(z0)
        seen = inside & (height > self.nearest[part])
        for whole, own in ((self.nearest, height), (self._right, right), (self._down, down), (self._near, towards)):
            np.copyto(whole[part], own, where=seen)
        np.copyto(self._which[part], np.uint8(number), where=seen)

    def shaded(
        self, paints: list[tuple[int, int, int]], tilt: tuple[float, float], infrared: bool
    ) -> NDArray[np.float32]:
        """The lit surface, BGR. `tilt`: cosine and sine of the elevation, which turn the picture's up into the world's."""
        if infrared:
            shade = 0.30 + 0.80 * self._near
            palette = np.array([[_in_infrared(paint)] * 3 for paint in paints], np.float32)
        else:
            # Light from the sky above, and a little more from one side.
            upward = self._down * np.float32(-tilt[0]) + self._near * np.float32(tilt[1])
            shade = 0.58 + 0.36 * upward - 0.15 * self._right + 0.07 * self._near
            palette = np.array([paint[::-1] for paint in paints], np.float32)
        factor = np.power(np.clip(shade, 0.10, 1.25), np.float32(1 / GAMMA))
        return np.asarray(palette[self._which] * factor[..., None], np.float32)


def _in_infrared(paint: tuple[int, int, int]) -> float:
    """How bright a colour is under an infrared lamp: skin is bright, and what dyes do there says little about their colour."""
    r, g, b = paint
    dye = zlib.crc32(bytes((r, g, b))) % 120
    return 55 + 0.38 * (0.3 * r + 0.4 * g + 0.3 * b) + (90 if r > 1.25 * b > 60 else dye)
