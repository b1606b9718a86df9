"""What a camera writes into its own picture: its name, and the date and time of its own clock."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
_FACE = cv2.FONT_HERSHEY_SIMPLEX


@lru_cache(maxsize=512)
def _glyph(letter: str, height: int) -> tuple[Bytes, Bytes]:
    """Ink (0..255) and outline of one letter in its cell; digits share one width so that a running clock stands still."""
    scale = 8
    tall = height * scale
    size = tall / 30.0
    thick = max(round(tall / 11), 1)
    (wide, _), _ = cv2.getTextSize(letter, _FACE, size, thick)
    if letter.isdigit():
        wide = max(cv2.getTextSize(d, _FACE, size, thick)[0][0] for d in "0123456789")
    elif letter == " ":
        wide = tall // 3
    cell = max(round((wide + tall * 0.10) / scale), 2)
    ink, edge = (np.zeros((round(tall * 1.5), cell * scale), np.uint8) for _ in range(2))
    at = (round(tall * 0.05), round(tall * 1.08))
    cv2.putText(edge, letter, at, _FACE, size, 255, thick + round(scale * 2.4), cv2.LINE_AA)
    cv2.putText(ink, letter, at, _FACE, size, 255, thick, cv2.LINE_AA)
    out = (cell, round(height * 1.5))
    small = (np.asarray(cv2.resize(layer, out, interpolation=cv2.INTER_AREA), np.uint8) for layer in (ink, edge))
    return next(small), next(small)


@lru_cache(maxsize=256)
def line(text: str, height: int) -> tuple[Bytes, Bytes]:
    """Ink and outline of a line of text, `height` pixels for a capital."""
    glyphs = [_glyph(letter, height) for letter in text] or [_glyph(" ", height)]
    return np.hstack([g[0] for g in glyphs]), np.hstack([g[1] for g in glyphs])


def write(planes: Bytes, width: int, height: int, text: str, at: tuple[int, int], letter: int) -> None:
    """Write white letters with a black outline into an I420 picture (shape (height * 3 / 2, width)). `at` is the upper left
    corner, or the upper right one where x is negative (counted from the right edge)."""
    ink, edge = line(text, letter)
    x, y = (at[0] if at[0] >= 0 else width + at[0] - ink.shape[1]), at[1]
    x, y = max(x & ~1, 0), max(y & ~1, 0)
    high, wide = min(ink.shape[0], height - y), min(ink.shape[1], width - x)
    if high <= 0 or wide <= 0:
        return
    ink, edge = ink[:high, :wide], edge[:high, :wide]
    part = planes[y : y + high, x : x + wide]
    white = ink.astype(np.uint16)
    # Black first where the outline lies, then white; 16..235 is the range of video levels.
    dark = (part.astype(np.uint16) * (255 - edge) + 18 * edge.astype(np.uint16)) // 255
    part[:] = ((dark * (255 - white) + 226 * white) // 255).astype(np.uint8)
    _neutral(planes, width, height, (x, y, wide, high), edge)


def _neutral(planes: Bytes, width: int, height: int, box: tuple[int, int, int, int], edge: Bytes) -> None:
    x, y, wide, high = (v // 2 for v in box)
    cover = cv2.resize(edge, (wide, high), interpolation=cv2.INTER_AREA).astype(np.uint16)
    for chroma in chroma_planes(planes, width, height):
        part = chroma[y : y + high, x : x + wide]
        part[:] = ((part.astype(np.uint16) * (255 - cover) + 128 * cover) // 255).astype(np.uint8)


def chroma_planes(planes: Bytes, width: int, height: int) -> tuple[Bytes, Bytes]:
    """Views of the U and V planes of an I420 picture, each (height / 2, width / 2)."""
    flat = planes.reshape(-1)
    size = width * height
    quarter = size // 4
    return (
        flat[size : size + quarter].reshape(height // 2, width // 2),
        flat[size + quarter : size + 2 * quarter].reshape(height // 2, width // 2),
    )
