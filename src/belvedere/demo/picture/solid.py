"""Convex faces of solid things: boxes, posts, vehicles. World metres; each face counter-clockwise seen from outside."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Colour = tuple[float, float, float]  # BGR


@dataclass(frozen=True, slots=True)
class Face:
    """A flat convex polygon. `glow` is its own light; `gloss` how much sky it mirrors (glass, paint);
    faces of a higher `layer` lie on those of a lower one and are painted after them."""

    points: Points
    colour: Colour
    glow: Colour | None = None
    gloss: float = 0.0
    layer: int = 1
    thin: bool = False  # seen from both sides

    @property
    def normal(self) -> Points:
        """Unit vector out of the solid."""
        return unit_normal(self.points)


def unit_normal(points: Points) -> Points:
    """Mean direction of a polygon, counter-clockwise seen from its front (Newell's method); zero where it has no area. In plain
    numbers: faces are small and many."""
    x = y = z = 0.0
    rows = points.tolist()
    ax, ay, az = rows[-1]
    for bx, by, bz in rows:
        x += (ay - by) * (az + bz)
        y += (az - bz) * (ax + bx)
        z += (ax - bx) * (ay + by)
        ax, ay, az = bx, by, bz
    length = math.sqrt(x * x + y * y + z * z)
    return np.array([x, y, z]) / length if length > 1e-9 else np.zeros(3)


def placed(faces: list[Face], x: float, y: float, heading_rad: float, z: float = 0.0) -> list[Face]:
    """Faces given in a thing's own axes (x forward, y left, z up) put into the world."""
    c, s = math.cos(heading_rad), math.sin(heading_rad)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return [Face(f.points @ turn.T + (x, y, z), f.colour, f.glow, f.gloss, f.layer, f.thin) for f in faces]


def box(
    centre: tuple[float, float],
    z: tuple[float, float],
    size: tuple[float, float],
    colour: Colour,
    *,
    top: Colour | None = None,
) -> list[Face]:
    """An upright box in its own axes: centre, lowest and highest z, length along x and width along y."""
    (cx, cy), (z0, z1), (length, width) = centre, z, size
    x0, x1, y0, y1 = cx - length / 2, cx + length / 2, cy - width / 2, cy + width / 2
    ring = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    faces = [prism_side(ring[k], ring[(k + 1) % 4], z0, z1, colour) for k in range(4)]
    faces.append(Face(np.array([(px, py, z1) for px, py in ring]), top or colour))
    faces.append(Face(np.array([(px, py, z0) for px, py in reversed(ring)]), colour))
    return faces


def prism_side(a: tuple[float, float], b: tuple[float, float], z0: float, z1: float, colour: Colour) -> Face:
    """The wall from a to b of a prism whose footprint runs counter-clockwise."""
    return Face(np.array([(*a, z0), (*b, z0), (*b, z1), (*a, z1)]), colour)


def post(radius: float, height: float, colour: Colour, sides: int = 6, z: float = 0.0) -> list[Face]:
    """An upright post around the origin."""
    ring = [
        (radius * math.cos(2 * math.pi * k / sides), radius * math.sin(2 * math.pi * k / sides)) for k in range(sides)
    ]
    faces = [prism_side(ring[k], ring[(k + 1) % sides], z, z + height, colour) for k in range(sides)]
    faces.append(Face(np.array([(x, y, z + height) for x, y in ring]), colour))
    return faces


def wheel(
    x: float, y: float, radius: float, width: float, colour: Colour = (26, 25, 25), sides: int = 10
) -> list[Face]:
    """A wheel standing on the ground, its disc towards +y and -y."""
    ring = [
        (x + radius * math.cos(2 * math.pi * k / sides), radius + radius * math.sin(2 * math.pi * k / sides))
        for k in range(sides)
    ]
    hub = [(x + (px - x) * 0.6, radius + (pz - radius) * 0.6) for px, pz in ring]
    faces = []
    for side in (-1, 1):
        at = y + side * width / 2
        order = list(reversed(ring)) if side > 0 else ring
        inner = list(reversed(hub)) if side > 0 else hub
        outer = side * y > 0
        faces.append(Face(np.array([(px, at, pz) for px, pz in order]), colour, layer=3 if outer else 0))
        faces.append(
            Face(
                np.array([(px, at + side * 0.01, pz) for px, pz in inner]),
                (140, 140, 138),
                None,
                0.2,
                3 if outer else 0,
            )
        )
    for k in range(sides):
        a, b = ring[k], ring[(k + 1) % sides]
        faces.append(
            Face(
                np.array(
                    [
                        (b[0], y - width / 2, b[1]),
                        (a[0], y - width / 2, a[1]),
                        (a[0], y + width / 2, a[1]),
                        (b[0], y + width / 2, b[1]),
                    ]
                ),
                colour,
            )
        )
    return faces


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Faces of a thing in its own axes, ready to be placed many times."""

    faces: tuple[Face, ...]
    points: Points  # (n, 3), of all faces in order
    starts: tuple[int, ...]  # where each face's points begin; one more for the end
    normals: Points  # (faces, 3)
    centres: Points  # (faces, 3)

    @classmethod
    def of(cls, faces: list[Face]) -> "Mesh":
        """Put faces together."""
        starts = [0]
        for face in faces:
            starts.append(starts[-1] + len(face.points))
        return cls(
            tuple(faces),
            np.concatenate([f.points for f in faces]),
            tuple(starts),
            np.array([f.normal for f in faces]),
            np.array([f.points.mean(0) for f in faces]),
        )
