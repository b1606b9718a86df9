"""What a decision table is made of: roles, purposes, and rows that say what an act needs. Types only; the data is in `table`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US
from belvedere.policy.grant import Action


class Role(StrEnum):
    """What a person is here to do. A person may hold several; nobody holds all, and no role stands above the table."""

    __hash__ = str.__hash__  # equal words hash alike, and sets of them are looked up in C

    OPERATOR = "operator"  # watches on shift
    INVESTIGATOR = "investigator"  # works on cases
    SUPERVISOR = "supervisor"  # leads a shift
    CASE_APPROVER = "case_approver"  # second person for what leaves the room; asks for nothing
    MANAGER = "manager"  # runs the control room
    DPO = "dpo"  # data protection officer: reads the log, sees no pictures
    AUDITOR = "auditor"  # reads the log, sees no pictures
    INSTALLER = "installer"  # cameras and their health, sees no pictures
    REGISTER_EDITOR = "register_editor"  # the register of sites and cameras, sees no pictures
    AGENCY_LIAISON = "agency_liaison"  # takes in what other agencies ask for, sees no pictures
    ADMINISTRATOR = "administrator"  # the platform: accounts and settings, sees no pictures


class PurposeKind(StrEnum):
    """What sort of reason a purpose is; rows of the table name kinds, so that the DPO can word purposes freely."""

    __hash__ = str.__hash__  # equal words hash alike, and sets of them are looked up in C

    DUTY = "duty"  # the shift roster
    INCIDENT = "incident"  # an incident or case
    BREAK_GLASS = "break_glass"  # threat to life
    REQUEST = "request"  # signed request of another agency
    TICKET = "ticket"  # a change of the system itself


class Second(StrEnum):
    """When a second person looks at an act."""

    __hash__ = str.__hash__  # equal words hash alike, and sets of them are looked up in C

    NONE = "none"
    BEFORE = "before"
    AFTER = "after"  # reviewed within a day


class StepUp(StrEnum):
    """Whether the act is confirmed with a passkey."""

    __hash__ = str.__hash__  # equal words hash alike, and sets of them are looked up in C

    NONE = "none"
    RECENT = "recent"  # one within the last 15 minutes is enough
    BOUND = "bound"  # each time, over exactly this act


class Need(StrEnum):
    """What has to be said with an ask."""

    __hash__ = str.__hash__  # equal words hash alike, and sets of them are looked up in C

    REASON = "reason"  # in one's own words
    LEGAL_BASIS = "legal_basis"  # the purpose names one
    RECIPIENT = "recipient"  # who gets what is exported
    SPAN = "span"  # footage from when to when
    TRAINING = "training"  # not older than the table says
    SPSS = "spss"  # a licence for public space surveillance


class Zone(StrEnum):
    """Whose cameras a row is about."""

    __hash__ = str.__hash__  # equal words hash alike, and sets of them are looked up in C

    OWN = "own"  # of the sites that one works for
    ANY = "any"


class Reach(StrEnum):
    """Which recorded footage a row is about."""

    __hash__ = str.__hash__  # equal words hash alike, and sets of them are looked up in C

    ANY = "any"
    NEAR = "near"  # around the incident's place and time, and no longer than the table says
    WIDE = "wide"  # more than that


class Per(StrEnum):
    """What a count of a row is counted over."""

    __hash__ = str.__hash__  # equal words hash alike, and sets of them are looked up in C

    GRANT = "grant"
    USER_DAY = "user_day"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the action table: an act, who may do it for what kind of purpose, and what it needs."""

    act: str
    text: str  # as shown to people
    kinds: frozenset[PurposeKind]
    roles: frozenset[Role]
    # Invariant: empty for acts that open no footage (retention change, ...); `acts.decide_act` decides those.
    actions: frozenset[Action]
    second: Second
    step_up: StepUp
    # Invariant: None means that the purpose alone says how long.
    longest_us: int | None
    zone: Zone = Zone.OWN
    reach: Reach = Reach.ANY
    needs: frozenset[Need] = frozenset()
    beside: frozenset[Action] = frozenset()  # one of these has to be in the same ask; empty: it can stand alone
    # Invariant: not empty when, and only when, `second` is not NONE. Another person, of another team, with one of these.
    approvers: frozenset[Role] = frozenset()
    most: int | None = None  # how many such acts, counted over `per`; quotas count them
    per: Per = Per.GRANT
    notes: str = ""


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
    kind: PurposeKind = PurposeKind.INCIDENT
    lawful_basis: str = ""
    # Invariant: None takes nothing away from the table; a set never adds to it.
    actions: frozenset[Action] | None = None
    roles: frozenset[Role] | None = None
    most_cameras: int | None = None
    longest_span_us: int | None = None  # of recorded footage in one grant


class Rows(tuple[Row, ...]):
    """Rows of a table. `known` holds what was worked out of them (see `plan`); it says nothing that the rows do not."""

    known: dict[Any, Any]

    def __init__(self, rows: Iterable[Row]) -> None:
        self.known = {}


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """All purposes, and what each act needs. No row means no."""

    version: str
    purposes: Mapping[str, Purpose]
    # Invariant: for one action, kind and role there is one row for NEAR and one for WIDE, or one for ANY (a test holds it).
    rows: tuple[Row, ...]
    # Invariant: True means that a case has to exist, be open, be the asker's and cover what is asked.
    cases_known: bool = False
    # Invariant: True means that the hub's own list of purposes, and each camera's, take the place of `purposes`.
    purposes_kept: bool = False
    # Invariant: True means that who is on a roster opens nothing outside their shifts, except to save life.
    rosters_count: bool = False
    near_us: int = 30 * MINUTE_US
    recent_us: int = 15 * MINUTE_US  # how long a step-up counts as recent
    approval_life_us: int = 8 * HOUR_US
    review_us: int = DAY_US  # by when an act reviewed after has been reviewed
    training_life_us: int = 366 * DAY_US

    def __post_init__(self) -> None:
        if not isinstance(self.rows, Rows):
            object.__setattr__(self, "rows", Rows(self.rows))

    @property
    def known(self) -> dict[Any, Any]:
        """What was worked out of the rows; a table with other purposes and the same rows shares it."""
        assert isinstance(self.rows, Rows)
        return self.rows.known

    def row(self, act: str) -> Row | None:
        """The row of an act, None when the table has none."""
        return next((row for row in self.rows if row.act == act), None)
