"""A site's standing grant to have its recordings looked at by machine: who ordered it, why, and for how long. Pure.

No person holds it, and it opens nothing to anybody: only the site's confined process reads footage under it, and rows that come
of it are found under each asker's own grant. It lasts a day; the hub gives the next one by itself while the order stands.
"""

from dataclasses import dataclass

from belvedere.foundation.clock import DAY_US
from belvedere.policy.decision import Decision, Outcome
from belvedere.policy.grant import MINT, Action, Grant
from belvedere.policy.needs import No
from belvedere.policy.row import DecisionTable, Role

LASTS_US = DAY_US
MOST_REVIEW_US = 366 * DAY_US  # from the order to its review
PURPOSE = "analysis"
PURPOSE_TEXT = "Standing analysis of a site's recordings"
_LEAST_REASON = 8


@dataclass(frozen=True, slots=True)
class AnalysisOrder:
    """The data protection officer's order that a site analyses its recordings. `roles` are those that they held then."""

    site: str
    dpia: str  # reference of the data protection impact assessment
    reason: str
    account_id: str
    roles: frozenset[str]
    made_us: int
    review_us: int  # from then on nothing is given any more
    # Invariant: no footage from before this moment is opened; 0 where the assessment covers everything that is kept.
    from_us: int
    ended: bool = False


def decide_standing(
    order: AnalysisOrder | None,
    cameras: frozenset[str],
    grant_id: str,
    table: DecisionTable,
    now_us: int,
) -> Decision:
    """Whether a site whose cameras are `cameras` gets its grant for the next day. Without a sound order it does not.

    The site's own id is in `order`; `cameras` are those that the register has for that site.
    """
    try:
        return _decide(order, cameras, grant_id, table, now_us)
    except No as no:
        return Decision(None, no.rule, no.reason, no.advice, table.version)


def _decide(
    order: AnalysisOrder | None, cameras: frozenset[str], grant_id: str, table: DecisionTable, now_us: int
) -> Decision:
    if order is None:
        raise No("standing.none", "Analysis was not switched on for this site.", "The data protection officer does.")
    if order.ended:
        raise No("standing.ended", "Analysis of this site was switched off.", "The data protection officer knows why.")
    if Role.DPO not in order.roles:
        raise No("standing.role", "Analysis is switched on by the data protection officer.", "Ask them.")
    if not order.dpia.strip():
        raise No("standing.dpia", "There is no reference of an impact assessment.", "Give the reference of the DPIA.")
    if len(order.reason.strip()) < _LEAST_REASON:
        raise No("standing.reason", "Switching analysis on needs a reason.", "Say why, in a few words.")
    if not order.made_us < order.review_us <= order.made_us + MOST_REVIEW_US:
        raise No("standing.review", "The review lies within a year of the order.", "Give a date within a year.")
    if now_us < order.made_us:
        raise No("standing.early", "The order is dated in the future: a clock is wrong.", "Check the hub's clock.")
    if now_us >= order.review_us:
        raise No("standing.lapsed", "The review of this order is overdue.", "Review it, and switch analysis on again.")
    if not cameras:
        raise No("standing.cameras", "There is no camera at this site.", "Add one.")
    expires_us = min(now_us + LASTS_US, order.review_us)
    grant = Grant(
        id=grant_id,
        user_id=f"site:{order.site}",
        user_name=f"Analysis at {order.site}",
        purpose=PURPOSE,
        purpose_text=PURPOSE_TEXT,
        case="",
        cameras=cameras,
        from_us=order.from_us,
        to_us=expires_us,
        actions=frozenset({Action.ANALYSE}),
        issued_us=now_us,
        expires_us=expires_us,
        masked=True,
        approver=order.account_id,
        policy_version=table.version,
        mint=MINT,
    )
    return Decision(grant, "allow.analysis", "", "", table.version, Outcome.ALLOW)
