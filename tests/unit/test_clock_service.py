"""The time service: packets of any kind, honest answers, bounded work, and a real exchange over loopback."""

import asyncio
import socket
from struct import pack, unpack_from

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import SECOND_US, SimulatedClock, SystemClock
from belvedere.foundation.errors import BadSettings
from belvedere.site.time_service.discipline import UNKNOWN, Discipline, discipline
from belvedere.site.time_service.limit import BURST, MOST_ADDRESSES, PACE_US, RateLimit
from belvedere.site.time_service.packet import (
    BYTES,
    EPOCH_S,
    Leap,
    Mode,
    parse_answer,
    parse_question,
    stamp,
    unix_us,
    write_question,
)
from belvedere.site.time_service.server import STRATUM, TimeService, parse_place

NOW_US = 1_780_000_000 * SECOND_US
RIGHT = Discipline(known=True, synchronised=True, max_error_us=12_345, frequency_ppm=3.0)
any_time = st.integers(0, 4_102_444_800 * SECOND_US)  # to 2100, so over the end of the era in 2036


@given(st.binary(max_size=200))
def test_any_bytes_are_a_question_or_nothing(data: bytes) -> None:
    service = TimeService(SimulatedClock(), lambda: RIGHT)
    answer = service.answer(data, "10.0.0.1", NOW_US)
    asked = parse_question(data)
    assert bool(answer) == (asked is not None)
    assert len(answer) <= max(len(data), 0)  # nothing is ever made longer: no amplifier
    if asked is not None:
        assert len(answer) == BYTES and data[0] & 7 in (0, Mode.CLIENT)


@given(any_time, any_time, st.integers(0, 2 * SECOND_US))
def test_an_answer_is_understood_by_its_client_alone(asked_us: int, now_us: int, took_us: int) -> None:
    clock = SimulatedClock(now_us + took_us)
    answer = TimeService(clock, lambda: RIGHT).answer(write_question(asked_us), "10.0.0.1", now_us)
    found = parse_answer(answer, asked_us)
    assert found is not None
    era_us = (1 << 32) * SECOND_US
    assert abs((found.received_us - now_us + era_us // 2) % era_us - era_us // 2) <= 1
    assert found.transmitted_us - found.received_us in (took_us - 1, took_us, took_us + 1)
    assert parse_answer(answer, asked_us + 1000) is None
    assert parse_answer(answer[:-1], asked_us) is None


@given(any_time)
def test_stamps_come_back_to_the_microsecond_on_both_sides_of_2036(us: int) -> None:
    assert abs(unix_us(stamp(us), us) - us) <= 1
    assert abs(unix_us(stamp(us), us + 30 * 365 * 86_400 * SECOND_US) - us) <= 1


@given(st.integers(0, 30 * SECOND_US))
def test_the_error_that_is_said_is_never_less_than_the_kernel_s(error_us: int) -> None:
    state = Discipline(known=True, synchronised=True, max_error_us=error_us, frequency_ppm=0.0)
    answer = TimeService(SimulatedClock(), lambda: state).answer(write_question(NOW_US), "a", NOW_US)
    (said,) = unpack_from(">I", answer, 8)
    assert said / 65_536 * SECOND_US >= error_us
    assert answer[0] >> 6 == Leap.NONE and answer[1] == STRATUM


@pytest.mark.parametrize("state", [UNKNOWN, Discipline(True, False, 16_000_000, 0.0)])
def test_a_clock_that_nothing_keeps_right_says_so(state: Discipline) -> None:
    answer = TimeService(SimulatedClock(), lambda: state).answer(write_question(NOW_US), "a", NOW_US)
    assert (answer[0] >> 6, answer[1], answer[12:16]) == (Leap.UNKNOWN, 0, b"INIT")
    alone = TimeService(SimulatedClock(), lambda: state, alone=True).answer(write_question(NOW_US), "a", NOW_US)
    assert (alone[0] >> 6, alone[1], alone[12:16]) == (Leap.NONE, STRATUM, b"LOCL")
    assert unpack_from(">I", alone, 8)[0] >= 16 << 16


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3 * SECOND_US)), max_size=120))
def test_no_address_is_answered_too_often(asks: list[tuple[str, int]]) -> None:
    limit = RateLimit()
    now_us = 0
    let: dict[str, list[int]] = {}
    for address, passed_us in asks:
        now_us += passed_us
        if limit.allows(address, now_us):
            let.setdefault(address, []).append(now_us)
    for times in let.values():
        for first in range(len(times)):
            for last in range(first, len(times)):
                assert last - first + 1 <= BURST + (times[last] - times[first]) // PACE_US


def test_an_address_that_asks_slowly_is_always_answered_and_few_are_remembered() -> None:
    limit = RateLimit()
    assert all(limit.allows("a", at * PACE_US) for at in range(100))
    assert all(limit.allows(str(at), 0) for at in range(2 * MOST_ADDRESSES))
    assert len(limit._empty_us) == MOST_ADDRESSES


@pytest.mark.parametrize(
    "text", ["", "everywhere", "0.0.0.0:123", "[::]:123", "239.1.1.1:123", "10.0.0.1:99999", "10.0.0.1:x"]
)
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadSettings, match="time_service"):
        parse_place(text)


def test_places() -> None:
    assert parse_place("192.168.50.1:1123") == ("192.168.50.1", 1123)
    assert parse_place("192.168.50.1") == ("192.168.50.1", 123)
    assert parse_place("[fd00::1]:123") == ("fd00::1", 123)


async def test_a_client_hears_the_time_over_loopback() -> None:
    clock = SystemClock()
    service = TimeService(clock, lambda: RIGHT)
    host, port = await service.start("127.0.0.1:0")
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        asked_us = clock.now_us()
        await loop.sock_sendto(client, write_question(asked_us), (host, port))
        data = await asyncio.wait_for(loop.sock_recv(client, 512), 10)
        heard_us = clock.now_us()
        found = parse_answer(data, asked_us)
        assert found is not None and asked_us - 1 <= found.received_us <= found.transmitted_us <= heard_us + 1
        # An answer is never answered: two servers can't be set on each other.
        await loop.sock_sendto(client, data, (host, port))
        await loop.sock_sendto(client, pack(">B", 0x23) + bytes(100), (host, port))
        await asyncio.wait_for(loop.sock_recv(client, 512), 10)
    assert (service.answered, service.ignored) == (2, 1)
    service.close()


async def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(BadSettings, match="can't listen"):
            await TimeService(SystemClock()).start(f"127.0.0.1:{taken.getsockname()[1]}")


def test_the_kernel_is_asked_and_not_changed() -> None:
    state = discipline()
    assert state.max_error_us >= 0 and (state.known or state == UNKNOWN)
    assert EPOCH_S == 2_208_988_800
