"""Acts that open no footage, by the same table."""

from dataclasses import replace

import pytest

from belvedere.policy.acts import ActAsk, ActDecision, act_digest, decide_act
from belvedere.policy.ask import Approval
from belvedere.policy.decision import Outcome
from belvedere.policy.row import DecisionTable, Need, Role, Second, StepUp
from belvedere.policy.table import FULL_TABLE, TABLE
from policy_stage import NOW, person

ASKED = ActAsk("share", {"pack": "pack_1"}, reason="a burglary", recipient="North Police", lawful_basis="DPA s.35")


def asked(who: Role, what: ActAsk, table: DecisionTable = FULL_TABLE) -> ActDecision:
    decision = decide_act(person(who), what, table, NOW)
    assert decision.policy_version == table.version and decision.reason
    return decision


def consent(what: ActAsk, **changes: object) -> ActAsk:
    approval = Approval("user_2", "managers", frozenset({"manager"}), act_digest("user_1", what), NOW)
    return replace(what, approval=replace(approval, **changes))  # type: ignore[arg-type]


def test_every_act_takes_a_second_person_who_may() -> None:
    for row in FULL_TABLE.rows:
        if row.actions:
            assert asked(next(iter(row.roles)), replace(ASKED, act=row.act)).rule == "act.unknown"
            continue
        what = replace(ASKED, act=row.act)
        for role in Role:
            decision = asked(role, what)
            if role not in row.roles:
                assert (decision.outcome, decision.rule) == (Outcome.REFUSE, "role") and decision.advice
                continue
            assert (decision.outcome, decision.rule) == (Outcome.APPROVAL, "approval.needed") and decision.advice
            assert decision.needs.approvers == row.approvers and decision.needs.digest == act_digest("user_1", what)
            assert (decision.needs.second, decision.needs.step_up) == (Second.BEFORE, StepUp.BOUND)
            for second in Role:
                given = asked(role, consent(what, roles=frozenset({second})))
                assert (given.outcome is Outcome.ALLOW) == (second in row.approvers)
                assert given.approver == ("user_2" if second in row.approvers else "")
                assert given.rule == (f"allow.{row.act}" if second in row.approvers else "approval.role")
            assert asked(role, replace(what, reason=" ")).rule == "reason.missing"
    assert asked(Role.AGENCY_LIAISON, replace(ASKED, recipient=" ")).rule == "recipient.missing"
    assert asked(Role.AGENCY_LIAISON, replace(ASKED, lawful_basis=" ")).rule == "purpose.basis"


def test_acts_have_no_span() -> None:
    rows = tuple(replace(row, needs=row.needs | {Need.SPAN}) for row in FULL_TABLE.rows)
    assert asked(Role.AGENCY_LIAISON, ASKED, replace(FULL_TABLE, rows=rows)).rule == "span.missing"


def test_by_the_open_desk_one_person_is_enough() -> None:
    for row in TABLE.rows:
        if not row.actions:
            decision = asked(next(iter(row.roles)), replace(ASKED, act=row.act), TABLE)
            assert (decision.outcome, decision.rule, decision.approver) == (Outcome.ALLOW, f"allow.{row.act}", "")
            assert decision.needs.step_up is row.step_up and decision.needs.digest == ""
    assert asked(Role.AGENCY_LIAISON, ASKED, TABLE).rule == "act.unknown"


def test_an_approval_is_of_exactly_this_act() -> None:
    others = [
        replace(ASKED, act="role_change"),
        replace(ASKED, words={"pack": "pack_2"}),
        replace(ASKED, reason="another"),
        replace(ASKED, recipient="South Police"),
        replace(ASKED, lawful_basis="consent"),
    ]
    digests = {act_digest("user_1", each) for each in (ASKED, *others)} | {act_digest("user_2", ASKED)}
    assert len(digests) == len(others) + 2
    for other in others:
        assert asked(Role.AGENCY_LIAISON, replace(ASKED, approval=consent(other).approval)).rule == "approval.other"
    spaced = replace(ASKED, reason=" a burglary ", recipient="North Police ", lawful_basis=" DPA s.35")
    assert act_digest("user_1", spaced) == act_digest("user_1", ASKED)


@pytest.mark.parametrize("act", ["", "playback.near", "duty", "SHARE"])
def test_there_are_no_other_acts(act: str) -> None:
    assert asked(Role.AGENCY_LIAISON, replace(ASKED, act=act)).rule == "act.unknown"
