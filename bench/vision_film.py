"""Films of the demo through the product's own eyes, and through what recorders usually do: events, truth, processor time."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import cv2
import numpy as np

from belvedere.demo.cameras import camera_by_id
from belvedere.demo.footage import window
from belvedere.demo.incidents import INCIDENTS
from belvedere.demo.scene import CameraPlan, Kind
from belvedere.demo.town import build_town
from belvedere.demo.truth import Sighting, truth
from belvedere.foundation.clock import SECOND_US
from belvedere.media.objects import VEHICLES, ObjectKind
from belvedere.site.seeing.eyes import Eyes
from belvedere.site.seeing.live import detection
from belvedere.site.seeing.pipe import Glance, Keyframe
from belvedere.site.seeing.worker import Sight
from belvedere.vision.events.gatherer import EventGatherer
from belvedere.vision.events.presence import Presence
from belvedere.vision.objects.detection import ObjectDetector

WIDTH, HEIGHT = 640, 360  # of the picture that is looked at
PEER_FPS = 5
_PEER_MOVED = 0.0015  # of the picture in one blob: the usual motion gate
_SEEN = 0.5  # of an actor in view and not behind a building
LEAST_S = 2.0
_SLACK_S = 2.0
_OVERLAP = 0.2
_KINDS = {
    Kind.PERSON: "person",
    Kind.CAR: "vehicle",
    Kind.VAN: "vehicle",
    Kind.MOPED: "vehicle",
}
BANDS = ((10, 20), (20, 40), (40, 80), (80, 400))


@dataclass(frozen=True, slots=True)
class Reel:
    """A film and the second of the loop or of the night at which it begins."""

    camera: str
    stream: str
    path: Path
    start_s: float
    loop: bool

    @property
    def light(self) -> str:
        return "day" if self.loop else "night"


@dataclass(slots=True)
class Run:
    """What came of a film. Seconds of processor time, by what they went to; counts of pictures."""

    film_s: float = 0.0
    events: list[Presence] = field(default_factory=list)
    keyframes: int = 0
    active: int = 0
    quiet_cpu_s: float = 0.0
    active_cpu_s: float = 0.0
    frames: int = 0
    decode_cpu_s: float = 0.0
    looks: int = 0
    look_cpu_s: float = 0.0


def reels(folder: Path, stream: str) -> list[Reel]:
    """The demo's films of one stream that lie there."""
    found = []
    for path in sorted(folder.glob(f"*-{stream}-*.mp4")):
        name = path.name.rsplit(f"-{stream}-", 1)[0]
        if name.startswith("live-"):
            found.append(Reel(name.removeprefix("live-"), stream, path, 0.0, True))
        elif name.startswith("night-"):
            rest = name[len("night-2026-11-22-") :]
            incident = next((each for each in INCIDENTS if rest.startswith(f"{each.id}-")), None)
            if incident is not None:
                begins_s, _ = window(incident)
                found.append(Reel(rest.removeprefix(f"{incident.id}-"), stream, path, begins_s, False))
    return found


def parameter_sets(extradata: bytes) -> tuple[bytes, ...]:
    """Of an avcC box (ISO/IEC 14496-15, 5.3.3.1): sequence and picture sets."""
    sets, at = [], 5
    for mask in (0x1F, 0xFF):
        count, at = extradata[at] & mask, at + 1
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            sets.append(extradata[at + 2 : at + 2 + size])
            at += 2 + size
    return tuple(sets)


def keyframes(reel: Reel, from_s: float, to_s: float) -> Iterator[tuple[float, Keyframe]]:
    """Keyframes as they were recorded, with their second in the film; nothing is decoded."""
    with av.open(str(reel.path)) as film:
        stream = film.streams.video[0]
        sets = parameter_sets(bytes(stream.codec_context.extradata or b""))
        for packet in film.demux(stream):
            if packet.is_keyframe and packet.pts is not None and packet.time_base is not None:
                at_s = float(packet.pts * packet.time_base)
                if from_s <= at_s < to_s:
                    yield at_s, Keyframe("h264", sets, bytes(packet))


def product(reel: Reel, eyes: Eyes, from_s: float, to_s: float) -> Run:
    """Keyframes decoded small, compared, looked at where something moved, joined to events: the site's own worker and gatherer."""
    sight, gatherer, run, fresh = Sight(eyes), EventGatherer(), Run(film_s=to_s - from_s), True
    for at_s, keyframe in keyframes(reel, from_s, to_s):
        begun = time.process_time()
        (glanced,) = sight.see((Glance(1, fresh, True, keyframe),)).glanced
        fresh = False
        if not glanced.quiet and not glanced.failed:
            found = [detection(each) for each in glanced.found]
            run.events += gatherer.feed(round(at_s * SECOND_US), found)
        spent = time.process_time() - begun
        run.keyframes += 1
        if glanced.quiet:
            run.quiet_cpu_s += spent
        else:
            run.active += 1
            run.active_cpu_s += spent
    run.events += gatherer.finish()
    return run


def peer(reel: Reel, detector: ObjectDetector, from_s: float, to_s: float) -> Run:
    """Every frame of the stream decoded, MOG2 as a motion gate, the same detector five times a second while something moves."""
    gate = cv2.createBackgroundSubtractorMOG2(history=300, varThreshold=25, detectShadows=False)
    gatherer, run, next_s = EventGatherer(), Run(film_s=to_s - from_s), 0.0
    with av.open(str(reel.path)) as film:
        stream = film.streams.video[0]
        stream.codec_context.thread_count = 1
        film.seek(int(from_s * av.time_base))
        begun = time.process_time()
        for frame in film.decode(stream):
            at_s = float(frame.time or 0.0)
            if at_s >= to_s:
                break
            if at_s < from_s:
                continue
            picture = np.asarray(frame.reformat(width=WIDTH, height=HEIGHT, format="bgr24").to_ndarray(), np.uint8)
            moving = gate.apply(cv2.resize(picture, (320, 180), interpolation=cv2.INTER_AREA))
            _, _, stats, _ = cv2.connectedComponentsWithStats(moving)
            blob = int(stats[1:, cv2.CC_STAT_AREA].max()) if len(stats) > 1 else 0
            run.frames += 1
            run.decode_cpu_s += time.process_time() - begun
            begun = time.process_time()
            if blob > _PEER_MOVED * moving.size and at_s >= next_s:
                next_s = at_s + 1 / PEER_FPS - 1e-3
                (found,) = detector.find([picture])
                run.events += gatherer.feed(round(at_s * SECOND_US), found)
                run.looks += 1
                run.look_cpu_s += time.process_time() - begun
                begun = time.process_time()
    run.events += gatherer.finish()
    return run


# Truth ----------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Stay:
    """An actor's unbroken stay in a picture: seconds of the film, the tallest it was, and its boxes (shares) by half second."""

    actor: str
    kind: str
    start_s: float
    end_s: float
    height_px: float
    boxes: dict[int, tuple[float, float, float, float]]
    moved: bool = False


def stays(reel: Reel, from_s: float, to_s: float, least_s: float = LEAST_S) -> list[Stay]:
    """Who was there for two seconds and more, by the demo's truth."""
    plan, town = camera_by_id(reel.camera), build_town()
    going: dict[str, Stay] = {}
    over: list[Stay] = []
    for half in range(round(from_s * 2), round(to_s * 2)):
        at_s = half / 2
        here = {}
        for each in truth(plan, reel.start_s + at_s, reel.loop, town):
            if each.visible >= _SEEN and Kind(each.kind) in _KINDS:
                here[each.actor] = each
        for actor in [name for name in going if name not in here]:
            over.append(going.pop(actor))
        for actor, seen in here.items():
            box = _shares(seen, plan)
            stay = going.get(actor)
            if stay is None:
                stay = going[actor] = Stay(actor, _KINDS[Kind(seen.kind)], at_s, at_s, 0.0, {})
            elif not stay.moved:
                first = next(iter(stay.boxes.values()))
                stay.moved = abs(first[0] - box[0]) + abs(first[3] - box[3]) > 0.02
            stay.end_s = at_s
            stay.height_px = max(stay.height_px, (box[3] - box[1]) * HEIGHT)
            stay.boxes[half] = box
    over += going.values()
    return [each for each in over if each.end_s - each.start_s >= least_s]


def _shares(seen: Sighting, plan: CameraPlan) -> tuple[float, float, float, float]:
    left, top, right, bottom = seen.box
    return left / plan.width, top / plan.height, right / plan.width, bottom / plan.height


def group(kind: ObjectKind) -> str:
    return "person" if kind is ObjectKind.PERSON else "vehicle" if kind in VEHICLES else str(kind)


def meets(event: Presence, stay: Stay) -> bool:
    """Whether an event is of this stay: the same sort of thing, at the same place at some moment of its path."""
    if group(event.kind) != stay.kind:
        return False
    start_s, end_s = event.start_us / SECOND_US, event.end_us / SECOND_US
    if end_s < stay.start_s - _SLACK_S or start_s > stay.end_s + _SLACK_S:
        return False
    for step in event.path:
        box = stay.boxes.get(round(step.time_us * 2 / SECOND_US))
        if box is not None:
            margin = _OVERLAP * (box[3] - box[1])
            if box[0] - margin <= step.x <= box[2] + margin and abs(step.y - box[3]) <= 0.35 * (box[3] - box[1]) + 0.01:
                return True
    return False


def band_of(height_px: float) -> tuple[int, int]:
    return next((band for band in BANDS if band[0] <= height_px < band[1]), (0, 10))


def found_of(stays_here: Sequence[Stay], events: Sequence[Presence]) -> list[bool]:
    """Of each stay, whether some event is of it."""
    return [any(meets(event, stay) for event in events) for stay in stays_here]


def right_of(stays_here: Sequence[Stay], events: Sequence[Presence]) -> list[bool]:
    """Of each event, whether somebody was there."""
    return [any(meets(event, stay) for stay in stays_here) for event in events]
