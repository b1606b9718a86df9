"""What of last night has to be filmed: where each camera sees something move, where people only idle, where nothing happens."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from belvedere.demo.cameras import clear_sight, project
from belvedere.demo.life.night import NIGHT_END_S, NIGHT_START_S, build_night
from belvedere.demo.life.track import Stay
from belvedere.demo.scene import CameraPlan, Incident, Kind
from belvedere.demo.town import Town, build_town

STEP_S = 0.5
IDLE_PERIOD_S = 20.0  # every idle cycle of a long scene divides this
SMALLEST_PX = 12.0  # a thing lower than this in the main stream's picture counts as not there
FURTHEST_M = 130.0  # likewise
_PAD_S = 1.5
_JOIN_S = 4.0
_SHORTEST_IDLE_S = 2 * IDLE_PERIOD_S
_LEAD_S = 540.0
_SHORTEST_WINDOW_S = 1320.0


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one camera's night. Spans of a camera join without gap or overlap."""

    start_s: float
    end_s: float
    kind: str  # moving: film it all; idling: film period_s and repeat; quiet: one group of pictures, repeated
    period_s: float  # 0 unless idling
    # Ids of actors in view that do not leave their place. Quiet spans with the same list look the same.
    still: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Samples:
    """Every actor of the night at every half second, flat arrays; stays are listed once, with the seconds they last."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    height: NDArray[np.float64]
    first: NDArray[np.int64]  # step
    last: NDArray[np.int64]  # step after the last
    class_of: NDArray[np.int64]  # 0 moving, 1 idling with a cycle that repeats, 2 idling otherwise, 3 still
    who: tuple[str, ...]


@lru_cache(maxsize=2)
def _samples(town: Town) -> _Samples:
    rows: list[tuple[float, float, float, int, int, int]] = []
    who: list[str] = []
    steps = round((NIGHT_END_S - NIGHT_START_S) / STEP_S)
    for track in build_night(town).tracks:
        begun = track.start_s
        for leg, end in zip(track.legs, track.ends, strict=True):
            first = max(0, math.ceil((begun - NIGHT_START_S) / STEP_S))
            last = min(steps, math.ceil((end - NIGHT_START_S) / STEP_S))
            tall = track.look.height_m
            if isinstance(leg, Stay):
                if track.kind != Kind.PERSON:
                    sort = 3
                else:
                    sort = 1 if (IDLE_PERIOD_S / leg.cycle_s).is_integer() else 2
                if first < last:
                    rows.append((leg.x, leg.y, tall, first, last, sort))
                    who.append(track.id)
            else:
                for step in range(first, last):
                    state = track.state(NIGHT_START_S + step * STEP_S)
                    if state is not None:
                        rows.append((state.x, state.y, tall, step, step + 1, 0))
                        who.append(track.id)
            begun = end
    table = np.array(rows)
    whole = table[:, 3:6].astype(np.int64)
    return _Samples(table[:, 0], table[:, 1], table[:, 2], whole[:, 0], whole[:, 1], whole[:, 2], tuple(who))


def _seen(camera: CameraPlan, town: Town, samples: _Samples) -> NDArray[np.int64]:
    """Indexes of the samples that the camera makes out."""
    px, top, depth = project(camera, samples.x, samples.y, samples.height)
    _, bottom, _ = project(camera, samples.x, samples.y, np.zeros_like(samples.x))
    margin = 0.04 * camera.width
    candidate = np.flatnonzero(
        (depth > 0.5)
        & (depth < FURTHEST_M)
        & (bottom - top >= SMALLEST_PX)
        & (px > -margin)
        & (px < camera.width + margin)
        & (bottom > 0)
        & (top < camera.height)
    )
    kept = []
    for part in np.array_split(candidate, max(1, len(candidate) // 1500)):
        clear = np.zeros(len(part), dtype=np.bool_)
        for level in (0.3, 0.95):
            clear |= clear_sight(camera, samples.x[part], samples.y[part], samples.height[part] * level, town)
        kept.append(part[clear])
    return np.concatenate(kept)


@lru_cache(maxsize=32)
def spans(camera: CameraPlan, town: Town | None = None) -> tuple[Span, ...]:
    """The whole night of a camera, 19:00 to 01:30, cut where what it sees changes. About 0.2 s a camera, then remembered."""
    town = town or build_town()
    samples = _samples(town)
    steps = round((NIGHT_END_S - NIGHT_START_S) / STEP_S)
    moving = np.zeros(steps, dtype=np.bool_)
    present: list[set[str]] = [set() for _ in range(steps)]
    idling: list[bool] = [False] * steps
    pad = round(_PAD_S / STEP_S)
    for i in _seen(camera, town, samples):
        first, last, sort = int(samples.first[i]), int(samples.last[i]), int(samples.class_of[i])
        if sort in (0, 2):
            moving[max(0, first - pad) : last + pad] = True
            continue
        for step in range(first, last):
            present[step].add(samples.who[i])
            idling[step] = idling[step] or sort == 1
    keys = [tuple(sorted(names)) for names in present]
    cuts = _cut(moving, keys, idling)
    return tuple(_named(cut, keys, idling) for cut in cuts)


def _cut(moving: NDArray[np.bool_], keys: list[tuple[str, ...]], idling: list[bool]) -> list[tuple[int, int, bool]]:
    """Runs of steps (first, last, moving) after short pauses and short idling have been given to the movement around."""
    runs: list[tuple[int, int, bool]] = []
    begun = 0
    for step in range(1, len(keys) + 1):
        if step == len(keys) or moving[step] != moving[begun] or (not moving[step] and keys[step] != keys[begun]):
            runs.append((begun, step, bool(moving[begun])))
            begun = step
    shortest = {True: _SHORTEST_IDLE_S / STEP_S, False: _JOIN_S / STEP_S}
    merged: list[tuple[int, int, bool]] = []
    for first, last, moves in runs:
        active = moves or last - first < shortest[idling[first]]
        if merged and active and merged[-1][2]:
            merged[-1] = (merged[-1][0], last, True)
        else:
            merged.append((first, last, active))
    return merged


def _named(cut: tuple[int, int, bool], keys: list[tuple[str, ...]], idling: list[bool]) -> Span:
    first, last, moves = cut
    start, end = NIGHT_START_S + first * STEP_S, NIGHT_START_S + last * STEP_S
    if moves:
        return Span(start, end, "moving", 0.0, ())
    if idling[first]:
        return Span(start, end, "idling", IDLE_PERIOD_S, keys[first])
    return Span(start, end, "quiet", 0.0, keys[first])


def active_spans(camera: CameraPlan, town: Town | None = None) -> list[tuple[float, float]]:
    """The stretches of the night (start, end in seconds of the demo day) in which something moves in the camera's view."""
    return [(span.start_s, span.end_s) for span in spans(camera, town) if span.kind == "moving"]


def window(incident: Incident) -> tuple[float, float]:
    """The stretch of footage around an incident, whole minutes, 22 at least: quiet before, the incident, quiet after."""
    start = math.floor((incident.start_s - _LEAD_S) / 60) * 60.0
    end = max(start + _SHORTEST_WINDOW_S, math.ceil((incident.end_s + 240) / 60) * 60.0)
    return max(start, NIGHT_START_S), min(end, NIGHT_END_S)


def spans_between(camera: CameraPlan, start_s: float, end_s: float, town: Town | None = None) -> tuple[Span, ...]:
    """The camera's spans from `start_s` to `end_s`, the first and last cut to fit."""
    return tuple(
        Span(max(span.start_s, start_s), min(span.end_s, end_s), span.kind, span.period_s, span.still)
        for span in spans(camera, town)
        if span.start_s < end_s and span.end_s > start_s
    )
