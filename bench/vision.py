"""Seeing: processor time against the usual pipeline in the same run, and what is found against the demo's ground truth.

    BELVEDERE_FILMS=DATA/demo/films BELVEDERE_MODELS=DATA/models python3 run.py bench vision [--quick] [--json FILE]

Films are the demo's own (`belvedere demo` makes them), models as `belvedere models fetch` leaves them. BELVEDERE_PETS=FOLDER adds
PETS2009 S2L1 (video and gt). No film of the demo lasts a day: figures of a day are those of its seconds with and without
movement, put together in the shares that the claim names. What is missing is said, never guessed. Shares by band of height
are written to `bench/out/vision.json`, from which `tools/accuracy.py` makes the page and the cards.
"""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path

import av
import msgspec
import numpy as np
import pets
from table import Claim
from vision_film import BANDS, Reel, Run, found_of, peer, product, reels, right_of, stays

from belvedere.foundation.clock import SECOND_US
from belvedere.hub.analysis.honesty import Band
from belvedere.site.seeing.eyes import Eyes, open_eyes
from belvedere.vision.events.presence import Presence
from belvedere.vision.models.shelf import Model, ModelShelf
from belvedere.vision.objects.nanodet import Runner
from belvedere.vision.objects.runners import ways

OUT = Path(__file__).parent / "out"
DATA = Path(__file__).parents[1] / "data"
DAY_S = 86_400
QUIET, BUSY = 0.1, 0.6  # shares of seconds in which something moves
_PEER = "every main-stream frame, MOG2, 5 fps"
_QUICK_DAY = ("grove-parade", "maple-way-bins", "rowan-court", "car-park-west")
_QUICK_NIGHT = ("maple-way-bins", "rowan-court", "grove-parade")


def bench(quick: bool) -> list[Claim]:
    films = Path(os.environ.get("BELVEDERE_FILMS", DATA / "demo" / "films"))
    shelf = ModelShelf(Path(os.environ.get("BELVEDERE_MODELS", DATA / "models")))
    small, large = reels(films, "sub"), reels(films, "main")
    if not small:
        return [Claim(f"no films of the demo in {films}: set BELVEDERE_FILMS", "", 0.0, "")]
    claims = [_demuxed(large)]
    model = shelf.chosen()
    if model is None:
        return [*claims, Claim("no model: belvedere models fetch, or set BELVEDERE_MODELS", "", 0.0, "")]
    eyes = _eyes(shelf, model)
    claims += _paces(shelf, model, eyes)
    day = [reel for reel in small if reel.loop and (not quick or reel.camera in _QUICK_DAY)]
    night = [reel for reel in small if not reel.loop and (not quick or reel.camera in _QUICK_NIGHT)]
    seen = [(reel, *_span(reel, quick)) for reel in (*day, *night)]
    runs = [(reel, from_s, to_s, product(reel, eyes, from_s, to_s)) for reel, from_s, to_s in seen]
    bands, found = _events(runs)
    claims += found
    mine = _joined([run for *_, run in runs])
    claims += _costs(runs, mine, [reel for reel in large if reel.loop], eyes, quick)
    claims += _pets(shelf, quick)
    _keep(model, eyes, bands, claims, quick)
    return claims


def _eyes(shelf: ModelShelf, model: Model) -> Eyes:
    handle = os.open(shelf.path(model), os.O_RDONLY)
    return open_eyes([str(handle), msgspec.json.encode(model).decode()])


def _span(reel: Reel, quick: bool) -> tuple[float, float]:
    """Of a film of the night the quick run takes the minutes in which most keyframes are large: something is there."""
    with av.open(str(reel.path)) as film:
        length_s = float((film.duration or 0) / av.time_base)
        if reel.loop or not quick:
            return 0.0, length_s
        sizes = [0] * (int(length_s // 60) + 1)
        for packet in film.demux(film.streams.video[0]):
            if packet.pts is not None and packet.time_base is not None and not packet.is_keyframe:
                sizes[int(float(packet.pts * packet.time_base) // 60)] += packet.size
        best = max(range(len(sizes)), key=lambda minute: sizes[minute])
        begins_s = max(0.0, min(best * 60.0 - 30, length_s - 150))
        return begins_s, min(length_s, begins_s + 150)


def _demuxed(large: list[Reel]) -> Claim:
    """Sizes by second, which is all that the first ordering of an imported file takes."""
    longest = max(large, key=lambda reel: reel.path.stat().st_size)
    seconds: dict[int, int] = {}
    begun = time.process_time()
    with av.open(str(longest.path)) as film:
        for packet in film.demux(film.streams.video[0]):
            if packet.pts is not None and packet.time_base is not None:
                second = int(packet.pts * packet.time_base)
                seconds[second] = seconds.get(second, 0) + packet.size
    pace = len(seconds) / (time.process_time() - begun)
    return Claim("sizes by second of a file, times real time on one core", ">= 2000", pace, "x", ok=pace >= 2000)


def _paces(shelf: ModelShelf, model: Model, eyes: Eyes) -> list[Claim]:
    ready = eyes.ready
    claims = [Claim(f"one picture through {ready.model} by {ready.provider}", "", ready.ms_a_picture, "ms")]
    for name, make in ways(shelf.path(model)).items():
        if name != ready.provider:
            runner = make()
            claims.append(Claim(f"the same by {name}", "", _network_ms(runner, model), "ms"))
    return claims


def _network_ms(runner: Runner, model: Model) -> float:
    picture = np.zeros((1, 3, *model.size), np.float32)
    taken = []
    for _ in range(6):
        begun = time.process_time_ns()
        runner.run(picture)
        taken.append((time.process_time_ns() - begun) / 1e6)
    return min(taken)


def _events(runs: list[tuple[Reel, float, float, Run]]) -> tuple[list[Band], list[Claim]]:
    """Recall by light, kind and height; precision of events that moved. What stands in the picture for good is no actor."""
    tally: dict[tuple[str, str, tuple[int, int]], list[int]] = {}
    for reel, from_s, to_s, run in runs:
        here = stays(reel, from_s, to_s)
        events = [event for event in run.events if event.moved]
        for stay, met in zip(here, found_of(here, run.events), strict=True):
            _count(tally, reel.light, stay.kind, stay.height_px, (1, int(met), 0, 0))
        for event, was_there in zip(events, right_of(here + _short(reel, from_s, to_s), events), strict=True):
            kind = "person" if event.kind == 1 else "vehicle"
            _count(tally, reel.light, kind, (event.box.bottom - event.box.top) * 360, (0, 0, 1, int(was_there)))
    bands = [Band(light, kind, "sub", *band, *counts) for (light, kind, band), counts in sorted(tally.items())]
    claims = []
    for light in ("day", "night"):
        tall = [band for band in bands if band.light == light and band.least_px >= 40]
        present, found = sum(band.present for band in tall), sum(band.found for band in tall)
        raised, right = sum(band.raised for band in tall), sum(band.right for band in tall)
        if present:
            recall = found / present
            name = f"{light}: of {present} stays of 2 s, 40 px and taller, found"
            claims.append(Claim(name, ">= 0.95", recall, "", ok=recall >= 0.95))
        if raised:
            share = right / raised
            name = f"{light}: of {raised} events that tall which moved, right"
            claims.append(Claim(name, ">= 0.9", share, "", ok=share >= 0.9))
        low = [band for band in bands if band.light == light and band.most_px <= 40]
        for least, most in BANDS[:2]:
            few = [band for band in low if band.least_px == least]
            present, found = sum(band.present for band in few), sum(band.found for band in few)
            if present:
                claims.append(
                    Claim(f"{light}: of {present} stays {least} to {most} px, found", "", found / present, "")
                )
    return bands, claims


def _short(reel: Reel, from_s: float, to_s: float) -> list:  # type: ignore[type-arg]
    """Stays shorter than two seconds: an event of one is right, though it need not have been found."""
    return stays(reel, from_s, to_s, least_s=0.0)


def _count(
    tally: dict[tuple[str, str, tuple[int, int]], list[int]],
    light: str,
    kind: str,
    height_px: float,
    more: tuple[int, int, int, int],
) -> None:
    band = next((band for band in BANDS if band[0] <= height_px < band[1]), None)
    if band is not None:
        counts = tally.setdefault((light, kind, band), [0, 0, 0, 0])
        for place, number in enumerate(more):
            counts[place] += number


def _joined(runs: list[Run]) -> Run:
    total = Run()
    for run in runs:
        for name in ("film_s", "keyframes", "active", "quiet_cpu_s", "active_cpu_s", "frames", "decode_cpu_s", "looks"):
            setattr(total, name, getattr(total, name) + getattr(run, name))
        total.look_cpu_s += run.look_cpu_s
    return total


def _costs(
    runs: list[tuple[Reel, float, float, Run]], mine: Run, large: list[Reel], eyes: Eyes, quick: bool
) -> list[Claim]:
    apart_s = mine.film_s / mine.keyframes
    quiet_ms = mine.quiet_cpu_s / max(1, mine.keyframes - mine.active) * 1000
    active_ms = mine.active_cpu_s / max(1, mine.active) * 1000

    def day_s(share: float) -> float:
        return DAY_S / apart_s * (share * active_ms + (1 - share) * quiet_ms) / 1000

    chosen = [reel for reel in large if reel.camera in ("grove-parade", "maple-way-bins")]
    others: list[tuple[Reel, Run]] = [(reel, peer(reel, eyes.plain, 0.0, 20.0 if quick else 60.0)) for reel in chosen]
    claims = []
    theirs = _joined([run for _, run in others])
    frame_ms = theirs.decode_cpu_s / max(1, theirs.frames) * 1000
    look_ms = theirs.look_cpu_s / max(1, theirs.looks) * 1000
    fps = theirs.frames / max(1.0, len(others) * (20.0 if quick else 60.0))
    for name, share, most, ratio in (("quiet", QUIET, 150, 40), ("busy", BUSY, 800, 12)):
        ours = day_s(share)
        usual = DAY_S * (fps * frame_ms + share * 5 * look_ms) / 1000 if theirs.frames else None
        words = f"{name} camera, {share:.0%} of seconds active: 24 h searchable, put together"
        claims.append(Claim(words, f"<= {most}", ours, "core-s", _PEER, usual, ours <= most))
        if usual is not None:
            many = usual / ours
            claims.append(Claim(f"{name} camera: times less", f">= {ratio}", many, "x", ok=many >= ratio))
    claims += _agreed(runs, others)
    twelve = 12 * day_s(QUIET) / 2 / 60
    claims.append(Claim("12 quiet cameras, 24 h, on 2 cores, put together", "<= 15", twelve, "min", ok=twelve <= 15))
    live = 1000 / active_ms / 12
    claims.append(
        Claim("12 cameras live on one core, each looked at so often a second", ">= 2", live, "fps", ok=live >= 2)
    )
    return claims


def _agreed(runs: list[tuple[Reel, float, float, Run]], others: list[tuple[Reel, Run]]) -> list[Claim]:
    """Of the usual pipeline's events that moved and are 40 px and taller, how many the product has."""
    met, total = 0, 0
    for reel, theirs in others:
        mine = next((run for one, _, _, run in runs if one.loop and one.camera == reel.camera), None)
        if mine is None:
            continue
        for event in theirs.events:
            long = event.end_us - event.start_us >= 2 * SECOND_US
            if long and event.moved and (event.box.bottom - event.box.top) * 360 >= 40:
                total += 1
                met += any(_same(event, other) for other in mine.events)
    if not total:
        return []
    share = met / total
    return [
        Claim(f"of the peer's {total} events of 2 s, 40 px and taller, found", ">= 0.95", share, "", ok=share >= 0.95)
    ]


def _same(one: Presence, other: Presence) -> bool:
    """The same family of things, at about the same place at about the same time."""
    if (one.kind == 1) != (other.kind == 1):
        return False
    return any(
        abs(a.time_us - b.time_us) <= 2 * SECOND_US and abs(a.x - b.x) < 0.12 and abs(a.y - b.y) < 0.15
        for a in one.path
        for b in other.path
    )


def _pets(shelf: ModelShelf, quick: bool) -> list[Claim]:
    folder = os.environ.get("BELVEDERE_PETS", "")
    if not folder:
        return [Claim("PETS2009 S2L1: no clip here, set BELVEDERE_PETS", ">= 0.92", 0.0, "AP50")]
    video = next(Path(folder).glob("*pets2009*.avi"), None)
    boxes = next(Path(folder).rglob("gt*.txt"), None)
    if video is None or boxes is None:
        return [Claim(f"PETS2009 S2L1: no clip in {folder}", ">= 0.92", 0.0, "AP50")]
    return [each for each in pets.claims(shelf, video, boxes, 32 if quick else 8) if "AP50" in each.claim]


def _keep(model: Model, eyes: Eyes, bands: list[Band], claims: list[Claim], quick: bool) -> None:
    OUT.mkdir(exist_ok=True)
    told = {
        "model": f"{model.called}, {eyes.ready.provider}",
        "sha256": model.sha256,
        "scene": "the demo's rendered estate, small streams" + (", a quick sample" if quick else ""),
        "made": time.strftime("%Y-%m-%d", time.gmtime()),
        "bands": [msgspec.structs.asdict(band) for band in bands],
        "claims": [asdict(claim) for claim in claims],
    }
    (OUT / "vision.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
