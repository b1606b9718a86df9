"""What a roll-out does next, over all lives: never too many at once, the first sites first, stopped by the first failure."""

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import MINUTE_US
from belvedere.hub.rollouts.plan import At, Pace, SiteStep, State, next_of

HERE = frozenset({"a", "b", "c", "d"})


def step(site: str, stage: int, state: At = At.WAITING, ended_us: int | None = None, why: str = "") -> SiteStep:
    return SiteStep(site, stage, state, ended_us=ended_us, why=why)


def test_the_rest_wait_until_the_first_have_done_well_for_a_while() -> None:
    pace = Pace(wait_minutes=60, at_once=2)
    sites = [step("a", 0), step("b", 1), step("c", 1), step("d", 1)]
    assert next_of(sites, pace, HERE, 0).order == ("a",)
    sites[0] = step("a", 0, At.ORDERED)
    assert next_of(sites, pace, HERE, 0).order == ()
    sites[0] = step("a", 0, At.HEALTHY, 5)
    told = next_of(sites, pace, HERE, 10)
    assert (told.order, told.rest_us) == ((), 60 * MINUTE_US + 5)
    assert next_of(sites, pace, HERE, 60 * MINUTE_US + 5).order == ("b", "c")
    assert next_of(sites, pace, HERE - {"a"}, 60 * MINUTE_US + 5).order == (), "nobody knows how the first one does"
    assert next_of(sites, pace, HERE - {"b"}, 60 * MINUTE_US + 5).order == ("c", "d"), "who is away is not waited for"


def test_one_failure_ends_it_and_nothing_left_is_done() -> None:
    pace = Pace(0, 5)
    told = next_of([step("a", 0, At.HEALTHY, 0), step("b", 1, At.FAILED, 1, "no room"), step("c", 1)], pace, HERE, 9)
    assert (told.end, told.why, told.order) == (State.FAILED, "b: no room", ())
    assert next_of([step("a", 0, At.HEALTHY, 0), step("b", 1, At.GONE, 1)], pace, HERE, 9).end is State.DONE
    assert next_of([step("a", 0, At.GONE, 0), step("b", 1)], pace, HERE, 9).end is State.FAILED


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 4), st.integers(1, 3))
def test_never_more_at_once_than_allowed_and_the_first_ones_first(
    seed: int, count: int, at_once: int, first: int
) -> None:
    chance = random.Random(seed)
    pace, now_us = Pace(chance.choice((0, 30)), at_once), 0
    sites = {f"s{at}": step(f"s{at}", 0 if at < first else 1) for at in range(count)}
    for _ in range(40 * count):
        now_us += chance.randrange(20) * MINUTE_US
        here = frozenset(site for site in sites if chance.random() < 0.8)
        told = next_of(list(sites.values()), pace, here, now_us)
        if told.end is not None:
            failed = any(each.state is At.FAILED for each in sites.values())
            assert (told.end is State.FAILED) == failed
            break
        for site in told.order:
            assert site in here and sites[site].state is At.WAITING
            sites[site] = replace(sites[site], state=At.ORDERED)
        under_way = [each for each in sites.values() if each.state is At.ORDERED]
        assert len(under_way) <= at_once
        if any(each.stage == 1 for each in under_way):
            assert all(each.state is At.HEALTHY for each in sites.values() if each.stage == 0)
        for each in under_way:
            if chance.random() < 0.5:
                sites[each.site] = replace(
                    each, state=chance.choices((At.HEALTHY, At.FAILED), (30, 1))[0], ended_us=now_us
                )
