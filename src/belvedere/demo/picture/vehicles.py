"""Cars and vans as a few dozen faces, from a side profile: body, glass, wheels, lights, plates."""

from functools import lru_cache

import numpy as np

from belvedere.demo.picture.solid import Colour, Face, Mesh, box, wheel
from belvedere.demo.scene import Kind, Look

GLASS: Colour = (52, 46, 40)
TYRE: Colour = (26, 25, 25)
LAMP: Colour = (225, 230, 230)
TAIL: Colour = (30, 24, 150)

# Side profiles as (share of length from the rear, share of height, share of half width): belt line up and around.
_CAR_BODY = ((0.0, 0.20, 0.93), (0.0, 0.58, 0.93), (0.02, 0.64, 0.92), (0.11, 0.66, 0.92), (0.70, 0.63, 0.92),
             (0.965, 0.53, 0.86), (1.0, 0.44, 0.82), (1.0, 0.20, 0.82))  # fmt: skip
_CAR_CABIN = ((0.06, 0.65, 0.90), (0.17, 0.965, 0.72), (0.30, 1.0, 0.70), (0.52, 0.985, 0.70), (0.735, 0.635, 0.88))
_VAN_BODY = ((0.0, 0.14, 0.98), (0.0, 0.97, 0.94), (0.03, 1.0, 0.92), (0.70, 1.0, 0.92), (0.74, 0.97, 0.92),
             (0.875, 0.56, 0.94), (0.985, 0.47, 0.90), (1.0, 0.36, 0.88), (1.0, 0.14, 0.88))  # fmt: skip


def _strip(
    profile: tuple[tuple[float, float, float], ...], length: float, height: float, half: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Left and right points of each profile station."""
    made = []
    for along, up, share in profile:
        x, z, w = (along - 0.5) * length, up * height, half * share
        made.append((np.array([x, w, z]), np.array([x, -w, z])))
    return made


def _on(faces: list[Face], layer: int) -> list[Face]:
    return [Face(f.points, f.colour, f.glow, f.gloss, layer) for f in faces]


def _hull(
    profile: tuple[tuple[float, float, float], ...],
    size: tuple[float, float, float],
    colours: list[Colour],
    glass: list[bool],
) -> list[Face]:
    """Crosswise faces between stations, and two side faces. `colours` and `glass` name each crosswise face."""
    length, width, height = size
    points = _strip(profile, length, height, width / 2)
    faces = []
    for k in range(len(points) - 1):
        (al, ar), (bl, br) = points[k], points[k + 1]
        faces.append(Face(np.array([ar, al, bl, br])[::-1], colours[k], gloss=0.5 if glass[k] else 0.22))
    return faces


def _sides(
    profile: tuple[tuple[float, float, float], ...], size: tuple[float, float, float], colour: Colour, gloss: float
) -> list[Face]:
    length, width, height = size
    points = _strip(profile, length, height, width / 2)
    left = np.array([p[0] for p in points])
    right = np.array([p[1] for p in points])
    return [Face(left, colour, gloss=gloss), Face(right[::-1].copy(), colour, gloss=gloss)]


def car(
    paint: Colour, length_m: float = 4.3, height_m: float = 1.5, *, lights: bool = False, width_m: float = 1.8
) -> list[Face]:
    """A hatchback in its own axes, wheels on z = 0."""
    size = (length_m, width_m, height_m)
    dark = (paint[0] * 0.5, paint[1] * 0.5, paint[2] * 0.5)
    faces = _on(box((0, 0), (0.16 * height_m, 0.3 * height_m), (length_m * 0.96, width_m * 0.86), dark), 0)
    faces += _hull(_CAR_BODY, size, [paint] * 7, [False] * 7)
    faces += _sides(_CAR_BODY, size, paint, 0.15)
    faces += _on(_hull(_CAR_CABIN, size, [GLASS, paint, paint, GLASS], [True, False, False, True]), 2)
    faces += _cabin_sides(size, paint)
    for x in (-0.31 * length_m, 0.33 * length_m):
        for y in (-0.46 * width_m, 0.46 * width_m):
            faces += wheel(x, y, 0.31, 0.2)
    faces += _lamps(length_m, width_m, 0.44 * height_m, lights)
    return faces


def _cabin_sides(size: tuple[float, float, float], paint: Colour) -> list[Face]:
    faces = _on(_sides(_CAR_CABIN, size, paint, 0.15), 2)
    length, width, height = size
    for side in (1, -1):
        for a, b in ((0.16, 0.36), (0.39, 0.60)):
            shape = [
                (a + 0.0, 0.67, 0.905),
                (b + (0.08 if b > 0.5 else 0.0), 0.66, 0.905),
                (b - (0.06 if b > 0.5 else 0.0), 0.94, 0.755),
                (a + 0.05, 0.94, 0.755),
            ]
            points = np.array([((p - 0.5) * length, side * width / 2 * w * 1.004, z * height) for p, z, w in shape])
            faces.append(Face(points if side < 0 else points[::-1].copy(), GLASS, None, 0.45, 3))
    return faces


def van(
    paint: Colour, length_m: float = 5.2, height_m: float = 2.25, *, lights: bool = False, width_m: float = 2.0
) -> list[Face]:
    """A panel van in its own axes, wheels on z = 0."""
    size = (length_m, width_m, height_m)
    dark = (paint[0] * 0.45, paint[1] * 0.45, paint[2] * 0.45)
    faces = _on(box((0, 0), (0.12 * height_m, 0.2 * height_m), (length_m * 0.96, width_m * 0.88), dark), 0)
    faces += _hull(
        _VAN_BODY,
        size,
        [paint, paint, paint, paint, GLASS, paint, paint, dark],
        [False, False, False, False, True, False, False, False],
    )
    faces += _sides(_VAN_BODY, size, paint, 0.12)
    for side in (1, -1):
        shape = [(0.66, 0.55), (0.84, 0.55), (0.745, 0.88), (0.66, 0.88)]
        points = np.array([((p - 0.5) * length_m, side * width_m / 2 * 0.95, z * height_m) for p, z in shape])
        faces.append(Face(points if side < 0 else points[::-1].copy(), GLASS, None, 0.4, 3))
        seam = np.array(
            [
                ((p - 0.5) * length_m, side * width_m / 2 * 0.985, z * height_m)
                for p, z in ((0.30, 0.2), (0.31, 0.2), (0.31, 0.93), (0.30, 0.93))
            ]
        )
        faces.append(Face(seam if side < 0 else seam[::-1].copy(), dark, layer=3))
    rear = -length_m / 2 - 0.01
    for y0, y1 in ((-0.82, -0.06), (0.06, 0.82)):
        faces.append(
            Face(
                np.array([(rear, y, z) for y, z in ((y1, 1.25), (y0, 1.25), (y0, 1.95), (y1, 1.95))])
                * (1, width_m / 2, height_m / 2.25),
                GLASS,
                None,
                0.4,
                3,
            )
        )
    for x in (-0.32 * length_m, 0.34 * length_m):
        for y in (-0.46 * width_m, 0.46 * width_m):
            faces += wheel(x, y, 0.34, 0.22)
    faces += _lamps(length_m, width_m, 0.42 * height_m, lights)
    return faces


@lru_cache(maxsize=128)
def mesh(kind: Kind, look: Look, lights: bool) -> Mesh:
    """The faces of a car or van of a look."""
    paint = (float(look.upper[2]), float(look.upper[1]), float(look.upper[0]))
    build = car if kind is Kind.CAR else van
    return Mesh.of(build(paint, look.length_m, look.height_m, lights=lights))


def _lamps(length: float, width: float, z: float, lights: bool) -> list[Face]:
    """Head lamps, tail lamps and plates."""
    faces = []
    front, rear = length / 2 + 0.012, -length / 2 - 0.012
    for y in (-0.33 * width, 0.33 * width):
        faces.append(_plate(front, y, z, 0.32, 0.15, LAMP, (235, 245, 245) if lights else None))
        faces.append(_plate(rear, y * 1.15, z + 0.12, 0.2, 0.24, TAIL, (40, 30, 220) if lights else None))
    faces.append(_plate(front, 0.0, z - 0.26, 0.5, 0.11, (235, 238, 238), None))
    faces.append(_plate(rear, 0.0, z - 0.14, 0.5, 0.11, (60, 205, 225), None))
    return faces


def _plate(x: float, y: float, z: float, wide: float, high: float, colour: Colour, glow: Colour | None) -> Face:
    ring = [
        (y - wide / 2, z - high / 2),
        (y + wide / 2, z - high / 2),
        (y + wide / 2, z + high / 2),
        (y - wide / 2, z + high / 2),
    ]
    if x < 0:
        ring.reverse()
    return Face(np.array([(x, py, pz) for py, pz in ring]), colour, glow, 0.0, 3)
