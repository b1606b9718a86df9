"""Shaded pictures of capsule bodies, seen from a heading and an elevation, at a size in pixels a metre."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

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
    colour = np.zeros((tall, wide, 3), np.float32)
    nearest = np.full((tall, wide), -np.inf, np.float32)
    for k, capsule in enumerate(capsules):
        _capsule(
            colour, nearest, (right[k] - left, down_px[k] - top, near[k]), radii[k], capsule.colour, (ce, se), infrared
        )
    covered = np.isfinite(nearest)
    # Folds and prints of cloth: a little grain on the body, more at the bottom of the brightness.
    cloth = np.random.default_rng(seed).normal(1, 0.10, (tall // 2, wide // 2)).astype(np.float32)
    colour *= cv2.GaussianBlur(cv2.resize(cloth, (wide, tall)), (0, 0), 1.2)[..., None]
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


def _capsule(
    colour: NDArray[np.float32],
    nearest: NDArray[np.float32],
    axis: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    radius: NDArray[np.float64],
    paint: tuple[int, int, int],
    tilt: tuple[float, float],
    infrared: bool,
) -> None:
    (x0, x1), (y0, y1), (z0, z1) = ((float(p[0]), float(p[1])) for p in axis)
    r0, r1 = max(float(radius[0]), 0.6), max(float(radius[1]), 0.6)
    big = max(r0, r1)
    a, b = max(int(min(x0, x1) - big), 0), min(int(max(x0, x1) + big) + 2, colour.shape[1])
    c, d = max(int(min(y0, y1) - big), 0), min(int(max(y0, y1) + big) + 2, colour.shape[0])
    if a >= b or c >= d:
        return
    px = np.arange(a, b, dtype=np.float32)[None, :] + 0.5 - x0
    py = np.arange(c, d, dtype=np.float32)[:, None] + 0.5 - y0
    dx, dy = x1 - x0, y1 - y0
    squared = dx * dx + dy * dy
    if squared > 1e-3:
        t = np.minimum(np.maximum(px * np.float32(dx / squared) + py * np.float32(dy / squared), 0), 1)
    else:
        t = np.full((d - c, b - a), 1.0 if z1 > z0 else 0.0, np.float32)
    inverse = 1 / (np.float32(r0) + np.float32(r1 - r0) * t)
    nx, ny = (px - t * np.float32(dx)) * inverse, (py - t * np.float32(dy)) * inverse
    inside = nx * nx + ny * ny
    z = np.sqrt(np.maximum(1 - inside, 0))
    height = np.float32(z0) + np.float32(z1 - z0) * t + z / inverse
    part = (slice(c, d), slice(a, b))
    seen = (inside <= 1) & (height > nearest[part])
    nearest[part][seen] = height[seen]
    if infrared:
        shade = 0.30 + 0.80 * z
        grey = 78 + 0.42 * (0.3 * paint[0] + 0.4 * paint[1] + 0.3 * paint[2])
        base = np.array([grey, grey, grey], np.float32)
    else:
        # Light from the sky above, and a little more from one side; `tilt` turns the picture's up into the world's.
        upward = -ny * tilt[0] + z * tilt[1]
        shade = 0.58 + 0.36 * upward + 0.20 * (0.75 * -nx + 0.35 * z)
        base = np.array(paint[::-1], np.float32)
    lit = shade[seen]
    factor = np.power(np.minimum(np.maximum(lit, 0.10), 1.25), np.float32(1 / GAMMA))
    colour[part][seen] = factor[:, None] * base
