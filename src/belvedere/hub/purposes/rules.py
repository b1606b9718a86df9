"""What a purpose is, and what every purpose has to keep to whoever writes it."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US
from belvedere.foundation.errors import BadInput
from belvedere.policy.table import Role

CODE = re.compile(r"[a-z][a-z0-9_]{1,31}")
REGIMES = {"uk_gdpr": "UK GDPR and DPA 2018 Part 2", "part_3": "DPA 2018 Part 3 (law enforcement)"}
# The names of policy.Action. A name that the policy does not know opens nothing.
ACTIONS = ("live", "playback", "search", "still", "export", "ptz", "unmask", "analyse")
# Which rows of the action table a purpose goes by: policy.PurposeKind.
KINDS = ("duty", "incident", "break_glass", "request", "ticket")
# Who gives access and who checks it sees no pictures, under no purpose.
NEVER_PICTURES = frozenset({str(Role.DPO), str(Role.AUDITOR), str(Role.ADMINISTRATOR)})
SHORTEST_US, LONGEST_US = MINUTE_US, 12 * HOUR_US
FARTHEST_US = 366 * DAY_US
MOST_PURPOSES = 100
_SHORT, _LONG = 80, 2_000


@dataclass(frozen=True, slots=True)
class Terms:
    """What the data protection officer writes down about a purpose; times are lengths in microseconds."""

    text: str
    wording: str
    kind: str  # policy.PurposeKind
    regime: str
    basis: str
    condition: str
    actions: tuple[str, ...]
    roles: tuple[str, ...]
    longest_us: int
    usual_reach_us: int
    # Invariant: None (the case decides) only where a case is needed, and never less than usual_reach_us.
    longest_reach_us: int | None
    longest_span_us: int | None  # of recorded footage in one grant; None: any
    most_cameras: int | None  # in one grant; None: any
    needs_case: bool
    ends_with_shift: bool
    masked: bool
    for_new_cameras: bool


def plain(terms: Terms) -> dict[str, Any]:
    """The terms as JSON holds them: lists for tuples."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(terms).items()}


def changes(before: Terms, after: Terms) -> dict[str, list[Any]]:
    """Field: [before, after], of the fields that differ. The order of actions and roles is no difference."""
    old, new = plain(_sorted(before)), plain(_sorted(after))
    return {each.name: [old[each.name], new[each.name]] for each in fields(Terms) if old[each.name] != new[each.name]}


def _sorted(terms: Terms) -> Terms:
    values = {each.name: getattr(terms, each.name) for each in fields(Terms)}
    return Terms(**values | {"actions": tuple(sorted(terms.actions)), "roles": tuple(sorted(terms.roles))})


def require_sound(terms: Terms) -> None:
    """Raise BadInput, with what to do, for terms that no purpose may have."""
    for name, least, most in (
        ("text", 3, _SHORT),
        ("wording", 20, _LONG),
        ("basis", 5, _LONG),
        ("condition", 0, _LONG),
    ):
        value: str = getattr(terms, name)
        if not least <= len(value.strip()) <= most:
            raise BadInput(f"The {_NAMES[name]} has {least} to {most} characters.", advice="Write it again.")
    if terms.regime not in REGIMES:
        raise BadInput(f"There is no regime {terms.regime!r}.", advice=f"Choose one of: {', '.join(REGIMES)}.")
    if terms.kind not in KINDS:
        raise BadInput(f"There is no kind {terms.kind!r}.", advice=f"Choose one of: {', '.join(KINDS)}.")
    _require_known(terms)
    _require_times(terms)


_NAMES: Mapping[str, str] = {
    "text": "name",
    "wording": "wording",
    "basis": "lawful basis",
    "condition": "condition",
}


def _require_known(terms: Terms) -> None:
    for what, given, known in (("action", terms.actions, ACTIONS), ("role", terms.roles, tuple(map(str, Role)))):
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise BadInput(f"There is no {what} {unknown[0]!r}.", advice=f"Choose from: {', '.join(known)}.")
        if len(set(given)) != len(given):
            raise BadInput(f"One {what} is named twice.", advice="Name each once.")
    if not terms.roles:
        raise BadInput("Nobody may use this purpose.", advice="Choose one role at least, or withdraw the purpose.")
    never = sorted(NEVER_PICTURES & set(terms.roles))
    if terms.actions and never:
        raise BadInput(
            f"The role {never[0]} sees no pictures, under no purpose.",
            advice="Take the role out, or all the actions.",
        )
    if "search" in terms.actions and not terms.needs_case:
        raise BadInput("Searching needs a case.", advice="Switch on “needs a case”, or take searching out.")


def _require_times(terms: Terms) -> None:
    if not SHORTEST_US <= terms.longest_us <= LONGEST_US:
        raise BadInput("Access lasts between a minute and 12 hours.", advice="Who needs it longer asks again.")
    if not 0 <= terms.usual_reach_us <= FARTHEST_US:
        raise BadInput("The usual reach back is up to 366 days.", advice="Give fewer days.")
    if terms.longest_reach_us is None:
        if not terms.needs_case:
            raise BadInput(
                "Without a case there has to be a limit to how far back footage is opened.",
                advice="Give the longest reach, or switch on “needs a case”.",
            )
    elif not terms.usual_reach_us <= terms.longest_reach_us <= FARTHEST_US:
        raise BadInput("The longest reach back is not shorter than the usual one.", advice="Change one of the two.")
    if terms.longest_span_us is not None and not MINUTE_US <= terms.longest_span_us <= FARTHEST_US:
        raise BadInput("The longest piece of footage is between a minute and 366 days.", advice="Give another length.")
    if terms.most_cameras is not None and not 1 <= terms.most_cameras <= 5_000:
        raise BadInput("The most cameras of one access are 1 to 5,000.", advice="Give another number.")
