"""Hints about pictures: how many faults are found, how soon, and how often a hint is wrong, on streets that were never there."""

import sys
from pathlib import Path

from table import Claim

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from health_scenes import FAULTS, NO_FAULTS, course


def bench(*, quick: bool) -> list[Claim]:
    """Recall by fault and false hints by what is no fault; half of the films have a constant bitrate."""
    seeds = range(1, 3) if quick else range(1, 9)
    claims = []
    for name, (change, kind) in FAULTS.items():
        courses = [course(seed, change, constant=seed % 2 == 0) for seed in seeds]
        found = [dict(each.hints).get(kind, -1) for each in courses]
        right = [tick for tick in found if tick >= 0]
        claims.append(Claim(f"{name}: hint of {kind}", "", 100 * len(right) / len(found), "%"))
        if right:
            claims.append(Claim(f"{name}: ticks until the hint", "", sum(right) / len(right), "ticks"))
    wrong = 0
    for name, change in NO_FAULTS.items():
        courses = [course(seed, change, constant=seed % 2 == 0) for seed in seeds]
        bad = sum(bool(each.hints) for each in courses)
        wrong += bad
        claims.append(Claim(f"{name}: hint that is wrong", "", 100 * bad / len(courses), "%"))
    share = 100 * wrong / (len(NO_FAULTS) * len(seeds))
    claims.append(Claim("all that is no fault: hint that is wrong", "<= 5 %", share, "%", ok=share <= 5))
    return claims
