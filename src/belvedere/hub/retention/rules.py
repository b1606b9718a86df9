"""What a class or a hold may be. Pure."""

from collections.abc import Mapping, Sequence

from belvedere.foundation.clock import DAY_US
from belvedere.foundation.errors import BadInput
from belvedere.foundation.ids import is_slug
from belvedere.link.retention import ClassOrder

LONGEST_DAYS = 3660
LONGEST_HOLD_US = 366 * DAY_US  # until the next review
MOST_CAMERAS = 1000
MOST_CLASSES = 100
MOST_LETTERS = 2000


def check_reason(reason: str) -> None:
    """Raise BadInput unless a person said why."""
    if not reason.strip() or len(reason) > MOST_LETTERS:
        raise BadInput("Say why, in words.", advice="Whoever reads the log should understand the decision.")


def check_classes(classes: Sequence[ClassOrder], cameras: Mapping[str, str], ceiling_days: int) -> None:
    """Raise BadInput for classes that can't be, or that keep footage longer than the ceiling without a written reference."""
    names = [one.name for one in classes]
    if len(names) > MOST_CLASSES or len(set(names)) < len(names):
        raise BadInput("Two classes have one name, or there are too many.", advice="Give each its own name.")
    for one in classes:
        if not is_slug(one.name):
            raise BadInput(
                f"{one.name!r} can't name a class.", advice="Use lower-case letters, digits and inner hyphens."
            )
        if not 1 <= one.days <= LONGEST_DAYS:
            raise BadInput(f"{one.days} days can't be kept.", advice=f"Give 1 to {LONGEST_DAYS} days.")
        if one.days > ceiling_days and len(one.reference.strip()) < 3:
            raise BadInput(
                f"The class {one.name} keeps footage longer than {ceiling_days} days.",
                advice="Give the reference of the written decision, such as the impact assessment.",
            )
        if len(one.reference) > MOST_LETTERS:
            raise BadInput("This reference is too long.", advice="Give its number or title.")
    lost = sorted(set(cameras.values()) - set(names))
    if lost:
        raise BadInput(f"There is no class {lost[0]}.", advice="Make the class first.")


def check_hold(cameras: Sequence[str], from_us: int, to_us: int, expires_us: int, now_us: int) -> None:
    """Raise BadInput for a hold that covers nothing, or that would never be reviewed."""
    if not cameras or len(cameras) > MOST_CAMERAS:
        raise BadInput("A hold names at least one camera.", advice="Choose the cameras.")
    if not 0 <= from_us < to_us:
        raise BadInput("This hold covers no time.", advice="Give a start before the end.")
    if to_us > now_us + LONGEST_HOLD_US:
        raise BadInput("This hold reaches too far ahead.", advice="Hold what has been recorded.")
    if not now_us < expires_us <= now_us + LONGEST_HOLD_US:
        raise BadInput("A hold ends within a year, unless it is extended.", advice="Give a date for its review.")
