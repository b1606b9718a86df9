"""What a partner may ask: one policy for each, which answers nothing until the data protection officer switches it on. Pure."""

import math
from dataclasses import dataclass

import msgspec

from belvedere.foundation.clock import DAY_US, MINUTE_US
from belvedere.foundation.errors import BadInput
from belvedere.foundation.geometry import LocalPlane
from belvedere.hub.federation.words import Basis, Circle, Polygon, Question, Why

MOST_CAMERAS = 200  # in one hold


class PartnerPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`cameras`: those that answer; None is all. `tells_count`: a yes says how many cameras."""

    answers: bool = False
    reasons: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    cameras: tuple[str, ...] | None = None
    longest_minutes: int = 60
    widest_m: int = 150
    questions_a_day: int = 20
    hold_days: int = 30
    tells_count: bool = False


OFF = PartnerPolicy()


@dataclass(frozen=True, slots=True)
class No:
    """Why a question is not answered, as the partner is told."""

    code: str
    words: str


def check_policy(policy: PartnerPolicy) -> None:
    """Raise BadInput for a policy that can't be."""
    for label, value, least, most in (
        ("minutes of footage in one question", policy.longest_minutes, 1, 24 * 60),
        ("metres of radius", policy.widest_m, 10, 5_000),
        ("questions a day", policy.questions_a_day, 1, 1_000),
        ("days of the hold", policy.hold_days, 1, 90),
    ):
        if not least <= value <= most:
            raise BadInput(f"{value} {label} can't be.", advice=f"Give {least} to {most}.")
    unknown = [*(set(policy.reasons) - set(Why)), *(set(policy.bases) - set(Basis))]
    if unknown:
        raise BadInput(f"{sorted(unknown)[0][:40]!r} is no reason or legal basis.", advice="Choose from the list.")
    if policy.answers and not (policy.reasons and policy.bases):
        raise BadInput("Nothing could be answered.", advice="Choose at least one reason and one legal basis.")
    if policy.cameras is not None and policy.answers and not policy.cameras:
        raise BadInput("No camera would answer.", advice="Choose cameras, or all of them.")


def opens_more(before: PartnerPolicy, after: PartnerPolicy) -> bool:
    """Whether anything is answered under `after` that was not under `before`; then a second person has to agree."""
    if not after.answers:
        return False
    if not before.answers:
        return True
    fewer = before.cameras is not None and (after.cameras is None or set(after.cameras) - set(before.cameras))
    return bool(
        fewer
        or set(after.reasons) - set(before.reasons)
        or set(after.bases) - set(before.bases)
        or (after.tells_count and not before.tells_count)
        or after.longest_minutes > before.longest_minutes
        or after.widest_m > before.widest_m
        or after.questions_a_day > before.questions_a_day
        or after.hold_days > before.hold_days
    )


def radius_m(place: Circle | Polygon) -> float:
    """Of the circle, or of one round the polygon's corners about the middle of their bounds."""
    if isinstance(place, Circle):
        return place.radius_m
    lons, lats = [point[0] for point in place.points], [point[1] for point in place.points]
    plane = LocalPlane((min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2)
    return max(math.hypot(*plane.to_metres(lon, lat)) for lon, lat in place.points)


def why_not(policy: PartnerPolicy, question: Question, asked_today: int, now_us: int) -> No | None:
    """Why this partner gets no answer to this question, None where it does. `asked_today`: in the 24 hours before, without this."""
    if not policy.answers:
        return No("off", "This hub does not answer questions of yours: that is switched off.")
    if asked_today >= policy.questions_a_day:
        return No("too_many", f"More than {policy.questions_a_day} questions in 24 hours. Ask again tomorrow.")
    if question.reason not in policy.reasons:
        return No("reason", "Questions for this reason are not answered. Make a formal request in writing.")
    if question.basis not in policy.bases:
        return No("basis", "Questions on this legal basis are not answered. Make a formal request in writing.")
    if not question.from_us < question.to_us:
        return No("span", "The span covers no time.")
    if question.to_us > now_us + MINUTE_US:
        return No("future", "The span lies ahead. Only what has been recorded is answered for.")
    if question.to_us - question.from_us > policy.longest_minutes * MINUTE_US:
        return No("span", f"The span is longer than {policy.longest_minutes} minutes. Ask for less.")
    if radius_m(question.place) > policy.widest_m:
        return No("place", f"The place is wider than {policy.widest_m} m from its middle. Ask for less.")
    return None


def day_before_us(now_us: int) -> int:
    """From when questions count as today's."""
    return now_us - DAY_US
