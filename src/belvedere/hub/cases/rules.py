"""What a case is made of, who may do what with it, and what may not stand in it."""

import re
from dataclasses import dataclass

from belvedere.foundation.clock import DAY_US, HOUR_US
from belvedere.foundation.errors import BadInput, NotFound, Refused
from belvedere.hub.access.users import User
from belvedere.policy.table import Role

KINDS = {
    "asb": "Anti-social behaviour",
    "damage": "Criminal damage",
    "fly_tipping": "Fly-tipping",
    "violence": "Violence",
    "theft": "Theft or burglary",
    "drugs": "Drugs",
    "hate": "Hate incident",
    "abuse": "Domestic abuse",
    "safeguarding": "Safeguarding",
    "missing": "Missing person",
    "traffic": "Road traffic",
    "fire": "Fire",
    "accident": "Accident or safety",
    "request": "Request of police or another authority",
    "subject_access": "Subject access",
    "claim": "Legal claim",
    "other": "Other",
}
PARTS = {"lead": "leads it", "works": "works on it", "advises": "advises"}

OPENERS = (Role.OPERATOR, Role.INVESTIGATOR, Role.SUPERVISOR, Role.MANAGER)
# Those who see every case; everybody else sees the cases that they are in.
OVERSEERS = (Role.SUPERVISOR, Role.MANAGER, Role.CASE_APPROVER, Role.DPO, Role.AUDITOR)
# Those who may change any case; of their own, the people who lead or work on it may change most.
LEADERS = (Role.SUPERVISOR, Role.MANAGER)
# Roles that a person of a case has one of: the others have no use for one.
MEMBERS = frozenset(
    map(str, (Role.OPERATOR, Role.INVESTIGATOR, Role.SUPERVISOR, Role.MANAGER, Role.CASE_APPROVER, Role.AGENCY_LIAISON))
)
MOST_PEOPLE, MOST_FOOTAGE = 50, 300
LONGEST_FOOTAGE_US = 31 * DAY_US
LONGEST_INCIDENT_US = 7 * DAY_US
USUAL_REVIEW_US, LONGEST_REVIEW_US = 31 * DAY_US, 366 * DAY_US
AHEAD_US = HOUR_US  # how far an incident's end may lie in the future: it may be under way

REFERENCE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ./_-]{0,46}[A-Za-z0-9])?")
_PERSON = re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Master)\.?\s+[A-Z]", re.ASCII)
_CONTACT = re.compile(r"[\w.+-]+@[\w-]+\.|\d[\d ()-]{8,}\d")
_BORN = re.compile(r"\b(?:d\.?o\.?b\.?|born)\b|\b\d{1,2}/\d{1,2}/(?:19|20)\d\d\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Incident:
    """Where and when it happened, as far as is known. Degrees; microseconds UTC."""

    place: str = ""
    # Invariant: both given or both None.
    lat: float | None = None
    lon: float | None = None
    # Invariant: both given or both None; from before to.
    from_us: int | None = None
    to_us: int | None = None


@dataclass(frozen=True, slots=True)
class Footage:
    """One camera and a span of time that a case is about."""

    camera: str
    from_us: int
    to_us: int


def require_title(title: str) -> str:
    """The title, trimmed. Raises BadInput for one that is empty, long or names people."""
    title = " ".join(title.split())
    if not 3 <= len(title) <= 120:
        raise BadInput("A case has a title of 3 to 120 characters.", advice="Say what happened, and where.")
    if _PERSON.search(title) or _CONTACT.search(title) or _BORN.search(title):
        raise BadInput(
            "The title seems to name a person, a contact or a date of birth.",
            advice="Say what happened, and where: “Broken door, Alder House”. Names belong into the council's case system.",
        )
    return title


def require_reference(reference: str) -> str:
    """The reference, trimmed. Raises BadInput."""
    reference = " ".join(reference.split())
    if not REFERENCE.fullmatch(reference):
        raise BadInput(
            "This can't be the reference of a case.", advice="Use letters, digits, spaces and . / - _, 48 at most."
        )
    return reference


def require_incident(incident: Incident, now_us: int) -> None:
    """Raise BadInput for a place or time that can't be."""
    if (incident.lat is None) != (incident.lon is None):
        raise BadInput("A position has a latitude and a longitude.", advice="Give both, or neither.")
    lat, lon = incident.lat or 0.0, incident.lon or 0.0
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise BadInput("There is no such position.", advice="Give degrees, such as 51.5074 and -0.1278.")
    if (incident.from_us is None) != (incident.to_us is None):
        raise BadInput("A time has a beginning and an end.", advice="Give both, or neither.")
    if incident.from_us is not None and incident.to_us is not None:
        if not 0 <= incident.from_us < incident.to_us <= now_us + AHEAD_US:
            raise BadInput("The incident ends after it begins, and not in the future.", advice="Check the times.")
        if incident.to_us - incident.from_us > LONGEST_INCIDENT_US:
            raise BadInput("An incident lasts a week at most.", advice="Open a case for each, or name the worst one.")


def require_footage(footage: Footage, cameras: frozenset[str], now_us: int) -> None:
    """Raise BadInput for a camera that is not there or a span that can't be."""
    if footage.camera not in cameras:
        raise BadInput(f"There is no camera {footage.camera}.", advice="Choose a camera of the register.")
    if not 0 <= footage.from_us < footage.to_us:
        raise BadInput("The span ends before it begins.", advice="Check the times.")
    if footage.from_us > now_us:
        raise BadInput("The span lies in the future.", advice="Give a time that has been.")
    if footage.to_us - footage.from_us > LONGEST_FOOTAGE_US:
        raise BadInput("A span is 31 days at most.", advice="Name the hours that matter; the rest stays shut.")


def require_review(review_us: int, now_us: int) -> None:
    """Raise BadInput for a review that is past or too far away."""
    if not now_us < review_us <= now_us + LONGEST_REVIEW_US:
        raise BadInput("A case is reviewed within a year.", advice="Give an earlier date, in the future.")


def sees_all(user: User) -> bool:
    """Whether this person sees cases that they are not in."""
    return bool(user.roles & set(map(str, OVERSEERS)))


def require_sees(user: User, people: frozenset[str]) -> None:
    """Raise NotFound unless the person sees the case: to others it looks like one that is not there."""
    if not sees_all(user) and user.id not in people:
        raise unknown_case()


def require_works(user: User, parts: dict[str, str]) -> None:
    """Raise Refused unless the person leads the case or works on it, or leads a shift. `parts`: account: part."""
    if parts.get(user.id) in ("lead", "works") and user.roles & set(map(str, OPENERS)):
        return
    if not user.roles & set(map(str, LEADERS)):
        raise Refused("You don't work on this case.", advice="Ask who leads it, or a supervisor, to do this.")


def require_leads(user: User, owner_id: str) -> None:
    """Raise Refused unless the person owns the case or leads a shift."""
    if user.id != owner_id and not user.roles & set(map(str, LEADERS)):
        raise Refused("This is for who leads the case.", advice="Ask them, or a supervisor.")


def unknown_case() -> NotFound:
    """The same words whether a case is not there or not to be seen."""
    return NotFound("There is no such case, or you are not in it.", advice="Ask a supervisor to add you.")
