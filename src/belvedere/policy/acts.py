"""Acts that open no footage: a retention change, a hold released, roles changed, footage shared. Decided from the same table."""

from collections.abc import Mapping
from dataclasses import dataclass

from belvedere.policy.ask import Approval, Asker, words_digest
from belvedere.policy.decision import Outcome
from belvedere.policy.needs import NOTHING, Needs, No, Stated, needs_of, require_second, require_stated
from belvedere.policy.row import DecisionTable, Second


@dataclass(frozen=True, slots=True)
class ActAsk:
    """An act and what exactly it does. `words`: texts, whole numbers, lists and mappings of them; they are what is approved."""

    act: str
    words: Mapping[str, object]
    reason: str = ""
    recipient: str = ""
    lawful_basis: str = ""
    approval: Approval | None = None


@dataclass(frozen=True, slots=True)
class ActDecision:
    """The answer. `needs` as in `decision.Decision`; `approver` is "" where nobody had to agree."""

    outcome: Outcome
    rule: str
    reason: str
    advice: str
    policy_version: str
    needs: Needs = NOTHING
    approver: str = ""


def act_digest(user_id: str, ask: ActAsk) -> str:
    """The digest that an approval of this act carries, hex."""
    return words_digest(
        {
            "act": ask.act,
            "lawful_basis": ask.lawful_basis.strip(),
            "reason": ask.reason.strip(),
            "recipient": ask.recipient.strip(),
            "user_id": user_id,
            "words": dict(ask.words),
        }
    )


def decide_act(asker: Asker, ask: ActAsk, table: DecisionTable, now_us: int) -> ActDecision:
    """Whether `asker` may do it, under `table`, at `now_us`. What the table does not name nobody may do."""
    try:
        return _decide_act(asker, ask, table, now_us)
    except No as no:
        return ActDecision(Outcome.REFUSE, no.rule, no.reason, no.advice, table.version)


def _decide_act(asker: Asker, ask: ActAsk, table: DecisionTable, now_us: int) -> ActDecision:
    row = table.row(ask.act)
    if row is None or row.actions:
        raise No("act.unknown", f"There is no act called {ask.act!r}.", "This is a fault in the software: report it.")
    if row.roles.isdisjoint(asker.roles):
        raise No("role", f"Your role may not do this: {row.text}.", f"Ask a colleague: {', '.join(sorted(row.roles))}.")
    stated = Stated(ask.reason.strip(), ask.recipient.strip(), ask.lawful_basis.strip(), span=False)
    require_stated(asker, row, stated, table, now_us)
    needs = needs_of((row,), act_digest(asker.user_id, ask))
    if row.second is not Second.BEFORE:
        return ActDecision(Outcome.ALLOW, f"allow.{row.act}", row.text, "", table.version, needs)
    if ask.approval is None:
        reason = f"A second person has to agree to this: {', '.join(sorted(needs.approvers))}, of another team."
        advice = "Send it to somebody who may approve it."
        return ActDecision(Outcome.APPROVAL, "approval.needed", reason, advice, table.version, needs)
    require_second(ask.approval, asker, needs, table, now_us)
    approver = ask.approval.approver_id
    return ActDecision(Outcome.ALLOW, f"allow.{row.act}", row.text, "", table.version, needs, approver)
