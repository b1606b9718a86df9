"""How much of people a masked picture hides, heads and whole bodies by size, day and night, with and without the detector.

The demo's estate tells whose every pixel is. BELVEDERE_MODEL=FILE names the detector (ONNX in NanoDet's shape, as `belvedere
models fetch` makes it); without it only the background is measured, and the bench says so. BELVEDERE_PETS=FOLDER with the clip
and the boxes of PETS 2009 S2.L1 measures real people too.
"""

import hashlib
import os
from pathlib import Path

import cv2
import masking_truth as truth
from masking_truth import BANDS, Scene, Score
from table import Claim

from belvedere.demo.picture.light import Light
from belvedere.site.masked.eyes import open_model
from belvedere.vision.models.shelf import Model
from belvedere.vision.objects.detection import ObjectDetector
from belvedere.vision.objects.nanodet import LEAST, SIZE

QUICK = (Scene("playground", Light.DAY, 0.0, 24), Scene("juniper-entrance", Light.NIGHT, 78_600.0, 24))
SCENES = (
    Scene("playground", Light.DAY, 0.0, 60),
    Scene("rowan-court", Light.DAY, 0.0, 60),
    Scene("grove-parade", Light.DAY, 0.0, 60),
    Scene("car-park-east", Light.DAY, 0.0, 60),
    Scene("juniper-entrance", Light.NIGHT, 78_600.0, 60),
    Scene("grove-parade", Light.NIGHT, 71_200.0, 60),
    Scene("rowan-entrance", Light.NIGHT, 82_020.0, 60),
    Scene("maple-way-bins", Light.NIGHT, 88_290.0, 60),
)
TALL = (2, 3)  # bands of people who are large enough to be recognised by somebody who knows them
KNOWN, BEGUN = "an hour known", "just begun"


def detector_of(path: Path) -> ObjectDetector:
    """The detector as masking processes open it."""
    data = path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    model = Model(
        "model", "1", "nanodet", path.name, sha256, len(data), "BELVEDERE_MODEL", "its own", (1,), SIZE, LEAST
    )
    return open_model(os.open(path, os.O_RDONLY), model)


def of_demo(scenes: tuple[Scene, ...], detector: ObjectDetector | None) -> dict[tuple[Light, str, bool], Score]:
    """Scores by hour, how long the view was known, and whether the detector looked."""
    scores: dict[tuple[Light, str, bool], Score] = {}
    for scene in scenes:
        shots = scene.shots()
        for known in (True, False):
            before = scene.before(known)
            for looks in (False, True) if detector is not None else (False,):
                made = truth.masked(before, shots, detector if looks else None)
                scores.setdefault((scene.hour, KNOWN if known else BEGUN, looks), Score()).add(made)
    return scores


def _claims(name: str, without: Score, looking: Score | None) -> list[Claim]:
    said: list[Claim] = []
    shown = looking or without
    peer = "background alone" if looking is not None else ""
    for what in ("heads", "bodies"):
        for band, (low, most) in enumerate(BANDS):
            counted = getattr(shown, what)
            count = counted[band, True] + counted[band, False]
            if not count:
                continue
            label = f"{name}: {what} of people {low} to {most} px hidden, {count}"
            if most == BANDS[-1][1]:
                label = f"{name}: {what} of people over {low} px hidden, {count}"
            old = 100 * without.share(getattr(without, what), (band,)) if looking is not None else None
            said.append(Claim(label, "", 100 * shown.share(counted, (band,)), "%", peer, old))
    covered = 100 * sum(shown.covered) / len(shown.covered)
    before = 100 * sum(without.covered) / len(without.covered) if looking is not None else None
    said.append(Claim(f"{name}: of the picture covered", "", covered, "%", peer, before))
    return said


def bench(*, quick: bool) -> list[Claim]:
    cv2.setNumThreads(1)
    named = os.environ.get("BELVEDERE_MODEL", "")
    detector = detector_of(Path(named)) if named else None
    if detector is None:
        print("BELVEDERE_MODEL names no file: what the background alone hides is measured, the detector is not.")
    claims: list[Claim] = []
    scores = of_demo(QUICK if quick else SCENES, detector)
    for (hour, known, looks), without in scores.items():
        if not looks:
            claims += _claims(f"{hour}, {known}", without, scores.get((hour, known, True)))
    every, hidden = Score(), Score()
    for (_, _, looks), score in scores.items():
        if looks == (detector is not None):
            every.add(score)
        elif not looks:
            hidden.add(score)
    ms = 1000 * every.spent_s / len(every.covered)
    claims.append(Claim("a picture's masking, decoding and encoding left out, a look at every picture", "", ms, "ms"))
    if detector is not None:
        claims.append(Claim("of it the detector", "", 1000 * every.look_s / len(every.covered), "ms"))
        share, was = (100 * score.share(score.heads, TALL) for score in (every, hidden))
        said = f"heads of people over {BANDS[TALL[0]][0]} px hidden, all scenes"
        claims.append(Claim(said, ">= 99 %", share, "%", "background alone", was, share >= 99))
    pets = os.environ.get("BELVEDERE_PETS", "")
    if pets:
        claims += _real(Path(pets), detector, 40 if quick else 160)
    return claims


def _real(folder: Path, detector: ObjectDetector | None, count: int) -> list[Claim]:
    clip, boxes = folder / "01_pets2009_s2l1_view001_480x360.avi", folder / "pets_s2l1_gt" / "gt_480x360_mot.txt"
    without = truth.pets(clip, boxes, count, 5, detector=None)
    looking = truth.pets(clip, boxes, count, 5, detector=detector) if detector is not None else None
    return _claims("PETS 2009", without, looking)
