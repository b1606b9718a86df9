"""Seeded, tileable noise: the grain of brick, asphalt and grass, and of a sensor."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from belvedere.demo.picture.view import Floats

TILE = 512


@lru_cache(maxsize=32)
def tile(seed: int, blur_px: float) -> Floats:
    """A (512, 512) tile of noise with mean 0 and standard deviation 1 that repeats without a seam."""
    noise = np.random.default_rng(seed).standard_normal((TILE, TILE)).astype(np.float32)
    if blur_px > 0:
        edge = int(blur_px * 4) + 1
        wrapped = np.pad(noise, edge, mode="wrap")
        noise = np.asarray(cv2.GaussianBlur(wrapped, (0, 0), blur_px), np.float32)[edge:-edge, edge:-edge]
    noise = noise - noise.mean()
    return np.ascontiguousarray(noise / max(float(noise.std()), 1e-6), np.float32)


def sample(seed: int, blur_px: float, u: Floats, v: Floats, per_metre: float) -> Floats:
    """Noise at the coordinates (u, v) in metres, `per_metre` tile pixels to the metre."""
    scale = np.float32(per_metre)
    return np.asarray(
        cv2.remap(tile(seed, blur_px), u * scale, v * scale, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), np.float32
    )


def cloud(shape: tuple[int, int], seed: int, cells: float) -> Floats:
    """Smooth noise of a given shape, about `cells` blobs across, mean 0, values about -1..1."""
    rng = np.random.default_rng(seed)
    rows = max(int(np.ceil(cells * shape[0] / max(shape[1], 1))) + 3, 4)
    columns = max(int(np.ceil(cells)) + 3, 4)
    coarse = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)


def varied(colour: tuple[float, float, float], rng: np.random.Generator, spread: float) -> tuple[float, float, float]:
    """A colour (any order) made a little lighter or darker, and a little off its hue."""
    light = 1 + rng.normal(0, spread)
    off: NDArray[np.float64] = rng.normal(0, spread * 0.35, 3)
    a, b, c = (float(np.clip(channel * (light + off[k]), 0, 255)) for k, channel in enumerate(colour))
    return a, b, c
