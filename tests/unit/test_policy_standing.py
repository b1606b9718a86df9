"""A site's standing grant for analysis: only under a sound order of the data protection officer, never for pictures."""

import json
from dataclasses import replace

import pytest
from cedarpy import Decision as CedarDecision
from cedarpy import is_authorized
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.foundation.clock import DAY_US, HOUR_US
from belvedere.foundation.errors import Refused
from belvedere.policy.decision import Outcome
from belvedere.policy.grant import Action
from belvedere.policy.row import Role
from belvedere.policy.standing import LASTS_US, MOST_REVIEW_US, AnalysisOrder, decide_standing
from belvedere.policy.table import FULL_TABLE, TABLE
from policy_stage import NOW, OWN

ORDER = AnalysisOrder(
    site="quayside",
    dpia="DPIA-2026-04",
    reason="Footage is searched when residents report",
    account_id="user_dpo",
    roles=frozenset({"dpo"}),
    made_us=NOW - DAY_US,
    review_us=NOW + 90 * DAY_US,
    from_us=NOW - 31 * DAY_US,
)


def rule(order: AnalysisOrder | None, cameras: frozenset[str] = OWN, now_us: int = NOW) -> str:
    decision = decide_standing(order, cameras, "grant_1", FULL_TABLE, now_us)
    assert decision.policy_version == FULL_TABLE.version
    assert (decision.grant is not None) == (decision.outcome is Outcome.ALLOW) == (decision.rule == "allow.analysis")
    assert decision.allowed or (decision.outcome is Outcome.REFUSE and decision.refusal and decision.advice)
    return decision.rule


def test_a_sound_order_gives_a_day_of_analysis_and_nothing_else() -> None:
    assert decide_standing(ORDER, OWN, "grant_1", TABLE, NOW).granted().policy_version == TABLE.version
    grant = decide_standing(ORDER, OWN, "grant_1", FULL_TABLE, NOW).granted()
    assert grant.policy_version == FULL_TABLE.version
    assert grant.actions == {Action.ANALYSE} and grant.cameras == OWN and grant.masked and not grant.originals
    assert (grant.id, grant.user_id, grant.user_name) == ("grant_1", "site:quayside", "Analysis at quayside")
    assert (grant.purpose, grant.purpose_text, grant.case, grant.approver) == (
        "analysis",
        "Standing analysis of a site's recordings",
        "",
        "user_dpo",
    )
    assert (grant.issued_us, grant.expires_us) == (NOW, NOW + DAY_US) and LASTS_US == DAY_US
    assert (grant.from_us, grant.to_us) == (ORDER.from_us, NOW + DAY_US)
    grant.require(Action.ANALYSE, "gate", now_us=NOW, start_us=NOW - HOUR_US, end_us=NOW)
    shut = [(action, "gate") for action in sorted(set(Action) - {Action.ANALYSE})]
    for action, camera in [*shut, (Action.ANALYSE, "quay")]:
        with pytest.raises(Refused):
            grant.require(action, camera, now_us=NOW, start_us=NOW - HOUR_US, end_us=NOW)
    late = decide_standing(ORDER, OWN, "grant_1", FULL_TABLE, ORDER.review_us - HOUR_US).granted()
    assert late.expires_us == late.to_us == ORDER.review_us


def test_each_refusal_holds_to_the_microsecond() -> None:
    assert MOST_REVIEW_US == 366 * DAY_US
    made = ORDER.made_us
    assert rule(None) == "standing.none"
    assert rule(replace(ORDER, ended=True)) == "standing.ended"
    assert rule(replace(ORDER, roles=frozenset({"manager", "administrator"}))) == "standing.role"
    assert rule(replace(ORDER, dpia=" \t")) == "standing.dpia"
    assert rule(replace(ORDER, reason=" becauses")) == "allow.analysis"
    assert rule(replace(ORDER, reason=" because ")) == "standing.reason"
    assert rule(replace(ORDER, review_us=made + MOST_REVIEW_US)) == "allow.analysis"
    assert rule(replace(ORDER, review_us=made + MOST_REVIEW_US + 1)) == "standing.review"
    assert rule(replace(ORDER, review_us=made)) == "standing.review"
    assert rule(replace(ORDER, review_us=made + 1), now_us=made) == "allow.analysis"
    assert rule(ORDER, now_us=made) == "allow.analysis"
    assert rule(ORDER, now_us=made - 1) == "standing.early"
    assert rule(ORDER, now_us=ORDER.review_us - 1) == "allow.analysis"
    assert rule(ORDER, now_us=ORDER.review_us) == "standing.lapsed"
    assert rule(ORDER, frozenset()) == "standing.cameras"


POLICY = f"""
permit(principal, action == Action::"analyse", resource) when {{
  context has dpia && context.dpia && context.reason && !context.ended && context.roles.contains("{Role.DPO}")
  && context.made_us < context.review_us && context.review_us <= context.made_us + {MOST_REVIEW_US}
  && context.made_us <= context.now_us && context.now_us < context.review_us && context.cameras.contains(resource.name)
}};
"""


@st.composite
def orders(draw: st.DrawFn) -> AnalysisOrder | None:
    if draw(st.integers(0, 9)) == 0:
        return None
    made_us = NOW + draw(st.sampled_from([-DAY_US, -1, 0, 1]))
    return replace(
        ORDER,
        dpia=draw(st.sampled_from(["DPIA-1", "DPIA-2", "D", " "])),
        reason=draw(st.sampled_from([ORDER.reason, "a good reason", "short", ""])),
        roles=draw(st.frozensets(st.sampled_from([*map(str, Role)]), max_size=2).map(lambda some: some | {"dpo"}))
        if draw(st.integers(0, 3))
        else frozenset({"manager"}),
        made_us=made_us,
        review_us=made_us + draw(st.sampled_from([0, 1, DAY_US, MOST_REVIEW_US, MOST_REVIEW_US + 1])),
        ended=draw(st.integers(0, 5)) == 0,
    )


@settings(max_examples=100)
@given(orders(), st.frozensets(st.sampled_from(sorted(OWN)), max_size=3), st.sampled_from([*Action]))
def test_cedar_answers_the_same(order: AnalysisOrder | None, cameras: frozenset[str], action: Action) -> None:
    grant = decide_standing(order, cameras, "grant_1", FULL_TABLE, NOW).grant
    context: dict[str, object] = {"now_us": NOW, "cameras": sorted(cameras)}
    if order is not None:
        context |= {
            "dpia": bool(order.dpia.strip()),
            "reason": len(order.reason.strip()) >= 8,
            "ended": order.ended,
            "roles": sorted(order.roles),
            "made_us": order.made_us,
            "review_us": order.review_us,
        }
    for camera in sorted(OWN):
        uid = {"type": "Camera", "id": camera}
        answer = is_authorized(
            {
                "principal": 'Site::"quayside"',
                "action": f'Action::"{action}"',
                "resource": f"Camera::{json.dumps(camera)}",
                "context": context,
            },
            POLICY,
            [{"uid": uid, "attrs": {"name": camera}, "parents": []}],
        )
        ours = grant is not None and action in grant.actions and camera in grant.cameras
        assert (answer.decision is CedarDecision.Allow) == ours


@settings(max_examples=60)
@given(orders(), st.frozensets(st.sampled_from(sorted(OWN)), max_size=3))
def test_less_never_opens_more(order: AnalysisOrder | None, cameras: frozenset[str]) -> None:
    grant = decide_standing(order, cameras, "grant_1", FULL_TABLE, NOW).grant
    if grant is None:
        return
    assert order is not None and cameras and grant.cameras == cameras and grant.actions == {Action.ANALYSE}
    assert NOW < grant.expires_us <= min(NOW + LASTS_US, order.review_us)
    for less in (replace(order, ended=True), replace(order, roles=frozenset()), replace(order, dpia=""), None):
        assert decide_standing(less, cameras, "grant_1", FULL_TABLE, NOW).grant is None
