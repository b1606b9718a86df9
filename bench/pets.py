"""People of PETS2009 S2L1 through the product's own detector: average precision at IoU 0.5, recall, milliseconds a picture.

    python bench/pets.py --video FILE.avi --truth gt_mot.txt --models FOLDER [--every 8] [--json FILE]

The clip ((c) University of Reading, free for research) and its boxes (MOT format, frames from 1, pixels of the clip) are not part
of this project. FOLDER is a folder of models as `belvedere models fetch` leaves it in the data folder.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from table import Claim, show

from belvedere.media.objects import ObjectKind
from belvedere.vision.models.shelf import ModelShelf
from belvedere.vision.objects.detection import Bgr, ObjectDetector
from belvedere.vision.objects.nanodet import NanoDet
from belvedere.vision.objects.runners import choose, ways

Corners = tuple[float, float, float, float]  # left, top, right, bottom in pixels
_SAME = 0.5  # intersection over union
_AGREED = 0.05  # the lowest score that enters the curve


@dataclass(frozen=True, slots=True)
class Curve:
    """Precision against recall. `ap`: area under it, precision made monotone; `recall` at `least_precision`."""

    ap: float
    recall_at_95: float
    boxes: int
    pictures: int


def truth(path: Path) -> dict[int, list[Corners]]:
    """Boxes by frame, from 0."""
    found: dict[int, list[Corners]] = {}
    for line in path.read_text("utf-8").splitlines():
        frame, _, left, top, wide, high = (float(each) for each in line.split(",")[:6])
        found.setdefault(int(frame) - 1, []).append((left, top, left + wide, top + high))
    return found


def pictures(path: Path, every: int) -> Iterator[tuple[int, Bgr]]:
    """Each `every`-th picture of a clip, blue first."""
    with av.open(str(path)) as clip:
        for number, frame in enumerate(clip.decode(video=0)):
            if number % every == 0:
                yield number, np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def curve(found: Sequence[tuple[int, float, Corners]], real: dict[int, list[Corners]]) -> Curve:
    """`found`: frame, score and box of everything, any order. Each true box is met once, by the surest."""
    total = sum(map(len, real.values()))
    left = {frame: list(boxes) for frame, boxes in real.items()}
    hits = np.zeros(len(found), bool)
    order = sorted(range(len(found)), key=lambda place: -found[place][1])
    for rank, place in enumerate(order):
        frame, _, box = found[place]
        overlaps = [overlap(box, each) for each in left.get(frame, [])]
        if overlaps and max(overlaps) >= _SAME:
            left[frame].pop(int(np.argmax(overlaps)))
            hits[rank] = True
    right = np.cumsum(hits)
    precision, recall = right / np.arange(1, len(found) + 1), right / max(1, total)
    steep = np.maximum.accumulate(precision[::-1])[::-1]
    ap = float(np.sum(np.diff(np.concatenate([[0.0], recall])) * steep)) if len(found) else 0.0
    good = recall[precision >= 0.95]
    return Curve(ap, float(good.max()) if good.size else 0.0, total, len(real))


def overlap(one: Corners, other: Corners) -> float:
    """Intersection over union."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    shared = wide * high
    return shared / ((one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared)


def measured(detector: ObjectDetector, video: Path, real: dict[int, list[Corners]], every: int) -> tuple[Curve, float]:
    """The curve of people, and milliseconds of processor time a picture."""
    found: list[tuple[int, float, Corners]] = []
    seen: dict[int, list[Corners]] = {}
    taken_ns, count = 0, 0
    for number, picture in pictures(video, every):
        begun_ns = time.process_time_ns()
        (detections,) = detector.find([picture])
        taken_ns, count = taken_ns + time.process_time_ns() - begun_ns, count + 1
        high, wide = picture.shape[:2]
        seen[number] = real.get(number, [])
        for each in detections:
            if each.kind is ObjectKind.PERSON:
                box = each.box
                corners = (box.left * wide, box.top * high, box.right * wide, box.bottom * high)
                found.append((number, each.confidence, corners))
    return curve(found, seen), taken_ns / 1e6 / max(1, count)


def claims(shelf: ModelShelf, video: Path, boxes: Path, every: int) -> list[Claim]:
    """The table: sizes on the runner that the product takes, then the same pictures on every other runner."""
    model = shelf.chosen()
    if model is None:
        return [Claim("no model here: belvedere models fetch", "", 0.0, "")]
    real, path = truth(boxes), shelf.path(model)
    found = []
    runner, chosen = choose(path)
    for size in ((416, 416), (384, 640), (640, 640)):
        detector = NanoDet(runner, model.called, size, least=_AGREED)
        told, ms = measured(detector, video, real, every)
        name = f"{model.called} {size[1]}x{size[0]}, {chosen.provider}"
        goal = (">= 0.92", told.ap >= 0.92) if size == (384, 640) else ("", None)
        found.append(
            Claim(f"{name}: AP50 of {told.boxes} people in {told.pictures} pictures", goal[0], told.ap, "", ok=goal[1])
        )
        found.append(Claim(f"{name}: found where 95 % are right", "", told.recall_at_95, ""))
        found.append(Claim(f"{name}: processor time a picture", "", ms, "ms"))
    for name, make in ways(path).items():
        if name != chosen.provider:
            detector = NanoDet(make(), model.called, (416, 416), least=_AGREED)
            told, ms = measured(detector, video, real, 4 * every)
            found.append(Claim(f"{model.called} 416x416, {name}: AP50", "", told.ap, ""))
            found.append(Claim(f"{model.called} 416x416, {name}: processor time a picture", "", ms, "ms"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--every", type=int, default=8)
    parser.add_argument("--json", type=Path)
    told = parser.parse_args()
    found = claims(ModelShelf(told.models), told.video, told.truth, told.every)
    show("pets", found, quick=told.every > 8)
    if told.json:
        told.json.write_text(json.dumps([each.as_json() for each in found], indent=1), "utf-8")


if __name__ == "__main__":
    main()
