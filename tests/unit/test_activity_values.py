"""Values order, whatever the camera; rate control is recognised; a strip keeps its busiest second; pictures are compared."""

import numpy as np
import pytest

from belvedere.site.activity import strip
from belvedere.site.activity.gate import share_byte
from belvedere.site.activity.laid import PAD_S
from belvedere.site.activity.pictures import Eye, Hint
from belvedere.site.activity.rate import RateControl, RateKind
from belvedere.site.activity.recognise import recognise
from belvedere.site.activity.series import Series, empty, share_of
from belvedere.site.activity.value import buckets, gate_values, size_values

DAY = 3 * 3600
RATE = RateControl(RateKind.VBR, 0.9, DAY)


def made(*, scale: float = 1.0, night: float = 1.0, held: bool = False) -> tuple[Series, np.ndarray]:
    """Three hours of a stream, every tenth minute busy; from half on everything is `night` times as large."""
    rng = np.random.default_rng(4)
    series = empty(0, DAY)
    busy = (np.arange(DAY) // 60) % 10 == 7
    sizes = 4000 * scale * rng.lognormal(0, 0.08, DAY) * np.where(busy, 3.0, 1.0)
    sizes[DAY // 2 :] *= night
    qp = np.full(DAY, 26.0)
    if held:
        qp += np.log2(sizes / (4000 * scale)) * 6
        sizes = 4000 * scale * rng.lognormal(0, 0.02, DAY)
    series.seconds["inter_bytes"], series.seconds["inter_frames"] = sizes * 10, 10
    series.seconds["key_bytes"][::2], series.seconds["key_frames"][::2] = 30_000 * scale, 1
    series.seconds["qp"] = 1 + np.clip(np.rint(qp * 4), 0, 204)
    series.source[:] = 1
    return series, busy


def order(series: Series, busy: np.ndarray, *, by_qp: bool = False) -> float:
    """How often a busy second stands above a quiet one."""
    values = size_values(series, by_qp=by_qp)
    return float(np.mean(values[busy][:, None] > values[~busy][None, ::7]))


@pytest.mark.parametrize("scale", [0.1, 1.0, 20.0])
@pytest.mark.parametrize("night", [1.0, 2.5, 0.4])
def test_values_order_whatever_the_bitrate_and_light(scale: float, night: float) -> None:
    assert order(*made(scale=scale, night=night)) > 0.95


def test_constant_bitrate_orders_by_its_quantiser() -> None:
    series, busy = made(held=True)
    assert order(series, busy) < 0.7
    assert order(series, busy, by_qp=True) > 0.9


def test_a_value_does_not_depend_on_the_span_asked_for() -> None:
    series, _ = made(night=2.5)
    whole = size_values(series, by_qp=False)
    from_s, to_s = 2 * PAD_S // 2, DAY - PAD_S
    part = size_values(series.part(from_s - PAD_S, to_s + PAD_S), by_qp=False)[PAD_S : PAD_S + to_s - from_s]
    assert np.allclose(part, whole[from_s:to_s])


def test_nothing_known_is_nothing_said() -> None:
    nothing = empty(5, 5 + 700)
    assert np.all(np.isnan(size_values(nothing, by_qp=False)))
    assert np.all(np.isnan(gate_values(nothing)))
    drawn = strip.draw(empty(-PAD_S, 60 + PAD_S), 0, 60, 600, RATE)
    assert (drawn.values.tolist(), drawn.checked.tolist()) == ([0] * 60, [0] * 60)


def test_rate_control_is_recognised() -> None:
    kinds = {"vbr": made()[0], "cbr": made(held=True)[0]}
    for name, series in kinds.items():
        found = recognise(series)
        assert found.kind == name
        assert found.confidence >= 0.7
    smart, _ = made()
    smart.seconds["key_frames"][:] = 0
    smart.seconds["key_frames"][np.cumsum(np.random.default_rng(2).integers(5, 40, 400))] = 1
    assert recognise(smart).kind is RateKind.SMART
    assert recognise(made()[0].part(0, 300)).kind is RateKind.UNCLEAR


def test_the_busiest_second_is_kept_at_every_zoom() -> None:
    values = np.zeros(86_400)
    values[50_000] = 1.0
    for count in (1, 7, 600, 1600):
        assert np.nanmax(buckets(values, count)) == 1.0
    series = empty(-PAD_S, 600 + PAD_S)
    series.source[:] = 1
    series.gate[PAD_S : PAD_S + 600] = share_byte(0.0)
    series.gate[PAD_S + 300] = share_byte(0.05)
    drawn = strip.draw(series, 0, 600, 60, RATE)
    assert drawn.checked.tolist() == [255] * 60
    assert np.argmax(drawn.values) == 30
    (stretch,) = strip.stretches(series)
    assert (stretch.start_us, stretch.end_us) == (300_000_000, 301_000_000)


def test_only_compared_keyframes_answer() -> None:
    series = empty(0, 100)
    quiet = np.zeros(100)
    assert strip.judge(series, (), RATE, quiet).answer == "unclear"
    series.source[:] = 1
    assert strip.judge(series, (), RATE, quiet).answer == "unclear", "sizes never say no"
    series.gate[:] = share_byte(0.0)
    assert strip.judge(series, (), RATE, quiet).answer == "no"
    series.gate[40] = share_byte(0.01)
    assert strip.judge(series, strip.stretches(series), RATE, quiet).answer == "yes"


def test_shares_survive_their_byte() -> None:
    for share in (0.0, 0.0015, 0.03, 0.5, 1.0):
        assert share_of(np.array([share_byte(share)], np.uint8))[0] == pytest.approx(share, abs=0.004)
    assert np.isnan(share_of(np.zeros(1, np.uint8))[0])


def test_pictures_are_compared_without_light_clock_and_zones() -> None:
    rng = np.random.default_rng(1)
    ground = rng.integers(60, 160, (45, 80), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    eye = Eye()

    def look(number: int, *, block: bool = False, brighter: int = 0, zones: tuple = ()) -> tuple[float, str]:  # type: ignore[type-arg]
        picture = (ground + brighter).astype(np.uint8)
        picture[4:14, 4:44] = 255 if number % 2 else 0  # the clock in the picture
        if block:
            picture[60:110, 100:130] = 250
        seen = eye.look(picture, zones)
        return (seen.share, seen.hint) if seen is not None else (-1.0, "")

    assert look(0)[0] == -1.0
    for number in range(1, 9):
        look(number)
    quiet = look(9)
    assert quiet == (0.0, Hint.NONE), "what always changes is left out"
    assert look(10, block=True)[0] > 0.015
    left = look(11)[0]
    assert left > 0.015
    assert look(12, brighter=30) == (0.0, Hint.LIGHT)
    assert look(13) == (0.0, Hint.LIGHT)
    zone = ((0.2, 0.2), (0.6, 0.2), (0.6, 0.8), (0.2, 0.8))
    assert look(14, block=True, zones=(zone,))[0] == 0.0
    eye.look(ground)
    blocked = eye.look(np.full_like(ground, 10))
    assert blocked is not None
    assert blocked.hint is Hint.BLOCKED
    assert eye.look(np.zeros((90, 160), np.uint8)) is None, "a picture of another size is a new beginning"
