"""The pinhole camera of one plan: world metres to pixels and back, for arrays.

The same model as `cameras.project`: no lens distortion, so that image truth and picture agree to the pixel.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from belvedere.demo.scene import CameraPlan

Floats = NDArray[np.float32]
NEAR_M = 0.4


@dataclass(frozen=True, slots=True)
class View:
    """A camera's geometry at one resolution. `forward`, `right` and `up` are unit vectors in the world."""

    width: int
    height: int
    focal_px: float
    eye: NDArray[np.float64]
    forward: NDArray[np.float64]
    right: NDArray[np.float64]
    up: NDArray[np.float64]

    @classmethod
    def of(cls, plan: CameraPlan, width: int | None = None, height: int | None = None) -> "View":
        """The view of `plan`, at its own resolution or another one of the same shape."""
        bearing, tilt = math.radians(plan.bearing_deg), math.radians(plan.tilt_deg)
        forward = np.array(
            [math.sin(bearing) * math.cos(tilt), math.cos(bearing) * math.cos(tilt), -math.sin(tilt)],
        )
        right = np.array([math.cos(bearing), -math.sin(bearing), 0.0])
        wide = width or plan.width
        return cls(
            width=wide,
            height=height or plan.height,
            focal_px=wide / 2 / math.tan(math.radians(plan.fov_deg) / 2),
            eye=np.array([plan.x, plan.y, plan.height_m]),
            forward=forward,
            right=right,
            up=np.cross(right, forward),
        )

    def scaled(self, factor: int) -> "View":
        """The same view with `factor` times as many pixels each way."""
        return View(
            self.width * factor,
            self.height * factor,
            self.focal_px * factor,
            self.eye,
            self.forward,
            self.right,
            self.up,
        )

    def to_camera(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 3) world points to (n, 3) camera axes: right, up, depth, in metres."""
        return np.asarray((points - self.eye) @ np.array((self.right, self.up, self.forward)).T)

    def to_pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 3) world points to (n, 3): pixel x, pixel y (down) and depth in metres. Depth is kept at least `NEAR_M`."""
        made = self.to_camera(points)
        scale = self.focal_px / np.maximum(made[:, 2], NEAR_M)
        made[:, 0] = self.width / 2 + made[:, 0] * scale
        made[:, 1] = self.height / 2 - made[:, 1] * scale
        return made

    def rays(self, left: int, top: int, right: int, bottom: int) -> tuple[Floats, Floats]:
        """Slopes of the rays through the pixel centres of a rectangle: columns (1, w) to the right, rows (h, 1) upwards."""
        across = (np.arange(left, right, dtype=np.float32) + 0.5 - self.width / 2) / self.focal_px
        above = (self.height / 2 - np.arange(top, bottom, dtype=np.float32) - 0.5) / self.focal_px
        return across[None, :].astype(np.float32), above[:, None].astype(np.float32)

    def depth_of_plane(
        self, normal: NDArray[np.float64], point: NDArray[np.float64], across: Floats, above: Floats
    ) -> Floats:
        """Depth (along `forward`) at which each ray meets a plane; infinite where it does not."""
        distance = float(normal @ (point - self.eye))
        slope = float(normal @ self.forward) + float(normal @ self.right) * across + float(normal @ self.up) * above
        with np.errstate(divide="ignore", invalid="ignore"):
            depth = np.float32(distance) / slope
        return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(np.inf)).astype(np.float32)

    def place(
        self, depth: Floats, across: Floats, above: Floats, axis: NDArray[np.float64], origin: NDArray[np.float64]
    ) -> Floats:
        """The coordinate along `axis`, from `origin`, of the points that the rays reach at `depth`."""
        slope = float(axis @ self.forward) + float(axis @ self.right) * across + float(axis @ self.up) * above
        return (depth * slope + np.float32(float(axis @ (self.eye - origin)))).astype(np.float32)
