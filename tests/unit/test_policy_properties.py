"""What holds for every question: less given never means more allowed, and nothing passes that the table lacks."""

from dataclasses import replace

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.policy.ask import Ask, Asker, ask_digest
from belvedere.policy.decision import Outcome, decide
from belvedere.policy.grant import Action
from belvedere.policy.row import Second
from belvedere.policy.table import FULL_TABLE
from policy_draws import askers, asks
from policy_stage import ESTATE, NOW, approved


def opened(who: Asker, what: Ask, table: object = FULL_TABLE) -> frozenset[tuple[Action, str]]:
    """The action and camera pairs that a decision opens."""
    grant = decide(who, what, table, NOW).grant  # type: ignore[arg-type]
    return frozenset() if grant is None else frozenset((a, c) for a in grant.actions for c in grant.cameras)


@settings(max_examples=60)
@given(askers(), asks(), st.data())
def test_taking_away_never_allows_more(who: Asker, what: Ask, data: st.DataObject) -> None:
    before = opened(who, what)
    less = [(replace(who, roles=who.roles - {role}), what) for role in who.roles] + [
        (replace(who, cameras=who.cameras - {data.draw(st.sampled_from(sorted(ESTATE)))}), what),
        (replace(who, trained_us=None), what),
        (replace(who, spss_until_us=None), what),
        (replace(who, shift_end_us=None), what),
        (who, replace(what, approval=None)),
        (who, replace(what, accepting=frozenset())),
    ]
    for asker, ask in less:
        assert opened(asker, ask) <= before, "with less, more was opened"
    code = what.purpose
    if code in FULL_TABLE.purposes:
        without = replace(FULL_TABLE, purposes={k: v for k, v in FULL_TABLE.purposes.items() if k != code})
        assert opened(who, what, without) == frozenset()
        narrow = replace(FULL_TABLE.purposes[code], actions=frozenset({Action.LIVE}))
        after = opened(who, what, replace(FULL_TABLE, purposes={**FULL_TABLE.purposes, code: narrow}))
        assert after <= before
    for row in FULL_TABLE.rows:
        rest = replace(FULL_TABLE, rows=tuple(each for each in FULL_TABLE.rows if each is not row))
        assert opened(who, what, rest) <= before, row.act


@settings(max_examples=60)
@given(askers(), asks())
def test_an_approval_never_widens(who: Asker, what: Ask) -> None:
    """With the best consent there is, nothing opens beyond what was asked; narrowed, nothing beyond that."""
    bare = replace(what, approval=None)
    alone = decide(who, bare, FULL_TABLE, NOW)
    best = approved(bare, user_id=who.user_id, team="somewhere else")
    together = decide(who, best, FULL_TABLE, NOW)
    assert (together.outcome is Outcome.REFUSE) == (
        alone.outcome is Outcome.REFUSE or (not who.team and alone.grant is None)
    )
    if alone.outcome is Outcome.APPROVAL:
        assert alone.needs.digest == ask_digest(who.user_id, bare) and alone.needs.second is Second.BEFORE
    if together.grant is not None:
        grant = together.grant
        assert bool(grant.approver) == (alone.outcome is Outcome.APPROVAL)
        assert not what.cameras or grant.cameras == what.cameras
        assert not what.actions or grant.actions == what.actions
        for camera in sorted(grant.cameras):
            one = replace(best, approval=replace(best.approval, cameras=frozenset({camera})))  # type: ignore[type-var]
            less = decide(who, one, FULL_TABLE, NOW).granted()
            assert less.cameras == ({camera} if grant.approver else grant.cameras)
            assert less == msgspec.structs.replace(grant, cameras=less.cameras)


@settings(max_examples=60)
@given(askers(), asks())
def test_nothing_passes_that_the_table_lacks(who: Asker, what: Ask) -> None:
    decision = decide(who, what, FULL_TABLE, NOW)
    assert decision == decide(who, what, FULL_TABLE, NOW) and decision.reason
    assert (decision.grant is None) == (decision.outcome is not Outcome.ALLOW)
    grant = decision.grant
    if grant is None:
        return
    purpose = FULL_TABLE.purposes[what.purpose]
    rows = [
        row
        for row in FULL_TABLE.rows
        if purpose.kind in row.kinds and row.roles & who.roles and row.actions & grant.actions
    ]
    assert grant.actions <= frozenset().union(*(row.actions for row in rows))
    assert grant.cameras <= (who.estate or who.cameras) and grant.cameras
    assert grant.masked == (Action.UNMASK not in grant.actions)
    assert NOW < grant.expires_us <= NOW + purpose.longest_us
    assert grant.from_us < grant.to_us <= grant.expires_us
    for action in grant.actions:
        of_action = [row for row in rows if action in row.actions]
        if all(row.second is Second.BEFORE for row in of_action):
            assert grant.approver == "user_2"
    if purpose.needs_case:
        assert what.facts is not None and what.facts.open and who.user_id in what.facts.people


@settings(max_examples=60)
@given(askers(), asks())
def test_what_was_worked_out_before_changes_no_answer(who: Asker, what: Ask) -> None:
    """A table that has decided for others says what the same table says to its first question."""
    fresh = replace(FULL_TABLE, rows=tuple(list(FULL_TABLE.rows)))
    assert fresh.rows == FULL_TABLE.rows and not fresh.known
    before = decide(who, what, FULL_TABLE, NOW)
    assert decide(who, what, fresh, NOW) == before and decide(who, what, fresh, NOW) == before
    other = replace(FULL_TABLE, purposes={})
    assert other.known is FULL_TABLE.known and decide(who, what, other, NOW).rule == "purpose.unknown"
