"""The twelve cameras of the estate, and the one pinhole model by which everything is projected into their pictures."""

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from belvedere.demo.scene import CameraPlan

if TYPE_CHECKING:
    from belvedere.demo.town.plan import Town

Array = NDArray[np.float64]


def _hd(  # 1280x720
    id: str,
    name: str,
    at: tuple[float, float, float],
    bearing: float,
    tilt: float,
    fov: float,
    reach: float,
    **rest: float,
) -> CameraPlan:
    return _camera(id, name, at, bearing, tilt, fov, reach, (1280, 720), (640, 360), **rest)


def _qhd(  # 960x540
    id: str,
    name: str,
    at: tuple[float, float, float],
    bearing: float,
    tilt: float,
    fov: float,
    reach: float,
    **rest: float,
) -> CameraPlan:
    return _camera(id, name, at, bearing, tilt, fov, reach, (960, 540), (640, 360), **rest)


def _camera(
    id: str,
    name: str,
    at: tuple[float, float, float],
    bearing: float,
    tilt: float,
    fov: float,
    reach: float,
    size: tuple[int, int],
    sub: tuple[int, int],
    fps: float = 10,
    gop: float = 2,
    sub_fps: float = 5,
    clock: float = 0.0,
    noise: float = 2.5,
    infrared: float = 0,
) -> CameraPlan:
    return CameraPlan(
        id=id,
        name=name,
        x=at[0],
        y=at[1],
        height_m=at[2],
        bearing_deg=bearing,
        tilt_deg=tilt,
        fov_deg=fov,
        range_m=reach,
        width=size[0],
        height=size[1],
        fps=int(fps),
        gop_seconds=gop,
        sub_width=sub[0],
        sub_height=sub[1],
        sub_fps=int(sub_fps),
        codec="h264",
        clock_error_s=clock,
        noise=noise,
        infrared=bool(infrared),
    )


CAMERAS: tuple[CameraPlan, ...] = (
    _qhd("north-gate", "North gate", (25.4, 104, 5.0), 354, 9, 58, 45, clock=0.4),
    _qhd("rowan-entrance", "Rowan House entrance", (-57.5, 93.4, 4.4), 261, 11, 58, 35, gop=4, clock=-23.0),
    _qhd("rowan-court", "Rowan court", (-61, 80, 6.0), 243, 13, 56, 55, clock=37.5, noise=3.0),
    _qhd("maple-court", "Maple House, court side", (-134.8, 76, 4.8), 117, 12, 60, 45, clock=-1.2),
    _hd("maple-way-bins", "Maple Way bin store", (-57.5, -44, 5.0), 233, 15, 62, 35, clock=-64.0, infrared=1),
    _qhd("maple-way", "Maple Way garages", (-128, -45.6, 5.0), 101, 10, 52, 55, gop=4, clock=12.0),
    _hd("playground", "Playground", (17, -53, 5.5), 333, 14, 70, 38, fps=15, gop=1, sub_fps=5, clock=5.0),
    _qhd("juniper-entrance", "Juniper House entrance", (25.4, -94.9, 4.4), 270, 12, 58, 32, gop=3, clock=71.5, noise=4.0),
    _hd("car-park-west", "Car park, west", (58.2, -28.6, 7.0), 122, 14, 60, 45, clock=-3.0),
    _camera(
        "car-park-east", "Car park, east", (123.6, -63.6, 7.0), 306, 15, 46, 36, (704, 576), (352, 288),
        gop=1, sub_fps=10, clock=88.0, noise=4.5, infrared=1,
    ),
    _qhd("grove-parade", "Grove Parade shops", (54.4, -126.2, 4.6), 101, 11, 64, 45, gop=2, clock=0.0),
    _qhd("alder-close-gate", "Alder Close gate", (41, -110, 5.0), 150, 12, 56, 35, fps=12, sub_fps=6, clock=-41.0),
)  # fmt: skip


def camera_by_id(id: str) -> CameraPlan:
    """The camera called `id`. Raises KeyError."""
    for camera in CAMERAS:
        if camera.id == id:
            return camera
    raise KeyError(id)


def focal_px(camera: CameraPlan) -> float:
    """Focal length in pixels of the main stream. Pixels are square; the principal point is the picture's middle."""
    return camera.width / 2 / math.tan(math.radians(camera.fov_deg) / 2)


@lru_cache(maxsize=64)
def _axes(bearing_deg: float, tilt_deg: float) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    b, t = math.radians(bearing_deg), math.radians(tilt_deg)
    right = (math.cos(b), -math.sin(b), 0.0)
    up = (math.sin(t) * math.sin(b), math.sin(t) * math.cos(b), math.cos(t))
    forward = (math.cos(t) * math.sin(b), math.cos(t) * math.cos(b), -math.sin(t))
    return right, up, forward


def axes(camera: CameraPlan) -> Array:
    """The camera's right, up and forward unit vectors as rows of a 3x3 matrix, in world axes (x east, y north, z up)."""
    return np.array(_axes(camera.bearing_deg, camera.tilt_deg))


def project(camera: CameraPlan, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> tuple[Array, Array, Array]:
    """Pixel column, pixel row (main stream, from the top left corner) and depth in metres of world points.

    Arrays of any one shape, or numbers. Depth is along the optical axis; where it is not above 0 the point lies behind
    the camera and its pixel means nothing. For the sub stream multiply by sub_width / width.
    """
    right, up, forward = _axes(camera.bearing_deg, camera.tilt_deg)
    dx = np.asarray(x, dtype=np.float64) - camera.x
    dy = np.asarray(y, dtype=np.float64) - camera.y
    dz = np.asarray(z, dtype=np.float64) - camera.height_m
    depth = dx * forward[0] + dy * forward[1] + dz * forward[2]
    safe = np.where(np.abs(depth) < 1e-9, 1e-9, depth)
    f = focal_px(camera)
    px = camera.width / 2 + f * (dx * right[0] + dy * right[1]) / safe
    py = camera.height / 2 - f * (dx * up[0] + dy * up[1] + dz * up[2]) / safe
    return px, py, depth


def ground_at(camera: CameraPlan, px: ArrayLike, py: ArrayLike) -> tuple[Array, Array]:
    """The inverse of `project` on the ground (z = 0): world x and y, NaN at and above the horizon."""
    right, up, forward = axes(camera)
    f = focal_px(camera)
    a = (np.asarray(px, dtype=np.float64) - camera.width / 2) / f
    b = (camera.height / 2 - np.asarray(py, dtype=np.float64)) / f
    fall = -(forward[2] + a * right[2] + b * up[2])
    reach = np.where(fall > 1e-6, camera.height_m / np.maximum(fall, 1e-6), np.nan)
    x = camera.x + reach * (forward[0] + a * right[0] + b * up[0])
    y = camera.y + reach * (forward[1] + a * right[1] + b * up[1])
    return x, y


def clear_sight(camera: CameraPlan, x: ArrayLike, y: ArrayLike, z: ArrayLike, town: "Town") -> NDArray[np.bool_]:
    """Whether no building stands between the camera and each world point. Frame and range are not asked."""
    px = np.atleast_1d(np.asarray(x, dtype=np.float64))[:, None]
    py = np.atleast_1d(np.asarray(y, dtype=np.float64))[:, None]
    pz = np.atleast_1d(np.asarray(z, dtype=np.float64))[:, None]
    x0, y0, x1, y1, height = _walls_near(camera, town).T
    dx, dy = px - camera.x, py - camera.y
    ex, ey = x1 - x0, y1 - y0
    cross = dx * ey - dy * ex
    safe = np.where(np.abs(cross) < 1e-12, np.inf, cross)
    wx, wy = x0 - camera.x, y0 - camera.y
    along = (wx * ey - wy * ex) / safe  # of the sight line, 0 at the camera and 1 at the point
    across = (wx * dy - wy * dx) / safe  # of the wall
    at = camera.height_m + along * (pz - camera.height_m)
    hit = (along > 1e-6) & (along < 1 - 1e-6) & (across >= 0) & (across <= 1) & (at < height)
    clear: NDArray[np.bool_] = ~hit.any(axis=1)
    return clear


@lru_cache(maxsize=64)
def _walls_near(camera: CameraPlan, town: "Town") -> Array:
    """The walls within 160 m: nothing further can hide what a person could make out."""
    walls = town.walls
    away = np.hypot((walls[:, 0] + walls[:, 2]) / 2 - camera.x, (walls[:, 1] + walls[:, 3]) / 2 - camera.y)
    return walls[away < 160]


def in_frame(camera: CameraPlan, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> NDArray[np.bool_]:
    """Whether each world point falls inside the picture."""
    px, py, depth = project(camera, x, y, z)
    return (depth > 0.5) & (px >= 0) & (px < camera.width) & (py >= 0) & (py < camera.height)


def visible(camera: CameraPlan, x: ArrayLike, y: ArrayLike, z: ArrayLike, town: "Town") -> NDArray[np.bool_]:
    """Whether each world point falls inside the picture with no building in the way. One flag a point."""
    seen = np.atleast_1d(in_frame(camera, x, y, z))
    if seen.any():
        xs, ys, zs = (np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in np.broadcast_arrays(x, y, z))
        seen[seen] = clear_sight(camera, xs[seen], ys[seen], zs[seen], town)
    return seen


def view_outline(camera: CameraPlan, town: "Town", rays: int = 48) -> tuple[tuple[float, float], ...]:
    """The ground that the camera covers, buildings taken off: a ring of (x, y) starting at the camera, not closed."""
    x0, y0, x1, y1, height = _walls_near(camera, town).T
    tall = height > camera.height_m - 1.5  # a lower wall hides only a strip behind it
    ring = [(camera.x, camera.y)]
    for k in range(rays + 1):
        bearing = math.radians(camera.bearing_deg + camera.fov_deg * (k / rays - 0.5))
        dx, dy = math.sin(bearing) * camera.range_m, math.cos(bearing) * camera.range_m
        ex, ey = x1 - x0, y1 - y0
        cross = dx * ey - dy * ex
        safe = np.where(np.abs(cross) < 1e-12, np.inf, cross)
        wx, wy = x0 - camera.x, y0 - camera.y
        along, across = (wx * ey - wy * ex) / safe, (wx * dy - wy * dx) / safe
        hits = along[tall & (along > 1e-6) & (across >= 0) & (across <= 1)]
        reach = min(1.0, float(hits.min())) if hits.size else 1.0
        ring.append((round(camera.x + dx * reach, 2), round(camera.y + dy * reach, 2)))
    return tuple(ring)
