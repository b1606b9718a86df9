"""`tamper_clips.py FOLDER`: hints about pictures on films of real cameras that you have: how often wrong, and what is found.

Each film stands for a camera; its pictures, one a second and drawn in any order, are what a look each five minutes would see, so
288 looks are a day. Ten days as usual, then each kind of tampering from the middle of a day on. Night, weather and
seasons are only in it as far as the films hold them. Needs no recorder: it is `site/health/views.py` that is measured.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from table import Claim, show

from belvedere.site.health.look import figures_of
from belvedere.site.health.views import Figures, View

LOOKS_A_DAY, DAYS, PATIENCE = 288, 10, 24
WIDTH = 480

Picture = NDArray[np.uint8]


def pictures(path: Path) -> list[Picture]:
    """One a second, grey, 480 wide."""
    found: list[Picture] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        step = max(1, round(float(stream.average_rate or 25)))
        for number, frame in enumerate(container.decode(stream)):
            if number % step == 0:
                height = frame.height * WIDTH // frame.width
                found.append(np.asarray(frame.reformat(WIDTH, height - height % 2, "gray").to_ndarray(), np.uint8))
    return found


def _faint(shown: Picture) -> NDArray[np.float32]:
    tiny = cv2.resize(shown.astype(np.float32), (4, 3), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(tiny, shown.shape[::-1]), np.float32)


def _turn(shown: Picture, across: float, degrees: float) -> Picture:
    high, wide = shown.shape
    turn = cv2.getRotationMatrix2D((wide / 2, high / 2), degrees, 1.0)
    turn[0, 2] += wide * across
    return np.asarray(cv2.warpAffine(shown, turn, (wide, high), borderMode=cv2.BORDER_REFLECT), np.uint8)


def _u8(shown: NDArray[Any]) -> Picture:
    return np.asarray(np.clip(shown, 0, 255), np.uint8)


TAMPERING: dict[str, tuple[str, Callable[[Picture], Picture]]] = {
    "covered": ("black", lambda shown: _u8(_faint(shown) * 0.03 + 4)),
    "painted over": ("black", lambda shown: _u8(_faint(shown) * 0.04 + 120)),
    "out of focus": ("blurred", lambda shown: np.asarray(cv2.GaussianBlur(shown, (0, 0), 3.0), np.uint8)),
    "a little out of focus": ("blurred", lambda shown: np.asarray(cv2.GaussianBlur(shown, (0, 0), 1.5), np.uint8)),
    "turned by a third of the view": ("moved", lambda shown: _turn(shown, 1 / 3, 0)),
    "knocked by a twelfth, 6 degrees": ("moved", lambda shown: _turn(shown, 1 / 12, 6)),
}


def looked_at(shown: list[Picture], change: Callable[[Picture], Picture]) -> list[Figures]:
    """What a look says of each picture; none is compared with the one before, so a frozen picture is not measured here."""
    chance = np.random.default_rng(1)
    noisy = (_u8(change(each) + chance.normal(0, 1.5, each.shape).astype(np.float32)) for each in shown)
    return [figures_of(each.astype(np.float32), True, None)[0] for each in noisy]


class Camera:
    """A view that is looked at."""

    def __init__(self, seed: int) -> None:
        self._chance = np.random.default_rng(seed)
        self.view = View()

    def look(self, shown: list[Figures]) -> str:
        """One more look; the kind of hint that stands after it."""
        self.view.look(shown[int(self._chance.integers(len(shown)))], False, None, 0)
        return next(iter(self.view.hints), "")


def measure(films: dict[str, list[Picture]]) -> list[Claim]:
    claims: list[Claim] = []
    wrong, per_film = 0, {}
    usual = {name: looked_at(shown, lambda each: each) for name, shown in films.items()}
    for seed, (name, figures) in enumerate(usual.items()):
        camera, before, here = Camera(seed), "", 0
        for _ in range(DAYS * LOOKS_A_DAY):
            now = camera.look(figures)
            here += now not in ("", before)
            before = now
        per_film[name] = here
        wrong += here
    days = DAYS * len(films)
    print(f"wrong hints in {DAYS} days, by film: {per_film}", flush=True)
    claims.append(
        Claim(
            f"as usual, {days} camera-days: wrong hints", "<= 0.1", wrong / days, "a camera-day", ok=wrong <= 0.1 * days
        )
    )
    for name, (kind, change) in TAMPERING.items():
        took, others = [], []
        for seed, (film, shown) in enumerate(films.items()):
            camera = Camera(seed)
            for _ in range(LOOKS_A_DAY // 2):
                camera.look(usual[film])
            said, tampered = "", looked_at(shown, change)
            for number in range(1, PATIENCE + 1):
                said = camera.look(tampered)
                if said == kind:
                    took.append(number)
                    break
            else:
                others.append(said)
        claims.append(Claim(f"{name}: hint of {kind}", "", len(took), f"of {len(films)} films"))
        if took:
            claims.append(Claim(f"{name}: looks until then, most", "", max(took), "looks"))
        if any(others):
            print(f"{name}: another hint instead: {others}", flush=True)
    return claims  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="films of fixed cameras, 20 s or longer")
    films = {}
    for path in sorted(parser.parse_args().folder.iterdir()):
        if path.suffix in (".mp4", ".avi", ".mkv"):
            shown = pictures(path)
            if len(shown) >= 20:
                films[path.name] = shown
                print(f"{path.name}: {len(shown)} pictures", flush=True)
    show("tamper hints on real films", measure(films), quick=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
