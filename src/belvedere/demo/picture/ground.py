"""The ground a camera sees: surfaces, lines and kerbs from the town's plan, grain and wear from seeded noise."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from belvedere.demo.picture import grain
from belvedere.demo.picture.canvas import OVERSAMPLE, Bytes, Canvas
from belvedere.demo.picture.view import Floats
from belvedere.demo.scene import Ground
from belvedere.demo.town import Town

Point = tuple[float, float]
PER_METRE = 14.0
LARGEST = 2600  # pixels of the plan, each way
FURTHEST_M = 600.0

# BGR as daylight would show it, and the class of grain.
ASPHALT, GRASS, SLABS, CONCRETE, RUBBER, WATER = range(6)
SURFACES: dict[str, tuple[tuple[int, int, int], int]] = {
    "road": ((104, 101, 98), ASPHALT),
    "car_park": ((112, 110, 107), ASPHALT),
    "pavement": ((142, 146, 150), SLABS),
    "path": ((118, 122, 126), ASPHALT),
    "grass": ((58, 104, 88), GRASS),
    "garden": ((62, 98, 84), GRASS),
    "playground": ((86, 84, 128), RUBBER),
    "court": ((122, 118, 114), ASPHALT),
    "bin_store": ((136, 140, 142), CONCRETE),
    "school": ((96, 94, 92), ASPHALT),
    "water": ((70, 66, 56), WATER),
}
_OTHER = ((100, 104, 106), CONCRETE)


class GroundPlan:
    """The ground from above, around what one camera sees."""

    def __init__(self, town: Town, centre: Point, half_m: float) -> None:
        self.west, self.south = centre[0] - half_m, centre[1] - half_m
        self.per_metre = min(PER_METRE, LARGEST / (2 * half_m))
        size = int(2 * half_m * self.per_metre)
        self.colour: Bytes = np.full((size, size, 3), (66, 100, 92), np.uint8)
        self.kind: Bytes = np.full((size, size), GRASS, np.uint8)
        self._town = town
        for ground in town.grounds:
            self._lay(ground)
        self._bays()
        self._ironwork()
        self.shade: NDArray[np.uint8] = self._contact()

    def at(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Plan pixel coordinates of world metres."""
        return (x - np.float32(self.west)) * np.float32(self.per_metre) - 0.5, (
            y - np.float32(self.south)
        ) * np.float32(self.per_metre) - 0.5

    def _pixels(self, ring: tuple[Point, ...]) -> NDArray[np.int32]:
        points = (np.array(ring) - (self.west, self.south)) * self.per_metre * 16
        return np.round(np.clip(points, -(2**24), 2**24)).astype(np.int32)

    def _lay(self, ground: Ground) -> None:
        ring = np.array(ground.outline)
        reach = len(self.colour) / self.per_metre
        low, high = ring.min(0) - (self.west, self.south), ring.max(0) - (self.west, self.south)
        if (high < 0).any() or (low > reach).any():
            return
        colour, kind = SURFACES.get(ground.kind, _OTHER)
        points = self._pixels(ground.outline)
        cv2.fillPoly(self.colour, [points], colour, lineType=cv2.LINE_AA, shift=4)
        cv2.fillPoly(self.kind, [points], kind, shift=4)
        wide = max(round(0.16 * self.per_metre), 1)
        if ground.kind in ("road", "car_park"):
            cv2.polylines(self.colour, [points], True, (150, 152, 154), wide, cv2.LINE_AA, 4)  # kerb
        if ground.kind == "road":
            self._inner_lines(points, 0.38, (60, 170, 196))
            self._inner_lines(points, 0.62, (60, 170, 196))
        elif ground.kind == "path":
            cv2.polylines(self.colour, [points], True, (96, 102, 106), wide, cv2.LINE_AA, 4)
        elif ground.kind in ("court",):
            self._inner_lines(points, 1.0, (200, 204, 204), 0.08)
        elif ground.kind == "playground":
            centre = points.mean(0).astype(np.int32)
            for k, spot in enumerate(((96, 140, 84), (150, 120, 70), (70, 150, 180))):
                at = (centre + np.array([(k - 1) * 110, (k % 2) * 60]) * self.per_metre).astype(np.int32)
                cv2.circle(self.colour, (int(at[0]), int(at[1])), int(48 * self.per_metre), spot, -1, cv2.LINE_AA, 4)

    def _inner_lines(
        self, ring: NDArray[np.int32], inset_m: float, colour: tuple[int, int, int], wide_m: float = 0.09
    ) -> None:
        """A line that runs inside a ring at a distance, as yellow lines do along a kerb."""
        size = len(self.kind)
        low = np.clip(ring.min(0) // 16 - 2, 0, size)
        high = np.clip(ring.max(0) // 16 + 3, 0, size)
        wide, tall = (int(v) for v in high - low)
        if wide <= 0 or tall <= 0:
            return
        mask = np.zeros((tall, wide), np.uint8)
        cv2.fillPoly(mask, [ring - low.astype(np.int32) * 16], 255, shift=4)
        away = cv2.distanceTransform(mask, cv2.DIST_L2, 3) * np.float32(1 / self.per_metre)
        half = max(wide_m, 1 / self.per_metre)
        rows, columns = np.nonzero(np.abs(away - inset_m) < half)
        on = ((1 - np.abs(away[rows, columns] - inset_m) / half) * 0.75)[:, None]
        rows, columns = rows + int(low[1]), columns + int(low[0])
        under = self.colour[rows, columns].astype(np.float32)
        self.colour[rows, columns] = (under + (np.array(colour, np.float32) - under) * on).astype(np.uint8)

    def _bays(self) -> None:
        wide = max(round(0.1 * self.per_metre), 1)
        for bay in self._town.bays:
            ahead = np.array([np.cos(bay.heading_rad), np.sin(bay.heading_rad)])
            side = np.array([-ahead[1], ahead[0]])
            middle = np.array([bay.x, bay.y])
            for s in (-1.25, 1.25):
                line = self._pixels(tuple(map(tuple, (middle + side * s + ahead * e for e in (-2.4, 2.4)))))
                cv2.line(self.colour, line[0], line[1], (196, 198, 198), wide, cv2.LINE_AA, 4)

    def _ironwork(self) -> None:
        """Manhole covers, mended trenches and oil stains on hard ground."""
        rng = np.random.default_rng(self._town.seed)
        hard = np.isin(self.kind, (ASPHALT, SLABS))
        for _ in range(900):
            x, y = rng.uniform(-180, 180, 2)
            size, turn, what = float(rng.uniform(0.3, 0.5)), rng.uniform(0, math.pi), int(rng.integers(0, 5))
            long = float(rng.uniform(1.5, 6.0))
            px, py = (np.array([x, y]) - (self.west, self.south)) * self.per_metre
            if not (0 <= px < len(hard) and 0 <= py < len(hard)) or not hard[int(py), int(px)]:
                continue
            if what == 0:
                ring = [(x - size, y - size), (x + size, y - size), (x + size, y + size), (x - size, y + size)]
                cv2.fillPoly(self.colour, [self._pixels(tuple(ring))], (66, 68, 72), cv2.LINE_AA, 4)
                cv2.polylines(self.colour, [self._pixels(tuple(ring))], True, (122, 124, 126), 1, cv2.LINE_AA, 4)
            elif what == 1 and self.kind[int(py), int(px)] == ASPHALT:
                a, b = (
                    np.array([math.cos(turn), math.sin(turn)]) * long,
                    np.array([-math.sin(turn), math.cos(turn)]) * size,
                )
                ring = [(float(x + p[0]), float(y + p[1])) for p in (-a - b, a - b, a + b, -a + b)]
                self._blend(ring, (66, 65, 64), 0.34)
            elif what > 1:
                ring = [
                    (x + size * k * math.cos(t), y + size * math.sin(t))
                    for t in np.linspace(0, 2 * math.pi, 12)
                    for k in (1.0 + 0.3 * math.sin(3 * t),)
                ]
                self._blend(ring, (44, 44, 46), 0.4)

    def _blend(self, ring: list[Point], colour: tuple[int, int, int], share: float) -> None:
        points = self._pixels(tuple(ring))
        low = np.clip(points.min(0) // 16 - 1, 0, len(self.kind) - 1)
        high = np.clip(points.max(0) // 16 + 2, 1, len(self.kind))
        part = self.colour[low[1] : high[1], low[0] : high[0]]
        over = part.copy()
        cv2.fillPoly(over, [points - low.astype(np.int32) * 16], colour, cv2.LINE_AA, 4)
        part[:] = cv2.addWeighted(over, share, part, 1 - share, 0)

    def _contact(self) -> NDArray[np.uint8]:
        """How much open sky reaches the ground, 255 in the open: darker close to walls."""
        built = np.zeros(self.kind.shape, np.uint8)
        for building in self._town.buildings:
            cv2.fillPoly(built, [self._pixels(building.footprint)], 255, shift=4)
        away = cv2.distanceTransform(255 - built, cv2.DIST_L2, 3) / self.per_metre
        return np.asarray(255 * (1 - 0.42 * np.exp(-away / 0.7) - 0.22 * np.exp(-away / 5.0)), np.uint8)


def paint(canvas: Canvas, town: Town, plan: GroundPlan) -> None:
    """Lay the ground under everything else; the canvas must be empty. Grain is reckoned at the picture's resolution."""
    view = canvas.view
    across, above = view.rays(0, 0, view.width, view.height)
    level = np.array([0.0, 0.0, 1.0])
    depth = view.depth_of_plane(level, np.zeros(3), across, above)
    rows = np.flatnonzero((depth < FURTHEST_M).any(axis=1))
    if not len(rows):
        return
    top = int(rows[0]) // OVERSAMPLE * OVERSAMPLE
    depth, above = depth[top:], above[top:]
    seen = depth < FURTHEST_M
    near = np.minimum(depth, np.float32(FURTHEST_M))
    x = view.place(near, across, above, np.array([1.0, 0, 0]), np.zeros(3))
    y = view.place(near, across, above, np.array([0, 1.0, 0]), np.zeros(3))
    u, v = plan.at(x, y)
    colour = cv2.remap(plan.colour, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    step = slice(OVERSAMPLE // 2, None, OVERSAMPLE)
    few = tuple(np.ascontiguousarray(a[step, step]) for a in (x, y, near, u, v))
    replicate = cv2.BORDER_REPLICATE
    kind = np.asarray(cv2.remap(plan.kind, few[3], few[4], cv2.INTER_NEAREST, borderMode=replicate), np.uint8)
    shade = cv2.remap(plan.shade, few[3], few[4], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=255)
    tone = _tone(kind, few[0], few[1], few[2]) * (shade.astype(np.float32) / 255.0)
    dry = np.where(kind == GRASS, np.clip(grain.sample(11, 6.0, few[0], few[1], 5.0), -1.5, 2), 0)
    factor = np.stack([tone * (1 - 0.05 * dry), tone, tone * (1 + 0.10 * dry)], axis=2).astype(np.float32)
    whole = cv2.resize(factor, (colour.shape[1], colour.shape[0]), interpolation=cv2.INTER_LINEAR)
    toned = cv2.multiply(colour, whole, dtype=cv2.CV_8U)
    cv2.copyTo(toned, seen.view(np.uint8), canvas.colour[top:])
    canvas.depth[top:] = np.where(seen, depth, np.float32(np.inf))
    canvas.surface[top:] = seen * np.uint8(canvas.direction(level))


def _tone(kind: Bytes, x: Floats, y: Floats, depth: Floats) -> Floats:
    """Relative brightness of each pixel from grain, slabs and wear; fine grain fades with distance."""
    close = np.clip(14.0 / depth, 0, 1)
    fine = grain.sample(1, 0.7, x, y, 46.0) * close
    middle = grain.sample(2, 2.0, x, y, 9.0)
    broad = grain.sample(3, 5.0, x, y, 2.3)
    weights: NDArray[np.float32] = np.array(
        # fine, middle, broad of each class
        [
            [0.060, 0.030, 0.055],
            [0.110, 0.075, 0.060],
            [0.035, 0.030, 0.040],
            [0.04, 0.045, 0.06],
            [0.05, 0.02, 0.04],
            [0.01, 0.03, 0.03],
        ],
        np.float32,
    )
    mine = weights[kind]
    tone = 1 + mine[..., 0] * fine + mine[..., 1] * middle + mine[..., 2] * broad
    slabs = kind == SLABS
    if slabs.any():
        joint = np.maximum(_joint(x, 0.6, depth), _joint(y + 0.3 * np.floor(x / 0.6), 0.9, depth))
        each = grain.sample(5, 0.0, np.floor(x / 0.6), np.floor(y / 0.9), 1.0)
        tone = np.where(slabs, tone - 0.17 * joint + 0.035 * each * np.clip(20 / depth, 0, 1), tone)
    patches = np.clip(grain.sample(7, 9.0, x, y, 3.1) - 1.35, 0, 0.35) / 0.35
    tone -= np.where(kind == ASPHALT, 0.11 * patches, 0)
    cracks = np.exp(-np.abs(grain.sample(8, 7.0, x, y, 6.0)) / 0.025) * np.clip(25 / depth, 0, 1)
    tone -= np.where(kind == ASPHALT, 0.12 * cracks, 0)
    return np.asarray(tone, np.float32)


def _joint(t: Floats, pitch_m: float, depth: Floats) -> Floats:
    """1 on the joints between slabs, softened to nothing where a slab is smaller than a few pixels."""
    away = np.abs(np.mod(t, pitch_m) - pitch_m / 2)
    return np.asarray(np.clip((away - pitch_m / 2 + 0.02) / 0.012, 0, 1) * np.clip(16 / depth, 0, 1), np.float32)
