"""Every pixel of people is covered: standing, walking, in clothes of the colour of what is behind them, in changing light."""

from dataclasses import replace

import numpy as np
import pytest

from belvedere.foundation.clock import SECOND_US
from belvedere.vision.masking.bodies import HELD_US, Body, Held
from belvedere.vision.masking.cover import BLOCK, _stripes
from belvedere.vision.masking.ground import RELEARN_US
from belvedere.vision.masking.masker import Hidden, Masker
from belvedere.vision.masking.picture import HEIGHT, WIDTH
from belvedere.vision.masking.samples import FURTHEST_US, MOST, Samples
from masking_stage import CLOTHES, STEP_US, Bytes, Person, planes, shot

APART_US = 150 * SECOND_US
STANDING = tuple(
    Person(60 + 95 * n, (200, 240, 180, 330, 160, 300)[n], (50, 70, 34, 120, 24, 90)[n], *CLOTHES[n]) for n in range(6)
)
WALKING = tuple(
    Person(-20 + 90 * n, (170, 210, 260, 340, 230, 190)[n], (26, 44, 60, 130, 50, 36)[n], *CLOTHES[n], walks=6.0)
    for n in range(6)
)


def learned(permanent: tuple[tuple[tuple[float, float], ...], ...] = ()) -> tuple[Masker, int]:
    """A masker that has seen the empty yard for most of an hour, and the time now."""
    masker = Masker(permanent=permanent)
    for number in range(12):
        masker.recall(number * APART_US, planes(shot((), 1000 + number)[0]))
    return masker, 12 * APART_US


def hide(masker: Masker, at_us: int, people: tuple[Person, ...], number: int, light: float = 0.0) -> tuple[int, Hidden]:
    """Pixels of people that show, after hiding."""
    picture, truth = shot(people, number, light=light)
    hidden = masker.hide(at_us, planes(picture))
    return int((truth & (picture[:HEIGHT] != _stripes(HEIGHT, WIDTH))).sum()), hidden


def test_not_a_pixel_of_anybody_shows() -> None:
    masker, now_us = learned()
    shares = []
    for number in range(24):
        people = STANDING + (WALKING if number > 8 else ())
        missed, hidden = hide(masker, now_us + number * STEP_US, people, number, light=3 * float(np.sin(number / 6)))
        assert missed == 0, number
        shares.append(hidden.share)
    assert max(shares) < 0.45  # the yard is still to be seen


def test_who_stands_still_stays_hidden_for_a_quarter_of_an_hour() -> None:
    masker, now_us = learned()
    for minute in range(16):
        assert hide(masker, now_us + minute * 60 * SECOND_US, STANDING, minute)[0] == 0, minute


def test_who_waits_for_an_hour_and_shifts_their_weight_stays_hidden_and_leaves_no_ghost() -> None:
    masker, now_us = learned()
    for step in range(90):  # 40 s apart
        people = tuple(replace(each, x=each.x + (step // 3 + n) % 2) for n, each in enumerate(STANDING))
        assert hide(masker, now_us + step * 40 * SECOND_US, people, step)[0] == 0, step
    gone_us = now_us + 3700 * SECOND_US
    shares = [hide(masker, gone_us + second * SECOND_US, (), second)[1].share for second in range(14)]
    assert shares[-1] == 0.0


def test_a_thing_that_was_put_down_is_shown_after_an_hour() -> None:
    masker, now_us = learned()
    shares = []
    for step in range(75):  # a minute apart
        picture, _ = shot((), step)
        picture[250:300, 300:400] = 60
        shares.append(masker.hide(now_us + step * 60 * SECOND_US, planes(picture)).share)
    assert min(shares[:29]) > 0.03
    assert max(shares[-5:]) == 0.0


def test_an_empty_yard_is_shown() -> None:
    masker, now_us = learned()
    assert [hide(masker, now_us + number * STEP_US, (), number)[1].share for number in range(4)] == [0.0] * 4


def test_an_unknown_view_is_blocks_until_it_is_known() -> None:
    masker = Masker()
    for number in range(12):
        picture, _ = shot(STANDING, number)
        hidden = masker.hide(number * 6 * SECOND_US, planes(picture))
        assert hidden.whole == (number < 10)
        if hidden.whole:
            blocks = picture[:HEIGHT].reshape(HEIGHT // BLOCK, BLOCK, WIDTH // BLOCK, BLOCK)
            assert (blocks.max(axis=(1, 3)) == blocks.min(axis=(1, 3))).all()


def test_another_view_is_hidden_as_a_whole_and_learned_anew() -> None:
    masker, now_us = learned()

    elsewhere = np.random.default_rng(5).integers(40, 220, (HEIGHT * 3 // 2 // 20, WIDTH // 20), dtype=np.uint8)

    def turned(number: int) -> Bytes:
        return elsewhere.repeat(20, 0).repeat(20, 1)

    states = [masker.hide(now_us + n * SECOND_US, planes(turned(n))).whole for n in range(3 + RELEARN_US // SECOND_US)]
    assert all(states[: RELEARN_US // SECOND_US])
    assert not states[-1]


def test_permanent_masks_are_painted_over_everything_always() -> None:
    window = ((0.25, 0.25), (0.5, 0.25), (0.5, 0.75), (0.25, 0.75))
    masker, now_us = learned((window,))
    for known in (masker, Masker(permanent=(window,)), Masker(bodies=False, permanent=(window,))):
        picture, _ = shot(STANDING, 1)
        known.hide(now_us, planes(picture))
        inside = picture[HEIGHT // 4 : 3 * HEIGHT // 4, WIDTH // 4 : WIDTH // 2]
        assert (inside == inside[0, 0]).all()
        u = picture[HEIGHT:].reshape(-1)[: HEIGHT * WIDTH // 4].reshape(HEIGHT // 2, WIDTH // 2)
        assert (u[HEIGHT // 8 : 3 * HEIGHT // 8, WIDTH // 8 : WIDTH // 4] == 128).all()


def test_a_lost_body_is_held_for_ten_seconds_where_it_was() -> None:
    held, body = Held(), Body(20, 20, 10, 30)
    assert held.update(0, [body]) == [body]
    moved = replace(body, x=24)
    assert held.update(SECOND_US, [moved]) == [moved]
    far = Body(200, 20, 10, 30)
    assert set(held.update(2 * SECOND_US, [far])) == {moved, far}
    assert moved in held.update(SECOND_US + HELD_US - 1, [far])
    assert held.update(SECOND_US + HELD_US, [far]) == [far]


@pytest.mark.parametrize("step_s", [1, 2, 30])
def test_samples_spread_over_an_hour(step_s: int) -> None:
    samples: Samples[int] = Samples()
    for number in range(4 * 3600 // step_s):
        samples.add(number * step_s * SECOND_US, number)
    times = [at_us for at_us, _ in samples]
    assert 12 <= len(times) <= MOST
    assert 50 * 60 * SECOND_US <= samples.span_us <= 75 * 60 * SECOND_US
    assert min(np.diff(times)) >= FURTHEST_US
    samples.add(0, 0)  # the clock was set back: begin again
    assert len(samples) == 1
