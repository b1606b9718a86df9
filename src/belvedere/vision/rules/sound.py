"""What makes a rule sound, and which rules need a reason and a date of review."""

from zoneinfo import ZoneInfo

from belvedere.link.rules import COURT, CROWD, DWELL, HINTS, KINDS, LEFT, LINE, TAMPER, WRONG_WAY, LiveRule
from belvedere.media.objects import ObjectKind

MOST_SECONDS = 4 * 3600
MOST_COOL_DOWN_S = 24 * 3600
MOST_COUNT = 50


def watches_people_being_somewhere(rule: LiveRule) -> bool:
    """Whether it minds people for staying or standing together, which is lawful: such a rule has to say why, and ends unless
    somebody looks again at whom it strikes."""
    people = not rule.objects or ObjectKind.PERSON in rule.objects
    return rule.kind in (DWELL, CROWD) and people


def unsound(rule: LiveRule) -> str:
    """What is wrong with a rule, in words; "" for a sound one."""
    if rule.kind not in KINDS:
        return f"There is no rule of the kind {rule.kind}."
    if any(kind not in tuple(ObjectKind) for kind in rule.objects):
        return "A kind of object is not known."
    if rule.kind == LINE and (len(rule.line) != 2 or rule.line[0] == rule.line[1]):
        return "A line has two ends."
    if rule.kind == LINE and rule.direction not in (-1, 0, 1):
        return "A line minds one direction or both."
    if rule.kind == WRONG_WAY and not 0 <= rule.direction <= 7:
        return "The right way is one of eight directions."
    if rule.zone and len(rule.zone) < 3:
        return "A zone has three corners at least."
    if rule.kind == COURT and not rule.zone:
        return "Draw the court in which nobody should drive."
    if rule.kind in (DWELL, LEFT) and not 5 <= rule.seconds <= MOST_SECONDS:
        return f"Say how long: 5 seconds to {MOST_SECONDS // 3600} hours."
    if rule.kind == CROWD and not 2 <= rule.count <= MOST_COUNT:
        return f"A crowd is 2 to {MOST_COUNT}."
    if not 0 <= rule.seconds <= MOST_SECONDS:
        return "The time is too long."
    if rule.kind == TAMPER and any(hint not in HINTS for hint in rule.hints):
        return "A sign of tampering is not known."
    if not 0 <= rule.cool_down_s <= MOST_COOL_DOWN_S:
        return "The pause between alarms is a day at most."
    if any(not window.days or any(day not in range(7) for day in window.days) for window in rule.windows):
        return "Each of its hours needs a day of the week."
    try:
        ZoneInfo(rule.zone_name)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError; odd names are refused in other ways
        return f"There is no time zone {rule.zone_name}."
    return ""
