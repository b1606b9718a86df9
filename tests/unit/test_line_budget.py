"""What a site's line carries: live pictures first, recordings and records after them, none of them stopped for good."""

from pathlib import Path

import pytest

from belvedere.foundation.clock import SECOND_US, SimulatedClock
from belvedere.foundation.errors import BadInput
from belvedere.link.channel import memory_pair
from belvedere.link.configuration import LineLimits, check_limits
from belvedere.link.messages import GetStatus, OpenLive, ReadFootage
from belvedere.link.records import MOST_BYTES
from belvedere.link.wire import encode
from belvedere.site.uplink.budget import FLOOR_BYTES_S, LineBudget, MeteredChannel, Use
from line_stage import Catching


def test_a_limit_holds_by_day_and_another_in_its_hours() -> None:
    limits = LineLimits(1000, 0, (22 * 60, 6 * 60))
    assert [limits.at(hour * 60) for hour in (6, 12, 21)] == [1000] * 3
    assert [limits.at(hour * 60) for hour in (22, 23, 0, 5)] == [0] * 4
    assert LineLimits(1000, 2000, (60, 120)).at(119) == 2000 and LineLimits(1000, 2000, (60, 120)).at(120) == 1000
    assert LineLimits(7).at(0) == 7
    for wrong in (LineLimits(1), LineLimits(0, -5), LineLimits(0, 0, (5, 5)), LineLimits(0, 0, (0, 1440))):
        with pytest.raises(BadInput):
            check_limits(wrong)


async def test_records_go_no_faster_than_the_limit_and_at_once_without_one() -> None:
    clock, limits = SimulatedClock(), LineLimits(800)

    async def pause(seconds: float) -> None:
        clock.advance(int(seconds * SECOND_US) + 1)

    budget = LineBudget(clock, lambda: limits, pause)
    begun_us = clock.monotonic_us()
    for _ in range(20):
        await budget.turn(Use.RECORDS, 50_000)
    spent_s = (clock.monotonic_us() - begun_us) / SECOND_US
    assert spent_s == pytest.approx(1_000_000 / 100_000, abs=3), "two seconds' worth are saved up, the last is owed"
    assert budget.most_bytes() == 200_000
    limits = LineLimits()
    for _ in range(20):
        assert budget.wait_s(Use.RECORDS) == 0.0
        budget.book(Use.RECORDS, 1 << 20)
    assert budget.most_bytes() == MOST_BYTES


def test_live_pictures_that_fill_the_limit_slow_the_rest_to_a_floor_and_never_wait() -> None:
    clock = SimulatedClock()
    budget = LineBudget(clock, lambda: LineLimits(800))
    budget.live = 1
    sent = dict.fromkeys((Use.MEDIA, Use.RECORDS), 0)
    for _ in range(600):
        clock.advance(SECOND_US // 10)
        assert budget.wait_s(Use.LIVE) == budget.wait_s(Use.ANSWER) == 0.0
        budget.book(Use.LIVE, 15_000)
        for use in sent:
            if not budget.wait_s(use):
                budget.book(use, 5_000)
                sent[use] += 5_000
    for use in sent:
        assert 600_000 < sent[use] < 900_000, "an eighth of 100 kB/s, for a minute"


async def test_live_views_come_first_while_a_site_catches_up_and_everything_arrives(tmp_path: Path) -> None:
    town = Catching(tmp_path)
    try:
        town.backlog(1500)
        town.look(True)
        begun_us = town.clock.monotonic_us()
        while town.clock.monotonic_us() < begun_us + 10 * SECOND_US:
            assert await town.sender.send_one(), "it goes on, slowly"
        assert max(town.late_us) < 400_000, "no frame waits behind more than a small batch"
        took_s = (town.clock.monotonic_us() - begun_us) / SECOND_US
        assert 0 < sum(town.posted) <= FLOOR_BYTES_S * (took_s + 3)
        town.look(False)
        slow, begun_us = sum(town.posted), town.clock.monotonic_us()
        while await town.sender.send_one():
            pass
        took_s = (town.clock.monotonic_us() - begun_us) / SECOND_US
        assert (sum(town.posted) - slow) / took_s > 5 * FLOOR_BYTES_S, "the whole line is its own again"
        assert [each[:400] for each in town.estate.held()[1]] == [each[:400] for each in town.estate.told[1]]
    finally:
        town.estate.close()


async def test_the_stage_finds_a_sender_that_does_not_give_way(tmp_path: Path) -> None:
    town = Catching(tmp_path, told_of_live=False)
    try:
        town.backlog(1500)
        town.look(True)
        while await town.sender.send_one():
            pass
        assert max(town.late_us) > 800_000
    finally:
        town.estate.close()


async def test_a_channel_is_booked_as_what_was_asked_for_on_it() -> None:
    clock = SimulatedClock()
    budget = LineBudget(clock)
    for request, use in (
        (OpenLive(b"", "gate", "main"), Use.LIVE),
        (ReadFootage(b"", "playback", "gate", "main", 1, 0, 9), Use.MEDIA),
        (GetStatus(), Use.ANSWER),
    ):
        ours, theirs = memory_pair()
        channel = MeteredChannel(theirs, budget)
        await ours.send(encode(request))
        assert await channel.receive() == encode(request)
        before = budget.sent[use]
        await channel.send(b"12345")
        assert budget.sent[use] == before + 5 and budget.live == (use is Use.LIVE)
        await channel.close()
        await channel.close()
        assert budget.live == 0
    ours, theirs = memory_pair()
    channel = MeteredChannel(theirs, budget)
    await ours.send(b"\xc1nonsense")
    assert await channel.receive() == b"\xc1nonsense", "whoever answers says what is wrong with it"
    await channel.close()
