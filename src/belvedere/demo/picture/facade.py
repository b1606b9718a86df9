"""Walls: brick, floors, windows (some lit), doors, stair cores, shop fronts, slatted stores, each painted from a seed."""

from dataclasses import dataclass

import cv2
import numpy as np

from belvedere.demo.picture import grain
from belvedere.demo.picture.canvas import Bytes, Paint
from belvedere.demo.picture.view import Floats
from belvedere.demo.scene import Building

Colour = tuple[float, float, float]
BAY_M = 3.3
COURSE_M, BRICK_M = 0.075, 0.225
MOST_PIXELS = 2_400_000  # of one wall's texture
STAIR_M = 3.3  # width of a stair core
WARM: tuple[Colour, ...] = ((96, 178, 250), (120, 200, 255), (150, 214, 250), (200, 225, 240), (80, 150, 235))  # BGR
DOORS: tuple[Colour, ...] = ((110, 60, 30), (40, 40, 120), (60, 80, 40), (70, 70, 75), (130, 90, 50))


@dataclass(frozen=True, slots=True)
class Wall:
    """One wall of a building. `seed` makes it the same in every camera."""

    building: Building
    length_m: float
    seed: int
    # Where the town's doors stand on it, in metres from its left end.
    doors_m: tuple[float, ...] = ()

    @property
    def storey_m(self) -> float:
        return self.building.height_m / max(self.building.floors, 1)

    @property
    def bays(self) -> int:
        return max(int(self.length_m / BAY_M), 1)

    def by_a_door(self, left_m: float, right_m: float) -> bool:
        """Whether a stretch of the wall runs into the stair core behind one of the town's doors."""
        return any(left_m < door + STAIR_M / 2 and right_m > door - STAIR_M / 2 for door in self.doors_m)


class _Sheet:
    """A texture under the brush: metres from the lower left corner of the wall."""

    def __init__(self, wall: Wall, per_metre: float) -> None:
        self.per_metre = per_metre
        self.high = max(round(wall.building.height_m * per_metre), 4)
        self.wide = max(round(wall.length_m * per_metre), 4)
        self.colour: Bytes = np.zeros((self.high, self.wide, 3), np.uint8)
        self.glow: Bytes = np.zeros((self.high, self.wide, 3), np.uint8)

    def rect(self, x: float, z: float, w: float, h: float, colour: Colour, glow: Colour | None = None) -> None:
        """Fill a rectangle given its lower left corner and size in metres; any glow below is wiped."""
        a = (round(x * self.per_metre), round(self.high - (z + h) * self.per_metre))
        b = (round((x + w) * self.per_metre) - 1, round(self.high - z * self.per_metre) - 1)
        if b[0] < a[0] or b[1] < a[1]:
            return
        cv2.rectangle(self.colour, a, b, colour, -1)
        cv2.rectangle(self.glow, a, b, glow or (0, 0, 0), -1)

    def shade(self, x: float, z: float, w: float, h: float, factor: float) -> None:
        """Darken or lighten a rectangle."""
        x0, x1 = (max(round(v * self.per_metre), 0) for v in (x, x + w))
        y0, y1 = (max(round(self.high - v * self.per_metre), 0) for v in (z + h, z))
        part = self.colour[y0:y1, x0:x1]
        self.colour[y0:y1, x0:x1] = np.clip(part.astype(np.float32) * factor, 0, 255).astype(np.uint8)


def paint(wall: Wall, per_metre: float) -> Paint:
    """A paint for the wall, `per_metre` pixels to the metre where the camera is nearest to it. Nothing is painted before any of
    it is seen."""

    def at(u: Floats, v: Floats, _per_metre: float) -> tuple[Floats, Floats | None]:
        sheet = _sheet(wall, per_metre)
        x, y = u * np.float32(sheet.per_metre) - 0.5, np.float32(sheet.high) - v * np.float32(sheet.per_metre) - 0.5
        border = cv2.BORDER_REPLICATE
        colour = cv2.remap(sheet.colour, x, y, cv2.INTER_LINEAR, borderMode=border).astype(np.float32)
        if not sheet.glow.any():
            return colour, None
        return colour, cv2.remap(sheet.glow, x, y, cv2.INTER_LINEAR, borderMode=border).astype(np.float32)

    return at


def _sheet(wall: Wall, per_metre: float) -> _Sheet:
    most = (MOST_PIXELS / (wall.length_m * wall.building.height_m)) ** 0.5
    sheet = _Sheet(wall, float(np.clip(per_metre, 5.0, max(min(most, 60.0), 5.0))))
    rng = np.random.default_rng(wall.seed)
    _brick(sheet, wall, rng)
    {"shop": _shop, "bin_store": _store, "garage": _garages, "hall": _hall}.get(wall.building.kind, _flats)(
        sheet, wall, rng
    )
    _weather(sheet, wall)
    return sheet


def _brick(sheet: _Sheet, wall: Wall, rng: np.random.Generator) -> None:
    """Stretcher bond: each brick its own tone, with mortar where a joint is wider than a pixel."""
    base = np.array(wall.building.colour[::-1], np.float32)
    rows, columns = max(int(wall.building.height_m / COURSE_M), 2), max(int(wall.length_m / BRICK_M), 2)
    tone = rng.normal(1.0, 0.075, (rows, columns, 1)) + rng.normal(0, 0.022, (rows, columns, 3))
    tone[rng.random((rows, columns)) < 0.03] *= 0.8
    bricks = np.clip(base * tone, 0, 255).astype(np.uint8)
    if sheet.per_metre < 26:
        sheet.colour = np.asarray(cv2.resize(bricks, (sheet.wide, sheet.high), interpolation=cv2.INTER_AREA), np.uint8)
        return
    up = (np.arange(sheet.high, dtype=np.float32)[:, None] + 0.5) / (sheet.per_metre * COURSE_M)
    row = up.astype(np.int32)
    across = (np.arange(sheet.wide, dtype=np.float32)[None, :] + 0.5) / (sheet.per_metre * BRICK_M) + 0.5 * (row % 2)
    column = across.astype(np.int32)
    sheet.colour = np.ascontiguousarray(bricks[row % rows, column % columns])
    joint = ((up - row) * COURSE_M < 0.012) | ((across - column) * BRICK_M < 0.012)
    sheet.colour[joint] = np.clip(base * 0.55 + 84, 0, 255).astype(np.uint8)


def _weather(sheet: _Sheet, wall: Wall) -> None:
    shape = (sheet.high, sheet.wide)
    stain = (
        1
        + 0.06 * grain.cloud(shape, wall.seed + 1, wall.length_m / 6)
        + 0.03 * grain.cloud(shape, wall.seed + 2, wall.length_m)
    )
    rise = np.linspace(wall.building.height_m, 0, sheet.high, dtype=np.float32)[:, None]
    stain -= 0.16 * np.exp(-rise / 0.35) + 0.05 * np.exp((rise - wall.building.height_m) / 0.5)
    streak = grain.cloud((1, sheet.wide), wall.seed + 3, wall.length_m * 2.2)
    stain -= 0.05 * np.clip(streak, 0, 1) * np.linspace(1, 0.3, sheet.high, dtype=np.float32)[:, None]
    sheet.colour = np.clip(sheet.colour.astype(np.float32) * stain[..., None], 0, 255).astype(np.uint8)


def _window(sheet: _Sheet, x: float, z: float, w: float, h: float, rng: np.random.Generator, lit: float) -> None:
    on = rng.random() < lit
    sheet.shade(x - 0.06, z - 0.16, w + 0.12, h + 0.2, 0.72)
    sheet.rect(x - 0.1, z - 0.12, w + 0.2, 0.1, (176, 180, 180))  # sill
    sheet.rect(x, z, w, h, (214, 218, 218))  # frame
    glass: Colour = (62, 54, 46) if rng.random() < 0.6 else (96, 84, 70)
    lamp = WARM[rng.integers(len(WARM))]
    strength = rng.uniform(0.35, 0.95)
    panes = 3 if w > 1.5 else 2
    step = (w - 0.07) / panes
    curtain = rng.random()
    for k in range(panes):
        px = x + 0.07 + k * step
        glow = (lamp[0] * strength, lamp[1] * strength, lamp[2] * strength) if on else None
        sheet.rect(px, z + 0.07, step - 0.07, h - 0.14, glass, glow)
        if curtain < 0.55 and (k == 0 or k == panes - 1):  # a drawn-back curtain
            share = step * (0.35 + 0.3 * curtain)
            cx = px if k == 0 else px + step - 0.07 - share
            dim = (lamp[0] * strength * 0.55, lamp[1] * strength * 0.5, lamp[2] * strength * 0.5) if on else None
            sheet.rect(cx, z + 0.07, share, h - 0.14, grain.varied((150, 160, 170), rng, 0.15), dim)
        elif curtain > 0.82:  # a blind, half down
            dim = (lamp[0] * strength * 0.7, lamp[1] * strength * 0.7, lamp[2] * strength * 0.7) if on else None
            sheet.rect(px, z + h * 0.5, step - 0.07, h * 0.45, (190, 195, 195), dim)


def _door(sheet: _Sheet, x: float, rng: np.random.Generator, colour: Colour | None = None) -> None:
    sheet.rect(x - 0.08, 0, 1.1, 2.2, (190, 195, 195))
    sheet.rect(x, 0, 0.94, 2.1, colour or DOORS[rng.integers(len(DOORS))])
    sheet.rect(x + 0.25, 1.45, 0.44, 0.45, (90, 85, 75), (60, 110, 150) if rng.random() < 0.4 else None)
    sheet.rect(x + 0.3, 1.0, 0.3, 0.05, (160, 170, 170))


def _flats(sheet: _Sheet, wall: Wall, rng: np.random.Generator) -> None:
    storey, bays = wall.storey_m, wall.bays
    step = wall.length_m / bays
    lit = 0.42 if wall.building.kind == "block" else 0.55
    for floor in range(wall.building.floors):
        z = floor * storey
        if floor and wall.building.kind == "block":
            sheet.rect(0, z - 0.14, wall.length_m, 0.24, grain.varied((150, 158, 160), rng, 0.03))
        for bay in range(bays):
            x = bay * step
            if wall.by_a_door(x + 0.5, x + step - 0.5):
                continue
            if floor == 0 and bay % 2 == 1 and bays > 2:
                _door(sheet, x + 0.35, rng)
                _window(sheet, x + 1.75, z + 1.0, min(step - 2.1, 1.1), 1.15, rng, lit)
            elif bays > 1 or step > 2.2:
                wide = 1.75 if bay % 2 == 0 else 1.15
                _window(sheet, x + (step - wide) / 2, z + storey * 0.33, wide, storey * 0.46, rng, lit)
        for door in wall.doors_m:
            _stair(sheet, door - STAIR_M / 2, z, STAIR_M, storey, floor, rng)
    for bay in range(1, bays, 3):
        sheet.rect(bay * step - 0.06, 0, 0.11, wall.building.height_m, (88, 90, 92))  # rain pipe
    sheet.rect(0, wall.building.height_m - 0.3, wall.length_m, 0.3, (146, 152, 154))


def _stair(sheet: _Sheet, x: float, z: float, step: float, storey: float, floor: int, rng: np.random.Generator) -> None:
    cool: Colour = (205, 225, 215)
    sheet.rect(x + 0.2, z, step - 0.4, storey, (120, 126, 128))
    if floor == 0:
        sheet.rect(x + 0.55, 0, step - 1.1, 2.35, (70, 74, 76))
        sheet.rect(x + 0.65, 0.05, (step - 1.3) / 2 - 0.03, 2.2, (150, 84, 36), None)
        sheet.rect(x + step / 2 + 0.03, 0.05, (step - 1.3) / 2 - 0.03, 2.2, (120, 100, 80), (90, 120, 115))
        sheet.rect(x + step / 2 - 0.35, 2.4, 0.7, 0.14, (230, 235, 235), (235, 250, 245))
        return
    share = 0.75 if rng.random() < 0.85 else 0.1
    for k in range(3):
        sheet.rect(
            x + 0.45 + k * (step - 0.9) / 3,
            z + 0.45,
            (step - 0.9) / 3 - 0.08,
            storey - 0.8,
            (100, 96, 84),
            (cool[0] * share * 0.7, cool[1] * share * 0.7, cool[2] * share * 0.7),
        )


def _shop(sheet: _Sheet, wall: Wall, rng: np.random.Generator) -> None:
    units = max(int(wall.length_m / 6.5), 1)
    step = wall.length_m / units
    for k in range(units):
        x = k * step
        sign = grain.varied([(40, 40, 150), (110, 70, 20), (40, 110, 50), (30, 120, 190)][rng.integers(4)], rng, 0.08)
        if rng.random() < 0.35:
            sheet.rect(x + 0.3, 0, step - 0.6, 2.7, (128, 130, 130))  # shutter
            for z in np.arange(0.1, 2.7, 0.12):
                sheet.rect(x + 0.3, float(z), step - 0.6, 0.05, (104, 106, 106))
        else:
            sheet.rect(x + 0.3, 0.5, step - 1.6, 2.2, (70, 66, 58), (92, 120, 138))
            for _ in range(9):
                sheet.rect(
                    x + 0.4 + rng.uniform(0, max(step - 2.2, 0.1)),
                    0.5 + rng.uniform(0, 1.2),
                    0.35,
                    0.5,
                    (80, 80, 90),
                    grain.varied((110, 130, 160), rng, 0.3),
                )
            sheet.rect(x + step - 1.25, 0.0, 0.95, 2.3, (60, 60, 62), (120, 160, 180))
        own = (sign[0] * 0.8, sign[1] * 0.8, sign[2] * 0.8)
        sheet.rect(x + 0.15, 2.75, step - 0.3, 0.65, sign, own)
        letters = step * 0.5
        for j in range(int(letters / 0.28)):
            if rng.random() < 0.85:
                sheet.rect(x + step * 0.25 + j * 0.28, 2.92, 0.18, 0.3, (230, 235, 235), (190, 200, 200))
        for floor in range(1, wall.building.floors):
            for b in range(2):
                _window(sheet, x + step * (0.2 + 0.45 * b), floor * wall.storey_m + 0.8, 1.2, 1.3, rng, 0.4)


def _store(sheet: _Sheet, wall: Wall, rng: np.random.Generator) -> None:
    for door in wall.doors_m:
        x, wide = door - 1.2, 2.4
        sheet.rect(x - 0.1, 0, wide + 0.2, 2.25, (84, 86, 88))
        for leaf in range(2):
            lx = x + leaf * wide / 2
            sheet.rect(lx + 0.03, 0.05, wide / 2 - 0.06, 2.1, (72, 96, 122))
            for z in np.arange(0.15, 2.1, 0.14):
                sheet.rect(lx + 0.08, float(z), wide / 2 - 0.16, 0.05, grain.varied((48, 66, 86), rng, 0.06))
        sheet.rect(x + wide / 2 - 0.32, 1.2, 0.64, 0.3, (200, 205, 205))
    sheet.rect(0, wall.building.height_m - 0.2, wall.length_m, 0.2, (120, 124, 126))


def _garages(sheet: _Sheet, wall: Wall, rng: np.random.Generator) -> None:
    if wall.length_m < 2.6:
        return
    doors = int(wall.length_m / 2.9)
    step = wall.length_m / doors
    for k in range(doors):
        colour = grain.varied(
            [(120, 96, 70), (90, 110, 80), (170, 172, 172), (80, 80, 130)][rng.integers(4)], rng, 0.08
        )
        sheet.rect(k * step + 0.25, 0, step - 0.5, 2.1, colour)
        for x in np.arange(k * step + 0.35, (k + 1) * step - 0.3, 0.2):
            sheet.rect(float(x), 0.05, 0.05, 2.0, (colour[0] * 0.82, colour[1] * 0.82, colour[2] * 0.82))
    sheet.rect(0, wall.building.height_m - 0.25, wall.length_m, 0.25, (210, 212, 212))


def _hall(sheet: _Sheet, wall: Wall, rng: np.random.Generator) -> None:
    for k in range(wall.bays):
        x = (k + 0.5) * wall.length_m / wall.bays
        if k == wall.bays // 2:
            sheet.rect(x - 1.0, 0, 2.0, 2.4, (60, 62, 64))
            sheet.rect(x - 0.9, 0, 0.86, 2.25, (110, 120, 60), (40, 60, 60))
            sheet.rect(x + 0.04, 0, 0.86, 2.25, (110, 120, 60), (40, 60, 60))
            sheet.rect(x - 1.6, 2.6, 3.2, 0.5, (190, 195, 200))
        else:
            _window(sheet, x - 0.9, 1.4, 1.8, 1.3, rng, 0.3)
    sheet.rect(0, wall.building.height_m - 0.35, wall.length_m, 0.35, (96, 100, 104))
