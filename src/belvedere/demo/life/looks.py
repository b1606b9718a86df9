"""How people, vehicles and dogs of the estate look: drawn from small palettes, never from real persons."""

import random

from belvedere.demo.scene import Look

_UPPER = (
    (44, 58, 92), (150, 44, 46), (36, 36, 40), (92, 96, 100), (204, 204, 200), (70, 104, 74), (196, 154, 60),
    (98, 70, 118), (56, 116, 132), (172, 120, 96), (30, 44, 40), (188, 92, 58),
)  # fmt: skip
_LOWER = ((40, 44, 58), (30, 30, 34), (64, 74, 102), (104, 94, 80), (78, 78, 80), (52, 44, 40), (140, 130, 112))
_HAIR = ((32, 26, 24), (58, 42, 32), (96, 70, 48), (150, 120, 80), (168, 166, 162), (20, 20, 22))
_SKIN = ((236, 200, 176), (214, 172, 142), (178, 132, 100), (136, 96, 70), (96, 66, 50), (222, 184, 152))
_PAINT = (
    (34, 36, 40), (176, 180, 184), (228, 230, 230), (112, 116, 122), (40, 58, 104), (140, 34, 32), (66, 80, 68),
    (88, 40, 48), (206, 206, 196),
)  # fmt: skip
_COATS = ((58, 44, 34), (172, 140, 98), (230, 226, 216), (30, 28, 28), (128, 92, 60))


def person(rng: random.Random, height_m: tuple[float, float] = (1.58, 1.88)) -> Look:
    """A grown-up, or a child with another range of heights."""
    return Look(
        rng.choice(_UPPER),
        rng.choice(_LOWER),
        rng.choice(_HAIR),
        rng.choice(_SKIN),
        round(rng.uniform(*height_m), 2),
        0.0,
    )


def older(rng: random.Random) -> Look:
    """Grey-haired and a little smaller."""
    base = person(rng, (1.54, 1.74))
    return Look(base.upper, base.lower, (186, 184, 180), base.skin, base.height_m, 0.0)


def dark_clothes(rng: random.Random) -> Look:
    """Hood and jogging trousers."""
    upper = rng.choice(((30, 32, 36), (44, 46, 52), (34, 40, 58)))
    return Look(upper, (28, 28, 32), upper, rng.choice(_SKIN), round(rng.uniform(1.7, 1.86), 2), 0.0)


def vehicle(rng: random.Random, height_m: float, length_m: float) -> Look:
    """A car or van in one of the common paints."""
    paint = rng.choice(_PAINT)
    return Look(paint, (30, 32, 36), paint, (0, 0, 0), height_m, length_m)


def car(rng: random.Random) -> Look:
    return vehicle(rng, round(rng.uniform(1.43, 1.62), 2), round(rng.uniform(3.8, 4.6), 2))


def van(rng: random.Random) -> Look:
    paint = rng.choice(((232, 232, 230), (232, 232, 230), (196, 200, 204), (48, 66, 110)))
    return Look(
        paint, (30, 32, 36), paint, (0, 0, 0), round(rng.uniform(1.95, 2.4), 2), round(rng.uniform(4.9, 5.6), 2)
    )


def rider(rng: random.Random) -> Look:
    """A person on two wheels; the length is the machine's."""
    base = person(rng, (1.62, 1.84))
    return Look(base.upper, base.lower, base.hair, base.skin, base.height_m, 1.75)


def dog(rng: random.Random) -> Look:
    coat = rng.choice(_COATS)
    height = round(rng.uniform(0.35, 0.62), 2)
    return Look(coat, coat, coat, coat, height, round(height * 1.6, 2))
