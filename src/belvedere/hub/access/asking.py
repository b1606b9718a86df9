"""From a person's wish to a question for the policy: who they are, what their case and the register say, which rows count now.

Cases and purposes are kept in rooms of their own, which the grant desk knows by the protocols below.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from belvedere.foundation.clock import MINUTE_US, Clock, SystemClock
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.step_up import Act, StepUps
from belvedere.hub.access.users import User, team_of
from belvedere.policy.ask import Approval, Ask, Asker, CaseFacts, ask_digest, ask_words
from belvedere.policy.decision import Decision
from belvedere.policy.grant import Action
from belvedere.policy.row import DecisionTable, Purpose, Second, StepUp

_LISTED = 500  # cameras that an act names one by one; with more the digest alone stands for them


@dataclass(frozen=True, slots=True)
class GrantAsk:
    """What a person asks for; see `policy.ask.Ask`. `reason` is their own words, kept in the log.

    `renews`: id of their grant that ends when this one begins.
    """

    purpose: str
    cameras: frozenset[str] = frozenset()
    actions: frozenset[Action] = frozenset()
    case: str = ""
    from_us: int | None = None
    to_us: int | None = None
    reason: str = ""
    recipient: str = ""
    lasts_us: int | None = None
    renews: str = ""


class CaseBook(Protocol):
    """What is known of cases. Blocking."""

    def facts(self, reference: str) -> CaseFacts | None: ...


class PurposeBook(Protocol):
    """The purposes in force, and which of them each camera accepts."""

    def purposes(self) -> Mapping[str, Purpose]: ...

    def camera_purposes(self) -> Mapping[str, frozenset[str]]: ...


class CameraIds(Protocol):
    """Cameras of the register: all of them, or those of the sites named. Blocking."""

    def __call__(self, sites: Iterable[str] = ()) -> frozenset[str]: ...


Trained = Callable[[User, int], int | None]  # when somebody counts as trained, now


def own_date(user: User, _now_us: int) -> int | None:
    """The date that the account has."""
    return user.trained_us


@dataclass(slots=True)
class Asking:
    """Puts a question together. Every method may block: call it in a thread."""

    cameras: CameraIds
    base: DecisionTable
    purposes: PurposeBook | None = None
    cases: CaseBook | None = None
    trained: Trained = own_date
    clock: Clock = field(default_factory=SystemClock)
    veiled: Callable[[], frozenset[str]] = frozenset  # cameras that have, or had, permanent masks

    @property
    def table(self) -> DecisionTable:
        """The table in force: where the hub keeps purposes, those take the place of the table's own."""
        if self.purposes is None or not self.base.purposes_kept:
            return self.base
        return replace(self.base, purposes=self.purposes.purposes())

    def asker(self, session: SignedIn) -> Asker:
        """Who asks, as their account has them now; their shift ends with their session at the latest."""
        user = session.user
        estate = self.cameras()
        return Asker(
            user_id=user.id,
            user_name=user.display,
            roles=user.roles,
            cameras=self.cameras(user.sites) if user.sites else estate,
            shift_end_us=session.expires_us,
            estate=estate,
            team=team_of(user),
            shifts=user.shifts,
            trained_us=self.trained(user, self.clock.now_us()),
            spss_until_us=user.spss_expires_us if user.spss_number else None,
        )

    def ask(self, wish: GrantAsk, asker: Asker, grant_id: str, approval: Approval | None) -> Ask:
        """The wish with everything that the policy looks at."""
        kept = self.base.cases_known and self.cases is not None
        accepting: frozenset[str] | None = None
        if self.purposes is not None and self.base.purposes_kept:
            lists = self.purposes.camera_purposes()
            accepting = frozenset(camera for camera in asker.estate or asker.cameras if wish.purpose in lists[camera])
        return Ask(
            grant_id=grant_id,
            purpose=wish.purpose,
            cameras=wish.cameras,
            actions=wish.actions,
            case=wish.case,
            from_us=wish.from_us,
            to_us=wish.to_us,
            lasts_us=wish.lasts_us,
            reason=wish.reason,
            recipient=wish.recipient,
            facts=self.cases.facts(wish.case.strip())
            if kept and self.cases is not None and wish.case.strip()
            else None,
            accepting=accepting,
            approval=approval,
            veiled=self.veiled(),
        )


def asked_words(asker: Asker, ask: Ask) -> dict[str, Any]:
    """What a person or their second one confirms: the ask in words, and the digest that stands for all of it."""
    words = ask_words(asker.user_id, ask)
    if len(ask.cameras) > _LISTED:
        words["cameras"] = len(ask.cameras)
    return {"do": "grant.issue", **words, "ask_sha256": ask_digest(asker.user_id, ask)}


def confirm(step_up: StepUps, session: SignedIn, act: Callable[[], Act], decision: Decision, recent_us: int) -> str:
    """Have the person confirm with a passkey what the table wants confirmed; returns the proof's id, "" without one.

    Where a second person comes before, it is theirs that is bound to the ask. Raises StepUpNeeded.
    """
    needs = decision.needs
    if needs.second is Second.BEFORE or needs.step_up is StepUp.NONE:
        return ""
    if needs.step_up is StepUp.RECENT:
        if step_up.recent(session, recent_us):
            return ""
        return step_up.require(session, {"do": "footage.open", "for_minutes": recent_us // MINUTE_US}).id
    return step_up.require(session, act()).id
