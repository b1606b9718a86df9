"""Lays actors into a part of a picture: shadow, figure or vehicle, head lamps. Parts are BGR float (h, w, 3)."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from belvedere.demo.picture import light, vehicles
from belvedere.demo.picture.light import GAMMA, Lamps, Sky
from belvedere.demo.picture.solid import Face
from belvedere.demo.picture.sprites import SpriteBox
from belvedere.demo.picture.view import NEAR_M, Floats, View
from belvedere.demo.scene import ActorState, Kind

if TYPE_CHECKING:
    from belvedere.demo.picture.render import Seen

Corner = tuple[int, int]  # the part's upper left pixel in the picture
_BLOB_PX = 48


def _blob() -> Floats:
    at = (np.arange(_BLOB_PX, dtype=np.float32) + 0.5) / _BLOB_PX * 2 - 1
    away = at[None, :] ** 2 + at[:, None] ** 2
    return np.asarray(np.clip(1 - away, 0, 1) ** 1.6, np.float32)


_SOFT = _blob()


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What a camera's actors are painted for."""

    view: View
    sky: Sky
    lamps: Lamps
    infrared: bool
    sprites: SpriteBox


def light_on(target: Target, actor: ActorState, depth_m: float) -> NDArray[np.float64]:
    """Gamma-space factors (BGR) of the light on an actor."""
    falling = light.at_point(target.sky, target.lamps, actor.x, actor.y)
    if target.infrared:
        lamp = light.INFRARED / (1 + (depth_m / light.INFRARED_REACH_M) ** 2)
        falling = np.full(3, 0.35 * float(falling.mean()) + lamp)
    return np.asarray(np.power(np.clip(falling, 0.0, 1.6), 1 / GAMMA))


def turn_of(view: View, actor: ActorState) -> float:
    """A heading as the camera sees it: 0 to the right, pi/2 away, counter-clockwise from above."""
    away = math.atan2(actor.y - float(view.eye[1]), actor.x - float(view.eye[0]))
    return actor.heading_rad - away + math.pi / 2


def cast_shadow(target: Target, picture: NDArray[np.float32], hides: Floats, corner: Corner, seen: "Seen") -> None:
    """Darken the ground under an actor, and away from the sun or the nearest street lamp."""
    actor = seen.actor
    if actor.kind in (Kind.CAR, Kind.VAN):
        length, width = actor.look.length_m * 0.56, 1.25
        ahead = (math.cos(actor.heading_rad), math.sin(actor.heading_rad))
        _darken(target, picture, hides, corner, seen, (0.0, 0.0), (ahead, length), width, 0.62)
        return
    wide = max(0.34, actor.look.length_m * 0.42)
    ahead = (math.cos(actor.heading_rad), math.sin(actor.heading_rad))
    long = actor.look.height_m * 0.55 if actor.posture == "fallen" else wide
    _darken(target, picture, hides, corner, seen, (0.0, 0.0), (ahead, long), min(wide, 0.42), 0.5)
    if target.infrared:
        return
    away, length, share = _throw(target, actor)
    if share > 0.03:
        middle = (away[0] * length * 0.5, away[1] * length * 0.5)
        _darken(target, picture, hides, corner, seen, middle, (away, length * 0.56), 0.30, share)


def _throw(target: Target, actor: ActorState) -> tuple[tuple[float, float], float, float]:
    """Direction, length in metres and depth of the cast shadow."""
    tall = 0.6 if actor.posture in ("fallen", "sit") else actor.look.height_m
    sun = target.sky.sun_from
    if target.sky.lamps == 0:
        flat = max(math.hypot(sun[0], sun[1]), 1e-6)
        return (-sun[0] / flat, -sun[1] / flat), min(tall * flat / max(sun[2], 0.2), 2.6), 0.34
    lamp = target.lamps.nearest(actor.x, actor.y)
    if lamp is None:
        return (1.0, 0.0), 0.0, 0.0
    dx, dy = actor.x - lamp[0], actor.y - lamp[1]
    flat = max(math.hypot(dx, dy), 1e-3)
    length = min(tall * flat / max(lamp[2] - tall, 0.5), 2.6)
    return (dx / flat, dy / flat), length, 0.42 * max(0.0, 1 - flat / (light.LAMP_REACH_M * 0.7))


def _darken(
    target: Target,
    picture: NDArray[np.float32],
    hides: Floats,
    corner: Corner,
    seen: "Seen",
    offset_m: tuple[float, float],
    long: tuple[tuple[float, float], float],
    width_m: float,
    share: float,
) -> None:
    """Darken a soft ellipse on the ground: its centre's offset from the actor, its long axis (direction, half length) and half
    width."""
    (ax, ay), length = long
    x, y = seen.actor.x + offset_m[0], seen.actor.y + offset_m[1]
    ground = np.array([[x, y, 0.0], [x + ax * length, y + ay * length, 0.0], [x - ay * width_m, y + ax * width_m, 0.0]])
    places = target.view.to_pixels(ground)
    if places[:, 2].min() < NEAR_M * 2:
        return
    (cx, cy), (px, py), (qx, qy) = (places[:, :2] - corner).tolist()
    half = _BLOB_PX / 2
    ux, uy, vx, vy = (px - cx) / half, (py - cy) / half, (qx - cx) / half, (qy - cy) / half
    reach_x, reach_y = math.hypot(px - cx, qx - cx), math.hypot(py - cy, qy - cy)
    a, b = max(int(cx - reach_x), 0), max(int(cy - reach_y), 0)
    c, d = min(int(cx + reach_x) + 2, picture.shape[1]), min(int(cy + reach_y) + 2, picture.shape[0])
    if a >= c or b >= d:
        return
    matrix = np.array([[ux, vx, cx - half * (ux + vx) - a], [uy, vy, cy - half * (uy + vy) - b]])
    shade = cv2.warpAffine(_SOFT, matrix, (c - a, d - b), flags=cv2.INTER_LINEAR)
    keep = 1 - shade * np.isinf(hides[b:d, a:c]) * np.float32(share)
    picture[b:d, a:c] *= keep[..., None]


def lay_figure(target: Target, picture: NDArray[np.float32], hides: Floats, corner: Corner, seen: "Seen") -> None:
    """Lay the figure of a person, rider, dog or bag over a part of the picture."""
    actor, view = seen.actor, target.view
    flat = math.hypot(actor.x - float(view.eye[0]), actor.y - float(view.eye[1]))
    elevation = math.atan2(float(view.eye[2]) - 0.8, flat)
    figure = target.sprites.figure(actor, turn_of(view, actor), elevation, seen.per_metre, target.infrared)
    k = seen.per_metre / figure.per_metre
    left, top = seen.foot[0] - corner[0] - k * figure.foot[0], seen.foot[1] - corner[1] - k * figure.foot[1]
    high, wide = figure.alpha.shape
    a, b = max(math.floor(left), 0), max(math.floor(top), 0)
    c, d = min(math.ceil(left + k * wide) + 1, picture.shape[1]), min(math.ceil(top + k * high) + 1, picture.shape[0])
    if a >= c or b >= d:
        return
    # Pixel centres: the half pixel keeps a figure from creeping as its scale changes.
    matrix = np.array([[k, 0, left - a + 0.5 * k - 0.5], [0, k, top - b + 0.5 * k - 0.5]])
    size = (c - a, d - b)
    colour = cv2.warpAffine(figure.colour, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(figure.alpha, matrix, size, flags=cv2.INTER_LINEAR)
    slack = 0.25 + 0.4 * actor.look.length_m + (0.7 if actor.posture == "fallen" else 0.0)
    alpha *= hides[b:d, a:c] > seen.depth_m - slack
    part = picture[b:d, a:c]
    part += (colour * light_on(target, actor, seen.depth_m).astype(np.float32) - part) * alpha[..., None]


def lay_vehicle(target: Target, picture: NDArray[np.float32], hides: Floats, corner: Corner, seen: "Seen") -> None:
    """Paint a car or van face by face, those behind first."""
    actor, view = seen.actor, target.view
    mesh = vehicles.mesh(actor.kind, actor.look, target.sky.lamps > 0)
    c, s = math.cos(actor.heading_rad), math.sin(actor.heading_rad)
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    place = np.array([actor.x, actor.y, 0.0])
    pixels = view.to_pixels(mesh.points @ turn + place)
    if pixels[:, 2].min() < NEAR_M * 2:
        return
    normals, away = mesh.normals @ turn, mesh.centres @ turn + place - view.eye
    front = np.flatnonzero((normals * away).sum(1) < 0).tolist()
    distance = (away * away).sum(1)
    front.sort(key=lambda k: (mesh.faces[k].layer, -distance[k]))
    lit = light_on(target, actor, seen.depth_m)
    flat = pixels[:, :2] - corner
    a, b = (max(int(v) - 3, 0) for v in flat.min(0))
    c, d = min(int(flat[:, 0].max()) + 4, picture.shape[1]), min(int(flat[:, 1].max()) + 4, picture.shape[0])
    if a >= c or b >= d:
        return
    wide, high = c - a, d - b
    # Colour and cover in one picture of four channels, at twice the size.
    layer = np.zeros((high * 2, wide * 2, 4), np.uint8)
    corners = np.round((flat - (a, b)) * 32).astype(np.int32)
    for k in front:
        points = corners[mesh.starts[k] : mesh.starts[k + 1]]
        cv2.fillPoly(layer, [points], (*_shade(target, mesh.faces[k], normals[k], lit), 255.0), shift=4)
    small = cv2.GaussianBlur(cv2.resize(layer, (wide, high), interpolation=cv2.INTER_AREA), (0, 0), 0.6).astype(
        np.float32
    )
    shown = hides[b:d, a:c] > seen.depth_m - actor.look.length_m * 0.5
    small *= shown[..., None]
    part = picture[b:d, a:c]
    part *= 1 - small[..., 3:] * np.float32(1 / 255)
    part += small[..., :3]


def _shade(
    target: Target, face: Face, normal: NDArray[np.float64], lit: NDArray[np.float64]
) -> tuple[float, float, float]:
    if target.infrared:
        factor = 0.45 + 0.6 * max(float(-normal @ target.view.forward), 0.0)
        grey = 40 + 0.6 * sum(face.colour) / 3
        base = np.array([grey, grey, grey])
    else:
        factor = 0.58 + 0.42 * float(normal[2]) + 0.10 * float(normal[0])
        sheen = face.gloss * (0.25 + 0.75 * max(float(normal[2]), 0.0)) * 0.6
        base = np.array(face.colour) * (1 - sheen) + 208 * sheen
    shaded = base * lit * max(factor, 0.08) ** (1 / GAMMA)
    if face.glow is not None:
        glow = np.array(face.glow)
        shaded = np.maximum(shaded, glow.mean() if target.infrared else glow)
    b, g, r = (float(min(v, 255.0)) for v in shaded)
    return b, g, r


def shine(target: Target, picture: NDArray[np.float32], corner: Corner, seen: "Seen") -> None:
    """The glare of head and tail lamps of a vehicle, strongest where they face the camera."""
    actor, view = seen.actor, target.view
    if actor.kind not in (Kind.CAR, Kind.VAN):
        return
    turn = turn_of(view, actor)
    facing = -math.sin(turn)  # 1: comes straight at the camera
    half, side = actor.look.length_m / 2, 0.6
    ahead = np.array([math.cos(actor.heading_rad), math.sin(actor.heading_rad)])
    left = np.array([-ahead[1], ahead[0]])
    for end, strength, colour in (
        (1, max(facing, 0.0), (225, 240, 250)),
        (-1, max(-facing, 0.0) * 0.45, (40, 30, 235)),
    ):
        if strength < 0.05:
            continue
        if target.infrared:
            colour = (sum(colour) // 3,) * 3
        for s in (-side, side):
            flat = np.array([actor.x, actor.y]) + ahead * half * end + left * s
            x, y, depth = view.to_pixels(np.array([[*flat, 0.72]]))[0]
            if depth > 1:
                _glare(
                    picture,
                    (x - corner[0], y - corner[1]),
                    0.55 * view.focal_px / depth * (0.5 + strength),
                    colour,
                    strength,
                )


def _glare(
    picture: NDArray[np.float32], at: tuple[float, float], radius: float, colour: tuple[int, int, int], strength: float
) -> None:
    a, b = max(int(at[0] - radius), 0), max(int(at[1] - radius), 0)
    c, d = min(int(at[0] + radius) + 1, picture.shape[1]), min(int(at[1] + radius) + 1, picture.shape[0])
    if a >= c or b >= d:
        return
    x = (np.arange(a, c, dtype=np.float32)[None, :] - at[0]) / radius
    y = (np.arange(b, d, dtype=np.float32)[:, None] - at[1]) / radius
    away = np.clip(1 - np.sqrt(x * x + y * y), 0, 1)
    glow = (0.35 * away + 1.2 * away**6) * strength
    picture[b:d, a:c] += glow[..., None] * np.array(colour, np.float32)
