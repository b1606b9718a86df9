"""What a camera sees before light falls on it: colour, depth, surface direction and own glow of every pixel.

Painted at twice the picture's resolution (the colour is averaged down, which smooths edges), lit afterwards at the
picture's own, so that one painting serves every light.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from belvedere.demo.picture.solid import unit_normal
from belvedere.demo.picture.view import NEAR_M, Floats, View

OVERSAMPLE = 2
Bytes = NDArray[np.uint8]
Points = NDArray[np.float64]
# A paint answers for arrays of (metres along, metres up): colour BGR float 0..255 (h, w, 3), own glow the same or None.
Paint = Callable[[Floats, Floats, float], tuple[NDArray[np.float32], NDArray[np.float32] | None]]


def clip_near(points: Points, view: View) -> Points:
    """The part of a polygon in front of the camera's near plane (Sutherland-Hodgman)."""
    depth = view.to_camera(points)[:, 2] - NEAR_M
    if (depth >= 0).all():
        return points
    kept: list[Points] = []
    for k in range(len(points)):
        a, b, da, db = points[k - 1], points[k], depth[k - 1], depth[k]
        if (da >= 0) != (db >= 0):
            kept.append(a + (b - a) * (da / (da - db)))
        if db >= 0:
            kept.append(b)
    return np.array(kept).reshape(-1, 3)


class Canvas:
    """Colour, glow, depth and direction buffers of one view."""

    def __init__(self, view: View) -> None:
        self.view = view.scaled(OVERSAMPLE)
        wide, high = self.view.width, self.view.height
        self.colour: Bytes = np.zeros((high, wide, 3), np.uint8)
        self.glow: Bytes = np.zeros((high, wide, 3), np.uint8)
        self.depth: Floats = np.full((high, wide), np.inf, np.float32)
        # Index into `directions`; 0 is the sky, which no lamp lights.
        self.surface: Bytes = np.zeros((high, wide), np.uint8)
        self.directions: list[tuple[float, float, float]] = [(0.0, 0.0, 0.0)]
        self._known: dict[tuple[int, int, int], int] = {}

    def direction(self, normal: Points) -> int:
        """The index of a surface direction, rounded so that there are never more than 255 of them."""
        step = 4.0
        key = (round(float(normal[0]) * step), round(float(normal[1]) * step), round(float(normal[2]) * step))
        found = self._known.get(key)
        if found is None:
            if len(self.directions) > 250:
                return 1
            self.directions.append((float(normal[0]), float(normal[1]), float(normal[2])))
            found = self._known[key] = len(self.directions) - 1
        return found

    def polygon(
        self,
        points: Points,
        colour: tuple[float, float, float] | Paint,
        *,
        origin: Points | None = None,
        along: Points | None = None,
        upward: Points | None = None,
        glow: tuple[float, float, float] | None = None,
        both_sides: bool = False,
        towards: Points | None = None,
    ) -> None:
        """Paint a flat polygon of world points, counter-clockwise seen from its front. `colour` is BGR or a paint over
        the coordinates (`along`, `upward`) from `origin`. `towards` overrides the direction used for light."""
        normal = unit_normal(points)
        if not normal.any():
            return
        if float(normal @ (self.view.eye - points[0])) <= 0:
            if not both_sides:
                return
            normal = -normal
        kept = clip_near(points, self.view)
        if len(kept) < 3:
            return
        pixels = self.view.to_pixels(kept)[:, :2]
        box = self._box(pixels)
        if box is None:
            return
        left, top, right, bottom = box
        mask = np.zeros((bottom - top, right - left), np.uint8)
        corners = np.clip((pixels - (left + 0.5, top + 0.5)) * 16, -(2**20), 2**20)
        cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 255, shift=4)
        across, above = self.view.rays(left, top, right, bottom)
        depth = self.view.depth_of_plane(normal, points[0], across, above)
        part = (slice(top, bottom), slice(left, right))
        seen = (mask > 0) & (depth < self.depth[part])
        if not seen.any():
            return
        if callable(colour):
            if origin is None or along is None or upward is None:
                raise ValueError("a paint needs an origin and two axes")
            depth_here = np.where(seen, depth, np.float32(1.0)).astype(np.float32)
            u = self.view.place(depth_here, across, above, along, origin)
            v = self.view.place(depth_here, across, above, upward, origin)
            nearest = float(np.maximum(depth[seen].min(), NEAR_M))
            paint, own = colour(u, v, self.view.focal_px / nearest)
            self.colour[part][seen] = np.clip(paint[seen], 0, 255).astype(np.uint8)
            self.glow[part][seen] = 0 if own is None else np.clip(own[seen], 0, 255).astype(np.uint8)
        else:
            self.colour[part][seen] = colour
            self.glow[part][seen] = glow or (0, 0, 0)
        self.depth[part][seen] = depth[seen]
        self.surface[part][seen] = self.direction(normal if towards is None else towards)

    def sprite(
        self,
        picture: NDArray[np.float32],
        alpha: NDArray[np.float32],
        left: int,
        top: int,
        depth_m: float,
        towards: Points,
    ) -> None:
        """Lay a flat picture (BGR 0..255) standing at one depth over what is farther away."""
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + picture.shape[1], self.view.width), min(top + picture.shape[0], self.view.height)
        if x0 >= x1 or y0 >= y1:
            return
        part = (slice(y0, y1), slice(x0, x1))
        own = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        cover = np.where(self.depth[part] > depth_m, alpha[own], 0.0).astype(np.float32)
        under = self.colour[part].astype(np.float32)
        self.colour[part] = np.clip(under + (picture[own] - under) * cover[..., None], 0, 255).astype(np.uint8)
        solid = cover > 0.5
        self.glow[part][solid] = 0
        self.depth[part][solid] = depth_m
        self.surface[part][solid] = self.direction(towards)

    def _box(self, pixels: Points) -> tuple[int, int, int, int] | None:
        left = max(int(np.floor(pixels[:, 0].min())), 0)
        top = max(int(np.floor(pixels[:, 1].min())), 0)
        right = min(int(np.ceil(pixels[:, 0].max())) + 1, self.view.width)
        bottom = min(int(np.ceil(pixels[:, 1].max())) + 1, self.view.height)
        return (left, top, right, bottom) if right - left > 0 and bottom - top > 0 else None
