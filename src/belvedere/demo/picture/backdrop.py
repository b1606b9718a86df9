"""The estate as one camera sees it with nobody in it: painted once, lit for an hour, kept with its depth."""

import math
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from belvedere.demo.picture import facade, furniture, grain, ground
from belvedere.demo.picture.canvas import OVERSAMPLE, Bytes, Canvas
from belvedere.demo.picture.light import (
    GAMMA,
    INFRARED,
    INFRARED_REACH_M,
    LAMP_REACH_M,
    SKIES,
    Lamps,
    Light,
    Sky,
    lamp_share,
)
from belvedere.demo.picture.solid import Face, box, placed
from belvedere.demo.picture.view import Floats, View
from belvedere.demo.scene import Building, CameraPlan
from belvedere.demo.town import Town

FAR_M = 240.0
DETAIL_M = 95.0  # balconies and furniture are drawn up to here


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Unlit buffers at the picture's resolution."""

    plan: CameraPlan
    view: View
    colour: Bytes  # (h, w, 3) BGR
    glow: Bytes
    depth: Floats  # (h, w) metres along the optical axis, infinite for sky
    surface: Bytes  # (h, w) index into `directions`
    directions: Floats  # (n, 3) unit vectors; the first is zero, for the sky
    lamps: Lamps

    def facing(self, values: Floats) -> Floats:
        """One value a direction, spread over the pixels."""
        return np.asarray(values[self.surface], np.float32)


def survey(plan: CameraPlan, town: Town) -> Scene:
    """Paint what `plan` sees. About a second for 960x540."""
    view = View.of(plan)
    canvas = Canvas(view)
    ahead = view.forward[:2] / max(float(np.hypot(*view.forward[:2])), 1e-6)
    half = 70.0
    centre = (float(plan.x + ahead[0] * (half - 15)), float(plan.y + ahead[1] * (half - 15)))
    ground.paint(canvas, town, ground.GroundPlan(town, centre, half))
    # The nearest first: walls that they hide are never painted.
    for building in sorted(town.buildings, key=lambda b: _nearest_m(b, plan)):
        if _in_sight(view, np.array(building.footprint), building.height_m, FAR_M):
            _building(canvas, building, town)
    trees = []
    for fixture in town.fixtures:
        if fixture.kind == "tree":
            trees.append(fixture)
        elif _in_sight(view, np.array([(fixture.x, fixture.y)]), fixture.height_m, DETAIL_M, slack_m=6.0):
            away = math.hypot(fixture.x - plan.x, fixture.y - plan.y)
            _faces(canvas, furniture.faces(fixture, away))
    trees.sort(key=lambda f: -math.hypot(f.x - plan.x, f.y - plan.y))
    for fixture in trees:
        furniture.tree(canvas, fixture)
    size = (view.width, view.height)
    return Scene(
        plan,
        view,
        np.asarray(cv2.resize(canvas.colour, size, interpolation=cv2.INTER_AREA), np.uint8),
        np.asarray(cv2.resize(canvas.glow, size, interpolation=cv2.INTER_AREA), np.uint8),
        np.ascontiguousarray(canvas.depth[::OVERSAMPLE, ::OVERSAMPLE]),
        np.ascontiguousarray(canvas.surface[::OVERSAMPLE, ::OVERSAMPLE]),
        np.array(canvas.directions, np.float32),
        Lamps.of(town, (plan.x, plan.y), 130.0),
    )


def _nearest_m(building: Building, plan: CameraPlan) -> float:
    return min(math.hypot(x - plan.x, y - plan.y) for x, y in building.footprint)


def _in_sight(view: View, places: NDArray[np.float64], height_m: float, far_m: float, slack_m: float = 0.0) -> bool:
    """Whether any of a thing's corners, raised or not, can be in the picture."""
    points = np.concatenate([np.c_[places, np.zeros(len(places))], np.c_[places, np.full(len(places), height_m)]])
    camera = view.to_camera(points)
    if camera[:, 2].max() < 0 or camera[:, 2].min() > far_m:
        return False
    wide = view.width / 2 / view.focal_px
    sideways = camera[:, 0] - slack_m, camera[:, 0] + slack_m
    reach = np.maximum(camera[:, 2], 0) * wide + slack_m * 0.2
    return not ((sideways[0] > reach).all() or (sideways[1] < -reach).all())


def _faces(canvas: Canvas, faces: list[Face]) -> None:
    eye = canvas.view.eye
    for face in faces:
        if not face.thin and float(face.normal @ (eye - face.points[0])) <= 0:
            continue
        colour = face.colour
        if face.gloss:
            up = max(float(face.normal[2]), 0.0)
            sheen = face.gloss * (0.25 + 0.75 * up)
            colour = (
                colour[0] + (214 - colour[0]) * sheen * 0.6,
                colour[1] + (208 - colour[1]) * sheen * 0.6,
                colour[2] + (200 - colour[2]) * sheen * 0.6,
            )
        canvas.polygon(face.points, colour, glow=face.glow, both_sides=face.thin)


def _building(canvas: Canvas, building: Building, town: Town) -> None:
    ring = np.array(building.footprint)
    doors = [d for d in town.doors if d.building == building.name] if building.name else []
    for k in range(len(ring)):
        a, b = ring[k], ring[(k + 1) % len(ring)]
        length = float(np.hypot(*(b - a)))
        if length < 0.5:
            continue
        along = np.array([*((b - a) / length), 0.0])
        out = np.array([along[1], -along[0], 0.0])
        middle = np.array([*(a + b) / 2, building.height_m / 2])
        if float(out @ (canvas.view.eye - middle)) <= 0:
            continue
        on_wall = [d for d in doors if abs((np.array([d.x, d.y]) - a) @ out[:2]) < 0.6]
        at = tuple(sorted(float((np.array([d.x, d.y]) - a) @ along[:2]) for d in on_wall))
        at = tuple(u for u in at if -0.5 < u < length + 0.5)
        wall = facade.Wall(building, length, zlib.crc32(f"{building.footprint}:{k}".encode()), at)
        depth = np.maximum(canvas.view.to_camera(np.array([[*a, 1.6], [*b, 1.6], middle]))[:, 2], 4.0).min()
        origin = np.array([*a, 0.0])
        up = np.array([0.0, 0.0, 1.0])
        corners = np.array([[*a, 0.0], [*b, 0.0], [*b, building.height_m], [*a, building.height_m]])
        canvas.polygon(
            corners, facade.paint(wall, canvas.view.focal_px / float(depth)), origin=origin, along=along, upward=up
        )
        if building.kind == "block" and depth < DETAIL_M:
            _balconies(canvas, wall, origin, along)
    roof = np.array([(x, y, building.height_m) for x, y in building.footprint])
    canvas.polygon(roof, (98, 96, 94))
    if building.kind == "house" and len(ring) == 4:
        _roof(canvas, building, ring)


def _balconies(canvas: Canvas, wall: facade.Wall, origin: NDArray[np.float64], along: NDArray[np.float64]) -> None:
    """A slab and a railing on every second bay above the ground floor, none by a stair core."""
    if wall.length_m < 12:
        return
    step = wall.length_m / wall.bays
    heading = math.atan2(along[1], along[0])
    colour = (150.0, 156.0, 158.0)
    rail = (118.0, 120.0, 116.0) if wall.seed % 2 else (150.0, 148.0, 120.0)
    for bay in range(0, wall.bays, 2):
        if wall.by_a_door(bay * step, (bay + 1) * step):
            continue
        foot = origin + along * (bay + 0.5) * step
        for floor in range(1, wall.building.floors):
            z = floor * wall.storey_m
            slab = box((0, -0.6), (z - 0.16, z), (step * 0.86, 1.2), colour)
            front = box((0, -1.17), (z, z + 1.02), (step * 0.86, 0.05), rail)
            left = box((-step * 0.43, -0.6), (z, z + 1.02), (0.05, 1.2), rail)
            right = box((step * 0.43, -0.6), (z, z + 1.02), (0.05, 1.2), rail)
            _faces(canvas, placed(slab + front + left + right, float(foot[0]), float(foot[1]), heading))


def _roof(canvas: Canvas, building: Building, ring: NDArray[np.float64]) -> None:
    """A gable along the longer side."""
    z, lengths = building.height_m, [float(np.hypot(*(ring[(k + 1) % 4] - ring[k]))) for k in range(4)]
    if lengths[0] < lengths[1]:
        ring = np.roll(ring, -1, axis=0)
    a, b, c, d = ring
    top = z + min(lengths) * 0.32
    ridge = (np.array([*(a + d) / 2, top]), np.array([*(b + c) / 2, top]))
    low = [np.array([*p, z]) for p in (a, b, c, d)]
    tiles = (64.0, 66.0, 84.0)
    canvas.polygon(np.array([low[0], low[1], ridge[1], ridge[0]]), tiles)
    canvas.polygon(np.array([low[2], low[3], ridge[0], ridge[1]]), tiles)
    brick = (float(building.colour[2]), float(building.colour[1]), float(building.colour[0]))
    canvas.polygon(np.array([low[1], low[2], ridge[1]]), brick)
    canvas.polygon(np.array([low[3], low[0], ridge[0]]), brick)


@dataclass(frozen=True, slots=True, eq=False)
class Lit:
    """A scene under a light: BGR float 0..255 (h, w, 3), whether it is infrared (grey), and which pixels are bare ground."""

    picture: NDArray[np.float32]
    infrared: bool
    ground: NDArray[np.bool_]


def illuminate(scene: Scene, light: Light) -> Lit:
    """Let a light fall on a scene."""
    sky, view = SKIES[light], scene.view
    infrared = scene.plan.infrared and light is Light.NIGHT
    across, above = view.rays(0, 0, view.width, view.height)
    solid = np.isfinite(scene.depth)
    depth = np.where(solid, scene.depth, np.float32(1.0)).astype(np.float32)
    places = [view.place(depth, across, above, axis, np.zeros(3)) for axis in np.eye(3)]
    light_map = _sky_light(scene, sky)
    if sky.lamps:
        _lamp_light(scene, sky, places, light_map)
    colour = scene.colour.astype(np.float32)
    if infrared:
        grey = colour @ np.array([0.25, 0.4, 0.35], np.float32)
        lit = 0.35 * light_map.mean(axis=2) + _infrared(scene, depth, across, above)
        picture = np.repeat((grey * np.power(np.clip(lit, 0, 4), 1 / GAMMA))[..., None], 3, axis=2)
        glow = np.repeat(scene.glow.astype(np.float32).mean(axis=2, keepdims=True), 3, axis=2) * 0.9
    else:
        picture = colour * np.power(np.clip(light_map, 0, 4), 1 / GAMMA)
        glow = scene.glow.astype(np.float32)
    heaven = _heaven(scene, sky, above)
    if infrared:
        heaven = np.asarray(np.repeat(heaven.mean(axis=2, keepdims=True), 3, axis=2) * 0.7, np.float32)
    picture = np.asarray(np.where(solid[..., None], picture, heaven), np.float32)
    shine = np.float32(sky.windows ** (1 / GAMMA))
    picture = np.maximum(picture, glow * shine)
    haze = np.where(solid, 1 - np.exp(-np.maximum(depth - 15, 0) / 420.0), 0)[..., None].astype(np.float32)
    picture += (np.float32(heaven[: max(view.height // 3, 1)].mean()) - picture) * haze
    if light is not Light.DAY:
        small = cv2.resize(glow, (view.width // 4, view.height // 4), interpolation=cv2.INTER_AREA)
        bloom = cv2.GaussianBlur(small, (0, 0), view.width / 240) + 0.8 * cv2.GaussianBlur(
            small, (0, 0), view.width / 880
        )
        picture += cv2.resize(bloom, (view.width, view.height)) * (np.float32(0.4) * shine)
    return Lit(np.asarray(picture, np.float32), infrared, solid & (np.abs(places[2]) < 0.04))


def _sky_light(scene: Scene, sky: Sky) -> NDArray[np.float32]:
    """Light of sky and sun: one colour for every direction."""
    half = (0.62 + 0.38 * scene.directions[:, 2:]) * np.array(sky.ambient, np.float32)
    sun = np.clip(scene.directions @ np.array(sky.sun_from, np.float32), 0, 1)[:, None] * np.array(sky.sun, np.float32)
    return scene.facing((half + sun).astype(np.float32))


def _lamp_light(scene: Scene, sky: Sky, places: list[Floats], light_map: NDArray[np.float32]) -> None:
    """Add the street lamps, reckoned on every second pixel each way and only where a lamp reaches."""
    view = scene.view
    few = [np.ascontiguousarray(place[::2, ::2]) for place in places]
    normals = [scene.directions[:, k][scene.surface[::2, ::2]] for k in range(3)]
    sum_of = np.zeros((*few[0].shape, 3), np.float32)
    camera = view.to_camera(scene.lamps.places) if len(scene.lamps.places) else np.zeros((0, 3))
    for lamp, colour, seen in zip(scene.lamps.places, scene.lamps.colours, camera, strict=True):
        part = _reached(view, seen)
        if part is None:
            continue
        dx, dy, dz = (np.float32(lamp[k]) - few[k][part] for k in range(3))
        flat = dx * dx + dy * dy
        share = lamp_share(flat, dz)
        inverse = 1 / np.sqrt(flat + dz * dz + 0.25)
        facing = (normals[0][part] * dx + normals[1][part] * dy + normals[2][part] * dz) * inverse
        share *= np.clip(facing, 0, 1) * 0.92 + 0.08
        sum_of[part] += share[..., None] * np.asarray(colour * sky.lamps, np.float32)
    light_map += cv2.resize(sum_of, (view.width, view.height), interpolation=cv2.INTER_LINEAR)


def _reached(view: View, lamp: NDArray[np.float64]) -> tuple[slice, slice] | None:
    """The part of the half-size picture that a lamp (camera axes, metres) can light."""
    right, up, depth = (float(v) for v in lamp)
    reach = LAMP_REACH_M * 1.25
    if depth < -reach or depth > 170:
        return None
    if depth < reach + 2:
        return slice(None), slice(None)
    near = (depth - reach) / view.focal_px
    left, far_right = view.width / 2 + (right - reach) / near, view.width / 2 + (right + reach) / near
    top, bottom = view.height / 2 - (up + reach * 0.4) / near, view.height / 2 - (up - reach) / near
    rows = slice(max(int(top // 2), 0), max(min(int(bottom // 2) + 1, (view.height + 1) // 2), 0))
    columns = slice(max(int(left // 2), 0), max(min(int(far_right // 2) + 1, (view.width + 1) // 2), 0))
    return None if rows.stop <= rows.start or columns.stop <= columns.start else (rows, columns)


def _infrared(scene: Scene, depth: Floats, across: Floats, above: Floats) -> Floats:
    """Light of the lamps around the lens: falls off with distance and towards the edges of the beam."""
    edge = across * across + above * above
    away = depth * np.sqrt(1 + edge)
    beam = np.exp(-edge / 0.42)
    facing = scene.facing(-(scene.directions @ scene.view.forward.astype(np.float32)))
    return np.asarray(
        INFRARED * beam / (1 + (away / INFRARED_REACH_M) ** 2) * (0.35 + 0.65 * np.clip(facing * 1.4, 0, 1)), np.float32
    )


def _heaven(scene: Scene, sky: Sky, above: Floats) -> NDArray[np.float32]:
    view = scene.view
    slope = float(view.forward[2]) + float(view.up[2]) * above
    rise = np.clip(slope / 0.45, 0, 1)[..., None].astype(np.float32)
    low, high = np.array(sky.horizon, np.float32), np.array(sky.zenith, np.float32)
    heaven = low + (high - low) * rise
    clouds = grain.cloud((view.height, view.width), zlib.crc32(scene.plan.id.encode()), 5.0)
    return np.asarray(heaven * (1 + 0.07 * clouds[..., None]), np.float32)
