"""A second opinion: Cedar policies made from the table's data have to give the same answers as `decide`.

Cedar judges one action on one camera; an ask is allowed where all its pairs are. What the table says is
written out a second time here, in Cedar's language, from the same rows. Asks that name their actions and cameras are
compared; the rest is for the properties.
"""

import json
from dataclasses import replace
from typing import Any

from cedarpy import Decision as CedarDecision
from cedarpy import PolicySet, is_authorized_batch
from hypothesis import given, settings

from belvedere.policy.ask import Ask, Asker, ask_digest
from belvedere.policy.decision import Outcome, decide
from belvedere.policy.row import DecisionTable, Need, Purpose, PurposeKind, Reach, Row, Second, Zone
from belvedere.policy.table import FULL_TABLE
from policy_draws import askers, asks
from policy_stage import NOW, approved


def names(words: Any) -> str:
    return json.dumps(sorted(str(word) for word in words))


def policy(purpose: Purpose, row: Row, action: str, table: DecisionTable) -> str:
    """One permit: this action, by this row, for this purpose."""
    limit_us = min(purpose.longest_us, row.longest_us or purpose.longest_us)
    spanned = "context has from_us && context has to_us"
    near = (
        f"({spanned} && context has happened_us && context.to_us - context.from_us <= {table.near_us}"
        " && context.from_us <= context.happened_us && context.happened_us <= context.to_us"
        " && context.near.containsAll(context.cameras))"
    )
    when = [
        f"context.purpose == {json.dumps(purpose.code)}",
        f"principal.roles.containsAny({names(row.roles)})",
        "principal.estate.contains(resource.name)"
        if row.zone is Zone.ANY
        else "principal.cameras.contains(resource.name)",
        f"(!(context has lasts_us) || (context.lasts_us > 0 && context.lasts_us <= {limit_us}))",
        "(!(context has accepting) || context.accepting.contains(resource.name))",
        {Reach.ANY: "true", Reach.NEAR: near, Reach.WIDE: f"!{near}"}[row.reach],
    ]
    if row.beside:
        when.append(f"context.actions.containsAny({names(row.beside)})")
    if purpose.needs_case:
        recorded = 'context.actions.containsAny(["playback", "search", "export", "analyse"])'
        when += [
            "context has case_open && context.case_open && context.case_named && context.people.contains(principal.name)",
            "resource has window_from_us",
            f"(!({spanned} || {recorded}) || ({spanned} && resource.window_from_us <= context.from_us"
            " && context.to_us <= resource.window_to_us))",
        ]
    if purpose.longest_reach_us is not None:
        when.append(f"(!(context has from_us) || context.from_us >= {NOW - purpose.longest_reach_us})")
    if purpose.ends_with_shift:
        when.append(f"principal has shift_end_us && principal.shift_end_us > {NOW}")
    said = {
        Need.REASON: "context.reason",
        Need.RECIPIENT: "context.recipient",
        Need.SPAN: spanned,
        Need.LEGAL_BASIS: str(bool(purpose.lawful_basis)).lower(),
        Need.TRAINING: f"principal has trained_us && {NOW} < principal.trained_us + {table.training_life_us}",
        Need.SPSS: f"principal has spss_us && principal.spss_us > {NOW}",
    }
    when += [said[need] for need in sorted(row.needs)]
    if row.second is Second.BEFORE:
        when += [
            "context has approver && context.approver != principal.name",
            'context.team != "" && principal.team != "" && context.team != principal.team',
            f"context.approver_roles.containsAny({names(row.approvers)})",
            "context.digest == context.approved_digest",
            f"context.approved_us <= {NOW} && context.approved_us > {NOW - table.approval_life_us}",
        ]
    return f'permit(principal, action == Action::"{action}", resource) when {{ {" && ".join(f"({each})" for each in when)} }};'


def policies(table: DecisionTable) -> str:
    lines = [
        policy(purpose, row, str(action), table)
        for purpose in table.purposes.values()
        for row in table.rows
        if purpose.kind in row.kinds
        for action in row.actions
    ]
    kept = [code for code, purpose in table.purposes.items() if purpose.kind is not PurposeKind.BREAK_GLASS]
    roster = f"principal has on_roster && !principal.on_roster && {names(kept)}.contains(context.purpose)"
    return "\n".join([*lines, f"forbid(principal, action, resource) when {{ {roster} }};"])


POLICIES = PolicySet.from_str(policies(FULL_TABLE)) if hasattr(PolicySet, "from_str") else policies(FULL_TABLE)


def given_only(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def cedar_allows(who: Asker, what: Ask) -> bool:
    person = given_only(
        name=who.user_id,
        roles=sorted(who.roles),
        cameras=sorted(who.cameras),
        estate=sorted(who.cameras if who.estate is None else who.estate),
        team=who.team,
        shift_end_us=who.shift_end_us,
        trained_us=who.trained_us,
        spss_us=who.spss_until_us,
        on_roster=any(start <= NOW < end for start, end in who.shifts) if who.shifts else None,
    )
    facts, approval = what.facts, what.approval
    windows = {} if facts is None else {window.camera: window for window in facts.windows}
    context = given_only(
        purpose=what.purpose,
        cameras=sorted(what.cameras),
        actions=sorted(map(str, what.actions)),
        from_us=what.from_us,
        to_us=what.to_us,
        lasts_us=what.lasts_us,
        reason=bool(what.reason.strip()),
        recipient=bool(what.recipient.strip()),
        accepting=None if what.accepting is None else sorted(what.accepting),
        case_named=facts is not None and what.case == facts.reference,
        case_open=None if facts is None else facts.open,
        people=[] if facts is None else sorted(facts.people),
        happened_us=None if facts is None else facts.happened_us,
        near=[] if facts is None else sorted(facts.near),
        digest=ask_digest(who.user_id, what),
        approver=None if approval is None else approval.approver_id,
        team="" if approval is None else approval.team,
        approver_roles=[] if approval is None else sorted(map(str, approval.roles)),
        approved_digest="" if approval is None else approval.digest,
        approved_us=0 if approval is None else approval.approved_us,
    )
    entities = [{"uid": {"type": "Person", "id": who.user_id}, "attrs": person, "parents": []}]
    for camera in sorted(what.cameras):
        window = windows.get(camera)
        seen = given_only(
            name=camera,
            window_from_us=None if window is None else window.from_us,
            window_to_us=None if window is None else window.to_us,
        )
        entities.append({"uid": {"type": "Camera", "id": camera}, "attrs": seen, "parents": []})
    requests = [
        {
            "principal": f'Person::"{who.user_id}"',
            "action": f'Action::"{action}"',
            "resource": f'Camera::"{camera}"',
            "context": context,
        }
        for action in sorted(map(str, what.actions))
        for camera in sorted(what.cameras)
    ]
    answers = is_authorized_batch(requests, POLICIES, entities)
    assert not any(answer.diagnostics.errors for answer in answers), answers[0].diagnostics.errors
    return all(answer.decision is CedarDecision.Allow for answer in answers)


@settings(max_examples=100)
@given(askers(), asks(named=True))
def test_cedar_answers_the_same(who: Asker, what: Ask) -> None:
    if what.from_us is not None and what.to_us is not None and what.from_us >= what.to_us:
        what = replace(what, to_us=what.from_us + 1)
        if what.approval is not None:
            what = replace(what, approval=replace(what.approval, digest=ask_digest(who.user_id, what)))
    decision = decide(who, what, FULL_TABLE, NOW)
    assert cedar_allows(who, what) == decision.allowed, decision
    best = approved(replace(what, approval=None), user_id=who.user_id, team="somewhere else")
    needs = decide(who, replace(what, approval=None), FULL_TABLE, NOW).outcome is not Outcome.REFUSE
    assert cedar_allows(who, best) == (needs and bool(decide(who, best, FULL_TABLE, NOW).grant))
