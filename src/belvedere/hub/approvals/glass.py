"""Break-glass: what it is for, what stands in its way, and who reviews it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from belvedere.hub.access.users import User, team_of
from belvedere.policy.table import Role

CODES = {
    "life": "Somebody's life is in danger now",
    "violence": "Violence is under way",
    "missing": "A missing person is at risk",
    "fire": "Fire, flood or collapse",
    "colleague": "A colleague or an officer is in danger",
}
SITE_CARD_WORDS = {"site_card": "A site's card was opened while the hub was away"}  # not to be had at the desk
REVIEWERS = (Role.SUPERVISOR, Role.MANAGER, Role.DPO)  # they may also end the access while it runs
MOST_UNREVIEWED = 3
LEAST_WORDS = 20


class GlassState(StrEnum):
    """How a break-glass stands."""

    OPEN = "open"  # its access runs
    TO_REVIEW = "to_review"
    JUSTIFIED = "justified"
    UNJUSTIFIED = "unjustified"
    LIFTED = "lifted"  # unjustified, and the data protection officer lets the person break it again


@dataclass(frozen=True, slots=True)
class Glass:
    """One break-glass and its review. `None` and "" where that has not happened."""

    id: str
    account_id: str
    user_name: str
    team: str
    code: str
    words: str
    again: str
    cameras: tuple[str, ...]
    from_us: int
    to_us: int
    grant_id: str
    step_up: str
    broken_us: int
    ends_us: int
    due_us: int
    escalated_us: int | None = None
    # Invariant: reviewed once, never by the person who broke the glass.
    reviewed_us: int | None = None
    reviewed_by: str = ""
    reviewer: str = ""
    justified: bool | None = None
    review: str = ""
    lifted_us: int | None = None
    lifted: str = ""

    def state(self, now_us: int) -> GlassState:
        """How it stands at `now_us`."""
        if self.reviewed_us is None:
            return GlassState.OPEN if now_us < self.ends_us else GlassState.TO_REVIEW
        if self.justified:
            return GlassState.JUSTIFIED
        return GlassState.UNJUSTIFIED if self.lifted_us is None else GlassState.LIFTED


def obstacle(earlier: Sequence[Glass]) -> str:
    """Why a person with these can't break the glass at all, "" where they can (perhaps with words, see `unreviewed`)."""
    if any(each.justified is False and each.lifted_us is None for each in earlier):
        return "Your last break-glass was found not justified."
    if unreviewed(earlier) >= MOST_UNREVIEWED:
        return f"{MOST_UNREVIEWED} of yours wait for their review."
    return ""


def unreviewed(earlier: Sequence[Glass]) -> int:
    """How many wait for their review."""
    return sum(each.reviewed_us is None for each in earlier)


def why_no_review(user: User, glass: Glass) -> str:
    """Why this person can't review it, "" where they can."""
    if glass.reviewed_us is not None:
        return "It has been reviewed."
    if user.id == glass.account_id:
        return "Nobody reviews their own break-glass."
    if not user.roles & {str(role) for role in REVIEWERS}:
        return "Your role reviews no break-glass."
    if glass.escalated_us is not None and Role.DPO not in user.roles:
        return "Its review is overdue; it is with the data protection officer now."
    if team_of(user) == glass.team:
        return "Who reviews it has to be of another team."
    return ""
