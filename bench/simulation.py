"""A site, a line and a hub on one simulated clock, life after life from a seed, and how soon it finds faults planted in them.

The lives are those of `tests/outbox_stage.py`: requests and answers lost and repeated, the site killed, the hub set back to a
backup, days without a line; here also clocks that are set, disks that are full, and two machines with one identity.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

from table import Claim  # noqa: E402

from world_stage import PLANTED, World, dwell  # noqa: E402

SEEDS, QUICK_SEEDS, STEPS, LOOK_FOR = 10_000, 1_000, 40, 300


def lives(folder: Path, make: type[World], seeds: range, *, all_of_them: bool) -> list[int]:
    """The seeds whose lives end wrong; the first only, when not all are wanted."""
    wrong = []
    for seed in seeds:
        place = folder / str(seed)
        if not dwell(place, make, seed, STEPS):
            wrong.append(seed)
        shutil.rmtree(place)
        if wrong and not all_of_them:
            break
    return wrong


def bench(*, quick: bool) -> list[Claim]:
    seeds = QUICK_SEEDS if quick else SEEDS
    if quick:
        print(f"Quick: {seeds} seeds instead of {SEEDS}.")
    fast = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="bv-world-", dir=fast if fast.is_dir() else None) as name:
        folder, begun = Path(name), time.perf_counter()
        wrong = lives(folder, World, range(seeds), all_of_them=True)
        took_s = time.perf_counter() - begun
        print(f"Seeds that ended wrong: {wrong or 'none'}")
        claims = [
            Claim(f"lives of {seeds} that end with a hole, a double, a wrong order", "0", len(wrong), "lives", ok=not wrong),
            Claim("seeds a second", "", seeds / took_s, "seeds/s"),
        ]  # fmt: skip
        for fault, make in PLANTED.items():
            found = lives(folder, make, range(LOOK_FOR), all_of_them=False)
            seed = found[0] if found else LOOK_FOR
            claims.append(Claim(f"planted: {fault}: found at seed", f"< {LOOK_FOR}", seed, "", ok=bool(found)))
    return claims
