"""Drawn people and asks: mostly fit, each point sometimes not, so that both answers are common."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US
from belvedere.policy.ask import Ask, Asker, CaseWindow
from belvedere.policy.grant import Action
from belvedere.policy.row import Role
from belvedere.policy.table import FULL_TABLE
from policy_stage import CASE, ESTATE, HAPPENED, NOW, OWN, approved, person

_CAMERAS = st.frozensets(st.sampled_from(sorted(ESTATE)), min_size=1, max_size=3)
_MOMENTS = st.sampled_from([HAPPENED - HOUR_US, HAPPENED - 10 * MINUTE_US, HAPPENED, HAPPENED + 15 * MINUTE_US])


def rarely(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """`usual` three times out of four."""
    return st.integers(0, 3).flatmap(lambda n: st.just(usual) if n else st.sampled_from(others))


@st.composite
def askers(draw: st.DrawFn) -> Asker:
    roles = draw(st.frozensets(st.sampled_from([*map(str, Role), "root"]), min_size=1, max_size=3))
    return person(
        *roles,
        cameras=draw(st.sampled_from([OWN, ESTATE, frozenset({"gate"}), frozenset({"gate", "quay"})])),
        estate=draw(rarely(ESTATE, None)),
        shift_end_us=draw(rarely(NOW + 8 * HOUR_US, None, NOW, NOW + MINUTE_US)),
        shifts=draw(rarely((), ((NOW - HOUR_US, NOW + HOUR_US),), ((NOW - HOUR_US, NOW),))),
        trained_us=draw(rarely(NOW - DAY_US, None, NOW - FULL_TABLE.training_life_us)),
        spss_until_us=draw(rarely(NOW + 1, None, NOW)),
        team=draw(rarely("control room", "", "supervisors")),
    )


@st.composite
def asks(draw: st.DrawFn, named: bool = False) -> Ask:
    """`named`: cameras and actions are always given."""
    from_us, to_us = draw(_MOMENTS), draw(_MOMENTS)
    spanned = draw(st.integers(0, 3)) > 0
    window = CaseWindow("gate", HAPPENED - HOUR_US, draw(st.sampled_from([HAPPENED, NOW + DAY_US])))
    windows = (window, CaseWindow("quay", 0, NOW + DAY_US), CaseWindow("court", HAPPENED, HAPPENED + HOUR_US))
    facts = replace(
        CASE,
        open=draw(rarely(True, False)),
        people=draw(rarely(CASE.people, frozenset[str]())),
        windows=windows,
        near=draw(rarely(CASE.near, frozenset())),
        happened_us=draw(rarely(HAPPENED, None)),
    )
    few = st.frozensets(st.sampled_from(list(Action)), min_size=int(named), max_size=3)
    cameras = draw(_CAMERAS if named else st.one_of(_CAMERAS, st.just(frozenset[str]())))
    asked = Ask(
        grant_id="grant_1",
        purpose=draw(st.sampled_from(["duty", "investigation", "investigation", "break_glass", "other"])),
        cameras=cameras,
        actions=draw(few),
        case=draw(rarely("CR/26/1", "", "CR/26/2")),
        from_us=min(from_us, to_us) if spanned else None,
        to_us=max(from_us, to_us) if spanned else None,
        lasts_us=draw(rarely(None, HOUR_US, 3 * HOUR_US, 0)),
        reason=draw(rarely("a broken door", " ")),
        recipient=draw(rarely("North Police", "")),
        facts=draw(rarely(facts, None)),
        accepting=draw(rarely(None, frozenset({"gate", "quay"}))),
    )
    if draw(st.booleans()):
        asked = approved(
            asked,
            approver_id=draw(rarely("user_2", "user_1")),
            team=draw(rarely("supervisors", "", "control room")),
            roles=frozenset({draw(rarely("supervisor", "dpo", "operator"))}),
            approved_us=draw(rarely(NOW, NOW + 1, NOW - FULL_TABLE.approval_life_us)),
        )
    return asked
