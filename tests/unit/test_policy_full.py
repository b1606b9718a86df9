"""The whole action table: every refusal, every limit to the microsecond, every second person."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US
from belvedere.foundation.errors import Refused
from belvedere.policy.ask import Ask, Asker, CaseWindow, ask_digest, ask_words
from belvedere.policy.decision import Decision, Outcome, decide
from belvedere.policy.grant import Action
from belvedere.policy.needs import Needs
from belvedere.policy.row import DecisionTable, Per, Purpose, PurposeKind, Role, Second, StepUp
from belvedere.policy.table import FULL_TABLE
from policy_stage import CASE, ESTATE, HAPPENED, NOW, OWN, approved, ask, person

LIVE, PLAYBACK, EXPORT, PTZ = Action.LIVE, Action.PLAYBACK, Action.EXPORT, Action.PTZ
STILL, SEARCH, UNMASK = Action.STILL, Action.SEARCH, Action.UNMASK
OPERATOR, SUPERVISOR, INVESTIGATOR = Role.OPERATOR, Role.SUPERVISOR, Role.INVESTIGATOR
WIDE: dict[str, Any] = {"from_us": HAPPENED - HOUR_US, "to_us": HAPPENED + HOUR_US}


def asked(who: Asker, what: Ask, table: DecisionTable = FULL_TABLE) -> Decision:
    return decide(who, what, table, NOW)


def rule(who: Asker, what: Ask, table: DecisionTable = FULL_TABLE) -> str:
    decision = asked(who, what, table)
    assert decision.reason and decision.policy_version == table.version
    assert decision.advice or decision.allowed
    assert decision.allowed == (decision.outcome is Outcome.ALLOW)
    return decision.rule


def with_purpose(code: str, **changes: object) -> DecisionTable:
    purpose = replace(FULL_TABLE.purposes[code], **changes)  # type: ignore[arg-type]
    return replace(FULL_TABLE, purposes={**FULL_TABLE.purposes, code: purpose})


def test_duty_is_masked_live_with_stills_and_moving() -> None:
    decision = asked(person(OPERATOR), ask("duty", cameras=frozenset()))
    grant = decision.granted()
    assert grant.actions == {LIVE, STILL, PTZ} and grant.cameras == OWN and grant.masked
    assert (decision.rule, decision.needs.second, decision.needs.step_up) == ("allow.duty", Second.NONE, StepUp.NONE)
    assert (grant.from_us, grant.to_us, grant.expires_us) == (NOW - HOUR_US, NOW + 8 * HOUR_US, NOW + 8 * HOUR_US)
    assert (grant.approver, grant.case, grant.policy_version) == ("", "", FULL_TABLE.version)
    for shut in (PLAYBACK, EXPORT, SEARCH, UNMASK):
        assert rule(person(OPERATOR), ask("duty", shut)) == "action"
    for actions in ((LIVE,), (LIVE, STILL)):
        assert rule(person(OPERATOR), ask("duty", *actions, cameras=frozenset({"quay"}))) == "cameras.foreign"
    assert decision.outcome is Outcome.ALLOW


def test_the_licence_is_for_moving_only() -> None:
    for until in (None, NOW, NOW - 1):
        unlicensed = person(OPERATOR, spss_until_us=until)
        assert rule(unlicensed, ask("duty", PTZ, LIVE)) == "spss"
        assert asked(unlicensed, ask("duty")).granted().actions == {LIVE, STILL}
    assert asked(person(OPERATOR, spss_until_us=NOW + 1), ask("duty", PTZ)).allowed


def test_training_lapses() -> None:
    life_us = FULL_TABLE.training_life_us
    for trained_us in (None, NOW - life_us):
        for what in (ask("duty"), ask("duty", LIVE), ask("investigation", PLAYBACK)):
            assert rule(person(OPERATOR, trained_us=trained_us), what) == "training"
    assert asked(person(OPERATOR, trained_us=NOW - life_us + 1), ask("duty", LIVE)).allowed
    assert "not on record" in asked(person(OPERATOR, trained_us=None), ask("duty", LIVE)).reason
    assert "has lapsed" in asked(person(OPERATOR, trained_us=1), ask("duty", LIVE)).reason
    assert asked(person(OPERATOR, trained_us=1), ask("duty", LIVE)).needs == Needs(Second.NONE, StepUp.NONE)
    assert "There is no" in asked(person(OPERATOR, spss_until_us=None), ask("duty", PTZ)).reason
    assert "Expired" in asked(person(OPERATOR, spss_until_us=1), ask("duty", PTZ)).reason
    assert asked(person(OPERATOR, trained_us=None), ask("break_glass", LIVE)).allowed


def test_the_roster_counts_where_there_is_one() -> None:
    early = ((NOW - DAY_US, NOW - HOUR_US), (NOW + 1, NOW + HOUR_US))
    for what in (ask("duty"), ask("investigation", PLAYBACK)):
        assert rule(person(SUPERVISOR, shifts=early), what) == "shift.roster"
        assert rule(person(SUPERVISOR, shifts=((NOW - 1, NOW),)), what) == "shift.roster"
    assert asked(person(SUPERVISOR, shifts=early), ask("break_glass", LIVE)).allowed
    on = person(SUPERVISOR, shifts=(*early[:1], (NOW, NOW + 2 * HOUR_US)))
    assert asked(on, ask("duty")).granted().expires_us == NOW + 2 * HOUR_US
    assert asked(on, ask("investigation", PLAYBACK)).granted().expires_us == NOW + 8 * HOUR_US
    for end in (None, NOW):
        assert rule(person(OPERATOR, shift_end_us=end), ask("duty")) == "shift"
    open_desk = replace(FULL_TABLE, rosters_count=False)
    assert asked(person(SUPERVISOR, shifts=early), ask("duty"), open_desk).allowed


def test_a_purpose_has_its_own_roles_actions_and_limits() -> None:
    narrow = with_purpose("duty", roles=frozenset({SUPERVISOR}), actions=frozenset({LIVE, PLAYBACK}))
    assert rule(person(OPERATOR), ask("duty"), narrow) == "purpose.role"
    assert rule(person(SUPERVISOR), ask("duty", LIVE, PTZ), narrow) == "purpose.action"
    assert rule(person(SUPERVISOR), ask("duty", PLAYBACK), narrow) == "action"
    assert asked(person(OPERATOR, SUPERVISOR), ask("duty"), narrow).granted().actions == {LIVE}
    nothing = with_purpose("duty", actions=frozenset({EXPORT}))
    assert rule(person(OPERATOR), ask("duty", EXPORT), nothing) == "action"
    assert rule(person(OPERATOR), ask("duty"), nothing) == "action.unnamed"
    two = with_purpose("duty", most_cameras=2)
    assert asked(person(OPERATOR), ask("duty", LIVE, cameras=frozenset({"gate", "court"})), two).allowed
    assert rule(person(OPERATOR), ask("duty", LIVE, cameras=OWN), two) == "purpose.cameras"
    brief = with_purpose("investigation", longest_span_us=30 * MINUTE_US)
    near = ask("investigation", PLAYBACK)
    assert asked(person(OPERATOR), near, brief).allowed
    longer = replace(near, to_us=HAPPENED + 15 * MINUTE_US + 1)
    assert rule(person(OPERATOR), approved(longer), brief) == "purpose.span"
    assert "opens 30 minutes" in asked(person(OPERATOR), longer, brief).reason
    for recorded in (EXPORT, SEARCH):
        assert rule(person(INVESTIGATOR), replace(longer, actions=frozenset({recorded})), brief) == "purpose.span"
    assert asked(person(OPERATOR), ask("investigation", LIVE, from_us=None, to_us=None), brief).allowed
    assert rule(person(OPERATOR), ask("other")) == "purpose.unknown"
    assert rule(person(Role.DPO, Role.ADMINISTRATOR), ask("duty")) == "role"
    unfounded = with_purpose("investigation", lawful_basis="")
    for founded in (EXPORT, SEARCH):
        assert rule(person(INVESTIGATOR), ask("investigation", founded), unfounded) == "purpose.basis"
    assert Purpose("p", "P", False, False, 1, 1, None, True).kind is PurposeKind.INCIDENT
    assert all(row.per is Per.GRANT for row in FULL_TABLE.rows if row.most is None)


def test_a_camera_accepts_its_own_purposes_only() -> None:
    some = frozenset({"gate"})
    assert asked(person(OPERATOR), ask("duty", LIVE, accepting=some)).allowed
    both = frozenset({"gate", "court"})
    assert rule(person(OPERATOR), ask("duty", LIVE, cameras=both, accepting=some)) == "cameras.purpose"
    assert asked(person(OPERATOR), ask("duty", LIVE, cameras=frozenset(), accepting=some)).granted().cameras == some
    none: frozenset[str] = frozenset()
    assert rule(person(OPERATOR), ask("duty", LIVE, cameras=none, accepting=none)) == "cameras.none"


def test_the_case_decides_who_what_and_when() -> None:
    who, what = person(OPERATOR), ask("investigation", PLAYBACK)
    assert asked(who, what).granted().case == "CR/26/1"
    assert rule(who, replace(what, facts=replace(CASE, open=False))) == "case.closed"
    assert "closed" in asked(who, replace(what, facts=replace(CASE, open=False))).reason
    assert rule(who, replace(what, facts=None)) == "case.unknown"
    assert rule(who, replace(what, case="CR/26/2")) == "case.unknown"
    assert asked(who, replace(what, case=" cr/26/1 ")).granted().case == "CR/26/1"
    assert rule(who, replace(what, case="")) == "case.missing"
    assert rule(who, replace(what, case="x" * 65)) == "case.form"
    assert rule(who, replace(what, case="x" * 64)) == "case.unknown"
    assert rule(who, replace(what, case="a\x7fb")) == "case.form"
    assert rule(person(OPERATOR, user_id="user_9"), what) == "case.people"
    assert rule(who, replace(what, cameras=frozenset({"gate", "market"}))) == "case.cameras"
    tight = replace(CASE, windows=(CaseWindow("gate", HAPPENED - 15 * MINUTE_US, HAPPENED + 15 * MINUTE_US),))
    assert asked(who, replace(what, facts=tight)).allowed
    for window in (
        CaseWindow("gate", HAPPENED - 15 * MINUTE_US + 1, HAPPENED + 15 * MINUTE_US),
        CaseWindow("gate", HAPPENED - 15 * MINUTE_US, HAPPENED + 15 * MINUTE_US - 1),
    ):
        assert rule(who, replace(what, facts=replace(CASE, windows=(window,)))) == "case.span"
    live = ask("investigation", LIVE, facts=tight, from_us=None, to_us=None)
    assert asked(who, live).allowed, "live is of now, whatever span the case has"
    singles: list[dict[str, Any]] = [{"from_us": NOW - MINUTE_US}, {"to_us": NOW + MINUTE_US}]
    for one in singles:
        assert rule(who, replace(live, **one)) == "case.span"
    assert asked(who, replace(live, cameras=frozenset())).granted().cameras == {"gate"}
    whole = ask("investigation", LIVE, cameras=frozenset(), from_us=None, to_us=None)
    assert asked(who, whole).granted().cameras == {"gate", "court", "quay"}, "an incident reaches other sites"
    assert asked(replace(who, estate=None), whole).granted().cameras == {"gate", "court"}
    with_still = replace(whole, actions=frozenset({LIVE, STILL}))
    assert asked(who, with_still).granted().cameras == {"gate", "court", "quay"}


def test_near_an_incident_one_person_is_enough_and_wider_takes_two() -> None:
    who, near = person(INVESTIGATOR), ask("investigation", PLAYBACK)
    decision = asked(who, near)
    assert decision.allowed and decision.needs.step_up is StepUp.RECENT and decision.needs.second is Second.NONE
    assert decision.granted().expires_us == NOW + 8 * HOUR_US and decision.needs.digest == ""
    half_us = 30 * MINUTE_US
    assert asked(who, replace(near, actions=frozenset({PLAYBACK, STILL}))).needs.step_up is StepUp.RECENT
    for start_us in (HAPPENED, HAPPENED - half_us):
        assert asked(who, replace(near, from_us=start_us, to_us=start_us + half_us)).allowed
    unknown = replace(CASE, happened_us=None, near=frozenset())
    wider = [
        replace(near, from_us=HAPPENED, to_us=HAPPENED + half_us + 1),
        replace(near, from_us=HAPPENED + 1, to_us=HAPPENED + half_us),
        replace(near, from_us=HAPPENED - half_us, to_us=HAPPENED - 1),
        replace(near, cameras=frozenset({"gate", "court"})),
        replace(near, facts=unknown),
        replace(near, **WIDE),
    ]
    for what in wider:
        decision = asked(who, what)
        assert (decision.outcome, decision.rule, decision.grant) == (Outcome.APPROVAL, "approval.needed", None)
        assert decision.needs.second is Second.BEFORE and decision.needs.step_up is StepUp.BOUND
        assert decision.needs.digest == ask_digest("user_1", what)
        assert decision.needs.approvers == {Role.SUPERVISOR, Role.CASE_APPROVER, Role.MANAGER}
        assert asked(who, approved(what)).allowed
    unspanned = replace(near, from_us=None)
    assert rule(who, unspanned) == rule(who, replace(near, to_us=None)) == "span.missing"
    assert rule(who, replace(near, **WIDE, reason=" ")) == "reason.missing"
    assert rule(who, replace(near, **WIDE, cameras=frozenset())) == "cameras.unnamed"
    assert rule(who, replace(near, cameras=frozenset())) == "cameras.unnamed"
    assert rule(who, replace(near, actions=frozenset({PLAYBACK, UNMASK}), cameras=frozenset())) == "cameras.unnamed"
    unmasked = ask("investigation", LIVE, UNMASK, cameras=frozenset(), from_us=None, to_us=None)
    assert rule(person(OPERATOR), unmasked) == "cameras.unnamed"
    assert asked(who, replace(near, cameras=CASE.near)).allowed


def test_an_empty_ask_gives_what_one_person_may_have_at_once() -> None:
    assert asked(person(OPERATOR), ask("investigation")).granted().actions == {PLAYBACK, STILL}
    assert rule(person(OPERATOR), ask("investigation", **WIDE)) == "action.unnamed"
    glass = asked(person(OPERATOR), ask("break_glass")).granted()
    assert glass.actions == {LIVE, PLAYBACK, PTZ, UNMASK, STILL} and not glass.masked
    assert rule(person(OPERATOR), ask("break_glass", reason="")) == "reason.missing"


def test_what_means_nothing_alone() -> None:
    for alone in (STILL, UNMASK):
        assert rule(person(OPERATOR), ask("investigation", alone)) == "action.alone"
    assert rule(person(OPERATOR), ask("duty", STILL)) == "action.alone"
    assert asked(person(OPERATOR), ask("duty", STILL, LIVE)).allowed


def test_unmasking_takes_a_second_person_and_is_short() -> None:
    what = ask("investigation", LIVE, UNMASK, from_us=None, to_us=None)
    decision = asked(person(OPERATOR), what)
    assert decision.outcome is Outcome.APPROVAL and decision.needs.step_up is StepUp.BOUND
    grant = asked(person(OPERATOR), approved(what)).granted()
    assert not grant.masked and grant.approver == "user_2" and grant.expires_us == NOW + 2 * HOUR_US
    assert asked(person(OPERATOR), ask("investigation", PLAYBACK)).granted().masked
    assert rule(person(Role.MANAGER), what) == "action", "a manager approves; they do not unmask"


def test_export_and_search_say_who_gets_it_and_why() -> None:
    export = ask("investigation", EXPORT)
    assert rule(person(INVESTIGATOR), replace(export, recipient=" ")) == "recipient.missing"
    assert rule(person(INVESTIGATOR), replace(export, reason="")) == "reason.missing"
    assert rule(person(INVESTIGATOR), replace(export, from_us=None)) == "span.missing"
    assert rule(person(INVESTIGATOR), export) == "approval.needed"
    assert asked(person(INVESTIGATOR), approved(export)).allowed
    search = ask("investigation", SEARCH, recipient="")
    assert rule(person(OPERATOR), search) == "action"
    assert asked(person(INVESTIGATOR), approved(search)).granted().expires_us == NOW + HOUR_US
    both = replace(export, actions=frozenset({EXPORT, PLAYBACK, SEARCH}))
    assert asked(person(INVESTIGATOR), approved(both)).granted().expires_us == NOW + HOUR_US


def test_who_may_be_the_second_person() -> None:
    who, what = person(INVESTIGATOR), ask("investigation", EXPORT)
    life_us = FULL_TABLE.approval_life_us
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"approver_id": "user_1"}, "approval.self"),
        ({"team": "control room"}, "approval.team"),
        ({"team": ""}, "approval.team"),
        ({"roles": frozenset({Role.DPO, Role.OPERATOR})}, "approval.role"),
        ({"digest": ask_digest("user_1", replace(what, reason="else"))}, "approval.other"),
        ({"digest": ""}, "approval.other"),
        ({"approved_us": NOW - life_us}, "approval.old"),
        ({"approved_us": NOW + 1}, "approval.old"),
    ]
    for changes, expected in wrong:
        assert rule(who, approved(what, **changes)) == expected
    assert rule(replace(who, team=""), approved(what)) == "approval.team"
    for approved_us in (NOW - life_us + 1, NOW):
        assert asked(who, approved(what, approved_us=approved_us)).granted().approver == "user_2"
    assert "8 hours" in asked(who, approved(what, approved_us=0)).reason
    for role in (Role.SUPERVISOR, Role.CASE_APPROVER, Role.MANAGER):
        assert asked(who, approved(what, roles=frozenset({role}))).allowed
    needless = ask("investigation", PLAYBACK)
    assert asked(who, approved(needless, approver_id="user_1")).granted().approver == "", "nobody had to agree"


def test_an_approval_is_of_every_word() -> None:
    what = ask("investigation", EXPORT)
    changed = [
        replace(what, purpose="duty"),
        replace(what, cameras=frozenset({"court"})),
        replace(what, actions=frozenset({PLAYBACK})),
        replace(what, case="CR/26/2"),
        replace(what, from_us=1),
        replace(what, to_us=1),
        replace(what, lasts_us=1),
        replace(what, reason="another"),
        replace(what, recipient="South Police"),
    ]
    digests = {ask_digest("user_1", each) for each in (what, *changed)} | {ask_digest("user_2", what)}
    assert len(digests) == len(changed) + 2
    same = replace(what, grant_id="grant_2", reason=" a broken door ", recipient=" North Police", case="CR/26/1 ")
    assert ask_digest("user_1", same) == ask_digest("user_1", what)
    assert ask_words("user_1", what)["cameras"] == ["gate"]
    unsorted = replace(what, actions=frozenset({PLAYBACK, EXPORT, LIVE}), cameras=frozenset({"quay", "gate", "court"}))
    words = ask_words("user_1", unsorted)
    assert (words["actions"], words["cameras"]) == (["export", "live", "playback"], ["court", "gate", "quay"])
    pinned = "fb0bfbf8c99ceadef3290745f2e543c850925aae202a68f875e9ca63ce9f2367"
    assert ask_digest("user_1", what) == pinned, "approvals that were given stay good"


def test_the_second_person_can_take_away_but_not_add() -> None:
    who = person(INVESTIGATOR)
    what = ask("investigation", PLAYBACK, cameras=frozenset({"gate", "court"}), **WIDE)
    whole = asked(who, approved(what)).granted()
    assert (whole.cameras, whole.from_us, whole.to_us) == (frozenset({"gate", "court"}), WIDE["from_us"], WIDE["to_us"])
    less = approved(what, cameras=frozenset({"gate"}), from_us=HAPPENED - MINUTE_US, to_us=HAPPENED)
    grant = asked(who, less).granted()
    assert (grant.cameras, grant.from_us, grant.to_us) == (frozenset({"gate"}), HAPPENED - MINUTE_US, HAPPENED)
    exact = approved(what, cameras=what.cameras, from_us=what.from_us, to_us=what.to_us)
    assert asked(who, exact).granted() == whole
    more: list[dict[str, Any]] = [
        {"cameras": frozenset({"gate", "quay"})},
        {"from_us": WIDE["from_us"] - 1},
        {"to_us": WIDE["to_us"] + 1},
        {"from_us": HAPPENED, "to_us": HAPPENED},
    ]
    for changes in more:
        assert rule(who, approved(what, **changes)) == "approval.wider"


def test_time_can_be_asked_for_within_the_limit() -> None:
    live = ask("investigation", LIVE, from_us=None, to_us=None)
    for lasts_us, expected in ((1, NOW + 1), (2 * HOUR_US, NOW + 2 * HOUR_US), (None, NOW + 2 * HOUR_US)):
        grant = asked(person(OPERATOR), replace(live, lasts_us=lasts_us)).granted()
        assert (grant.expires_us, grant.to_us) == (expected, expected)
    for lasts_us in (0, -1, 2 * HOUR_US + 1):
        assert rule(person(OPERATOR), replace(live, lasts_us=lasts_us)) == "limit.time"
    assert rule(person(OPERATOR), ask("duty", LIVE, lasts_us=12 * HOUR_US + 1)) == "limit.time"
    assert "120 minutes" in asked(person(OPERATOR), replace(live, lasts_us=0)).reason
    assert asked(person(OPERATOR), ask("duty", LIVE, lasts_us=HOUR_US)).granted().expires_us == NOW + HOUR_US
    short = with_purpose("investigation", longest_us=HOUR_US)
    assert asked(person(OPERATOR), live, short).granted().expires_us == NOW + HOUR_US


def test_break_glass_opens_at_once_and_is_looked_at_after() -> None:
    decision = asked(person(OPERATOR), ask("break_glass", LIVE, UNMASK, cameras=ESTATE))
    assert decision.allowed and decision.needs.second is Second.AFTER and decision.needs.step_up is StepUp.BOUND
    assert decision.needs.approvers == {Role.SUPERVISOR, Role.MANAGER, Role.DPO} and decision.needs.digest == ""
    assert decision.granted().expires_us == NOW + HOUR_US and not decision.granted().masked
    assert rule(person(Role.DPO), ask("break_glass", LIVE)) == "role"
    assert rule(person(OPERATOR), ask("break_glass", EXPORT)) == "action"
    assert asked(person(OPERATOR), ask("break_glass", PLAYBACK, from_us=NOW - DAY_US)).allowed
    back = ask("break_glass", PLAYBACK, from_us=NOW - DAY_US - 1)
    assert rule(person(OPERATOR), back) == "span.reach" and "24 hours" in asked(person(OPERATOR), back).reason


def test_the_open_desk_reaches_back_in_days() -> None:
    far = with_purpose("break_glass", longest_reach_us=2 * DAY_US)
    assert "2 days" in asked(person(OPERATOR), ask("break_glass", LIVE, from_us=NOW - 3 * DAY_US), far).reason


def test_spans_that_are_no_spans() -> None:
    near = ask("investigation", PLAYBACK)
    backwards = replace(near, from_us=HAPPENED, to_us=HAPPENED)
    assert rule(person(OPERATOR), backwards) == "span.empty"
    glass = ask("break_glass", PLAYBACK, from_us=NOW + HOUR_US)
    assert rule(person(OPERATOR), glass) == "span.empty"
    assert asked(person(OPERATOR), replace(glass, from_us=NOW + HOUR_US - 1)).allowed


def test_refusals_name_three_and_count_the_rest() -> None:
    def reason(number: int) -> str:
        return asked(person(OPERATOR), ask("duty", LIVE, cameras=frozenset(f"far-{n}" for n in range(number)))).reason

    assert reason(3) == "Not at your sites: far-0, far-1, far-2."
    assert reason(4) == "Not at your sites: far-0, far-1, far-2 and 1 more."


def test_kinds_of_purposes_are_apart() -> None:
    asking: Callable[[str], str] = lambda code: rule(person(*Role), ask(code, LIVE))  # noqa: E731
    kinds: dict[str, Purpose] = {
        kind: Purpose(kind, kind, False, False, HOUR_US, HOUR_US, None, True, kind=kind) for kind in PurposeKind
    }
    table = replace(FULL_TABLE, purposes=kinds)
    opened = {kind for kind in PurposeKind if asked(person(*Role), ask(kind, LIVE), table).allowed}
    assert opened == {PurposeKind.DUTY, PurposeKind.INCIDENT, PurposeKind.BREAK_GLASS}
    assert asking("ticket") == "purpose.unknown"


def test_live_pictures_beside_recordings_run_until_the_grant_ends() -> None:
    both = asked(person("operator"), ask("investigation", LIVE, PLAYBACK, PTZ)).granted()
    assert both.to_us < NOW
    for action in (LIVE, PTZ):
        both.require(action, "gate", now_us=NOW)
        both.require(action, "gate", now_us=both.expires_us - 1)
        with pytest.raises(Refused, match="ended"):
            both.require(action, "gate", now_us=both.expires_us)
        with pytest.raises(Refused, match="covers"):  # a span that is named is footage
            both.require(action, "gate", now_us=NOW, end_us=NOW)
    with pytest.raises(Refused, match="covers"):
        both.require(PLAYBACK, "gate", now_us=NOW)
    for beside in (PLAYBACK, SEARCH, EXPORT, Action.ANALYSE):
        msgspec.structs.replace(both, actions=frozenset({LIVE, beside})).require(LIVE, "gate", now_us=NOW)
    for alone in (frozenset({LIVE}), frozenset({LIVE, STILL, PTZ, UNMASK})):
        with pytest.raises(Refused, match="covers"):
            msgspec.structs.replace(both, actions=alone).require(LIVE, "gate", now_us=NOW)
    for other in (STILL, UNMASK):
        with pytest.raises(Refused, match="covers"):
            msgspec.structs.replace(both, actions=both.actions | {other}).require(other, "gate", now_us=NOW)
    with pytest.raises(Refused, match="covers"):
        msgspec.structs.replace(both, from_us=NOW + 1, to_us=NOW + 2).require(LIVE, "gate", now_us=NOW)
