"""One camera's pictures: the backdrop with the day's actors in it, in depth order, as I420 planes ready for an encoder."""

from dataclasses import dataclass

import numpy as np

from belvedere.demo.picture import backdrop, lens, osd
from belvedere.demo.picture.canvas import Bytes
from belvedere.demo.picture.composite import Target, cast_shadow, lay_figure, lay_vehicle, shine
from belvedere.demo.picture.light import SKIES, Light
from belvedere.demo.picture.sprites import SpriteBox
from belvedere.demo.picture.view import View
from belvedere.demo.scene import ActorState, CameraPlan, Kind

NOISES = 6  # pictures of sensor noise, used in turn
NEAREST_M, FURTHEST_M = 1.2, 130.0
_VEHICLES = (Kind.CAR, Kind.VAN)
Box = tuple[int, int, int, int]  # left, top, right, bottom; even numbers


@dataclass(frozen=True, slots=True)
class Seen:
    """An actor in the picture: where its origin on the ground falls, its scale, and the part of the picture it may change."""

    actor: ActorState
    depth_m: float
    per_metre: float
    foot: tuple[float, float]
    box: Box


class Painter:
    """Paints frames of one camera under one light. Holds about 30 MB at 1280x720."""

    def __init__(self, scene: backdrop.Scene, hour: Light, sprites: SpriteBox) -> None:
        self.plan: CameraPlan = scene.plan
        self.view: View = scene.view
        self.hour = hour
        self._sprites = sprites
        lit = backdrop.illuminate(scene, hour)
        self.infrared = lit.infrared
        self.clean: Bytes = lens.develop(lit.picture, lit.infrared)
        # The ground hides nobody; everything else that stands does.
        self._hides = np.where(lit.ground, np.float32(np.inf), scene.depth).astype(np.float32)
        deviation = self.plan.noise * SKIES[hour].noise * 0.45
        self._noise = [lens.sensor_noise(self.view.height, self.view.width, deviation, k) for k in range(NOISES)]
        self._still = [lens.planes(self.clean, noise) for noise in self._noise]
        self._target = Target(self.view, SKIES[hour], scene.lamps, self.infrared, sprites)

    def still(self, index: int) -> Bytes:
        """The scene with nobody in it, with noise picture `index`. Not to be written to."""
        return self._still[index % NOISES]

    def frame(self, actors: tuple[ActorState, ...], index: int) -> Bytes:
        """A frame with the actors in it: I420, shape (height * 3 / 2, width). `index` chooses the noise."""
        return self.frame_of(self.seen(actors), index)

    def frame_of(self, seen: list[Seen], index: int) -> Bytes:
        """The same, of actors of whom `seen` has found what the camera sees."""
        planes = self._still[index % NOISES].copy()
        ordered = sorted(seen, key=lambda s: -s.depth_m)
        for box in joined([s.box for s in ordered]):
            self._paint(planes, box, [s for s in ordered if _touch(s.box, box)], index % NOISES)
        return planes

    def seen(self, actors: tuple[ActorState, ...]) -> list[Seen]:
        """Those actors whose picture falls into the frame and is not wholly hidden."""
        if not actors:
            return []
        found = []
        places = self.view.to_pixels(np.array([[actor.x, actor.y, 0.0] for actor in actors]))
        for actor, place in zip(actors, places, strict=True):
            depth = float(place[2])
            if not NEAREST_M < depth < FURTHEST_M:
                continue
            scale = self.view.focal_px / depth
            tall = (max(actor.look.height_m, 1.2) + 0.35) * scale
            reach = max(actor.look.length_m * 0.75, 0.75) * scale
            lying = actor.look.height_m * 0.6 * scale if actor.posture == "fallen" else 0.0
            shadow = 1.6 * scale
            left, right = place[0] - reach - lying - shadow, place[0] + reach + lying + shadow
            box = self._even_box(left, place[1] - tall - 6, right, place[1] + (reach + lying) * 0.7 + 8)
            if box is not None and self._in_front(actor, depth, box):
                found.append(Seen(actor, depth, scale, (float(place[0]), float(place[1])), box))
        return found

    def _in_front(self, actor: ActorState, depth: float, box: Box) -> bool:
        return bool((self._hides[box[1] : box[3] : 3, box[0] : box[2] : 3] > depth - 0.2).any())

    def _even_box(self, left: float, top: float, right: float, bottom: float) -> Box | None:
        a, b = max(int(left) & ~1, 0), max(int(top) & ~1, 0)
        c, d = min((int(right) + 2) & ~1, self.view.width), min((int(bottom) + 2) & ~1, self.view.height)
        return (a, b, c, d) if c - a > 1 and d - b > 1 else None

    def _paint(self, planes: Bytes, box: Box, seen: list[Seen], noise: int) -> None:
        a, b, c, d = box
        picture = self.clean[b:d, a:c].astype(np.float32)
        hides = self._hides[b:d, a:c]
        for one in seen:
            cast_shadow(self._target, picture, hides, (a, b), one)
        for one in seen:
            if one.actor.kind in _VEHICLES:
                lay_vehicle(self._target, picture, hides, (a, b), one)
            else:
                lay_figure(self._target, picture, hides, (a, b), one)
        if self.hour is not Light.DAY:
            for one in seen:
                shine(self._target, picture, (a, b), one)
        made = lens.planes(np.clip(picture, 0, 255).astype(np.uint8), self._noise[noise][b:d, a:c])
        wide, high = self.view.width, self.view.height
        planes[b:d, a:c] = made[: d - b]
        for whole, part in zip(
            osd.chroma_planes(planes, wide, high), osd.chroma_planes(made, c - a, d - b), strict=True
        ):
            whole[b // 2 : d // 2, a // 2 : c // 2] = part


def _touch(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def joined(boxes: list[Box]) -> list[Box]:
    """Boxes that cover the same pixels, none touching another."""
    left = list(boxes)
    made: list[Box] = []
    while left:
        box = left.pop()
        merged = True
        while merged:
            merged = False
            for group in (left, made):
                for other in list(group):
                    if _touch(box, other):
                        group.remove(other)
                        box = (
                            min(box[0], other[0]),
                            min(box[1], other[1]),
                            max(box[2], other[2]),
                            max(box[3], other[3]),
                        )
                        merged = True
        made.append(box)
    return made
