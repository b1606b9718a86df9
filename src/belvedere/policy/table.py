"""The decision table: who may do what, for which purpose, for how long. Data only; `decision.decide` reads it.

What is not in the table is refused. A change of any line is a change of policy: raise `version`, and say why in
`docs/design/grants.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from belvedere.foundation.clock import DAY_US, HOUR_US
from belvedere.policy.grant import Action


class Role(StrEnum):
    """What a person is here to do. A person may hold several; nobody holds all, and no role stands above the table."""

    OPERATOR = "operator"  # watches on shift
    INVESTIGATOR = "investigator"  # works on cases
    SUPERVISOR = "supervisor"  # leads a shift
    MANAGER = "manager"  # runs the control room
    DPO = "dpo"  # data protection officer: reads the log, sees no pictures
    AUDITOR = "auditor"  # reads the log, sees no pictures
    INSTALLER = "installer"  # cameras and their health, sees no pictures
    ADMINISTRATOR = "administrator"  # accounts and settings, sees no pictures


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why footage is opened, and how far that reaches."""

    code: str
    text: str  # as shown on the grant chip
    needs_case: bool
    # Invariant: a grant ends with the shift where this is set, and never lasts longer than longest_us.
    ends_with_shift: bool
    longest_us: int
    # How far back footage may lie without being named: the span that a grant gets when none is asked for.
    usual_reach_us: int
    # Invariant: footage older than this stays shut; None where the case decides how far back (held footage is old).
    longest_reach_us: int | None
    masked: bool


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """All purposes, and the actions that each role has under each of them. No row means no."""

    version: str
    purposes: Mapping[str, Purpose]
    rows: Mapping[tuple[Role, str], frozenset[Action]]


_EVERY = frozenset(Action)
_RECORDED = frozenset({Action.PLAYBACK, Action.EXPORT})

TABLE = DecisionTable(
    version="2026-11-2",
    purposes={
        "duty": Purpose(
            code="duty",
            text="Duty shift",
            needs_case=False,
            ends_with_shift=True,
            longest_us=12 * HOUR_US,
            usual_reach_us=31 * DAY_US,
            longest_reach_us=31 * DAY_US,
            masked=False,
        ),
        "investigation": Purpose(
            code="investigation",
            text="Investigation",
            needs_case=True,
            ends_with_shift=False,
            longest_us=8 * HOUR_US,
            usual_reach_us=31 * DAY_US,
            longest_reach_us=None,
            masked=False,
        ),
    },
    rows={
        (Role.OPERATOR, "duty"): _EVERY,
        (Role.SUPERVISOR, "duty"): _EVERY,
        (Role.MANAGER, "duty"): _EVERY,
        (Role.INVESTIGATOR, "investigation"): _RECORDED,
        (Role.SUPERVISOR, "investigation"): _RECORDED,
    },
)
