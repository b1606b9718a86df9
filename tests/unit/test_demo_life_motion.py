"""Tracks and scripts: smooth motion, honest speeds, clear errors."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.demo.life.schedule import Life
from belvedere.demo.life.script import Script
from belvedere.demo.life.track import Move, Stay, Track, make_path
from belvedere.demo.life.walks import outside, walk_network
from belvedere.demo.scene import Kind, Look
from belvedere.demo.town import build_town

LOOK = Look((0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0), 1.7, 0.0)


def test_a_path_rounds_its_corners_and_keeps_its_ends() -> None:
    path = make_path([(0, 0), (10, 0), (10, 10)], 2.0)
    assert path.point(0) == (0, 0)
    assert path.point(path.length_m) == (10, 10)
    assert path.point(-5) == (0, 0)
    assert 17 < path.length_m < 20
    assert path.direction(1, 0.3) == pytest.approx(0)
    assert path.direction(path.length_m - 1, 0.3) == pytest.approx(math.pi / 2)


def test_a_path_needs_two_places() -> None:
    with pytest.raises(ValueError, match="two points"):
        make_path([(1, 1), (1, 1)], 1.0)


@given(st.floats(0.5, 12), st.floats(0.2, 3), st.floats(1, 300))
def test_easing_in_and_out_covers_the_whole_way(speed: float, accel: float, length: float) -> None:
    move = Move(make_path([(0, 0), (length, 0)], 0), speed, accel)
    assert move.travelled(0) == pytest.approx((0, 0), abs=1e-6)
    assert move.travelled(move.duration_s)[0] == pytest.approx(length)
    half = move.travelled(move.duration_s / 2)
    assert half[0] == pytest.approx(length / 2, rel=1e-6)
    assert half[1] <= speed + 1e-9
    assert move.duration_s >= length / speed - 1e-9


def test_backing_looks_the_other_way() -> None:
    move = Move(make_path([(0, 0), (10, 0)], 0), 1.0, reverse=True, taper=False)
    assert abs(move.place(5, 0.5)[2]) == pytest.approx(math.pi)


def test_walking_phase_follows_the_distance() -> None:
    track = Track("a", Kind.PERSON, LOOK, 10, (Move(make_path([(0, 0), (50, 0)], 0), 1.0),))
    early, late = track.state(11), track.state(12)
    assert early is not None
    assert late is not None
    assert (late.phase - early.phase) % (2 * math.pi) == pytest.approx(2 * math.pi / (0.82 * 1.7), rel=1e-6)
    assert late.x - early.x == pytest.approx(1.0)
    assert track.state(9.99) is None
    assert track.state(track.end_s) is None


def test_a_script_goes_leg_by_leg() -> None:
    script = Script("a", Kind.PERSON, LOOK, 100, 0, 0)
    track = script.go((10, 0), speed=2).stay(5, "kick", 90, cycle_s=2.5).until(120).track()
    assert track.end_s == 120
    kicking = track.state(107)
    assert kicking is not None
    assert kicking.posture == "kick"
    assert kicking.heading_rad == pytest.approx(math.pi / 2)
    with pytest.raises(ValueError, match="busy"):
        script.until(119)


def test_a_loop_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="longer than the loop"):
        Life([Track("a", Kind.PERSON, LOOK, 0, (Stay(0, 0, 0, 61),))], 60)


def test_every_door_is_reached_from_every_other() -> None:
    town = build_town()
    network = walk_network(town)
    first = outside(town.doors[0])
    for door in town.doors[1:]:
        route = network.route(first, outside(door))
        assert route[-1] == outside(door)
        assert network.path(first, outside(door)).length_m > 1
    assert network.nearest(*first) == first
    with pytest.raises(ValueError, match="no way"):
        network.route((9999.0, 9999.0), first)
