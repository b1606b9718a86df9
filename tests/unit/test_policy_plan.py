"""What several rows need together, whichever comes first, and that a table works it out once."""

from dataclasses import replace
from itertools import permutations

from belvedere.policy.grant import Action
from belvedere.policy.needs import Needs, needs_of
from belvedere.policy.plan import open_rows
from belvedere.policy.row import PurposeKind, Reach, Role, Row, Second, StepUp, Zone
from belvedere.policy.table import FULL_TABLE

SUPERVISOR, MANAGER, DPO = Role.SUPERVISOR, Role.MANAGER, Role.DPO


def row(act: str, **changes: object) -> Row:
    found = FULL_TABLE.row(act)
    assert found is not None
    return replace(found, **changes)  # type: ignore[arg-type]


def test_the_strongest_passkey_and_the_earliest_second_person_count() -> None:
    plain = row("live")
    none, recent, bound = (replace(plain, act=step, step_up=step) for step in StepUp)
    for order in permutations((none, recent, bound)):
        assert needs_of(order, "") == Needs(Second.NONE, StepUp.BOUND)
    for order in permutations((none, recent)):
        assert needs_of(order, "") == Needs(Second.NONE, StepUp.RECENT)
    before = replace(plain, second=Second.BEFORE, approvers=frozenset({SUPERVISOR, MANAGER}))
    after = replace(plain, second=Second.AFTER, approvers=frozenset({MANAGER, DPO}))
    for order in permutations((plain, before, after)):
        assert needs_of(order, "digest") == Needs(Second.BEFORE, StepUp.NONE, frozenset({MANAGER}), "digest")
    for order in permutations((plain, after)):
        assert needs_of(order, "digest") == Needs(Second.AFTER, StepUp.NONE, frozenset({MANAGER, DPO}), "")


def test_what_a_role_may_do_is_worked_out_once() -> None:
    fresh = replace(FULL_TABLE, rows=tuple(list(FULL_TABLE.rows)))
    roles = frozenset({Role.OPERATOR})
    having = open_rows(fresh, PurposeKind.INCIDENT, Reach.WIDE, roles)
    assert open_rows(fresh, PurposeKind.INCIDENT, Reach.WIDE, roles) is having
    assert having.rows[Action.PLAYBACK].act == "playback.near"
    assert open_rows(fresh, PurposeKind.INCIDENT, Reach.NEAR, roles).rows[Action.PLAYBACK].act == "playback.wide"
    assert open_rows(fresh, PurposeKind.DUTY, Reach.WIDE, roles).actions == {Action.LIVE, Action.PTZ, Action.STILL}
    assert open_rows(fresh, PurposeKind.INCIDENT, Reach.WIDE, frozenset({Role.DPO})).rows == {}
    assert len(fresh.known) == 4 and replace(fresh, purposes={}).known is fresh.known
    assert replace(fresh, rows=fresh.rows[1:]).known == {}
    some = frozenset({Action.LIVE, Action.STILL})
    only = having.only(some)
    assert only.actions == some and having.only(some) is only and having.only(some | {Action.PTZ}) is not only
    assert [act.act for act, _ in only.usual] == ["live.incident", "still"]
    assert only.standing(frozenset({Action.STILL})) == frozenset() and only.standing(some) == some
    assert only.plan(some) is only.plan(some)


def test_a_plan_says_what_its_actions_need_together() -> None:
    fresh = replace(FULL_TABLE, rows=tuple(list(FULL_TABLE.rows)))
    having = open_rows(fresh, PurposeKind.INCIDENT, Reach.WIDE, frozenset({Role.OPERATOR, Role.INVESTIGATOR}))
    live = having.plan(frozenset({Action.LIVE}))
    assert (live.recorded, live.before, live.lonely, live.anywhere) == (False, False, None, True)
    both = having.plan(frozenset({Action.PLAYBACK, Action.UNMASK}))
    assert [each.act for each in both.rows] == ["playback.near", "unmask"] and both.actions == {"playback", "unmask"}
    assert both.recorded and both.before and both.lonely is None and both.needs.digest == ""
    least = min(each.longest_us for each in both.rows if each.longest_us is not None)
    assert both.longest_us == least < max(each.longest_us or 0 for each in both.rows)
    alone = having.plan(frozenset({Action.UNMASK, Action.STILL}))
    assert alone.lonely is having.rows[Action.STILL], "the first in order of actions, whatever order they came in"
    assert having.plan(frozenset({Action.STILL})).longest_us is None
    for action in (Action.SEARCH, Action.EXPORT, Action.PLAYBACK):
        assert having.plan(frozenset({action})).recorded
    assert (
        not open_rows(fresh, PurposeKind.DUTY, Reach.WIDE, frozenset({Role.OPERATOR}))
        .plan(frozenset({Action.LIVE, Action.STILL}))
        .anywhere
    )
    own = [row(act, zone=Zone.OWN) if act == "unmask" else row(act) for act in ("live.incident", "unmask")]
    mixed = open_rows(
        replace(FULL_TABLE, rows=tuple(own)), PurposeKind.INCIDENT, Reach.WIDE, frozenset({Role.OPERATOR})
    )
    assert not mixed.plan(mixed.actions & {Action.LIVE, Action.UNMASK}).anywhere
