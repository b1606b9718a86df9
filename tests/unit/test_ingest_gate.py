"""The gate, the back-off, the pinned name and the pulse: counts and orders, without a camera and without a clock."""

import random
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import StorageFault
from belvedere.media.access_unit import AccessUnit
from belvedere.site.ingest.backoff import FIRST_WAIT_US, LONGEST_WAIT_US, Backoff
from belvedere.site.ingest.dial import same_network
from belvedere.site.ingest.gate import A_SECOND, AT_ONCE, ConnectGate
from belvedere.site.ingest.names import literal_endpoint
from belvedere.site.ingest.places import SharedPlaces
from belvedere.site.ingest.pulse import LONGEST_SILENCE_US, SILENCE_US, STUCK_US, Pulse

SWEEP_US = 150_000


def test_two_hundred_streams_at_once_go_through_in_turn() -> None:
    gate = ConnectGate()
    order: list[int] = []
    inside: dict[int, int] = {}
    now_us = 0
    while len(order) < 200:
        for stream in range(200):
            if stream in order:
                continue
            if gate.enter(stream, now_us):
                order.append(stream)
                inside[stream] = now_us + SECOND_US  # each needs a second to connect
        for stream, until_us in list(inside.items()):
            if until_us <= now_us:
                gate.leave(stream)
                del inside[stream]
        assert len(gate) <= AT_ONCE
        now_us += SWEEP_US
    assert gate.most_inside == AT_ONCE
    assert all(abs(place - stream) < AT_ONCE for place, stream in enumerate(order))


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.integers(0, 400_000)), max_size=200))
def test_the_gate_never_holds_too_many_nor_opens_too_often(steps: list[tuple[int, bool, int]]) -> None:
    gate = ConnectGate(at_once=3)
    inside: set[int] = set()
    now_us, let_in = 0, []
    for stream, leaves, passed_us in steps:
        now_us += passed_us
        if leaves:
            gate.leave(stream)
            inside.discard(stream)
        elif gate.enter(stream, now_us) and stream not in inside:
            inside.add(stream)
            let_in.append(now_us)
        assert len(gate) == len(inside) <= 3
    for begin in let_in:
        assert sum(begin <= at < begin + SECOND_US for at in let_in) <= A_SECOND + 9


@given(st.integers(0, 1 << 32), st.integers(1, 40))
def test_waits_grow_within_their_bounds_and_begin_anew_after_a_steady_time(seed: int, failures: int) -> None:
    backoff = Backoff(random.Random(seed))
    waits = [backoff.wait_us() for _ in range(failures)]
    for index, wait_us in enumerate(waits):
        span_us = min(LONGEST_WAIT_US, (FIRST_WAIT_US * 3 // 2) << index)
        assert span_us // 2 <= wait_us <= span_us
    backoff.reset()
    assert backoff.wait_us() <= FIRST_WAIT_US * 3 // 2


def test_a_hundred_cameras_do_not_come_back_in_step() -> None:
    chance = random.Random(7)
    backoffs = [Backoff(chance) for _ in range(100)]
    waits = [[backoff.wait_us() for backoff in backoffs] for _ in range(5)][-1]
    tenths = [wait // (SECOND_US // 2) for wait in waits]
    assert max(tenths.count(tenth) for tenth in set(tenths)) <= 20


def test_a_name_may_move_within_its_network_only() -> None:
    home = literal_endpoint("192.168.50.7", 554)
    assert home is not None and home.family == socket.AF_INET
    for host, same in (("192.168.50.9", True), ("192.168.51.7", False), ("8.8.8.8", False), ("fd00::1", False)):
        other = literal_endpoint(host, 554)
        assert other is not None and same_network(home, other) is same
    six = literal_endpoint("fd00::1", 554)
    near, far = literal_endpoint("fd00::2:5", 554), literal_endpoint("fd00:0:0:1::1", 554)
    assert six is not None and near is not None and far is not None
    assert same_network(six, near) and not same_network(six, far)


def picture(number: int, keyframe: bool = False, size: int = 900) -> AccessUnit:
    return AccessUnit(number.to_bytes(4) * (size // 4), number, keyframe, True, False, ())


def play(pulse: Pulse, from_us: int, to_us: int, step_us: int, first: int = 0) -> int:
    """Beats with pictures that differ; returns when the last came."""
    last_us = from_us
    for index, at_us in enumerate(range(from_us, to_us, step_us)):
        pulse.beat([picture(first + index, keyframe=index % 10 == 0)], at_us)
        last_us = at_us
    return last_us


@given(st.integers(40_000, 900_000), st.integers(4, 40))
def test_a_stop_is_noticed_soon_and_a_living_stream_never(step_us: int, beats: int) -> None:
    pulse = Pulse()
    pulse.begin(0)
    last_us = 0
    for index in range(beats):
        last_us = (index + 1) * step_us
        assert not pulse.silent(last_us) and not pulse.stuck(last_us)
        pulse.beat([picture(index, keyframe=index % 5 == 0)], last_us)
    assert pulse.patience_us == SILENCE_US
    assert not pulse.silent(last_us + SILENCE_US)
    assert pulse.silent(last_us + SILENCE_US + 1)


@given(st.integers(SECOND_US, 10 * SECOND_US))
def test_a_camera_of_few_pictures_is_left_alone_after_three_tries_at_most(step_us: int) -> None:
    pulse = Pulse()
    ends = 0
    for connection in range(5):
        begun_us = connection * 1000 * SECOND_US
        pulse.begin(begun_us)
        pulse.beat([picture(index) for index in range(5)], begun_us + 1)  # what it had kept
        at_us = begun_us + 1
        for index in range(20):
            at_us += step_us
            if pulse.silent(at_us - 1):
                ends += 1
                break
            pulse.beat([picture(100 + index)], at_us)
    assert ends <= 3
    assert pulse.patience_us <= LONGEST_SILENCE_US


def test_the_same_picture_again_and_again_is_noticed_once() -> None:
    pulse = Pulse()
    pulse.begin(0)
    last_us = play(pulse, 0, 5 * SECOND_US, 150_000)
    at_us = last_us
    while not pulse.stuck(at_us):
        at_us += 150_000
        pulse.beat([picture(7_777)], at_us)
        assert at_us - last_us < STUCK_US + SECOND_US
    assert at_us - last_us >= STUCK_US
    # After a new connection the same still comes: it is recorded on, and said.
    pulse.begin(at_us)
    for step in range(100):
        pulse.beat([picture(7_777)], at_us + step * 150_000)
        assert not pulse.stuck(at_us + step * 150_000)
    assert pulse.still_stuck
    play(pulse, at_us + 15 * SECOND_US, at_us + 16 * SECOND_US, 150_000, first=50)
    assert not pulse.still_stuck


def test_a_group_of_pictures_sent_round_and_round_is_noticed() -> None:
    pulse = Pulse()
    pulse.begin(0)
    at_us = play(pulse, 0, 3 * SECOND_US, 40_000)
    begun_us = at_us
    group = [picture(90_000 + index, keyframe=index == 0, size=400 + 4 * index) for index in range(25)]
    index = 0
    while not pulse.stuck(at_us):
        at_us += 40_000
        pulse.beat([group[index % 25]], at_us)
        index += 1
        assert at_us - begun_us < 5 * SECOND_US


def test_the_processes_of_a_site_share_one_gate(tmp_path: Path) -> None:
    """Four gates as in four processes: each opens the files anew, and locks of two openings exclude each other."""
    shared = [SharedPlaces(tmp_path / "connecting", AT_ONCE) for _ in range(4)]
    gates = [ConnectGate(places=places) for places in shared]
    begun: list[int] = []
    inside: dict[tuple[int, int], int] = {}
    todo = [set(range(75)) for _ in gates]
    now_us, most = 0, 0
    while any(todo) or inside:
        for number, gate in enumerate(gates):
            gate.tend(now_us)
            for stream in sorted(todo[number]):
                if gate.enter(stream, now_us):
                    todo[number].discard(stream)
                    begun.append(now_us)
                    # Some answer within a sweep, some take a second.
                    inside[number, stream] = now_us + (SECOND_US if stream % 3 else 0)
        most = max(most, sum(len(gate) for gate in gates))
        assert sum(len(gate) for gate in gates) <= AT_ONCE
        for (number, stream), until_us in list(inside.items()):
            if until_us <= now_us:
                gates[number].leave(stream)
                del inside[number, stream]
        now_us += SWEEP_US
    assert most == AT_ONCE and len(begun) == 300
    for begin in begun:
        assert sum(begin <= at < begin + SECOND_US for at in begun) <= A_SECOND + AT_ONCE
    for places in shared:
        places.close()


def test_places_of_a_process_that_ends_are_free_again(tmp_path: Path) -> None:
    first, second = (SharedPlaces(tmp_path / "connecting", 2) for _ in range(2))
    assert [first.take() for _ in range(3)] == [0, 1, None]
    assert second.take() is None
    first.give(1)
    assert second.take() == 1 and first.take() is None
    first.close()  # as the kernel does when it dies
    assert second.take() == 0
    second.close()
    with pytest.raises(StorageFault, match="can't be shared"):
        SharedPlaces(tmp_path / "connecting" / "00", 2)
