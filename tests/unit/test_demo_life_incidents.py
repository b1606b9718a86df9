"""Last night's incidents: seen by the cameras they name, long enough, left alone by passers-by; and the ground truth of it all."""

import math
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from belvedere.cli.up import last_night
from belvedere.demo.cameras import CAMERAS, camera_by_id, project, visible
from belvedere.demo.films import midnight_us
from belvedere.demo.footage import IDLE_PERIOD_S, active_spans, spans, spans_between, window
from belvedere.demo.incidents import INCIDENTS
from belvedere.demo.life import NIGHT_END_S, NIGHT_START_S, build_night, night_actors
from belvedere.demo.scene import ActorState, CameraPlan, Incident, Kind, Look
from belvedere.demo.town import build_town
from belvedere.demo.truth import box_of, extent, read_truth, sightings, truth, write_truth
from belvedere.foundation.clock import DAY_US, HOUR_US, SECOND_US, SimulatedClock, parse_iso
from belvedere.foundation.errors import BadInput

TOWN = build_town()
TRACKS = {track.id: track for track in build_night(TOWN).tracks}
each_incident = pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: incident.id)
each_camera = pytest.mark.parametrize("camera", CAMERAS, ids=lambda camera: camera.id)


@cache
def _heights(camera: CameraPlan, incident: Incident) -> list[float]:
    """The tallest of the incident's actors in the picture, a minute before to two after, each second or (long ones) fourth."""
    step_s = 4.0 if incident.end_s - incident.start_s > 1000 else 1.0
    tallest = []
    for t in np.arange(incident.start_s - 60, incident.end_s + 120, step_s):
        states = [s for a in incident.actors if (s := TRACKS[a].state(float(t))) is not None and s.kind != Kind.BAG]
        if not states:
            continue
        x, y = [s.x for s in states], [s.y for s in states]
        seen = visible(camera, x, y, [0.9] * len(states), TOWN)
        top = project(camera, x, y, [s.look.height_m for s in states])[1]
        foot = project(camera, x, y, [0.0] * len(states))[1]
        tallest.append(float(np.max(np.where(seen, foot - top, 0))))
    return tallest


@each_incident
def test_the_named_cameras_are_those_that_see_it(incident: Incident) -> None:
    seeing = [camera.id for camera in CAMERAS if sum(h >= 30 for h in _heights(camera, incident)) >= 2]
    assert sorted(incident.cameras) == sorted(seeing)


@each_incident
def test_one_camera_sees_it_well(incident: Incident) -> None:
    best = max((_heights(camera_by_id(id), incident) for id in incident.cameras), key=lambda h: sum(v >= 60 for v in h))
    assert sum(v >= 60 for v in best) >= 25


@each_incident
def test_it_takes_place_where_and_when_it_says(incident: Incident) -> None:
    assert NIGHT_START_S < incident.start_s < incident.end_s < NIGHT_END_S
    assert len(incident.report) > 80
    near = 0
    for t in np.arange(incident.start_s, incident.end_s, 5.0):
        states = [TRACKS[a].state(float(t)) for a in incident.actors]
        near += any(s is not None and math.dist((s.x, s.y), (incident.x, incident.y)) < 22 for s in states)
    assert near * 5 > 0.4 * (incident.end_s - incident.start_s)


@each_incident
def test_nobody_else_walks_through_it(incident: Incident) -> None:
    for t in np.arange(incident.start_s, incident.end_s, 4.0):
        for actor in night_actors(float(t)):
            if actor.id not in incident.actors and actor.kind in (Kind.PERSON, Kind.DOG):
                assert math.dist((actor.x, actor.y), (incident.x, incident.y)) > 12, actor


@each_incident
def test_its_footage_is_long_and_mostly_quiet(incident: Incident) -> None:
    start, end = window(incident)
    assert end - start >= 20 * 60
    assert start <= incident.start_s - 120
    assert end >= incident.end_s
    for id in incident.cameras:
        moving = sum(s.end_s - s.start_s for s in spans_between(camera_by_id(id), start, end) if s.kind == "moving")
        assert 10 <= moving <= 0.45 * (end - start)


def test_what_each_incident_is_about_happens() -> None:
    def postures(id: str) -> set[str]:
        track = TRACKS[id]
        states = [track.state(float(t)) for t in np.arange(track.start_s, track.end_s, 1.0)]
        return {state.posture for state in states if state is not None}

    assert "fallen" in postures("fall-man")
    assert {"kick"} <= postures("door-first") & postures("door-second")
    assert "carry" in postures("tipping-driver")
    sitting = [f"gathering-{i}" for i in range(1, 8) if "sit" in postures(f"gathering-{i}")]
    assert len(sitting) == 3
    left = [a for a in night_actors(NIGHT_END_S - 1) if a.id.startswith("tipping")]
    assert len(left) == 7
    assert all(a.kind == Kind.BAG for a in left)
    court = [TRACKS["moped-rider"].state(float(t)) for t in np.arange(*_times("moped"), 0.5)]
    turned = [s.heading_rad for s in court if s is not None]
    assert abs(float(np.unwrap(turned)[-1] - turned[0])) > 8 * math.pi


def _times(id: str) -> tuple[float, float]:
    incident = next(i for i in INCIDENTS if i.id == id)
    return incident.start_s, incident.end_s


@each_camera
def test_spans_cover_the_night_without_gap(camera: CameraPlan) -> None:
    cut = spans(camera)
    assert (cut[0].start_s, cut[-1].end_s) == (NIGHT_START_S, NIGHT_END_S)
    for before, after in pairwise(cut):
        assert before.end_s == after.start_s
        assert (before.kind, after.kind) != ("moving", "moving")
    assert active_spans(camera) == [(s.start_s, s.end_s) for s in cut if s.kind == "moving"]
    assert sum(end - start for start, end in active_spans(camera)) < 0.25 * (NIGHT_END_S - NIGHT_START_S)


@each_camera
def test_nothing_sizeable_moves_outside_the_active_spans(camera: CameraPlan) -> None:
    rng = np.random.default_rng(5)
    for span in spans(camera):
        if span.kind == "moving" or span.end_s - span.start_s < 5:
            continue
        t = float(rng.uniform(span.start_s + 1, span.end_s - 2))
        for sighting in truth(camera, t, loop=False):
            if sighting.height_px >= 16 and sighting.visible > 0.3 and sighting.distance_m < 120:
                assert sighting.actor in span.still, (t, sighting)
        if span.kind == "idling" and t + span.period_s < span.end_s:
            now = {a.id: a for a in night_actors(t)}
            later = {a.id: a for a in night_actors(t + span.period_s)}
            for id in span.still:
                assert now[id].heading_rad == pytest.approx(later[id].heading_rad, abs=1e-6)
                turn = (now[id].phase - later[id].phase + math.pi) % (2 * math.pi) - math.pi
                assert turn == pytest.approx(0, abs=1e-6)
    assert IDLE_PERIOD_S == 20


def test_truth_boxes_hold_the_actor_and_know_what_hides_it() -> None:
    camera = camera_by_id("rowan-court")
    look = Look((0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0), 1.75, 0.0)

    def at(x: float, y: float, posture: str = "walk") -> ActorState:
        return ActorState("a", Kind.PERSON, x, y, 0.5, 1.3, 0.0, posture, look)

    (free,) = sightings(camera, 0, [at(-85, 68)], TOWN)
    foot, head = project(camera, -85, 68, 0)[1], project(camera, -85, 68, 1.75)[1]
    assert free.visible == 1.0
    assert free.box[1] <= head < foot <= free.box[3]
    assert free.height_px == pytest.approx(float(foot - head), rel=0.12)
    assert sightings(camera, 0, [at(-145, 120)], TOWN) == []  # behind Rowan House
    assert sightings(camera, 0, [at(-30, 90)], TOWN) == []  # behind the camera
    assert box_of(camera, at(-30, 90)) is None
    (lying,) = sightings(camera, 0, [at(-85, 68, "fallen")], TOWN)
    assert lying.height_px < free.height_px / 1.6
    assert extent(at(0, 0, "sit"))[2] < 1.75


def test_a_person_half_out_of_the_picture_counts_in_part() -> None:
    camera = camera_by_id("rowan-court")
    look = Look((0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0), 1.75, 0.0)
    parts = []
    for bearing in np.linspace(
        camera.bearing_deg + camera.fov_deg / 2 - 3, camera.bearing_deg + camera.fov_deg / 2 + 3, 30
    ):
        x = camera.x + 20 * math.sin(math.radians(bearing))
        y = camera.y + 20 * math.cos(math.radians(bearing))
        seen = sightings(camera, 0, [ActorState("a", Kind.PERSON, x, y, 0, 0, 0, "stand", look)], TOWN)
        parts.append(seen[0].visible if seen else 0.0)
    assert parts[0] == 1.0
    assert parts[-1] == 0.0
    assert any(0.2 < part < 0.8 for part in parts)
    assert parts == sorted(parts, reverse=True)


def test_truth_is_written_and_read_back(tmp_path: Path) -> None:
    seen = [s for camera in CAMERAS for s in truth(camera, 12.0, loop=True)]
    assert write_truth(tmp_path / "truth.jsonl", seen) == len(seen) > 20
    assert list(read_truth(tmp_path / "truth.jsonl")) == seen
    (tmp_path / "broken.jsonl").write_text('{"camera": "north-gate"}\n')
    with pytest.raises(BadInput, match="Line 1"):
        list(read_truth(tmp_path / "broken.jsonl"))


@pytest.mark.parametrize("day", ["2026-01-15", "2026-07-15"])
def test_last_night_is_past_at_any_hour(day: str) -> None:
    """A film that lies in the future is not taken in; a demo that is started after midnight had two too few."""
    begun_us = parse_iso(f"{day}T00:00:00Z")
    for hours in range(24):
        for now_us in (begun_us + hours * HOUR_US, begun_us + hours * HOUR_US + 1800 * SECOND_US):
            midnight = midnight_us(last_night(SimulatedClock(now_us)))
            assert (
                midnight + max(window(i)[1] for i in INCIDENTS) * SECOND_US
                <= now_us
                < midnight + 2 * DAY_US + HOUR_US * 2
            )
