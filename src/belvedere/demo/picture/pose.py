"""Bodies as capsules: people in every posture, cyclists, mopeds, dogs, bags. Metres; x forward, y left, z up, feet at z = 0."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from belvedere.demo.scene import ActorState, Kind, Look

Vector = tuple[float, float, float]
Colour = tuple[int, int, int]  # RGB, as in Look
SHOE: Colour = (38, 36, 36)
RUBBER: Colour = (30, 30, 32)
METAL: Colour = (120, 124, 128)


@dataclass(frozen=True, slots=True)
class Capsule:
    """A limb: a line from `a` to `b` with a radius at each end."""

    a: Vector
    b: Vector
    radius_a: float
    radius_b: float
    colour: Colour


def body(actor: ActorState, phase: float) -> list[Capsule]:
    """The capsules of an actor at a phase of its cycle. Raises ValueError for cars and vans, which have faces instead."""
    match actor.kind:
        case Kind.PERSON:
            return person(actor.look, actor.posture, phase)
        case Kind.BICYCLE:
            return bicycle(actor.look, phase)
        case Kind.MOPED:
            return moped(actor.look)
        case Kind.DOG:
            return dog(actor.look, phase, actor.posture == "walk")
        case Kind.BAG:
            return bag(actor.look)
        case _:
            raise ValueError(f"a {actor.kind} has no limbs")


def _limb(start: Vector, length: float, swing: float, side: float = 0.0) -> Vector:
    """The far end of a limb that hangs from `start`, swung forwards and sideways by angles."""
    return (
        start[0] + length * math.sin(swing) * math.cos(side),
        start[1] + length * math.sin(side),
        start[2] - length * math.cos(swing) * math.cos(side),
    )


@dataclass(frozen=True, slots=True)
class _Stance:
    """Joint angles in radians: for each side hip, knee, shoulder, elbow; lean of the trunk; arms out."""

    hips: tuple[float, float]
    knees: tuple[float, float]
    shoulders: tuple[float, float]
    elbows: tuple[float, float]
    lean: float = 0.03
    spread: float = 0.12


def _stance(posture: str, phase: float) -> _Stance:
    s, c = math.sin(phase), math.cos(phase)
    match posture:
        case "stand":
            sway = 0.04 * s
            return _Stance((0.05 + sway, -0.05 + sway), (0.05, 0.08), (0.05, 0.0), (0.35, 0.25), 0.02, 0.14)
        case "sit":
            return _Stance((1.45, 1.40), (1.45, 1.35), (0.45, 0.5), (0.7, 0.6), 0.08)
        case "kick":
            kick = max(s, -0.4)
            return _Stance(
                (1.15 * kick, -0.12),
                (0.9 * max(0.0, 1 - kick * 1.2) * 0.8, 0.15),
                (-0.7 * kick, 0.6 * kick),
                (0.6, 0.8),
                -0.18 * kick,
                0.35,
            )
        case "bend":
            return _Stance((0.75, 0.55), (0.75, 0.6), (1.05 + 0.15 * s, 1.15), (0.25, 0.3), 0.95)
        case "carry":
            return _Stance((0.40 * s, -0.40 * s), _knees(s, c), (0.55, 0.55), (1.05, 1.05), 0.06, 0.2)
        case _:
            return _Stance(
                (0.46 * s, -0.46 * s),
                _knees(s, c),
                (-0.40 * s, 0.40 * s),
                (0.32 + 0.15 * max(-s, 0), 0.32 + 0.15 * max(s, 0)),
                0.06,
            )


def _knees(s: float, c: float) -> tuple[float, float]:
    """A knee bends most as its leg swings forwards."""
    return 0.12 + 0.85 * max(c, 0.0) ** 1.5 * (1 - 0.4 * s), 0.12 + 0.85 * max(-c, 0.0) ** 1.5 * (1 + 0.4 * s)


def person(look: Look, posture: str, phase: float) -> list[Capsule]:
    """A clothed person."""
    stance = _stance("stand" if posture == "fallen" else posture, phase)
    made = _figure(look, stance)
    if posture == "carry":
        h = look.height_m
        made.append(Capsule((0.26 * h, 0.12, 0.62 * h), (0.26 * h, -0.12, 0.62 * h), 0.13, 0.13, (52, 50, 54)))
    if posture == "fallen":
        return _laid_down(made)
    if posture in ("sit", "bend"):  # the place is that of the body's middle; a seat is a little behind it
        reach = [x for k in made for x in (k.a[0], k.b[0])]
        share = 0.25 if posture == "sit" else 0.5
        return [_moved(k, (-(min(reach) + max(reach)) * share, 0.0, 0.0)) for k in made]
    return made


def _figure(look: Look, stance: _Stance) -> list[Capsule]:
    h = look.height_m
    hip_z = 0.52 * h
    lean = stance.lean
    trunk = 0.30 * h
    neck: Vector = (trunk * math.sin(lean), 0.0, hip_z + trunk * math.cos(lean))
    made: list[Capsule] = []
    for side, hip, knee in ((1, stance.hips[0], stance.knees[0]), (-1, stance.hips[1], stance.knees[1])):
        start: Vector = (0.0, side * 0.052 * h, hip_z)
        joint = _limb(start, 0.245 * h, hip, side * 0.02)
        ankle = _limb(joint, 0.235 * h, hip - knee)
        toe: Vector = (
            ankle[0] + 0.115 * h * math.cos(0.6 * (hip - knee)),
            ankle[1] + side * 0.012 * h,
            ankle[2] - 0.022 * h + 0.05 * h * math.sin(0.6 * (hip - knee)),
        )
        made.append(Capsule(start, joint, 0.060 * h, 0.043 * h, look.lower))
        made.append(Capsule(joint, ankle, 0.044 * h, 0.031 * h, look.lower))
        made.append(Capsule((ankle[0] - 0.012 * h, ankle[1], ankle[2] - 0.014 * h), toe, 0.029 * h, 0.022 * h, SHOE))
    made.append(Capsule((0, 0.042 * h, hip_z), (0, -0.042 * h, hip_z), 0.066 * h, 0.066 * h, look.lower))
    for side in (1, -1):
        waist: Vector = (0.0, side * 0.040 * h, hip_z + 0.03 * h)
        chest: Vector = (neck[0] * 0.88, side * 0.056 * h, hip_z + (neck[2] - hip_z) * 0.84)
        made.append(Capsule(waist, chest, 0.066 * h, 0.068 * h, look.upper))
        made.append(
            Capsule(
                (neck[0], side * 0.01 * h, neck[2] - 0.012 * h),
                (neck[0] * 0.97, side * 0.09 * h, neck[2] - 0.032 * h),
                0.036 * h,
                0.04 * h,
                look.upper,
            )
        )
    made.append(
        Capsule(
            (neck[0] * 0.9, 0, neck[2] - 0.04 * h),
            (neck[0] * 0.4, 0, hip_z + 0.08 * h),
            0.07 * h,
            0.068 * h,
            look.upper,
        )
    )
    for side, shoulder, elbow in (
        (1, stance.shoulders[0], stance.elbows[0]),
        (-1, stance.shoulders[1], stance.elbows[1]),
    ):
        top: Vector = (neck[0] * 0.97, side * 0.104 * h, neck[2] - 0.034 * h)
        bend = _limb(top, 0.17 * h, shoulder, side * stance.spread)
        wrist = _limb(bend, 0.145 * h, shoulder + elbow, side * stance.spread * 0.2)
        hand = _limb(wrist, 0.04 * h, shoulder + elbow)
        made.append(Capsule(top, bend, 0.043 * h, 0.034 * h, look.upper))
        made.append(Capsule(bend, wrist, 0.034 * h, 0.026 * h, look.upper))
        made.append(Capsule(wrist, hand, 0.021 * h, 0.019 * h, look.skin))
    made += _head(look, neck, lean * 0.5)
    # Stand on the lower foot.
    floor = min(min(k.a[2] - k.radius_a, k.b[2] - k.radius_b) for k in made)
    return [_moved(k, (0.0, 0.0, -floor)) for k in made]


def _head(look: Look, neck: Vector, nod: float) -> list[Capsule]:
    h = look.height_m
    x, z = neck[0], neck[2]
    fx, fz = math.sin(nod), math.cos(nod)

    def at(forward: float, up: float) -> Vector:
        return x + (forward * fz + up * fx) * h, 0.0, z + (up * fz - forward * fx) * h

    return [
        Capsule(at(0.0, -0.02), at(0.006, 0.05), 0.036 * h, 0.034 * h, look.skin),
        Capsule(at(0.014, 0.078), at(0.010, 0.115), 0.046 * h, 0.050 * h, look.skin),
        Capsule(at(-0.016, 0.098), at(-0.006, 0.130), 0.052 * h, 0.048 * h, look.hair),
        Capsule(at(0.012, 0.148), at(-0.02, 0.140), 0.036 * h, 0.040 * h, look.hair),
    ]


def _moved(capsule: Capsule, by: Vector) -> Capsule:
    dx, dy, dz = by
    (ax, ay, az), (bx, by_, bz) = capsule.a, capsule.b
    return Capsule(
        (ax + dx, ay + dy, az + dz), (bx + dx, by_ + dy, bz + dz), capsule.radius_a, capsule.radius_b, capsule.colour
    )


def _laid_down(made: list[Capsule]) -> list[Capsule]:
    """On the ground, on one side: what was up now points backwards along -x, centred on the origin."""
    top = max(k.a[2] for k in made)

    def laid(p: Vector) -> Vector:
        return top / 2 - p[2], p[0] * 0.8, p[1] * 0.55 + 0.13

    return [Capsule(laid(k.a), laid(k.b), k.radius_a, k.radius_b, k.colour) for k in made]


def _ring(x: float, z: float, radius: float, thick: float, colour: Colour, parts: int = 14) -> list[Capsule]:
    points: list[Vector] = [
        (x + radius * math.cos(2 * math.pi * k / parts), 0.0, z + radius * math.sin(2 * math.pi * k / parts))
        for k in range(parts)
    ]
    return [Capsule(points[k], points[(k + 1) % parts], thick, thick, colour) for k in range(parts)]


def _bar(a: Vector, b: Vector, thick: float, colour: Colour) -> Capsule:
    return Capsule(a, b, thick, thick, colour)


def _reach(start: Vector, end: Vector, first: float, second: float, out: float) -> Vector:
    """The knee or elbow of a limb from `start` to `end`, bent forwards (`out` 1) or backwards (-1) in the upright plane."""
    a, b = np.array(start), np.array(end)
    gap = b - a
    d = min(float(np.linalg.norm(gap)), (first + second) * 0.999)
    along = (first**2 - second**2 + d**2) / (2 * d)
    rise = math.sqrt(max(first**2 - along**2, 0.0))
    unit = gap / max(float(np.linalg.norm(gap)), 1e-9)
    across = np.cross(np.array([0.0, 1.0, 0.0]), unit) * -out
    joint: NDArray[np.float64] = a + unit * along + across * rise
    return float(joint[0]), float(joint[1]), float(joint[2])


def _rider(look: Look, seat: Vector, bars: Vector, feet: tuple[Vector, Vector], lean: float) -> list[Capsule]:
    h = look.height_m
    neck: Vector = (seat[0] + 0.30 * h * math.sin(lean), 0.0, seat[2] + 0.05 + 0.30 * h * math.cos(lean))
    hip: Vector = (seat[0], 0.0, seat[2] + 0.07)
    made = [
        Capsule(
            (hip[0], y, hip[2]),
            (neck[0] * 0.97 + hip[0] * 0.03, y * 1.2, neck[2] - 0.04 * h),
            0.068 * h,
            0.068 * h,
            look.upper,
        )
        for y in (0.04 * h, -0.04 * h)
    ]
    for k, side in enumerate((1, -1)):
        start: Vector = (hip[0], side * 0.05 * h, hip[2])
        foot: Vector = (feet[k][0], side * 0.09, feet[k][2])
        joint = _reach(start, foot, 0.245 * h, 0.245 * h, 1.0)
        made.append(Capsule(start, joint, 0.06 * h, 0.044 * h, look.lower))
        made.append(Capsule(joint, foot, 0.043 * h, 0.03 * h, look.lower))
        made.append(
            Capsule(
                (foot[0] - 0.05, foot[1], foot[2] - 0.02), (foot[0] + 0.14, foot[1], foot[2] - 0.03), 0.045, 0.038, SHOE
            )
        )
        top: Vector = (neck[0], side * 0.108 * h, neck[2] - 0.02 * h)
        grip: Vector = (bars[0], side * 0.25, bars[2])
        elbow = _reach(top, grip, 0.17 * h, 0.17 * h, -1.0)
        made.append(Capsule(top, elbow, 0.042 * h, 0.034 * h, look.upper))
        made.append(Capsule(elbow, grip, 0.034 * h, 0.024 * h, look.upper))
    return made + _head(look, neck, lean * 0.2)


def bicycle(look: Look, phase: float) -> list[Capsule]:
    """A cyclist on a bicycle."""
    crank: Vector = (-0.05, 0.0, 0.3)
    seat: Vector = (-0.22, 0.0, 0.92)
    bars: Vector = (0.42, 0.0, 0.98)
    frame: Colour = (150, 52, 44) if sum(look.upper) % 2 else (60, 74, 96)
    made = _ring(-0.5, 0.34, 0.325, 0.022, RUBBER) + _ring(0.54, 0.34, 0.325, 0.022, RUBBER)
    rear, head, fork = (-0.5, 0.0, 0.34), (0.38, 0.0, 0.84), (0.54, 0.0, 0.34)
    down, saddle = (0.4, 0.0, 0.72), (-0.2, 0.0, 0.8)
    for a, b in (
        (rear, crank),
        (crank, seat),
        (saddle, head),
        (crank, down),
        (rear, saddle),
        (fork, head),
        (head, bars),
    ):
        made.append(_bar(a, b, 0.02, frame))
    made.append(_bar((bars[0], 0.27, bars[2]), (bars[0], -0.27, bars[2]), 0.016, METAL))
    made.append(_bar((-0.34, 0, 0.94), (-0.1, 0, 0.95), 0.045, RUBBER))
    feet: list[Vector] = [
        (crank[0] + 0.17 * math.cos(phase + k * math.pi), 0.0, crank[2] + 0.06 - 0.17 * math.sin(phase + k * math.pi))
        for k in (0, 1)
    ]
    return made + _rider(look, seat, bars, (feet[0], feet[1]), 0.55)


def moped(look: Look) -> list[Capsule]:
    """A moped and its rider, with a helmet."""
    paint: Colour = (34, 36, 40)
    made = _ring(-0.6, 0.25, 0.2, 0.055, RUBBER, 10) + _ring(0.62, 0.25, 0.2, 0.055, RUBBER, 10)
    made += [
        Capsule((-0.6, 0, 0.25), (-0.5, 0, 0.25), 0.1, 0.1, METAL),
        Capsule((0.62, 0, 0.25), (0.6, 0, 0.25), 0.08, 0.08, METAL),
        Capsule((-0.72, 0, 0.66), (-0.1, 0, 0.62), 0.14, 0.16, paint),
        Capsule((-0.62, 0, 0.42), (-0.15, 0, 0.4), 0.15, 0.13, paint),
        Capsule((-0.7, 0, 0.79), (-0.1, 0, 0.78), 0.10, 0.11, RUBBER),
        Capsule((-0.1, 0, 0.24), (0.35, 0, 0.26), 0.13, 0.12, paint),
        Capsule((0.42, 0, 0.36), (0.38, 0, 0.92), 0.15, 0.12, paint),
        Capsule((0.62, 0, 0.3), (0.42, 0, 0.95), 0.045, 0.05, METAL),
        _bar((0.34, 0.3, 1.02), (0.34, -0.3, 1.02), 0.03, RUBBER),
        Capsule((0.5, 0, 0.88), (0.52, 0, 0.88), 0.075, 0.075, (215, 215, 210)),
        Capsule((-0.88, 0, 0.62), (-0.89, 0, 0.6), 0.05, 0.05, (170, 30, 30)),
    ]
    rider = _rider(look, (-0.32, 0, 0.86), (0.34, 0, 1.02), ((0.2, 0, 0.42), (0.2, 0, 0.42)), 0.2)
    neck = rider[-1].a
    helmet = Capsule((neck[0] + 0.03, 0, neck[2] - 0.1), (neck[0], 0, neck[2] - 0.06), 0.125, 0.135, (26, 26, 30))
    return made + rider[:-3] + [helmet]


def dog(look: Look, phase: float, walking: bool) -> list[Capsule]:
    """A dog; `height_m` at the shoulder."""
    h, n = max(look.height_m, 0.3), max(look.length_m, 0.5)
    s = math.sin(phase) * (0.45 if walking else 0.0)
    coat = look.upper
    made = [Capsule((-0.32 * n, 0, 0.78 * h), (0.28 * n, 0, 0.80 * h), 0.17 * h, 0.21 * h, coat)]
    for x, side, swing in ((0.3, 1, s), (0.3, -1, -s), (-0.34, 1, -s), (-0.34, -1, s)):
        top: Vector = (x * n, side * 0.1 * h, 0.72 * h)
        knee = _limb(top, 0.38 * h, swing)
        made.append(Capsule(top, knee, 0.09 * h, 0.06 * h, coat))
        made.append(Capsule(knee, _limb(knee, 0.34 * h, swing * 0.4), 0.055 * h, 0.045 * h, coat))
    made.append(Capsule((0.32 * n, 0, 0.9 * h), (0.5 * n, 0, 1.12 * h), 0.13 * h, 0.12 * h, coat))
    made.append(Capsule((0.5 * n, 0, 1.14 * h), (0.66 * n, 0, 1.08 * h), 0.13 * h, 0.07 * h, look.hair))
    made.append(Capsule((-0.42 * n, 0, 0.86 * h), (-0.62 * n, 0, 1.08 * h), 0.05 * h, 0.03 * h, coat))
    return made


def bag(look: Look) -> list[Capsule]:
    """A heap of bags as long as `length_m`; a long low one is a mattress or a sofa, laid as a slab of rolls."""
    h, n = max(look.height_m, 0.15), max(look.length_m, 0.3)
    if n > 1.2:
        r = max(min(h / 2, 0.16), 0.08)
        rows = max(int(0.9 / (1.6 * r)), 3)
        made = [
            Capsule(
                (-n / 2 + r, (k / (rows - 1) - 0.5) * 0.9, r),
                (n / 2 - r, (k / (rows - 1) - 0.5) * 0.9, r),
                r,
                r,
                look.upper,
            )
            for k in range(rows)
        ]
        if h > 0.5:  # a sofa's back
            made += [
                Capsule((-n / 2 + 0.15, -0.38, z), (n / 2 - 0.15, -0.38, z), 0.15, 0.15, look.lower)
                for z in np.arange(0.3, h - 0.1, 0.16)
            ]
        return made
    count = max(int(n / 0.35), 1)
    made = []
    for k in range(count):
        x = (k + 0.5 - count / 2) * n / count
        made.append(
            Capsule(
                (x, 0.06 * (-1) ** k, 0.3 * h),
                (x * 0.95, 0.0, 0.5 * h),
                min(0.5 * n / count, 0.36 * h) * 1.1,
                0.26 * h,
                look.upper,
            )
        )
        made.append(Capsule((x * 0.95, 0.0, 0.7 * h), (x * 0.95 + 0.03, 0, 0.96 * h), 0.07 * h, 0.05 * h, look.upper))
    return made
