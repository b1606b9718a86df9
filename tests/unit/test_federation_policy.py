"""What a partner gets an answer to: nothing by default, and never more than its policy says."""

from dataclasses import replace as _replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import MINUTE_US
from belvedere.foundation.errors import BadInput
from belvedere.hub.federation.place import cameras_at
from belvedere.hub.federation.policy import OFF, PartnerPolicy, check_policy, opens_more, radius_m, why_not
from belvedere.hub.federation.words import Circle, Polygon, Question
from belvedere.hub.register.cameras import Camera
from hub_stage import gate

NOW_US = 1_780_000_000_000_000
OPEN = PartnerPolicy(True, ("crime",), ("dpa2018_part3",))
ASKED = Question(
    Circle(51.5, -0.1, 50.0), NOW_US - 30 * MINUTE_US, NOW_US - 20 * MINUTE_US, "crime", "dpa2018_part3", "CR/1"
)


def asked(**changes: Any) -> Question:
    return msgspec.structs.replace(ASKED, **changes)


def code(policy: PartnerPolicy, question: Question = ASKED, today: int = 0) -> str:
    no = why_not(policy, question, today, NOW_US)
    return "" if no is None else no.code


def test_nothing_is_answered_before_it_is_switched_on() -> None:
    assert code(OFF) == "off" and code(PartnerPolicy()) == "off"
    assert code(OPEN) == ""


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        (asked(reason="legal_claim"), "reason"),
        (asked(reason="curiosity"), "reason"),
        (asked(basis="ukgdpr_6_1_e"), "basis"),
        (asked(to_us=ASKED.from_us), "span"),
        (asked(from_us=ASKED.to_us - 61 * MINUTE_US), "span"),
        (asked(from_us=ASKED.to_us - 60 * MINUTE_US), ""),
        (asked(to_us=NOW_US + 2 * MINUTE_US), "future"),
        (asked(place=Circle(51.5, -0.1, 151.0)), "place"),
        (asked(place=Polygon(((-0.1, 51.5), (-0.09, 51.5), (-0.1, 51.501)))), "place"),
        (asked(place=Polygon(((-0.1, 51.5), (-0.099, 51.5), (-0.1, 51.501)))), ""),
    ],
)
def test_a_question_outside_the_policy_is_refused_with_its_reason(question: Question, wanted: str) -> None:
    assert code(OPEN, question) == wanted


def test_questions_a_day_are_counted() -> None:
    assert [code(OPEN, today=count) for count in (19, 20, 21)] == ["", "too_many", "too_many"]


def test_a_policy_that_can_not_be_is_not_kept() -> None:
    check_policy(OFF)
    check_policy(OPEN)
    wrong = (
        {"longest_minutes": 0},
        {"widest_m": 9},
        {"questions_a_day": 1001},
        {"hold_days": 91},
        {"reasons": ("curiosity",)},
        {"reasons": ()},
        {"bases": ()},
        {"cameras": ()},
    )
    for changes in wrong:
        with pytest.raises(BadInput):
            check_policy(msgspec.structs.replace(OPEN, **changes))


@given(st.data())
def test_what_opens_more_is_noticed(data: st.DataObject) -> None:
    """A policy answers something that another did not only if `opens_more` says so."""
    reasons = st.lists(st.sampled_from(["crime", "missing_person"]), unique=True).map(tuple)
    policies = st.builds(
        PartnerPolicy,
        answers=st.booleans(),
        reasons=reasons,
        bases=st.just(("dpa2018_part3",)),
        longest_minutes=st.integers(5, 15),
        widest_m=st.integers(40, 60),
        questions_a_day=st.integers(1, 3),
    )
    before, after = data.draw(policies), data.draw(policies)
    question = asked(
        reason=data.draw(st.sampled_from(["crime", "missing_person"])),
        from_us=ASKED.to_us - data.draw(st.integers(5, 15)) * MINUTE_US,
        place=Circle(51.5, -0.1, float(data.draw(st.integers(40, 60)))),
    )
    today = data.draw(st.integers(0, 3))
    if code(before, question, today) and not code(after, question, today):
        assert opens_more(before, after)


def test_cameras_telling_counts_and_holding_longer_open_more() -> None:
    one = msgspec.structs.replace(OPEN, cameras=("gate",))
    assert opens_more(one, OPEN) and not opens_more(OPEN, one)
    assert opens_more(one, msgspec.structs.replace(one, cameras=("gate", "yard")))
    assert opens_more(OPEN, msgspec.structs.replace(OPEN, tells_count=True))
    assert opens_more(OPEN, msgspec.structs.replace(OPEN, hold_days=31))
    assert opens_more(OFF, OPEN) and not opens_more(OPEN, OFF) and not opens_more(OPEN, OPEN)


def test_cameras_that_look_at_a_place_are_found_by_their_view() -> None:
    # The gate looks 40 m to the north-north-east. A metre of latitude is 1/111,250 of a degree here.
    seen = Circle(51.5 + 30 / 111_250, -0.1 + 10 / 69_400, 10.0)
    behind = Circle(51.5 - 30 / 111_250, -0.1, 10.0)
    blind = _replace(gate(), id="blind", bearing_deg=None, fov_deg=None, range_m=None)
    nowhere = Camera("nowhere", "main", "Nowhere")
    cameras = [gate(), blind, nowhere]
    assert cameras_at(seen, cameras, None) == ["blind", "gate"]
    assert cameras_at(behind, cameras, None) == ["blind"]  # nobody knows where that one looks
    assert cameras_at(seen, cameras, ("gate",)) == ["gate"] and cameras_at(seen, cameras, ()) == []
    assert cameras_at(Circle(51.6, -0.1, 50.0), cameras, None) == []
    ring = Polygon(((-0.1001, 51.5002), (-0.0995, 51.5002), (-0.0995, 51.5004), (-0.1001, 51.5004)))
    assert cameras_at(ring, cameras, None) == ["blind", "gate"]


@given(st.floats(10, 1_000), st.floats(-60, 60))
def test_the_width_of_a_polygon_is_that_of_the_circle_round_it(radius: float, lat: float) -> None:
    from belvedere.foundation.geometry import LocalPlane

    plane = LocalPlane(0.0, lat)
    corners = tuple(plane.to_lonlat(x, y) for x, y in ((radius, 0.0), (0.0, radius), (-radius, 0.0), (0.0, -radius)))
    assert radius_m(Polygon(corners)) == pytest.approx(radius, rel=1e-3)
