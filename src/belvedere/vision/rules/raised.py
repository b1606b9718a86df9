"""What a rule raises, and whether it may."""

from dataclasses import dataclass

from belvedere.link.rules import LiveRule


@dataclass(frozen=True, slots=True)
class Raised:
    """One thing that a rule minded. `object` is a kind, 0 of none. `muted`: within the cool-down of the one before.

    `shadow`: it is only counted, because the rule is new or changed, or its review is due. Box: left, top, right, bottom.
    """

    rule: LiveRule
    object: int
    start_us: int
    time_us: int
    confidence: float
    box: tuple[float, float, float, float]
    words: str
    muted: bool = False
    shadow: bool = False


def only_counts(rule: LiveRule, now_us: int) -> bool:
    """Whether a rule may raise nothing now: its shadow time lasts, or the date of its review has passed."""
    return now_us < rule.shadow_until_us or (rule.review_us > 0 and now_us >= rule.review_us)
