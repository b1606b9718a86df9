"""What an act needs besides a row: words, training, a passkey, a second person. Shared by grants and by administrative acts."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from belvedere.foundation.clock import HOUR_US, iso
from belvedere.policy.ask import Approval, Asker
from belvedere.policy.row import DecisionTable, Need, Role, Row, Second, StepUp

# Members of an enumeration are looked up slowly, and this is asked at every decision.
_REASON, _LEGAL_BASIS, _RECIPIENT = Need.REASON, Need.LEGAL_BASIS, Need.RECIPIENT
_SPAN, _TRAINING, _SPSS = Need.SPAN, Need.TRAINING, Need.SPSS
_STRENGTH = tuple(StepUp)  # the weakest first


class Needs(msgspec.Struct, frozen=True, gc=False):
    """What an act needs. `approvers`: each of these roles is enough, in another person of another team.

    `digest` is what the second person has to approve, "" where none comes before.
    """

    second: Second
    step_up: StepUp
    approvers: frozenset[Role] = frozenset()
    digest: str = ""


NOTHING = Needs(Second.NONE, StepUp.NONE)


class No(Exception):
    """A refusal on its way out of the policy; never leaves this package."""

    def __init__(self, rule: str, reason: str, advice: str) -> None:
        self.rule = rule
        self.reason = reason
        self.advice = advice


class Stated(NamedTuple):
    """What was said with an ask."""

    reason: str
    recipient: str
    lawful_basis: str
    span: bool


def require_stated(asker: Asker, row: Row, stated: Stated, table: DecisionTable, now_us: int) -> None:
    """Return if everything that `row` wants said or held is there. Raises No."""
    needs = row.needs
    if not needs:
        return
    if _TRAINING in needs and not _trained(asker, table, now_us):
        when = "is not on record" if asker.trained_us is None else f"of {iso(asker.trained_us)} has lapsed"
        raise No("training", f"Your training {when}.", "Do the training; whoever looks after the accounts enters it.")
    if _SPSS in needs and (asker.spss_until_us is None or asker.spss_until_us <= now_us):
        has = "There is no" if asker.spss_until_us is None else "Expired:"
        raise No(
            "spss",
            f"{has} licence for public space surveillance on your account; moving a camera takes one.",
            "Look without moving it, or ask a licensed colleague.",
        )
    if _REASON in needs and not stated.reason:
        raise No("reason.missing", f"“{row.text}” needs a reason in your own words.", "Say what you are looking for.")
    if _RECIPIENT in needs and not stated.recipient:
        raise No("recipient.missing", f"“{row.text}” needs a recipient.", "Say who gets it.")
    if _LEGAL_BASIS in needs and not stated.lawful_basis:
        raise No(
            "purpose.basis",
            f"“{row.text}” needs a purpose with a lawful basis.",
            "Choose another purpose, or ask the data protection officer.",
        )
    if _SPAN in needs and not stated.span:
        raise No("span.missing", f"“{row.text}” needs a span of time.", "Say from when to when.")


def _trained(asker: Asker, table: DecisionTable, now_us: int) -> bool:
    return asker.trained_us is not None and now_us < asker.trained_us + table.training_life_us


def needs_of(rows: Iterable[Row], digest: str) -> Needs:
    """What all of `rows` together need. `digest` is kept where a second person comes before."""
    second, step_up = Second.NONE, StepUp.NONE
    approvers: frozenset[Role] | None = None
    for row in rows:
        step_up = max(step_up, row.step_up, key=_STRENGTH.index)
        if row.second is not Second.NONE:
            approvers = row.approvers if approvers is None else approvers & row.approvers
            if second is not Second.BEFORE:
                second = row.second
    return Needs(second, step_up, approvers or frozenset(), digest if second is Second.BEFORE else "")


def require_second(approval: Approval, asker: Asker, needs: Needs, table: DecisionTable, now_us: int) -> None:
    """Return if `approval` is that of a fit second person for exactly this. Raises No."""
    if approval.approver_id == asker.user_id:
        raise No("approval.self", "Nobody approves what they ask for themselves.", _another(needs))
    if not approval.team or not asker.team or approval.team == asker.team:
        raise No("approval.team", "Who approves has to be of another team.", _another(needs))
    if needs.approvers.isdisjoint(approval.roles):
        raise No("approval.role", "Who approved may not approve this.", _another(needs))
    if approval.digest != needs.digest:
        raise No("approval.other", "Something else was approved.", "Ask for exactly what was approved, or ask again.")
    if not now_us - table.approval_life_us < approval.approved_us <= now_us:
        hours = table.approval_life_us // HOUR_US
        raise No("approval.old", f"An approval counts for {hours} hours.", "Ask for it again.")


def _another(needs: Needs) -> str:
    return f"Ask somebody of another team: {', '.join(sorted(needs.approvers))}."
