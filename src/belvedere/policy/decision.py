"""The one function that decides. Pure: everything it looks at is passed in, and the answer explains itself.

It looks in this order, and the first thing that stands in the way is the answer: purpose, role and action, case, what has to
be said and held, shift, time, cameras, span, second person.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, iso
from belvedere.foundation.errors import Refused
from belvedere.policy.ask import Approval, Ask, Asker, CaseFacts, CaseWindow, ask_digest
from belvedere.policy.grant import MINT, Action, Grant
from belvedere.policy.needs import NOTHING, Needs, No, Stated, require_second, require_stated
from belvedere.policy.plan import Open, Plan, open_rows
from belvedere.policy.row import DecisionTable, Purpose, PurposeKind, Reach, Role

__all__ = ["Approval", "Ask", "Asker", "CaseFacts", "CaseWindow", "Decision", "Needs", "Outcome", "decide"]

MAX_CASE_LETTERS = 64
_NAMED = 3  # cameras named in a refusal before it only counts them


class Outcome(StrEnum):
    """Yes, yes once a second person says so, or no."""

    ALLOW = "allow"
    APPROVAL = "approval"
    REFUSE = "refuse"


class Decision(msgspec.Struct, frozen=True, gc=False):
    """The answer. `rule` names the line that decided; `reason` and `advice` are shown; `refusal` is the reason of a no.

    `needs`: with APPROVAL what is missing; with ALLOW how it is to be confirmed (`step_up`) and whether it is reviewed
    afterwards (`second`).
    """

    # Invariant: `grant` is there when, and only when, `outcome` is ALLOW.
    grant: Grant | None
    rule: str
    refusal: str
    advice: str
    policy_version: str
    outcome: Outcome = Outcome.REFUSE
    needs: Needs = NOTHING

    @property
    def allowed(self) -> bool:
        return self.grant is not None

    @property
    def reason(self) -> str:
        """Why, in plain words."""
        if self.grant is not None:
            return f"{self.grant.purpose_text} until {iso(self.grant.expires_us)}."
        if self.outcome is Outcome.APPROVAL:
            return f"A second person has to agree to this: {_list(self.needs.approvers)}, of another team."
        return self.refusal

    def granted(self) -> Grant:
        """The grant; raises Refused with the reason when there is none."""
        if self.grant is None:
            raise Refused(self.reason, advice=self.advice)
        return self.grant


def decide(asker: Asker, ask: Ask, table: DecisionTable, now_us: int) -> Decision:
    """Whether `asker` gets what they ask, under `table`, at `now_us`. What the table does not allow is refused."""
    try:
        return _decide(asker, ask, table, now_us)
    except No as no:
        return Decision(None, no.rule, no.reason, no.advice, table.version)


def _decide(asker: Asker, ask: Ask, table: DecisionTable, now_us: int) -> Decision:
    purpose = table.purposes.get(ask.purpose)
    if purpose is None:
        raise No("purpose.unknown", f"There is no purpose called {ask.purpose!r}.", "Choose one of the list.")
    having = _open(asker, ask, purpose, table)
    facts = _case(asker, ask, purpose, table)
    plan = _plan(asker, ask, purpose, table, having, now_us)
    expires_us = _expiry(asker, ask, purpose, table, plan, now_us)
    cameras = _cameras(asker, ask, purpose, plan, facts)
    from_us, to_us = _span(ask, purpose, now_us, expires_us, plan.recorded)
    if facts is not None and (plan.recorded or ask.from_us is not None or ask.to_us is not None):
        _require_in_case(facts, cameras, from_us, to_us)
    needs = plan.needs
    masked = purpose.masked and Action.UNMASK not in plan.actions
    approver, originals = "", False
    if plan.before:
        leaves = Action.EXPORT in plan.actions and not masked and not cameras.isdisjoint(ask.veiled)
        approvers = frozenset({Role.DPO}) if leaves else needs.approvers
        needs = Needs(needs.second, needs.step_up, approvers, ask_digest(asker.user_id, ask))
        if ask.approval is None:
            advice = "Send it to somebody who may approve it."
            return Decision(None, "approval.needed", "", advice, table.version, Outcome.APPROVAL, needs)
        require_second(ask.approval, asker, needs, table, now_us)
        cameras, from_us, to_us = _narrowed(ask.approval, cameras, from_us, to_us)
        approver, originals = ask.approval.approver_id, Role.DPO in ask.approval.roles
    grant = Grant(
        id=ask.grant_id,
        user_id=asker.user_id,
        user_name=asker.user_name,
        purpose=purpose.code,
        purpose_text=purpose.text,
        case=ask.case.strip() if facts is None else facts.reference,
        cameras=cameras,
        from_us=from_us,
        to_us=to_us,
        actions=plan.actions,
        issued_us=now_us,
        expires_us=expires_us,
        masked=masked,
        approver=approver,
        policy_version=table.version,
        mint=MINT,
        originals=originals,
    )
    return Decision(grant, f"allow.{purpose.code}", "", "", table.version, Outcome.ALLOW, needs)


def _open(asker: Asker, ask: Ask, purpose: Purpose, table: DecisionTable) -> Open:
    """The rows that the asker's roles have under this purpose. Raises No when there is none, or one too few."""
    roles = asker.roles
    if purpose.roles is not None:
        roles = roles & purpose.roles
        if not roles:
            raise No(
                "purpose.role",
                f"The purpose “{purpose.text}” is not for your role.",
                "Choose another purpose, or ask a colleague whose work this is.",
            )
    having = open_rows(table, purpose.kind, Reach.WIDE if _near(ask, table) else Reach.NEAR, roles)
    if not having.rows:
        raise No(
            "role",
            f"Your role does not open footage for the purpose “{purpose.text}”.",
            "Ask a colleague whose work this is, or the manager of the control room.",
        )
    if purpose.actions is not None:
        shut = ask.actions - purpose.actions
        if shut:
            raise No("purpose.action", f"The purpose “{purpose.text}” is not for {_list(shut)}.", "Choose another one.")
        having = having.only(purpose.actions)
    beyond = ask.actions - having.actions
    if beyond:
        raise No(
            "action",
            f"The purpose “{purpose.text}” does not give you {_list(beyond)}.",
            f"Ask for {_list(having.actions)}, or for another purpose." if having.rows else "Ask for another purpose.",
        )
    return having


def _near(ask: Ask, table: DecisionTable) -> bool:
    """Whether what is asked lies around the incident's place and time. Names of cameras and both ends are needed for that."""
    facts = ask.facts
    if facts is None or facts.happened_us is None or ask.from_us is None or ask.to_us is None:
        return False
    short = ask.to_us - ask.from_us <= table.near_us
    touches = ask.from_us <= facts.happened_us <= ask.to_us
    return short and touches and bool(ask.cameras) and ask.cameras <= facts.near


def _case(asker: Asker, ask: Ask, purpose: Purpose, table: DecisionTable) -> CaseFacts | None:
    """What the case says, None where it says nothing here. Raises No."""
    case = ask.case.strip()
    if len(case) > MAX_CASE_LETTERS or not case.isprintable():
        raise No("case.form", "This case reference can't be right.", f"Give at most {MAX_CASE_LETTERS} letters.")
    if not purpose.needs_case:
        return None
    if not case:
        raise No("case.missing", f"“{purpose.text}” needs the reference of a case.", "Give the case reference.")
    if not table.cases_known:
        return None
    facts = ask.facts
    if facts is None or facts.reference.casefold() != " ".join(case.split()).casefold():
        raise No("case.unknown", f"There is no case {case}.", "Check the reference, or open the case first.")
    if not facts.open:
        raise No("case.closed", f"Refused because the case {case} is closed.", "Ask its owner to open it again.")
    if asker.user_id not in facts.people:
        raise No("case.people", f"You do not work on the case {case}.", "Ask its owner to add you.")
    return facts


def _plan(asker: Asker, ask: Ask, purpose: Purpose, table: DecisionTable, having: Open, now_us: int) -> Plan:
    """What is asked for: the actions named, or all that need no second person and have no shorter time. Raises No."""
    span = ask.from_us is not None and ask.to_us is not None
    stated = Stated(ask.reason.strip(), ask.recipient.strip(), purpose.lawful_basis, span)
    if ask.actions:
        plan = having.plan(ask.actions)
        for row in plan.rows:
            require_stated(asker, row, stated, table, now_us)
    else:
        given, first = [], None
        for row, actions in having.usual:
            if row.longest_us is not None and row.longest_us < purpose.longest_us:
                continue
            try:
                require_stated(asker, row, stated, table, now_us)
            except No as no:
                first = first or no
                continue
            given += actions
        named = having.standing(frozenset(given))
        if not named:
            some = f"Name one of {_list(having.actions)}."
            raise first or No("action.unnamed", "Nothing is given here without being named.", some)
        plan = having.plan(named)
    if plan.lonely is not None:
        beside = _list(plan.lonely.beside)
        raise No("action.alone", f"“{plan.lonely.text}” alone opens no picture.", f"Add one of {beside}.")
    return plan


def _expiry(asker: Asker, ask: Ask, purpose: Purpose, table: DecisionTable, plan: Plan, now_us: int) -> int:
    """When the grant ends. Raises No off shift, and for a wish for more time than there is."""
    shift_ends: list[int] = []
    if table.rosters_count and asker.shifts:
        shift_ends = [end for start, end in asker.shifts if start <= now_us < end]
        if not shift_ends and purpose.kind is not PurposeKind.BREAK_GLASS:
            raise No(
                "shift.roster", "You are not on shift, says the roster.", "Ask the supervisor to change the roster."
            )
    longest_us = purpose.longest_us
    if plan.longest_us is not None:
        longest_us = min(longest_us, plan.longest_us)
    if ask.lasts_us is not None:
        if not 0 < ask.lasts_us <= longest_us:
            minutes = longest_us // MINUTE_US
            raise No("limit.time", f"This is open for {minutes} minutes at most.", "Ask for less; it can be renewed.")
        longest_us = ask.lasts_us
    expires_us = now_us + longest_us
    if purpose.ends_with_shift:
        if asker.shift_end_us is None or asker.shift_end_us <= now_us:
            raise No("shift", "You are not on shift.", "Start your shift, or ask under a case.")
        expires_us = min(expires_us, asker.shift_end_us, *shift_ends)
    return expires_us


def _cameras(asker: Asker, ask: Ask, purpose: Purpose, plan: Plan, facts: CaseFacts | None) -> frozenset[str]:
    """The cameras of the grant. Raises No for one that is out of reach."""
    allowed = asker.estate if plan.anywhere and asker.estate is not None else asker.cameras
    in_case = None if facts is None else {window.camera for window in facts.windows}
    cameras = ask.cameras
    if not cameras:
        if plan.before:
            raise No("cameras.unnamed", "A second person agrees to certain cameras only.", "Name the cameras.")
        cameras = asker.cameras if in_case is None else allowed & in_case
        if ask.accepting is not None:
            cameras = cameras & ask.accepting
        if not cameras:
            raise No("cameras.none", "There is no camera for this at your sites.", "Ask to be given a site.")
    elif not cameras <= allowed:
        raise No(
            "cameras.foreign", f"Not at your sites: {_list(cameras - allowed)}.", "Ask for cameras of your own sites."
        )
    elif in_case is not None and not cameras <= in_case:
        raise No("case.cameras", f"Not in this case: {_list(cameras - in_case)}.", "Ask its owner to add them.")
    elif ask.accepting is not None and not cameras <= ask.accepting:
        raise No(
            "cameras.purpose",
            f"Not for “{purpose.text}”: {_list(cameras - ask.accepting)}.",
            "Leave them out, or choose a purpose that these cameras are there for.",
        )
    if purpose.most_cameras is not None and len(cameras) > purpose.most_cameras:
        raise No(
            "purpose.cameras",
            f"“{purpose.text}” gives {purpose.most_cameras} cameras at once.",
            "Ask for fewer of them.",
        )
    return cameras


def _span(ask: Ask, purpose: Purpose, now_us: int, expires_us: int, recorded: bool) -> tuple[int, int]:
    """Over which footage. Raises No."""
    from_us = now_us - purpose.usual_reach_us if ask.from_us is None else ask.from_us
    to_us = expires_us if ask.to_us is None else min(ask.to_us, expires_us)
    if purpose.longest_reach_us is not None and from_us < now_us - purpose.longest_reach_us:
        hours = purpose.longest_reach_us // HOUR_US
        back = f"{hours // 24} days" if purpose.longest_reach_us >= 2 * DAY_US else f"{hours} hours"
        raise No(
            "span.reach",
            f"“{purpose.text}” reaches back {back}, to {iso(now_us - purpose.longest_reach_us)}.",
            "Ask for later footage, or under a case.",
        )
    if from_us >= to_us:
        raise No("span.empty", "The span asked for is empty or lies in the future.", "Give an earlier start.")
    if recorded and purpose.longest_span_us is not None and to_us - from_us > purpose.longest_span_us:
        minutes = purpose.longest_span_us // MINUTE_US
        raise No("purpose.span", f"“{purpose.text}” opens {minutes} minutes of footage at once.", "Ask for less of it.")
    return from_us, to_us


def _require_in_case(facts: CaseFacts, cameras: frozenset[str], from_us: int, to_us: int) -> None:
    """Each camera over the whole span in one of the case's windows. Raises No."""
    covered = {window.camera for window in facts.windows if window.from_us <= from_us and to_us <= window.to_us}
    if not cameras <= covered:
        raise No(
            "case.span",
            f"The case {facts.reference} does not cover that time on {_list(cameras - covered)}.",
            "Ask for less, or ask the owner of the case to widen it.",
        )


def _narrowed(approval: Approval, cameras: frozenset[str], from_us: int, to_us: int) -> tuple[frozenset[str], int, int]:
    """What is left of an ask after the second person took some away. Raises No for one who gave more than was asked."""
    start_us = from_us if approval.from_us is None else approval.from_us
    end_us = to_us if approval.to_us is None else approval.to_us
    if not approval.cameras <= cameras or start_us < from_us or end_us > to_us or start_us >= end_us:
        raise No("approval.wider", "An approval can take away from what was asked, not add to it.", "Ask again.")
    return approval.cameras or cameras, start_us, end_us


def _list(words: Iterable[str]) -> str:
    names = sorted(words)
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
