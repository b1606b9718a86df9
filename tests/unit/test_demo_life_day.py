"""Life over a day, in the live minute and last night: nobody walks through walls, nothing jumps, and it is always the same."""

import math
import subprocess
import sys

import numpy as np
import pytest
import shapely
from shapely import STRtree
from shapely.geometry import Polygon

from belvedere.demo.cameras import CAMERAS, project, visible
from belvedere.demo.incidents import INCIDENTS
from belvedere.demo.life import (
    LOOP_S,
    Life,
    Track,
    build_day,
    build_loop,
    build_night,
    day_actors,
    loop_actors,
    night_actors,
)
from belvedere.demo.scene import CameraPlan, Kind
from belvedere.demo.town import build_town
from belvedere.demo.truth import truth

TOWN = build_town()
SOLID = STRtree([Polygon(building.footprint) for building in TOWN.buildings])
LIVES = {"day": build_day(TOWN), "loop": build_loop(TOWN), "night": build_night(TOWN)}
each_camera = pytest.mark.parametrize("camera", CAMERAS, ids=lambda camera: camera.id)
_TIMES = (12.3, 45_000.5, 72_000.25, 88_400.0)
_PRINT = (
    "from belvedere.demo.life import day_actors, loop_actors, night_actors;"
    f"print([f(t) for f in (day_actors, loop_actors, night_actors) for t in {_TIMES}])"
)


def _sampled(tracks: tuple[Track, ...], step_s: float) -> list[tuple[float, float]]:
    places = []
    for track in tracks:
        for t in np.arange(track.start_s, track.end_s, step_s):
            state = track.state(float(t))
            assert state is not None
            places.append((state.x, state.y))
    return places


@pytest.mark.parametrize("name", LIVES)
def test_nobody_passes_through_a_building(name: str) -> None:
    tracks = LIVES[name].tracks
    if name == "day":
        tracks = tracks[::30]
    places = shapely.points(_sampled(tracks, 0.9))
    hits = SOLID.query(places, predicate="intersects")
    assert hits.shape[1] == 0, [places[i] for i in hits[0][:5]]


def test_another_process_says_the_same() -> None:
    told = subprocess.run([sys.executable, "-c", _PRINT], capture_output=True, text=True, check=True, timeout=60).stdout
    assert told.strip() == str([f(t) for f in (day_actors, loop_actors, night_actors) for t in _TIMES])


def test_the_day_is_busy_and_the_small_hours_are_not() -> None:
    people = [
        sum(actor.kind == Kind.PERSON for actor in day_actors(hour * 3600 + minute * 60))
        for hour in range(24)
        for minute in (5, 25, 45)
    ]
    assert sum(people[3 * 3 : 4 * 3]) <= 3
    assert min(people[16 * 3 : 18 * 3]) >= 8
    kinds = {actor.kind for minute in range(0, 1440, 4) for actor in day_actors(minute * 60.0)}
    assert {Kind.PERSON, Kind.DOG, Kind.BICYCLE, Kind.CAR, Kind.VAN} <= kinds


@pytest.mark.parametrize("name", LIVES)
def test_motion_is_smooth_and_faces_where_it_goes(name: str) -> None:
    life = LIVES[name]
    tracks = life.tracks[::150] if name == "day" else life.tracks[::4]
    for track in tracks:
        before = track.state(track.start_s)
        for t in np.arange(track.start_s + 0.1, track.end_s, 0.1):
            state = track.state(float(t))
            assert state is not None
            assert before is not None
            run = math.dist((state.x, state.y), (before.x, before.y))
            assert run <= 1.75 * max(state.speed_mps, before.speed_mps) * 0.1 + 0.05, (track.id, t)
            # Between two legs an actor may turn on the spot.
            leg, earlier = track.leg_at(float(t)), track.leg_at(float(t) - 0.1)
            turning = leg is None or earlier is None or leg[0] is not earlier[0]
            if run > 0.04 and state.kind != Kind.BAG and not turning:
                course = math.atan2(state.y - before.y, state.x - before.x)
                off = abs((course - state.heading_rad + math.pi) % (2 * math.pi) - math.pi)
                assert off < 1.35 or off > math.pi - 1.35, (track.id, t, off)
            before = state


def test_the_minute_closes_exactly() -> None:
    for t in (0.0, 0.1, 7.25, 31.0, 59.9):
        assert loop_actors(t) == loop_actors(t + LOOP_S) == loop_actors(t + 7 * LOOP_S)
    before, after = loop_actors(59.9), {actor.id: actor for actor in loop_actors(0.0)}
    assert len(before) > 15
    for actor in before:
        if actor.id in after:
            there = after[actor.id]
            assert math.dist((actor.x, actor.y), (there.x, there.y)) < 0.1 * max(actor.speed_mps, 0.2) * 1.5 + 0.01


@each_camera
def test_each_live_camera_sees_people_often(camera: CameraPlan) -> None:
    tall = [
        max(
            (s.height_px for s in truth(camera, float(t), loop=True) if s.kind == "person" and s.visible > 0.6),
            default=0.0,
        )
        for t in range(60)
    ]
    assert sum(height >= 20 for height in tall) >= 15
    assert sum(height >= 60 for height in tall) >= 4


def test_eight_to_twenty_five_are_in_view_somewhere() -> None:
    for t in range(0, 60, 5):
        seen = {s.actor for camera in CAMERAS for s in truth(camera, float(t), loop=True) if s.height_px > 40}
        assert 8 <= len(seen) <= 25


def test_nobody_appears_out_of_thin_air_before_a_live_camera() -> None:
    doors = [(door.x, door.y) for door in TOWN.doors]
    cars = [(f.x, f.y) for f in TOWN.fixtures if f.kind == "parked_car"]
    for track in build_loop(TOWN).tracks:
        if track.end_s - track.start_s > LOOP_S - 0.01:
            continue
        for t in (track.start_s, track.end_s - 0.001):
            state = track.state(t)
            assert state is not None
            place = (state.x, state.y)
            if min(math.dist(place, door) for door in doors) < 0.7 or min(math.dist(place, car) for car in cars) < 4:
                continue
            for camera in CAMERAS:
                if visible(camera, *place, 1.0, TOWN)[0]:
                    foot = project(camera, *place, 0.0)[1]
                    top = project(camera, *place, state.look.height_m)[1]
                    assert foot - top < 34, (track.id, t, camera.id)


def test_an_instant_is_cheap_to_ask_for_and_a_stretch_lists_its_tracks() -> None:
    day = LIVES["day"]
    some = day.between(45_000, 45_060)
    ids = {track.id for track in some}
    assert {actor.id for actor in day.actors_at(45_030)} <= ids
    assert isinstance(day, Life)
    assert len(some) < len(day.tracks) / 20


def test_nobody_in_the_minute_or_the_incidents_runs_into_what_stands_there() -> None:
    """Trees, lamps, bollards, bins and posts keep their distance from every moving actor; cars from parked cars."""
    scripted = {id for incident in INCIDENTS for id in incident.actors}
    tracks = [*LIVES["loop"].tracks, *(track for track in LIVES["night"].tracks if track.id in scripted)]
    thin = [f for f in TOWN.fixtures if f.kind in ("tree", "lamp", "bollard", "fence_post", "bin")]
    tree = STRtree(shapely.points([(f.x, f.y) for f in thin]))
    cars = [f for f in TOWN.fixtures if f.kind == "parked_car"]
    for track in tracks:
        if track.kind == Kind.BAG:
            continue
        room = {Kind.PERSON: 0.35, Kind.DOG: 0.3, Kind.BICYCLE: 0.5, Kind.MOPED: 0.5}.get(track.kind, 1.0)
        for t in np.arange(track.start_s, track.end_s, 0.4):
            state = track.state(float(t))
            assert state is not None
            hits = tree.query(shapely.points(state.x, state.y), predicate="dwithin", distance=room)
            assert not len(hits), (track.id, t, thin[hits[0]])
            for car in cars if track.kind in (Kind.CAR, Kind.VAN) else ():
                away = (state.x - car.x, state.y - car.y)
                if abs(away[0]) + abs(away[1]) < 5:
                    c, s = math.cos(car.heading_rad), math.sin(car.heading_rad)
                    along, aside = away[0] * c + away[1] * s, away[1] * c - away[0] * s
                    assert abs(along) > 2.1 or abs(aside) > 0.8 + room / 2, (track.id, t, car)
