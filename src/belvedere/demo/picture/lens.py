"""From light to video levels: softness, the camera's own sharpening, vignette, sensor noise, I420 planes."""

import cv2
import numpy as np
from numpy.typing import NDArray

from belvedere.demo.picture import grain
from belvedere.demo.picture.canvas import Bytes


def develop(picture: NDArray[np.float32], infrared: bool) -> Bytes:
    """What a cheap lens and an eager image processor make of a scene. BGR (h, w, 3) in and out."""
    high, wide = picture.shape[:2]
    soft = cv2.GaussianBlur(np.clip(picture, 0, 300), (0, 0), 0.65 if not infrared else 0.85)
    sharp = soft + 0.55 * (soft - cv2.GaussianBlur(soft, (0, 0), 1.6))
    x = (np.arange(wide, dtype=np.float32) / wide - 0.5)[None, :]
    y = (np.arange(high, dtype=np.float32) / high - 0.5)[:, None] * (high / wide)
    vignette = 1 - 0.62 * (x * x + y * y)
    tinted = sharp * vignette[..., None]
    if not infrared:  # small sensors lose colour
        grey = tinted.mean(axis=2, keepdims=True)
        tinted = grey + (tinted - grey) * 0.86
    return np.asarray(np.clip(tinted, 0, 255), np.uint8)


def sensor_noise(high: int, wide: int, deviation: float, seed: int) -> NDArray[np.int16]:
    """Luma noise after the camera's own smoothing, in 8-bit steps."""
    fine, coarse = grain.tile(40 + seed, 0.6), grain.tile(60 + seed, 1.5)
    times = (high // grain.TILE + 1, wide // grain.TILE + 1)
    noise = np.tile(0.8 * fine + 0.6 * coarse, times)[:high, :wide] * deviation
    return np.ascontiguousarray(np.round(noise), np.int16)


def planes(picture: Bytes, noise: NDArray[np.int16]) -> Bytes:
    """A BGR picture of even size to I420 (BT.601, limited range), noise added to the luma."""
    made = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
    high = picture.shape[0]
    cv2.add(made[:high], noise, dst=made[:high], dtype=cv2.CV_8U)
    return np.asarray(made, np.uint8)
