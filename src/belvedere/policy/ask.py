"""What goes into a decision: who asks, for what, under which case, and who approved it. Plain data; nobody looks anything up."""

import hashlib
from dataclasses import dataclass

import msgspec

from belvedere.policy.grant import Action


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, with what their account says of them.

    `cameras` are those of the sites that they work for, `estate` all that there are (None: the same). `shift_end_us` is when
    their session ends at the latest, None when they are off shift.
    """

    user_id: str
    user_name: str
    roles: frozenset[str]
    cameras: frozenset[str]
    shift_end_us: int | None
    estate: frozenset[str] | None = None
    team: str = ""
    # Invariant: [from_us, until_us), in order; empty means that no roster is kept for this person.
    shifts: tuple[tuple[int, int], ...] = ()
    trained_us: int | None = None  # date of the last training
    spss_until_us: int | None = None  # end of the licence for public space surveillance


@dataclass(frozen=True, slots=True)
class CaseWindow:
    """A camera and a span of time that a case is about."""

    camera: str
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What a case says about who may look at what."""

    reference: str
    open: bool
    people: frozenset[str]  # user ids of the owner and of all who work on it
    windows: tuple[CaseWindow, ...]
    # Invariant: where the one is unknown so is the other (None, empty); then nothing counts as near.
    happened_us: int | None = None
    near: frozenset[str] = frozenset()  # cameras that look at the place or its surroundings


@dataclass(frozen=True, slots=True)
class Approval:
    """What a second person said yes to. Empty `cameras` and None spans leave that as asked; what is given narrows it."""

    approver_id: str
    team: str
    roles: frozenset[str]
    digest: str  # `ask_digest` of exactly what was approved
    approved_us: int
    cameras: frozenset[str] = frozenset()
    from_us: int | None = None
    to_us: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked for. Empty `cameras` mean one's own, empty `actions` what the purpose gives without a second person.

    None spans its usual reach.
    `grant_id` becomes the id of the grant, if there is one. `accepting` are the cameras whose own list has this purpose, None
    where no lists are kept.
    """

    grant_id: str
    purpose: str
    cameras: frozenset[str] = frozenset()
    actions: frozenset[Action] = frozenset()
    case: str = ""
    from_us: int | None = None
    to_us: int | None = None
    lasts_us: int | None = None  # how long access is wanted; None: as long as the purpose gives
    reason: str = ""
    recipient: str = ""
    facts: CaseFacts | None = None
    accepting: frozenset[str] | None = None
    approval: Approval | None = None
    # Cameras with permanent masks, or that had some: their originals leave with the data protection officer's consent.
    veiled: frozenset[str] = frozenset()


def ask_words(user_id: str, ask: Ask) -> dict[str, object]:
    """The ask as a second person reads it and as a passkey signs it: names and lists sorted, all there that decides."""
    return {
        "actions": sorted(ask.actions),
        "cameras": sorted(ask.cameras),
        "case": ask.case.strip(),
        "from_us": ask.from_us,
        "lasts_us": ask.lasts_us,
        "purpose": ask.purpose,
        "reason": ask.reason.strip(),
        "recipient": ask.recipient.strip(),
        "to_us": ask.to_us,
        "user_id": user_id,
    }


def words_digest(words: dict[str, object]) -> str:
    """SHA-256 of canonical JSON (names sorted, no spaces), hex."""
    return hashlib.sha256(msgspec.json.encode(words, order="sorted")).hexdigest()


def ask_digest(user_id: str, ask: Ask) -> str:
    """The digest that an approval of this ask carries, hex. Neither the grant's id nor the case's state is in it."""
    return hashlib.sha256(msgspec.json.encode(ask_words(user_id, ask))).hexdigest()  # the words come sorted
