"""Does the detector find, and masking hide, people of every skin tone equally well? Counts and their uncertainty.

Tones are those of the Monk Skin Tone scale (E. Monk, 2022), 1 to 10, as two people saw them in pictures that were taken with
consent: docs/reference/skin-tone-protocol.md. Nothing here estimates anybody's tone, and no part of the product does.
"""

import csv
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist, median

import numpy as np

from belvedere.foundation.errors import BadInput
from belvedere.media.objects import ObjectKind
from belvedere.vision.masking.seen import body_of, counts
from belvedere.vision.objects.detection import Bgr, ObjectDetector
from belvedere.vision.objects.found import Box, Detection
from belvedere.vision.objects.thumbnail import cover_of

GROUPS: Mapping[str, range] = {"1 to 3": range(1, 4), "4 to 6": range(4, 7), "7 to 10": range(7, 11)}
FEWEST = 100  # of a group: below it the figures say little, and the table says so
_COLUMNS = ("picture", "left", "top", "right", "bottom", "tone")
_MOST_ROWS = 1_000_000
_SAME = 0.5  # intersection over union
_HEAD = 0.18  # of a person's height
_MIDDLE = 0.15  # of a box's width on either side that need not be hidden: nobody fills their box
_HIDDEN = 0.95


@dataclass(frozen=True, slots=True)
class Marked:
    """One person in one picture, as annotated: pixels, and the tone that both annotators agree on within one step."""

    picture: str
    left: float
    top: float
    right: float
    bottom: float
    tone: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one person. `height`: pixels."""

    tone: int
    height: float
    found: bool
    head_hidden: bool
    body_hidden: bool


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `count`; `low` and `high`: Wilson's 95 % interval."""

    hits: int
    count: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.hits / self.count if self.count else math.nan


@dataclass(frozen=True, slots=True)
class ToneRow:
    """Figures of one tone or group of tones."""

    name: str
    count: int
    height: float  # median, pixels
    found: Share
    heads: Share
    bodies: Share


@dataclass(frozen=True, slots=True)
class Gap:
    """How much worse the darkest group fares than the lightest, in shares; Newcombe's 95 % interval of the difference."""

    name: str
    value: float
    low: float
    high: float


def read_marked(path: Path) -> tuple[list[Marked], int]:
    """The people of a CSV, and how many were left out because the annotators disagree by more than one step.

    Columns: picture (a file beside the CSV), left, top, right, bottom (pixels), tone (1 to 10) and, where a second person looked,
    tone_second. Raises BadInput naming the line.
    """
    marked: list[Marked] = []
    apart = 0
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise BadInput(
                f"{path.name} has no column {missing[0]}.",
                advice=f"Its columns are {', '.join(_COLUMNS)}, tone_second.",
            )
        for number, row in enumerate(reader, 2):
            if number > _MOST_ROWS:
                raise BadInput(f"{path.name} has more than {_MOST_ROWS} lines.", advice="Measure it in parts.")
            try:
                one = _marked(row)
            except (ValueError, TypeError) as error:
                raise BadInput(f"Line {number} of {path.name}: {error}.", advice="Mend the line.") from error
            if one is None:
                apart += 1
            else:
                marked.append(one)
    return marked, apart


def _marked(row: Mapping[str, str]) -> Marked | None:
    left, top, right, bottom = (float(row[name]) for name in _COLUMNS[1:5])
    if not (math.isfinite(left + top + right + bottom) and left < right and top < bottom):
        raise ValueError("the box is none")
    tones = [int(row["tone"])]
    if second := (row.get("tone_second") or "").strip():
        tones.append(int(second))
    if any(tone not in range(1, 11) for tone in tones):
        raise ValueError("tones go from 1 to 10")
    name = row["picture"].strip()
    if not name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError("the picture's name is none of a file in this folder")
    if max(tones) - min(tones) > 1:
        return None
    return Marked(name, left, top, right, bottom, tones[0])


def outcomes(
    marked: Iterable[Marked], opened: Callable[[str], Bgr], detector: ObjectDetector, least: float
) -> list[Outcome]:
    """What the detector finds of them at `least`, and what is hidden by all that it finds. One look a picture.

    Only the detector hides here: a single picture has no background. In the masked picture whoever moves is hidden beside it.
    """
    by_picture: dict[str, list[Marked]] = {}
    for one in marked:
        by_picture.setdefault(one.picture, []).append(one)
    made: list[Outcome] = []
    for name, people in by_picture.items():
        picture = opened(name)
        (found,) = detector.find([picture])
        made += _of_picture(people, found, picture.shape[0], picture.shape[1], least)
    return made


def _of_picture(
    people: Sequence[Marked], found: Sequence[Detection], rows: int, columns: int, least: float
) -> list[Outcome]:
    sure = [each.box for each in found if each.kind is ObjectKind.PERSON and each.confidence >= least]
    boxes = [Box(one.left / columns, one.top / rows, one.right / columns, one.bottom / rows) for one in people]
    hits = _matched(boxes, sure)
    heads = cover_of((rows, columns), found)
    bodies = np.zeros((rows, columns), np.bool_)
    for each in found:
        if counts(each):
            body = body_of(each, rows, columns)
            bodies[body.y : body.y + body.h, body.x : body.x + body.w] = True
    made = []
    for number, one in enumerate(people):
        left, right = max(0, round(one.left)), min(columns, round(one.right))
        top, bottom = max(0, round(one.top)), min(rows, round(one.bottom))
        aside = round(_MIDDLE * (right - left))
        across = slice(left + aside, max(left + aside + 1, right - aside))
        head = heads[top : max(top + 1, round(top + _HEAD * (bottom - top))), across]
        whole = bodies[top:bottom, across]
        made.append(
            Outcome(
                one.tone,
                one.bottom - one.top,
                number in hits,
                bool(head.size and np.mean(head > 0) >= _HIDDEN),
                bool(whole.size and whole.mean() >= _HIDDEN),
            )
        )
    return made


def _matched(people: Sequence[Box], found: Sequence[Box]) -> set[int]:
    """Numbers of the people that somebody was found for, best overlap first, one for one."""
    pairs = sorted(
        (
            (_overlap(one, other), first, second)
            for first, one in enumerate(people)
            for second, other in enumerate(found)
        ),
        reverse=True,
    )
    hits: set[int] = set()
    taken: set[int] = set()
    for share, first, second in pairs:
        if share >= _SAME and first not in hits and second not in taken:
            hits.add(first)
            taken.add(second)
    return hits


def _overlap(one: Box, other: Box) -> float:
    wide = min(one.right, other.right) - max(one.left, other.left)
    high = min(one.bottom, other.bottom) - max(one.top, other.top)
    if wide <= 0 or high <= 0:
        return 0.0
    areas = sum((box.right - box.left) * (box.bottom - box.top) for box in (one, other))
    return wide * high / (areas - wide * high)


def share_of(hits: int, count: int) -> Share:
    """With Wilson's 95 % interval (E. B. Wilson, 1927); the whole of 0 to 1 where nothing was counted."""
    if not count:
        return Share(0, 0, 0.0, 1.0)
    z = NormalDist().inv_cdf(0.975)
    p, weight = hits / count, z * z / count
    middle = (p + weight / 2) / (1 + weight)
    half = z * math.sqrt(p * (1 - p) / count + weight / (4 * count)) / (1 + weight)
    return Share(hits, count, min(p, max(0.0, middle - half)), max(p, min(1.0, middle + half)))


def by_tone(seen: Sequence[Outcome]) -> list[ToneRow]:
    """A row for each tone that occurs, then one for each group."""
    tones = [_row(str(tone), [one for one in seen if one.tone == tone]) for tone in sorted({one.tone for one in seen})]
    return tones + [_row(name, [one for one in seen if one.tone in tones_in]) for name, tones_in in GROUPS.items()]


def _row(name: str, seen: Sequence[Outcome]) -> ToneRow:
    count = len(seen)
    return ToneRow(
        name,
        count,
        median(one.height for one in seen) if seen else math.nan,
        share_of(sum(one.found for one in seen), count),
        share_of(sum(one.head_hidden for one in seen), count),
        share_of(sum(one.body_hidden for one in seen), count),
    )


def gaps(seen: Sequence[Outcome]) -> list[Gap]:
    """The lightest group less the darkest (R. G. Newcombe, 1998, method 10): found, head hidden, body hidden."""
    rows = {row.name: row for row in by_tone(seen)}
    light, dark = (rows[name] for name in (next(iter(GROUPS)), list(GROUPS)[-1]))
    return [
        _gap("found", light.found, dark.found),
        _gap("head hidden", light.heads, dark.heads),
        _gap("body hidden", light.bodies, dark.bodies),
    ]


def _gap(name: str, one: Share, other: Share) -> Gap:
    if not (one.count and other.count):
        return Gap(name, math.nan, -1.0, 1.0)
    value = one.value - other.value
    below = math.hypot(one.value - one.low, other.high - other.value)
    above = math.hypot(one.high - one.value, other.value - other.low)
    return Gap(name, value, value - below, value + above)
